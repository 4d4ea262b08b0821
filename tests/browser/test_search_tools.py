"""Synonyms and redirects in Chromium: written, published with what they change, found in the shop, undone."""

import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import SCREENSHOTS

SEARCHES = "/dashboard/personalization/searches/"
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


def titles(page):
    return page.locator(".product_pod h3 a").evaluate_all("links => links.map(link => link.title || link.textContent)")


def wait_until(page, address, holds):
    """Opens the page again until it is as it should be: what is published is there within ten seconds."""
    ends = time.monotonic() + 20
    while True:
        page.goto(address)
        if holds(page):
            return
        assert time.monotonic() < ends, (page.url, titles(page))
        time.sleep(0.5)


def test_a_word_that_nobody_finds_gets_a_synonym_and_loses_it_again(opened):
    page = opened("/search/?q=nappies")
    assert not any("diaper" in title for title in titles(page))
    page.goto(SEARCHES + "synonyms/new/?word=nappies")
    page.get_by_label("Words and phrases").press("Control+End")
    page.keyboard.type("\ndiapers")
    expect(page.get_by_label("A search for them also finds")).to_be_hidden()
    with page.expect_navigation():
        page.get_by_role("button", name="Save and publish").click()
    expect(page.locator("h1")).to_have_text("Publish “nappies, diapers”?")
    line = page.get_by_role("row", name="nappies")
    expect(line).to_contain_text("nothing")
    expect(line).to_contain_text("2 products")
    page.screenshot(path=SCREENSHOTS / "synonym-publish.png", full_page=True)
    with page.expect_navigation():
        page.get_by_role("button", name="Publish").click()
    expect(page.locator(".alert-success")).to_contain_text("is live in up to 10 seconds.")
    wait_until(page, "/search/?q=nappies", lambda page: len(titles(page)) == 2)
    assert all("diaper" in title for title in titles(page))
    page.goto(SEARCHES + "synonyms/")
    with page.expect_navigation():
        page.get_by_role("button", name="Undo").click()
    wait_until(page, "/search/?q=nappies", lambda page: not any("diaper" in title for title in titles(page)))


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
def test_a_search_is_sent_to_a_page(opened, javascript):
    query = "sweets" if javascript else "goodies"
    page = opened(SEARCHES + f"redirects/new/?word={query}", PHONE, javascript=javascript)
    page.get_by_label("Leads to").select_option("path")
    page.get_by_label("Address").fill("https://elsewhere.example/")
    with page.expect_navigation():
        page.get_by_role("button", name="Save and publish").click()
    expect(page.locator(".personalization-error")).to_contain_text("Expected an address of this shop")
    page.get_by_label("Address").fill("/catalogue/?page=2")
    with page.expect_navigation():
        page.get_by_role("button", name="Save and publish").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Publish").click()
    wait_until(page, f"/search/?q={query}", lambda page: page.url.endswith("/catalogue/?page=2"))


def test_a_search_is_tried_by_keyboard(opened):
    page = opened(SEARCHES + "try/")
    page.keyboard.press("/")
    page.keyboard.type("coke")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_text("It also looks for:")).to_contain_text("“soda”")
    expect(page.get_by_role("region", name="As it is typed")).to_contain_text("nothing")
    expect(page.get_by_role("region", name="As the shop searches")).to_contain_text("20 products")


@pytest.mark.parametrize(("viewport", "locale"), [(DESK, "en-GB"), (PHONE, "de-DE")], ids=["desk", "phone"])
@pytest.mark.parametrize(
    "screen",
    [
        "",
        "synonyms/",
        "synonyms/new/?word=nappies",
        "redirects/",
        "redirects/new/",
        "try/?q=coke",
        "try/?q=dairy",
    ],
)
def test_each_screen_is_clean_and_fits(opened, screen, locale, viewport):
    page = opened(SEARCHES + screen, viewport, locale=locale)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    ours = Axe().run(page, context=".personalization-console").response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in ours] == []
    name = re.sub(r"\W+", "-", screen).strip("-") or "searches"
    page.screenshot(path=SCREENSHOTS / f"searches-{name}-{locale[:2]}-{viewport['width']}.png", full_page=True)
