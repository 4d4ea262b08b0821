"""What something more in a basket would cost is what Oscar says once it is there."""

import os
from decimal import Decimal
from typing import NamedTuple

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oscar.apps.basket.models import Basket
from oscar.apps.offer.applicator import Applicator
from oscar.apps.offer.models import Benefit, Condition, ConditionalOffer, Range
from oscar.apps.partner.strategy import Selector
from oscar.apps.shipping.methods import FixedPrice
from oscar.apps.shipping.repository import Repository
from oscar.apps.voucher.models import Voucher
from oscar.test.factories import create_product

from personalization.shop.offer_trials import RangeMembers, basket_total, missing_part, try_basket, with_voucher

pytestmark = pytest.mark.django_db

PRODUCTS = 8
CONDITIONS = [Condition.COUNT, Condition.COVERAGE, Condition.VALUE]
BENEFITS = [
    Benefit.PERCENTAGE,
    Benefit.FIXED,
    Benefit.FIXED_UNIT,
    Benefit.MULTIBUY,
    Benefit.FIXED_PRICE,
    Benefit.SHIPPING_ABSOLUTE,
    Benefit.SHIPPING_FIXED_PRICE,
    Benefit.SHIPPING_PERCENTAGE,
]
WITHOUT_RANGE = (Benefit.SHIPPING_ABSOLUTE, Benefit.SHIPPING_FIXED_PRICE, Benefit.SHIPPING_PERCENTAGE)


class ParcelRepository(Repository):
    """Sends every basket for 6.00."""

    methods = (FixedPrice(Decimal("6.00"), Decimal("6.00")),)


class MadeOffer(NamedTuple):
    """What is drawn of an offer."""

    condition: str
    amount: int
    benefit: str
    value: int | None
    exclusive: bool = False
    most: int | None = None
    range_number: int = 0
    with_voucher: bool = False


@st.composite
def offers(draw):
    """One of any condition and benefit that Oscar has."""
    condition, benefit = draw(st.sampled_from(CONDITIONS)), draw(st.sampled_from(BENEFITS))
    amount = draw(st.integers(1, 4)) if condition != Condition.VALUE else draw(st.sampled_from([5, 12, 30]))
    value = None if benefit == Benefit.MULTIBUY else draw(st.sampled_from([1, 3, 10, 50]))
    exclusive, most = draw(st.booleans()), draw(st.sampled_from([None, 1, 2]))
    return MadeOffer(condition, amount, benefit, value, exclusive, most, draw(st.integers(0, 2)), draw(st.booleans()))


@pytest.fixture
def shelf():
    """Products at different prices, and three Ranges: half of them, the other half, all."""
    products = [create_product(price=Decimal(2 + 3 * number) / 2, num_in_stock=50) for number in range(PRODUCTS)]
    ranges = [Range.objects.create(name="even"), Range.objects.create(name="odd")]
    for number, product in enumerate(products):
        ranges[number % 2].add_product(product)
    return products, [*ranges, Range.objects.create(name="all", includes_all_products=True)]


def create_offer(made, ranges, priority=0):
    related = ranges[made.range_number]
    return ConditionalOffer.objects.create(
        name=f"offer {priority}",
        priority=priority,
        exclusive=made.exclusive,
        max_basket_applications=made.most,
        offer_type=ConditionalOffer.VOUCHER if made.with_voucher else ConditionalOffer.SITE,
        condition=Condition.objects.create(range=related, type=made.condition, value=made.amount),
        benefit=Benefit.objects.create(
            range=None if made.benefit in WITHOUT_RANGE else related, type=made.benefit, value=made.value
        ),
    )


def new_user():
    return User.objects.create_user(f"u{User.objects.count()}")


def open_basket(user, contents):
    basket = Basket.objects.create(owner=user)
    basket.strategy = Selector().strategy(user=user)
    for product, quantity in contents:
        basket.add_product(product, quantity)
    return basket


def as_oscar_has_it(basket, user):
    """A fresh copy from the database, with the offers applied by Oscar."""
    fresh = Basket.objects.get(pk=basket.pk)
    fresh.strategy = basket.strategy
    Applicator().apply(fresh, user, None)
    return fresh


def parcel_charge(basket):
    method = ParcelRepository().get_default_shipping_method(basket=basket)
    return method.calculate(basket).incl_tax


@settings(
    max_examples=int(os.environ.get("OFFER_RUNS", "20")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    made=st.lists(offers(), min_size=1, max_size=3),
    contents=st.dictionaries(st.integers(0, PRODUCTS - 2), st.integers(1, 4), min_size=1, max_size=4),
    added=st.integers(0, PRODUCTS - 1),
    pieces_and_entered=st.tuples(st.integers(1, 3), st.booleans()),
)
def test_a_try_is_what_oscar_says_once_it_is_in_the_basket(shelf, made, contents, added, pieces_and_entered):
    """With a voucher that is in the basket, or one that will be entered once the basket is large enough for it."""
    (products, ranges), (quantity, is_entered) = shelf, pieces_and_entered
    contents.pop(added, None)
    if not contents:
        return
    user = new_user()
    ConditionalOffer.objects.all().delete()
    found = [create_offer(one, ranges, number) for number, one in enumerate(made)]
    voucher = Voucher.objects.create(
        name=f"v{user.pk}", code=f"C{user.pk}", start_datetime="2020-01-01T00:00Z", end_datetime="2040-01-01T00:00Z"
    )
    voucher.refresh_from_db()
    voucher.offers.add(*(one for one in found if one.offer_type == ConditionalOffer.VOUCHER))
    basket = open_basket(user, [(products[number], pieces) for number, pieces in contents.items()])
    if is_entered:
        basket.vouchers.add(voucher)
    before = as_oscar_has_it(basket, user)
    seen = basket_total(before)
    asked = RangeMembers([product.pk for product in products])
    asking = before if is_entered else with_voucher(before, voucher)
    active = Applicator().get_offers(asking, user, RequestFactory().get("/"))
    assert list(before.vouchers.all()) == ([voucher] if is_entered else [])
    for one in active:
        missing_part(one, before, asked)
    tried = try_basket(before, {products[added]: quantity}, asked.tied_all(active), parcel_charge)
    assert basket_total(before) == seen, "the basket itself was changed"

    basket.add_product(products[added], quantity)
    basket.vouchers.add(voucher)
    after = as_oscar_has_it(basket, user)
    difference = basket_total(after) + parcel_charge(after) - basket_total(before) - parcel_charge(before)
    assert tried.more == difference
    assert tried.price == products[added].stockrecords.get().price * quantity


@pytest.mark.parametrize(
    ("condition", "amount", "missing"),
    [
        (Condition.COUNT, 5, {"pieces": 2}),
        (Condition.COVERAGE, 3, {"pieces": 1, "is_distinct": True}),
        (Condition.VALUE, 20, {"amount": Decimal("11.00")}),
        (Condition.COUNT, 3, None),
        (Condition.VALUE, 9, None),
    ],
)
def test_what_is_missing_of_each_kind_of_condition(shelf, condition, amount, missing):
    products, ranges = shelf
    create_offer(MadeOffer(condition, amount, Benefit.PERCENTAGE, 10), ranges)
    basket = open_basket(new_user(), [(products[0], 1), (products[2], 2)])  # 1.00 and two of 4.00, all of "even"
    (offer,) = Applicator().get_offers(basket)
    part = missing_part(offer, basket, RangeMembers([product.pk for product in products]))
    if missing is None:
        assert part is None
    else:
        assert part is not None and part.range.name == "even"
        assert {name: getattr(part, name) for name in missing} == missing
