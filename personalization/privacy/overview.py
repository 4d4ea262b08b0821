"""What is known of one visitor, in the words of the page that shows it to them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from personalization import conf
from personalization.models import Consent, Event, Genome, Visitor
from personalization.models.events import Name
from personalization.models.visitors import Wish
from personalization.privacy import consent
from personalization.shop import account_records, catalogue

INTERESTS_SHOWN = 12
RECENT_SHOWN = 50
"""So many of the last things that somebody did are looked through for what is listed."""


@dataclass(frozen=True)
class Standing:
    """Whether anything is kept of this visitor, and why."""

    code: str
    """on; off: they said no; unasked: they have not answered; signal: their browser says no for them; child: the shop
    says that the account is a child's; shop: the shop's own tool says no."""
    since: datetime | None = None
    source: str = ""
    """Where they said so, as ConsentChange has it; "browser" for what only the browser remembers."""

    @property
    def on(self) -> bool:
        """Whether things are kept and used."""
        return self.code == "on"


@dataclass(frozen=True)
class Done:
    """A product or a search, and when they last had to do with it."""

    event_id: UUID
    at: datetime
    product: Any = None
    """None where it is not in the shop any more."""
    query: str = ""
    added: bool = False
    """Whether the last thing was to put it into the basket."""


@dataclass(frozen=True)
class Unwanted:
    """Something that they are not interested in."""

    kind: str
    key: int | str
    name: str
    until: datetime


@dataclass(frozen=True)
class Portrait:
    """All that the page shows."""

    standing: Standing
    genome: Genome
    bought_since: datetime | None
    views: int
    searches: int
    interests: list[Any]
    """The categories that they buy from most, the strongest first, without what they took out."""
    added: list[Any]
    removed: list[Any]
    shelves: list[account_records.Shelf]
    """What can be added."""
    unwanted: list[Unwanted]
    products: list[Done]
    queries: list[Done]
    records: account_records.Records
    forgotten_at: datetime | None
    days: int
    """How long events are kept."""
    search_days: int


def portrait(request: HttpRequest, visitor: Visitor | None, now: datetime) -> Portrait:
    """1. what they allow     2. what they did     3. what they bought, and said themselves, in the names of the shop"""
    settings = conf.current()
    held = Event.objects.held(visitor.pk) if visitor else Event.objects.none()
    views, searches = held.views_and_searches()
    genome = visitor.genome() if visitor else Genome()
    wishes = visitor.wished() if visitor else ()
    liked, added, removed = _interests(genome, wishes)
    named = _named_categories([*liked, *added, *removed])
    standing = standing_of(request, visitor)
    return Portrait(
        standing=standing,
        genome=genome,
        bought_since=_first_day(genome),
        views=views,
        searches=searches,
        interests=named(liked)[:INTERESTS_SHOWN],
        added=named(added),
        removed=named(removed),
        shelves=account_records.shelves() if standing.on else [],
        unwanted=_unwanted(wishes, now),
        products=_products(held.with_products()[:RECENT_SHOWN]),
        queries=_queries(held.searches()[:RECENT_SHOWN]),
        records=account_records.records(request.user.pk) if consent.signed_in(request) else account_records.Records(),
        forgotten_at=visitor.forgotten_at if visitor else None,
        days=settings.event_days,
        search_days=settings.search_days,
    )


def standing_of(request: HttpRequest, visitor: Visitor | None) -> Standing:
    """Why something, or nothing, is kept of this visitor."""
    if consent.objects(request):
        return Standing("signal")
    if consent.by_a_child(request):
        return Standing("child")
    if consent.allowed(request, visitor):
        return _since("on", Consent.GRANTED, request, visitor)
    if consent.refused(request, visitor):
        return _since("off", Consent.WITHDRAWN, request, visitor)
    return Standing("unasked" if consent.by_the_shop(request) is None else "shop")


def _since(code: str, state: Any, request: HttpRequest, visitor: Visitor | None) -> Standing:
    """The same with when and where they said so: in their account, or else in their browser."""
    change = visitor.answer() if visitor is not None and visitor.user_id is not None else None
    if change is not None and change.state == state:
        return Standing(code, change.at, change.source)
    given = consent.choice(request)
    if given is not None and given.granted == (state == Consent.GRANTED):
        return Standing(code, given.at, "browser")
    return Standing(code, source="the shop's tool")


def _first_day(genome: Genome) -> datetime | None:
    days = [row[4] for row in genome.products if len(row) > 4]
    return datetime.fromtimestamp(min(days), UTC) if days else None


def _interests(genome: Genome, wishes: Iterable[Wish]) -> tuple[list[int], list[int], list[int]]:
    """The categories that purchases say they like; those that they added; those that they took out."""
    stated = {int(wish.key): wish.sign for wish in wishes if wish.kind == "interest"}
    liked = [row[0] for row in genome.categories if row[0] not in stated]
    added = [key for key, sign in stated.items() if sign > 0]
    return liked, added, [key for key, sign in stated.items() if sign < 0]


def _named_categories(keys: list[int]) -> Callable[[list[int]], list[Any]]:
    """Gives the categories of some of these keys, in their sequence: those that are in the shop and not sensitive."""
    found = catalogue.categories(set(keys) - catalogue.sensitive_categories()) if keys else {}
    return lambda wanted: [found[key] for key in wanted if key in found]


def _unwanted(wishes: Iterable[Wish], now: datetime) -> list[Unwanted]:
    """What they sent away and what still stays away, the last first."""
    lasts = timedelta(days=conf.current().dismissed_days)
    away = [wish for wish in wishes if wish.sign < 0 and wish.kind in ("product", "category", "reason")]
    names: dict[str, dict[Any, str]] = {
        "product": account_records.titles(int(wish.key) for wish in away if wish.kind == "product"),
        "category": account_records.category_names(int(wish.key) for wish in away if wish.kind == "category"),
    }
    listed = [
        Unwanted(wish.kind, wish.key, names.get(wish.kind, {}).get(wish.key, ""), _moment(wish.at) + lasts)
        for wish in reversed(away)
    ]
    return [item for item in listed if item.until > now]


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _products(events: Iterable[Event]) -> list[Done]:
    """Each product once, with the last of these events, the newest first."""
    last: dict[int | None, Event] = {}
    for event in events:
        last.setdefault(event.product, event)
    found = account_records.products(key for key in last if key is not None)
    return [
        Done(event.event_id, event.happened, product=found.get(key or 0), added=event.name == Name.ADDED)
        for key, event in last.items()
    ]


def _queries(events: Iterable[Event]) -> list[Done]:
    """Each search once, the newest first."""
    last: dict[str, Event] = {}
    for event in events:
        last.setdefault(event.query, event)
    return [Done(event.event_id, event.happened, query=query) for query, event in last.items()]
