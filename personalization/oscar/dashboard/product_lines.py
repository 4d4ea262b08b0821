"""Products as lines of text: what a merchant pastes, and what an editor shows."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django import forms
from django.utils.translation import pgettext

from personalization.merchandising.schemas import MAX_PRODUCTS
from personalization.shop import named_objects

SEPARATOR = " \N{MIDDLE DOT} "
LINE = re.compile(r"^\s*(?P<code>[^;\t\N{MIDDLE DOT}]+?)\s*(?:[;\t]\s*(?P<place>\d+)\s*)?(?:\N{MIDDLE DOT}.*)?$")
MAX_LINES = 500


@dataclass(frozen=True)
class ProductLines:
    """What lines of text name."""

    product_ids: tuple[int, ...] = ()
    positions: Mapping[int, int] = field(default_factory=dict)
    """{product: place} of the lines that name one, as in "5012345;3"."""
    unknown: tuple[str, ...] = ()
    """The lines that name no product."""


def read_lines(text: str) -> ProductLines:
    """The products that the lines name: by UPC, by a partner's SKU, or by "#" and the primary key; each may be followed
    by a semicolon and a place, or by a middle dot and anything."""
    lines = [line for line in text.splitlines() if line.strip()][:MAX_LINES]
    parsed = [(line, LINE.match(line)) for line in lines]
    codes = {match["code"] for _line, match in parsed if match}
    found = named_objects.products_by_code(codes)
    keys = {code: int(code[1:]) for code in codes if re.fullmatch(r"#\d{1,18}", code)}
    existing = {int(key) for _kind, key in named_objects.names_of(("product", str(key)) for key in keys.values())}
    found.update({code: key for code, key in keys.items() if key in existing})
    known = [(found[match["code"]], match["place"]) for _line, match in parsed if match and match["code"] in found]
    return ProductLines(
        product_ids=tuple(dict.fromkeys(key for key, _place in known)),
        positions={key: int(place) for key, place in known if place},
        unknown=tuple(line.strip() for line, match in parsed if not match or match["code"] not in found),
    )


def write_lines(product_ids: Iterable[int], titles: Mapping[tuple[str, str], str]) -> str:
    """The lines that name these products, with their titles."""
    return "\n".join(f"#{key}{SEPARATOR}{titles.get(('product', str(key)), '')}" for key in product_ids)


def known_products(text: str) -> dict[int, int]:
    """{product: place or 0} of the lines. ValidationError, which quotes them, where lines name no product."""
    lines = read_lines(text)
    if lines.unknown:
        raise forms.ValidationError(
            pgettext("personalization", "No product has this UPC or SKU: %(lines)s")
            % {"lines": ", ".join(lines.unknown[:5])}
        )
    if len(lines.product_ids) > MAX_PRODUCTS:
        raise forms.ValidationError(
            pgettext("personalization", "%(found)d products; at most %(most)d. Use a Range for more.")
            % {"found": len(lines.product_ids), "most": MAX_PRODUCTS}
        )
    return {key: lines.positions.get(key, 0) for key in lines.product_ids}
