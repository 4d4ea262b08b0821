"""Products as lines of text: what a merchant pastes, and what an editor shows."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django import forms
from django.utils.translation import pgettext

from personalization.merchandising.schemas import MAX_PLACES, MAX_PRODUCTS
from personalization.shop import named_objects

SEPARATOR = " \N{MIDDLE DOT} "
LINE_WITH_PLACE = re.compile(r"^(?P<code>.*?)\s*[;,\t]\s*(?P<place>[^;,\t]*)$")
"""A line with a second column."""
HEADINGS = {"upc", "sku", "ean", "gtin", "isbn", "product", "produkt", "artikel"}
"""What the first column of a spreadsheet is called; then its first line names no product."""
MAX_LINES = 500


@dataclass(frozen=True)
class ProductLines:
    """What lines of text name."""

    product_ids: tuple[int, ...] = ()
    positions: Mapping[int, int] = field(default_factory=dict)
    """{product: place} of the lines that name one, as in "5012345;3"."""
    unknown: tuple[tuple[int, str], ...] = ()
    """(number from 1, text) of each line that names no product."""
    misplaced: tuple[tuple[int, str], ...] = ()
    """(number from 1, text) of each line whose place is none."""


def read_lines(text: str) -> ProductLines:
    """The products that the lines name: by UPC, by a partner's SKU, or by "#" and the primary key; each may be followed
    by a semicolon and a place, or by a middle dot and anything.

    A file that a spreadsheet saved is read, too: with commas or tabs, quotes, a line of headings, a byte order mark.
    """
    lines = [(number, line.strip(), _plain_line(line)) for number, line in enumerate(text.splitlines(), 1)]
    lines = [one for one in lines if one[2]][: MAX_LINES + 1]
    if lines and re.split(r"[;,\t]", lines[0][2])[0].lower() in HEADINGS:
        lines = lines[1:]
    parsed = [(number, shown, line, LINE_WITH_PLACE.match(line)) for number, shown, line in lines]
    codes = {line for _number, _shown, line, _match in parsed}
    found = _products_of(codes | {match["code"] for *_, match in parsed if match})
    positions: dict[int, int] = {}
    product_ids: dict[int, None] = {}
    unknown, misplaced = [], []
    for number, shown, line, match in parsed:
        code, place = (match["code"], match["place"]) if match and line not in found else (line, "")
        if code not in found:
            unknown.append((number, shown))
            continue
        product_ids.setdefault(found[code])
        if place and not (place.isascii() and place.isdigit() and 1 <= int(place[:9]) <= MAX_PLACES):
            misplaced.append((number, shown))
        elif place:
            positions[found[code]] = int(place)
    return ProductLines(tuple(product_ids), positions, tuple(unknown), tuple(misplaced))


def _plain_line(line: str) -> str:
    """A line without what spreadsheets put around values, and without a title behind a middle dot."""
    shown = line.lstrip("\ufeff").replace("\N{NO-BREAK SPACE}", " ").partition("\N{MIDDLE DOT}")[0]
    cells = re.split(r"([;,\t])", shown)  # with what stands between them
    cells[::2] = [cell.strip().removeprefix("=").strip('"').strip() for cell in cells[::2]]
    return "".join(cells).rstrip(";,\t")


def _products_of(codes: set[str]) -> dict[str, int]:
    """{code: product} of those that name one."""
    found = named_objects.products_by_code(codes)
    keys = {code: int(code[1:]) for code in codes if re.fullmatch(r"#\d{1,18}", code)}
    existing = {int(key) for _kind, key in named_objects.names_of(("product", str(key)) for key in keys.values())}
    return {**found, **{code: key for code, key in keys.items() if key in existing}}


def write_lines(product_ids: Iterable[int], titles: Mapping[tuple[str, str], str]) -> str:
    """The lines that name these products, with their titles."""
    return "\n".join(f"#{key}{SEPARATOR}{titles.get(('product', str(key)), '')}" for key in product_ids)


def known_products(text: str) -> dict[int, int]:
    """{product: place or 0} of the lines. ValidationError, which quotes and numbers them, where lines name no product
    or no place."""
    lines = read_lines(text)
    if lines.unknown:
        raise forms.ValidationError(
            pgettext("personalization", "No product has this UPC or SKU: %(lines)s")
            % {"lines": _quoted_lines(lines.unknown)}
        )
    if lines.misplaced:
        raise forms.ValidationError(
            pgettext("personalization", "A place is a number from 1 to %(most)d: %(lines)s")
            % {"most": MAX_PLACES, "lines": _quoted_lines(lines.misplaced)}
        )
    if len(lines.product_ids) > MAX_PRODUCTS:
        raise forms.ValidationError(
            pgettext("personalization", "%(found)d products; at most %(most)d. Use a Range for more.")
            % {"found": len(lines.product_ids), "most": MAX_PRODUCTS}
        )
    return {key: lines.positions.get(key, 0) for key in lines.product_ids}


def _quoted_lines(lines: tuple[tuple[int, str], ...]) -> str:
    """The first of these lines, each with its number."""
    words = pgettext("personalization", "%(line)s (line %(number)d)")
    shown = [words % {"line": line[:100], "number": number} for number, line in lines[:5]]
    return ", ".join(shown) + (" \N{HORIZONTAL ELLIPSIS}" if len(lines) > len(shown) else "")
