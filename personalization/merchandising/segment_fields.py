"""What a condition of a segment may ask. Each field is asked in two ways that give one answer: of the database, to
count customers, and of a visit, to decide.

What is missing is compared with nothing: every comparison is false, "is not known" and "none of" are true. The list of
all is in `segment_catalogue`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any, ClassVar, Protocol

from django.db.models import Exists, OuterRef, Q
from django.utils.functional import Promise
from django.utils.timezone import get_default_timezone
from django.utils.translation import pgettext_lazy

from personalization.merchandising import segment_values as values
from personalization.merchandising.segment_values import Chosen, ValueForm
from personalization.models import CustomerFacts, CustomerTaste
from personalization.models.customer_facts import Taste
from personalization.models.recent_activity import RecentEvent
from personalization.models.visitors import Preference

Label = str | Promise
Names = Mapping[tuple[str, int], str]
"""The names of what conditions name, by (kind, key)."""
EVERYBODY, NOBODY = Q(pk__isnull=False), Q(pk__isnull=True)
TRUE_WHEN_MISSING = frozenset({"none_of", "unknown"})


class Subject(Protocol):
    """What a segment may look at; a `decide.visit.Visit` is one."""

    @property
    def timestamp(self) -> float: ...
    @property
    def facts(self) -> CustomerFacts | None: ...
    @property
    def recent_events(self) -> Sequence[RecentEvent]: ...
    @property
    def preferences(self) -> tuple[Preference, ...]: ...
    @property
    def basket(self) -> frozenset[int]: ...
    @property
    def basket_quantity(self) -> int: ...
    @property
    def country(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def channel(self) -> str: ...
    @property
    def tracking_allowed(self) -> bool: ...


class Field:
    """The contract of a field."""

    operators: ClassVar[tuple[str, ...]]
    countable: ClassVar[bool] = True
    """Whether the database knows; if not, visitors are matched while they shop, and are in no count."""
    personal: ClassVar[bool] = True
    """Whether it is about the person, and therefore missing for those who gave no consent."""
    kind: str = ""
    """What the keys of its values are keys of; "" for none."""
    about_products: ClassVar[bool] = False
    """Whether a condition with categories is about the products in them."""
    reads_events: ClassVar[bool] = False
    """Whether it looks at what the visitor did lately, which is a query where nothing else on the page has asked."""

    def __init__(self, code: str, label: Label, pattern: Label, form: ValueForm, kind: str = "") -> None:
        self.code, self.label, self.form = code, label, form
        self.pattern = pattern
        """The condition in words after "customers who"."""
        self.kind = kind

    def q(self, op: str, value: Any, now: float) -> Q:
        """Whom of the shop's customers it holds for, as a condition over the user model."""
        raise NotImplementedError

    def holds(self, op: str, value: Any, subject: Subject, now: float) -> bool:
        """Whether it holds for this visit."""
        if self.personal and not subject.tracking_allowed:
            return op in TRUE_WHEN_MISSING
        return self.matches(op, value, subject, now)

    def matches(self, op: str, value: Any, subject: Subject, now: float) -> bool:
        """As `holds`, where consent was given or nobody needs it."""
        raise NotImplementedError

    def keys(self, value: Any) -> tuple[int, ...]:
        """The keys that a value names."""
        return value.keys if isinstance(value, Chosen) and self.kind else ()


@lru_cache(4096)
def _day_start(minute: int, days: int, zone: Any) -> datetime:
    """The first moment of the shop's calendar day so many days after the one of this minute since 1970."""
    day = datetime.fromtimestamp(minute * 60, zone).date() + timedelta(days=days)
    return datetime.combine(day, time.min, zone)


