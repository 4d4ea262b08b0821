"""Whatever changes in the catalogue, our rows on all other pages show only what can be bought."""

import pytest
from django.urls import reverse
from oscar.apps.catalogue.models import Category

from tests.contracts.changing_catalogue import ChangingCatalogue, holds

pytestmark = pytest.mark.django_db


class Strangers(ChangingCatalogue):
    """The home page, a product's page, and the page of a search that finds nothing."""

    def pages(self):
        yield "home", self.client.get("/")
        yield "zero_results", self.client.get(reverse("search:search"), {"q": "xyzzy"})
        for name in ("Butter", "Soap"):
            if name in self.products:
                yield "product", self.client.get(self.products[name].get_absolute_url(), follow=True)


class Customers(Strangers):
    """The same for somebody who is known, and the page of a category."""

    def __init__(self):
        super().__init__()
        self.client.force_login(self.buyer)

    def pages(self):
        yield from super().pages()
        yield "category", self.client.get(Category.objects.get(name="Food").get_absolute_url())


def test_no_page_shows_a_stranger_what_cannot_be_bought(own_files):
    holds(Strangers)


def test_no_page_shows_a_customer_what_cannot_be_bought(own_files, django_user_model):
    class OfTheShop(Customers):
        @property
        def buyer(self):
            return django_user_model.objects.get(username="buyer0")

    holds(OfTheShop)
