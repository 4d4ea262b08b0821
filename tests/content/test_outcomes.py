"""What is seen of content blocks, clicked on and bought after it; and who fetches them by the API."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils.timezone import localdate, now

from personalization.collect.impression_tokens import verify_impression
from personalization.measure.outcomes import measure_outcomes
from personalization.measure.reports import Filters, Outcome, Period, read_block_outcomes, read_report
from personalization.models import Credit, Event
from personalization.privacy.retention import roll_up_days
from tests.api.api_client import ApiClient
from tests.content.block_documents import publish
from tests.content.post_documents import publish_post
from tests.measure.orders import place_order
from tests.shops import factories as shop
from tests.walks.event_requests import FIREFOX, HERE, delivery_body, post_events
from tests.walks.known_visitors import identify_browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]


def reported(client, block):
    """Reports that the block of the home page was seen, and then clicked on; the token."""
    page = client.get("/").content.decode()
    section = page.partition('<section class="personalization-block')[2].partition("</section>")[0]
    token = section.partition('data-slate="')[2].partition('"')[0]
    assert 'data-kind="content"' in section and f'data-product="{block.pk}"' in section
    item = {"item_id": str(block.pk), "index": 0}
    events = [{"name": name, "slate": token, "items": [item]} for name in ("view_item_list", "select_item")]
    assert post_events(client, delivery_body(*events)).json() == {"accepted": 2, "rejected": []}
    foreign = {"name": "select_item", "slate": token, "items": [{"item_id": str(block.pk + 1), "index": 0}]}
    assert post_events(client, delivery_body(foreign)).json()["rejected"][0]["code"] == "not_on_slate"
    return token


def test_a_block_is_seen_clicked_on_and_credited_with_what_it_is_about():
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    tea, jam = shop.create_shop_product("Tea"), shop.create_shop_product("Jam")
    block = publish("Tea time", products=[tea.pk], variant={"link": "/catalogue/"})
    visitor = identify_browser(client)
    token = reported(client, block)
    shown = verify_impression(token, visitor.pk, now().timestamp())
    assert (shown.surface, shown.row, shown.item_kind) == ("content", f"block-{block.pk}", "content")
    assert {event.item_kind for event in Event.objects.filter(visitor=visitor)} == {"content"}
    place_order(visitor, [(tea, 1, "4.50"), (jam, 1, "3.00")], now() + timedelta(seconds=1))
    measure_outcomes(now() + timedelta(seconds=2), thorough=False)
    (credit,) = Credit.objects.all()
    assert (credit.product_id, credit.gross, credit.touch) == (tea.pk, Decimal("4.50"), "clicked")
    day = localdate()
    roll_up_days(now())
    period = Period(day - timedelta(days=1), day)
    outcome = read_block_outcomes(period, "USD")[block.pk]
    assert outcome == Outcome(seen=1, clicks=1, lines=1, pieces=1, gross=Decimal("4.50"))
    assert read_report("campaign", period, Filters(), "USD").lines == {}


def test_the_api_has_what_the_page_has(client):
    stranger = ApiClient(client)
    empty = stranger.get("blocks/home-hero/")
    assert empty.json() == {"slot": "home-hero", "block": None, "exposure": ""}
    block = publish("Tea time", variant={"text": "<b>", "link": "/catalogue/", "call": "Look"})
    told = stranger.get("blocks/home-hero/")
    assert told.headers["ETag"]
    assert told.json()["block"] == {
        "id": block.pk,
        "kind": "hero",
        "title": "Tea time",
        "text": "<b>",
        "call": "Look",
        "link": "/catalogue/",
        "picture": None,
        "post": None,
        "token": "",
    }
    publish("Phones", who={"people": "all", "devices": ["phone"]})
    assert "no-store" in stranger.get("blocks/home-hero/").headers["Cache-Control"]


def test_the_api_has_the_products_of_a_post(client):
    tea = shop.create_shop_product("Tea")
    publish_post("Tea time", (tea, 20, 30), origin="https://social.example/p/1")
    told = ApiClient(client).get("blocks/home-hero/").json()["block"]
    assert told["post"]["owner"] == "Anna Beispiel" and told["post"]["origin"] == "https://social.example/p/1"
    (spot,) = told["post"]["spots"]
    assert {**spot, "product": spot["product"]["title"]} == {
        "number": 1,
        "x": 20,
        "y": 30,
        "id": tea.pk,
        "product": "Tea",
        "instead_of": "",
    }
    assert spot["product"]["price"]["amount"] == str(tea.stockrecords.get().price)


def test_a_click_on_a_spot_credits_the_post_with_the_product_in_it():
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    tea, jam = shop.create_shop_product("Tea"), shop.create_shop_product("Jam")
    found = publish_post("Tea time", (tea, 20, 30))
    visitor = identify_browser(client)
    reported(client, found)
    place_order(visitor, [(tea, 1, "4.50"), (jam, 1, "3.00")], now() + timedelta(seconds=1))
    measure_outcomes(now() + timedelta(seconds=2), thorough=False)
    (credit,) = Credit.objects.all()
    assert (credit.product_id, credit.touch) == (tea.pk, "clicked")
