"""Which segments a customer is in now, each with the sentence that says why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from personalization import conf
from personalization.decide.active_rules import read_rules_now
from personalization.decide.visit import LazySequence, Visit
from personalization.merchandising import segments
from personalization.merchandising.segment_catalogue import all_fields
from personalization.merchandising.segment_visit_fields import TraitField
from personalization.merchandising.segments import IN_SEGMENT, Segment
from personalization.merchandising.stored_segments import stored_segment
from personalization.models import Definition, DefinitionKind, Event, Visitor
from personalization.oscar.dashboard.segment_list import names_of
from personalization.oscar.visits import open_basket


@dataclass(frozen=True)
class SegmentMembership:
    """A segment, and what it says."""

    key: int
    name: str
    sentence: str


@dataclass(frozen=True)
class Membership:
    """The live segments that a customer is in, and those of which only a page that they open can tell."""

    inside: list[SegmentMembership]
    undecided: list[SegmentMembership]
    total: int
    """How many segments are live."""


def read_membership(account: Any, visitor: Visitor, now: datetime) -> Membership:
    """The segments of a customer who allows a profile, as they would be matched if they came now."""
    rows = Definition.objects.live_documents().filter(kind=DefinitionKind.SEGMENT).order_by("name")
    definitions = {one.pk: one for one in rows}
    stored = {key: segment for key, one in definitions.items() if (segment := stored_segment(one)) is not None}
    if not stored:
        return Membership([], [], len(definitions))
    tests, visit = read_rules_now().segments, _customer_visit(account, visitor, now)
    undecided = [key for key, segment in stored.items() if _asks_for_traits(segment, stored)]
    inside = [
        key for key in stored if key not in undecided and key in tests and tests[key].holds(visit, visit.timestamp)
    ]
    names = names_of(stored[key] for key in (*inside, *undecided))

    def with_words(keys: list[int]) -> list[SegmentMembership]:
        return [SegmentMembership(key, definitions[key].name, segments.describe(stored[key], names)) for key in keys]

    return Membership(with_words(inside), with_words(undecided), len(definitions))


def _asks_for_traits(segment: Segment, stored: Mapping[int, Segment]) -> bool:
    """Whether it, or a segment that it names, asks for what only the request says: device, language, country, link."""
    for condition in segment.conditions():
        if condition.field == IN_SEGMENT:
            inner = stored.get(condition.value)
            if inner is not None and any(_is_trait(each.field) for each in inner.conditions()):
                return True
        elif _is_trait(condition.field):
            return True
    return False


def _is_trait(code: str) -> bool:
    return isinstance(all_fields().get(code), TraitField)


def _customer_visit(account: Any, visitor: Visitor, now: datetime) -> Visit:
    """What a segment would look at, if the customer came now."""
    since = now - timedelta(days=conf.get_settings().EVENT_RETENTION_DAYS)
    return Visit(
        timestamp=now.timestamp(),
        strategy=None,
        user_id=account.pk,
        visitor_id=visitor.pk,
        genome=visitor.genome(),
        facts=visitor.facts(),
        preferences=visitor.get_preferences(),
        recent_events=LazySequence(lambda: Event.objects.recent(visitor.pk, since, now).events),
        tracking_allowed=True,
        **open_basket(account.pk),
    )
