"""What Chromium reports of the demo shop: what was really seen and used, once, and of those who agreed only."""

import gzip
import json
import re
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest

from tests.browser.conftest import NARROW, WIDE

STATIC = Path(__file__).parents[2] / "personalization" / "static" / "personalization"
SHOPPER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
DOOR = "**/personalization/events/"


class Stored(NamedTuple):
    """An event as it stands in the shop's table."""

    name: str
    product: int | None
    products: list
    row: str
    query: str
    value: float | None
    event_id: str


@pytest.fixture
def stored(demo):
    """The events that came in since the test began: stored(at_least=n) waits for so many."""
    with closing(sqlite3.connect(f"file:{demo.data / 'shop.sqlite3'}?mode=ro", uri=True)) as base:
        began = datetime.now(UTC).replace(tzinfo=None)  # what an earlier test's page sends in leaving happened before
        columns = "name, product, products, row, query, value, event_id"

        def events(at_least=0):
            deadline = time.monotonic() + 20
            while True:
                rows = base.execute(f"SELECT {columns} FROM personalization_event WHERE happened > ?", [str(began)])
                found = rows.fetchall()
                if len(found) >= at_least or time.monotonic() > deadline:
                    return [Stored(*row)._replace(products=json.loads(row[2])) for row in found]
                time.sleep(0.1)

        yield events


@pytest.fixture
def browser_of(chromium, shop):
    """A fresh browser that agreed: browser_of(agreed=True, **what Playwright's new_context takes)."""
    contexts = []

    def opened(agreed=True, **more):
        context = chromium.new_context(**{"viewport": WIDE, "user_agent": SHOPPER, **more})
        contexts.append(context)
        if agreed:
            choice = f"granted.1.{int(time.time()) - 60}"
            context.add_cookies([{"name": "personalization_choice", "value": choice, "url": shop, "httpOnly": True}])
        return context

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def looked(browser_of, shop, stored):
    """A browser that looked at a product, and has a row of its own for that: its page, at the shop's home."""
    page = browser_of().new_page()
    open_a_product(page, shop)
    stored(1)
    page.goto(shop)
    assert page.locator(PERSONAL).count() == 1
    return page


PERSONAL = '[data-row="because_you_looked_at"]'


def open_a_product(page, shop) -> int:
    """Goes to the page of a bestseller, not through a row; its key."""
    home = page.request.get(shop).text()
    bestsellers = home[home.index('data-row="bestsellers"') :]
    key, address = re.search(r'data-product="(\d+)".*?<a href="([^"]+)"', bestsellers, re.S).groups()
    page.goto(shop + address)
    return int(key)


def names(events) -> list[str]:
    return sorted(event.name for event in events)


def products(row) -> list[int]:
    return [int(card.get_attribute("data-product")) for card in row.locator("[data-product]").all()]


def test_the_scripts_are_small():
    assert len(gzip.compress((STATIC / "beacon.js").read_bytes())) <= 4096
    assert len(gzip.compress((STATIC / "feedback.js").read_bytes())) <= 1024


def test_what_is_half_visible_for_a_second_is_reported_once(browser_of, shop, stored):
    page = browser_of().new_page()
    page.goto(shop)
    first = products(page.locator("[data-slate]").first)
    (seen,) = stored(1)
    assert (seen.name, seen.row) == ("view_item_list", "bestsellers")
    assert seen.products == [[key, place] for place, key in enumerate(first)]
    for down in (1500, -1500):  # the first row leaves the window and comes again
        page.mouse.wheel(0, down)
        page.wait_for_timeout(1500)
    again = stored(2)
    assert len(again) >= 2
    pairs = [(event.row, key) for event in again for key, _ in event.products]
    assert len(pairs) == len(set(pairs))


def test_what_passes_by_quickly_was_not_seen(browser_of, shop, stored):
    page = browser_of().new_page()
    page.goto(shop)
    for _ in range(8):
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(150)
    page.mouse.wheel(0, -9000)
    page.wait_for_timeout(4000)
    assert [event.row for event in stored(1)] == ["bestsellers"]


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
    events = {event.name: event for event in stored(3)}
    assert {"select_item", "view_item", "user_engagement"} <= set(events)
    assert {events[name].product for name in ("select_item", "view_item", "user_engagement")} == {key}
    assert events["select_item"].row == "bestsellers"
    assert 1 <= events["user_engagement"].value < 20


