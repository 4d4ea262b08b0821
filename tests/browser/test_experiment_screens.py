"""The screens of experiments in Chromium: written by hand and by keyboard, begun, stopped, and read on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_search_tools import DESK, PHONE, opened  # noqa: F401  its fixture

EXPERIMENTS = "/dashboard/personalization/experiments/"
COFFEE = "With and without Coffee week"


def write_plain_test(page, name: str) -> None:
    """Fills in a test of plain pages after an order, where no other test of the browser looks."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Compare").select_option("plain")
    page.get_by_label("Page after an order").check()
    page.get_by_label("Smallest difference").fill("20")


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
def test_an_experiment_is_written_begun_stopped_and_archived(opened, javascript):  # noqa: F811
    page = opened(EXPERIMENTS, javascript=javascript)
    page.get_by_role("link", name="New experiment").click()
    name = "Plain thanks" + (" by script" if javascript else "")
    if javascript:
        expect(page.get_by_label("Values")).to_be_hidden()
        expect(page.get_by_label("Campaign or row")).to_be_visible()
    write_plain_test(page, name)
    if not javascript:
        page.get_by_role("button", name="What does it take?").click()
    expect(page.locator("#plan")).to_contain_text("A difference of 20 % takes")
    with page.expect_navigation():
        page.get_by_role("button", name="Save the draft").click()
    expect(page.locator(".alert-success")).to_contain_text("is saved.")
    with page.expect_navigation():
        page.get_by_role("button", name="Start").click()
    expect(page.locator(".personalization-state").first).to_have_text("running")
    page.get_by_role("link", name="Stop").click()
    expect(page.locator("h1")).to_have_text(f"Stop “{name}”?")
    with page.expect_navigation():
        page.get_by_role("button", name="Stop").click()
    expect(page.locator(".personalization-state").first).to_contain_text("stopped by")
    with page.expect_navigation():
        page.get_by_role("button", name="Archive").click()
    page.goto(EXPERIMENTS)
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)


def test_the_form_is_filled_in_and_sent_by_keyboard_alone(opened):  # noqa: F811
    page = opened(EXPERIMENTS)
    page.keyboard.press("n")
    page.wait_for_url("**/experiments/new/")
    page.get_by_label("Name").focus()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Tab")
    page.keyboard.type("Does it help?")
    page.keyboard.press("Tab")
    page.keyboard.type("numbers")
    expect(page.get_by_label("Values")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.type("Products")
    page.keyboard.press("Tab")
    page.keyboard.type("4, 8")
    with page.expect_navigation():
        page.keyboard.press("Control+s")
    expect(page.locator("h1")).to_have_text("By keyboard")
    expect(page.locator("#plan ~ dl")).to_contain_text("Products in a row: 4")
    with page.expect_navigation():
        page.get_by_role("button", name="Archive").click()


@pytest.mark.parametrize(("viewport", "locale"), [(DESK, "en-GB"), (PHONE, "de-DE")], ids=["desk", "phone"])
@pytest.mark.parametrize("screen", ["", "new/", "holdout/?share=50", COFFEE])
def test_each_screen_of_experiments_is_clean_and_fits(opened, screen, locale, viewport):  # noqa: F811
    page = opened(EXPERIMENTS + ("" if screen == COFFEE else screen), viewport, locale=locale)
    if screen == COFFEE:
        page.get_by_role("link", name=COFFEE, exact=True).click()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    found = Axe().run(page, context=".personalization-console", options={"iframes": False})
    assert found.violations_count == 0, found.generate_report()
    name = {"": "list", "new/": "form", COFFEE: "plan"}.get(screen, "holdout")
    page.screenshot(path=SCREENSHOTS / f"experiments-{name}-{locale[:2]}-{viewport['width']}.png", full_page=True)
