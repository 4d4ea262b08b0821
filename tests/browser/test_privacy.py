"""Asked, seen, corrected, forgotten: through Chromium, by mouse, by keyboard, on a phone and without JavaScript."""

import pytest
from playwright.sync_api import expect

from personalization.privacy import cookies
from tests.browser.conftest import NARROW, WIDE

PAGE = "/personalization/privacy/"


@pytest.fixture
def opened(chromium, shop):
    """Opens a page in a fresh browser: opened(path, viewport, javascript=True)."""
    contexts = []

    def page_at(path="/", viewport=WIDE, javascript=True):
        contexts.append(chromium.new_context(viewport=viewport, java_script_enabled=javascript, base_url=shop))
        page = contexts[-1].new_page()
        page.goto(path)
        return page

    yield page_at
    for context in contexts:
        context.close()


def own_cookies(page):
    return {cookie["name"] for cookie in page.context.cookies() if cookie["name"] in cookies.COOKIE_NAMES}


def listed(page):
    page.goto(PAGE)
    return page.locator("#recent a.personalization-list__name").all_inner_texts()


def look_at_a_product(page):
    """What its page is titled. The report is on its way when this returns, and there when the next page is."""
    page.goto("/")
    page.locator(".personalization-row h3 a").first.click()
    page.wait_for_load_state()
    return page.locator("h1").inner_text()


def test_the_question_is_answered_by_keyboard(opened):
    page = opened()
    expect(page.get_by_role("region", name="May we personalise this shop for you?")).to_have_count(1)
    agree = page.get_by_role("button", name="Agree")
    for _ in range(12):
        page.keyboard.press("Tab")
        if agree.evaluate("button => button === document.activeElement"):
            break
    assert agree.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    assert page.get_by_role("button", name="No, thanks").evaluate("button => button === document.activeElement")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    expect(page.locator(".personalization-banner")).to_have_count(0)
    assert own_cookies(page) == {cookies.CONSENT_COOKIE}


@pytest.mark.parametrize("viewport", [WIDE, {"width": 1024, "height": 768}, NARROW])
def test_yes_and_no_look_the_same_and_stand_before_nothing(opened, viewport):
    page = opened(viewport=viewport)
    looks = [
        button.evaluate("""button => {
            const style = getComputedStyle(button), box = button.getBoundingClientRect();
            return [style.color, style.backgroundColor, style.borderColor, style.fontSize, style.fontWeight,
                    Math.round(box.width), Math.round(box.height)];
        }""")
        for button in page.locator(".personalization-banner button").all()
    ]
    assert looks[0] == looks[1]
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    foot = page.locator("footer").bounding_box()
    banner = page.locator(".personalization-banner").bounding_box()
    assert foot["y"] + foot["height"] <= banner["y"] or banner["y"] + banner["height"] <= foot["y"]


def test_agreed_then_seen_then_deleted_then_forgotten(opened):
    page = opened()
    with page.expect_navigation():
        page.get_by_role("button", name="Agree").click()
    title = look_at_a_product(page)
    page.wait_for_timeout(1_500)
    assert title in listed(page)
    assert own_cookies(page) == {cookies.CONSENT_COOKIE, cookies.VISITOR_COOKIE}
    page.get_by_role("button", name=f"Delete {title}").click()
    page.wait_for_load_state()
    assert title not in listed(page)
    look_at_a_product(page)
    page.wait_for_timeout(1_500)
    assert title in listed(page)
    page.get_by_role("link", name="Delete my data …").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Yes, delete my data").click()
    expect(page.get_by_text("Your personalisation data has been deleted.")).to_have_count(1)
    expect(page.locator("#recent")).to_have_count(0)
    assert own_cookies(page) == {cookies.CONSENT_COOKIE}


def test_all_of_it_works_without_javascript(opened):
    page = opened(PAGE, javascript=False)
    page.get_by_role("button", name="Agree").click()
    expect(page.get_by_role("heading", name="Personalisation: on")).to_have_count(1)
    page.get_by_label("Add an interest").select_option(index=1)
    page.get_by_role("button", name="Add", exact=True).click()
    chip = page.locator(".personalization-chips--added li")
    expect(chip).to_have_count(1)
    chip.get_by_role("button").click()
    expect(chip).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "personalisation-data.json"
    page.get_by_role("link", name="Delete my data …").click()
    page.get_by_role("button", name="Yes, delete my data").click()
    expect(page.get_by_role("heading", name="Personalisation: off")).to_have_count(1)
    page.get_by_role("button", name="Turn on").click()
    page.get_by_role("button", name="Turn off").click()
    expect(page.get_by_text("What we had stored about you is deleted")).to_have_count(1)


def test_a_phone_shows_it_without_scrolling_sideways(opened):
    page = opened("/", NARROW)
    for path in ("/", PAGE, f"{PAGE}erase/"):
        assert page.goto(path).ok
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.goto(PAGE)
    with page.expect_navigation():
        page.get_by_role("button", name="Agree").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    small = [
        button.inner_text()
        for button in page.locator(".personalization-privacy button, .personalization-privacy .btn").all()
        if button.bounding_box()["height"] < 24
    ]
    assert small == []
