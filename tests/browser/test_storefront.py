"""The example storefront in Chromium: a page whose rows come from the API only."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW, WIDE, products

ROW = "main section"
API = "**/personalization/api/v1/**"
on_both = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["desk", "phone"])
SHIFTS = """
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted = (window.shifted ?? 0) + entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def storefront(browser_of, shop):
    """A fresh browser's page there, with its rows: storefront(path="", viewport=WIDE, agreed=False)."""

    def opened(path="", viewport=WIDE, agreed=False, **more):
        page = browser_of(agreed=agreed, viewport=viewport, **more).new_page()
        page.faults = []
        page.on("pageerror", lambda fault: page.faults.append(str(fault)))
        page.add_init_script(SHIFTS)
        page.goto(f"{shop}/storefront/{path}")
        expect(page.locator(".card").first).to_be_visible()
        return page

    return opened


def rows(page, part=ROW):
    """The products of each row by its code, as they stand there."""
    return [(row.get_attribute("data-row"), products(row)) for row in page.locator(part).all()]


def is_focused(page, text):
    """Waits until the heading says that and has the focus."""
    expect(page.locator("h1")).to_have_text(text)
    expect(page.locator("h1")).to_be_focused()


@on_both
def test_a_stranger_sees_the_shops_rows_with_their_reasons(storefront, shot, viewport):
    page = storefront(viewport=viewport)
    assert page.locator("h2:visible").all_inner_texts()[1:4] == ["Bestsellers", "Trending this week", "New in"]
    for row in page.locator(ROW).all():
        heading = row.locator("h2")
        expect(page.get_by_role("region", name=heading.inner_text(), exact=True)).to_have_count(1)
        assert row.get_by_role("list").get_by_role("listitem").count() == row.locator(".card").count()
    card = page.locator(".card").first
    expect(card.locator(".price")).to_have_text(re.compile(r"^\$\d+\.\d\d$"))
    expect(card.locator(".why")).to_have_text(re.compile(r"^Bought by \d+ customers in 28 days$"))
    expect(page.locator("[data-said]")).to_be_empty()
    expect(page.get_by_role("navigation").get_by_role("link").first).to_be_visible()
    shot(page, f"storefront-home-{viewport['width']}", full_page=False)
    assert page.faults == []


@on_both
def test_the_head_leads_to_the_shops_search_and_categories(storefront, viewport):
    page = storefront(viewport=viewport)
    places = page.get_by_role("navigation").get_by_role("link")
    expect(places.last).to_have_text("All products")
    assert places.count() <= 10
    page.get_by_role("searchbox", name="Search").fill("mlik")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/search/?q=mlik")
    expect(page.locator(".personalization-spelling strong")).to_have_text("milk")


@pytest.mark.parametrize("person", [0, 1])
def test_a_customer_sees_what_the_template_shows(browser_of, shop, view_as, person):
    page = browser_of(agreed=False).new_page()
    page.goto(shop)
    view_as(page, person)
    template = rows(page, ".personalization-row")
    page.goto(f"{shop}/storefront/")
    expect(page.locator(".card").first).to_be_visible()
    assert rows(page) == template
    assert page.locator('[data-personal="true"]').count() > 0


def test_a_product_has_what_its_card_said_also_after_a_reload_and_back_leads_back(storefront, shop, shot):
    page = storefront()
    card = page.locator(".card").nth(6)
    card.scroll_into_view_if_needed()
    name, key, price = card.locator("h3").inner_text(), products(page)[6], card.locator(".price").inner_text()
    height = page.evaluate("scrollY")
    assert height > 0
    card.locator("h3 a").click()
    is_focused(page, name)
    assert page.url == f"{shop}/storefront/#/product/{key}"
    assert page.title() == f"{name} | Storefront"
    expect(page.locator(f"{ROW} h2").last).to_have_text("Bestsellers")
    assert key not in products(page)
    shot(page, "storefront-product")
    page.reload()
    expect(page.locator("h1")).to_have_text(name)
    expect(page.locator(".product .price")).to_have_text(price)
    page.go_back()
    is_focused(page, "Welcome")
    expect(page.locator(".card").nth(6).locator("h3")).to_have_text(name)
    page.wait_for_function("height => scrollY === height", arg=height)
    page.go_forward()
    is_focused(page, name)
    assert page.faults == []


def test_who_comes_by_an_address_finds_the_product_in_the_shop(storefront, shop):
    page = storefront("#/product/3")
    expect(page.locator("h1")).to_have_text("Product 3")
    page.get_by_role("link", name="View it in the shop").click()
    page.wait_for_url(re.compile(r"/catalogue/[\w-]+_3/$"))


