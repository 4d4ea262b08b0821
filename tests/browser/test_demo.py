"""The demo as README starts it, seen through Chromium."""

import re
import sqlite3
from contextlib import closing

from playwright.sync_api import expect

from tests.browser.conftest import NARROW


def rows(page) -> list[tuple[str, str, list[str]]]:
    """(title, why, products) of each row."""
    return [
        (
            row.locator("h2").inner_text(),
            row.locator(".personalization-row__explanation").inner_text(),
            [card.get_attribute("title") for card in row.locator("h3 a").all()],
        )
        for row in page.locator("section.personalization-row").all()
    ]


def test_two_households_see_different_first_rows_each_with_a_reason(page_of, view_as, shot):
    page = page_of()
    first_person = view_as(page, 0)
    shot(page, "home-first-household")
    shot(page, "readme", clip={"x": 0, "y": 0, "width": 1440, "height": 1130})
    first = rows(page)
    second_person = view_as(page, 1)
    shot(page, "home-second-household")
    second = rows(page)
    assert first_person != second_person
    assert len(first) == len(second) == 6
    assert first[0][2] != second[0][2]
    assert len(set(first[0][2]) - set(second[0][2])) >= 3
    assert all(why for _, why, _ in first + second)
    assert all(len(products) == 6 for _, _, products in first + second)
    reasons = page.locator(".personalization-row--personal .personalization-row__reason").all_inner_texts()
    assert any(re.fullmatch(r"You bought it \d+ times, most recently on \d+ \w+ \d{4}", reason) for reason in reasons)


def test_an_anonymous_visitor_sees_honest_bestsellers(page_of, shot):
    page = page_of()
    shot(page, "home-anonymous")
    assert rows(page)[0][0] == "Bestsellers"
    expect(page.locator(".personalization-row--personal")).to_have_count(0)
    assert "For you" not in page.content()


def test_the_page_is_the_same_without_javascript(page_of):
    assert rows(page_of(javascript=False)) == rows(page_of())


def test_a_phone_shows_the_page_without_scrolling_sideways(page_of, view_as, shot):
    page = page_of(NARROW)
    view_as(page, 0)
    shot(page, "home-first-household-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    strip = page.locator(".personalization-row__items").first
    assert strip.evaluate("strip => strip.scrollWidth > strip.clientWidth")


def test_every_picture_is_there_with_words_for_those_who_do_not_see_it(page_of):
    page = page_of()
    page.locator("footer").scroll_into_view_if_needed()
    broken = page.evaluate("[...document.images].filter(image => image.complete && !image.naturalWidth).length")
    assert broken == 0
    assert all(image.get_attribute("alt") for image in page.locator(".personalization-row img").all())


def test_the_keyboard_reaches_every_card_and_shows_where_it_is(page_of):
    page = page_of()
    first = page.locator(".personalization-row h3 a").first
    first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert first.evaluate("link => link === document.activeElement")
    assert first.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"


def test_what_is_put_into_the_basket_leaves_the_page(page_of):
    page = page_of()
    wanted = rows(page)[0][2][0]
    page.locator(".personalization-row form button").first.click()
    page.locator(".personalization-stepper").wait_for()
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + "/")
    assert wanted not in rows(page)[0][2]


def test_a_newcomer_registers_and_buys_and_the_next_page_knows(browser_of, shop, demo):
    page = browser_of().new_page()
    page.goto(f"{shop}/accounts/login/")
    form = page.locator("#register_form")
    form.locator("[name=registration-email]").fill("newcomer@shop.example")
    for field in ("registration-password1", "registration-password2"):
        form.locator(f"[name={field}]").fill("Milk-and-9-eggs")
    form.locator("button[type=submit]").click()
    expect(page.get_by_role("link", name="Logout")).to_be_visible()
    page.goto(f"{shop}/search/?q=milk")
    page.locator(".product_pod h3 a").first.click()
    title = page.locator(".product_main h1").inner_text()
    page.locator("#add_to_basket_form button[type=submit]").click()
    page.goto(f"{shop}/checkout/")
    address = {"first_name": "Ann", "last_name": "Lee", "line1": "1 Road", "line4": "Atlanta", "postcode": "30301"}
    for field, value in address.items():
        page.locator(f"#new_shipping_address [name={field}]").fill(value)
    page.locator("#new_shipping_address button[type=submit]").click()
    page.locator("#view_preview").click()
    page.locator("#place-order").click()
    page.wait_for_url("**/checkout/thank-you/")
    page.goto(shop)
    expect(page.locator('[data-row^="because_you_bought"] h2')).to_have_text(f"Because you bought {title}")
    assert len(list((demo.data / "mail").iterdir())) >= 2
    with closing(sqlite3.connect(f"file:{demo.data / 'shop.sqlite3'}?mode=ro", uri=True)) as base:
        ((orders,),) = base.execute("SELECT count(*) FROM personalization_ordervisitor").fetchall()
    assert orders == 1
