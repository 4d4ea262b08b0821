"""Purchases in stores, beside the shop's own orders."""

import pytest
from django.db import IntegrityError, transaction

from personalization.models import Purchase
from personalization.models.purchases import receipt_number
from tests.shops import factories as shop
from tests.shops.tills import buy_in_store

pytestmark = pytest.mark.django_db


def test_a_line_of_a_receipt_is_stored_once(django_user_model):
    tea = shop.create_shop_product("Tea")
    (line,) = buy_in_store(None, [tea], receipt="R-1")
    with pytest.raises(IntegrityError), transaction.atomic():
        Purchase.objects.create(
            source=line.source,
            external_id="R-1",
            line=1,
            receipt=line.receipt,
            quantity=1,
            price=1,
            currency="USD",
            at=line.at,
        )
    line.pk, line.quantity = None, 3
    Purchase.objects.store([line])
    assert Purchase.objects.get().quantity == 3


def test_what_came_back_or_is_unknown_was_not_bought():
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    kept, _ = buy_in_store(None, [milk, tea], receipt="A")
    buy_in_store(None, [tea], receipt="A", quantity=-1)
    buy_in_store(None, [tea], receipt="B", returned=True)
    buy_in_store(None, [tea], receipt="C", product_id=None, sku="?")
    (two,) = buy_in_store(None, [tea], receipt="D", quantity=2)
    buy_in_store(None, [tea], receipt="D", quantity=-1)
    assert set(Purchase.objects.bought()) == {kept, two}
    buy_in_store(None, [tea], receipt="D", quantity=-2)
    assert set(Purchase.objects.bought()) == {kept}


def test_receipts_have_numbers_that_no_order_has():
    numbers = {receipt_number("till", str(number)) for number in range(1000)}
    assert len(numbers) == 1000 and all(-(2**63) < number < 0 for number in numbers)
    assert receipt_number("a", "b") != receipt_number("ab", "")
