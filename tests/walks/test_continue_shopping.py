"""Where a visitor stopped, on their next home page: what they looked at, searched for and left in the basket."""

import time
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.basket.models import Basket, Line
from oscar.apps.order.signals import order_placed
from oscar.apps.partner.models import StockRecord

from personalization.collect import feedback
from personalization.decide import active_snapshot
from personalization.models import Event, Visitor
from personalization.profile import genome
from tests.collect.event_payloads import FIREFOX
from tests.shops import factories as shop
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = pytest.mark.django_db

FOUND = "Rye bread, tea, odd xxx alert"
DAYS = 24 * 60
"""In minutes."""


@pytest.fixture
def client():
    """A shopper's browser."""
    return Client(HTTP_USER_AGENT=FIREFOX)


@pytest.fixture
def shelf():
    """Eight products, in a shop that has learned nothing yet, and one that any search of these tests finds."""
    shop.create_shop_product(FOUND, stock=0)
    return [shop.create_shop_product(f"Product {n}") for n in range(8)]


@pytest.fixture
def visitor(client):
    """This client's browser, which agreed."""
    return identify_browser(client)


@pytest.fixture
def annas(anna):
    """What Anna's account is known as."""
    return Visitor.objects.get_or_create_customer(anna.pk)


def looked_at(visitor, product, minutes_ago=5.0):
    store_event(visitor, minutes_ago=minutes_ago, product_id=product.pk)


def searched(visitor, query, minutes_ago=5.0):
    store_event(visitor, "search", minutes_ago=minutes_ago, query=query)


def stopped(client):
    """The row on the home page, or None; nothing else of its kind is there."""
    rows = [row for row in client.get("/").context["slate"].rows if row.type == "continue_shopping"]
    assert len(rows) < 2
    return rows[0] if rows else None


def products(row):
    return [item.product_id for item in row.items]


def links(row):
    return [link.label for link in row.links]


def bought(user, product, days_ago):
    """They ordered it, and what is known of them says so."""
    shop.create_past_order(user, [product], days_ago=days_ago)
    genome.refresh_genome([user.pk], time.time())


def left_basket(client, *added, hours_ago=3.0):
    for product in added:
        client.post(reverse("basket:add", args=[product.pk]), {"quantity": 1})
    Line.objects.update(date_updated=now() - timedelta(hours=hours_ago))


def test_a_visitor_who_did_nothing_has_no_such_row(client, visitor):
    assert stopped(client) is None


def test_it_stands_first_with_what_was_looked_at_last_first(client, trained, visitor):
    shelf = trained[1]
    looked_at(visitor, shelf[2], minutes_ago=30)
    looked_at(visitor, shelf[5], minutes_ago=20)
    store_event(visitor, "select_item", minutes_ago=10, product_id=shelf[7].pk)
    looked_at(visitor, shelf[2], minutes_ago=25)
    first, second, *_ = client.get("/").context["slate"].rows
    assert (first.type, first.title, first.personal) == ("continue_shopping", "Pick up where you left off", True)
    assert products(first) == [shelf[7].pk, shelf[5].pk, shelf[2].pk]
    assert first.items[0].explanation.startswith("Viewed ")
    assert second.title == "Because you viewed Product 7"


def test_a_customer_sees_it_on_every_device(anna, annas, shelf):
    looked_at(annas, shelf[4])
    searched(annas, "odd things")
    for device in (Client(), Client()):
        device.force_login(anna)
        row = stopped(device)
        assert (products(row), links(row)) == ([shelf[4].pk], ["Your search: odd things"])


def test_a_browser_sees_its_own_and_nobody_elses(client, shelf, visitor):
    looked_at(visitor, shelf[4])
    assert products(stopped(client)) == [shelf[4].pk]
    other = Client()
    identify_browser(other)
    assert stopped(other) is None
    assert stopped(Client()) is None


def test_what_was_bought_since_is_not_to_be_continued(client, anna, annas, shelf):
    for product in shelf[1:4]:
        looked_at(annas, product, minutes_ago=3 * DAYS)
    bought(anna, shelf[1], days_ago=2)
    bought(anna, shelf[2], days_ago=5)
    assert products(stopped(client)) == [shelf[3].pk, shelf[2].pk]


