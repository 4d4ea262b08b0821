"""The basket and the thank-you page in Chromium: when Oscar has rendered its part anew, and without JavaScript."""

import json
import sqlite3
from contextlib import closing, contextmanager

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW, WIDE, products

ADD_ONS = '[data-row="add_ons"]'
TRIES = 60
"""So many products of past orders are put into a basket, until something goes with it."""


@pytest.fixture
def filled(browser_of, shop, demo):
    """A browser that agreed, on the page of a basket that is offered something: filled(**what its context takes)."""

    def opened(**more):
        page = browser_of(**more).new_page()
        page.goto(shop)
        token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
        for number, product in enumerate(bought_lately(demo)):
            form = {"quantity": "1", "csrfmiddlewaretoken": token}
            page.request.post(f"{shop}/basket/add/{product}/", form=form, headers={"referer": shop})
            if number and 'data-row="add_ons"' in page.request.get(f"{shop}/basket/").text():
                page.goto(f"{shop}/basket/")
                return page
        raise AssertionError("nothing goes with anything")

    return opened


def bought_lately(demo):
    """The products of the last orders, one order after the other."""
    lines = "SELECT DISTINCT product_id FROM order_line WHERE order_id = ? LIMIT 20"
    with closing(sqlite3.connect(f"file:{demo.data / 'shop.sqlite3'}?mode=ro", uri=True)) as base:
        orders = base.execute("SELECT id FROM order_order ORDER BY date_placed DESC, id LIMIT 20").fetchall()
        found = [product for order in orders for (product,) in base.execute(lines, order)]
    return found[:TRIES]


@contextmanager
def sold_out(demo, title, left=0):
    """While this lasts there is none of the product, or so many are `left`."""
    of_it = "product_id IN (SELECT id FROM catalogue_product WHERE title = ?)"
    with closing(sqlite3.connect(demo.data / "shop.sqlite3", timeout=20, isolation_level=None)) as base:
        (before,) = base.execute(f"SELECT num_in_stock FROM partner_stockrecord WHERE {of_it}", [title]).fetchone()
        base.execute(f"UPDATE partner_stockrecord SET num_in_stock = ? WHERE {of_it}", [left, title])
        try:
            yield
        finally:
            base.execute(f"UPDATE partner_stockrecord SET num_in_stock = ? WHERE {of_it}", [before, title])


def lines(page):
    return page.locator("#basket_formset .basket-items h3").all_inner_texts()


def offered(page):
    return page.locator(f"{ADD_ONS} [data-product] h3").all_inner_texts()


def the_basket_anew(answer):
    return answer.url.endswith("/basket/") and answer.request.method == "POST"


def remove_the_first_line(page):
    """As Oscar's script does it: without a reload."""
    with page.expect_response(the_basket_anew):
        page.locator('#basket_formset a[data-behaviours="remove"]').first.click()


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["desktop", "phone"])
def test_what_goes_with_the_basket_stands_below_it(filled, viewport, shot):
    page = filled(viewport=viewport)
    expect(page.locator("#content_inner h2", has_text="You might also need")).to_have_count(1)
    assert 1 <= len(offered(page)) <= 4
    assert not set(offered(page)) & set(lines(page))
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.locator(ADD_ONS).scroll_into_view_if_needed()
    shot(page, f"basket-{viewport['width']}")


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_an_add_on_is_added_with_one_click_and_the_row_goes_on(filled, javascript):
    page = filled(java_script_enabled=javascript)
    before, wanted = lines(page), offered(page)[0]
    page.locator(f"{ADD_ONS} form[action*='/basket/add/'] button").first.click()
    page.wait_for_load_state()
    assert page.url.endswith("/basket/#personalization-basket-add_ons")
    assert set(lines(page)) == {*before, wanted}
    assert wanted not in offered(page)


