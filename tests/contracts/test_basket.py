"""Whatever changes in the catalogue, the basket and the thank-you page show only what can be bought."""

import pytest
from django.urls import reverse
from oscar.apps.basket.models import Line

from tests.contracts.changing_catalogue import ChangingCatalogue, holds
from tests.shops import breakfast
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


class Basket(ChangingCatalogue):
    """Its page, full or empty, and the same after an answer without a reload."""

    def pages(self):
        yield "basket", breakfast.get_basket_page(self.client)
        if Line.objects.exists():
            yield "basket", breakfast.post_quantities(self.client, {})


class ThankYou(ChangingCatalogue):
    """The page after an order of butter and soap."""

    def __init__(self):
        super().__init__()
        self.order = shop.create_past_order(None, [self.trained["Butter"], self.trained["Soap"]], days_ago=0)
        session = self.client.session
        session["checkout_order_id"] = self.order.pk
        session.save()

    def pages(self):
        response = self.client.get(reverse("checkout:thank-you"))
        bought = set(self.order.lines.values_list("product_id", flat=True))
        rows = [row for slate in breakfast.slates_of_page(response, "order_confirmation") for row in slate.rows]
        assert not bought & {item.product_id for row in rows for item in row.items}
        yield "order_confirmation", response


def test_the_basket_shows_only_what_can_be_bought():
    holds(Basket)


def test_the_thank_you_page_shows_only_what_can_be_bought():
    holds(ThankYou)
