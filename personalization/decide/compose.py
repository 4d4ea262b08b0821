"""Makes a slate: the one function to read when someone asks why this shopper saw this product."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice, repeat
from typing import Any

from django.db import DatabaseError

from personalization import conf
from personalization.decide import arrange, explain, wishes
from personalization.decide.shelf import Shelf
from personalization.decide.slate import Candidate, Draft, Item, Ranked, Reason, Row, Slate
from personalization.decide.visit import Visit
from personalization.oscar import catalogue

logger = logging.getLogger("personalization")

Rows = Iterable[Callable[[], Iterable[Draft]]]


def compose(surface: str, snapshot: str, rows: Rows, visit: Visit) -> Slate:
    """1. Lets each kind of row propose its candidates; one that fails is left out, as is what the visitor sent away.
    2. Puts the rows in order, the strongest personal ones first.
    3. Fills them with what this visitor can buy now, nothing twice, nothing from the basket, nothing unwanted.
    4. Says why, without naming what they bought or did where somebody else may be looking.
    """
    settings = conf.current()
    room = arrange.Room(settings.row_size, settings.personal_rows, settings.rows)
    hidden = wishes.hidden_rows(visit.wishes)
    drafts = arrange.in_order(draft for draft in _proposed(rows) if draft.reason.key not in hidden)
    spoken_of = {key for draft in drafts for key in _spoken_of(draft.reason)}
    shelf = Shelf(spoken_of)
    filled = arrange.filled(
        drafts, room, visit.basket | visit.unwanted, partial(shelf.sellable, strategy=visit.strategy)
    )
    names = explain.Names(shelf.titles(spoken_of), _category_names(drafts))
    return Slate(surface, snapshot, tuple(_said(filled, names, visit.discreet)))


def listed_together(lists: list[tuple[Visit, int, Iterator[Candidate]]], shelf: Shelf) -> Iterator[Iterator[Ranked]]:
    """For each visit the first so many of its candidates that this visitor can buy now, nothing from the basket, each
    with why. What all of them need is looked up at once."""
    first = [list(islice(candidates, top + arrange.SPARE)) for _, top, candidates in lists]
    shelf.look_up({key for some in first for candidate in some for key in _all_of(candidate)})
    for (visit, top, rest), some in zip(lists, first, strict=True):
        yield _listed(chain(some, rest), top, visit, shelf)


def _listed(candidates: Iterator[Candidate], top: int, visit: Visit, shelf: Shelf) -> Iterator[Ranked]:
    wanted = (candidate for candidate in candidates if candidate.product not in visit.basket)
    shown = 0
    while shown < top and (some := list(islice(wanted, top - shown + arrange.SPARE))):
        cards = shelf.sellable({candidate.product for candidate in some}, visit.strategy)
        kept = [candidate for candidate in some if candidate.product in cards][: top - shown]
        titles = shelf.titles({key for candidate in kept for key in _spoken_of(candidate.reason)})
        yield from _with_words(kept, explain.Names(products=titles))
        shown += len(kept)


def listed_categories(lists: list[tuple[Iterable[Candidate], int]]) -> Iterator[list[Ranked]]:
    """Of each list of categories the first so many that may be browsed, each with why."""
    browsable = catalogue.browsable_categories()
    for candidates, top in lists:
        shown = (candidate for candidate in candidates if candidate.product in browsable)
        yield list(_with_words(islice(shown, top), explain.Names()))


def _with_words(candidates: Iterable[Candidate], names: explain.Names) -> Iterator[Ranked]:
    for candidate in candidates:
        reason = candidate.reason
        if any(key not in names.products for key in _spoken_of(reason)):  # nothing that may not be seen is named
            reason = Reason("listed")
        yield Ranked(candidate.product, candidate.score, reason, explain.words(reason, names))


def _all_of(candidate: Candidate) -> set[int]:
    return {candidate.product, *_spoken_of(candidate.reason)}


def _spoken_of(reason: Reason) -> set[int]:
    return {reason.facts["product"]} if "product" in reason.facts else set()


def _proposed(rows: Rows) -> Iterator[Draft]:
    for propose in rows:
        try:
            yield from list(propose())
        except DatabaseError:  # it has spoiled the transaction of all rows: the caller knows the way out
            raise
        except Exception:
            logger.exception("A kind of row failed; the page goes on without it")


def _category_names(drafts: list[Draft]) -> dict[int, str]:
    wanted = {draft.reason.facts["category"] for draft in drafts if "category" in draft.reason.facts}
    return {key: category.name for key, category in catalogue.categories(wanted).items()} if wanted else {}


def _said(
    filled: list[tuple[Draft, list[tuple[Candidate, Any]]]], names: explain.Names, discreet: bool
) -> Iterator[Row]:
    codes = chain(["recommended"], repeat("recommended_too"))
    for draft, cards in filled:
        reason = explain.discreet(draft.reason, next(codes)) if discreet and draft.personal else draft.reason
        try:
            title, words = explain.title(reason, names), explain.words(reason, names)
        except KeyError:  # it speaks of something that this visitor may not see
            continue
        items = tuple(_item(card, place, candidate, names, discreet) for place, (candidate, card) in enumerate(cards))
        about = reason.facts.get("category")
        name = "" if about is None else names.categories[about]
        yield Row(draft.reason.key, draft.reason.code, title, reason, words, draft.personal, items, about, name)


def _item(card: Any, place: int, candidate: Candidate, names: explain.Names, discreet: bool) -> Item:
    reason = explain.discreet(candidate.reason) if discreet else candidate.reason
    return Item(card.pk, place, candidate.score, reason, explain.words(reason, names), card)
