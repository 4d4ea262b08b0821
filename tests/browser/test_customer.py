"""One customer in Chromium: found, opened for a reason, looked through, downloaded and forgotten."""

import json
import re
import sqlite3
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import SCREENSHOTS

CONSOLE = "/dashboard/personalization/"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
REASON = "Asked by letter of 3 May"


@pytest.fixture
def signed_in(chromium, shop):
    """A fresh browser of the shop's owner: signed_in(viewport, locale, javascript)."""
    contexts = []

    def page_of_owner(viewport=DESK, locale="en-GB", javascript=True):
        contexts.append(
            chromium.new_context(viewport=viewport, base_url=shop, locale=locale, java_script_enabled=javascript)
        )
        page = contexts[-1].new_page()
        page.goto(f"/dashboard/login/?next={CONSOLE}")
        page.fill("#id_username", "admin@example.com")
        page.fill("#id_password", "demo")
        with page.expect_navigation():
            page.press("#id_password", "Enter")
        return page

    yield page_of_owner
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def households(demo):
    """(number, name) of customers who allow a profile, those with the most orders first."""
    query = (
        "SELECT u.id, u.first_name || ' ' || u.last_name FROM auth_user u"
        " JOIN personalization_visitor v ON v.user_id = u.id AND v.consent = 'granted'"
        " JOIN personalization_customerfacts f ON f.user_id = u.id ORDER BY f.kept_orders DESC, u.id"
    )
    with sqlite3.connect(f"file:{demo.data / 'shop.sqlite3'}?mode=ro", uri=True) as database:
        return [(key, name.strip()) for key, name in database.execute(query)]


def open_customer(page, key):
    """The page of a customer, whether a reason was given before or not."""
    page.goto(f"{CONSOLE}customer/{key}/")
    if page.locator("#id_reason").count():
        page.fill("#id_reason", REASON)
        with page.expect_navigation():
            page.press("#id_reason", "Enter")


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_customer_is_found_by_name_and_looked_through(signed_in, households, viewport):
    key, name = households[0]
    page = signed_in(viewport)
    page.goto(CONSOLE + "consent/")
    page.get_by_label("Customer's name, e-mail address or number").fill(name)
    page.get_by_label("Reason", exact=True).fill(REASON)
    page.get_by_role("button", name="Open the customer").click()
    if page.get_by_text("Who is meant?").count():
        page.locator(f'form[action$="customer/{key}/"] button').click()
    expect(page.locator("h1")).to_have_text(f"Customer {key}")
    expect(page.get_by_text(f"Opened for: {REASON}. This is in the audit.")).to_be_visible()
    expect(page.locator("dl").first).to_contain_text("about every")
    expect(page.locator("section[aria-labelledby=expected]")).to_contain_text("Expected in 90 days")
    expect(page.locator("section[aria-labelledby=segments]")).to_contain_text("customers who")
    timeline = page.locator("#customer-timeline")
    expect(timeline.locator("tbody tr")).to_have_count(20)
    timeline.get_by_label("Show").select_option("answers")
    expect(timeline).to_contain_text("Nothing of this kind.")
    timeline.get_by_label("Show").select_option("orders")
    timeline.get_by_role("link", name="Show the last 200").click()
    expect(page.locator("h1")).to_have_text(f"Customer {key}: Timeline")
    expect(page.locator("tbody tr").nth(20)).to_be_visible()  # a count would not wait for the whole page
    page.goto(CONSOLE + "audit/?action=customer")
    expect(page.locator("tbody tr").first).to_contain_text(REASON)


def test_the_preview_is_of_this_customer(signed_in, households):
    key, _name = households[0]
    page = signed_in()
    open_customer(page, key)
    page.get_by_role("link", name="Preview the shop as this customer").click()
    expect(page.locator("iframe")).to_have_count(1)
    assert "@" not in page.url


def test_everything_is_reached_without_javascript(signed_in, households):
    key, _name = households[1]
    page = signed_in(javascript=False)
    open_customer(page, key)
    page.get_by_role("link", name="Show their segments").click()
    expect(page.locator("h1")).to_have_text(f"Customer {key}: Segments")
    page.get_by_role("link", name=f"Customer {key}").click()
    page.get_by_role("link", name="Show the timeline").click()
    page.get_by_label("Show").select_option("orders")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr").nth(20)).to_be_visible()  # a count would not wait for the whole page


def test_a_customer_is_downloaded_and_forgotten_by_keyboard(signed_in, households):
    key, _name = households[-1]
    page = signed_in()
    open_customer(page, key)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download their data").press("Enter")
    data = json.loads(Path(download.value.path()).read_text())
    assert data["tables"]["personalization.Visitor"][0]["user_id"] == key
    page.get_by_role("link", name="Forget this customer").press("Enter")
    expect(page.locator("h1")).to_have_text(f"Forget customer {key}?")
    with page.expect_navigation():
        page.get_by_role("button", name="Forget everything").press("Enter")
    expect(page.locator(".alert-success")).to_contain_text(f"What was stored of customer {key} is deleted.")
    open_customer(page, key)
    expect(page.locator(".personalization-warning")).to_have_text("This customer allows no profile. Orders only.")
    page.goto(CONSOLE + "audit/?action=erase")
    expect(page.locator("tbody tr").first).to_contain_text("gone")


@pytest.mark.parametrize(("viewport", "locale"), [(DESK, "en-GB"), (PHONE, "de-DE")], ids=["desk", "phone"])
def test_each_page_of_a_customer_is_clean_and_fits(signed_in, households, locale, viewport):
    key, _name = households[2]
    page = signed_in(viewport, locale)
    open_customer(page, key)
    never_opened = households[3 + 2 * (locale == "de-DE") + (viewport == PHONE)][0]
    pages = ("", "segments/", "timeline/", "erase/")
    for path in ("consent/", f"customer/{never_opened}/", *(f"customer/{key}/{part}" for part in pages)):
        page.goto(CONSOLE + path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        found = Axe().run(page, context=".personalization-console").response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []
        small = page.locator(".personalization-console .btn:visible").evaluate_all(
            "buttons => buttons.filter(one => one.getBoundingClientRect().height < 44).map(one => one.outerHTML)"
        )
        assert viewport == DESK or small == []
        name = re.sub(r"\d+", "one", path).strip("/").replace("/", "-")
        page.screenshot(path=SCREENSHOTS / f"console-{name}-{locale[:2]}-{viewport['width']}.png", full_page=True)
