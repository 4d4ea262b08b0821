"""How the settings of a row are found: by the name of their surface and the code of the row."""

from django.utils.text import slugify

OWN_PREFIX = "own_"
"""How the codes of the shop's own rows begin."""
MAX_CODE = 32


def row_key(surface: str, code: str) -> str:
    """The key of the definition of this row."""
    return f"{surface}/{code}"


def split_row_key(key: str) -> tuple[str, str]:
    """(surface, code)"""
    surface, _, code = key.partition("/")
    return surface, code


def own_code(name: str, taken: set[str]) -> str:
    """A code for a new row of this name, which is none of those that are taken."""
    base = OWN_PREFIX + (slugify(name).replace("-", "_").strip("_")[: MAX_CODE - 8] or "row")
    return next(code for code in (base, *(f"{base}_{number}" for number in range(2, 1000))) if code not in taken)
