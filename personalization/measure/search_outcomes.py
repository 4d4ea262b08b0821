"""What came of searches: how many found nothing, were clicked on, led to a basket and to what the shop kept.

Counted every night from the searches that are still stored, so that what is clicked on, put into a basket, bought or
cancelled meanwhile is in it. A day whose searches are deleted keeps its last count.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from personalization.models import Credit, Event, SearchTotal
from personalization.models.events import EventType
from personalization.models.searched_events import SearchStep
from personalization.privacy.retention import ONE_DAY, day_bounds, local_day, retention_cutoffs
from personalization.shop.currencies import own_currency

MIN_PEOPLE = 5
"""What fewer visitors searched for may name one of them, and is not counted by its words."""
MOST_WORDS = 3_000
"""Of the searches that are stored, the most frequent words are counted."""
PAUSE = timedelta(minutes=30)
"""A click belongs to the visitor's last search, if they made it or clicked in it so shortly before."""
BASKET_WINDOW = timedelta(days=1)
MAX_PLACE = 200
"""Places further down count as this one."""

BoughtAfterClicks = Mapping[tuple[UUID, int, datetime], list[tuple[str, Decimal, Decimal]]]
"""By visitor, product and moment of the click: (currency, "" for the shop's own, gross, lost) of each order line that
is owed to it."""


Totals = dict[tuple[date, str, str], SearchTotal]
"""By day, words and currency."""


@dataclass
class OneSearch:
    """A search of one visitor, and what they did with it."""

    visitor_id: UUID
    day: date
    folded_query: str
    first_at: datetime
    last_at: datetime
    """When they were still busy with it."""
    hits: float | None = None
    clicked_places: list[int] = field(default_factory=list)
    """From 1, of what they clicked on."""
    was_added: bool = False
    bought: list[tuple[str, Decimal, Decimal]] = field(default_factory=list)


def count_searches(moment: datetime) -> int:
    """Counts the days of which all searches are still stored; how many totals there are. May be killed at any point,
    repeated, and run twice at once."""
    first = local_day(retention_cutoffs(moment).searches) + ONE_DAY
    since = day_bounds(first)
    words = Event.objects.searched_words(since, moment, min_people=MIN_PEOPLE, most=MOST_WORDS)
    steps = Event.objects.search_steps(since, moment) if words else iter(())
    totals = list(add_up(searches_of(steps, _bought_since(since)), frozenset(words)))
    SearchTotal.objects.replace_since(first, totals)
    return len(totals)


def _bought_since(since: datetime) -> BoughtAfterClicks:
    found: dict[tuple[UUID, int, datetime], list[tuple[str, Decimal, Decimal]]] = defaultdict(list)
    own = own_currency()
    for owed in Credit.objects.after_clicks("search", since):
        visitor_id, product_id, clicked_at, currency, gross, lost_amount = owed
        foreign = "" if currency == own else currency
        found[visitor_id, product_id, clicked_at].append((foreign, gross, lost_amount))
    return found


def searches_of(steps: Iterable[SearchStep], bought: BoughtAfterClicks) -> Iterator[OneSearch]:
    """All searches, each once all that came of it is known. Searching for the same again within half an hour is one.

    Parameters: `steps`, of one visitor after the other, each in its order.
    """
    visitor_id: UUID | None = None
    current: OneSearch | None = None
    done: list[OneSearch] = []
    clicked: dict[int, tuple[OneSearch, datetime]] = {}
    for step in steps:
        if step.visitor_id != visitor_id:
            yield from done
            visitor_id, current, done, clicked = step.visitor_id, None, [], {}
        if step.type == EventType.SEARCH:
            if (
                current is None
                or current.folded_query != step.folded_query
                or step.occurred_at - current.last_at > PAUSE
            ):
                current = OneSearch(
                    step.visitor_id,
                    local_day(step.occurred_at),
                    step.folded_query,
                    step.occurred_at,
                    step.occurred_at,
                )
                done.append(current)
            current.last_at = step.occurred_at
            current.hits = step.hits if step.hits is not None else current.hits
        elif step.type == EventType.ADD_TO_BASKET:
            search, at = clicked.get(step.product_id or 0, (None, step.occurred_at))
            if search is not None and step.occurred_at - at <= BASKET_WINDOW:
                search.was_added = True
        elif current is not None and step.occurred_at - current.last_at <= PAUSE:
            _note_click(current, step, bought)
            clicked[step.product_id or 0] = current, step.occurred_at
    yield from done


def _note_click(search: OneSearch, step: SearchStep, bought: BoughtAfterClicks) -> None:
    search.last_at = step.occurred_at
    search.clicked_places.append(min((step.position or 0) + 1, MAX_PLACE))
    search.bought += bought.get((step.visitor_id, step.product_id or 0, step.occurred_at), ())


def is_second_search(search: OneSearch, before: OneSearch) -> bool:
    """Whether somebody tried other words, as what they had found was not what they looked for. Parameters: two searches
    of one visitor, one after the other."""
    return not before.clicked_places and search.first_at - before.last_at <= PAUSE


def add_up(searches: Iterable[OneSearch], words: frozenset[str]) -> Iterator[SearchTotal]:
    """The totals by day, words and currency, of these words."""
    totals: Totals = {}
    places: dict[tuple[date, str], Counter[int]] = defaultdict(Counter)
    last_visitor: dict[tuple[date, str], UUID] = {}
    for one in searches:
        if one.folded_query not in words:
            continue
        key = one.day, one.folded_query
        total = _search_total(totals, *key)
        total.searches += 1
        total.people += last_visitor.get(key) != one.visitor_id
        last_visitor[key] = one.visitor_id
        total.known_hits += one.hits is not None
        total.without_hits += one.hits == 0
        total.clicked += bool(one.clicked_places)
        total.added += one.was_added
        places[key].update(one.clicked_places)
        for currency, gross, lost_amount in one.bought:
            money = _search_total(totals, *key, currency)
            money.lines += 1
            money.gross += gross
            money.lost_amount += lost_amount
    for (day, query, currency), total in totals.items():
        total.clicked_places = sorted(places[day, query].items()) if not currency else []
        yield total


def _search_total(totals: Totals, day: date, words: str, currency: str = "") -> SearchTotal:
    key = day, words, currency
    if key not in totals:
        totals[key] = SearchTotal(date=day, query=words, currency=currency)
    return totals[key]
