"""What Chromium reports of the demo shop: what was really seen and used, once, and of those who agreed only."""

import gzip
import json
import re
import sqlite3
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import expect

from personalization.privacy import cookies
from tests.browser.conftest import PERSONAL, open_a_product, products

STATIC = Path(__file__).parents[2] / "personalization" / "static" / "personalization"
DOOR = "**/personalization/events/"


def names(events) -> list[str]:
    return sorted(event.type for event in events)


def test_the_scripts_are_small():
    assert len(gzip.compress((STATIC / "seen.js").read_bytes())) <= 4096
    assert len(gzip.compress((STATIC / "feedback.js").read_bytes())) <= 1024


def test_what_is_half_visible_for_a_second_is_reported_once(browser_of, shop, stored):
    page = browser_of().new_page()
    page.goto(shop)
    first = products(page.locator("[data-slate]").first)
    (seen,) = stored(1)
    assert (seen.type, seen.row_key) == ("view_item_list", "bestsellers")
    assert [item[:2] for item in seen.items] == [[key, place] for place, key in enumerate(first)]
    for down in (1500, -1500):  # the first row leaves the window and comes again
        page.mouse.wheel(0, down)
        page.wait_for_timeout(1500)
    again = stored(2)
    assert len(again) >= 2
    pairs = [(event.row_key, key) for event in again for key, *_ in event.items]
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("path", ["/catalogue/", "/search/?q=milk"])
def test_the_cards_of_oscars_own_lists_are_reported_as_they_are_seen_and_clicked_on(browser_of, shop, stored, path):
    page = browser_of().new_page()
    page.goto(shop + path)
    cards = page.locator("ol.row > li")
    first = int(re.search(r"_(\d+)/$", cards.nth(0).locator("h3 a").get_attribute("href"))[1])
    third = int(re.search(r"_(\d+)/$", cards.nth(2).locator("h3 a").get_attribute("href"))[1])
    seen = next(event for event in stored(2 if "q=" in path else 1) if event.type == "view_item_list")
    assert (seen.row_key, seen.items[0][:2]) == ("results", [first, 0])
    assert len(seen.items) < cards.count()  # those further down are not seen yet
    cards.nth(2).locator("h3 a").click()
    page.wait_for_load_state()
    page.wait_for_timeout(1500)
    (click,) = (event for event in stored(2) if event.type == "select_item")
    assert (click.row_key, click.product_id) == ("results", third)


def test_what_passes_by_quickly_was_not_seen(browser_of, shop, stored):
    page = browser_of().new_page()
    page.goto(shop)
    for _ in range(8):
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(150)
    page.mouse.wheel(0, -9000)
    page.wait_for_timeout(4000)
    assert [event.row_key for event in stored(1)] == ["bestsellers"]


def test_a_click_a_view_and_the_time_on_the_page_are_reported(browser_of, shop, stored):
    page = browser_of().new_page()
    page.goto(shop)
    card = page.locator('[data-row="bestsellers"] [data-product]').nth(2)
    key = int(card.get_attribute("data-product"))
    card.locator("h3 a").click()
    page.wait_for_load_state()
    stored(2)
    page.wait_for_timeout(1200)
    page.goto(shop + "/basket/")
    events = {event.type: event for event in stored(3)}
    assert {"select_item", "view_item", "user_engagement"} <= set(events)
    assert {events[name].product_id for name in ("select_item", "view_item", "user_engagement")} == {key}
    assert events["select_item"].row_key == "bestsellers"
    assert 1 <= events["user_engagement"].value < 20


def test_the_baskets_button_of_a_card_is_a_click_on_it(browser_of, shop, stored):
    page = browser_of().new_page()
    page.goto(shop)
    card = page.locator('[data-row="bestsellers"] [data-product]').nth(1)
    key = int(card.get_attribute("data-product"))
    card.locator("form button").click()
    page.wait_for_load_state()
    clicks = [event for event in stored(1) if event.type == "select_item"]
    assert [(event.product_id, event.row_key) for event in clicks] == [(key, "bestsellers")]


