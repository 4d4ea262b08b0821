"""What is stored about one visitor, for the page on which they see it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from personalization import conf
from personalization.models import Consent, Event, Genome, Visitor
from personalization.models.events import EventType
from personalization.models.visitors import Preference
from personalization.privacy import consent
from personalization.privacy.households import HouseholdState, household_state
from personalization.privacy.loyalty_cards import LinkedCard, can_link_cards, linked_cards
from personalization.privacy.message_addresses import stored_messages
from personalization.privacy.requester import Requester
from personalization.privacy.sizes import RememberedSizes, remembered_sizes
from personalization.profile.taste_changes import TasteChanges, read_taste_changes
from personalization.shop import account_records, catalogue

INTERESTS_SHOWN = 12
RECENT_SHOWN = 50
"""How many of the visitor's latest events the lists of recent products and searches are made from."""


CONSENT_CODES = {
    "granted": "the visitor consented",
    "refused": "the visitor refused",
    "not_asked": "the visitor has not answered",
    "opt_out_signal": "the browser sends Sec-GPC or DNT",
    "child_account": "the shop says that the account is a child's",
    "consent_tool": "the shop's own consent tool says no",
}
"""Whether data of a visitor is stored (with the first one only), and why."""


@dataclass(frozen=True)
class ConsentStatus:
    """Whether data of this visitor is stored, and why."""

    code: str
    """A key of CONSENT_CODES."""
    since: datetime | None = None
    source: str = ""
    """Where they answered, as in `ConsentRecord`; "browser" where only the browser remembers it."""

    @property
    def is_on(self) -> bool:
        """Whether data is stored and used."""
        return self.code == "granted"


@dataclass(frozen=True)
class RecentActivity:
    """A product or a search, and the latest event about it."""

    event_id: UUID
    at: datetime
    product: Any = None
    """None where it is not in the shop any more."""
    query: str = ""
    added_to_basket: bool = False
    """Whether the last event put it into the basket."""


@dataclass(frozen=True)
class Dismissal:
    """A product, category or row that the visitor is not interested in."""

    kind: str
    key: int | str
    name: str
    until: datetime


@dataclass(frozen=True)
class VisitorOverview:
    """Everything that the page shows."""

    status: ConsentStatus
    genome: Genome
    first_purchase_at: datetime | None
    view_count: int
    search_count: int
    interests: list[Any]
    """The categories that the visitor buys from most, the strongest first, without those that they removed."""
    added_interests: list[Any]
    removed_interests: list[Any]
    changes: TasteChanges | None
    """What changed in what they buy; None where there is nothing to compare with."""
    selectable_interests: list[account_records.CategoryNode]
    """The categories that can be added."""
    dismissals: list[Dismissal]
    recent_products: list[RecentActivity]
    recent_searches: list[RecentActivity]
    records: account_records.AccountRecords
    message_count: int
    """How many messages to them, and requests for one, are stored."""
    message_days: int
    """How many days these are stored."""
    shop_has_cards: bool
    """Whether the shop has loyalty cards that customers can link."""
    cards: list[LinkedCard]
    card_needs_receipt: bool
    store_share: float
    """The part of their purchases, 0 to 1, that was bought in stores."""
    purchase_days: int
    """How many days what was bought in stores is stored."""
    household: HouseholdState | None
    """None in a shop without households."""
    sizes: list[RememberedSizes]
    erased_at: datetime | None
    retention_days: int
    """How many days events are stored."""
    search_retention_days: int
    genome_retention_months: int
    """For how many months it is stored what a customer bought most of in a month."""
    min_customers: int
    """From how many customers on a total of the shop's orders counts."""

    @property
    def store_percent(self) -> int:
        """`store_share` in percent, at least 1."""
        return max(1, round(100 * self.store_share))


def visitor_overview(requester: Requester, visitor: Visitor | None, now: datetime) -> VisitorOverview:
    """Reads the visitor's consent, events, genome and preferences, with the names of products and categories."""
    settings = conf.get_settings()
    events = Event.objects.for_visitor(visitor.pk) if visitor else Event.objects.none()
    views, searches = events.views_and_searches()
    genome = visitor.genome() if visitor else Genome()
    facts = visitor.facts() if visitor else None
    preferences = visitor.get_preferences() if visitor else ()
    liked, added, removed = _stated_interests(genome, preferences)
    named = _category_names([*liked, *added, *removed])
    status = consent_status(requester, visitor)
    facts = visitor.facts() if visitor and status.is_on else None
    return VisitorOverview(
        status=status,
        genome=genome,
        first_purchase_at=_first_day(genome),
        view_count=views,
        search_count=searches,
        interests=named(liked)[:INTERESTS_SHOWN],
        added_interests=named(added),
        removed_interests=named(removed),
        changes=read_taste_changes(requester.user_id, facts, now.timestamp(), removed) if facts else None,
        selectable_interests=account_records.category_nodes() if status.is_on else [],
        dismissals=_dismissals(preferences, now),
        recent_products=_recent_products(events.with_products()[:RECENT_SHOWN]),
        recent_searches=_recent_queries(events.searches()[:RECENT_SHOWN]),
        records=account_records.account_records(requester.user_id)
        if requester.is_signed_in
        else account_records.AccountRecords(),
        message_count=stored_messages(requester.user_id) if requester.is_signed_in else 0,
        message_days=settings.MESSAGE_RETENTION_DAYS,
        shop_has_cards=can_link_cards(),
        cards=linked_cards(requester.user_id),
        card_needs_receipt=settings.CARD_NEEDS_RECEIPT,
        store_share=(facts.store_share or 0.0) if facts else 0.0,
        purchase_days=settings.PURCHASE_RETENTION_DAYS,
        household=household_state(visitor, now),
        sizes=remembered_sizes(genome, preferences) if status.is_on and requester.is_signed_in else [],
        erased_at=visitor.erased_at if visitor else None,
        retention_days=settings.EVENT_RETENTION_DAYS,
        search_retention_days=settings.SEARCH_RETENTION_DAYS,
        genome_retention_months=settings.GENOME_RETENTION_MONTHS,
        min_customers=settings.MIN_CUSTOMERS,
    )


