"""A reminder of a basket says what completes an offer that it half meets: as is true when it is sent, or not at all."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from oscar.apps.offer.models import Benefit, Condition, ConditionalOffer, Range

from personalization.lifecycle.sweep import sweep_messages
from personalization.oscar import offer_rows
from tests.lifecycle.left_baskets import leave_basket, reminded_customer, run, send_kind
from tests.shops import tea

pytestmark = pytest.mark.django_db


@pytest.fixture
def products(settings, monkeypatch):
    monkeypatch.setattr(offer_rows, "TRY_SECONDS", 10.0)
    products = tea.trained()
    send_kind(settings, monkeypatch, "basket_left")
    teas = Range.objects.create(name="teas")
    for name in tea.TEAS:
        teas.add_product(products[name])
    ConditionalOffer.objects.create(
        name="Tea for three",
        condition=Condition.objects.create(range=teas, type=Condition.COUNT, value=3),
        benefit=Benefit.objects.create(range=teas, type=Benefit.PERCENTAGE, value=20),
    )
    return products


def reminder_of(products, *names):
    anna = reminded_customer()
    leave_basket(anna, [products[name] for name in names])
    return anna


def test_it_names_a_product_with_both_numbers(products):
    reminder_of(products, *tea.TEAS[:2])
    assert run().sent == 1
    body, (html, _type) = mail.outbox[0].body, mail.outbox[0].alternatives[0]
    assert "Almost there: Tea for three\n" in body
    assert ": With it your total rises by $1.20 instead of $3.00\nhttps://" in body
    assert "Almost there: Tea for three" in html


def test_an_offer_that_ended_before_it_was_sent_is_not_in_it(products):
    reminder_of(products, *tea.TEAS[:2])
    assert sweep_messages(timezone.now()) == 1
    ConditionalOffer.objects.update(end_datetime=timezone.now() - timedelta(minutes=1))
    assert run().sent == 1
    assert "Tea for three" not in mail.outbox[0].body


def test_it_says_nothing_where_a_part_of_the_basket_is_sold_out(products):
    reminder_of(products, *tea.TEAS[:2])
    products[tea.TEAS[0]].stockrecords.update(num_in_stock=0)
    assert run().sent == 1
    assert "Tea for three" not in mail.outbox[0].body