def test_a_search_is_reported_in_its_own_words(browser_of, shop, stored):
    page = browser_of().new_page()
    page.goto(shop + "/search/?q=frozen+%22pizza%22+%3Cb%3E")
    assert [(event.type, event.query) for event in stored(1)] == [("search", 'frozen "pizza" <b>')]


def test_a_browser_has_one_visitor_however_much_it_reports_at_first(browser_of, shop, stored, demo):
    context = browser_of()
    page = context.new_page()
    with page.expect_response(DOOR):
        open_a_product(page, shop)
    page.goto(shop)
    stored(3)
    with closing(sqlite3.connect(f"file:{demo.data / 'shop.sqlite3'}?mode=ro", uri=True)) as base:
        ids = [event.event_id for event in stored()]
        marks = ", ".join("?" * len(ids))
        found = base.execute(f"SELECT DISTINCT visitor_id FROM personalization_event WHERE event_id IN ({marks})", ids)
        assert len(found.fetchall()) == 1
    assert cookies.VISITOR_COOKIE in [cookie["name"] for cookie in context.cookies()]


def test_without_consent_nothing_is_sent_and_no_cookie_is_set(browser_of, shop, stored):
    context = browser_of(agreed=False)
    page = context.new_page()
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("seen.js") else None)
    page.goto(shop)
    href = page.locator(".personalization-row h3 a").first.get_attribute("href")
    page.wait_for_timeout(1500)
    for path in (href, "/search/?q=pizza", "/basket/"):
        page.goto(shop + path)
    assert sent == []
    assert [cookie["name"] for cookie in context.cookies() if "personalization" in cookie["name"]] == []
    assert stored() == []


def test_the_browsers_own_signal_stops_the_report(browser_of, shop, stored):
    page = browser_of(extra_http_headers={"Sec-GPC": "1"}).new_page()
    page.goto(shop)
    expect(page.locator("[data-slate], script[src$='seen.js']")).to_have_count(0)


def test_a_page_from_the_back_forward_cache_counts_nothing_again(browser_of, shop, stored):
    page = browser_of().new_page()

    def kept(route):  # with our `no-store` it would be loaded anew, and counted anew
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "cache-control": "private"})

    page.route("**/catalogue/*/", kept)
    key = open_a_product(page, shop)
    page.evaluate("window.stillHere = true")
    stored(1)
    page.goto(shop + "/basket/")
    page.evaluate("history.back()")  # Playwright's own way waits for the page to load, and it does not
    page.wait_for_url("**/catalogue/**", wait_until="commit")
    assert page.evaluate("window.stillHere") is True
    page.wait_for_timeout(1000)
    page.goto(shop + "/basket/")
    events = [event for event in stored(3) if event.product_id == key]
    assert names(events) == ["user_engagement", "user_engagement", "view_item"]


def test_a_script_that_stands_on_the_page_twice_acts_once(browser_of, shop, stored):
    page = browser_of().new_page()

    def twice(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(r"(<script[^>]*seen\.js.*?</script>)", r"\1\1", answer.text()))

    page.route("**/catalogue/*/", twice)
    key = open_a_product(page, shop)
    expect(page.locator("script[src$='seen.js']")).to_have_count(2)
    page.wait_for_timeout(500)
    page.goto(shop + "/basket/")
    assert names(event for event in stored(2) if event.product_id == key) == ["user_engagement", "view_item"]


def test_a_page_that_is_only_made_ready_counts_when_it_is_opened(browser_of, shop, stored):
    page = browser_of().new_page()
    page.add_init_script(
        "Object.defineProperty(document, 'prerendering', { configurable: true, get: () => !window.opened })"
    )
    key = open_a_product(page, shop)
    page.wait_for_timeout(2500)
    assert stored() == []
    page.evaluate("window.opened = true; document.dispatchEvent(new Event('prerenderingchange'))")
    assert [(event.type, event.product_id) for event in stored(1)] == [("view_item", key)]


