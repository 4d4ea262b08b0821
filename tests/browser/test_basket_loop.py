"""Shopping from cards in Chromium: one keeps one's place, with JavaScript and without, in rows and in Oscar's lists."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW, WIDE
from tests.browser.test_basket import sold_out
from tests.browser.test_product import faults

ROW = '[data-row="trending"]'
"""A row of the home page far below its first screen."""
SEARCH = "/search/?q=milk"
on_both = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["desk", "phone"])


@pytest.fixture
def opened(browser_of, shop):
    """A page of the shop, scrolled to a card of it: opened(path, card selector, **what its context takes)."""

    def open_page(path="/", cards=f"{ROW} [data-product]", **more):
        page = browser_of(**more).new_page()
        page.goto(shop + path)
        page.evaluate("window.samePage = true")
        button = add_button(page.locator(cards).first)
        button.scroll_into_view_if_needed()
        return page

    return open_page


def add_button(card):
    return card.locator("form[action*='/basket/add/'] [type=submit]")


def cents(text):
    return int(re.search(r"([\d,]+\.\d\d)", text)[1].replace(",", "").replace(".", ""))


def header_total(page):
    return page.locator(".basket-mini, .btn-cart").locator("visible=true").inner_text()


def announced(page):
    return page.locator("[role=status].personalization-announcement")


def basket_lines(page, shop):
    """{title: quantity} of Oscar's own basket page."""
    other = page.context.new_page()
    other.goto(f"{shop}/basket/")
    lines = {
        line.locator("h3").inner_text(): int(line.locator("[name$=-quantity]").input_value())
        for line in other.locator("#basket_formset .basket-items").all()
    }
    other.close()
    return lines


@on_both
@pytest.mark.parametrize(
    ("path", "cards"),
    [("/", f"{ROW} [data-product]"), (SEARCH, ".product_pod"), ("/catalogue/", "section .product_pod")],
    ids=["row", "search", "catalogue"],
)
def test_adding_keeps_the_place_says_so_and_changes_the_total(opened, shop, viewport, path, cards):
    page = opened(path, cards, viewport=viewport)
    card = page.locator(cards).first
    title, price = card.locator("h3 a").get_attribute("title"), cents(card.locator(".price_color").inner_text())
    button = add_button(card)
    button.focus()
    before = page.evaluate("scrollY")
    others = page.locator(f"{cards} h3").all_inner_texts()
    page.keyboard.press("Enter")
    expect(card.locator(".personalization-stepper span")).to_have_text("1 in basket")
    assert page.evaluate("window.samePage")
    assert page.evaluate("scrollY") == before
    assert page.locator(f"{cards} h3").all_inner_texts() == others
    assert button.evaluate("button => button === document.activeElement")
    expect(announced(page)).to_contain_text(f"{title} has been added to your basket. 1 in basket. Basket total: ")
    assert cents(announced(page).inner_text()) == price
    assert cents(header_total(page)) == price
    assert basket_lines(page, shop) == {title: 1}


def test_the_stepper_changes_the_quantity_by_keyboard_alone(opened, shop):
    page = opened()
    card = page.locator(f"{ROW} [data-product]").first
    title, price = card.locator("h3").inner_text(), cents(card.locator(".price_color").inner_text())
    count = card.locator(".personalization-stepper span")
    button = add_button(card)
    button.focus()
    for quantity in ("1 in basket", "2 in basket", "3 in basket"):
        page.keyboard.press("Enter")
        expect(count).to_have_text(quantity)
    assert button.get_attribute("aria-label") == f"Add one more: {title}"
    page.keyboard.press("Shift+Tab")
    minus = card.get_by_role("button", name=f"Take one out of the basket: {title}")
    assert minus.evaluate("button => button === document.activeElement")
    page.keyboard.press("Enter")
    expect(count).to_have_text("2 in basket")
    expect(announced(page)).to_contain_text("2 in basket. Basket total: ")
    assert cents(header_total(page)) == 2 * price
    assert basket_lines(page, shop) == {title: 2}
    page.keyboard.press("Enter")
    expect(count).to_have_text("1 in basket")
    page.keyboard.press("Enter")
    expect(button).to_have_text("Add to basket")
    expect(count).to_have_count(0)
    assert button.evaluate("button => button === document.activeElement")
    expect(announced(page)).to_contain_text("Removed from the basket. Basket total: ")
    assert cents(header_total(page)) == 0
    assert basket_lines(page, shop) == {}


