"""Rows, in Chromium: retitled while the page is watched, made from a Range, published, moved, seen and undone."""

import re
import time
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import manage
from tests.browser.test_merchandiser import (
    CONSOLE,
    DESK,
    PHONE,
    opened,  # noqa: F401 - a fixture
    picture,
)

ROWS = CONSOLE + "rows/"
HOME = ROWS + "?surface=home"


ARCHIVE_ALL = """
from personalization.merchandising import publishing
from personalization.models import Definition
for row in Definition.objects.rows_of_shop().filter(is_demo=False):
    publishing.archive(row, None)
"""


@pytest.fixture(scope="module", autouse=True)
def rows_as_they_were(demo):
    """What these tests arranged is gone before the next ones look at the home page."""
    yield
    manage(demo, "shell", "-c", ARCHIVE_ALL)
    for _ in range(4):  # a page that is asked for has the process look for what changed
        urllib.request.urlopen(demo.address, timeout=30).close()
        time.sleep(3)


def row_titles(page):
    """The titles of the rows of a page, from the top."""
    found = page.locator(".personalization-row h2").all_inner_texts()
    return [text.strip() for text in found]


def wait_for_rows(page, holds):
    """Opens the home page again until its rows are as they should be: within ten seconds of a publish."""
    ends = time.monotonic() + 20
    while True:
        page.goto("/")
        if holds(row_titles(page)):
            return
        assert time.monotonic() < ends, row_titles(page)
        time.sleep(0.5)


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_title_is_watched_while_it_is_typed_published_seen_and_undone(opened, viewport):  # noqa: F811
    stranger = opened("/", signed_in=False)
    before = row_titles(stranger)
    assert "Bestsellers" in before
    german = opened("/", signed_in=False, locale="de-DE")

    page = opened(HOME, viewport)
    page.get_by_role("link", name="Bestsellers", exact=True).click()
    page.get_by_label("English", exact=True).fill(f"Loved by all {viewport['width']}")
    page.get_by_label("Deutsch", exact=True).fill("Von allen geliebt")
    expect(page.locator("iframe[data-anchor]")).to_be_visible(timeout=15_000)
    frame = page.frame_locator("iframe[data-anchor]")
    expect(frame.get_by_role("heading", name=f"Loved by all {viewport['width']}")).to_be_attached(timeout=15_000)
    if viewport == DESK:
        picture(page, "row-editor")
    assert row_titles(opened("/", signed_in=False)) == before
    with page.expect_navigation():
        page.get_by_role("button", name="Save and publish…").click()
    expect(page.locator("h1")).to_contain_text("Publish “Home page: Bestsellers”?")
    with page.expect_navigation():
        page.get_by_role("button", name="Publish").click()
    expect(page.locator(".alert-success")).to_contain_text("is live in up to 10 seconds.")
    if viewport == DESK:
        picture(page, "rows")

    wait_for_rows(stranger, lambda titles: f"Loved by all {viewport['width']}" in titles)
    wait_for_rows(german, lambda titles: "Von allen geliebt" in titles)
    with page.expect_navigation():
        page.get_by_role("button", name="Undo").click()
    wait_for_rows(stranger, lambda titles: titles == before)


def test_a_row_is_moved_by_keyboard_and_the_focus_stays_with_it(opened):  # noqa: F811
    page = opened(HOME)
    line = page.locator("#row-home-trending")
    place = int(line.locator("input[name=place]").input_value())
    line.get_by_role("button", name=re.compile("Move “.*” up")).focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    moved = page.locator("#row-home-trending")
    assert int(moved.locator("input[name=place]").input_value()) == place - 1
    page.wait_for_function("document.activeElement?.dataset.step === 'up'")
    expect(page.locator("#personalization-live")).to_contain_text(f"to place {place - 1} of")
    moved.locator("input[name=place]").fill(str(place))
    with page.expect_navigation():
        moved.get_by_role("button", name=re.compile(r"^Move\s*:")).click()
    assert int(page.locator("#row-home-trending input[name=place]").input_value()) == place


def test_a_row_of_the_newest_is_made_without_javascript(opened):  # noqa: F811
    page = opened(ROWS + "new/?surface=home", javascript=False)
    page.fill("#id_name", "Just arrived")
    page.select_option("#id_source", "newest")
    page.fill("#id_title_en-gb", "Just arrived")
    with page.expect_navigation():
        page.get_by_role("button", name="Save and publish…").click()
    expect(page.locator(".personalization-error")).to_contain_text("missing: Deutsch")
    page.fill("#id_title_de", "Gerade angekommen")
    with page.expect_navigation():
        page.get_by_role("button", name="Save and publish…").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Publish").click()
    stranger = opened("/", signed_in=False)
    wait_for_rows(stranger, lambda titles: "Just arrived" in titles)
    line = page.locator("#row-home-own_just_arrived")
    expect(line).to_contain_text("the newest products")
    with page.expect_navigation():
        line.get_by_role("button", name=re.compile("Archive")).click()
    wait_for_rows(stranger, lambda titles: "Just arrived" not in titles)


@pytest.mark.parametrize(("viewport", "locale"), [(DESK, "en-GB"), (PHONE, "de-DE")], ids=["desk", "phone"])
@pytest.mark.parametrize("screen", ["", "home/bestsellers/", "new/", "home/own_breakfast_table/publish/"])
def test_each_screen_of_rows_is_clean_and_fits(opened, screen, locale, viewport):  # noqa: F811
    page = opened(ROWS + screen, viewport, locale=locale)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    found = Axe().run(page, context=".personalization-console", options={"iframes": False})
    assert found.violations_count == 0, found.generate_report()
