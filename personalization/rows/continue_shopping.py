"""Where a visitor left off: what they viewed last, the search that led nowhere, the basket that they abandoned, and
what goes with the last product that they viewed."""

import unicodedata
from collections.abc import Iterator
from itertools import takewhile
from math import inf

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.decide import selection
from personalization.decide.slate import Candidate, Link, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.models.events import VIEW_EVENTS, EventType
from personalization.models.recent_activity import RecentEvent
from personalization.rank import spelling
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY
from personalization.shop import title_search

MAX_AGE = 14 * DAY
"""What was done longer ago is not taken up again."""
ABANDONED_AFTER = 3_600.0
"""A basket that has not changed for this many seconds was abandoned."""
MAX_VIEWS_AFTER_SEARCH = 1
"""A search is unfinished when at most this many products were viewed after it."""
CLOCK_TOLERANCE = 150.0
"""In seconds: a visitor's clock may be wrong by this much."""
MAX_SHOWN_QUERY = 80
"""A longer search query is cut."""
JOINING_CHARACTERS = "\u200c\u200d"
"""Some languages need these to spell, and they do no harm."""
INVISIBLE_CATEGORIES = ("Cc", "Cf", "Cs")
"""The Unicode categories of characters that are invisible, or only change how others look."""
CONVERSION_EVENTS = (EventType.ADD_TO_BASKET, EventType.ADD_TO_WISHLIST)


def propose_continue_shopping(visit: Visit, snapshot: SnapshotArrays | None = None) -> Iterator[RowCandidate]:
    """The row that takes a visitor back, above all others; it needs no snapshot."""
    if not visit.tracking_allowed:
        return
    views = [
        Candidate(product_ref(product), viewed_at, Reason("viewed_before", {"at": viewed_at}))
        for product, viewed_at in recently_viewed(visit)
    ]
    links = () if visit.hide_private_reasons else tuple(_continue_links(visit, snapshot))
    yield RowCandidate(views, expected_share=inf, links=links)


def propose_because_you_viewed(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What goes with the product that the visitor viewed last and did not buy since; it counts half as much a day
    later."""
    product, viewed_at = next(iter(recently_viewed(visit)), (0, 0.0))
    (index,) = snapshot.product_indices([product]).tolist()
    if index < 0:
        return
    params = {"product": product}
    reason = Reason(BECAUSE_YOU_VIEWED.code, params)
    seen = {event.product_id for event in visit.recent_events}
    related, closeness = selection.related(snapshot, index)
    candidates = [
        Candidate(product_ref(other), float(score), reason)
        for other, score in zip(snapshot.ids[related].tolist(), closeness, strict=True)
        if other not in seen
    ]
    yield RowCandidate(candidates, params, expected_share=0.5 ** (max(visit.timestamp - viewed_at, 0) / DAY))


def recently_viewed(visit: Visit) -> list[tuple[int, float]]:
    """(product key, time) of what they viewed and have neither bought nor put into a basket since, the last one first.

    Guests who buy are known by the basket alone; what they took out of it again was decided on, too.
    """
    events = _recent_events(visit)
    views: dict[int, float] = {}
    for event in events:
        if event.product_id is not None and event.type in VIEW_EVENTS:
            views.setdefault(event.product_id, event.timestamp)
    added = {event.product_id: event.timestamp for event in reversed(events) if event.type == EventType.ADD_TO_BASKET}
    bought = {row[0]: row[3] for row in visit.own_purchases}
    return [
        (product, viewed_at)
        for product, viewed_at in views.items()
        if added.get(product, -inf) < viewed_at - CLOCK_TOLERANCE
        and not _bought_since(bought.get(product, -inf), viewed_at)
    ]


def unfinished_search(visit: Visit) -> str:
    """Their last search query, fit to be shown; "" when the search succeeded: they put something into the basket or on
    a wish list after it, bought something, or viewed more than one product."""
    events = _recent_events(visit)
    searches = [event for event in events if event.type == EventType.SEARCH]
    if not searches:
        return ""
    since = [event.timestamp for event in takewhile(lambda event: event.query == searches[0].query, searches)][-1]
    later = [event for event in events if event.type != EventType.SEARCH and event.timestamp >= since]
    converted = any(event.type in CONVERSION_EVENTS for event in later)
    bought = any(_bought_since(row[3], since) for row in visit.own_purchases)
    return (
        ""
        if converted or bought or len({event.product_id for event in later}) > MAX_VIEWS_AFTER_SEARCH
        else sanitized_query(searches[0].query)
    )


def sanitized_query(query: str) -> str:
    """The words of a search without what no keyboard types, on one short line."""
    letters = (
        letter if letter in JOINING_CHARACTERS or unicodedata.category(letter) not in INVISIBLE_CATEGORIES else " "
        for letter in query
    )
    return " ".join("".join(letters).split())[:MAX_SHOWN_QUERY].strip()


def _continue_links(visit: Visit, snapshot: SnapshotArrays | None) -> Iterator[Link]:
    if visit.basket_quantity and visit.timestamp - visit.basket_updated_at >= ABANDONED_AFTER:
        yield Link("basket", {"items": visit.basket_quantity})
    if (query := unfinished_search(visit)) and any(
        _may_find(wording, snapshot) for wording in (query, *visit.rules.search.alternatives(query))
    ):
        yield Link("search", {"query": query})


def _may_find(query: str, snapshot: SnapshotArrays | None) -> bool:
    """Whether a search can lead anywhere, by the words that a snapshot keeps; without one, by a query of the titles."""
    return title_search.matches_any_title(query) if snapshot is None else spelling.may_find(query, snapshot)


def _recent_events(visit: Visit) -> list[RecentEvent]:
    return list(takewhile(lambda event: event.timestamp >= visit.timestamp - MAX_AGE, visit.recent_events))


def _bought_since(day: float, moment: float) -> bool:
    """Whether something was bought since a moment: of a purchase only the day is known."""
    return day // DAY >= moment // DAY


CONTINUE_SHOPPING = RowType(
    code="continue_shopping",
    title=lambda params: _("Pick up where you left off"),
    explanation=lambda params: _("What you recently viewed, searched for or left in your basket"),
    discloses_activity=True,
    propose=propose_continue_shopping,
    fallback=propose_continue_shopping,
    personal=True,
    min_items=0,
    takes_pins=False,
)
BECAUSE_YOU_VIEWED = RowType(
    code="because_you_viewed",
    title=lambda params: pgettext("personalization", "Because you viewed %(product)s") % params,
    explanation=lambda params: _("Similar products, and products that go with it"),
    discloses_activity=True,
    propose=propose_because_you_viewed,
    personal=True,
)
row_types = (CONTINUE_SHOPPING, BECAUSE_YOU_VIEWED)
