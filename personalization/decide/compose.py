"""Makes a slate: the one function to read when someone asks why this shopper saw this product."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import chain, islice, repeat
from typing import Any

from django.db import DatabaseError

from personalization.decide import layout, preferences, reasons
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.slate import Candidate, RankedItem, Reason, Row, RowCandidate, Slate, SlateItem
from personalization.decide.visit import Visit
from personalization.shop import catalogue

logger = logging.getLogger("personalization")

RowFactories = Iterable[Callable[[], Iterable[RowCandidate]]]


def compose_slate(surface: str, snapshot: str, rows: RowFactories, visit: Visit, room: layout.LayoutLimits) -> Slate:
    """1. Lets each kind of row propose its candidates; one that fails is left out, as is what the visitor sent away.
    2. Puts the rows in order, the strongest personal ones first.
    3. Fills them with what this visitor can buy now, nothing twice on the page, nothing from the basket, nothing
       unwanted.
    4. Says why, without naming what they bought or did where somebody else may be looking.
    """
    hidden = preferences.dismissed_rows(visit.preferences)
    drafts = layout.sort_rows(draft for draft in _collect_rows(rows) if draft.reason.key not in hidden)
    spoken_of = {
        key for draft in drafts for reason in _row_reasons(draft, room) for key in _referenced_products(reason)
    }
    page = {key for key in (visit.product, visit.child_product) if key is not None}
    shelf = ProductLookup(spoken_of | page, partial(catalogue.products_for_cards, beside=page))
    away = visit.basket | visit.excluded_products | visit.shown_products
    filled = layout.fill_rows(
        drafts, room, away, partial(_available_offers, shelf=shelf, strategy=visit.strategy, drafts=drafts)
    )
    sold_out = _unavailable_products(visit, shelf)
    gone = frozenset([visit.product]) if visit.product is not None and sold_out else frozenset()
    names = reasons.DisplayNames(shelf.titles(spoken_of), _referenced_category_names(drafts), gone)
    return Slate(
        surface,
        snapshot,
        tuple(_render_rows(filled, names, visit.hide_private_reasons)),
        shelf.get(visit.product),
        sold_out,
    )


def _available_offers(
    product_ids: set[int], shelf: ProductLookup, strategy: Any, drafts: list[RowCandidate]
) -> dict[int, catalogue.Offer]:
    """Those of the products that can be bought now, without what is outside the band of prices of its row."""
    offers = shelf.sellable(product_ids, strategy)
    for draft in drafts:
        if draft.price_range:
            about = shelf.get(draft.reason.params["product"])
            base = catalogue.get_price_amount(catalogue.purchase_info(about, strategy)) if about else None
            for key in {candidate.item for candidate in draft.candidates} & offers.keys():
                if not _in_price_range(draft.price_range, base, catalogue.get_price_amount(offers[key].info)):
                    del offers[key]
    return offers


def _in_price_range(band: tuple[float, float], base: Decimal | None, price: Decimal | None) -> bool:
    if not (base and price):
        return False
    return band[0] * float(base) <= float(price) <= band[1] * float(base)


def _unavailable_products(visit: Visit, shelf: ProductLookup) -> bool:
    """Whether the product whose page this is was looked up, and cannot be bought now."""
    found = shelf.get(visit.product)
    return (
        found is not None
        and catalogue.get_offer(catalogue.public_child(found, visit.child_product), visit.strategy) is None
    )


def recommend_lists(
    lists: list[tuple[Visit, int, Iterator[Candidate]]], shelf: ProductLookup
) -> Iterator[Iterator[RankedItem]]:
    """For each visit the first so many of its candidates that this visitor can buy now, nothing from the basket, each
    with why. What all of them need is looked up at once."""
    first = [list(islice(candidates, top + layout.OVERFETCH)) for _, top, candidates in lists]
    shelf.prefetch({key for some in first for candidate in some for key in _all_candidates(candidate)})
    for (visit, top, rest), some in zip(lists, first, strict=True):
        yield _fill_list(chain(some, rest), top, visit, shelf)


def _fill_list(candidates: Iterator[Candidate], top: int, visit: Visit, shelf: ProductLookup) -> Iterator[RankedItem]:
    wanted = (candidate for candidate in candidates if candidate.item not in visit.basket)
    shown = 0
    while shown < top and (some := list(islice(wanted, top - shown + layout.OVERFETCH))):
        cards = shelf.sellable({candidate.item for candidate in some}, visit.strategy)
        kept = [candidate for candidate in some if candidate.item in cards][: top - shown]
        titles = shelf.titles({key for candidate in kept for key in _referenced_products(candidate.reason)})
        yield from _with_explanations(kept, reasons.DisplayNames(products=titles))
        shown += len(kept)


def recommend_categories(lists: list[tuple[Iterable[Candidate], int]]) -> Iterator[list[RankedItem]]:
    """Of each list of categories the first so many that may be browsed, each with why."""
    browsable = catalogue.browsable_categories()
    for candidates, top in lists:
        shown = (candidate for candidate in candidates if candidate.item in browsable)
        yield list(_with_explanations(islice(shown, top), reasons.DisplayNames()))


def _with_explanations(candidates: Iterable[Candidate], names: reasons.DisplayNames) -> Iterator[RankedItem]:
    for candidate in candidates:
        reason = candidate.reason
        if any(
            key not in names.products for key in _referenced_products(reason)
        ):  # nothing that may not be seen is named
            reason = Reason("in_range")
        yield RankedItem(candidate.item, candidate.score, reason, reasons.explanation(reason, names))


def _all_candidates(candidate: Candidate) -> set[int]:
    return {candidate.item, *_referenced_products(candidate.reason)}


def _referenced_products(reason: Reason) -> set[int]:
    return {reason.params["product"]} if "product" in reason.params else set()


def _row_reasons(draft: RowCandidate, room: layout.LayoutLimits) -> Iterator[Reason]:
    """Why there is this row, and why there are the products that it will show at first look."""
    yield draft.reason
    for candidate in draft.candidates[: room.row_size + layout.OVERFETCH]:
        yield candidate.reason


def _collect_rows(rows: RowFactories) -> Iterator[RowCandidate]:
    for propose in rows:
        try:
            yield from list(propose())
        except DatabaseError:  # it has spoiled the transaction of all rows: the caller knows the way out
            raise
        except Exception:
            logger.exception("A kind of row failed; the page goes on without it")


def _referenced_category_names(drafts: list[RowCandidate]) -> dict[int, str]:
    """The names of the categories that the rows are about; a row that knows its category's name says it."""
    about = [draft.reason.params for draft in drafts if "category" in draft.reason.params]
    known = {facts["category"]: facts["name"] for facts in about if "name" in facts}
    wanted = {facts["category"] for facts in about} - known.keys()
    read = catalogue.categories_by_id(wanted) if wanted else {}
    return {**known, **{key: category.name for key, category in read.items()}}