def test_an_order_ends_it(client, anna, annas, shelf, django_capture_on_commit_callbacks):
    searched(annas, "product", minutes_ago=20)
    looked_at(annas, shelf[4], minutes_ago=15)
    left_basket(client, shelf[6])
    assert (products(stopped(client)), links(stopped(client))) == ([shelf[4].pk], ["Your basket: 1 item"])
    placed = shop.create_past_order(anna, [shelf[4], shelf[6]], days_ago=0)
    Basket.objects.filter(owner=anna).update(status="Submitted")
    with django_capture_on_commit_callbacks(execute=True):
        order_placed.send(sender=None, order=placed, user=anna)
    assert stopped(client) is None


def test_what_lies_in_the_basket_or_was_taken_out_again_is_decided(client, shelf, visitor):
    for product in shelf[2:5]:
        looked_at(visitor, product)
    for product in shelf[2:4]:
        client.post(reverse("basket:add", args=[product.pk]), {"quantity": 1})
    Line.objects.filter(product=shelf[3]).delete()
    assert products(stopped(client)) == [shelf[4].pk]


def test_the_click_on_a_cards_basket_button_is_no_look_though_the_clock_is_fast(client, shelf, visitor):
    store_event(visitor, "select_item", minutes_ago=8, product_id=shelf[2].pk)
    store_event(visitor, "add_to_cart", minutes_ago=10, product_id=shelf[2].pk)
    store_event(visitor, "select_item", minutes_ago=8, product_id=shelf[3].pk)
    store_event(visitor, "add_to_cart", minutes_ago=11, product_id=shelf[3].pk)
    assert products(stopped(client)) == [shelf[3].pk]


def test_what_was_put_into_the_basket_last_counts(client, shelf, visitor):
    looked_at(visitor, shelf[2], minutes_ago=20)
    store_event(visitor, "add_to_cart", minutes_ago=30, product_id=shelf[2].pk)
    assert products(stopped(client)) == [shelf[2].pk]
    store_event(visitor, "add_to_cart", minutes_ago=10, product_id=shelf[2].pk)
    assert stopped(client) is None


def test_what_cannot_be_bought_any_more_is_not_shown(client, shelf, visitor):
    for product in shelf[2:5]:
        looked_at(visitor, product)
    StockRecord.objects.filter(product=shelf[2]).update(num_in_stock=0)
    shelf[3].delete()
    assert products(stopped(client)) == [shelf[4].pk]


def test_what_is_long_ago_is_not_taken_up_again(client, shelf, visitor):
    looked_at(visitor, shelf[2], minutes_ago=15 * DAYS)
    searched(visitor, "old things", minutes_ago=15 * DAYS)
    assert stopped(client) is None


def test_a_search_is_unfinished_until_something_comes_of_it(client, shelf, visitor):
    searched(visitor, "rye bread", minutes_ago=60)
    looked_at(visitor, shelf[2], minutes_ago=50)
    assert links(stopped(client)) == ["Your search: rye bread"]
    looked_at(visitor, shelf[3], minutes_ago=40)
    assert links(stopped(client)) == []
    searched(visitor, "green tea", minutes_ago=30)
    assert links(stopped(client)) == ["Your search: green tea"]
    store_event(visitor, "add_to_wishlist", minutes_ago=20, product_id=shelf[2].pk)
    assert links(stopped(client)) == []


def test_a_purchase_finishes_a_search(client, anna, annas, shelf):
    searched(annas, "rye bread", minutes_ago=2 * DAYS)
    bought(anna, shelf[1], days_ago=3)
    assert links(stopped(client)) == ["Your search: rye bread"]
    bought(anna, shelf[2], days_ago=1)
    assert stopped(client) is None


def test_searching_for_the_same_again_is_one_search(client, shelf, visitor):
    for ago, product in ((50, 2), (40, 3)):
        searched(visitor, "rye bread", minutes_ago=ago + 5)
        looked_at(visitor, shelf[product], minutes_ago=ago)
    searched(visitor, "rye bread", minutes_ago=30)
    assert links(stopped(client)) == []


def test_a_search_leads_back_to_its_results(client, shelf, visitor):
    searched(visitor, 'tea & "ümlaut" +x')
    page = client.get("/").content.decode()
    assert 'href="/search/?q=tea%20%26%20%22%C3%BCmlaut%22%20%2Bx"' in page
    assert "Your search: tea &amp; &quot;ümlaut&quot; +x</bdi>" in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("tea\u202e\x07\n cup", "tea cup"),
        ("tea " + "x" * 252, "tea " + "x" * 76),
        ("\U0001f469\u200d\U0001f33e \u202d tea", "\U0001f469\u200d\U0001f33e tea"),
    ],
)
def test_hostile_words_of_a_search_do_no_harm(client, shelf, visitor, query, words):
    searched(visitor, query)
    response = client.get("/")
    assert response.context["slate"].rows[0].links[0].label == f"Your search: {words}"
    assert "<script>alert" not in response.content.decode()


