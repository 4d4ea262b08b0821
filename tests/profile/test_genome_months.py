"""What was known of customers month by month: small, of those who consent, kept for a time, and gone with them."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from oscar.apps.order.models import Order

from personalization.models import Consent, CustomerFacts, CustomerTaste, GenomeMonth, SensitiveCategory, Visitor
from personalization.models.customer_facts import Taste
from personalization.models.genome_months import MAX_DATED_TASTES, month_before, write_tastes
from personalization.privacy import identity, retention
from personalization.profile import batch, genome
from personalization.profile.genome_months import month_of, store_genome_months
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

DAY = 86400
OCTOBER, NOVEMBER = datetime(2026, 10, 31, 3, tzinfo=UTC), datetime(2026, 11, 12, 3, tzinfo=UTC)


@pytest.fixture
def coffee():
    return shop.create_shop_product("Coffee", shop.create_from_breadcrumbs("Drinks > Hot"))


def swept(moment=None):
    moment = (moment or now()).timestamp()
    batch.refresh_all_genomes(moment)
    return store_genome_months(moment)


def test_a_training_run_writes_one_row_a_month_of_each_customer_who_consents(coffee):
    anna, silent = shop.create_customer("anna"), shop.User.objects.create_user("silent")
    for user in (anna, silent):
        shop.create_past_order(user, [coffee], days_ago=3)
    for _ in range(2):
        call_command("personalization_train", verbosity=0)
    row = GenomeMonth.objects.get()
    leaf = coffee.categories.get()
    assert (row.user, row.month, row.orders) == (anna, month_of(now().timestamp()), 1)
    assert row.read_tastes() == [Taste("category", leaf.get_parent().pk, 1.0), Taste("category", leaf.pk, 1.0)]
    facts = CustomerFacts.objects.get(user=anna)
    assert (row.value_tier, row.year_revenue) == (facts.value_tier, facts.year_revenue) and row.value_tier


def test_a_later_run_of_the_month_writes_only_what_changed_and_the_next_month_has_a_row_of_its_own(coffee):
    anna, bert = shop.create_customer("anna"), shop.create_customer("bert")
    placed = [shop.create_past_order(user, [coffee], days_ago=5) for user in (anna, bert)]
    Order.objects.filter(pk__in=[one.pk for one in placed]).update(date_placed=OCTOBER - timedelta(days=5))
    assert (swept(OCTOBER), swept(OCTOBER + timedelta(hours=1)), swept(NOVEMBER)) == (2, 0, 2)
    shop.create_past_order(anna, [coffee], days_ago=(now() - NOVEMBER).total_seconds() / DAY + 1)
    assert swept(NOVEMBER) == 1
    found = GenomeMonth.objects.order_by("month", "user").values_list("user__username", "month", "orders")
    first, second = date(2026, 10, 1), date(2026, 11, 1)
    assert list(found) == [("anna", first, 1), ("bert", first, 1), ("anna", second, 2), ("bert", second, 1)]


def test_a_row_holds_the_strongest_tastes_in_at_most_a_kilobyte():
    anna, huge = shop.create_customer("anna"), 2**63 - 1
    tastes = [Taste("brand", huge - n, round(0.999 - n / 1000, 3), 3, 1e9) for n in range(MAX_DATED_TASTES + 5)]
    CustomerFacts.objects.create(
        kept_orders=1, user=anna, tastes=json.dumps([*tastes, ["product", 7, 1.0, 1, 1e9]]), computed_at=now()
    )
    store_genome_months(now().timestamp())
    row = GenomeMonth.objects.get()
    assert [taste.key for taste in row.read_tastes()] == [huge - n for n in range(MAX_DATED_TASTES)]
    assert len(row.tastes) < 900


@pytest.mark.parametrize("leave", ["withdraw", "erase", "delete", "sweep"])
def test_all_months_of_who_leaves_are_deleted_and_nobody_elses(leave, coffee):
    anna, bert = shop.create_customer("anna"), shop.create_customer("bert")
    for user in (anna, bert):
        GenomeMonth.objects.bulk_create(GenomeMonth(user=user, month=date(2026, n, 1)) for n in (8, 9, 10))
    if leave == "withdraw":
        genome.delete_profiles([anna.pk])
    elif leave == "erase":
        identity.erase_customer(anna.pk, now())
    elif leave == "delete":
        anna.delete()
    else:
        Visitor.objects.filter(user=anna).update(consent=Consent.WITHDRAWN)
        swept()
    assert not GenomeMonth.objects.exclude(user=bert).exists()
    assert GenomeMonth.objects.filter(user=bert).count() >= 3


def test_who_bought_nothing_has_no_row_and_who_sent_all_back_one_that_says_so(coffee):
    anna = shop.create_customer("anna")
    assert swept() == 0
    placed = shop.create_past_order(anna, [coffee])
    assert swept() == 1
    type(placed).objects.filter(pk=placed.pk).update(status="Cancelled")
    assert swept() == 1
    row = GenomeMonth.objects.get()
    assert (row.orders, row.read_tastes(), row.value_tier) == (0, [], None)


def test_who_withdraws_while_it_runs_is_not_written(coffee):
    anna = shop.create_customer("anna")
    shop.create_past_order(anna, [coffee])
    batch.refresh_all_genomes(now().timestamp())
    Visitor.objects.filter(user=anna).update(consent=Consent.WITHDRAWN)
    assert CustomerFacts.objects.exists()
    assert store_genome_months(now().timestamp()) == 0 and not GenomeMonth.objects.exists()


def test_they_are_kept_for_24_months():
    anna, month = shop.create_customer("anna"), retention.local_day(now()).replace(day=1)
    for count in (0, 23, 24, 25, 30):
        GenomeMonth.objects.create(user=anna, month=month_before(month, count))
    assert retention.rows_due().genomes == 2
    assert retention.apply_retention().genomes == 2
    assert GenomeMonth.objects.earliest("month").month == month_before(month, 24)


def test_what_became_sensitive_since_is_taken_out_of_all_months():
    anna = shop.create_customer("anna")
    health = shop.create_from_breadcrumbs("Health > Pharmacy")
    kept = shop.create_from_breadcrumbs("Drinks")
    tastes = write_tastes(
        [Taste("category", health.pk, 0.5), Taste("category", kept.pk, 0.3), Taste("brand", health.pk, 1)]
    )
    for number in (9, 10):
        GenomeMonth.objects.create(user=anna, month=date(2026, number, 1), tastes=tastes)
    retention.apply_retention()
    assert all(len(row.read_tastes()) == 3 for row in GenomeMonth.objects.all())
    SensitiveCategory.objects.create(category=health.get_parent())
    retention.apply_retention()
    left = [Taste("category", kept.pk, 0.3), Taste("brand", health.pk, 1)]
    assert [row.read_tastes() for row in GenomeMonth.objects.all()] == [left, left]


def test_many_customers_cost_no_more_queries_than_a_few(coffee):
    def cost(count):
        for number in range(count):
            CustomerFacts.objects.create(
                user=shop.create_customer(f"c{number}-{count}"), kept_orders=1, computed_at=now()
            )
        with CaptureQueriesContext(connection) as asked:
            store_genome_months(now().timestamp())
        return len(asked)

    assert cost(2) == cost(40)


def test_a_tier_is_known_to_be_new_from_the_second_month_on_and_one_night_is_no_change():
    anna = shop.create_customer("anna")
    facts = CustomerFacts.objects.create(user=anna, kept_orders=3, value_tier=7, computed_at=now())

    def night(moment, tier):
        CustomerFacts.objects.filter(pk=facts.pk).update(value_tier=tier)
        store_genome_months(moment.timestamp())
        facts.refresh_from_db()
        return facts.value_tier_since

    september = OCTOBER - timedelta(days=40)
    assert night(september, 7) is None
    assert night(OCTOBER, 7) is None
    assert night(NOVEMBER, 8) == NOVEMBER
    assert night(NOVEMBER + timedelta(days=1), 8) == NOVEMBER
    assert night(NOVEMBER + timedelta(days=2), 7) is None
    assert night(NOVEMBER + timedelta(days=3), 9) == NOVEMBER + timedelta(days=3)
    assert night(NOVEMBER + timedelta(days=30), 9) == NOVEMBER + timedelta(days=3)
    assert night(NOVEMBER + timedelta(days=60), None) is None
    genome.refresh_genome([anna.pk], now().timestamp())
    CustomerFacts.objects.filter(pk=facts.pk).update(value_tier=9, value_tier_since=NOVEMBER)
    genome.refresh_genome([anna.pk], now().timestamp())
    facts.refresh_from_db()
    assert facts.value_tier_since == NOVEMBER  # an order does not work tiers out anew


def test_a_category_is_new_to_who_bought_elsewhere_before_and_came_back_to_it(coffee):
    tea = shop.create_shop_product("Food", shop.create_from_breadcrumbs("Pets > Dog food"))
    hot, dog = coffee.categories.get(), tea.categories.get()
    anna = shop.create_customer("anna")
    shop.create_past_order(anna, [coffee], days_ago=100)
    first = shop.create_past_order(anna, [tea], days_ago=40)
    genome.refresh_genome([anna.pk], now().timestamp())
    assert not CustomerTaste.objects.filter(kind="new").exists()  # one day may be a present
    shop.create_past_order(anna, [tea, coffee], days_ago=10)
    genome.refresh_genome([anna.pk], now().timestamp())
    rows = CustomerTaste.objects.filter(kind="new")
    assert {row.key for row in rows} == {dog.pk, dog.get_parent().pk} and hot.pk not in {row.key for row in rows}
    assert {row.last_at for row in rows} == {first.date_placed.replace(microsecond=0)}


def test_to_a_new_customer_nothing_is_new_and_nothing_is_for_longer_than_a_year(coffee):
    tea = shop.create_shop_product("Food", shop.create_from_breadcrumbs("Pets > Dog food"))
    young, old = shop.create_customer("young"), shop.create_customer("old")
    for days in (20, 10):
        shop.create_past_order(young, [coffee if days == 20 else tea], days_ago=days)
    shop.create_past_order(young, [tea], days_ago=1)
    shop.create_past_order(old, [coffee], days_ago=600)
    for days in (370, 5):
        shop.create_past_order(old, [tea], days_ago=days)
    batch.refresh_all_genomes(now().timestamp())
    assert not CustomerTaste.objects.filter(kind="new").exists()