def test_quick_clicks_all_count(opened, shop):
    page = opened()
    card = page.locator(f"{ROW} [data-product]").first
    for _ in range(4):
        add_button(card).click(no_wait_after=True)
    expect(card.locator(".personalization-stepper span")).to_have_text("4 in basket")
    assert list(basket_lines(page, shop).values()) == [4]


@pytest.mark.parametrize(("path", "cards"), [("/", f"{ROW} [data-product]"), (SEARCH, ".product_pod:has(form)")])
def test_what_sold_out_meanwhile_is_said_beside_the_button(opened, demo, shop, path, cards):
    page = opened(path, cards)
    card = page.locator(cards).first
    with sold_out(demo, card.locator("h3 a").get_attribute("title")):
        add_button(card).click()
        refusal = card.locator(".personalization-refusal")
        expect(refusal).to_have_text("no stock available")
        expect(announced(page)).to_have_text("no stock available")
    assert add_button(card).inner_text() == "Add to basket"
    assert page.evaluate("window.samePage")
    page.keyboard.press("Escape")
    expect(refusal).to_have_count(0)
    page.goto(shop + path)
    assert "no stock available" not in page.locator("#messages").inner_text()
    expect(page.locator(".errorlist")).to_have_count(0)


def test_more_than_there_is_is_refused_in_words_and_the_quantity_stays(opened, demo):
    page = opened()
    card = page.locator(f"{ROW} [data-product]").first
    with sold_out(demo, card.locator("h3").inner_text(), left=1):
        add_button(card).click()
        expect(card.locator(".personalization-stepper span")).to_have_text("1 in basket")
        add_button(card).click()
        expect(card.locator(".personalization-refusal")).to_have_text("a maximum of 1 can be bought")
        expect(card.locator(".personalization-stepper span")).to_have_text("1 in basket")


def test_when_the_shop_cannot_be_reached_that_is_said(opened):
    page = opened()
    page.route("**/basket/add/**", lambda route: route.abort())
    card = page.locator(f"{ROW} [data-product]").first
    add_button(card).click()
    failed = "This did not work. Please reload the page and try again."
    expect(card.locator(".personalization-refusal")).to_have_text(failed)


def test_back_from_another_page_the_card_says_what_is_in_the_basket_now(opened, shop):
    page = opened()
    card = page.locator(f"{ROW} [data-product]").first
    add_button(card).click()
    expect(card.locator(".personalization-stepper span")).to_have_text("1 in basket")
    page.goto(f"{shop}/basket/")
    page.locator('#basket_formset a[data-behaviours="remove"]').first.click()
    expect(page.locator("#basket_formset .basket-items")).to_have_count(0)
    page.go_back()
    expect(add_button(page.locator(f"{ROW} [data-product]").first)).to_have_text("Add to basket")


@on_both
def test_without_javascript_one_comes_back_to_the_row(opened, shop, viewport):
    page = opened(java_script_enabled=False, viewport=viewport)
    row = page.locator(ROW)
    title = row.locator("[data-product] h3").first.inner_text()
    add_button(row.locator("[data-product]").first).click()
    page.wait_for_load_state()
    assert title in page.locator("#messages").inner_text()
    assert page.url == f"{shop}/#personalization-home-trending"
    assert abs(page.locator(ROW).bounding_box()["y"]) < 60
    assert basket_lines(page, shop) == {title: 1}


@on_both
@pytest.mark.parametrize(("path", "number"), [(SEARCH, 9), ("/catalogue/", 14)], ids=["search", "catalogue"])
def test_without_javascript_one_comes_back_to_the_card_of_a_list(opened, shop, viewport, path, number):
    page = opened(path, ".product_pod:has(form)", java_script_enabled=False, viewport=viewport)
    card = page.locator(".product_pod:has(form)").nth(number)
    title = card.locator("h3 a").get_attribute("title")
    add_button(card).click()
    page.wait_for_load_state()
    assert page.url.startswith(shop + path)
    assert title in page.locator("#messages").inner_text()
    card = page.locator(f'.product_pod:has(h3 a[title="{title}"])').first
    assert 0 <= card.bounding_box()["y"] < viewport["height"] / 2
    assert basket_lines(page, shop) == {title: 1}


