"""What the pages carry so that a beacon can report what was seen of them: signed tokens of rows and lists."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from personalization.collect import impression_tokens
from personalization.collect.impression_tokens import Impression, ShownItem
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.audience import segments_of
from personalization.decide.blocks import CONTENT
from personalization.decide.row_order import row_order_arm
from personalization.decide.slate import CHOSEN_BY_US, PlacedBy, RankedItem, Row, Slate
from personalization.decide.visit import Visit
from personalization.merchandising.compiled_blocks import Block
from personalization.models.credits import BLOCK_ROW
from personalization.shop.currencies import foreign_currency

MESSAGE = "message"
"""The surface of all messages."""


def slate_tokens(slate: Slate, visit: Visit | None) -> list[str]:
    """A token for each row of a slate, with which its impressions and clicks are reported; empty ones for a visitor who
    is not tracked. All of them carry one new id of the slate."""
    if visit is None or visit.is_preview or not visit.tracking_allowed:
        return [""] * len(slate.rows)
    slate_id = uuid.uuid4()
    return [_row_token(slate, slate_id, row, visit) for row in slate.rows]


def _row_token(slate: Slate, slate_id: uuid.UUID, row: Row, visit: Visit) -> str:
    items = tuple(
        ShownItem(
            item.product_id,
            item.position,
            item.reason.code,
            item.placed_by.key if item.placed_by else None,
            item.propensity,
            foreign_currency(item.info),
        )
        for item in row.items
    )
    arms = {**_arms_of(visit, slate.surface), **row_order_arm(visit, slate.surface)}
    about = (slate.surface, row.key, slate.snapshot_name, items, visit.timestamp, slate_id)
    shown = Impression(*about, arms=arms, segments=segments_of(visit))
    return impression_tokens.sign_impression(shown, visit.visitor_id, visit.browser_key)


def list_token(
    visit: Visit | None,
    surface: str,
    row: str,
    item_ids: Sequence[int],
    *,
    reasons: Sequence[str] = (),
    placements: Mapping[int, PlacedBy] | None = None,
    teams: Mapping[int, str] | None = None,
    start: int = 0,
    item_kind: str = impression_tokens.PRODUCT,
    currencies: Mapping[int, str] | None = None,
) -> str:
    """What may be reported of a list that is no slate: the page of a search, of a category, or the menu.

    Parameters
    ----------
    visit
        who looks at it; None for nobody who is reported.
    surface
        "search", "category" or "navigation".
    row
        the key of the list, as rows have one.
    item_ids
        the primary keys of the products, or of the categories, as they stand on the page.
    reasons
        the code of the reason of each; none where the order is the shop's own, which no snapshot decided.
    placements
        what campaigns put in its place, by key; it counts for no team.
    teams
        of a list of two orders, whose choice each is, by key; see `decide.interleaved_lists`.
    start
        the position of the first one within the whole result.
    item_kind
        what they are: "product" or "category".
    currencies
        those of their prices that are not the shop's own, by key.

    Returns
    -------
    str
        "" for a visitor who is not reported, and for more items than a report may hold.
    """
    if (
        visit is None
        or visit.is_preview
        or not visit.tracking_allowed
        or not 0 < len(item_ids) <= impression_tokens.MAX_LIST_ITEMS
    ):
        return ""
    learned = get_active_snapshot() if reasons else None
    codes = reasons or [""] * len(item_ids)
    foreign, by_team, placed = currencies or {}, teams or {}, dict[int, tuple[str, str | None]]()
    placed.update({key: (by.reason_code, by.key) for key, by in (placements or {}).items()})
    items = tuple(
        ShownItem(
            key,
            position,
            *placed.get(key, (code, None)),
            currency=foreign.get(key),
            team=None if key in placed else by_team.get(key),
        )
        for position, (key, code) in enumerate(zip(item_ids, codes, strict=True), start)
    )
    snapshot = learned.name if learned else ""
    about = (surface, row, snapshot, items, visit.timestamp, uuid.uuid4(), item_kind)
    shown = Impression(*about, arms=_arms_of(visit, surface), segments=segments_of(visit))
    return impression_tokens.sign_impression(shown, visit.visitor_id, visit.browser_key)


def block_token(block: Block, visit: Visit) -> str:
    """A token for a content block, with which it is reported that it was seen and clicked on; "" for a visitor who is
    not reported."""
    if visit.is_preview or not visit.tracking_allowed:
        return ""
    item = ShownItem(block.id, 0, CHOSEN_BY_US, block.key)
    about = (CONTENT, f"{BLOCK_ROW}{block.id}", "", (item,), visit.timestamp, uuid.uuid4(), impression_tokens.CONTENT)
    shown = Impression(*about, arms=_arms_of(visit, CONTENT), segments=segments_of(visit))
    return impression_tokens.sign_impression(shown, visit.visitor_id, visit.browser_key)


def message_token(
    visit: Visit, kind: str, subjects: Sequence[int], chosen: Sequence[RankedItem], offers: Mapping[int, Any]
) -> str:
    """What the links of a message carry, so that who follows one is reported.

    Parameters
    ----------
    visit
        of its reader.
    kind
        the name of its kind, which reports show as a row's key; it is the reason of its subjects, too.
    subjects, chosen
        what it is about, and what was chosen beside that.
    offers
        {product: its `catalogue.Offer`, or None}, for the currencies.

    Returns
    -------
    str
        "" for a reader who is not reported.
    """
    if not visit.tracking_allowed or not (subjects or chosen):
        return ""
    currencies = {key: foreign_currency(offer.info) for key, offer in offers.items() if offer is not None}
    shown = [ShownItem(key, place, kind, currency=currencies.get(key)) for place, key in enumerate(subjects)]
    for place, one in enumerate(chosen, len(shown)):
        campaign = one.placed_by.key if one.placed_by else None
        shown.append(ShownItem(one.item_id, place, one.reason.code, campaign, currency=currencies.get(one.item_id)))
    learned = get_active_snapshot() if chosen else None
    about = (MESSAGE, kind, learned.name if learned else "", tuple(shown), visit.timestamp, uuid.uuid4())
    impression = Impression(*about, arms=_arms_of(visit, MESSAGE), segments=segments_of(visit))
    return impression_tokens.sign_impression(impression, None, impression_tokens.MESSAGE_READER)


def _arms_of(visit: Visit, surface: str) -> Mapping[str, str]:
    return {} if visit.arms is None else visit.arms.tokens(surface)
