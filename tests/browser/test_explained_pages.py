"""Staff ask in Chromium why a product stands where it does: from the preview, from the product screen, on a phone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import SCREENSHOTS

CONSOLE = "/dashboard/personalization/"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture
def opened(chromium, shop):
    """Opens a page in a fresh browser, signed in as the shop's owner."""
    contexts = []

    def page_at(path, viewport=DESK, *, locale="en-GB", javascript=True):
        contexts.append(
            chromium.new_context(viewport=viewport, base_url=shop, locale=locale, java_script_enabled=javascript)
        )
        page = contexts[-1].new_page()
        page.goto("/dashboard/login/?next=" + path)
        page.fill("#id_username", "admin@example.com")
        page.fill("#id_password", "demo")
        with page.expect_navigation():
            page.press("#id_password", "Enter")
        page.goto(path)
        return page

    yield page_at
    for context in contexts:
        context.close()


def check_screen(page, name, viewport):
    """No fault that axe finds, nothing wider than the screen, and a picture to look at."""
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    faults = Axe().run(page, context=".personalization-console").response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in faults] == []
    page.screenshot(path=SCREENSHOTS / f"why-{name}-{viewport['width']}.png", full_page=True)


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_from_the_frame_to_the_way_of_a_product_and_into_a_campaign(opened, viewport):
    page = opened(CONSOLE + "preview/?page=/catalogue/", viewport)
    frame = page.frame_locator("iframe").first
    shown = frame.locator(".product_pod h3 a").evaluate_all("links => links.map(link => link.title)")
    cards = page.locator(".personalization-cards > li")
    assert [text.strip() for text in cards.locator("summary").all_text_contents()] == shown and len(shown) == 20
    cards.nth(2).locator("summary").press("Enter")
    expect(cards.nth(2)).to_contain_text("The search engine has it at place")
    check_screen(page, "preview", viewport)
    with page.expect_navigation():
        cards.nth(2).get_by_role("link", name="Its way here").click()
    expect(page.locator("h1")).to_have_text(shown[2])
    expect(page.locator(".personalization-funnel__step--yes")).to_have_count(8)
    expect(page.locator(".personalization-funnel")).to_contain_text("In the list at place 3 of")
    check_screen(page, "product", viewport)
    page.go_back()
    cards.nth(2).locator("details").evaluate("details => { details.open = true; }")
    with page.expect_navigation():
        cards.nth(2).get_by_role("link", name="Pin here").click()
    expect(page.locator("#id_name")).to_have_value(f"Pin: {shown[2]}"[:60])
    expect(page.locator("#id_what-0-place")).to_have_value("3")
    expect(page.locator("#effect")).to_contain_text("Touches 1 product now")


def test_another_product_is_found_while_one_types(opened):
    page = opened(CONSOLE + "preview/?page=/")
    page.get_by_label("Title or UPC").fill("milk")
    link = page.locator("#found-products a").first
    expect(link).to_be_visible()
    with page.expect_navigation():
        link.click()
    expect(page.locator("h1")).to_contain_text(re.compile("milk", re.IGNORECASE))
    expect(page.get_by_text("Asked for a stranger on the page")).to_be_visible()


@pytest.mark.parametrize(("viewport", "locale"), [(DESK, "en-GB"), (PHONE, "de-DE")], ids=["desk", "phone"])
def test_the_finder_is_clean_and_fits(opened, locale, viewport):
    page = opened(CONSOLE + "product/?q=milk", viewport, locale=locale)
    check_screen(page, f"finder-{locale[:2]}", viewport)


def test_without_javascript_everything_is_there(opened):
    page = opened(CONSOLE + "preview/?page=/", javascript=False)
    page.fill("input[name=q]", "milk")
    with page.expect_navigation():
        page.get_by_role("button", name="Find").click()
    with page.expect_navigation():
        page.locator("#found-products a").first.click()
    assert page.locator(".personalization-funnel > li").count() == 8
    page.get_by_text("Ask for another page, or for somebody").click()
    page.fill("#id_page", "/catalogue/")
    with page.expect_navigation():
        page.get_by_role("button", name="Ask", exact=True).click()
    assert "/catalogue/" in page.locator("code").first.text_content()


def test_oscars_page_of_a_product_leads_to_it(opened):
    page = opened("/dashboard/catalogue/products/5/")
    with page.expect_navigation():
        page.get_by_role("link", name="Why it is shown, or not").click()
    assert page.locator(".personalization-funnel > li").count() == 8
