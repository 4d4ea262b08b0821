"""A message in Chromium, from the draft over the preview and a test to oneself to publishing and pausing it."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_merchandiser import DESK, PHONE, opened  # noqa: F401 - opened is a fixture

MESSAGES = "/dashboard/personalization/messages/"


def mails(demo):
    """The texts of all mails that the shop sent."""
    return [path.read_text() for path in sorted((demo.data / "mail").glob("*"))]


def fits(page):
    """Whether nothing is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_message_is_drafted_previewed_tried_published_and_paused(opened, demo):  # noqa: F811
    page = opened(MESSAGES + "new/?kind=back_in_stock")
    page.get_by_label("Name", exact=True).fill("It is back")
    page.get_by_label("Subject", exact=True).first.fill("{product} is here again")
    page.get_by_label("Opening", exact=True).first.fill("Good news.")
    expect(page.locator("#mail")).to_contain_text("is here again")
    expect(page.locator("#mail")).to_contain_text("An example: what it is about is made up.")
    expect(page.frame_locator("#mail iframe").get_by_text("Good news.")).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "message-form.png", full_page=True)
    assert (
        fits(page)
        and [one["id"] for one in Axe().run(page, context=".personalization-console").response["violations"]] == []
    )
    page.get_by_label("Language", exact=True).select_option("de")
    expect(page.frame_locator("#mail iframe").get_by_text("Im Shop ansehen")).to_be_visible()
    page.get_by_label("Language", exact=True).select_option("")
    before = len(mails(demo))
    page.get_by_role("button", name="Send me a test").click()
    expect(page.locator("#mail")).to_contain_text("A test was sent to admin@example.com.")
    (test,) = mails(demo)[before:]
    assert "To: admin@example.com" in test and "Subject: Test: " in test
    page.get_by_label("Subject", exact=True).first.fill("{nobody} is here again")
    expect(page.locator("#mail")).to_contain_text("Possible here: {product} {shop}")
    page.get_by_label("Subject", exact=True).first.fill("{product} is here again")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator("body")).to_contain_text("The draft of “It is back” is saved.")
    page.get_by_role("link", name=re.compile("^Publish")).first.click()
    page.screenshot(path=SCREENSHOTS / "message-publish.png", full_page=True)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_role("heading", name="Back in stock is sent")).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "messages.png", full_page=True)
    assert [one["id"] for one in Axe().run(page, context=".personalization-console").response["violations"]] == []
    page.get_by_role("button", name=re.compile("^Pause.*It is back$")).click()
    expect(page.get_by_role("heading", name="Back in stock off")).to_be_visible()


def test_the_screens_fit_a_phone_and_work_without_a_script(opened):  # noqa: F811
    page = opened(MESSAGES, PHONE, javascript=False)
    assert fits(page)
    page.screenshot(path=SCREENSHOTS / "messages-phone.png", full_page=True)
    page.goto(MESSAGES + "new/?kind=back_in_stock")
    assert fits(page)
    page.get_by_label("Name", exact=True).fill("On a phone")
    page.screenshot(path=SCREENSHOTS / "message-form-phone.png", full_page=True)
    page.get_by_role("button", name="Show the mail").click()
    expect(page.frame_locator("iframe").get_by_role("link", name="No more messages like this")).to_be_visible()
    assert fits(page)
    page.screenshot(path=SCREENSHOTS / "message-mail-phone.png", full_page=True)