def test_after_an_update_without_a_reload_the_row_is_there_once_is_heard_and_listens(filled, stored):
    page = filled()
    page.evaluate("window.samePage = true")
    row = page.locator(ADD_ONS)
    before, old = products(row), row.get_attribute("data-slate")
    page.wait_for_timeout(1_000)  # tokens tell seconds apart
    page.locator("#basket_formset input[name='form-0-quantity']").fill("2")
    with page.expect_response(the_basket_anew):
        page.locator("#basket_formset button", has_text="Update").first.click()
    page.wait_for_function(f"document.querySelector('{ADD_ONS}').dataset.slate !== '{old}'")
    assert page.evaluate("window.samePage")
    expect(row).to_have_count(1)
    assert products(row) == before
    token = row.get_attribute("data-slate")
    seen = []
    page.on("request", lambda request: seen.append(request.post_data or "") if "events" in request.url else None)
    row.scroll_into_view_if_needed()
    page.wait_for_timeout(4_000)
    reported = [event for body in seen for event in json.loads(body)["events"]]
    assert {event["name"] for event in reported if event.get("slate") == token} == {"view_item_list"}
    kept = {event.row_key for event in stored(1)}
    assert "add_ons" in kept
    card = row.locator("[data-product]").first
    card.locator("summary").click()
    card.get_by_role("button", name="Not interested in this product").click()
    page.locator(".personalization-dismissed button").wait_for()
    assert page.evaluate("window.samePage")
    gone = products(row)[0]
    page.reload()
    assert gone not in products(page.locator("body"))


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["desktop", "phone"])
def test_a_line_that_sold_out_shows_what_comes_closest(filled, demo, viewport, shot):
    page = filled(viewport=viewport)
    for title in lines(page):
        with sold_out(demo, title):
            page.reload()
            row = page.locator('[data-row="replacement"]')
            if row.count():
                assert row.locator("h2").inner_text() == f"Instead of {title}"
                assert 1 <= row.locator("[data-product]").count() <= 3
                row.scroll_into_view_if_needed()
                shot(page, f"basket-sold-out-{viewport['width']}")
                return
    raise AssertionError("nothing is like any of these")


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["desktop", "phone"])
def test_an_empty_basket_is_a_place_to_begin(filled, viewport, shot):
    page = filled(viewport=viewport)
    while number := len(lines(page)):
        remove_the_first_line(page)
        page.wait_for_function(f"document.querySelectorAll('#basket_formset .basket-items').length === {number - 1}")
    expect(page.locator(ADD_ONS)).to_have_count(0)
    page.locator('[data-row="bestsellers"]').wait_for()
    shot(page, f"basket-empty-{viewport['width']}")
    before = products(page.locator("#content_inner"))
    page.reload()
    assert products(page.locator("#content_inner")) == before


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["desktop", "phone"])
def test_the_thank_you_page_says_what_to_buy_next_time(browser_of, demo, shop, viewport, shot):
    with closing(sqlite3.connect(f"file:{demo.data / 'shop.sqlite3'}?mode=ro", uri=True)) as base:
        numbers = base.execute("SELECT number FROM order_order ORDER BY date_placed DESC LIMIT 100").fetchall()
    page = browser_of(viewport=viewport).new_page()
    page.goto(f"{shop}/accounts/login/")
    page.fill("[name=login-username]", "admin@example.com")
    page.fill("[name=login-password]", "demo")
    with page.expect_navigation():
        page.locator("[name=login_submit]").click()
    for (number,) in numbers:
        page.goto(f"{shop}/checkout/thank-you/?order_number={number}")
        if page.locator('[data-row="after_order"]').count():
            break
    row = page.locator('[data-row="after_order"]')
    assert row.locator("h2").inner_text() == "For next time"
    bought = page.locator(".basket-items h3").all_inner_texts()
    assert not set(row.locator("[data-product] h3").all_inner_texts()) & set(bought)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    row.scroll_into_view_if_needed()
    shot(page, f"thank-you-{viewport['width']}")
