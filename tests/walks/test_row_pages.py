"""The page with all products of a row: of the visitor's own rows only, private, paged, and decided once."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from oscar.apps.partner.models import StockRecord

from personalization.decide import row_pages
from personalization.models import Event
from tests.shops import factories as shop
from tests.shops import tea
from tests.walks.known_visitors import identify_browser

pytestmark = pytest.mark.django_db

HOME_BESTSELLERS = reverse("personalization:row", args=["home", "bestsellers"])
BUY_AGAIN = reverse("personalization:row", args=["home", "buy_again"])


@pytest.fixture
def narrow(settings):
    """Rows of three cards, so that there is more to see of them."""
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_SIZE": 3}


@pytest.fixture
def small_pages(monkeypatch):
    """Pages of five products."""
    monkeypatch.setattr(row_pages, "ROW_PAGE_SIZE", 5)
    monkeypatch.setattr("personalization.pages.rows.ROW_PAGE_SIZE", 5)


def cards(response):
    return re.findall(r"<article.*?<h3><a[^>]*>([^<]+)</a>", response.content.decode(), re.S)


def titles_leading_to(response):
    """{title: address} of the rows of a page whose title is a link."""
    found = re.findall(r'<h2 class="personalization-row__title"[^>]*><a href="([^"]+)">([^<]+)</a>', text(response))
    return {title: address.replace("&amp;", "&") for address, title in found}


def text(response):
    return response.content.decode()


def test_the_title_of_a_row_leads_to_all_of_it(client, trained, narrow):
    users, products = trained
    client.force_login(users[1])
    home = client.get("/")
    links = titles_leading_to(home)
    assert links["Buy again"] == BUY_AGAIN
    response = client.get(links["Buy again"])
    assert "<h1>Buy again</h1>" in " ".join(text(response).split()).replace("<h1> ", "<h1>").replace(" </h1>", "</h1>")
    odd = {product.title for product in products[1::2]}
    assert len(cards(response)) > 3
    assert set(cards(response)) <= odd
    assert cards(response)[:3] == cards(home)[:3]


def test_a_row_that_shows_all_it_has_leads_nowhere(client, trained, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_SIZE": 5}
    home = client.get("/")
    has_more = {row.title for row in home.context["slate"].rows if row.candidate_count > len(row.items)}
    assert has_more == titles_leading_to(home).keys()
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_SIZE": 40}
    assert titles_leading_to(client.get("/")) == {}


def test_a_row_that_is_not_full_leads_nowhere(client, trained, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_SIZE": 5}
    row = client.get("/").context["slate"].rows[0]
    assert row.candidate_count > len(row.items) == 5
    StockRecord.objects.exclude(product__in=[item.product_id for item in row.items[:4]]).update(num_in_stock=0)
    home = client.get("/")
    (first, *_) = [one for one in home.context["slate"].rows if one.key == row.key]
    assert first.candidate_count > len(first.items) == 4
    assert first.title not in titles_leading_to(home)


def test_the_page_is_private_and_no_search_engine_keeps_it(client, trained):
    users, _ = trained
    client.force_login(users[1])
    response = client.get(BUY_AGAIN)
    assert response.headers["Cache-Control"] == "private, no-store"
    assert '<meta name="robots" content="noindex">' in text(response)


def test_another_customers_row_is_not_found(client, trained):
    users, _ = trained
    client.force_login(users[1])
    keys = [row.key for row in client.get("/").context["slate"].rows if ":" in row.key and row.personal]
    assert client.get(BUY_AGAIN).status_code == 200
    assert Client().get(BUY_AGAIN).status_code == 404
    for key in keys:
        assert Client().get(reverse("personalization:row", args=["home", key])).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/personalization/rows/home/nothing/",
        "/personalization/rows/home/bestsellers:1/",
        "/personalization/rows/nowhere/bestsellers/",
        "/personalization/rows/navigation/bestsellers/",
        f"{HOME_BESTSELLERS}?page=0",
        f"{HOME_BESTSELLERS}?page=-1",
        f"{HOME_BESTSELLERS}?page=99",
        f"{HOME_BESTSELLERS}?page=x",
        f"{HOME_BESTSELLERS}?page={'9' * 40}",
        f"{HOME_BESTSELLERS}?page=²",
        "/personalization/rows/product/similar:1/?product=99999",
        "/personalization/rows/product/similar:1/?product=",
        "/personalization/rows/category/buy_again_in_category/?category=99999",
        "/personalization/rows/home/%00/",
    ],
)
def test_what_does_not_exist_is_not_found(client, trained, address):
    assert client.get(address).status_code == 404


def test_only_reading_is_allowed(client, trained):
    assert client.post(HOME_BESTSELLERS).status_code == 405


def test_pages_are_parts_of_one_order_and_only_a_pages_products_are_read(client, trained, small_pages):
    whole, page = [], 1
    while (response := client.get(HOME_BESTSELLERS, {"page": page})).status_code == 200:
        assert len(cards(response)) <= 5
        whole += cards(response)
        page += 1
    assert page > 2
    assert len(whole) == len(set(whole))
    with CaptureQueriesContext(connection) as captured:
        client.get(HOME_BESTSELLERS, {"page": 2})
    assert sum("first_image" in query["sql"] for query in captured) == 1
    assert "Page 2 of" in text(client.get(HOME_BESTSELLERS, {"page": 2}))


def test_what_cannot_be_bought_is_not_shown_and_moves_nothing_to_another_page(client, trained, small_pages):
    first, second = (cards(client.get(HOME_BESTSELLERS, {"page": page})) for page in (1, 2))
    StockRecord.objects.filter(product__title=first[2]).update(num_in_stock=0)
    assert cards(client.get(HOME_BESTSELLERS)) == first[:2] + first[3:]
    assert cards(client.get(HOME_BESTSELLERS, {"page": 2})) == second


def test_the_rows_of_a_product_page_have_pages_too(client, narrow):
    products = tea.trained()
    links = titles_leading_to(client.get(products[tea.TEAS[0]].get_absolute_url()))
    pages = {title: client.get(address) for title, address in links.items()}
    assert all(title in text(response) for title, response in pages.items())
    assert max(len(cards(response)) for response in pages.values()) > 3


def test_before_anything_is_learned_there_are_pages_from_the_shops_own_tables(client):
    for number in range(6):
        shop.create_past_order(None, [shop.create_shop_product(f"Product {number}")])
    assert len(cards(client.get(reverse("personalization:row", args=["home", "latest"])))) == 6


def test_what_is_seen_there_is_reported_with_its_place_in_the_whole_row(client, trained, small_pages):
    identify_browser(client)
    response = client.get(HOME_BESTSELLERS, {"page": 2})
    slate = response.context["row_slate"]
    assert [item.position for item in slate.rows[0].items] == [5, 6, 7, 8, 9][: len(slate.rows[0].items)]
    assert 'data-slate="' in text(response)
    assert not Event.objects.exists()


def test_where_another_person_may_be_looking_no_address_tells_what_the_title_does_not(client, trained, narrow):
    users, _ = trained
    client.force_login(users[1])
    session = client.session
    session.pop("personalization_signed_in", None)
    session.save()
    response = client.get("/")
    assert "Recommended for you" in text(response)
    assert "Recommended for you" not in titles_leading_to(response)
    assert "buy_again/" not in text(response)
