"""A draft tried on past orders, in Chromium: while it is written, with a script and without one."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.test_merchandiser import (
    CONSOLE,
    DESK,
    PHONE,
    opened,  # noqa: F401 - a fixture
)

NEW = CONSOLE + "campaigns/new/?template=new"
TRIED = re.compile(r"Tried on [\d,]+ of [\d,]+ orders of the last 28 days")
SENTENCE = re.compile(r"On [\d,]+ pages of [\d,]+ customers: [\d,]+ products would have moved\.")


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"])
def test_a_campaign_is_tried_where_it_is_written(opened, viewport, javascript):  # noqa: F811
    page = opened(NEW, viewport, javascript=javascript)
    page.fill("#id_name", "New products first")
    page.get_by_role("button", name="Try it", exact=True).click()
    result = page.locator("#past")
    expect(result).to_contain_text(TRIED, timeout=30_000)
    expect(result).to_contain_text(SENTENCE)
    expect(page.locator("#id_name")).to_have_value("New products first")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    if javascript:
        page.locator("#past summary").click()
        expect(result.get_by_text("Only an experiment can tell that.")).to_be_visible()
        found = Axe().run(page, context="section[aria-labelledby=past-title]")
        assert not found.response["violations"], found.generate_report()


def test_settings_of_a_row_are_tried_where_they_are_written(opened):  # noqa: F811
    page = opened(CONSOLE + "rows/home/bestsellers/")
    page.locator("[name=shown]").uncheck()
    page.get_by_role("button", name="Try it", exact=True).click()
    expect(page.locator("#past")).to_contain_text(re.compile("[1-9][0-9]* products? would have moved"), timeout=30_000)
