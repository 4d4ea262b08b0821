"""Pages of the past are decided by the code that serves them, with what was known of a customer before their order."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils.timezone import now
from oscar.apps.catalogue.models import Category
from oscar.apps.order.models import Order

from personalization import serve
from personalization.decide.active_rules import read_rules_now
from personalization.measure.back_test import PageKind
from personalization.merchandising import publishing
from personalization.merchandising.compiled import NO_RULES
from personalization.models import Event, Visitor
from personalization.oscar import past_visits
from personalization.oscar.back_test import campaign_change, policy_change
from personalization.oscar.past_visits import read_past_visits
from personalization.oscar.replayed_pages import PageReplay
from personalization.profile import batch
from personalization.shop.past_orders import consented_order_ids
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def past_visit(order):
    return read_past_visits([order.pk]).visits[0].visit


def test_the_rows_are_those_that_are_served_where_everything_can_be_bought(trained):
    customers, products = trained
    visit = past_visit(Order.objects.filter(user=customers[0]).latest("date_placed"))
    pages = [
        ("home", visit),
        ("product", replace(visit, product=products[4].pk, shown_products=frozenset([products[4].pk]))),
        ("basket", replace(visit, basket=frozenset([products[0].pk]), basket_quantity=1)),
        ("category", replace(visit, category=Category.objects.get(name="Even").pk)),
    ]
    filled = 0
    for surface, one in pages:
        served = [
            (row.key, tuple(item.product_id for item in row.items)) for row in serve.serve_slate(surface, one).rows
        ]
        if surface != "product":  # where prices count
            assert serve.replay_rows(surface, one, one) == (served, served)
        filled += bool(served)
    assert filled >= 3


def test_rows_need_no_query(trained, django_assert_num_queries):
    visit = past_visit(Order.objects.filter(user=trained[0][0]).latest("date_placed"))
    for surface in ("home", "product", "basket", "category"):
        serve.replay_rows(surface, visit, visit)
    with django_assert_num_queries(0):
        for surface in ("home", "product", "basket", "category"):
            one = replace(visit, product=trained[1][0].pk)
            serve.replay_rows(surface, one, replace(one, policy=replace(one.policy, row_size=3)))


def test_a_visit_before_an_order_knows_only_what_was_bought_and_done_before_it():
    tea, milk, jam = (shop.create_shop_product(name) for name in ("Tea", "Milk", "Jam"))
    anna = shop.create_customer("anna")
    shop.create_past_order(anna, [tea], days_ago=9)
    order = shop.create_past_order(anna, [milk, tea], days_ago=5)
    shop.create_past_order(anna, [jam], days_ago=2)
    visitor = Visitor.objects.get(user=anna)
    for number, (days, product) in enumerate([(6, milk), (4, jam)]):
        at = now() - timedelta(days=days)
        moments = {"occurred_at": at, "received_at": at}
        Event.objects.create(
            event_id=f"{number:032}", visitor=visitor, type="view_item", product_id=product.pk, **moments
        )
    (past,) = read_past_visits([order.pk]).visits
    assert past.bought == (tea.pk, milk.pk)
    assert [row[0] for row in past.visit.genome.products] == [tea.pk]
    assert [event.product_id for event in past.visit.recent_events] == [milk.pk]
    assert 0 < order.date_placed.timestamp() - past.visit.timestamp < 2 and not past.visit.basket


def test_nobodys_orders_count_without_their_consent():
    tea = shop.create_shop_product("Tea")
    anna, silent = shop.create_customer("anna"), shop.create_customer("silent")
    Visitor.objects.filter(user=silent).delete()
    kept = shop.create_past_order(anna, [tea], days_ago=2)
    others = [shop.create_past_order(user, [tea], days_ago=2) for user in (silent, None)]
    cancelled = shop.create_past_order(anna, [tea], days_ago=3, status="Cancelled")
    shop.create_past_order(anna, [tea], days_ago=40)
    found = consented_order_ids(now() - timedelta(days=28), now())
    assert sorted(found) == [kept.pk, cancelled.pk]
    past = read_past_visits([*found, *(order.pk for order in others)])
    assert [one.order.id for one in past.visits] == [kept.pk]
    Visitor.objects.filter(user=anna).update(erased_at=now())
    assert not consented_order_ids(now() - timedelta(days=28), now()) and not read_past_visits(found).visits


def test_the_first_orders_of_the_sample_are_spread_over_the_whole_time_and_always_the_same():
    anna, tea = shop.create_customer("anna"), shop.create_shop_product("Tea")
    placed = {shop.create_past_order(anna, [tea], days_ago=number / 8).pk: number for number in range(200)}
    found = consented_order_ids(now() - timedelta(days=28), now())
    assert len(found) == 200 and found == consented_order_ids(now() - timedelta(days=28), now())
    ages = [placed[key] for key in found[:40]]
    assert min(ages) < 20 and max(ages) > 180 and 80 < sum(ages) / len(ages) < 120


def test_a_page_is_decided_under_each_policy(trained_and_indexed):
    customers, products = trained_and_indexed
    order = Order.objects.filter(user=customers[0]).latest("date_placed")
    shared = read_past_visits([order.pk])
    replay = PageReplay(policy_change(NO_RULES, {"rerank_strength": 0}, now().timestamp()))
    (page,) = replay.pages(PageKind.CATEGORY_LIST, shared.visits[0], shared)
    even = [product.pk for product in products[::2]]
    assert sorted(page.before) == sorted(page.after) == even and page.after != page.before
    assert page.chosen == set(shared.visits[0].bought) and page.person == customers[0].pk


def test_what_is_never_shown_is_gone_and_not_last_as_on_the_page(trained_and_indexed, admin_user):
    customers, products = trained_and_indexed
    document = {
        "where": [{"surface": "category"}],
        "what": [{"do": "exclude", "target": {"products": [products[0].pk]}}],
    }
    campaign = publishing.publish(publishing.create("campaign", "Away", document, admin_user), admin_user)
    rules = read_rules_now()
    order = Order.objects.filter(user=customers[0]).latest("date_placed")
    shared = read_past_visits([order.pk])
    replay = PageReplay(campaign_change(NO_RULES, rules, campaign.pk, now().timestamp()))
    (page,) = replay.pages(PageKind.CATEGORY_LIST, shared.visits[0], shared)
    assert set(page.before) - set(page.after) == {products[0].pk}
    assert page.after == tuple(key for key in page.before if key != products[0].pk)


def test_who_bought_very_often_is_left_out(monkeypatch):
    anna, tea = shop.create_customer("anna"), shop.create_shop_product("Tea")
    order = shop.create_past_order(anna, [tea], days_ago=2)
    batch.refresh_all_genomes(now().timestamp())
    assert read_past_visits([order.pk]).visits
    monkeypatch.setattr(past_visits, "MAX_PURCHASES", 0)
    assert not read_past_visits([order.pk]).visits