def test_what_could_not_be_sent_is_sent_again_under_the_same_ids(browser_of, shop, stored):
    page = browser_of().new_page()
    bodies = []

    def first_lost_then_refused(route):
        bodies.append(json.loads(route.request.post_data))
        if len(bodies) == 1:
            route.abort()
        elif len(bodies) == 2:
            route.fulfill(status=503)
        else:
            route.continue_()

    page.route(DOOR, first_lost_then_refused)
    with page.expect_response(lambda answer: "/events/" in answer.url and answer.status == 202, timeout=60_000):
        key = open_a_product(page, shop)
    (event,) = stored(1)
    assert (event.type, event.product_id) == ("view_item", key)
    assert [[UUID(one["id"]).hex for one in body["events"]] for body in bodies] == [[event.event_id]] * 3
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def busy(body) -> dict:
    """What a busy shop answers to a delivery."""
    rejected = [{"index": index, "code": "server_busy", "message": ""} for index, _ in enumerate(body["events"])]
    return {"accepted": 0, "rejected": rejected}


def test_what_a_busy_shop_did_not_take_is_sent_again_later_and_later_and_stored_once(browser_of, shop, stored):
    page = browser_of().new_page()
    sent = []

    def busy_then_stored_unheard_then_served(route):
        body = json.loads(route.request.post_data)
        sent.append((time.monotonic(), body))
        if len(sent) == 1:
            route.fulfill(status=202, json=busy(body))
        elif len(sent) == 2:
            route.fetch()  # the shop stores it, and its answer is lost
            route.abort()
        else:
            route.continue_()

    page.route(DOOR, busy_then_stored_unheard_then_served)
    with page.expect_response(lambda answer: "/events/" in answer.url and len(sent) == 3, timeout=60_000):
        key = open_a_product(page, shop)
    assert [(event.type, event.product_id) for event in stored(1)] == [("view_item", key)]
    (first, *_), (second, *_), (third, *_) = (body["events"] for _, body in sent)
    assert first == second == third
    moments = [moment for moment, _ in sent]
    assert 1.9 < moments[1] - moments[0] < 9 and 3.9 < moments[2] - moments[1] < 15


def test_a_shop_that_stays_busy_is_asked_four_times_and_no_sooner_for_what_happens_meanwhile(browser_of, shop):
    page = browser_of().new_page()
    page.add_init_script("Math.random = () => 0; window.dataLayer = []")  # the shortest pauses: 2, 4 and 8 seconds
    sent = []

    def always_busy(route):
        body = json.loads(route.request.post_data)
        sent.append((time.monotonic(), [event.get("name") or event["event"] for event in body["events"]]))
        route.fulfill(status=202, json=busy(body))

    page.route(DOOR, always_busy)
    open_a_product(page, shop)
    page.wait_for_timeout(7000)  # after the third
    page.evaluate("dataLayer.push({ event: 'view_cart' })")
    page.wait_for_timeout(14_000)
    assert [names[0] for _, names in sent] == ["view_item"] * 4
    pauses = [round(later - sooner) for (sooner, _), (later, _) in pairwise(sent)]
    assert pauses == [2, 4, 8]


def test_what_a_busy_shop_never_took_goes_with_the_next_event_or_when_the_page_is_left(browser_of, shop, stored):
    page = browser_of().new_page()
    page.add_init_script("Math.random = () => 0; window.dataLayer = []")  # the shortest pauses: 2, 4 and 8 seconds
    sent = []

    def busy_for_a_while(route):
        sent.append(json.loads(route.request.post_data)["events"])
        if len(sent) <= 5:
            route.fulfill(status=202, json=busy({"events": sent[-1]}))
        else:
            route.continue_()

    page.route(DOOR, busy_for_a_while)
    key = open_a_product(page, shop)
    page.wait_for_timeout(20_000)
    assert len(sent) == 4  # and nothing more by itself
    page.evaluate("dataLayer.push({ event: 'view_cart' })")
    page.wait_for_timeout(4000)
    assert len(sent) == 5 and sent[4][0] == sent[0][0]
    page.goto(shop + "/basket/")
    viewed = [event.event_id for event in stored(2) if event.type == "view_item" and event.product_id == key]
    assert viewed == [UUID(sent[0][0]["id"]).hex]


