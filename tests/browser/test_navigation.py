""" "For you" in the shop's menu, in Chromium: on a desktop and a phone, with JavaScript and without, by keyboard."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW, WIDE

LINES = ".personalization-shortcuts"


@pytest.fixture
def signed_in(page_of, view_as):
    """A page of a customer of whom much is known: signed_in(viewport, javascript=True, path="/basket/")."""

    def opened(viewport=WIDE, javascript=True, path="/basket/"):
        page = page_of(viewport, javascript)
        view_as(page, 0)
        page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + path)
        return page

    return opened


def open_menu(page):
    page.locator('.navbar-toggler[data-target="#navbarSupportedContent"]').click()
    page.locator("#navbarSupportedContent.show").wait_for()


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["desktop", "phone"])
def test_the_lines_open_and_lead_to_their_categories(signed_in, viewport, javascript, shot):
    page = signed_in(viewport, javascript)
    if viewport is NARROW and javascript:
        open_menu(page)
    summary = page.locator(f"{LINES} summary")
    assert not page.locator(f"{LINES} a").first.is_visible()
    summary.click()
    shot(page, f"for-you-{viewport['width']}{'' if javascript else '-no-script'}", full_page=False)
    links = page.locator(f"{LINES} a")
    assert 1 <= links.count() <= 5
    assert all(words.strip() for words in page.locator(f"{LINES} small").all_inner_texts())
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    heights = links.evaluate_all("found => found.map(one => one.getBoundingClientRect().height)")
    assert min(heights) >= 44
    name = page.locator(f"{LINES} .personalization-shortcuts__name").first.inner_text()
    links.first.click()
    page.wait_for_load_state()
    assert page.locator("h1").inner_text() == name


def test_the_keyboard_opens_walks_and_closes_them(signed_in, shot):
    page = signed_in()
    summary = page.locator(f"{LINES} summary")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.locator(f"{LINES} a").first.evaluate("link => link === document.activeElement")
    shot(page, "for-you-keyboard", full_page=False)
    page.keyboard.press("Escape")
    assert not page.locator(f"{LINES} a").first.is_visible()
    assert summary.evaluate("summary => summary === document.activeElement")


def test_a_click_elsewhere_closes_them(signed_in):
    page = signed_in()
    page.locator(f"{LINES} summary").click()
    page.mouse.click(700, 700)
    page.locator(f"{LINES} a").first.wait_for(state="hidden")


def test_a_stranger_has_the_menu_as_the_shop_made_it(page_of):
    page = page_of()
    expect(page.locator(LINES)).to_have_count(0)
    assert "navigation.css" not in page.content()


def test_from_right_to_left_they_stand_on_the_other_side_and_stay_on_the_page(signed_in, shot):
    page = signed_in()
    page.evaluate("document.documentElement.dir = 'rtl'")
    page.locator(f"{LINES} summary").click()
    shot(page, "for-you-rtl", full_page=False)
    panel = page.locator(f"{LINES}__panel").bounding_box()
    entry = page.locator(LINES).bounding_box()
    assert abs(panel["x"] + panel["width"] - entry["x"] - entry["width"]) < 2
    assert panel["x"] >= 0
