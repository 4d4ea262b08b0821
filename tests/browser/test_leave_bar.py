"""The bar for who is about to leave in Chromium: when it comes, how it goes, and that it is in nobody's way."""

import gzip
from pathlib import Path

import pytest
from playwright.sync_api import expect

from personalization.privacy import cookies
from tests.browser.conftest import NARROW, WIDE, open_a_product

SCRIPT = Path(__file__).parents[2] / "personalization" / "static" / "personalization" / "leave.js"
BAR = ".personalization-leave"
ASK = "**/personalization/leave/**"
LONG_ENOUGH = 16_000
TURN_TAB = """hidden => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
PHONE = {"viewport": NARROW, "has_touch": True, "is_mobile": True}


def test_the_script_is_small():
    assert len(gzip.compress(SCRIPT.read_bytes())) <= 2048


@pytest.fixture
def arrive(browser_of, shop):
    """Opens the page of a product as the second page of a visit, its clock in our hand: arrive(**of the browser)."""

    def go(pages=2, **browser):
        page = browser_of(**browser).new_page()
        page.clock.install()
        page.goto(shop)
        card = page.locator('[data-row="bestsellers"] [data-product] h3 a').first
        if pages == 1:
            page.goto(shop + card.get_attribute("href"))
        else:
            card.click()
        expect(page.locator(".product_page")).to_have_count(1)
        page.evaluate("""() => new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
            window.shifted = (window.shifted ?? 0) + entry.value;
        })).observe({ type: "layout-shift" })""")
        return page

    return go


def leave_through_the_top(page):
    page.mouse.move(300, 300)
    page.mouse.move(300, 3)
    page.mouse.move(300, -20)


def come_back(page):
    page.evaluate(TURN_TAB, True)
    page.clock.fast_forward(60_000)
    page.evaluate(TURN_TAB, False)


def put_into_basket(page):
    page.locator(".product_main form button.btn-add-to-basket, #add_to_basket_form button[type=submit]").first.click()
    page.wait_for_load_state()


def stays_away(page):
    page.wait_for_timeout(700)
    expect(page.locator(BAR)).to_have_count(0)


def faults(page):
    found = pytest.importorskip("axe_playwright_python.sync_playwright").Axe().run(page, context=BAR)
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]]


def test_with_the_mouse_it_comes_when_they_leave_through_the_top_and_moves_nothing(arrive, shot):
    page = arrive()
    leave_through_the_top(page)
    stays_away(page)  # not within 15 seconds
    page.clock.fast_forward(LONG_ENOUGH)
    focused, height = page.evaluate("[document.activeElement.tagName, document.documentElement.scrollHeight]")
    leave_through_the_top(page)
    bar = page.get_by_role("region", name="Before you go")
    expect(bar).to_be_visible()
    assert page.evaluate("[document.activeElement.tagName, document.documentElement.scrollHeight]") == [focused, height]
    assert page.evaluate("window.shifted ?? 0") < 0.02
    assert page.evaluate(f"getComputedStyle(document.querySelector('{BAR}')).animationName") == "none"
    assert bar.bounding_box()["y"] + bar.bounding_box()["height"] == WIDE["height"]
    assert bar.bounding_box()["height"] < 120
    assert faults(page) == []
    shot(page, "leave-alternative-1440", full_page=False)


def test_on_a_phone_it_comes_when_they_come_back_to_the_tab(arrive, shot):
    page = arrive(**PHONE)
    come_back(page)
    stays_away(page)  # who was away for a minute has not looked for 15 seconds
    page.clock.fast_forward(LONG_ENOUGH)
    come_back(page)
    expect(page.locator(BAR)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert page.locator(BAR).bounding_box()["height"] < NARROW["height"] / 3
    assert faults(page) == []
    shot(page, "leave-alternative-360", full_page=False)


@pytest.mark.parametrize(("viewport", "locale"), [(WIDE, "en-GB"), (NARROW, "de-DE")])
def test_the_basket_is_kept(arrive, shot, viewport, locale):
    page = arrive(viewport=viewport, locale=locale)
    put_into_basket(page)
    page.clock.fast_forward(LONG_ENOUGH)
    come_back(page)
    expect(page.locator(f"{BAR} a.btn")).to_have_attribute("href", "/basket/")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert faults(page) == []
    shot(page, f"leave-basket-{viewport['width']}", full_page=False)
    page.locator(f"{BAR} a.btn").click()
    expect(page).to_have_url("http://" + page.url.split("/")[2] + "/basket/")


@pytest.mark.parametrize("key", ["Escape", "Enter"])
def test_a_keyboard_closes_it_for_a_month_from_wherever_it_is(arrive, key):
    page = arrive()
    page.clock.fast_forward(LONG_ENOUGH)
    come_back(page)
    button = page.locator(f"{BAR} button")
    expect(button).to_be_visible()
    if key == "Enter":
        page.keyboard.press("Shift+Tab")  # the bar is the last thing of the page
        expect(button).to_be_focused()
    with page.expect_request(lambda request: request.method == "POST" and "/leave/" in request.url) as closing:
        page.keyboard.press(key)
    assert closing.value.response().status == 204
    expect(page.locator(BAR)).to_have_count(0)
    kept = next(one for one in page.context.cookies() if one["name"] == cookies.LEAVE_COOKIE)
    assert kept["value"] == "closed"


def test_it_comes_once_in_a_visit_and_again_after_a_week(arrive):
    page = arrive()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/leave/" in request.url else None)
    page.clock.fast_forward(LONG_ENOUGH)
    come_back(page)
    expect(page.locator(BAR)).to_be_visible()
    come_back(page)
    assert page.locator(BAR).count() == len(asked) == 1
    kept = next(one for one in page.context.cookies() if one["name"] == cookies.LEAVE_COOKIE)
    page.reload()
    page.clock.fast_forward(LONG_ENOUGH)
    come_back(page)
    stays_away(page)
    assert len(asked) == 1
    page.context.clear_cookies(name=kept["name"])  # as the browser does when its time is over
    page.reload()
    page.clock.fast_forward(LONG_ENOUGH)
    come_back(page)
    expect(page.locator(BAR)).to_be_visible()


def test_nobody_is_held_on_the_first_page_of_a_visit(arrive):
    page = arrive(pages=1)
    page.clock.fast_forward(LONG_ENOUGH)
    come_back(page)
    leave_through_the_top(page)
    stays_away(page)


def test_it_waits_while_a_question_or_a_dialog_is_open(arrive):
    page = arrive()
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<dialog open>Which size?</dialog>')")
    page.clock.fast_forward(LONG_ENOUGH)
    come_back(page)
    stays_away(page)
    page.evaluate("document.querySelector('dialog').remove()")
    come_back(page)
    expect(page.locator(BAR)).to_be_visible()


def test_the_shop_that_does_not_answer_shows_nothing(arrive):
    page = arrive()
    page.route(ASK, lambda route: route.abort())
    faulty = []
    page.on("pageerror", lambda fault: faulty.append(str(fault)))
    page.clock.fast_forward(LONG_ENOUGH)
    come_back(page)
    stays_away(page)
    assert faulty == []


def test_a_click_in_it_is_reported_as_its_own(arrive, stored):
    page = arrive()
    page.clock.fast_forward(LONG_ENOUGH)
    come_back(page)
    link = page.locator(f"{BAR} [data-product] a")
    expect(link).to_be_visible()
    key = int(page.locator(f"{BAR} [data-product]").get_attribute("data-product"))
    for _ in range(5):  # it is found, half visible, seen for a second, and reported
        page.clock.run_for(1_500)
        page.wait_for_timeout(200)
    link.click()
    page.wait_for_load_state()
    page.clock.run_for(4_000)
    page.wait_for_timeout(1_000)
    events = [event for event in stored(6) if event.row_key == "leave"]
    assert {event.type for event in events} == {"view_item_list", "select_item"}
    assert {event.product_id for event in events if event.type == "select_item"} == {key}


def test_without_javascript_there_is_none(browser_of, shop):
    page = browser_of(java_script_enabled=False).new_page()
    open_a_product(page, shop)
    assert page.locator(BAR).count() == 0


def test_it_needs_no_leave_from_a_strict_policy_for_content(arrive):
    page = arrive()

    def with_policy(route):
        response = route.fetch()
        policy = {"content-security-policy": "default-src 'self'; img-src 'self' data:"}
        route.fulfill(response=response, headers={**response.headers, **policy})

    page.route("**/catalogue/**", with_policy)
    refused = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    page.reload()
    assert refused  # Oscar's own inline script
    before = len(refused)
    page.clock.fast_forward(LONG_ENOUGH)
    come_back(page)
    expect(page.locator(BAR)).to_have_css("position", "fixed")
    page.keyboard.press("Escape")
    expect(page.locator(BAR)).to_have_count(0)
    assert refused[before:] == []
