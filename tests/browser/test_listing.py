"""The chip above a list in Chromium: by keyboard and finger, with JavaScript and without."""

import pytest

from tests.browser.conftest import NARROW, WIDE

CHIP = ".personalization-sort__chip"
CATALOGUE = "/catalogue/"


def seen(page, shot, name) -> None:
    page.locator(CHIP).scroll_into_view_if_needed()
    shot(page, f"listing-{name}", full_page=False)


def titles(page) -> list[str]:
    return [title.inner_text() for title in page.locator(".product_pod h3").all()]


@pytest.fixture
def known(page_of, view_as, shop):
    """A household with a year of purchases, at the catalogue."""

    def opened(viewport=WIDE, javascript=True):
        page = page_of(viewport, javascript)
        view_as(page, 0)
        page.goto(shop + CATALOGUE)
        return page

    return opened


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_stranger_switches_the_order_off_and_on(page_of, shop, shot, viewport, javascript):
    page = page_of(viewport, javascript)
    page.goto(shop + CATALOGUE)
    chip = page.locator(CHIP)
    ours = titles(page)
    assert (chip.inner_text(), chip.get_attribute("aria-pressed")) == ("Popular first", "true")
    seen(page, shot, f"stranger-{viewport['width']}")
    chip.click()
    page.wait_for_load_state()
    assert page.url == shop + CATALOGUE
    assert chip.get_attribute("aria-pressed") == "false"
    assert titles(page) != ours
    seen(page, shot, f"off-{viewport['width']}")
    chip.click()
    page.wait_for_load_state()
    assert titles(page) == ours


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_keyboard_alone_does_it(known, shop, shot, viewport):
    page = known(viewport)
    chip = page.locator(CHIP)
    assert chip.inner_text() == "Sorted for you"
    seen(page, shot, f"personal-{viewport['width']}")
    page.locator("#id_sort_by").focus()
    page.keyboard.press("Shift+Tab")  # it stands right before the choice of how to sort
    assert chip.evaluate("chip => chip === document.activeElement")
    assert chip.evaluate("chip => getComputedStyle(chip).outlineStyle") == "solid"
    ours = titles(page)
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelector('{CHIP}')?.ariaPressed === 'false'")
    assert titles(page) != ours
    other = page.context.new_page()
    other.goto(shop + "/search/?q=milk")
    assert other.locator(CHIP).get_attribute("aria-pressed") == "false"
    other.locator(CHIP).press("Enter")  # it is the household's for good
    other.wait_for_function(f"document.querySelector('{CHIP}')?.ariaPressed === 'true'")
    page.reload()
    assert titles(page) == ours


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_chip_is_large_enough_and_fits(page_of, shop, viewport):
    page = page_of(viewport)
    page.goto(shop + "/search/?q=milk")
    box = page.locator(CHIP).bounding_box()
    assert box["height"] >= 24
    assert box["x"] >= 0 and box["x"] + box["width"] <= viewport["width"]
