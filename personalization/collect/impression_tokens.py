"""Signed tokens of what a page showed: nothing is stored when a page is made, and a report about it can be trusted.

A token is a signed, compressed JSON list (`FIELDS`), whose last elements are left out while they are empty. Its first
element is the version of the format. Tokens of the version before stay readable for as long as tokens are believed at
all, so that the pages that are open during a deployment go on reporting.
"""

import base64
import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.core import signing

SALT = "personalization.slate"
TOKEN_MAX_AGE_DAYS = 7
"""A report about an older slate is not believed."""
VERSION = 2
FIELDS = (
    "version",
    "slate_id",
    "surface",
    "row",
    "snapshot",
    "shown_at",
    "owner",
    "item_kind",
    "item_ids",
    "positions",
    "reasons",
    "campaigns",
    "arms",
    "propensities",
    "segments",
    "currencies",
    "teams",
)
"""The elements of a token, in their order."""
COLUMNS_OF_ITEMS = ("reasons", "campaigns", "propensities", "currencies", "teams")
"""Those that hold something of each item, in the order of `ShownItem`."""
MAX_LIST_ITEMS = 400
"""A list of more items than this gets no token: it would be longer than a report may be."""

MESSAGE_READER = "the reader of a message"
"""In the place of a browser key: the links of a message are followed in any browser. Only the door of such links takes
their tokens; no page can report them."""

PRODUCT, CATEGORY, CONTENT = "product", "category", "content"
"""The kinds of items that a page shows."""


class ShownItem(NamedTuple):
    """An item in its place on a page."""

    item_id: int
    """The primary key of a product, of a category in the menu, or of a content block."""
    position: int
    """From 0, within the row; within the whole result for the page of a list."""
    reason: str = ""
    """The code of its reason; "" where the shop's own order put it there."""
    campaign: str | None = None
    """The campaign that placed it."""
    propensity: float | None = None
    """The chance with which it was placed there, in 0..1; None where no chance took part."""
    currency: str | None = None
    """Of its price, where that is not the shop's own currency."""
    team: str | None = None
    """In a list of two orders, whose choice it is, as "experiment=arm"; None where it counts for neither."""


@dataclass(frozen=True)
class Impression:
    """One row, or one list, as it was shown to one visitor."""

    surface: str
    row: str
    """The key of the row: its code, and what it is about."""
    snapshot: str
    """The name of the snapshot that decided; "" when none did."""
    items: tuple[ShownItem, ...]
    """In their order."""
    shown_at: float
    """In seconds since 1970."""
    slate_id: uuid.UUID | None = None
    """One for all rows of one decision; None in tokens of version 1."""
    item_kind: str = PRODUCT
    arms: Mapping[str, str] = field(default_factory=dict)
    """{experiment: arm} of the experiments that took part in the decision."""
    segments: tuple[int, ...] = ()
    """The keys of the live segments that the visitor was in."""


def sign_impression(shown: Impression, visitor_id: uuid.UUID | None, browser_key: str = "") -> str:
    """A token for the page, which is believed from its owner only.

    Parameters
    ----------
    shown
        what the page shows.
    visitor_id
        the visitor that it is made for; None for a browser that is not known yet.
    browser_key
        what such a browser holds, see `Requester.browser_key`.

    Returns
    -------
    str
        "" when there is no owner: a token that anybody could report would be worth nothing.
    """
    if visitor_id is None and not browser_key:
        return ""
    items = shown.items
    content: list[Any] = [
        VERSION,
        _short_id(shown.slate_id),
        shown.surface,
        shown.row,
        shown.snapshot,
        int(shown.shown_at),
        visitor_mark(visitor_id) if visitor_id else _browser_mark(browser_key),
        shown.item_kind,
        [item.item_id for item in items],
        _pack_positions([item.position for item in items]),
        _pack_equal([item.reason for item in items]),
        _pack_equal([item.campaign for item in items]),
        dict(shown.arms) or None,
        _pack_equal([item.propensity for item in items]),
        list(shown.segments) or None,
        _pack_equal([item.currency for item in items]),
        _pack_equal([item.team for item in items]),
    ]
    while content[-1] in (None, ""):
        content.pop()
    return signing.dumps(content, salt=SALT, compress=True)


