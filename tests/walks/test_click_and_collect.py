"""Rows prefer what the visitor's store has."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from oscar.apps.catalogue.models import Product
from oscar.apps.partner.models import Partner, StockRecord

from personalization.checks import check_callables
from personalization.models import Store
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def store_of_cookie(request):
    return request.COOKIES.get("store")


def bestsellers_of(client):
    body = client.get("/").content.decode()
    row = re.search(r'<section class="personalization-row[^>]*data-row="bestsellers".*?</section>', body, re.S)[0]
    return re.findall(r'<h3>\s*<a [^>]*title="([^"]*)"', row)


@pytest.fixture
def main_street(settings):
    """A store with a partner, of which the shop learns by a cookie."""
    shop.trained_even_and_odd()
    settings.PERSONALIZATION = {
        **settings.PERSONALIZATION,
        "CHOSEN_STORE_CALLABLE": f"{__name__}.store_of_cookie",
        "STORE_PREFERENCE": 20,
    }
    partner = Partner.objects.create(name="Main street")
    return Store.objects.create(code="main", name="Main street", click_and_collect=True, partner=partner)


def lay_into(store, product, **fields):
    record = product.stockrecords.get()
    return StockRecord.objects.create(
        partner=store.partner,
        product=product,
        partner_sku=f"{store.code}-{product.pk}",
        price=record.price,
        price_currency=record.price_currency,
        **{"num_in_stock": 3, **fields},
    )


def product_of(title):
    return Product.objects.get(title=title)


def test_what_the_store_has_moves_up_for_who_chose_it_and_nobody_else(client, main_street):
    before = bestsellers_of(client)
    lay_into(main_street, product_of(before[3]))
    client.cookies["store"] = "main"
    assert bestsellers_of(client) == [before[3], *before[:3], *before[4:]]
    for other in ("", "elsewhere"):
        client.cookies["store"] = other
        assert bestsellers_of(client) == before


@pytest.mark.parametrize("fields", [{"num_in_stock": 0}, {"num_in_stock": 2, "num_allocated": 2}])
def test_what_is_sold_out_there_or_promised_to_others_moves_nothing(client, main_street, fields):
    before = bestsellers_of(client)
    lay_into(main_street, product_of(before[3]), **fields)
    client.cookies["store"] = "main"
    assert bestsellers_of(client) == before


def test_a_store_from_which_nothing_is_fetched_moves_nothing(client, main_street):
    before = bestsellers_of(client)
    lay_into(main_street, product_of(before[3]))
    Store.objects.update(click_and_collect=False)
    client.cookies["store"] = "main"
    assert bestsellers_of(client) == before


def test_a_chosen_store_costs_one_query_and_none_where_it_is_not_preferred(client, main_street, settings):
    before = bestsellers_of(client)
    lay_into(main_street, product_of(before[3]))
    without = count_selects(client)
    client.cookies["store"] = "main"
    assert count_selects(client) == without + 1
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "STORE_PREFERENCE": 0}
    assert count_selects(client) == without
    assert bestsellers_of(client) == before


def count_selects(client):
    with CaptureQueriesContext(connection) as captured:
        client.get("/")
    return sum(query["sql"].startswith("SELECT") for query in captured.captured_queries)


def test_a_function_that_fails_costs_no_page(client, main_street, settings):
    before = bestsellers_of(client)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CHOSEN_STORE_CALLABLE": "nowhere.at.all"}
    assert bestsellers_of(client) == before
    assert "no row prefers what a store has" in check_callables(None)[0].hint


def test_the_command_names_the_partners_that_there_are(main_street, capsys):
    call_command("personalization_stores", "side", "--partner", main_street.partner.code)
    assert f"stock of {main_street.partner.code}" in capsys.readouterr().out
    with pytest.raises(CommandError, match=f"There are: .*{main_street.partner.code}"):
        call_command("personalization_stores", "side", "--partner", "nobody")
    call_command("personalization_stores", "side", "--partner", "")
    assert Store.objects.get(code="side").partner is None
