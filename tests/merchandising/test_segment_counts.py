"""How many are in a segment, within which time, and what a shop may begin with."""

import pytest
from django.db import connection
from django.utils import translation
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs

from personalization.merchandising import segment_counts, segments
from personalization.merchandising.segment_counts import SegmentCount, count_customers
from personalization.merchandising.segments import Sensitive
from personalization.models import SensitiveCategory
from personalization.profile import batch
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
NOTHING_SENSITIVE = Sensitive()


def compiled(*conditions, match="all", others=None):
    document = {"match": "all", "groups": [{"match": match, "conditions": list(conditions)}]}
    segment, errors = segments.parse_segment(document, NOTHING_SENSITIVE)
    assert errors == []
    return segments.compile_segment(segment, others, NOTHING_SENSITIVE)


def condition(field, op, value):
    return {"field": field, "op": op, "value": value}


@pytest.fixture
def tea_drinkers():
    """Three customers, of whom the first two bought tea, and an account that never agreed."""
    tea = create_from_breadcrumbs("Drinks > Tea")
    green = shop.create_shop_product("Green tea", tea)
    users = [shop.create_customer(f"customer{number}") for number in range(3)]
    users.append(shop.User.objects.create_user("silent"))
    for user, days_ago in zip((users[0], users[1], users[0], users[3]), (90, 3, 100, 2), strict=True):
        shop.create_past_order(user, [green], days_ago=days_ago)
    batch.refresh_all_genomes(now().timestamp())
    return users, tea


def test_a_count_says_how_many_of_all_accounts(tea_drinkers):
    _, tea = tea_drinkers
    bought = compiled(condition("bought_category", "one_of", {"keys": [tea.pk]}))
    count = count_customers(bought, now().timestamp())
    assert count == SegmentCount(members=2, customers=4, is_exact=True)
    assert count.share == 0.5


def test_who_never_agreed_is_as_one_of_whom_nothing_is_known(tea_drinkers):
    users, tea = tea_drinkers
    bought_not = compiled(condition("bought_category", "none_of", {"keys": [tea.pk]}))
    assert segment_counts.sample_customers(bought_not, 5, now().timestamp()) == [users[3], users[2]]
    assert segment_counts.sample_customers(bought_not, 1, now().timestamp()) == [users[3]]


def test_who_cannot_sign_in_is_in_no_count(tea_drinkers):
    users, tea = tea_drinkers
    shop.User.objects.filter(pk=users[0].pk).update(is_active=False)
    bought = compiled(condition("bought_category", "one_of", {"keys": [tea.pk]}))
    assert count_customers(bought, now().timestamp()) == SegmentCount(members=1, customers=3, is_exact=True)


def test_what_only_a_visit_tells_makes_the_count_one_of_all_who_may_be_in_it(tea_drinkers):
    _, tea = tea_drinkers
    bought, on_phone = (
        condition("bought_category", "one_of", {"keys": [tea.pk]}),
        condition("device", "one_of", ["phone"]),
    )
    moment = now().timestamp()
    assert count_customers(compiled(bought, on_phone), moment) == SegmentCount(2, 4, is_exact=False)
    assert count_customers(compiled(bought, on_phone, match="any"), moment) == SegmentCount(4, 4, is_exact=False)
    named, _ = segments.parse_segment(
        {"match": "all", "groups": [{"match": "all", "conditions": [bought, on_phone]}]}, NOTHING_SENSITIVE
    )
    outside = compiled(condition("in_segment", "is_not", 1), others={1: named})
    assert count_customers(outside, moment) == SegmentCount(4, 4, is_exact=False)


def test_an_overlap_is_counted_with_each_of_the_others(tea_drinkers):
    _, tea = tea_drinkers
    bought = compiled(condition("bought_category", "one_of", {"keys": [tea.pk]}))
    others = {1: compiled(condition("orders", "at_least", 2)), 2: compiled(condition("orders", "at_most", 0))}
    assert segment_counts.overlap(bought, others, now().timestamp()) == {1: 1, 2: 0}


def test_a_count_that_takes_too_long_is_none_and_spoils_nothing(tea_drinkers):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite ends no query")

    class Slow:
        is_countable = True

        def customers(self, moment):
            return shop.User.objects.extra(where=["pg_sleep(1) IS NOT NULL"])

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 7777")
    assert count_customers(Slow(), now().timestamp(), timeout_ms=50) is None
    assert count_customers(compiled(condition("orders", "at_least", 1)), now().timestamp()).members == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("7777ms",)


def test_three_segments_are_suggested_with_their_counts(tea_drinkers):
    with translation.override("en"):
        found = segment_counts.suggest_segments(now().timestamp())
    assert [(each.name, each.count.members) for each in found] == [
        ("Bought twice or more, silent for 60 days", 1),
        ("The best fifth by kept revenue", 0),
        ("Regulars of Tea", 1),
    ]
    assert all(segments.parse_segment(each.document)[1] == [] for each in found)


def test_no_sensitive_category_is_suggested(tea_drinkers):
    _, tea = tea_drinkers
    SensitiveCategory.objects.create(category=tea.get_parent())
    with translation.override("en"):
        found = segment_counts.suggest_segments(now().timestamp())
    assert found[2].name == "Opened an account and never bought"
    assert found[2].count == SegmentCount(members=1, customers=4, is_exact=True)
