"""Makes a slate: the one function to read when someone asks why this shopper saw this product."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import DatabaseError

from personalization import conf
from personalization.decide import arrange, explain
from personalization.decide.slate import Candidate, Draft, Item, Row, Slate
from personalization.decide.visit import Visit
from personalization.oscar import catalogue

logger = logging.getLogger("personalization")

Rows = Iterable[Callable[[], Iterable[Draft]]]


def compose(surface: str, snapshot: str, rows: Rows, visit: Visit) -> Slate:
    """1. Lets each kind of row propose its candidates; one that fails is left out.
    2. Puts the rows in order, the strongest personal ones first.
    3. Fills them with what this visitor can buy now, nothing twice, nothing from the basket.
    4. Says why.
    """
    settings = conf.current()
    room = arrange.Room(settings.row_size, settings.personal_rows, settings.rows)
    drafts = arrange.in_order(_proposed(rows))
    shelf = _Shelf(visit, drafts)
    filled = arrange.filled(drafts, room, visit.basket, shelf.look_up)
    names = explain.Names(shelf.titles(), _category_names(drafts))
    return Slate(surface, snapshot, tuple(_said(filled, names)))


class _Shelf:
    """The products of one page: looked up together, remembered with their titles."""

    def __init__(self, visit: Visit, drafts: list[Draft]) -> None:
        self.visit = visit
        self.spoken_of = {draft.reason.facts["product"] for draft in drafts if "product" in draft.reason.facts}
        self.products: dict[int, Any] = {}

    def look_up(self, product_ids: set[int]) -> dict[int, Any]:
        """Those of the products that this visitor can buy now."""
        unknown = self.spoken_of - self.products.keys()
        self.products.update(catalogue.cards(product_ids | unknown))
        found = {key: self.products[key] for key in product_ids & self.products.keys()}
        return {key: card for key, card in found.items() if catalogue.sellable(card, self.visit.strategy)}

    def titles(self) -> dict[int, str]:
        return {key: product.get_title() for key, product in self.products.items()}


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


def _said(filled: list[tuple[Draft, list[tuple[Candidate, Any]]]], names: explain.Names) -> Iterator[Row]:
    for draft, cards in filled:
        try:
            title, words = explain.title(draft.reason, names), explain.words(draft.reason, names)
        except KeyError:  # it speaks of something that this visitor may not see
            continue
        items = tuple(
            Item(
                card.pk,
                place,
                candidate.score,
                candidate.reason,
                explain.words(candidate.reason, names),
                card,
            )
            for place, (candidate, card) in enumerate(cards)
        )
        yield Row(draft.reason.code, title, draft.reason, words, draft.personal, items)
