"""The page of a category: above the list what a known visitor usually buys there, unless the page shows it anyway."""

import re
from time import time

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from oscar.apps.catalogue.models import Category
from oscar.apps.partner.models import StockRecord

from personalization.decide import active_snapshot, selection
from personalization.models import Consent, Snapshot, Visitor
from personalization.oscar import visits
from personalization.profile.genome import refresh_genome
from tests.shops import factories as shop
from tests.walks.known_visitors import identify_browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

PER_PAGE = 20


@pytest.fixture
def trained(settings, trained_and_indexed):
    """Lists are in the engine's order."""
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "RERANK_STRENGTH": 0, "SNAPSHOT_POLL_SECONDS": 9_999}
    return trained_and_indexed


@pytest.fixture
def small_pages(monkeypatch):
    """The list shows four products a page."""
    from oscar.apps.search.views.base import BaseSearchView

    monkeypatch.setattr(BaseSearchView, "paginate_by", 4)


def of_odd(client, **query):
    return client.get(Category.objects.get(name="Odd").get_absolute_url(), query)


def row(response):
    """(title, keys of the products) of our row; None where there is none."""
    parts = re.findall(r'<section class="personalization-row.*?</section>', response.content.decode(), re.S)
    assert len(parts) <= 1
    if not parts:
        return None
    (title,) = re.findall(r"<h2[^>]*>(?:<a[^>]*>)?([^<]+)<", parts[0])
    return title, [int(key) for key in re.findall(r'data-product="(\d+)"', parts[0])]


def listed(response):
    return [int(result.pk) for result in response.context["page_obj"]]


def odd_customer(client, trained):
    client.force_login(trained[0][1])
    return trained[1][1::2]


def test_what_the_page_leaves_out_stands_above_it_best_first_and_says_so(client, trained, small_pages):
    odd = odd_customer(client, trained)
    page = of_odd(client)
    title, shown = row(page)
    assert title == "More to buy again in Odd"
    assert len(shown) == 6
    assert set(shown).isdisjoint(listed(page))
    assert set(shown) <= {product.pk for product in odd}
    favourites = {odd[0].pk, odd[1].pk} - set(listed(page))
    assert set(shown[: len(favourites)]) == favourites
    (address,) = re.findall(r'<a href="([^"]+)">More to buy again in Odd</a>', page.content.decode())
    title, everything = row(client.get(address))
    assert title == "Buy again in Odd"  # on its own page it is not more of anything
    assert set(shown) < set(everything) <= {product.pk for product in odd}


def test_with_nothing_of_it_on_the_page_the_title_says_so(client, trained, small_pages):
    first = listed(of_odd(Client()))
    newcomer = shop.create_customer("newcomer")
    shop.create_past_order(newcomer, [product for product in trained[1][1::2] if product.pk not in first][:5])
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    client.force_login(newcomer)
    title, shown = row(of_odd(client))
    assert (title, len(shown)) == ("Buy again in Odd", 5)


def test_what_was_bought_once_and_is_not_of_the_kind_that_is_bought_again_is_not_usual(client, trained, small_pages):
    newcomer = shop.create_customer("newcomer")
    shop.create_past_order(newcomer, trained[1][1::2])
    refresh_genome([newcomer.pk], time())
    client.force_login(newcomer)
    assert row(of_odd(client))
    arrays = active_snapshot.get_active_snapshot().arrays
    arrays["repurchase_rate.score"] = np.zeros_like(arrays["repurchase_rate.score"])
    assert row(of_odd(client)) is None


def test_a_page_full_of_usual_products_leaves_room_for_more(client, trained, small_pages, settings, monkeypatch):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "RERANK_STRENGTH": 100}
    monkeypatch.setattr(selection, "MAX_CANDIDATES", 4)
    odd_customer(client, trained)
    assert len(row(of_odd(client))[1]) == 4


def test_a_category_above_counts_what_was_bought_below_it(client, trained, small_pages):
    odd = odd_customer(client, trained)
    page = client.get(Category.objects.get(name="Grocery").get_absolute_url())
    title, shown = row(page)
    assert title == "More to buy again in Grocery"
    assert set(shown) <= {product.pk for product in odd}


def test_where_the_page_shows_all_of_it_there_is_no_row(client, trained):
    odd_customer(client, trained)
    page = of_odd(client)
    assert len(listed(page)) == PER_PAGE
    assert row(page) is None


def test_with_the_list_in_their_own_order_the_row_goes_on_where_the_page_ends(client, trained, small_pages, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "RERANK_STRENGTH": 100}
    odd = odd_customer(client, trained)
    page = of_odd(client)
    title, shown = row(page)
    assert {odd[0].pk, odd[1].pk} <= set(listed(page))
    assert title == "More to buy again in Odd"
    assert set(shown).isdisjoint(listed(page))


def test_two_usual_products_are_no_row(client, trained, small_pages):
    odd_customer(client, trained)
    usual = row(of_odd(client))[1]
    keep = [*usual[:2], *listed(of_odd(client))]
    StockRecord.objects.exclude(product__in=keep).update(num_in_stock=0)
    assert row(of_odd(client)) is None


@pytest.mark.parametrize("query", [{"page": 2}, {"sort_by": "title-asc"}, {"selected_facets": "rating_exact:5"}])
def test_who_chose_what_to_see_sees_just_that(client, trained, small_pages, query):
    odd_customer(client, trained)
    assert row(of_odd(client, sort_by="", q=""))
    assert row(of_odd(client, **query)) is None


def test_other_lists_have_no_such_row(client, trained, small_pages):
    odd_customer(client, trained)
    assert row(client.get(reverse("catalogue:index"))) is None


def test_nobody_else_has_one(client, trained, small_pages):
    users, _ = trained
    agreeing, withdrew = Client(), Client()
    identify_browser(agreeing)
    withdrew.force_login(users[1])
    Visitor.objects.filter(user=users[1]).update(consent=Consent.WITHDRAWN)
    client.force_login(users[0])
    assert [row(of_odd(one)) for one in (Client(), agreeing, withdrew, client)] == [None] * 4


def test_a_shop_that_learned_nothing_has_none(client, trained, small_pages):
    odd_customer(client, trained)
    Snapshot.objects.all().delete()
    active_snapshot.reset_active_snapshot()
    assert row(of_odd(client)) is None


def test_where_somebody_else_may_be_looking_it_does_not_say_what_was_bought(client, trained, small_pages):
    odd_customer(client, trained)
    session = client.session
    session[visits.SIGNED_IN_KEY] = 0
    session.save()
    page = of_odd(client)
    assert row(page)[0] == "Recommended for you"
    assert not re.search("usual|bought", re.sub("<[^>]*>", "", page.content.decode()))


def test_the_page_says_that_it_is_private(client, trained, small_pages, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "RERANK_STRENGTH": 100}
    odd_customer(client, trained)
    assert "no-store" in of_odd(client)["Cache-Control"]


def queries(client):
    of_odd(client)
    with CaptureQueriesContext(connection) as asked:
        of_odd(client)
    return len(asked), sum("FROM " in query["sql"] for query in asked)


def test_the_row_costs_three_questions_at_most_and_nobody_else_not_even_a_savepoint(
    client, trained, small_pages, settings, tmp_path
):
    odd_customer(client, trained)
    known, stranger = queries(client), queries(Client())
    (tmp_path / "personalization/partials").mkdir(parents=True)
    (tmp_path / "personalization/partials/buy_again_in_category.html").write_text("")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    assert 0 < known[1] - queries(client)[1] <= 3
    assert stranger == queries(Client())