def test_without_javascript_a_refusal_leads_back_to_the_row_too(opened, demo, shop):
    page = opened(java_script_enabled=False)
    card = page.locator(f"{ROW} [data-product]").first
    with sold_out(demo, card.locator("h3").inner_text()):
        add_button(card).click()
        page.wait_for_load_state()
    assert "no stock available" in page.locator("#messages").inner_text()
    assert page.url == f"{shop}/#personalization-home-trending"
    assert abs(page.locator(ROW).bounding_box()["y"]) < 60


@pytest.mark.parametrize("leave", ["Escape", "click"])
def test_the_menu_of_a_card_closes_on_escape_and_when_one_clicks_elsewhere(looked, leave):
    summary = looked.locator(".personalization-menu summary").first
    choice = looked.get_by_role("button", name="Not interested in this product").first
    summary.click()
    expect(choice).to_be_visible()
    if leave == "Escape":
        looked.keyboard.press("Escape")
        assert summary.evaluate("summary => summary === document.activeElement")
    else:
        looked.locator("h1").click()
    expect(choice).not_to_be_visible()


@on_both
def test_prices_and_buttons_of_a_row_stand_on_one_line(opened, viewport):
    page = opened(viewport=viewport)
    for row in page.locator("section.personalization-row").all():
        for part in (".price_color", "form"):
            tops = row.locator(f"[data-product] {part}").evaluate_all(
                "found => found.map(one => Math.round(one.getBoundingClientRect().top))"
            )
            assert len(set(tops)) == 1


def test_nothing_moves_when_something_is_added(opened):
    page = opened()
    page.evaluate(
        """() => new PerformanceObserver(list => {
            for (const entry of list.getEntries()) window.moved = (window.moved ?? 0) + entry.value;
        }).observe({ type: "layout-shift" })"""
    )
    card = page.locator(f"{ROW} [data-product]").first
    page.wait_for_timeout(600)  # shifts within half a second of a click do not count
    add_button(card).evaluate("button => button.form.requestSubmit()")
    expect(card.locator(".personalization-stepper span")).to_have_text("1 in basket")
    page.wait_for_timeout(300)
    assert page.evaluate("window.moved ?? 0") < 0.02


@on_both
def test_everybody_can_read_and_use_a_card_that_was_added_and_one_that_was_refused(opened, demo, shop, viewport):
    page = opened(viewport=viewport)
    first, second = (page.locator(f"{ROW} [data-product]").nth(number) for number in (0, 1))
    add_button(first).click()
    expect(first.locator(".personalization-stepper")).to_have_count(1)
    with sold_out(demo, second.locator("h3").inner_text()):
        add_button(second).click()
        expect(second.locator(".personalization-refusal")).to_have_count(1)
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


@on_both
def test_the_title_of_a_row_leads_to_all_of_it_where_adding_keeps_the_place_too(opened, shop, viewport, shot):
    page = opened(viewport=viewport)
    title = page.locator(f"{ROW} h2 a")
    name = title.inner_text()
    title.click()
    page.wait_for_load_state()
    assert page.locator("h1").inner_text() == name
    cards = page.locator("[data-product]")
    assert 6 < cards.count() <= 24
    assert faults(page, least=1) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    card = cards.nth(6)
    add_button(card).scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    add_button(card).click()
    expect(card.locator(".personalization-stepper span")).to_have_text("1 in basket")
    assert page.evaluate("scrollY") == before
    shot(page, f"all-of-a-row-{viewport['width']}")


def test_in_german_it_speaks_german(opened, shop):
    page = opened(locale="de-DE")
    card = page.locator(f"{ROW} [data-product]").first
    add_button(card).click()
    expect(card.locator(".personalization-stepper span")).to_have_text("1 im Warenkorb")
    expect(announced(page)).to_contain_text("Summe im Warenkorb: ")


def test_a_page_with_a_strict_content_security_policy_loses_nothing(opened, shop):
    """Oscar itself has inline scripts; ours go on without them."""
    page = opened(path="/catalogue/", cards="section .product_pod")

    def with_policy(route):
        answer = route.fetch()
        policy = "default-src 'self'; script-src 'self'; style-src 'self'"
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": policy})

    page.route(shop + "/", with_policy)
    page.goto(shop)
    card = page.locator(f"{ROW} [data-product]").first
    add_button(card).click()
    expect(card.locator(".personalization-stepper span")).to_have_text("1 in basket")