def test_a_search_of_nothing_that_can_be_seen_is_no_link(client, visitor):
    searched(visitor, "\u202e \x07")
    assert stopped(client) is None


def test_a_customers_basket_that_was_left_leads_back_on_every_device(client, anna, shelf):
    left_basket(client, shelf[2], shelf[2], shelf[4], hours_ago=0.9)
    assert stopped(client) is None
    left_basket(client, hours_ago=1.1)
    assert links(stopped(client)) == ["Your basket: 3 items"]
    assert f'href="{reverse("basket:summary")}">Your basket: 3 items' in client.get("/").content.decode()
    phone = Client()
    phone.force_login(anna)
    assert links(stopped(phone)) == ["Your basket: 3 items"]


def test_a_browsers_basket_that_was_left_leads_back(client, shelf, visitor):
    left_basket(client, shelf[2])
    assert links(stopped(client)) == ["Your basket: 1 item"]


def test_who_did_not_agree_has_no_such_row(client, shelf):
    left_basket(client, shelf[2])
    assert stopped(client) is None


def test_a_day_after_signing_in_it_tells_nothing(client, anna, annas, shelf):
    looked_at(annas, shelf[4])
    searched(annas, "rye bread")
    session = client.session
    session["personalization_signed_in"] = time.time() - 25 * 3600
    session.save()
    response = client.get("/")
    row = response.context["slate"].rows[0]
    assert (row.title, links(row)) == ("Recommended for you", [])
    page = response.content.decode()
    assert not any(told in page for told in ("rye bread", "You looked at", "where you stopped"))


def test_the_row_can_be_hidden_and_a_product_sent_away(client, shelf, visitor):
    looked_at(visitor, shelf[2])
    looked_at(visitor, shelf[4])
    client.post("/personalization/feedback/", {"token": feedback.sign_feedback("product", shelf[2].pk), "next": "/"})
    assert products(stopped(client)) == [shelf[4].pk]
    client.post(
        "/personalization/feedback/", {"token": feedback.sign_feedback("reason", "continue_shopping"), "next": "/"}
    )
    assert stopped(client) is None


def test_a_search_that_can_find_nothing_is_no_way_to_go_on(client, shelf, visitor):
    searched(visitor, "zzyzx & co")
    assert stopped(client) is None
    shop.create_shop_product("A zzyzx")
    assert links(stopped(client)) == ["Your search: zzyzx & co"]


def test_it_costs_one_query_more_which_looks_for_the_words_of_the_search(client, trained):
    users, shelf = trained
    client.force_login(users[1])
    left_basket(client, shelf[2], hours_ago=0.1)
    before = questions(client)
    owner = Visitor.objects.get_or_create_customer(users[1].pk)
    looked_at(owner, shelf[4])
    searched(owner, "rye bread")
    Line.objects.update(date_updated=now() - timedelta(hours=3))
    assert questions(client) <= before + 1
    row = stopped(client)
    assert (products(row), links(row)) == ([shelf[4].pk], ["Your basket: 1 item"])


def questions(client):
    """How often the home page reads a table, when its pictures are made; but for one a card that Oscar 4.1 asks."""
    client.get("/")
    with CaptureQueriesContext(connection) as captured:
        client.get("/")
    read = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    return sum('"catalogue_productimage"."product_id" = ' not in sql for sql in read)


def test_it_needs_no_training(client, milk):
    visitor = identify_browser(client)
    bread = shop.create_shop_product("Bread")
    looked_at(visitor, bread)
    searched(visitor, "butter")
    rows = client.get("/").context["slate"].rows
    assert [row.type for row in rows] == ["continue_shopping", "latest"]
    assert products(rows[0]) == [bread.pk]


def test_a_shop_that_learned_nothing_yet_shows_more_than_this_row(client, milk):
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    bread = shop.create_shop_product("Bread")
    looked_at(identify_browser(client), bread)
    assert [row.type for row in client.get("/").context["slate"].rows] == ["continue_shopping", "latest"]
    milk.delete()
    assert [row.type for row in client.get("/").context["slate"].rows] == ["continue_shopping"]


def test_events_that_cannot_be_read_cost_this_row_only(client, shelf, visitor, monkeypatch):
    looked_at(visitor, shelf[2])
    monkeypatch.setattr(type(Event.objects.all()), "recent", lambda *args: 1 / 0)
    assert [row.type for row in client.get("/").context["slate"].rows] == ["latest"]
