"""Ranked lists, as the API's clients and exports get them: what a visitor can buy, with the reason of each."""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace
from itertools import chain, islice

from personalization.decide import layout, reasons
from personalization.decide.audience import acting_campaigns
from personalization.decide.compose import log_failure, referenced_products
from personalization.decide.merchandising import (
    ActingCampaign,
    PinWish,
    PlaceAllocation,
    collect_pins,
    fill_slots,
    removals,
    shift,
)
from personalization.decide.objectives import order_candidates
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.slate import Candidate, RankedItem, Reason, product_ref
from personalization.decide.visit import Visit
from personalization.shop import catalogue

WINDOW = 200
"""Of a longer list the first candidates, this many, are moved and placed by campaigns."""
FIXED_SURFACES = ("search", "category")
"""The surfaces whose list holds nothing but what was found there."""


@dataclass(frozen=True)
class RankedRequest:
    """A list to fill."""

    visit: Visit
    count: int
    """How many products it is to have."""
    candidates: Iterator[Candidate]
    """Best first."""
    acting: tuple[ActingCampaign, ...] = ()
    """The campaigns that act on it."""
    pinned: tuple[PinWish, ...] = ()
    """What they pin, as far as it may stand there."""


def apply_campaigns(surface: str, visit: Visit, count: int, ranking: Iterator[Candidate]) -> RankedRequest:
    """A list of `count` products, whose candidates are those that campaigns leave, in the order in which they do, after
    what counts besides relevance."""
    ranking = order_candidates(ranking, visit, surface)
    acting = acting_campaigns(visit, surface)
    if not acting:
        return RankedRequest(visit, count, ranking)
    head = {candidate.item.id: candidate for candidate in islice(ranking, max(WINDOW, count))}
    removed = removals(acting, {*head, *(wish.product for wish in collect_pins(acting))})
    wanted = [key for key in head if key not in removed and key not in visit.excluded_products]
    unwanted = [key for key in head if key not in removed and key in visit.excluded_products]
    order = [head[key] for key in (*shift(wanted, acting), *unwanted)]
    absent = {*removed, *visit.excluded_products, *visit.basket}
    is_fixed = surface in FIXED_SURFACES or bool(visit.candidate_products)
    pinned = [
        wish for wish in collect_pins(acting) if wish.product not in absent and (wish.product in head or not is_fixed)
    ]
    rest = (one for one in ranking if not removals(acting, {one.item.id}))
    return RankedRequest(visit, count, chain(order, rest), acting, tuple(pinned))


def filter_candidates(ranking: Iterable[Candidate], visit: Visit, new_only: bool) -> Iterator[Candidate]:
    """Without what was bought, when only new products are requested. What the visitor does not want to see is moved to
    the end of a list that others chose, and left out of any other."""
    bought = {row[0] for row in visit.genome.products} if new_only else set()
    candidates = (candidate for candidate in ranking if candidate.item.id not in bought)
    if not visit.excluded_products:
        return candidates
    if not visit.candidate_products and visit.category is None:
        return (candidate for candidate in candidates if candidate.item.id not in visit.excluded_products)
    return iter(sorted(candidates, key=lambda candidate: candidate.item.id in visit.excluded_products))


def kept_out(surface: str, visit: Visit, product_ids: Set[int]) -> set[int]:
    """Those of these products that campaigns keep out of the visit's list on a surface."""
    acting = acting_campaigns(visit, surface)
    return set(removals(acting, set(product_ids))) if acting else set()


def recommend_lists(requests: list[RankedRequest], lookup: ProductLookup) -> Iterator[Iterator[RankedItem]]:
    """For each request a list of that length of what this visitor can buy now, nothing from the basket, each with its
    reason. The products of all lists are looked up at once."""
    first = [list(islice(one.candidates, one.count + layout.OVERFETCH)) for one in requests]
    pinned = {wish.product for one in requests for wish in one.pinned}
    lookup.prefetch(pinned | {key for some in first for candidate in some for key in _all_products(candidate)})
    for one, some in zip(requests, first, strict=True):
        yield _fill_list(replace(one, candidates=chain(some, one.candidates)), lookup)


def _fill_list(request: RankedRequest, lookup: ProductLookup) -> Iterator[RankedItem]:
    if request.acting:
        yield from _fill_merchandised_list(request, lookup)
        return
    for shown in _buyable(request, lookup):
        titles = lookup.titles({key for candidate in shown for key in referenced_products(candidate.reason)})
        yield from _with_explanations(shown, reasons.DisplayNames(products=titles))


def _buyable(request: RankedRequest, lookup: ProductLookup) -> Iterator[list[Candidate]]:
    """The candidates that this visitor can buy, piece by piece."""
    visit, count = request.visit, request.count
    remaining = (candidate for candidate in request.candidates if candidate.item.id not in visit.basket)
    filled = 0
    while filled < count and (some := list(islice(remaining, count - filled + layout.OVERFETCH))):
        offers = lookup.sellable({candidate.item.id for candidate in some}, visit.strategy)
        shown = [candidate for candidate in some if candidate.item.id in offers][: count - filled]
        yield shown
        filled += len(shown)


def _fill_merchandised_list(request: RankedRequest, lookup: ProductLookup) -> Iterator[RankedItem]:
    """A list with what campaigns pin, and what their slots choose of its products."""
    own = {candidate.item.id: candidate for shown in _buyable(request, lookup) for candidate in shown}
    offers = lookup.sellable({wish.product for wish in request.pinned}, request.visit.strategy)
    places = PlaceAllocation(request.count, request.count, list(own))
    for wish in request.pinned:
        if wish.product in offers:
            places.pin(wish)
    fill_slots(request.acting, list(own), places)
    placed = {one.product: one.by for one in places.by_place.values()}
    shown = [
        own.get(key) or Candidate(product_ref(key), 0.0, Reason(placed[key].reason_code))
        for key in places.fill(own, request.count)
    ]
    titles = lookup.titles({key for candidate in shown for key in referenced_products(candidate.reason)})
    for item in _with_explanations(shown, reasons.DisplayNames(products=titles)):
        yield replace(item, placed_by=placed.get(item.item.id))


def recommend_categories(lists: list[tuple[Iterable[Candidate], int]]) -> Iterator[list[RankedItem]]:
    """For each (categories, length) a list of that length of those that may be browsed, each with its reason."""
    browsable = catalogue.browsable_categories()
    for candidates, count in lists:
        shown = (candidate for candidate in candidates if candidate.item.id in browsable)
        yield list(_with_explanations(islice(shown, count), reasons.DisplayNames()))


def _with_explanations(candidates: Iterable[Candidate], names: reasons.DisplayNames) -> Iterator[RankedItem]:
    """Without the names of what may not be seen, and without what has no words."""
    for candidate in candidates:
        reason = candidate.reason
        if not referenced_products(reason) <= names.products.keys():
            reason = Reason("in_range")
        try:
            words = reasons.item_explanation(reason, names)
        except Exception as error:
            log_failure(error, "The reason %s has no words; its item is left out", reason.code)
            continue
        yield RankedItem(candidate.item, candidate.score, reason, words)


def _all_products(candidate: Candidate) -> set[int]:
    return {candidate.item.id, *referenced_products(candidate.reason)}