def day_start(now: float, days: int) -> datetime:
    """The first moment of the shop's calendar day so many days from now, or before it."""
    return _day_start(int(now // 60), days, get_default_timezone())


@lru_cache(4096)
def _as_moment(now: float, zone: Any) -> datetime:
    return datetime.fromtimestamp(now, zone)


def as_moment(now: float) -> datetime:
    """A moment in seconds since 1970 as a date with time."""
    return _as_moment(now, get_default_timezone())


def _compare(op: str, value: Any, found: Any) -> bool:
    """Whether a number that is there fits."""
    if op == "at_least":
        return bool(found >= value)
    if op == "at_most":
        return bool(found <= value)
    if op == "between":
        return bool(value[0] <= found <= value[1])
    return found == value if op == "is" else found in value


LOOKUPS = {"at_least": "gte", "at_most": "lte", "between": "range", "is": "exact", "one_of": "in"}


class NumberField(Field):
    """A number of the facts, or one of the tiers."""

    operators: ClassVar[tuple[str, ...]] = ("at_least", "at_most", "between")

    def __init__(
        self, code: str, column: str, label: Label, pattern: Label, form: ValueForm, *, scale: int = 1
    ) -> None:
        super().__init__(code, label, pattern, form)
        self.column, self.scale = column, scale

    def q(self, op: str, value: Any, now: float) -> Q:
        """A comparison with the column: never true where it is NULL."""
        return Q(**{f"personalization_facts__{self.column}__{LOOKUPS[op]}": self._scaled(value)})

    def matches(self, op: str, value: Any, subject: Subject, now: float) -> bool:
        """A comparison with the number, where there is one."""
        found = getattr(subject.facts, self.column, None)
        return found is not None and _compare(op, self._scaled(value), found)

    def _scaled(self, value: Any) -> Any:
        if self.scale == 1:
            return value
        return tuple(part / self.scale for part in value) if isinstance(value, tuple) else value / self.scale


class TierField(NumberField):
    """Which part of all customers somebody is in."""

    operators: ClassVar[tuple[str, ...]] = ("is", "one_of", "between")


class DateField(Field):
    """A moment of the facts, which is compared with the present."""

    operators: ClassVar[tuple[str, ...]] = ("within", "more_than", "known", "unknown")

    def __init__(self, code: str, label: Label, pattern: Label, known: Label, unknown: Label) -> None:
        super().__init__(code, label, pattern, values.days)
        self.known, self.unknown = known, unknown

    def q(self, op: str, value: Any, now: float) -> Q:
        """A range of the column."""
        column = f"personalization_facts__{self.code}"
        if op in ("known", "unknown"):
            return Q(**{f"{column}__isnull": op == "unknown"})
        low, high, includes_high = self._range(op, value, now)
        ends = Q(**{f"{column}__{'lte' if includes_high else 'lt'}": high})
        return ends if low is None else ends & Q(**{f"{column}__gte": low})

    def matches(self, op: str, value: Any, subject: Subject, now: float) -> bool:
        """Whether the moment is in that range."""
        found = getattr(subject.facts, self.code, None)
        if op in ("known", "unknown") or found is None:
            return (found is None) == (op == "unknown")
        low, high, includes_high = self._range(op, value, now)
        return (low is None or low <= found) and (found <= high if includes_high else found < high)

    def _range(self, op: str, days: int, now: float) -> tuple[datetime | None, datetime, bool]:
        """(first moment, end, whether the end is in it)"""
        if op == "within":
            return day_start(now, -days), as_moment(now), True
        if op == "more_than":
            return None, day_start(now, -days), False
        return as_moment(now), day_start(now, days + 1), False


class DueField(DateField):
    """A moment that may lie ahead."""

    operators: ClassVar[tuple[str, ...]] = ("in_next", "within", "more_than", "known", "unknown")


class TasteField(Field):
    """What a customer bought, wishes for, waits for or used, or which group they are in."""

    operators: ClassVar[tuple[str, ...]] = ("one_of", "none_of")

    def __init__(
        self,
        code: str,
        kind: str,
        label: Label,
        pattern: Label,
        form: ValueForm,
        *,
        negative: Label = "",
        target: str = "",
    ) -> None:
        super().__init__(code, label, pattern, form, target or kind)
        self.taste_kind, self.negative = kind, negative

    def q(self, op: str, value: Chosen, now: float) -> Q:
        """Whether such a row exists."""
        rows = CustomerTaste.objects.filter(user=OuterRef("pk"), kind=self.taste_kind, key__in=value.keys)
        if value.times > 1:
            rows = rows.filter(purchases__gte=value.times)
        if value.days is not None:
            rows = rows.filter(last_at__gte=day_start(now, -value.days))
        exists = Q(Exists(rows)) if value.keys else NOBODY
        return exists if op == "one_of" else ~exists

    def matches(self, op: str, value: Chosen, subject: Subject, now: float) -> bool:
        """Whether such a taste is among theirs."""
        return (op == "one_of") == (subject.facts is not None and self._has(value, subject.facts, now))

    def _has(self, value: Chosen, facts: CustomerFacts, now: float) -> bool:
        return any(_fits(taste, value, now) for taste in _tastes(facts, self.taste_kind, value))


def _tastes(facts: CustomerFacts, kind: str, value: Chosen) -> list[Taste]:
    """The customer's tastes of this kind that a condition names."""
    own = facts.taste_index.get(kind)
    if not own:
        return []
    if len(own) < len(value.keys):
        return [taste for key, taste in own.items() if key in value.key_set]
    return [own[key] for key in value.keys if key in own]


def _fits(taste: Taste, value: Chosen, now: float) -> bool:
    if value.times > 1 and taste.purchases < value.times:
        return False
    if value.days is None:
        return True
    return taste.last_at is not None and taste.last_at >= day_start(now, -value.days).timestamp()


class OnlyTasteField(TasteField):
    """A taste that may only be asked for, not ruled out."""

    operators: ClassVar[tuple[str, ...]] = ("one_of",)


class ShareField(Field):
    """How much of what a customer buys is of one thing."""

    operators: ClassVar[tuple[str, ...]] = ("at_least",)

    def q(self, op: str, value: Chosen, now: float) -> Q:
        """Whether a row with such a share exists."""
        rows = CustomerTaste.objects.filter(
            user=OuterRef("pk"), kind=self.kind, key__in=value.keys, share__gte=value.percent / 100
        )
        return Q(Exists(rows)) if value.keys else NOBODY

    def matches(self, op: str, value: Chosen, subject: Subject, now: float) -> bool:
        """Whether their share is as large."""
        if subject.facts is None:
            return False
        tastes = _tastes(subject.facts, self.kind, value)
        return any(taste.share >= value.percent / 100 for taste in tastes)


class StaffField(Field):
    """Whether somebody works for the shop."""

    operators: ClassVar[tuple[str, ...]] = ("is",)

    def q(self, op: str, value: bool, now: float) -> Q:
        """A comparison with the column."""
        return Q(personalization_facts__is_staff=value)

    def matches(self, op: str, value: bool, subject: Subject, now: float) -> bool:
        """A comparison with the facts, where there are any."""
        return subject.facts is not None and subject.facts.is_staff == value


class ShipsToField(Field):
    """Which country the last order was sent to."""

    operators: ClassVar[tuple[str, ...]] = ("one_of", "none_of")
    negative: Label = pgettext_lazy("personalization", "did not have their last order sent to %(codes)s")

    def q(self, op: str, value: tuple[str, ...], now: float) -> Q:
        """Whether facts with one of these countries exist."""
        exists = Q(Exists(CustomerFacts.objects.filter(user=OuterRef("pk"), country__in=value)))
        return exists if op == "one_of" else ~exists

    def matches(self, op: str, value: tuple[str, ...], subject: Subject, now: float) -> bool:
        """Whether the country is one of these."""
        return (op == "one_of") == (subject.facts is not None and subject.facts.country in value)