def test_a_product_that_is_not_there_is_said_to_be_so(browser_of, shop):
    page = browser_of(agreed=False).new_page()
    page.goto(f"{shop}/storefront/#/product/999999")
    expect(page.locator("[data-said]")).to_have_text(re.compile("999999"))
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_what_is_put_into_the_basket_changes_the_baskets_rows(storefront, shop, shot):
    page = storefront("#/basket")
    before, card = products(page), page.locator(".card").first
    name = card.locator("h3").inner_text()
    card.get_by_role("button", name="Add to basket").click()
    expect(page.locator("[data-said]")).to_have_text(f"{name} was added to your basket.")
    is_focused(page, "Basket")
    expect(page.locator(f'[data-product="{before[0]}"]')).to_have_count(0)
    assert products(page) != before
    shot(page, "storefront-basket", full_page=False)
    page.get_by_role("link", name="View your basket and check out").click()
    page.wait_for_url("**/basket/")
    expect(page.locator("#basket_formset")).to_contain_text(name)


def test_what_oscar_does_not_put_into_the_basket_is_said(storefront):
    page = storefront()
    page.route(
        "**/basket/add/**", lambda route: route.fulfill(status=200, body="the product's own page, with a message")
    )
    page.get_by_role("button", name="Add to basket").first.click()
    expect(page.locator("[data-said]")).to_have_text("That did not work. Please try again.")


def test_after_agreeing_a_product_can_be_sent_away_and_taken_back(storefront, shot):
    page = storefront()
    expect(page.get_by_role("button", name="Not interested")).to_have_count(0)
    page.get_by_role("button", name="Agree", exact=True).click()
    is_focused(page, "Welcome")
    expect(page.get_by_role("region", name="May this shop remember")).to_have_count(0)
    first = page.locator(".card").first
    name, key = first.locator("h3").inner_text(), products(page)[0]
    first.get_by_role("button", name=f"Not interested in {name}").click()
    undo = first.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    expect(first).to_contain_text(f"We won't show {name} for a while.")
    expect(first.locator("h3")).to_have_count(0)
    shot(page, "storefront-not-interested", full_page=False)
    undo.click()
    expect(first.locator("h3")).to_have_text(name)
    expect(first.get_by_role("button", name="Not interested")).to_be_focused()
    page.reload()
    expect(page.locator(".card h3").first).to_have_text(name)
    first.get_by_role("button", name="Not interested").click()
    expect(undo).to_be_focused()
    page.reload()
    expect(page.locator(".card h3").first).not_to_have_text(name)
    assert key not in products(page)


def test_a_no_is_kept_and_can_be_changed(storefront):
    page = storefront()
    page.get_by_role("button", name="No, thanks").click()
    agree = page.get_by_role("button", name="Turn on")
    expect(agree).to_be_visible()
    page.reload()
    expect(agree).to_be_visible()
    expect(page.locator("#question")).to_be_hidden()
    agree.click()
    expect(page.get_by_role("button", name="Not interested").first).to_be_visible()
    page.get_by_role("button", name="Turn off").click()
    expect(agree).to_be_visible()
    expect(page.get_by_role("button", name="Not interested")).to_have_count(0)


def test_the_two_answers_look_alike(storefront):
    page = storefront()
    looks = """button => { const { width, height } = button.getBoundingClientRect(), style = getComputedStyle(button);
        return [width, height, style.color, style.backgroundColor, style.fontWeight, style.borderColor]; }"""
    yes, no = (page.locator(".question button").nth(number).evaluate(looks) for number in (0, 1))
    assert yes == no


def test_what_was_seen_and_clicked_is_reported_with_its_row(storefront, stored):
    page = storefront(agreed=True)
    first = rows(page)[0]
    seen = stored(4)
    assert {(event.type, event.row_key) for event in seen} == {("view_item_list", "bestsellers")}
    assert {tuple(place[:2]) for event in seen for place in event.items} <= {
        (key, at) for at, key in enumerate(first[1])
    }
    page.locator(".card h3 a").nth(2).click()
    expect(page.locator(".product")).to_be_visible()
    page.wait_for_timeout(1500)
    events = {event.type: event for event in stored(len(seen) + 2)}
    assert (events["select_item"].product_id, events["select_item"].row_key) == (first[1][2], "bestsellers")
    assert (events["view_item"].product_id, events["view_item"].row_key) == (first[1][2], "")


