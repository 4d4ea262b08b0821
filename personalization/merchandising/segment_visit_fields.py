"""The fields that only a visit can tell: visitors are matched while they shop, and no count knows them."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar

from personalization.merchandising.segment_fields import Field, Label, Subject, _compare, day_start
from personalization.merchandising.segment_values import Chosen, Searched, ValueForm, Visits, fold
from personalization.models.events import EventType
from personalization.models.recent_activity import RecentEvent

VISIT_PAUSE_SECONDS = 30 * 60
"""A visit ends where nothing is heard for so long."""
LOOKS = frozenset({EventType.PRODUCT_VIEW, EventType.CLICK, EventType.ADD_TO_BASKET})


class VisitField(Field):
    """A field that the database does not know."""

    countable: ClassVar[bool] = False


class TraitField(VisitField):
    """A trait of the request: country, language, device, channel."""

    operators = ("one_of", "none_of")
    personal = False

    def __init__(self, code: str, label: Label, pattern: Label, negative: Label, form: ValueForm) -> None:
        super().__init__(code, label, pattern, form)
        self.negative = negative

    def matches(self, op: str, value: tuple[str, ...], subject: Subject, now: float) -> bool:
        """Whether the trait is one of these."""
        return (op == "one_of") == (getattr(subject, self.code) in value)


class BasketItemsField(VisitField):
    """How many pieces lie in the basket."""

    operators = ("at_least", "at_most", "between")
    personal = False

    def matches(self, op: str, value: Any, subject: Subject, now: float) -> bool:
        """A comparison with the number; an empty basket has 0."""
        return _compare(op, value, subject.basket_quantity)


class ProductsField(VisitField):
    """What is about some products, or about all of some categories."""

    operators = ("one_of", "none_of")

    about_products = True

    def __init__(self, code: str, kind: str, label: Label, pattern: Label, form: ValueForm, *, negative: Label) -> None:
        super().__init__(code, label, pattern, form, kind)
        self.negative = negative

    def products_of(self, value: Chosen) -> frozenset[int]:
        """The products that are meant."""
        return value.products if self.kind == "category" else value.key_set


class BasketHoldsField(ProductsField):
    """What lies in the basket."""

    personal = False

    def matches(self, op: str, value: Chosen, subject: Subject, now: float) -> bool:
        """Whether any of the products does."""
        return (op == "one_of") != subject.basket.isdisjoint(self.products_of(value))


class LookedAtField(ProductsField):
    """What the visitor looked at lately."""

    reads_events = True

    def matches(self, op: str, value: Chosen, subject: Subject, now: float) -> bool:
        """Whether any of the products was looked at, clicked or put into the basket."""
        products = self.products_of(value)
        seen = any(event.type in LOOKS and event.product_id in products for event in _since(subject, now, value.days))
        return (op == "one_of") == seen


class SearchedField(VisitField):
    """What the visitor searched for lately."""

    reads_events = True
    operators = ("is", "one_of")

    def matches(self, op: str, value: Searched, subject: Subject, now: float) -> bool:
        """Whether one of these searches is among theirs."""
        searches = (event.query for event in _since(subject, now, value.days) if event.type == EventType.SEARCH)
        return any(fold(query) in value.texts for query in searches)


class VisitsField(VisitField):
    """How often the visitor came lately, of the last hundred things that they did."""

    reads_events = True
    operators = ("at_least", "at_most")

    def matches(self, op: str, value: Visits, subject: Subject, now: float) -> bool:
        """A comparison with the number of visits."""
        return _compare(op, value.number, _count_visits(_since(subject, now, value.days)))


class VisitorTypeField(VisitField):
    """Whether the visitor bought before, came before, or neither."""

    reads_events = True
    operators = ("is",)

    def matches(self, op: str, value: str, subject: Subject, now: float) -> bool:
        """Whether they are of this type."""
        return value == _visitor_type(subject, now)


class InterestField(VisitField):
    """Which categories the visitor asked to see more of."""

    operators = ("one_of",)

    def matches(self, op: str, value: Chosen, subject: Subject, now: float) -> bool:
        """Whether they named one of these."""
        return any(
            preference.type == "interest" and preference.sign > 0 and preference.key in value.keys
            for preference in subject.preferences
        )


def _since(subject: Subject, now: float, days: int | None) -> Iterator[RecentEvent]:
    """What the visitor did in so many calendar days, newest first; of all their recent events without a number."""
    since = day_start(now, -days).timestamp() if days is not None else float("-inf")
    return (event for event in subject.recent_events if event.timestamp >= since)


def _count_visits(events: Iterator[RecentEvent]) -> int:
    moments = [event.timestamp for event in events]
    return bool(moments) + sum(later - earlier > VISIT_PAUSE_SECONDS for later, earlier in pairwise(moments))


def _visitor_type(subject: Subject, now: float) -> str:
    if subject.facts is not None and subject.facts.kept_orders:
        return "customer"
    return "returning" if _came_before(subject, now) else "new"


def _came_before(subject: Subject, now: float) -> bool:
    moments = [now, *(event.timestamp for event in subject.recent_events)]
    return any(later - earlier > VISIT_PAUSE_SECONDS for later, earlier in pairwise(moments))
