"""Makes a slate: the one function to read when someone asks why this shopper saw this product."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, repeat

from django.db import DatabaseError

from personalization.decide import layout, preferences, reasons
from personalization.decide.audience import acting_campaigns
from personalization.decide.layout import FilledRow, ProposedRow
from personalization.decide.merchandising import NO_PERCENTS, NOT_MERCHANDISED, collect_pins, merchandise_row
from personalization.decide.newcomers import add_newcomers
from personalization.decide.objectives import order_row
from personalization.decide.often_seen import demote_often_seen
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.row_order import order_rows
from personalization.decide.row_plan import PlannedRow, row_settings
from personalization.decide.slate import (
    CATEGORY,
    PRODUCT,
    ItemRef,
    Reason,
    Row,
    RowCandidate,
    RowType,
    Slate,
    SlateItem,
    product_ref,
)
from personalization.decide.store_preference import prefer_store
from personalization.decide.trace import HIDDEN_NAME, NO_WORDS, NOT_BUYABLE, OUTSIDE_PRICE_RANGE
from personalization.decide.visit import Visit
from personalization.shop import catalogue
from personalization.shop.types import PurchaseInfo

logger = logging.getLogger("personalization")

RowProposals = Iterable[tuple[PlannedRow, Callable[[], Iterable[RowCandidate]]]]
"""Each row type of a page with what makes its rows."""
ReplayedRow = tuple[str, tuple[int, ...]]
"""(key of the row, keys of its products)"""


def compose_slate(
    surface: str,
    snapshot: str,
    rows: RowProposals,
    visit: Visit,
    limits: layout.LayoutLimits,
    *,
    lookup: ProductLookup | None = None,
) -> Slate:
    """1. Lets each row type propose its rows; one that fails is left out, as is what the visitor dismissed.
       What they saw often and never touched stands last; then what counts besides relevance moves products, and
       campaigns keep them out and move them.
    2. Sorts the rows, the personal ones that the visitor is expected to buy most from first, the others as was learned.
    3. Fills them with what this visitor can buy now: nothing twice on the page, nothing from the basket, nothing that
       they do not want to see. What campaigns pin takes its places first.
    4. Says why, without naming what they bought or did where another person may be looking.

    Parameters: `lookup`, what else of the page reads its products from; for a page that is about no product.
    """
    if visit.trace is not None:
        visit.trace.start_page(visit.basket, visit.excluded_products, visit.shown_products)
    proposed = order_rows(layout.sort_rows(_collect_rows(surface, rows, visit)), visit, surface)
    proposed = add_newcomers(prefer_store(proposed, visit, limits), visit, surface, limits)
    referenced = {
        key for row in proposed for reason in _row_reasons(row, limits) for key in referenced_products(reason)
    }
    page = {key for key in (visit.product, visit.child_product) if key is not None}
    lookup = lookup or ProductLookup(look_up=partial(catalogue.products_for_cards, beside=page))
    lookup.expect(referenced | page)
    excluded = map(product_ref, visit.basket | visit.excluded_products | visit.shown_products)
    sold_out: set[ItemRef] = set()
    look_up = partial(_available_offers, lookup=lookup, visit=visit, rows=proposed, sold_out=sold_out)
    filled = layout.fill_rows(proposed, limits, excluded, look_up, sold_out)
    unavailable = _subject_is_unavailable(visit, lookup)
    gone = frozenset([visit.product]) if visit.product is not None and unavailable else frozenset()
    titles, categories = lookup.titles(referenced), _referenced_category_names(proposed)
    names = reasons.DisplayNames(titles, categories, gone, visit.timestamp)
    shown = tuple(_render_rows(filled, names, visit))
    return Slate(surface, snapshot, shown, lookup.get(visit.product), unavailable)


def compose_as_buyable(
    surface: str, rows: RowProposals, visit: Visit, limits: layout.LayoutLimits
) -> list[ReplayedRow]:
    """Each row that the page would show if everything could be bought, for a moment of which prices
    and stock are not known. No words, and no look-up."""
    proposed = layout.sort_rows(_collect_rows(surface, rows, visit))
    excluded = map(product_ref, visit.basket | visit.excluded_products | visit.shown_products)
    filled = layout.fill_rows(proposed, limits, excluded, lambda items: dict.fromkeys(items, True))
    return [
        (one.row.reason.key, tuple(candidate.item.id for candidate, _ in one.items if candidate.item.kind == PRODUCT))
        for one in filled
        if not one.hidden_because
    ]


def _collect_rows(surface: str, rows: RowProposals, visit: Visit) -> Iterator[ProposedRow]:
    dismissed = preferences.dismissed_rows(visit.preferences)
    dismissed_types = {key.partition(":")[0] for key in dismissed}
    for planned, propose in rows:
        row_type = planned.type
        if planned.stands_in_for in dismissed_types:
            continue
        try:
            fresh = (demote_often_seen(one, row_type.code, visit, surface) for one in propose())
            ordered = (order_row(one, row_type, surface, visit) for one in fresh)
            candidates = [apply_campaigns(one, row_type.code, surface, visit) for one in ordered]
        except Exception as error:
            log_failure(error, "The row type %s failed; the page goes on without it", row_type.code)
            if visit.trace is not None:
                visit.trace.failed_row_types.append(row_type.code)
            continue
        for one in candidates:
            row = _proposed_row(planned, one)
            if row.reason.key not in dismissed:
                yield row
            elif visit.trace is not None:
                visit.trace.add_dismissed(row)


def _proposed_row(planned: PlannedRow, row: RowCandidate) -> ProposedRow:
    settings = planned.settings
    keeps_place = settings is not None and settings.has_own_place
    return ProposedRow(
        planned.type,
        Reason(planned.type.code, row.params),
        row.candidates,
        row.expected_share,
        row.links,
        None if keeps_place or planned.is_own else row.probability,
        row.merchandised or NOT_MERCHANDISED,
        planned.rank,
        keeps_place,
        planned.stands_in_for,
        settings.most if settings is not None else None,
        settings is not None and (settings.only is not None or settings.source is not None),
        raised=row.raised,
    )


def apply_campaigns(row: RowCandidate, code: str, surface: str, visit: Visit) -> RowCandidate:
    """A row, which is not filled yet, after what campaigns keep out, and what they and its own settings move; itself
    where that was done before, or there is nothing of the kind. What may not stand anyway is not counted, and stays
    behind."""
    settings = row_settings(visit, surface, code)
    acting, is_nudged = acting_campaigns(visit, surface, code), settings is not None and bool(settings.nudges)
    if row.merchandised is not None or not (acting or is_nudged):
        return row
    by_id = {candidate.item.id: candidate for candidate in row.candidates}
    if len(by_id) < len(row.candidates) or any(one.item.kind != PRODUCT for one in row.candidates):
        return row
    absent = visit.basket | visit.excluded_products | visit.shown_products
    standing = [key for key in by_id if key not in absent]
    percents = settings.percents(standing) if settings is not None and is_nudged else NO_PERCENTS
    order, merchandised = merchandise_row(standing, acting, trace=visit.trace is not None, percents=percents)
    moved = dict.fromkeys(order)
    candidates = [by_id[key] for key in (*order, *(key for key in by_id if key not in moved))]
    return replace(row, candidates=candidates, merchandised=merchandised)


def _available_offers(
    items: set[ItemRef], lookup: ProductLookup, visit: Visit, rows: list[ProposedRow], sold_out: set[ItemRef]
) -> dict[ItemRef, catalogue.Offer]:
    """Those of the products that can be bought now, without what is outside the price range of its row; and those that
    are pinned although they are `sold_out`, to which they are added."""
    requested = {item.id for item in items if item.kind == PRODUCT}
    found = lookup.sellable(requested, visit.strategy)
    merchandised = (row for row in rows if row.merchandised.acting)
    pinned = [(row, wish) for row in merchandised for wish in collect_pins(row.merchandised.acting)]
    shown_anyway = {wish.product for _, wish in pinned if wish.action.sold_out} & requested - found.keys()
    shelved = lookup.sold_out(shown_anyway, visit.strategy) if shown_anyway else {}
    sold_out.update(map(product_ref, shelved))
    offers = {product_ref(key): offer for key, offer in {**found, **shelved}.items()}
    unavailable = dict.fromkeys(items - offers.keys(), NOT_BUYABLE)
    for row in rows:
        if row.type.price_range:
            subject = lookup.get(row.reason.params[PRODUCT])
            base = catalogue.purchase_info(subject, visit.strategy) if subject else None
            own_pins = {product_ref(wish.product) for other, wish in pinned if other is row}
            for item in ({candidate.item for candidate in row.candidates} | own_pins) & offers.keys():
                if not _in_price_range(row.type.price_range, base, offers[item].info):
                    del offers[item]
                    unavailable[item] = OUTSIDE_PRICE_RANGE
    if visit.trace is not None:
        visit.trace.unavailable.update(unavailable)
    return offers


def _in_price_range(price_range: tuple[float, float], base: PurchaseInfo | None, info: PurchaseInfo) -> bool:
    """Prices in two currencies cannot be compared."""
    if base is None or not base.price.exists or base.price.currency != info.price.currency:
        return False
    amount, price = catalogue.get_price_amount(base), catalogue.get_price_amount(info)
    if not (amount and price):
        return False
    return price_range[0] * float(amount) <= float(price) <= price_range[1] * float(amount)


def _subject_is_unavailable(visit: Visit, lookup: ProductLookup) -> bool:
    """Whether the product of the page was looked up, and cannot be bought now."""
    product = lookup.get(visit.product)
    return (
        product is not None
        and catalogue.get_offer(catalogue.public_child(product, visit.child_product), visit.strategy) is None
    )


def _row_reasons(row: ProposedRow, limits: layout.LayoutLimits) -> Iterator[Reason]:
    """The reasons of the row and of the products that it will probably show."""
    yield row.reason
    for candidate in row.candidates[: row.max_items(limits) + layout.OVERFETCH]:
        yield candidate.reason


def referenced_products(reason: Reason) -> set[int]:
    return {reason.params[PRODUCT]} if PRODUCT in reason.params else set()


def _referenced_category_names(rows: list[ProposedRow]) -> dict[int, str]:
    """The names of the categories that the rows are about; a row that knows its category's name brings it."""
    params = [row.reason.params for row in rows if CATEGORY in row.reason.params]
    known = {one[CATEGORY]: one["name"] for one in params if "name" in one}
    missing = {one[CATEGORY] for one in params} - known.keys()
    found = catalogue.categories_by_id(missing) if missing else {}
    return {**known, **{key: category.label for key, category in found.items()}}


