"""How a visitor's own word on their size is kept among their preferences."""

SIZE = "size"
"""The type of such a preference. Its key is "attribute:size", with sign 1: it is their size; or "attribute:", with sign
-1: nothing is to be remembered."""


def size_statement(attribute: int, size: str) -> str:
    """The key of a preference for this size of an attribute; for none without a size."""
    return f"{attribute}:{size}"


def stated_size(key: int | str) -> tuple[int, str]:
    """(attribute, size) of the key of such a preference."""
    attribute, _, size = str(key).partition(":")
    return int(attribute), size
