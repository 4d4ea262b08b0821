"""What the page of a customer says of their value, their tastes and their wishes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import formats
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import npgettext, pgettext

from personalization import conf
from personalization.decide.interest_questions import QUESTIONS_KEY
from personalization.models import CustomerFacts, Visitor
from personalization.models.customer_facts import Taste, TasteKind
from personalization.models.visitors import Preference
from personalization.shop import named_objects, orders, segment_choices
from personalization.shop.orders import CurrencySums

SHOWN_TASTES = 8
"""As many of each kind are shown."""
SHOWN_KINDS = (TasteKind.CATEGORY, TasteKind.BRAND, TasteKind.PRODUCT, TasteKind.WISH, TasteKind.ALERT)
PRODUCT_KINDS = frozenset({TasteKind.PRODUCT, TasteKind.WISH, TasteKind.ALERT})
FADING_KINDS = frozenset({"product", "category", "reason"})
"""The preferences that hold for some time only."""
CATEGORY_PREFERENCES = frozenset({"category", "interest"})


@dataclass(frozen=True)
class CustomerValue:
    """The orders of a customer in numbers."""

    sums: list[CurrencySums]
    """By currency, the shop's own first."""
    orders: int
    kept_orders: int
    first_at: datetime | None
    last_at: datetime | None
    returned_percent: float | None
    """The part of all pieces that was cancelled or came back; None where nothing was ordered."""
    rhythm: str
    """In words; "" where nothing tells."""

    @property
    def summed_orders(self) -> int | None:
        """How many orders were summed, where the customer has more."""
        return orders.MAX_SUMMED_ORDERS if self.orders >= orders.MAX_SUMMED_ORDERS else None


@dataclass(frozen=True)
class TasteLine:
    """One thing that the customer buys, wishes for or waits for."""

    name: str
    percent: int
    """Its part of the weight of all that they bought."""
    days: int
    """On how many days they bought it."""
    last_at: datetime | None