def verify_impression(token: str, visitor_id: uuid.UUID, now: float, browser_key: str = "") -> Impression | None:
    """What a token says; None when we did not sign it, it is too old, or somebody else's.

    Parameters
    ----------
    token
        as the page had it.
    visitor_id
        the visitor who reports it, perhaps made by this very report.
    now
        seconds since 1970.
    browser_key
        what the reporting browser holds, see `Requester.browser_key`.
    """
    try:
        content = signing.loads(token, salt=SALT)
        shown, owner = _read_version_2(content) if content[0] == VERSION else _read_version_1(content)
    except (signing.BadSignature, ValueError, TypeError, LookupError):
        return None
    if owner not in _owner_marks(visitor_id, browser_key) or now - shown.shown_at > TOKEN_MAX_AGE_DAYS * 86_400:
        return None
    return shown


def _read_version_2(content: Sequence[Any]) -> tuple[Impression, str]:
    values = dict(zip(FIELDS, content, strict=False))
    ids = values["item_ids"]
    positions = _unpack_positions(values.get("positions"), len(ids))
    columns = (_unpack_equal(values.get(name), len(ids)) for name in COLUMNS_OF_ITEMS)
    items = tuple(
        ShownItem(item_id, position, reason or "", *more)
        for item_id, position, reason, *more in zip(ids, positions, *columns, strict=True)
    )
    shown = Impression(
        surface=values["surface"],
        row=values["row"],
        snapshot=values["snapshot"],
        items=items,
        shown_at=float(values["shown_at"]),
        slate_id=_long_id(values["slate_id"]),
        item_kind=values["item_kind"],
        arms=values.get("arms") or {},
        segments=tuple(values.get("segments") or ()),
    )
    return shown, values["owner"]


def _read_version_1(content: Sequence[Any]) -> tuple[Impression, str]:
    """The format without a version: surface, row, snapshot, products, reasons, time, owner."""
    surface, row, snapshot, products, reasons, shown_at, owner = content
    pairs = zip(products, reasons, strict=True)
    items = tuple(ShownItem(product, position, reason) for position, (product, reason) in enumerate(pairs))
    return Impression(surface, row, snapshot, items, float(shown_at)), owner


def _owner_marks(visitor_id: uuid.UUID, browser_key: str) -> set[str]:
    return {visitor_mark(visitor_id)} | ({_browser_mark(browser_key)} if browser_key else set())


def visitor_mark(visitor_id: uuid.UUID) -> str:
    """Tells whether two tokens are of one visitor, and not who."""
    return hashlib.sha256(visitor_id.bytes).hexdigest()[:8]


def _browser_mark(browser_key: str) -> str:
    """Longer than a visitor's mark, so that neither is taken for the other."""
    return hashlib.sha256(f"browser:{browser_key}".encode()).hexdigest()[:10]


def _short_id(slate_id: uuid.UUID | None) -> str:
    """The id in 22 letters instead of 36."""
    return base64.urlsafe_b64encode(slate_id.bytes).decode().rstrip("=") if slate_id else ""


def _long_id(text: str) -> uuid.UUID | None:
    return uuid.UUID(bytes=base64.urlsafe_b64decode(f"{text}==")) if text else None


def _pack_positions(positions: list[int]) -> int | list[int]:
    """The first position where the others follow one by one, as they nearly always do."""
    first = positions[0] if positions else 0
    return first if positions == list(range(first, first + len(positions))) else positions


def _unpack_positions(packed: int | list[int] | None, count: int) -> Iterable[int]:
    return packed if isinstance(packed, list) else range(packed or 0, (packed or 0) + count)


def _pack_equal(values: list[Any]) -> Any:
    """One value where all are equal."""
    return values[0] if values and all(value == values[0] for value in values) else values or None


def _unpack_equal(packed: Any, count: int) -> list[Any]:
    return packed if isinstance(packed, list) else [packed] * count
