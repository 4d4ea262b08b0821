"""How often the cards of each product were seen, clicked on, and expected to be: what `click_ratio` learns from."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from personalization.models import Event
from personalization.models.events import EventType
from personalization.models.shown_events import CARD_WEEK, CardCount
from personalization.rank.snapshot_arrays import lookup_indices
from personalization.recommenders import ShownArrays
from personalization.shop import purchases

WEEKS = 12
"""So many weeks are read: those that count for a run, and before its evaluation weeks."""
PRIOR_CARDS = 200.0
"""The click rate of a whole surface counts like so many cards in each of its places."""
CARD_TABLE = np.dtype([("week", "i2"), ("product", "i8"), ("place", "i4"), ("cards", "i4")])
CardPlace = tuple[str, str, int]
"""(surface, device, position)"""


def read_cards(now: float) -> Iterator[Iterator[CardCount]]:
    """What was seen, then what was clicked on, in the weeks before `now` (seconds since 1970), both streamed. Only of
    buyers, as an identity costs nothing, and an order does. Who they are is worked out twice, and not in each week: the
    database reads all order lines for it."""
    until = datetime.fromtimestamp(now, UTC)
    if not Event.objects.filter(type=EventType.IMPRESSION).exists():
        yield from (iter(()), iter(()))
        return
    yield Event.objects.cards_seen(until, WEEKS, purchases.buyers())
    yield Event.objects.cards_clicked(until, WEEKS, purchases.buyers())


def shown_arrays(counts: Iterable[Iterable[CardCount]], now: float, product_id: NDArray[np.int64]) -> ShownArrays:
    """What was seen of the products with these keys, ascending; of others it only tells how places are clicked on.

    What a place is worth is worked out from all weeks: it is of the page, and not of what it shows.

    Parameters: `counts`, as from `read_cards`.
    """
    numbers: dict[CardPlace, int] = {}
    seen, clicked = (_card_table(rows, numbers) for rows in counts)
    rates = _click_rates(seen, clicked, list(numbers))
    seen, clicked = (_known_products(table, product_id) for table in (seen, clicked))
    cells = np.unique(np.concatenate([_cells(seen, product_id), _cells(clicked, product_id)]))
    cell, clicked_cell = (np.searchsorted(cells, _cells(table, product_id)) for table in (seen, clicked))
    viewers = np.zeros(len(cells), np.int64)
    np.maximum.at(viewers, cell, seen["cards"])  # of one place, where each visitor counts once
    expected = np.bincount(cell, seen["cards"] * rates[seen["place"]], len(cells)).astype(np.float64)
    sums = (cell, seen["cards"]), (clicked_cell, clicked["cards"])
    cards, clicks = (np.bincount(of, counts, len(cells)) for of, counts in sums)
    week, product = np.divmod(cells, max(len(product_id), 1))
    return ShownArrays(
        product=product.astype(np.int32),
        ended=now - week * CARD_WEEK.total_seconds(),
        cards=cards.astype(np.int64),
        viewers=viewers,
        clicks=clicks.astype(np.int64),
        expected=expected,
    )


def _card_table(rows: Iterable[CardCount], numbers: dict[CardPlace, int]) -> NDArray[np.void]:
    """The counts as a CARD_TABLE; places are numbered as they come."""
    return np.fromiter(
        (
            (week, product, numbers.setdefault((surface, device, position), len(numbers)), cards)
            for week, product, position, surface, device, cards in rows
        ),
        CARD_TABLE,
    )


def _known_products(table: NDArray[np.void], product_id: NDArray[np.int64]) -> NDArray[np.void]:
    """The rows of these products, whose numbers stand instead of their keys."""
    index = lookup_indices(product_id, table["product"])
    table = table[index >= 0]
    table["product"] = index[index >= 0]
    return table


def _cells(table: NDArray[np.void], product_id: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for the week and the product of each row."""
    cells: NDArray[np.int64] = table["week"] * np.int64(max(len(product_id), 1)) + table["product"]
    return cells


def _click_rates(seen: NDArray[np.void], clicked: NDArray[np.void], places: list[CardPlace]) -> NDArray[np.float64]:
    """The share of the cards in each place that are clicked on, with that of its surface where few were seen there."""
    cards, clicks = (np.bincount(table["place"], table["cards"], len(places)) for table in (seen, clicked))
    names = sorted({surface for surface, _, _ in places})
    surface = np.array([names.index(name) for name, _, _ in places], np.int64)
    was_seen = cards > 0  # what only clicks are known of tells no rate
    total, clicked_on = (np.bincount(surface, sums * was_seen, len(names)) for sums in (cards, clicks))
    usual = clicked_on / np.maximum(total, 1)
    rates: NDArray[np.float64] = (clicks + PRIOR_CARDS * usual[surface]) / (cards + PRIOR_CARDS)
    return rates