def test_the_baskets_button_of_a_card_is_a_click_on_it(browser_of, shop, stored):
    page = browser_of().new_page()
    page.goto(shop)
    card = page.locator('[data-row="bestsellers"] [data-product]').nth(1)
    key = int(card.get_attribute("data-product"))
    card.locator("form button").click()
    page.wait_for_load_state()
    clicks = [event for event in stored(1) if event.name == "select_item"]
    assert [(event.product, event.row) for event in clicks] == [(key, "bestsellers")]


def test_a_search_is_reported_in_its_own_words(browser_of, shop, stored):
    page = browser_of().new_page()
    page.goto(shop + "/search/?q=frozen+%22pizza%22+%3Cb%3E")
    assert [(event.name, event.query) for event in stored(1)] == [("search", 'frozen "pizza" <b>')]


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
    assert "personalization_visitor" in [cookie["name"] for cookie in context.cookies()]


def test_without_consent_nothing_is_sent_and_no_cookie_is_set(browser_of, shop, stored):
    context = browser_of(agreed=False)
    page = context.new_page()
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("beacon.js") else None)
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
    assert page.locator("[data-slate], script[src$='beacon.js']").count() == 0


def test_a_page_from_the_back_forward_cache_counts_nothing_again(browser_of, shop, stored):
    page = browser_of().new_page()
    key = open_a_product(page, shop)
    page.evaluate("window.stillHere = true")
    stored(1)
    page.goto(shop + "/basket/")
    page.evaluate("history.back()")  # Playwright's own way waits for the page to load, and it does not
    page.wait_for_url("**/catalogue/**", wait_until="commit")
    assert page.evaluate("window.stillHere") is True
    page.wait_for_timeout(1000)
    page.goto(shop + "/basket/")
    events = [event for event in stored(3) if event.product == key]
    assert names(events) == ["user_engagement", "user_engagement", "view_item"]


def test_a_script_that_stands_on_the_page_twice_acts_once(browser_of, shop, stored):
    page = browser_of().new_page()

    def twice(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(r"(<script[^>]*beacon\.js.*?</script>)", r"\1\1", answer.text()))

    page.route("**/catalogue/*/", twice)
    key = open_a_product(page, shop)
    assert page.locator("script[src$='beacon.js']").count() == 2
    page.wait_for_timeout(500)
    page.goto(shop + "/basket/")
    assert names(event for event in stored(2) if event.product == key) == ["user_engagement", "view_item"]


def test_a_page_that_is_only_made_ready_counts_when_it_is_opened(browser_of, shop, stored):
    page = browser_of().new_page()
    page.add_init_script(
        "Object.defineProperty(document, 'prerendering', { configurable: true, get: () => !window.opened })"
    )
    key = open_a_product(page, shop)
    page.wait_for_timeout(2500)
    assert stored() == []
    page.evaluate("window.opened = true; document.dispatchEvent(new Event('prerenderingchange'))")
    assert [(event.name, event.product) for event in stored(1)] == [("view_item", key)]


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
    key = open_a_product(page, shop)
    (event,) = stored(1)
    assert (event.name, event.product) == ("view_item", key)
    assert [[UUID(one["id"]).hex for one in body["events"]] for body in bodies] == [[event.event_id]] * 3
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


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
    assert [rejected["code"] for rejected in answer["rejected"]] == ["not_on_slate", "bad_slate"]
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
    of_this_page = [event for event in stored(5) if event.name not in ("view_item_list", "user_engagement")]
    assert names(of_this_page) == ["add_to_cart", "add_to_wishlist", "view_cart", "view_cart", "view_item"]
    assert {event.product for event in of_this_page if event.name != "view_cart"} == {key}
    assert [event.value for event in of_this_page if event.name == "add_to_cart"] == [2.0]
    assert len(page.evaluate("window.dataLayer")) == 7


def test_a_strict_policy_for_scripts_is_kept(browser_of, shop, stored):
    page = browser_of().new_page()

    def strict(route):
        answer = route.fetch()
        headers = {**answer.headers, "content-security-policy": "script-src 'self'; connect-src 'self'"}
        route.fulfill(response=answer, headers=headers)

    page.route(lambda url: url.startswith(shop) and "/static/" not in url and "/events/" not in url, strict)
    blocked = []
    page.on("console", lambda message: blocked.append(message.text) if "personalization/" in message.text else None)
    key = open_a_product(page, shop)
    stored(1)
    page.goto(shop)
    page.locator(f"{PERSONAL} summary").first.click()
    page.locator(f"{PERSONAL} .personalization-menu button").first.click()
    page.locator(".personalization-gone button").wait_for()
    assert blocked == []
    assert {("view_item", key)} <= {(event.name, event.product) for event in stored()}


