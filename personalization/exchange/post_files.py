"""A shoppable post as a file of the shop's social tool has it."""

import re
from dataclasses import dataclass

from django.conf import settings

from personalization.exchange.event_files import RejectedRow
from personalization.exchange.tabular import Column, TableRow
from personalization.merchandising.posts import parse_spot

POST_COLUMNS = {
    "id": Column(("id",)),
    "title": Column(("title",)),
    "products": Column(("products",)),
    "owner": Column(("owner",)),
    "permission": Column(("permission",)),
    "picture": Column(("picture",), required=False),
    "alt": Column(("alt",), required=False),
    "text": Column(("text",), required=False),
    "language": Column(("language",), required=False),
    "until": Column(("until",), required=False),
    "origin": Column(("origin",), required=False),
    "video": Column(("video",), required=False),
}
POST_ID = re.compile("[A-Za-z0-9._-]{1,64}")
SPOT_SEPARATOR = "|"


@dataclass(frozen=True)
class ImportedPost:
    """A post as it was sent."""

    id: str
    """What the tool calls it."""
    title: str
    spots: tuple[tuple[str, int, int], ...]
    """(UPC or SKU, percent from the left, percent from the top) of each product, in reading order."""
    owner: str = ""
    permission: str = ""
    picture: str = ""
    """The name of its file; "" for the picture that it has."""
    alt: str = ""
    text: str = ""
    language: str = ""
    until: str = ""
    origin: str = ""
    video: str = ""


def parse_post(row: TableRow) -> ImportedPost:
    """The post of a row. RejectedRow says why there is none."""
    if row.fault:
        raise RejectedRow("unreadable", row.fault)
    cells = {name: str(value).strip() for name, value in row.cells.items() if value is not None}
    if any(not _is_storable(text) for text in cells.values()):
        raise RejectedRow("bad_text", "It holds a character that no text may hold.")
    if not POST_ID.fullmatch(cells.get("id", "")):
        raise RejectedRow("bad_id", "Its id is no text of 1 to 64 letters, digits, dots, dashes or underscores.")
    if not cells.get("title"):
        raise RejectedRow("no_title", "It has no title.")
    languages = {code.lower() for code, _name in settings.LANGUAGES}
    language = cells.get("language", "").lower() or settings.LANGUAGE_CODE.lower()
    if language not in languages:
        raise RejectedRow("bad_language", f"The shop does not speak {language[:20]!r}.")
    try:
        lines = [part for part in cells.pop("products", "").split(SPOT_SEPARATOR) if part.strip()]
        spots = tuple(parse_spot(part) for part in lines)
    except ValueError as error:
        raise RejectedRow("bad_products", str(error)) from None
    return ImportedPost(**{**cells, "language": language}, spots=spots)


def _is_storable(text: str) -> bool:
    """Whether a database takes it: no NUL, and no half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
