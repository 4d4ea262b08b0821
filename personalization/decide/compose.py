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
from personalization.decide.product_lookup import Shelf
from personalization.decide.slate import Candidate, Draft, Item, Ranked, Reason, Row, Slate
from personalization.decide.visit import Visit
from personalization.shop import catalogue

logger = logging.getLogger("personalization")

Rows = Iterable[Callable[[], Iterable[Draft]]]


def compose(surface: str, snapshot: str, rows: Rows, visit: Visit, room: layout.Room) -> Slate:
    """1. Lets each kind of row propose its candidates; one that fails is left out, as is what the visitor sent away.
    2. Puts the rows in order, the strongest personal ones first.
    3. Fills them with what this visitor can buy now, nothing twice on the page, nothing from the basket, nothing
       unwanted.
    4. Says why, without naming what they bought or did where somebody else may be looking.
    """
    hidden = preferences.hidden_rows(visit.wishes)
    drafts = layout.in_order(draft for draft in _proposed(rows) if draft.reason.key not in hidden)
    spoken_of = {key for draft in drafts for reason in _reasons(draft, room) for key in _spoken_of(reason)}
    page = {key for key in (visit.product, visit.variant) if key is not None}
    shelf = Shelf(spoken_of | page, partial(catalogue.faces, beside=page))
    away = visit.basket | visit.unwanted | visit.placed
    filled = layout.filled(drafts, room, away, partial(_fit, shelf=shelf, strategy=visit.strategy, drafts=drafts))
    sold_out = _sold_out(visit, shelf)
    gone = frozenset([visit.product]) if visit.product is not None and sold_out else frozenset()
    names = reasons.Names(shelf.titles(spoken_of), _category_names(drafts), gone)
    return Slate(surface, snapshot, tuple(_said(filled, names, visit.discreet)), shelf.found(visit.product), sold_out)


def _fit(product_ids: set[int], shelf: Shelf, strategy: Any, drafts: list[Draft]) -> dict[int, catalogue.Offer]:
    """Those of the products that can be bought now, without what is outside the band of prices of its row."""
    offers = shelf.sellable(product_ids, strategy)
    for draft in drafts:
        if draft.band:
            about = shelf.found(draft.reason.facts["product"])
            base = catalogue.amount(catalogue.purchase_info(about, strategy)) if about else None
            for key in {candidate.product for candidate in draft.candidates} & offers.keys():
                if not _within(draft.band, base, catalogue.amount(offers[key].info)):
                    del offers[key]
    return offers


def _within(band: tuple[float, float], base: Decimal | None, price: Decimal | None) -> bool:
    if not (base and price):
        return False
    return band[0] * float(base) <= float(price) <= band[1] * float(base)


def _sold_out(visit: Visit, shelf: Shelf) -> bool:
    """Whether the product whose page this is was looked up, and cannot be bought now."""
    found = shelf.found(visit.product)
    return found is not None and catalogue.offer(catalogue.variant(found, visit.variant), visit.strategy) is None


def listed_together(lists: list[tuple[Visit, int, Iterator[Candidate]]], shelf: Shelf) -> Iterator[Iterator[Ranked]]:
    """For each visit the first so many of its candidates that this visitor can buy now, nothing from the basket, each
    with why. What all of them need is looked up at once."""
    first = [list(islice(candidates, top + layout.SPARE)) for _, top, candidates in lists]
    shelf.look_up({key for some in first for candidate in some for key in _all_of(candidate)})
    for (visit, top, rest), some in zip(lists, first, strict=True):
        yield _listed(chain(some, rest), top, visit, shelf)


def _listed(candidates: Iterator[Candidate], top: int, visit: Visit, shelf: Shelf) -> Iterator[Ranked]:
    wanted = (candidate for candidate in candidates if candidate.product not in visit.basket)
    shown = 0
    while shown < top and (some := list(islice(wanted, top - shown + layout.SPARE))):
        cards = shelf.sellable({candidate.product for candidate in some}, visit.strategy)
        kept = [candidate for candidate in some if candidate.product in cards][: top - shown]
        titles = shelf.titles({key for candidate in kept for key in _spoken_of(candidate.reason)})
        yield from _with_words(kept, reasons.Names(products=titles))
        shown += len(kept)


