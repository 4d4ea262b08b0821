"""Views that cost nothing move nothing that others see."""

import uuid

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from personalization.models import Consent, Event, Visitor
from personalization.train.run import build_snapshot, no_progress
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def looks(visitor, *products, times=1):
    moment = now()
    Event.objects.bulk_create(
        Event(
            event_id=uuid.uuid4(),
            visitor=visitor,
            type="view_item",
            occurred_at=moment,
            received_at=moment,
            product_id=product.pk,
        )
        for product in products
        for _ in range(times)
    )


def same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


@pytest.fixture
def looking():
    """A shop in which every customer looked at two products of their kind."""
    users, products = shop.even_and_odd()
    for number, user in enumerate(users):
        looks(Visitor.objects.get_or_create_customer(user.pk), products[number % 2], products[number % 2 + 2])
    return users, products


@pytest.fixture
def arrays(looking):
    """What is learned, each time as of the same moment."""
    moment = now().timestamp() + 300
    return lambda: build_snapshot(moment, no_progress)[1].arrays


def test_customers_views_are_learned_from(arrays):
    near = arrays()["viewed_together.index"]
    assert near[:4, 0].tolist() == [2, 3, 0, 1]


def test_ten_thousand_views_of_one_customer_count_as_one(looking, arrays):
    users, products = looking
    visitor = Visitor.objects.get_or_create_customer(users[1].pk)
    looks(visitor, products[20], products[1])
    once = arrays()
    looks(visitor, products[20], times=10_000)
    assert same(arrays(), once)


def test_a_hundred_browsers_and_a_hundred_accounts_that_never_bought_move_nothing(looking, arrays):
    _, products = looking
    before = arrays()
    browsers = [Visitor(consent=Consent.GRANTED, consented_at=now()) for _ in range(100)]
    accounts = User.objects.bulk_create(User(username=f"fake{n}", email=f"fake{n}@example.com") for n in range(100))
    owned = [Visitor(user=user, consent=Consent.GRANTED, consented_at=now()) for user in accounts]
    for visitor in Visitor.objects.bulk_create(browsers + owned):
        looks(visitor, products[1], products[39])
    assert same(arrays(), before)
