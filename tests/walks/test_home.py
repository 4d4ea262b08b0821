"""The home page through the front doors: orders in the shop's tables, a training run, a request."""

import pytest
from django.core.management import call_command
from tests import shop


@pytest.fixture
def trained(db, transactional_db=None):
    users, products = shop.even_and_odd()
    call_command("personalization_train", verbosity=0)
    return users, products


def rows(response):
    return response.context["slate"].rows


def test_x(client, trained):
    users, products = trained
    r = client.get("/")
    for row in rows(r):
        print(row.title, row.words, [(i.product.title, i.words) for i in row.items])
    client.force_login(users[1])
    r = client.get("/")
    for row in rows(r):
        print(row.title, row.words, [(i.product.title, i.words) for i in row.items])
    assert 0