@pytest.mark.parametrize("headers", [{}, {"Sec-GPC": "1"}], ids=["nobody", "no-by-signal"])
def test_of_a_stranger_nothing_is_reported(storefront, headers):
    page = storefront(extra_http_headers=headers)
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/events/") else None)
    expect(page.locator("#question")).to_be_visible(visible=not headers)
    page.wait_for_timeout(1500)
    page.locator(".card h3 a").nth(2).click()
    expect(page.locator(".product")).to_be_visible()
    page.wait_for_timeout(2500)
    assert sent == []
    assert [one["name"] for one in page.context.cookies() if "personalization" in one["name"]] == []


def test_when_the_api_fails_the_page_says_so_and_can_be_asked_again(browser_of, shop, shot):
    page = browser_of(agreed=False).new_page()
    page.route(API, lambda route: route.abort())
    page.goto(f"{shop}/storefront/")
    expect(page.locator("main")).to_contain_text("The recommendations are not available at the moment.")
    expect(page.locator("[data-said]")).to_have_text("That did not work. Please try again.")
    shot(page, "storefront-failed", full_page=False)
    page.unroute(API)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".card").first).to_be_visible()
    expect(page.locator("[data-said]")).to_be_empty()


def test_what_becomes_of_a_page_that_was_left_before_it_came_is_not_said_on_the_next_one(storefront):
    page = storefront()
    held = []

    def hold(route):
        held.append(route)

    page.route("**/surfaces/basket/**", hold)
    page.get_by_role("link", name="Basket", exact=True).click()
    is_focused(page, "Basket")
    expect(page.locator("[data-said]")).to_have_text("Loading …")
    page.get_by_role("link", name="Corner Shop", exact=True).click()
    is_focused(page, "Welcome")
    expect(page.locator(".card").first).to_be_visible()
    (late,) = held
    late.abort()
    page.wait_for_timeout(300)
    expect(page.locator("[data-said]")).to_be_empty()
    assert page.faults == []


def test_with_the_keyboard_alone(storefront):
    page = storefront()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the products")).to_be_focused()
    page.keyboard.press("Enter")
    is_focused(page, "Welcome")
    page.keyboard.press("Tab")
    name = page.locator(".card h3").first.inner_text()
    expect(page.locator(".card h3 a").first).to_be_focused()
    page.keyboard.press("Enter")
    is_focused(page, name)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-said]")).to_have_text(f"{name} was added to your basket.")


def test_on_a_phone_half_a_card_shows_that_there_is_more_and_the_page_stays_in_its_place(storefront):
    page = storefront(viewport=NARROW)
    for row in page.locator(".cards:has(> :nth-child(2))").all():
        seen = row.evaluate("""row => {
            const { left, right } = row.getBoundingClientRect();
            return [...row.children].map(card => card.getBoundingClientRect()).map(
                card => Math.max(0, Math.min(card.right, right) - Math.max(card.left, left)) / card.width);
        }""")
        assert seen[0] == 1 and 0.3 < seen[1] < 0.7 and sum(seen[2:]) == 0
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
    assert page.locator(".cards").first.evaluate("row => getComputedStyle(row).scrollSnapType") == "inline mandatory"


@on_both
def test_nothing_moves_while_it_comes(storefront, viewport):
    page = storefront(viewport=viewport)
    expect(page.get_by_role("navigation").get_by_role("link").first).to_be_attached()
    for picture in page.locator(".card img").all():
        picture.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert page.evaluate("window.shifted ?? 0") < 0.02


@on_both
def test_everybody_can_read_and_use_it(storefront, viewport):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()

    def faults(page):
        found = axe.run(page).response["violations"]
        return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]

    page = storefront(viewport=viewport)
    assert faults(page) == []
    page.get_by_role("button", name="Agree", exact=True).click()
    page.get_by_role("button", name="Not interested").first.click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert faults(page) == []
    page.locator(".card h3 a").nth(2).click()
    expect(page.locator(".product + .rows .card").first).to_be_visible()
    assert faults(page) == []


def test_without_javascript_it_leads_to_the_shop(browser_of, shop):
    page = browser_of(agreed=False, java_script_enabled=False).new_page()
    page.goto(f"{shop}/storefront/")
    expect(page.locator(".plain")).to_contain_text("This page needs JavaScript.")
    page.locator(".plain a").click()
    page.wait_for_url(f"{shop}/")
    assert page.locator(".personalization-row").count() > 0
