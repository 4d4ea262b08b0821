"""The eight steps of a product to its place on a page, and where it falls out.

Unlike `decide.explanation`, which follows a decision up to the first step that a product fails, this looks at each step
by itself, so that one can be mended while another is. It asks the shop for its facts; all else it reads off the page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from personalization.decide import trace
from personalization.decide.audience import acting_campaigns
from personalization.decide.explained_page import ExplainedPage
from personalization.decide.merchandising import EXCLUDED, NOT_AMONG_ONLY, ActingCampaign, removals
from personalization.decide.preferences import apply_preferences
from personalization.decide.slate import product_ref
from personalization.decide.trace import TracedRow
from personalization.recommenders import DAY
from personalization.shop import catalogue

IS_PUBLIC, STANDS_FOR_ITSELF, CAN_BE_BOUGHT, IS_LEARNED = "public", "structure", "buyable", "trained"
IS_CANDIDATE, IS_ALLOWED, IS_WANTED, HAS_PLACE = "candidate", "campaigns", "visitor", "shown"
FUNNEL_STEPS = (IS_PUBLIC, STANDS_FOR_ITSELF, CAN_BE_BOUGHT, IS_LEARNED, IS_CANDIDATE, IS_ALLOWED, IS_WANTED, HAS_PLACE)


@dataclass(frozen=True)
class FunnelStep:
    """One step, as far as it can be told."""

    name: str
    """One of `FUNNEL_STEPS`."""
    passed: bool | None
    """None where it decides nothing here, or cannot be told."""
    code: str
    """What is the matter, by which it is put into words."""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FunnelProduct:
    """A product, and what the shop knows of it."""

    product: Any
    """Oscar's product, with its parent."""
    standing: Any
    """The product that stands for it in rows and lists: its parent, if it has one, else itself."""
    customers: int
    """How many customers bought it; where that is not learned, counted up to the floor only."""
    is_sensitive: bool = False
    """Whether it is in a category that staff flagged as sensitive."""

    @property
    def key(self) -> int:
        """The key by which rows and lists know it."""
        found: int = self.standing.pk
        return found


def product_funnel(subject: FunnelProduct, page: ExplainedPage, *, min_customers: int) -> list[FunnelStep]:
    """All steps of a product to its place on this page, in their order.

    Parameters: `min_customers`, from how many customers on something is learned of a product.
    """
    return [
        _public_step(subject),
        _structure_step(subject),
        _buyable_step(subject, page),
        _trained_step(subject, page),
        _candidate_step(subject, page, min_customers),
        _allowed_step(subject, page),
        _visitor_step(subject, page),
        _shown_step(subject, page),
    ]


def _public_step(subject: FunnelProduct) -> FunnelStep:
    if not subject.product.is_public:
        return FunnelStep(IS_PUBLIC, False, "not_public")
    if not subject.standing.is_public:
        return FunnelStep(IS_PUBLIC, False, "parent_not_public", {"parent": subject.standing})
    return FunnelStep(IS_PUBLIC, True, "public")


def _structure_step(subject: FunnelProduct) -> FunnelStep:
    if subject.product.pk != subject.key:
        return FunnelStep(STANDS_FOR_ITSELF, False, "child", {"parent": subject.standing})
    if subject.product.is_parent:
        return FunnelStep(STANDS_FOR_ITSELF, True, "parent")
    return FunnelStep(STANDS_FOR_ITSELF, True, "standalone")


def _buyable_step(subject: FunnelProduct, page: ExplainedPage) -> FunnelStep:
    info = catalogue.purchase_info(subject.standing, page.visit.strategy)
    has_price = catalogue.get_price_amount(info) is not None
    if has_price and info.availability.is_available_to_buy:
        return FunnelStep(CAN_BE_BOUGHT, True, "buyable")
    code = "sold_out" if has_price else "no_price"
    is_listed = page.listing is not None and subject.key in page.listing.fetched
    if is_listed:
        return FunnelStep(CAN_BE_BOUGHT, None, f"{code}_but_listed")
    return FunnelStep(CAN_BE_BOUGHT, False, code)


def _trained_step(subject: FunnelProduct, page: ExplainedPage) -> FunnelStep:
    if page.snapshot is None:
        return FunnelStep(IS_LEARNED, None, "no_snapshot")
    facts = {"trained_at": page.snapshot.trained_at}
    (index,) = page.snapshot.product_indices([subject.key]).tolist()
    if index >= 0:
        return FunnelStep(IS_LEARNED, True, "in_snapshot", facts)
    is_newer = subject.standing.date_created.timestamp() > page.snapshot.trained_at
    return FunnelStep(IS_LEARNED, False, "newer" if is_newer else "not_in_snapshot", facts)


def _candidate_step(subject: FunnelProduct, page: ExplainedPage, min_customers: int) -> FunnelStep:
    rows, listing = page.rows.rows_with(product_ref(subject.key)), page.listing
    counts = {"customers": subject.customers, "floor": min_customers}
    if listing is not None and subject.key in listing.fetched:
        return FunnelStep(IS_CANDIDATE, True, "found", {"count": listing.count})
    if rows:
        return FunnelStep(IS_CANDIDATE, True, "candidate", {"rows": rows, **counts})
    if subject.is_sensitive:
        return FunnelStep(IS_CANDIDATE, False, "sensitive")
    if listing is not None:
        return _not_found_step(subject, page)
    if subject.customers < min_customers:
        return FunnelStep(IS_CANDIDATE, False, "few_customers", counts)
    return FunnelStep(IS_CANDIDATE, False, "no_row", counts | {"rows": len(page.rows.rows)})


