"""The number under the cards of a row is the one that sorts them, page by page."""

import pytest
from django.urls import reverse
from oscar.apps.catalogue.models import Product

from tests.shops.breakfast import slates_of_page

pytestmark = pytest.mark.django_db

COUNTED = {"popular": "customers", "bestseller_count": "times", "trending": "times"}


def counted_rows(response):
    """The numbers under the cards of each row that has one under each."""
    for slate in slates_of_page(response):
        for row in slate.rows:
            if row.items and all(item.reason.code in COUNTED for item in row.items):
                yield row.key, [item.reason.params[COUNTED[item.reason.code]] for item in row.items]


def test_a_number_under_each_card_falls_along_the_row(client, trained):
    pages = [reverse("personalization:home"), reverse("basket:summary"), "/search/?q=nothing-has-this-name"]
    pages += [product.get_absolute_url() for product in Product.objects.browsable()[:10]]
    found = [row for page in pages for row in counted_rows(client.get(page))]
    assert found
    assert [row for row in found if row[1] != sorted(row[1], reverse=True)] == []
