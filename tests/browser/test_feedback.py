""" "Not interested" in Chromium: by mouse, finger and keyboard, with JavaScript and without."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW, PERSONAL, WIDE, products


def test_what_is_not_wanted_is_gone_at_once_and_from_the_next_page_and_undo_brings_it_back(looked, shop, shot):
    row = looked.locator(PERSONAL)
    before = products(row)
    looked.evaluate("window.samePage = true")
    card = row.locator("[data-product]").nth(1)
    card.locator("summary").click()
    shot(looked, "not-interested-menu", full_page=False)
    card.get_by_role("button", name="Not interested in this product").click()
    undo = looked.locator(".personalization-dismissed button")
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
    looked.locator(PERSONAL).get_by_role("button", name="Hide this row").click()
    looked.get_by_role("button", name="Undo").wait_for()
    assert not looked.locator(f"{PERSONAL} h2").is_visible()
    looked.reload()
    expect(looked.locator(PERSONAL)).to_have_count(0)


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
    assert "for 60 days." in page.locator("#messages").inner_text()
    assert before[0] not in products(page.locator(PERSONAL))
    page.get_by_role("button", name="Undo").click()
    page.wait_for_load_state()
    assert "You may see this again." in page.locator("#messages").inner_text()
    assert products(page.locator(PERSONAL)) == before


def test_when_the_script_cannot_do_it_the_form_does(looked, shop):
    looked.route(
        "**/personalization/feedback/",
        lambda route: route.abort() if "json" in route.request.headers["accept"] else route.continue_(),
    )
    looked.locator(f"{PERSONAL} summary").first.click()
    looked.locator(f"{PERSONAL} .personalization-menu button").first.click()
    looked.locator("#messages .alert").wait_for()
    assert "for 60 days." in looked.locator("#messages").inner_text()


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
