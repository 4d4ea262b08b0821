"""Where a visitor stopped: what they looked at last, the search that led nowhere, the basket that they left."""

import unicodedata
from collections.abc import Iterator
from itertools import takewhile
from math import inf

from personalization.decide.slate import Candidate, Link, Reason, RowCandidate
from personalization.decide.visit import Visit
from personalization.models.events import VIEW_EVENTS, EventType, RecentEvent
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY

CONTINUE_SHOPPING = "continue_shopping"
MAX_AGE = 14 * DAY
"""What was done longer ago is not taken up again."""
ABANDONED_AFTER = 3_600.0
"""A basket that has not changed for so many seconds was left."""
MAX_VIEWS_AFTER_SEARCH = 1
"""A search is not finished when at most so many products were looked at after it."""
CLOCK_TOLERANCE = 150.0
"""A visitor's clock may be wrong by so many seconds."""
MAX_SHOWN_QUERY = 80
"""Of a longer search the rest is not shown."""
JOINING_CHARACTERS = "\u200c\u200d"
"""Some languages need these to spell, and they do no harm."""

INVISIBLE_CATEGORIES = ("Cc", "Cf", "Cs")
"""The kinds of letters that are none, or only change how others look."""

CONVERSION_EVENTS = (EventType.ADD_TO_BASKET, EventType.ADD_TO_WISHLIST)


def continue_shopping(visit: Visit, snapshot: SnapshotArrays | None = None) -> Iterator[RowCandidate]:
    """The row that takes a visitor back there, above all others; it needs nothing that was learned."""
    if not visit.tracking_allowed:
        return
    looks = [Candidate(product, at, Reason("viewed_before", {"at": at})) for product, at in recently_viewed(visit)]
    links = () if visit.hide_private_reasons else tuple(_continue_links(visit))
    yield RowCandidate(Reason(CONTINUE_SHOPPING), looks, personal=True, expected_share=inf, min_items=0, links=links)


def recently_viewed(visit: Visit) -> list[tuple[int, float]]:
    """(product, when) of what they looked at, and have neither bought nor put into a basket since, the last one first.

    Who buys without an account is known by the basket alone; what they took out of it again was decided on, too.
    """
    did = _recent_events(visit)
    looks: dict[int, float] = {}
    for one in did:
        if one.product_id is not None and one.type in VIEW_EVENTS:
            looks.setdefault(one.product_id, one.timestamp)
    added = {one.product_id: one.timestamp for one in reversed(did) if one.type == EventType.ADD_TO_BASKET}
    bought = {row[0]: row[3] for row in visit.genome.products}
    return [
        (product, at)
        for product, at in looks.items()
        if added.get(product, -inf) < at - CLOCK_TOLERANCE and not _bought_since(bought.get(product, -inf), at)
    ]


def unfinished_search(visit: Visit) -> str:
    """What they searched for last, fit to be shown; "" when something came of it: they put something into the basket or
    on a wish list after it, bought something, or looked at more than one product."""
    did = _recent_events(visit)
    searches = [one for one in did if one.type == EventType.SEARCH]
    if not searches:
        return ""
    since = [one.timestamp for one in takewhile(lambda one: one.query == searches[0].query, searches)][-1]
    later = [one for one in did if one.type != EventType.SEARCH and one.timestamp >= since]
    decided = any(one.type in CONVERSION_EVENTS for one in later)
    bought = any(_bought_since(row[3], since) for row in visit.genome.products)
    return (
        ""
        if decided or bought or len({one.product_id for one in later}) > MAX_VIEWS_AFTER_SEARCH
        else sanitized_query(searches[0].query)
    )


def sanitized_query(query: str) -> str:
    """The words of a search without what no keyboard types, on one short line."""
    letters = (
        letter if letter in JOINING_CHARACTERS or unicodedata.category(letter) not in INVISIBLE_CATEGORIES else " "
        for letter in query
    )
    return " ".join("".join(letters).split())[:MAX_SHOWN_QUERY].strip()


def _continue_links(visit: Visit) -> Iterator[Link]:
    if visit.basket_quantity and visit.timestamp - visit.basket_updated_at >= ABANDONED_AFTER:
        yield Link("basket", {"items": visit.basket_quantity})
    if query := unfinished_search(visit):
        yield Link("search", {"query": query})


def _recent_events(visit: Visit) -> list[RecentEvent]:
    return list(takewhile(lambda one: one.timestamp >= visit.timestamp - MAX_AGE, visit.recent_events))


def _bought_since(day: float, moment: float) -> bool:
    """Whether something was bought since a moment: of a purchase only the day is known."""
    return day // DAY >= moment // DAY