def test_what_is_not_wanted_is_gone_at_once_and_from_the_next_page_and_undo_brings_it_back(looked, shop, shot):
    row = looked.locator(PERSONAL)
    before = products(row)
    looked.evaluate("window.samePage = true")
    card = row.locator("[data-product]").nth(1)
    card.locator("summary").click()
    shot(looked, "not-interested-menu", full_page=False)
    card.get_by_role("button", name="Not interested in this product").click()
    undo = looked.locator(".personalization-gone button")
    undo.wait_for()
    shot(looked, "not-interested-gone", full_page=False)
    assert not card.locator("h3").is_visible()
    assert undo.evaluate("button => button === document.activeElement")
    assert undo.evaluate("button => !!button.closest('[aria-live=polite]')")
    assert looked.evaluate("window.samePage")
    other = looked.context.new_page()
    other.goto(shop)
    assert before[1] not in products(other.locator("main, body"))
    undo.click()
    card.locator("h3").wait_for()
    assert card.locator("summary").evaluate("menu => menu === document.activeElement")
    looked.reload()
    assert products(looked.locator(PERSONAL)) == before


def test_a_row_that_is_hidden_is_gone_at_once_and_from_the_next_page(looked):
    looked.get_by_role("button", name="Hide this row").click()
    looked.get_by_role("button", name="Undo").wait_for()
    assert not looked.locator(f"{PERSONAL} h2").is_visible()
    looked.reload()
    assert looked.locator(PERSONAL).count() == 0


def test_the_keyboard_alone_does_it(looked):
    card = looked.locator(f"{PERSONAL} [data-product]").first
    card.locator("summary").focus()
    looked.keyboard.press("Enter")
    looked.keyboard.press("Tab")
    looked.keyboard.press("Enter")
    looked.get_by_role("button", name="Undo").wait_for()
    looked.keyboard.press("Enter")
    card.locator("h3").wait_for()


def test_it_works_without_javascript(looked, browser_of, shop):
    plain = browser_of(agreed=False, storage_state=looked.context.storage_state(), java_script_enabled=False)
    page = plain.new_page()
    page.goto(shop)
    before = products(page.locator(PERSONAL))
    card = page.locator(f"{PERSONAL} [data-product]").first
    card.locator("summary").click()
    card.get_by_role("button", name="Not interested in this product").click()
    page.wait_for_load_state()
    assert page.url == shop + "/"
    assert "will not be shown to you any more." in page.locator("#messages").inner_text()
    assert before[0] not in products(page.locator(PERSONAL))
    page.get_by_role("button", name="Undo").click()
    page.wait_for_load_state()
    assert "It may be shown to you again." in page.locator("#messages").inner_text()
    assert products(page.locator(PERSONAL)) == before


def test_when_the_script_cannot_do_it_the_form_does(looked, shop):
    looked.route(
        "**/personalization/feedback/",
        lambda route: route.abort() if "json" in route.request.headers["accept"] else route.continue_(),
    )
    looked.locator(f"{PERSONAL} summary").first.click()
    looked.locator(f"{PERSONAL} .personalization-menu button").first.click()
    looked.locator("#messages .alert").wait_for()
    assert "will not be shown to you any more." in looked.locator("#messages").inner_text()


@pytest.mark.parametrize(("viewport", "least"), [(WIDE, 24), (NARROW, 44)], ids=["desktop", "phone"])
def test_there_is_room_for_a_finger(looked, viewport, least, shot):
    looked.set_viewport_size(viewport)
    looked.reload()
    looked.locator(f"{PERSONAL} summary").first.click()
    shot(looked, f"not-interested-{viewport['width']}", full_page=False)
    sizes = looked.locator(f"{PERSONAL} summary, {PERSONAL} .personalization-row__hide button").evaluate_all(
        "found => found.map(one => one.getBoundingClientRect()).map(({ width, height }) => Math.min(width, height))"
    )
    assert min(sizes) >= least
    assert looked.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