def test_an_event_has_an_id_where_the_browser_makes_none(browser_of, shop, stored):
    page = browser_of().new_page()
    page.add_init_script("Object.defineProperty(crypto, 'randomUUID', { value: undefined })")
    open_a_product(page, shop)
    (event,) = stored(1)
    assert UUID(event.event_id).version == 4


def test_a_click_on_what_was_not_on_the_slate_is_refused(browser_of, shop, stored):
    page = browser_of().new_page()
    page.goto(shop)
    first, second = page.locator("[data-slate]").nth(0), page.locator("[data-slate]").nth(1)
    forged = [
        {"slate": first.get_attribute("data-slate"), "item_id": products(second)[0]},
        {"slate": "x" + first.get_attribute("data-slate"), "item_id": products(first)[0]},
    ]
    answer = page.evaluate(
        """async (forged) => {
            const events = forged.map(({ slate, item_id }) =>
                ({ id: crypto.randomUUID(), name: "select_item", at: Date.now(), slate, items: [{ item_id }] }));
            const body = JSON.stringify({ sent_at: Date.now(), events });
            return (await fetch("/personalization/events/", { method: "POST", body })).json();
        }""",
        forged,
    )
    assert answer["accepted"] == 0
    assert [rejected["code"] for rejected in answer["rejected"]] == ["not_on_slate", "invalid_slate"]
    assert "select_item" not in names(stored())


def test_the_shops_own_data_layer_is_heard_unless_we_know_better(browser_of, shop, stored):
    page = browser_of().new_page()
    page.add_init_script("window.dataLayer = [{ event: 'view_cart' }, { event: 'purchase', value: 1 }, 7, null];")
    key = open_a_product(page, shop)
    page.evaluate(
        """(key) => {
            const item = { item_id: String(key), item_name: "x".repeat(9000), quantity: 2 };
            function gtag() { window.dataLayer.push(arguments); }
            gtag("event", "add_to_cart", { currency: "USD", items: [item], user: "somebody@example.com" });
            window.dataLayer.push({ event: "view_item", ecommerce: { items: [item] } });
            window.dataLayer.push({ event: "add_to_wishlist", ecommerce: { items: [item] } });
        }""",
        key,
    )
    of_this_page = [event for event in stored(4) if event.type not in ("view_item_list", "user_engagement")]
    assert names(of_this_page) == ["add_to_cart", "add_to_wishlist", "view_cart", "view_item"]
    assert {event.product_id for event in of_this_page if event.type != "view_cart"} == {key}
    assert [event.value for event in of_this_page if event.type == "add_to_cart"] == [2.0]
    assert len(page.evaluate("window.dataLayer")) == 7


def test_a_strict_policy_for_scripts_is_kept(browser_of, shop, stored):
    page = browser_of().new_page()

    def strict(route):
        answer = route.fetch()
        headers = {**answer.headers, "content-security-policy": "script-src 'self'; connect-src 'self'"}
        route.fulfill(response=answer, headers=headers)

    page.route(lambda url: url.startswith(shop) and not re.search("/(static|media|events)/", url), strict)
    blocked = []
    page.on("console", lambda message: blocked.append(message.text) if "personalization/" in message.text else None)
    with page.expect_response(DOOR):  # with it comes the cookie
        key = open_a_product(page, shop)
    page.goto(shop)
    page.locator(f"{PERSONAL} summary").first.click()
    page.locator(f"{PERSONAL} .personalization-menu button").first.click()
    page.locator(".personalization-dismissed button").wait_for()
    assert blocked == []
    assert {("view_item", key)} <= {(event.type, event.product_id) for event in stored()}
