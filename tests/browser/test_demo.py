"""The demo as README starts it, seen through Chromium."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW, WIDE

MISSPELT = {
    "mlik": "milk",
    "bred": "bread",
    "icecream": "ice cream",
    "dogfood": "dog food",
    "choclate": "chocolate",
    "yoghurt": "yogurt",
    "chese": "cheese",
}
SENSITIVE_PRODUCTS = """
SELECT held.product_id FROM catalogue_productcategory held
JOIN catalogue_category inner_one ON inner_one.id = held.category_id
JOIN catalogue_category outer_one ON inner_one.path LIKE outer_one.path || '%'
JOIN personalization_sensitivecategory flagged ON flagged.category_id = outer_one.id
"""


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
    assert min(len(first), len(second)) >= 3
    assert first[0][2] != second[0][2]
    assert len(set(first[0][2]) - set(second[0][2])) >= 3
    assert all(why for _, why, _ in first + second)
    learned = [products for title, _, products in first + second if title != "Pick up where you left off"]
    assert all(len(products) >= 3 for products in learned)
    reasons = page.locator(".personalization-row--personal .personalization-row__reason").all_inner_texts()
    assert any(re.fullmatch(r"Last bought [\w ]+", reason) for reason in reasons)


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
    with page.expect_navigation():  # what the browser answered long ago is no answer of the account's
        page.get_by_role("button", name="Agree").click()
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
    bought = "SELECT count(*) FROM personalization_ordervisitor o JOIN personalization_visitor v ON v.id = o.visitor_id"
    by_newcomer = f"{bought} JOIN auth_user u ON u.id = v.user_id WHERE u.email = 'newcomer@shop.example'"
    with closing(sqlite3.connect(f"file:{demo.data / 'shop.sqlite3'}?mode=ro", uri=True)) as base:
        ((orders,),) = base.execute(by_newcomer).fetchall()
    assert orders == 1


LISTS = ["/catalogue/", "/catalogue/category/dairy-eggs/milk-cream/white-milk_3/", "/search/?q=milk"]


@pytest.mark.parametrize("path", LISTS, ids=["catalogue", "category", "search"])
def test_on_a_phone_the_categories_are_folded_above_the_products(browser_of, shop, shot, path):
    page = browser_of(viewport=NARROW).new_page()
    page.goto(shop + path)
    shot(page, f"list-phone-{LISTS.index(path)}")
    categories = page.locator(".shop-categories a")
    assert categories.count() > 3
    expect(categories.first).to_be_hidden()
    assert page.locator("ol .product_pod").first.bounding_box()["y"] < 2 * NARROW["height"]
    page.locator(".shop-categories summary").click()
    expect(categories.first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


@pytest.mark.parametrize("path", LISTS, ids=["catalogue", "category", "search"])
def test_on_a_desk_the_categories_stand_beside_the_products(browser_of, shop, shot, path):
    page = browser_of(viewport=WIDE).new_page()
    page.goto(shop + path)
    shot(page, f"list-desk-{LISTS.index(path)}")
    for category in page.locator(".shop-categories a").all():
        expect(category).to_be_visible()
    assert len(page.content()) < 120_000
    sidebar = page.locator("aside.sidebar").inner_text()
    assert not re.search("groceri|None|Refine", sidebar)


def test_the_categories_of_a_search_lead_on(browser_of, shop):
    page = browser_of().new_page()
    page.goto(f"{shop}/search/?q=milk")
    page.locator(".shop-categories").get_by_role("link", name="Milk & cream").click()
    expect(page.locator("h1")).to_have_text("Milk & cream")
    expect(page.locator(".shop-categories [aria-current]")).to_have_text("Milk & cream")


@pytest.mark.parametrize("query", MISSPELT)
def test_a_misspelt_search_leads_to_what_was_meant(browser_of, shop, query):
    page = browser_of().new_page()
    page.goto(f"{shop}/search/?q={query}")
    expect(page.locator(".personalization-spelling strong")).to_have_text(MISSPELT[query])
    first = page.locator("ol .product_pod h3 a").evaluate_all("links => links.slice(0, 4).map(link => link.title)")
    assert first
    assert all(MISSPELT[query].split()[0] in title.lower() for title in first)


@pytest.mark.parametrize("path", ["/", *LISTS, "/catalogue/white-milk-own-brand_1/", "/basket/", "/storefront/"])
def test_prices_read_as_in_a_shop_that_sells_in_dollars(browser_of, shop, path):
    page = browser_of().new_page()
    page.goto(shop + path)
    expect(page.locator("body")).to_contain_text(re.compile(r"\$\d+\.\d\d"))
    assert "US$" not in page.content()


def test_nobody_is_shown_what_says_too_much_of_them(browser_of, shop, view_as, demo):
    page = browser_of().new_page()
    page.goto(shop)
    with closing(sqlite3.connect(f"file:{demo.data / 'shop.sqlite3'}?mode=ro", uri=True)) as base:
        sensitive = {str(key) for (key,) in base.execute(SENSITIVE_PRODUCTS)}
    assert len(sensitive) > 30
    for number in range(7):
        view_as(page, number)
        shown = page.locator("[data-product]").evaluate_all("cards => cards.map(card => card.dataset.product)")
        assert shown
        assert sensitive.isdisjoint(shown)
