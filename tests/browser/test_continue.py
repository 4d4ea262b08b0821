"""The row "Pick up where you left off", in Chromium: wide and narrow, with JavaScript and without."""

import sqlite3

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW, WIDE, open_a_product, products

ROW = '[data-row="continue_shopping"]'
WORDS = '<img src=x onerror=alert(1)> "tea" \u202e\u0634\u0627\u064a'


@pytest.fixture
def stopped(browser_of, demo, shop, stored):
    """A browser that looked at a product, left another in the basket, and searched: its page, at the shop's home."""
    page = browser_of().new_page()
    with page.expect_response("**/personalization/events/"):  # with it comes the cookie
        page.looked = open_a_product(page, shop)
    page.goto(shop + "/catalogue/")
    page.locator("article.product_pod form button").nth(3).click()
    page.wait_for_load_state()
    with page.expect_response("**/personalization/events/"):
        page.goto(shop + "/search/")
        page.locator("input[name=q]").first.fill(WORDS)
        page.locator("input[name=q]").first.press("Enter")
        page.wait_for_load_state()
    while not any(event.type == "search" for event in stored(2)):
        page.wait_for_timeout(200)
    with sqlite3.connect(demo.data / "shop.sqlite3", timeout=20) as base:
        base.execute("UPDATE basket_line SET date_updated = datetime('now', '-3 hours')")
    page.goto(shop)
    return page


def plain(browser_of, page, viewport):
    """The same browser without JavaScript."""
    context = browser_of(
        agreed=False, storage_state=page.context.storage_state(), java_script_enabled=False, viewport=viewport
    )
    return context.new_page()


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["desktop", "phone"])
def test_it_leads_back_with_a_script_and_without(stopped, browser_of, shop, shot, viewport):
    stopped.set_viewport_size(viewport)
    for name, page in (("script", stopped), ("plain", plain(browser_of, stopped, viewport))):
        page.goto(shop)
        first = page.locator("[data-row]").first
        assert first.get_attribute("data-row") == "continue_shopping"
        assert first.locator("h2").inner_text() == "Pick up where you left off"
        assert products(first) == [stopped.looked]
        assert [link.split(":")[0] for link in first.locator(".personalization-row__link").all_inner_texts()] == [
            "Your basket",
            "Your search",
        ]
        sizes = first.locator(".personalization-row__link").evaluate_all(
            "links => links.map(link => link.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 44
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        shot(page, f"continue-{viewport['width']}-{name}")


def test_its_links_lead_to_the_search_and_the_basket(stopped, shop):
    dialogs = []
    stopped.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    stopped.locator(f"{ROW} a", has_text="Your search").click()
    assert WORDS.replace("\u202e", "") in stopped.locator("h1").inner_text()
    stopped.goto(shop)
    stopped.locator(f"{ROW} a", has_text="Your basket").click()
    assert stopped.url == shop + "/basket/"
    assert dialogs == []


def test_it_can_be_hidden(stopped):
    stopped.locator(ROW).get_by_role("button", name="Hide this row").click()
    stopped.get_by_role("button", name="Undo").wait_for()
    assert not stopped.locator(f"{ROW} a").first.is_visible()
    stopped.reload()
    expect(stopped.locator(ROW)).to_have_count(0)
