"""The pages of shoppable posts, and their feeds for other tools."""

import json
import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import localdate

from tests.content.block_documents import publish
from tests.content.post_documents import publish_post
from tests.shops import factories as shop
from tests.walks.event_requests import FIREFOX, HERE, delivery_body, post_events
from tests.walks.known_visitors import identify_browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
TITLE = re.compile(r'class="personalization-block__title"[^>]*>([^<]*)')
FEED = reverse("personalization:posts")


def titles(client, address=FEED):
    return TITLE.findall(client.get(address).content.decode())


def test_who_buys_even_products_sees_their_post_first(client, trained):
    customers, products = trained
    publish_post("Even", (products[0], 10, 10), (products[2], 20, 20), slot="posts")
    publish_post("Odd", (products[1], 10, 10), (products[3], 20, 20), slot="posts")
    publish("No post", slot="posts")
    assert titles(client) == ["Odd", "Even"]
    assert "First what suits" not in client.get(FEED).content.decode()
    client.force_login(customers[0])
    assert titles(client) == ["Even", "Odd"]
    page = client.get(FEED)
    assert "First what suits what you buy." in page.content.decode() and "no-store" in page.headers["Cache-Control"]
    client.force_login(customers[1])
    assert titles(client) == ["Odd", "Even"]


def test_where_nothing_comes_first_because_of_the_visitor_no_page_says_so(client, trained):
    customers, products = trained
    spots = (products[0], 10, 10), (products[1], 20, 20)
    publish_post("Both", *spots, slot="posts")
    client.force_login(customers[0])
    assert "First what suits" not in client.get(FEED).content.decode()  # it stands alone
    publish_post("Both again", *spots, slot="posts")
    assert titles(client) == ["Both again", "Both"]
    assert "First what suits" not in client.get(FEED).content.decode()  # both suit alike


def test_the_feed_is_paged_and_costs_the_same_however_many_posts_there_are(client, trained):
    _customers, products = trained
    for number in range(4):
        publish_post(f"Post {number}", *[(one, 10, 10) for one in products[:3]], slot="posts")
    counts = [cost(client)]
    for number in range(4, 8):
        publish_post(f"Post {number}", *[(one, 10, 10) for one in products[:12]], slot="posts")
    counts.append(cost(client))
    assert counts[0] == counts[1]
    assert titles(client) == [f"Post {number}" for number in range(7, 1, -1)]
    assert titles(client, f"{FEED}?page=2") == ["Post 1", "Post 0"]
    for page in ("0", "3", "x", "9" * 30):
        assert client.get(f"{FEED}?page={page}").status_code == 404


def cost(client):
    client.get(FEED)
    with CaptureQueriesContext(connection) as queries:
        client.get(FEED)
    return sum(query["sql"].startswith("SELECT") and "_snapshot" not in query["sql"] for query in queries)


def test_one_post_has_a_page_and_what_is_not_meant_for_a_visitor_has_none(client):
    tea = shop.create_shop_product("Tea")
    assert client.get(FEED).status_code == 404
    everybody = publish_post("Everybody", (tea, 1, 1), slot="posts")
    phones = publish_post("Phones", (tea, 1, 1), slot="posts", block={"who": {"people": "all", "devices": ["phone"]}})
    over = publish_post("Over", (tea, 1, 1), slot="posts", until=str(localdate() - timedelta(days=1)))
    hero = publish("A hero")
    answers = [client.get(reverse("personalization:post", args=[one.pk])) for one in (everybody, phones, over, hero)]
    assert [one.status_code for one in answers] == [200, 404, 404, 404]
    assert "<h1" in answers[0].content.decode() and titles(client) == ["Everybody"]


def test_a_click_on_a_spot_of_the_feed_is_reported_as_one_on_the_post():
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    found = publish_post("Everybody", (shop.create_shop_product("Tea"), 1, 1), slot="posts")
    identify_browser(client)
    page = client.get(FEED).content.decode()
    section = page.partition('<section class="personalization-block')[2].partition("</section>")[0]
    token = section.partition('data-slate="')[2].partition('"')[0]
    frame = section.partition(f'data-product="{found.pk}"')[2]
    assert 'class="personalization-post__spot"' in frame and 'class="personalization-post__name"' in frame
    event = {"name": "select_item", "slate": token, "items": [{"item_id": str(found.pk), "index": 0}]}
    assert post_events(client, delivery_body(event)).json() == {"accepted": 1, "rejected": []}


def test_the_feeds_are_for_everybody_and_hold_nothing_of_a_person(trained):
    customers, products = trained
    tea = shop.create_shop_product("Tea & <jam>")
    publish_post("For phones", (tea, 1, 1), slot="posts", block={"who": {"people": "all", "devices": ["phone"]}})
    publish_post("Over", (tea, 1, 1), slot="posts", until=str(localdate() - timedelta(days=1)))
    first = publish_post("First <one>", (tea, 20, 30), (products[0], 40, 50), slot="posts")
    publish_post("Second", (products[1], 1, 1), slot="home-hero", block={"categories": [7], "by_taste": False})
    client = Client()
    client.force_login(customers[0])
    for name in ("posts_rss", "posts_json"):
        answer, own = Client().get(reverse(f"personalization:{name}")), client.get(reverse(f"personalization:{name}"))
        assert answer.content == own.content and not own.cookies
        assert own.headers["Cache-Control"] == "max-age=300, public" or "public" in own.headers["Cache-Control"]
        assert "Cookie" not in own.headers.get("Vary", "")
        again = Client().get(reverse(f"personalization:{name}"), HTTP_IF_NONE_MATCH=answer.headers["ETag"])
        assert again.status_code == 304
    told = json.loads(Client().get(reverse("personalization:posts_json")).content)
    assert [item["title"] for item in told["items"]] == ["Second", "First <one>"]
    item = told["items"][1]
    assert item["url"] == f"http://testserver{reverse('personalization:post', args=[first.pk])}"
    assert item["authors"] == [{"name": "Anna Beispiel"}] and item["_image_text"] == "A laid table"
    assert item["image"].startswith("http://testserver/media/personalization/blocks/")
    assert item["_products"][0] == {
        "title": "Tea & <jam>",
        "url": f"http://testserver{tea.get_absolute_url()}",
        "price": str(tea.stockrecords.get().price),
        "currency": "USD",
        "x": 20,
        "y": 30,
        "instead_of": "",
    }
    root = ElementTree.fromstring(Client().get(reverse("personalization:posts_rss")).content)
    items = root.findall("channel/item")
    assert [one.findtext("title") for one in items] == ["Second", "First <one>"]
    assert f'<a href="http://testserver{tea.get_absolute_url()}">Tea &amp; &lt;jam&gt;</a>' in items[1].findtext(
        "description"
    )
    assert items[1].find("enclosure").get("url").endswith(".webp")


def test_a_feed_speaks_the_language_that_it_is_asked_for(client):
    publish_post("Morning", block={}, slot="posts")
    german = json.loads(client.get(reverse("personalization:posts_json") + "?language=de").content)
    assert german["language"] == "de"
    odd = json.loads(client.get(reverse("personalization:posts_json") + "?language=xx").content)
    assert odd["language"] == "en-gb"
