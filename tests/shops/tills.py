"""Purchases in stores."""

from datetime import timedelta
from decimal import Decimal
from itertools import count

from django.utils.timezone import now

from personalization.models import Purchase
from personalization.models.purchases import receipt_number

_numbers = count(1)


def buy_in_store(user, products, days_ago=1.0, *, receipt=None, card=None, quantity=1, **fields):
    """A receipt with a line of so many pieces of each product, whose it is by account or card; its lines."""
    receipt = receipt or f"R{next(_numbers)}"
    common = {"source": "till", "external_id": receipt, "receipt": receipt_number("till", receipt), "currency": "USD"}
    common |= {"user": user, "card": card, "at": now() - timedelta(days=days_ago), "quantity": quantity}
    first = Purchase.objects.filter(source="till", external_id=receipt).count() + 1
    lines = [
        Purchase(**{**common, "line": line, "product_id": product.pk, "price": Decimal("3.50") * quantity, **fields})
        for line, product in enumerate(products, first)
    ]
    return Purchase.objects.bulk_create(lines)