def consent_status(requester: Requester, visitor: Visitor | None) -> ConsentStatus:
    """Whether data of this visitor is stored, and why."""
    if requester.opt_out_signal:
        return ConsentStatus("opt_out_signal")
    if requester.is_child:
        return ConsentStatus("child_account")
    if consent.tracking_allowed(requester, visitor):
        return _since_date("granted", Consent.GRANTED, requester, visitor)
    if consent.has_refused(requester, visitor):
        return _since_date("refused", Consent.WITHDRAWN, requester, visitor)
    return ConsentStatus("not_asked" if requester.consent_tool_answer is None else "consent_tool")


def _since_date(code: str, state: Any, requester: Requester, visitor: Visitor | None) -> ConsentStatus:
    """The status with when and where the visitor answered: in their account, or else in their browser."""
    change = visitor.consent_answer() if visitor is not None and visitor.user_id is not None else None
    if change is not None and change.state == state:
        return ConsentStatus(code, change.recorded_at, change.source)
    choice = requester.choice
    if choice is not None and choice.granted == (state == Consent.GRANTED):
        return ConsentStatus(code, choice.at, "browser")
    return ConsentStatus(code, source="the shop's tool")


def _first_day(genome: Genome) -> datetime | None:
    days = [row[4] for row in genome.products if len(row) > 4]
    return datetime.fromtimestamp(min(days), UTC) if days else None


def _stated_interests(genome: Genome, preferences: Iterable[Preference]) -> tuple[list[int], list[int], list[int]]:
    """(categories from purchases, categories that the visitor added, categories that they removed)"""
    stated = {int(entry.key): entry.sign for entry in preferences if entry.type == "interest"}
    liked = [row[0] for row in genome.categories if row[0] not in stated]
    added = [key for key, sign in stated.items() if sign > 0]
    return liked, added, [key for key, sign in stated.items() if sign < 0]


def _category_names(keys: list[int]) -> Callable[[list[int]], list[Any]]:
    """A function from some of these keys to their categories: those that are in the shop and not sensitive."""
    found = catalogue.categories_by_id(set(keys) - catalogue.sensitive_categories()) if keys else {}
    return lambda wanted: [found[key] for key in wanted if key in found]


def _dismissals(preferences: Iterable[Preference], now: datetime) -> list[Dismissal]:
    """The dismissals that have not expired, the latest first."""
    duration = timedelta(days=conf.get_settings().DISMISSAL_DAYS)
    dismissed = [entry for entry in preferences if entry.sign < 0 and entry.type in ("product", "category", "reason")]
    names: dict[str, dict[Any, str]] = {
        "product": account_records.product_titles(int(entry.key) for entry in dismissed if entry.type == "product"),
        "category": account_records.category_titles(int(entry.key) for entry in dismissed if entry.type == "category"),
    }
    listed = [
        Dismissal(
            entry.type,
            entry.key,
            names.get(entry.type, {}).get(entry.key, ""),
            datetime.fromtimestamp(entry.recorded_at, UTC) + duration,
        )
        for entry in reversed(dismissed)
    ]
    return [item for item in listed if item.until > now]


def _recent_products(events: Iterable[Event]) -> list[RecentActivity]:
    """Each product once, with the last of these events, the newest first."""
    last: dict[int | None, Event] = {}
    for event in events:
        last.setdefault(event.product_id, event)
    found = account_records.products_by_id(key for key in last if key is not None)
    return [
        RecentActivity(
            event.event_id,
            event.occurred_at,
            product=found.get(key or 0),
            added_to_basket=event.type == EventType.ADD_TO_BASKET,
        )
        for key, event in last.items()
    ]


def _recent_queries(events: Iterable[Event]) -> list[RecentActivity]:
    """Each search once, the newest first."""
    last: dict[str, Event] = {}
    for event in events:
        last.setdefault(event.query, event)
    return [RecentActivity(event.event_id, event.occurred_at, query=query) for query, event in last.items()]