def log_failure(error: Exception, message: str, code: str) -> None:
    """Logs what failed in a row type, which costs that part only. A database error is raised again: it has spoiled the
    transaction of all rows, and the caller knows the way out."""
    if isinstance(error, DatabaseError):
        raise error
    logger.error(message, code, exc_info=error)


def _render_rows(filled: list[FilledRow], names: reasons.DisplayNames, visit: Visit) -> Iterator[Row]:
    """The rows in words. One that has none, or not enough items with words, is left out."""
    codes = chain([reasons.NEUTRAL_CODE], repeat(reasons.SECOND_NEUTRAL_CODE))
    hidden: dict[str, str] = {}
    for one in filled:
        if one.hidden_because:
            continue
        neutral = next(codes) if visit.hide_private_reasons and one.row.type.personal else ""
        try:
            yield _render_row(one, neutral if one.row.type.discloses_activity else "", names, visit)
        except reasons.HiddenNameError:
            hidden[one.row.reason.key] = HIDDEN_NAME
        except Exception as error:
            hidden[one.row.reason.key] = NO_WORDS
            log_failure(error, "The row %s cannot be put into words; it is left out", one.row.type.code)
    if visit.trace is not None:
        visit.trace.add_filled(filled, hidden)


def _render_row(filled: FilledRow, neutral: str, names: reasons.DisplayNames, visit: Visit) -> Row:
    """A row in words; in neutral ones where a `neutral` reason takes the place of its own."""
    row, params = filled.row, filled.row.reason.params
    if neutral:
        reason = Reason(neutral)
        title, explanation = reasons.neutral_title(neutral), reasons.item_explanation(reason, names)
    else:
        reason = row.reason
        title = reasons.row_title(row.type, params, names)
        explanation = reasons.row_explanation(row.type, params, names)
    writer = _ReasonWriter(row.type, reason, names, visit.hide_private_reasons)
    items = tuple(_slate_items(filled, writer))
    if any(item.propensity is not None for item in items):
        explanation = reasons.explanation_with_newcomer(explanation)
    is_reordered = not row.raised.isdisjoint(item.product_id for item in items)
    if is_reordered:
        explanation = reasons.explanation_with_objectives(explanation)
    if len(items) < row.type.min_items:
        raise reasons.UnknownReasonError("too few of its items have words")
    category = reason.params.get(CATEGORY)
    name = "" if category is None else names.categories[category]
    links = tuple(replace(link, label=reasons.link_label(link)) for link in row.links)
    total = len(row.candidates) - row.removed_count
    return Row(
        row.reason.key,
        row.type.code,
        title,
        reason,
        explanation,
        row.type.personal,
        items,
        category,
        name,
        links,
        total,
        is_reordered,
    )


