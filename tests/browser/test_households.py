"""Two people and one household: invited, joined, seen at home, left; on a phone, by keyboard, without scripts."""

import re

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import CHROMIUM, NARROW, SHOPPER, WIDE
from tests.shops import factories

PAGE = "/personalization/privacy/"
TOGETHER = '[data-row="buy_again"]'


@pytest.fixture
def two_people(trained, live_server, browser_is_here, monkeypatch):
    """(the page of who buys odd products, the page of a newcomer, the titles of the odd products), of a small shop that
    learned. Made before Playwright, while which Django asks no database here."""
    monkeypatch.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", True)
    users, products = trained
    titles, host = {product.title for product in products[1::2]}, live_server.url
    sessions = [session_of(users[1]), session_of(factories.create_customer("newcomer"))]

    def open_pages(*, scripts):
        for value, size in zip(sessions, (WIDE, NARROW), strict=True):
            options = {"viewport": size, "user_agent": SHOPPER, "java_script_enabled": scripts, "base_url": host}
            context = browser.new_context(**options)
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": host}])
            yield context.new_page()

    with sync_playwright() as playwright:
        expect.set_options(timeout=30_000)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield lambda **how: (*open_pages(**how), titles)
        browser.close()


def session_of(user):
    browser = Client()
    browser.force_login(user)
    return browser.session.session_key


def press(page, name, *, by_keyboard):
    """Presses the button of this name, by keyboard with a focus that can be seen."""
    wanted = page.get_by_role("button", name=name)
    for _ in range(120 if by_keyboard else 0):
        page.keyboard.press("Tab")
        if wanted.evaluate("button => button === document.activeElement"):
            break
    if by_keyboard:
        assert wanted.evaluate("button => button === document.activeElement")
        assert wanted.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    with page.expect_navigation(timeout=60_000):
        page.keyboard.press("Enter") if by_keyboard else wanted.click()


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scripts", [True, False])
def test_invited_joined_seen_at_home_and_gone_after_leaving(two_people, shot, scripts):
    first, second, bought = two_people(scripts=scripts)
    second.goto("/")
    expect(second.locator(TOGETHER)).to_have_count(0)
    first.goto(PAGE)
    press(first, "Make an invitation", by_keyboard=scripts)
    address = first.get_by_label("Address", exact=True).input_value()
    shot(first, "household-invitation")

    second.goto(address)
    expect(second.get_by_text("never who bought it")).to_be_visible()
    assert fits(second)
    shot(second, "household-join-360")
    press(second, "Yes, join", by_keyboard=scripts)
    expect(second.get_by_text("You are in a household of 2 since")).to_be_visible()
    assert fits(second)
    shot(second, "household-privacy-360")
    first.goto(PAGE)
    expect(first.get_by_text("You are in a household of 2 since")).to_be_visible()
    shot(first, "household-privacy")

    second.goto("/")
    row = second.locator(TOGETHER)
    expect(row.get_by_role("heading", name="For your household")).to_be_visible()
    titles = set(row.locator("h3 a").all_inner_texts())
    assert titles and titles <= bought
    words = second.locator("#content_inner").inner_text()
    assert not re.search("You bought|Last bought|customer1", words) and fits(second)
    shot(second, "household-home-360")

    second.goto(PAGE)
    press(second, "Leave the household", by_keyboard=scripts)
    expect(second.get_by_text("You have left your household.")).to_be_visible()
    second.goto("/")
    expect(second.locator(TOGETHER)).to_have_count(0)
    assert "ousehold" not in second.locator("#content_inner").inner_text()
    first.goto(PAGE)
    expect(first.get_by_text("You are in a household of")).to_have_count(0)
