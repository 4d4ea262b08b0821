"""The whole way through two browsers: seen, clicked, the next page changed, taken along at signing in, forgotten."""

from playwright.sync_api import expect

from tests.browser.conftest import PERSONAL

EMAIL, PASSWORD = "newcomer@example.com", "demo"


def sign_in(page, shop):
    page.goto(f"{shop}/accounts/login/")
    page.fill("[name=login-username]", EMAIL)
    page.fill("[name=login-password]", PASSWORD)
    with page.expect_navigation():
        page.locator("[name=login_submit]").click()
    page.goto(shop)


def because(page):
    """What the row says that follows from what was looked at."""
    return page.locator(f"{PERSONAL} h2").all_inner_texts()


def test_seen_clicked_changed_signed_in_elsewhere_still_there_forgotten_gone(browser_of, shop, stored, shot):
    first = browser_of(agreed=False).new_page()
    first.goto(shop)
    with first.expect_navigation():
        first.get_by_role("button", name="Agree").click()
    with first.expect_response("**/personalization/events/"):  # with it comes the cookie
        first.goto(shop)
    with first.expect_response("**/personalization/events/"):
        first.locator(".personalization-row h3 a").first.click()
    first.wait_for_load_state()
    title = first.locator("h1").inner_text()
    names = {event.type for event in stored(3)}
    assert names >= {"view_item_list", "select_item", "view_item"}
    first.goto(shop)
    assert because(first) == [f"Because you viewed {title}"]

    sign_in(first, shop)
    assert because(first) == [f"Because you viewed {title}"]

    second = browser_of(agreed=False).new_page()
    second.goto(shop)
    assert because(second) == []
    sign_in(second, shop)
    assert because(second) == [f"Because you viewed {title}"]
    shot(second, "home-signed-in-elsewhere")

    second.goto(f"{shop}/personalization/privacy/")
    second.get_by_role("link", name="Delete my data …").click()
    with second.expect_navigation():
        second.get_by_role("button", name="Yes, delete my data").click()
    for page in (second, first):
        page.goto(shop)
        assert because(page) == []
        expect(page.locator(".personalization-row--personal")).to_have_count(0)