def _slate_items(filled: FilledRow, writer: "_ReasonWriter") -> Iterator[SlateItem]:
    position = 0
    for candidate, offer in filled.items:
        try:
            reason, explanation = writer.write(candidate.reason)
        except Exception as error:
            log_failure(error, "The reason %s has no words; its product is left out", candidate.reason.code)
            continue
        yield SlateItem(
            offer.product.pk,
            position,
            candidate.score,
            reason,
            explanation,
            offer.product,
            offer.info,
            filled.placements.get(candidate.item),
            candidate.size_count,
            candidate.propensity,
        )
        position += 1


class _ReasonWriter:
    """Puts the reasons of a row's items into words, each once: they often share one."""

    def __init__(self, row_type: RowType, row_reason: Reason, names: reasons.DisplayNames, discreet: bool) -> None:
        self._row_type, self._row_reason, self._names, self._discreet = row_type, row_reason, names, discreet
        self._written: dict[int, tuple[Reason, Reason, str]] = {}

    def write(self, reason: Reason) -> tuple[Reason, str]:
        """The reason to give and its words; the row's where it names a product that this visitor may not see."""
        if id(reason) not in self._written:
            visible = reason if referenced_products(reason) <= self._names.products.keys() else self._row_reason
            if self._discreet:
                visible = reasons.without_private_facts(visible, self._row_type)
            words = reasons.item_explanation(visible, self._names, self._row_type)
            self._written[id(reason)] = reason, visible, words
        return self._written[id(reason)][1:]