def _not_found_step(subject: FunnelProduct, page: ExplainedPage) -> FunnelStep:
    """Of a product that is not among what was looked at of a list."""
    if _removed_from_list(subject, page):
        return FunnelStep(IS_CANDIDATE, None, "not_searched_for")
    listing = page.listing
    if listing is not None and listing.count > len(listing.fetched):
        return FunnelStep(
            IS_CANDIDATE, None, "behind_window", {"fetched": len(listing.fetched), "count": listing.count}
        )
    return FunnelStep(IS_CANDIDATE, False, "not_found")


def _removed_from_list(subject: FunnelProduct, page: ExplainedPage) -> bool:
    return page.listing is not None and bool(
        removals(acting_campaigns(page.visit, page.campaign_surfaces[0]), {subject.key})
    )


def _allowed_step(subject: FunnelProduct, page: ExplainedPage) -> FunnelStep:
    scopes = list(_campaign_scopes(subject, page))
    removed = [removals(acting, {subject.key}).get(subject.key) for acting in scopes]
    found = [one for one in removed if one is not None]
    if not found:
        return FunnelStep(IS_ALLOWED, True, "free" if any(scopes) else "no_campaign")
    facts = {"campaigns": list(dict.fromkeys(one.campaign for one in found)), "places": len(found)}
    if len(found) < len(removed):
        return FunnelStep(IS_ALLOWED, None, "partly_excluded", facts)
    causes = {one.cause for one in found}
    return FunnelStep(IS_ALLOWED, False, NOT_AMONG_ONLY if causes == {NOT_AMONG_ONLY} else EXCLUDED, facts)


def _campaign_scopes(subject: FunnelProduct, page: ExplainedPage) -> Iterator[tuple[ActingCampaign, ...]]:
    """The campaigns that act in the list of the page, and in each row that the product could stand in."""
    visit = apply_preferences(page.visit, page.snapshot)
    if page.listing is not None:
        yield acting_campaigns(visit, page.campaign_surfaces[0])
    rows = page.rows.rows_with(product_ref(subject.key)) or page.rows.rows
    for code in dict.fromkeys(row.row.type.code for row in rows):
        yield acting_campaigns(visit, page.campaign_surfaces[-1], code)


def _visitor_step(subject: FunnelProduct, page: ExplainedPage) -> FunnelStep:
    visit = apply_preferences(page.visit, page.snapshot)
    if subject.is_sensitive:
        return FunnelStep(IS_WANTED, None, "sensitive")
    in_rows = page.listing is None or bool(page.rows.rows)
    if subject.key in visit.excluded_products:
        return FunnelStep(IS_WANTED, False, "not_wanted" if in_rows else "not_wanted_in_list")
    if subject.key in visit.basket:
        return FunnelStep(IS_WANTED, False if page.listing is None else None, "in_basket")
    last = next((row[3] for row in page.visit.own_purchases if row[0] == subject.key), None)
    if last is not None:
        return FunnelStep(IS_WANTED, True, "bought", {"days": max(int((visit.timestamp - last) // DAY), 0)})
    return FunnelStep(IS_WANTED, True, "anonymous" if visit.user_id is None else "free")


def _shown_step(subject: FunnelProduct, page: ExplainedPage) -> FunnelStep:
    item, listing = product_ref(subject.key), page.listing
    if listing is not None and subject.key in listing.fetched:
        position = listing.start + list(listing.fetched).index(subject.key)
        on_page = any(one.product.pk == subject.key for one in listing.products)
        facts = {"place": position + 1, "count": listing.count, "page": 1 + position // max(listing.page_size, 1)}
        return FunnelStep(HAS_PLACE, on_page, "listed" if on_page else "on_other_page", facts)
    rows = page.rows.rows_with(item)
    outcomes = [(row, *page.rows.why_left_out(row, item)) for row in rows]
    for row, cause, _facts in outcomes:
        if not cause:
            return FunnelStep(HAS_PLACE, True, "in_row", {"row": row, "place": row.shown.index(item) + 1})
    if not outcomes:
        return FunnelStep(HAS_PLACE, None, "not_reached")
    row, cause, facts = max(outcomes, key=_closeness)
    return FunnelStep(
        HAS_PLACE, False if cause in _OF_LAST_STEP else None, cause, {**facts, "row": row} | _above(facts)
    )


_OF_LAST_STEP = (
    trace.TAKEN_ABOVE,
    trace.ON_PAGE,
    trace.BEYOND_ROW_SIZE,
    trace.OUTSIDE_PRICE_RANGE,
    trace.DISMISSED,
    trace.HIDDEN_NAME,
    trace.NO_WORDS,
    trace.REPLACED,
    "page_full",
    "personal_rows_full",
    "too_few_items",
    "little_use",
)
"""The causes that are told at the last step; those of earlier ones are told there."""


def _closeness(outcome: tuple[TracedRow, str, dict[str, Any]]) -> tuple[int, int]:
    """Sorts the rows that do not show a product by how near it came: beyond the end of a row that is shown first."""
    _row, cause, facts = outcome
    return (cause == trace.BEYOND_ROW_SIZE) * 2 + (cause == trace.TAKEN_ABOVE), -int(facts.get("rank", 0))


def _above(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"above": facts["row"]} if "row" in facts else {}