@dataclass(frozen=True)
class CustomerProfile:
    """What was learned of a customer, and what they stated, without what is sensitive."""

    categories: list[TasteLine]
    brands: list[TasteLine]
    products: list[TasteLine]
    wish_list: list[str]
    awaited: list[str]
    statements: list[str]
    """What they stated themselves, as sentences; the latest first."""
    computed_at: datetime | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was learned yet."""
        return not (self.categories or self.brands or self.products or self.wish_list or self.awaited)


def customer_value(sums: list[CurrencySums], facts: CustomerFacts | None, now: datetime) -> CustomerValue:
    """The value in numbers; the rhythm only with facts, which there are for those who allow a profile."""
    pieces, kept = sum(one.pieces for one in sums), sum(one.kept_pieces for one in sums)
    return CustomerValue(
        sums=sums,
        orders=sum(one.orders for one in sums),
        kept_orders=sum(one.kept_orders for one in sums),
        first_at=min((one.first_at for one in sums if one.first_at), default=None),
        last_at=max((one.last_at for one in sums if one.last_at), default=None),
        returned_percent=100 * (1 - kept / pieces) if pieces else None,
        rhythm="" if facts is None else _rhythm_words(facts, now),
    )


def _rhythm_words(facts: CustomerFacts, now: datetime) -> str:
    if facts.next_due is None or facts.last_order is None:
        return ""
    days = max(round((facts.next_due - facts.last_order) / timedelta(days=1)), 1)
    parts = {"days": days, "date": formats.date_format(localtime(facts.next_due), "DATE_FORMAT")}
    if facts.next_due < now:
        return (
            npgettext(
                "personalization",
                "about every day, was due on %(date)s",
                "about every %(days)s days, was due on %(date)s",
                days,
            )
            % parts
        )
    return (
        npgettext(
            "personalization",
            "about every day, due on %(date)s",
            "about every %(days)s days, due on %(date)s",
            days,
        )
        % parts
    )


def customer_profile(visitor: Visitor, facts: CustomerFacts | None, now: datetime) -> CustomerProfile:
    """Tastes and statements with names: four queries at most, whatever there is."""
    tastes = _strongest(facts.read_tastes() if facts else ())
    preferences = _preferences_in_force(visitor.get_preferences(), now)
    checked = named_objects.checked_names(
        [
            *(taste.key for taste in tastes if taste.kind in PRODUCT_KINDS),
            *(int(one.key) for one in preferences if one.type == "product"),
        ],
        [
            *(taste.key for taste in tastes if taste.kind == TasteKind.CATEGORY),
            *(int(one.key) for one in preferences if one.type in CATEGORY_PREFERENCES),
        ],
    )
    names = checked.names | segment_choices.names_of(
        ("brand", taste.key) for taste in tastes if taste.kind == TasteKind.BRAND
    )
    lines = {kind: list(_taste_lines(tastes, kind, names)) for kind in SHOWN_KINDS}
    return CustomerProfile(
        categories=lines[TasteKind.CATEGORY],
        brands=lines[TasteKind.BRAND],
        products=lines[TasteKind.PRODUCT],
        wish_list=[line.name for line in lines[TasteKind.WISH]],
        awaited=[line.name for line in lines[TasteKind.ALERT]],
        statements=[words for one in reversed(preferences) if (words := _statement(one, checked, now))],
        computed_at=facts.computed_at if facts else None,
    )


def _strongest(tastes: Iterable[Taste]) -> list[Taste]:
    return [taste for taste in tastes if taste.kind in SHOWN_KINDS]


def _taste_lines(tastes: Sequence[Taste], kind: TasteKind, names: dict[tuple[str, int], str]) -> list[TasteLine]:
    """The strongest of a kind that are in the shop and may be shown."""
    named_kind = "product" if kind in PRODUCT_KINDS else str(kind)
    lines = [
        TasteLine(
            name,
            round(100 * taste.share),
            taste.purchases,
            None if taste.last_at is None else datetime.fromtimestamp(taste.last_at, UTC),
        )
        for taste in tastes
        if taste.kind == kind and (name := names.get((named_kind, taste.key)))
    ]
    return lines[:SHOWN_TASTES]


def _preferences_in_force(preferences: Iterable[Preference], now: datetime) -> list[Preference]:
    oldest = (now - _dismissal_time()).timestamp()
    return [one for one in preferences if one.type not in FADING_KINDS or one.recorded_at > oldest]


def _dismissal_time() -> timedelta:
    return timedelta(days=conf.get_settings().DISMISSAL_DAYS)


def _statement(preference: Preference, checked: named_objects.CheckedNames, now: datetime) -> str:
    """What they stated, as a sentence; "" for what may not be shown or is not in the shop any more."""
    kind = "category" if preference.type in CATEGORY_PREFERENCES else preference.type
    name = "" if kind in ("reason", "sort", "size") else checked.names.get((kind, int(preference.key)), "")
    if kind in ("product", "category") and not name:
        return ""
    until = datetime.fromtimestamp(preference.recorded_at, UTC) + _dismissal_time()
    parts = {"name": name, "row": preference.key, "date": formats.date_format(localtime(until), "DATE_FORMAT")}
    if preference.type == "interest":
        more = pgettext("personalization", "Wants to see more of “%(name)s”.")
        less = pgettext("personalization", "Took “%(name)s” out of their interests.")
        return (more if preference.sign > 0 else less) % parts
    if (preference.type, preference.key) == ("reason", QUESTIONS_KEY):
        return pgettext("personalization", "Skipped the questions about what they like.")
    patterns = {
        "product": pgettext("personalization", "Is not interested in “%(name)s” until %(date)s."),
        "category": pgettext("personalization", "Is not interested in anything from “%(name)s” until %(date)s."),
        "reason": pgettext("personalization", "Does not want to see the row “%(row)s” until %(date)s."),
        "size": _("Told us a size, or that no size is to be remembered."),
        "sort": _("Does not want lists to be sorted for them."),
    }
    return patterns[preference.type] % parts if preference.type in patterns else ""
