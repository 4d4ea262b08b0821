"""Two people and one household: invited, joined, seen at home, left; on a phone, by keyboard, without scripts."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW

PAGE, PASSWORD, NEWCOMER = "/personalization/privacy/", "demo", "newcomer@example.com"
TOGETHER = '[data-row="buy_again"]'


@pytest.fixture(scope="module")
def buyer(demo):
    """(the address of the demo's customer who ordered most, the titles of what they bought)"""
    with closing(sqlite3.connect(f"file:{next(demo.data.glob('*.sqlite3'))}?mode=ro", uri=True)) as tables:
        key, email = tables.execute(
            "SELECT u.id, u.email FROM auth_user u JOIN order_order o ON o.user_id = u.id"
            " GROUP BY u.id ORDER BY count(*) DESC LIMIT 1"
        ).fetchone()
        lines = "SELECT DISTINCT l.title FROM order_line l JOIN order_order o ON o.id = l.order_id WHERE o.user_id = ?"
        return email, {title for (title,) in tables.execute(lines, [key])}


def sign_in(page, shop, email):
    page.goto(f"{shop}/accounts/login/")
    page.fill("[name=login-username]", email)
    page.fill("[name=login-password]", PASSWORD)
    page.locator("[name=login_submit]").click()
    page.wait_for_load_state()


def agree(page, shop):
    page.goto(shop + PAGE)
    button = page.get_by_role("button", name=re.compile("^(Agree|Turn on|Switch on)"))
    if button.count():
        button.first.click()
        page.wait_for_load_state()


def press_until(page, name, key="Tab"):
    """Moves the focus to the button of this name by keyboard, and presses it."""
    wanted = page.get_by_role("button", name=name)
    for _ in range(80):
        page.keyboard.press(key)
        if wanted.evaluate("button => button === document.activeElement"):
            break
    assert wanted.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_load_state()


def is_wider_than_the_screen(page):
    return page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


@pytest.mark.parametrize("scripts", [True, False])
def test_invited_joined_seen_at_home_and_gone_after_leaving(browser_of, shop, buyer, shot, scripts):
    email, bought = buyer
    first = browser_of(agreed=False, java_script_enabled=scripts).new_page()
    sign_in(first, shop, email)
    first.goto(shop + PAGE)
    first.get_by_role("button", name="Make an invitation").click()
    first.wait_for_load_state()
    address = first.get_by_label("Address", exact=True).input_value()
    shot(first, "household-invitation")

    second = browser_of(agreed=False, viewport=NARROW, java_script_enabled=scripts).new_page()
    second.goto(address)
    expect(second.get_by_text("Sign in to decide.")).to_be_visible()
    sign_in(second, shop, NEWCOMER)
    agree(second, shop)
    second.goto(shop)
    expect(second.locator(TOGETHER)).to_have_count(0)
    second.goto(address)
    expect(second.get_by_text("never who bought it")).to_be_visible()
    assert not is_wider_than_the_screen(second)
    shot(second, "household-join-360")
    if scripts:
        press_until(second, "Yes, join")
    else:
        second.get_by_role("button", name="Yes, join").click()
        second.wait_for_load_state()
    expect(second.get_by_text("You are in a household of 2 since")).to_be_visible()
    assert not is_wider_than_the_screen(second)
    second.locator("#household").scroll_into_view_if_needed()
    shot(second, "household-privacy-360")

    second.goto(shop)
    row = second.locator(TOGETHER)
    expect(row.get_by_role("heading", name="Bought in your household")).to_be_visible()
    titles = set(row.locator("h3 a").all_inner_texts())
    assert titles and titles <= bought
    words = second.locator("#content_inner").inner_text()
    assert not re.search("You bought|Last bought", words) and email not in second.content()
    shot(second, "household-home-360")

    second.goto(shop + PAGE)
    if scripts:
        press_until(second, "Leave the household")
    else:
        second.get_by_role("button", name="Leave the household").click()
        second.wait_for_load_state()
    expect(second.get_by_text("You have left your household.")).to_be_visible()
    second.goto(shop)
    expect(second.locator(TOGETHER)).to_have_count(0)
    assert "ousehold" not in second.locator("#content_inner").inner_text()
    first.goto(shop + PAGE)
    expect(first.get_by_text("You are in a household of")).to_have_count(0)
