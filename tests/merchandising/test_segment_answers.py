"""The database and a decision give one answer, for every field and operator."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personalization.decide.visit import Visit
from personalization.merchandising import segments
from personalization.merchandising.segment_fields import day_start
from personalization.merchandising.segments import Sensitive
from tests.merchandising import random_segments
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
USERS = 5
NOTHING_SENSITIVE = Sensitive()
CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
some = settings(max_examples=60, deadline=None, suppress_health_check=CHECKS)
few = settings(some, max_examples=15)


@pytest.fixture
def users():
    return [shop.User.objects.create_user(f"customer{number}") for number in range(USERS)]


def compiled(document, others=None):
    segment, errors = segments.parse_segment(document, NOTHING_SENSITIVE)
    assert errors == []
    return segments.compile_segment(segment, others, NOTHING_SENSITIVE)


def counted(segment, now):
    return set(segment.customers(now).values_list("pk", flat=True))


def decided(segment, facts, now):
    visits = {
        user: Visit(timestamp=now, strategy=None, user_id=user, facts=own, tracking_allowed=True)
        for user, own in facts.items()
    }
    return {user for user, visit in visits.items() if segment.holds(visit, now)}


@pytest.mark.parametrize(("field", "op"), random_segments.PAIRS, ids=lambda value: getattr(value, "code", value))
def test_one_condition_holds_for_those_whom_the_database_counts(users, field, op):
    @few
    @given(random_segments.CUSTOMERS, random_segments.conditions_on(field, op))
    def check(customers, condition):
        facts = random_segments.store_customers(users, customers)
        segment = compiled({"match": "all", "groups": [{"match": "all", "conditions": [condition]}]})
        now = random_segments.NOW.timestamp()
        assert counted(segment, now) == decided(segment, facts, now)

    check()


def test_a_segment_with_segments_holds_for_those_whom_the_database_counts(users):
    @some
    @given(
        random_segments.CUSTOMERS,
        random_segments.documents(st.one_of(random_segments.CONDITIONS, random_segments.IN_SEGMENT)),
        random_segments.documents(),
    )
    def check(customers, document, inner):
        facts = random_segments.store_customers(users, customers)
        named, errors = segments.parse_segment(inner, NOTHING_SENSITIVE)
        assert errors == []
        segment = compiled(document, {1: named})
        now = random_segments.NOW.timestamp()
        assert segment.is_countable
        assert counted(segment, now) == decided(segment, facts, now)

    check()


def test_the_answers_are_not_all_the_same(users):
    """Else the tests above would prove nothing."""
    answers = set()

    @settings(some, derandomize=True)
    @given(random_segments.CUSTOMERS, random_segments.documents())
    def check(customers, document):
        random_segments.store_customers(users, customers)
        answers.add(len(counted(compiled(document), random_segments.NOW.timestamp())))

    check()
    assert len(answers) > 2


@pytest.mark.parametrize(
    ("op", "answer"),
    [("within", [False, True, True, True, False]), ("more_than", [True, False, False, False, False])],
)
def test_a_calendar_day_begins_at_its_midnight_for_both(users, op, answer):
    """The customers ordered a second before the midnight of 7 days ago, at it, a second later, now, and later."""
    midnight, now = day_start(random_segments.NOW.timestamp(), -7), random_segments.NOW
    second = timedelta(seconds=1)
    moments = [midnight - second, midnight, midnight + second, now, now + second]
    customers = [{"last_order": moment, "tastes": []} for moment in moments]
    facts = random_segments.store_customers(users, customers)
    asked = {"field": "last_order", "op": op, "value": 7}
    segment = compiled({"match": "all", "groups": [{"match": "all", "conditions": [asked]}]})
    expected = {user.pk for user, is_in in zip(users, answer, strict=True) if is_in}
    assert counted(segment, now.timestamp()) == decided(segment, facts, now.timestamp()) == expected


def test_a_purchase_at_midnight_belongs_to_the_day_that_begins(users):
    midnight, now = day_start(random_segments.NOW.timestamp(), -7), random_segments.NOW.timestamp()
    moments = [midnight.timestamp() + seconds for seconds in (-1, 0, 1)]
    customers = [{"tastes": [["category", 1, 0.5, 1, moment]]} for moment in moments]
    facts = random_segments.store_customers(users, customers)
    asked = {"field": "bought_category", "op": "one_of", "value": {"keys": [1], "days": 7}}
    segment = compiled({"match": "all", "groups": [{"match": "all", "conditions": [asked]}]})
    assert counted(segment, now) == decided(segment, facts, now) == {user.pk for user in users[1:3]}
