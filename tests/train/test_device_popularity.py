"""What is looked at with which kind of device: from events to the order that a stranger sees."""

from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from personalization.models import Consent, Event, Visitor
from personalization.rank import cold_start
from personalization.rank.snapshot_arrays import DEVICES, SnapshotArrays
from personalization.recommenders import DAY, ViewArrays
from personalization.shop.catalogue import CategoryMemberships
from personalization.testing import REFERENCE_TIME
from personalization.train import fit
from personalization.train.run import build_snapshot, no_progress
from tests.shops import factories as shop
from tests.shops.habits import shop_of

FIVE = range(5)


def looked(**devices) -> SnapshotArrays:
    """What is learned in a shop where customers looked at products: (customer, product, days ago) by device."""
    tables = {name: np.array(rows, np.float64).reshape(-1, 3) for name, rows in devices.items()}
    made = shop_of([(0, 0, 0, REFERENCE_TIME)], products=300)
    nowhere = CategoryMemberships(category=np.empty(0, np.int64), product=np.empty(0, np.int64), depth={})
    views = {
        name: ViewArrays(table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), REFERENCE_TIME - table[:, 2] * DAY)
        for name, table in tables.items()
    }
    return SnapshotArrays(fit.product_arrays(replace(made, members=nowhere, views_by_device=views), made.history))


def views(customers, product, ago=1):
    return [(who, product, ago) for who in customers]


def test_each_kind_of_device_has_its_own_list_most_customers_first():
    found = looked(phone=[*views(range(9), 3), *views(FIVE, 1)], tablet=views(range(6), 2))
    assert [found.device_products(name).tolist() for name in (*DEVICES, "", "watch")] == [[], [3, 1], [2], [], []]


def test_a_product_needs_five_customers_however_often_each_looks():
    assert looked(phone=views(range(4), 1) * 50).device_products("phone").tolist() == []


def test_only_the_last_days_count_and_nothing_that_is_later():
    assert looked(phone=[*views(FIVE, 1, ago=29), *views(FIVE, 2, ago=-1)]).device_products("phone").tolist() == []


def test_of_each_kind_only_so_many_are_kept():
    found = looked(phone=[(who, product, 1) for product in range(250) for who in FIVE])
    assert found.device_products("phone").tolist() == list(range(fit.MAX_PER_DEVICE))


def looks(visitor, device, *products, times=1, **fields):
    moment = now()
    common = {"visitor": visitor, "type": "view_item", "occurred_at": moment, "received_at": moment, **fields}
    Event.objects.bulk_create(
        Event(event_id=uuid4(), product_id=product.pk, device=device, **common)
        for product in products
        for _ in range(times)
    )


def trained():
    return build_snapshot(now().timestamp() + 300, no_progress)[1]


@pytest.fixture
def looking(db):
    """Even customers look at even products on their phones, odd ones at odd ones on computers."""
    users, products = shop.even_and_odd()
    for number, user in enumerate(users):
        look = products[number % 2 + 10], products[number % 2 + 12]
        looks(Visitor.objects.get_or_create_customer(user.pk), ("phone", "computer")[number % 2], *look)
    return users, products


def test_a_shop_learns_what_is_looked_at_on_which_device_and_a_stranger_sees_it_first(looking):
    _, products = looking
    found = trained()
    assert found.ids[found.device_products("phone")].tolist() == [products[10].pk, products[12].pk]
    assert found.ids[found.device_products("computer")].tolist() == [products[11].pk, products[13].pk]
    alike = found.product_indices([products[11].pk, products[10].pk])
    assert np.argmax(cold_start.cold_start_score(found, alike, device="phone")) == 1
    assert np.argmax(cold_start.cold_start_score(found, alike, device="computer")) == 0


def test_browsers_accounts_that_never_bought_and_who_is_no_shopper_move_nothing(looking):
    users, products = looking
    before = trained().arrays
    browsers = [Visitor(consent=Consent.GRANTED, consented_at=now()) for _ in range(50)]
    accounts = User.objects.bulk_create(User(username=f"fake{n}", email=f"fake{n}@example.com") for n in range(50))
    owned = [Visitor(user=user, consent=Consent.GRANTED, consented_at=now()) for user in accounts]
    for visitor in Visitor.objects.bulk_create(browsers + owned):
        looks(visitor, "phone", products[1], products[39])
    for user in users:
        looks(Visitor.objects.get_or_create_customer(user.pk), "phone", products[39], is_suspected_bot=True)
    after = trained().arrays
    assert all(np.array_equal(after[name], before[name]) for name in before if name.startswith("device."))


def test_who_objects_is_not_learned_from(looking):
    users, _ = looking
    for user in users[::2]:
        Visitor.objects.get_or_create_customer(user.pk).change_consent(
            Consent.WITHDRAWN, version="1", source="test", now=now()
        )
    assert [trained().device_products(name).size for name in ("phone", "computer")] == [0, 2]
