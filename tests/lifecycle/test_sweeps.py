"""A sweep asks a fixed number of queries, however many people there are."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from personalization.lifecycle.kinds import registered_kinds
from personalization.lifecycle.mail import make_mail
from personalization.models import Delivery, SweepTurn
from personalization.profile.genome import refresh_genome
from personalization.testing import check_message_kind
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.lifecycle.left_baskets import leave_basket
from tests.lifecycle.test_cheaper_now import costs, seen, wish
from tests.lifecycle.test_customer_moments import sent_order
from tests.lifecycle.test_looked import view
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

QUERIES = {
    "after_the_order": 1,
    "basket_left": 2,
    "cheaper_now": 7,
    "due_again": 8,
    "first_steps": 1,
    "looked": 10,
    "still_sold_out": 1,
    "we_miss_you": 5,
}
"""By kind, how many its `find_due` asks."""


@pytest.fixture
def lively(settings):
    """Every new customer is due for every kind of message, in a shop with one lamp that became cheaper."""
    alerts.switch_on(settings)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS": 60}
    lamp, tea = shop.create_shop_product("Lamp"), shop.create_shop_product("Tea")
    gone = shop.create_shop_product("Ink", stock=0)
    seen(lamp, "20.00", *range(1, 32))
    costs(lamp, "15.00")

    def add(name):
        roles = ("buyer", "looker", "new", "missed")
        buyer, looker, new, missed = people = [shop.create_customer(f"{name}-{role}") for role in roles]
        for days in (87, 57, 27):
            shop.create_past_order(buyer, [tea], days_ago=days)
        for days in (140, 135, 130):
            shop.create_past_order(missed, [lamp, tea], days_ago=days)
        shop.create_past_order(looker, [tea], days_ago=200)
        sent_order(buyer, [lamp], days=10)
        alerts.dated(missed.alerts.create(product=gone), 15 * 24 * 60)
        leave_basket(buyer, [tea])
        view(looker, tea, 30, 5)
        wish(looker, lamp)
        type(new).objects.filter(pk=new.pk).update(date_joined=timezone.now() - timedelta(days=4))
        for user in people:
            for purpose in ("reminders", "offers"):
                allow(user, purpose=purpose)
            refresh_genome([user.pk], timezone.now().timestamp())

    return add


def sweep(kind):
    """(how many it found, how many queries that took)"""
    Delivery.objects.all().delete()
    SweepTurn.objects.all().delete()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = list(kind.find_due(timezone.now()))
    return len(found), len(queries)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_each_kind_keeps_the_contract_and_finds_nobody_without_an_address(lively, name):
    lively("early")
    User.objects.update(email="")
    assert sweep(registered_kinds()[name])[0] == 0
    lively("late")
    SweepTurn.objects.all().delete()
    check_message_kind(registered_kinds()[name], timezone.now())
    assert sweep(registered_kinds()[name])[0] == 1


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_the_queries_do_not_grow_with_the_people(lively, name):
    kind = registered_kinds()[name]
    for number in range(2):
        lively(f"early{number}")
    sweep(kind)
    few, before = sweep(kind)
    for number in range(5):
        lively(f"late{number}")
    many, after = sweep(kind)
    assert (few, many) == (2, 7)
    assert before == after == QUERIES[name]


@pytest.mark.parametrize("language", ["en-gb", "de"])
@pytest.mark.parametrize("name", sorted(QUERIES))
def test_each_kind_can_be_looked_at_before_anything_is_due(trained, settings, name, language):
    users, _ = trained
    alerts.switch_on(settings)
    kind = registered_kinds()[name]
    for customer in (None, users[0]):
        sent = make_mail(Delivery(), kind, kind.example(customer), language)
        html = sent.alternatives[0].content
        assert "https://shop.example/" in sent.body and f'<html lang="{language}">' in html
        assert not re.search(r"{{|{%|%\(|\bNone\b|&lt;|Decimal|MessageProduct", sent.subject + sent.body + html)
