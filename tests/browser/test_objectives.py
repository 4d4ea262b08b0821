"""What counts, in Chromium: dialled by keyboard, tried, published with its cost, seen in the shop, and undone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_merchandiser import (
    CONSOLE,
    DESK,
    PHONE,
    opened,  # noqa: F401 - a fixture
    wait_until,
)

SCREEN = CONSOLE + "objectives/"
COSTS = "sku,cost\nno-such-product,1\n"


@pytest.mark.parametrize(("viewport", "locale"), [(DESK, "en-GB"), (PHONE, "de-DE")], ids=["desk", "phone"])
@pytest.mark.parametrize("screen", ["", "costs/", "history/", "publish/"])
def test_each_screen_is_clean_and_fits(opened, screen, locale, viewport):  # noqa: F811
    page = opened(SCREEN + screen, viewport, locale=locale)
    page.wait_for_load_state("networkidle")
    name = screen.strip("/") or "form"
    page.screenshot(path=SCREENSHOTS / f"objectives-{name}-{locale[:2]}-{viewport['width']}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    ours = Axe().run(page, context=".personalization-console").response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in ours] == []


def test_margin_is_dialled_by_keyboard_tried_published_seen_and_undone(opened):  # noqa: F811
    stranger = opened("/", signed_in=False)
    before = shown_titles(stranger)
    page = opened(SCREEN)
    dial = page.get_by_label("Home page: Margin", exact=True)
    dial.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("20")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Home page: Clear stock", exact=True)).to_be_focused()
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#past")).to_contain_text("All these pages together", timeout=30_000)
    with page.expect_navigation():
        page.get_by_role("button", name="Save and publish…").click()
    expect(page.locator("h1")).to_contain_text("Publish “What counts”?")
    expect(page.locator(".personalization-effect")).to_contain_text("Home page: Margin up to 20 %.")
    expect(page.locator(".personalization-effect")).to_contain_text("All these pages together")
    with page.expect_navigation():
        page.get_by_role("button", name="Publish").click()
    wait_until(stranger, "/", lambda one: shown_titles(one) != before)
    assert "what matters to the shop counts, too" in stranger.inner_text("main, body")
    with page.expect_navigation():
        page.get_by_role("button", name="Undo").click()
    wait_until(stranger, "/", lambda one: shown_titles(one) == before)


def test_a_file_of_costs_names_what_it_left_out(opened):  # noqa: F811
    page = opened(SCREEN, PHONE)
    page.get_by_label("CSV file with the columns product and cost").set_input_files(
        {"name": "costs.csv", "mimeType": "text/csv", "buffer": COSTS.encode()}
    )
    with page.expect_navigation():
        page.get_by_role("button", name="Import costs").click()
    expect(page.get_by_role("status").first).to_contain_text("Costs stored: 0; rows left out: 1.")
    expect(page.locator(".personalization-console")).to_contain_text("line 2: No product has the SKU no-such-product.")


def shown_titles(page):
    """The titles of all cards in rows, in order."""
    links = page.locator(".personalization-row .product_pod h3 a")
    return links.evaluate_all("links => links.map(link => link.title || link.textContent)")
