"""A shop that prints a mark for variables which its pages do not have has the rows of any other."""

import re
from copy import deepcopy

import pytest
from django.urls import reverse

from tests.shops import breakfast
from tests.shops.factories import grant_consent

pytestmark = pytest.mark.django_db
ROW = re.compile(r'data-row="([^"]*)"')
OURS = re.compile(r"<section class=.personalization-row.*?</section>|<\w+[^>]*data-slate=[^>]*>", re.DOTALL)


@pytest.fixture(params=["INVALID", "<<%s>> is missing"])
def marking(request, settings):
    """Makes the shop's templates print a mark from now on."""

    def become():
        templates = deepcopy(settings.TEMPLATES)
        templates[0]["OPTIONS"]["string_if_invalid"] = request.param
        settings.TEMPLATES = templates

    return become


def test_every_page_has_the_same_rows(trained_and_indexed, client, marking):
    users, products = trained_and_indexed
    grant_consent(*users[:1])
    client.force_login(users[0])
    search = reverse("search:search")
    pages = {
        "home": "/",
        "product": products[3].get_absolute_url(),
        "category": products[0].categories.get().get_absolute_url(),
        "search": f"{search}?q=product",
        "nothing": f"{search}?q=nosuchthing",
    }
    before = {name: ROW.findall(client.get(address).content.decode()) for name, address in pages.items()}
    assert before["home"] and before["product"] and before["nothing"]
    marking()
    for name, address in pages.items():
        page = client.get(address).content.decode()
        assert (name, ROW.findall(page)) == (name, before[name])
        assert not [part for part in OURS.findall(page) if "INVALID" in part or "is missing" in part]
        assert "without filters" not in page


def test_the_basket_has_the_same_rows(client, marking):
    products = breakfast.trained()
    breakfast.put_into_basket(client, products["Toast"])
    before = breakfast.row_titles(breakfast.get_basket_page(client), "basket")
    assert before
    marking()
    assert breakfast.row_titles(breakfast.get_basket_page(client), "basket") == before