def listed_categories(lists: list[tuple[Iterable[Candidate], int]]) -> Iterator[list[Ranked]]:
    """Of each list of categories the first so many that may be browsed, each with why."""
    browsable = catalogue.browsable_categories()
    for candidates, top in lists:
        shown = (candidate for candidate in candidates if candidate.product in browsable)
        yield list(_with_words(islice(shown, top), reasons.Names()))


def _with_words(candidates: Iterable[Candidate], names: reasons.Names) -> Iterator[Ranked]:
    for candidate in candidates:
        reason = candidate.reason
        if any(key not in names.products for key in _spoken_of(reason)):  # nothing that may not be seen is named
            reason = Reason("listed")
        yield Ranked(candidate.product, candidate.score, reason, reasons.words(reason, names))


def _all_of(candidate: Candidate) -> set[int]:
    return {candidate.product, *_spoken_of(candidate.reason)}


def _spoken_of(reason: Reason) -> set[int]:
    return {reason.facts["product"]} if "product" in reason.facts else set()


def _reasons(draft: Draft, room: layout.Room) -> Iterator[Reason]:
    """Why there is this row, and why there are the products that it will show at first look."""
    yield draft.reason
    for candidate in draft.candidates[: room.row_size + layout.SPARE]:
        yield candidate.reason


def _proposed(rows: Rows) -> Iterator[Draft]:
    for propose in rows:
        try:
            yield from list(propose())
        except DatabaseError:  # it has spoiled the transaction of all rows: the caller knows the way out
            raise
        except Exception:
            logger.exception("A kind of row failed; the page goes on without it")


def _category_names(drafts: list[Draft]) -> dict[int, str]:
    """The names of the categories that the rows are about; a row that knows its category's name says it."""
    about = [draft.reason.facts for draft in drafts if "category" in draft.reason.facts]
    known = {facts["category"]: facts["name"] for facts in about if "name" in facts}
    wanted = {facts["category"] for facts in about} - known.keys()
    read = catalogue.categories(wanted) if wanted else {}
    return {**known, **{key: category.name for key, category in read.items()}}


def _said(
    filled: list[tuple[Draft, list[tuple[Candidate, Any]]]], names: reasons.Names, discreet: bool
) -> Iterator[Row]:
    codes = chain(["recommended"], repeat("recommended_too"))
    aloud = _Aloud(names, discreet)
    for draft, cards in filled:
        reason = reasons.discreet(draft.reason, next(codes)) if discreet and draft.personal else draft.reason
        try:
            title, words = reasons.title(reason, names), reasons.words(reason, names)
        except KeyError:  # it speaks of something that this visitor may not see
            continue
        items = tuple(
            _item(offer, place, _nameable(candidate, reason, names), aloud)
            for place, (candidate, offer) in enumerate(cards)
        )
        about = reason.facts.get("category")
        name = "" if about is None else names.categories[about]
        links = tuple(replace(link, words=reasons.link(link)) for link in draft.links)
        yield Row(draft.reason.key, draft.reason.code, title, reason, words, draft.personal, items, about, name, links)


def _nameable(candidate: Candidate, row: Reason, names: reasons.Names) -> Candidate:
    """The candidate; for the reason of its row where its own speaks of something that this visitor may not see."""
    seen = _spoken_of(candidate.reason) <= names.products.keys()
    return candidate if seen else replace(candidate, reason=row)


class _Aloud:
    """Puts reasons into words, each once: the candidates of a row often share one."""

    def __init__(self, names: reasons.Names, discreet: bool) -> None:
        self._names, self._discreet = names, discreet
        self._said: dict[int, tuple[Reason, Reason, str]] = {}

    def say(self, reason: Reason) -> tuple[Reason, str]:
        """What is told instead where that is too telling, and in words."""
        if id(reason) not in self._said:
            told = reasons.discreet(reason) if self._discreet else reason
            self._said[id(reason)] = reason, told, reasons.words(told, self._names)
        return self._said[id(reason)][1:]


def _item(offer: catalogue.Offer, place: int, candidate: Candidate, aloud: _Aloud) -> Item:
    product, (reason, words) = offer.product, aloud.say(candidate.reason)
    return Item(product.pk, place, candidate.score, reason, words, product, offer.info)