def _render_rows(
    filled: list[tuple[RowCandidate, list[tuple[Candidate, Any]]]], names: reasons.DisplayNames, discreet: bool
) -> Iterator[Row]:
    codes = chain(["recommended"], repeat("recommended_too"))
    aloud = _ReasonWriter(names, discreet)
    for draft, cards in filled:
        reason = (
            reasons.without_private_facts(draft.reason, next(codes)) if discreet and draft.personal else draft.reason
        )
        try:
            title, words = reasons.row_title(reason, names), reasons.explanation(reason, names)
        except KeyError:  # it speaks of something that this visitor may not see
            continue
        items = tuple(
            _slate_item(offer, place, _with_visible_reason(candidate, reason, names), aloud)
            for place, (candidate, offer) in enumerate(cards)
        )
        about = reason.params.get("category")
        name = "" if about is None else names.categories[about]
        links = tuple(replace(link, label=reasons.link_label(link)) for link in draft.links)
        yield Row(draft.reason.key, draft.reason.code, title, reason, words, draft.personal, items, about, name, links)


def _with_visible_reason(candidate: Candidate, row: Reason, names: reasons.DisplayNames) -> Candidate:
    """The candidate; for the reason of its row where its own speaks of something that this visitor may not see."""
    seen = _referenced_products(candidate.reason) <= names.products.keys()
    return candidate if seen else replace(candidate, reason=row)


class _ReasonWriter:
    """Puts reasons into words, each once: the candidates of a row often share one."""

    def __init__(self, names: reasons.DisplayNames, discreet: bool) -> None:
        self._names, self._discreet = names, discreet
        self._said: dict[int, tuple[Reason, Reason, str]] = {}

    def write(self, reason: Reason) -> tuple[Reason, str]:
        """What is told instead where that is too telling, and in words."""
        if id(reason) not in self._said:
            told = reasons.without_private_facts(reason) if self._discreet else reason
            self._said[id(reason)] = reason, told, reasons.explanation(told, self._names)
        return self._said[id(reason)][1:]


def _slate_item(offer: catalogue.Offer, place: int, candidate: Candidate, aloud: _ReasonWriter) -> SlateItem:
    product, (reason, words) = offer.product, aloud.write(candidate.reason)
    return SlateItem(product.pk, place, candidate.score, reason, words, product, offer.info)
