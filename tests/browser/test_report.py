"""Three people shop in the demo, one order is cancelled, and the shop's owner reads what came of it."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import CHROMIUM, NARROW, SHOPPER, WIDE, manage

ADDRESS = {"first_name": "Ann", "last_name": "Lee", "line1": "1 Road", "line4": "Atlanta", "postcode": "30301"}
PEOPLE = 3
SCREENS = {"report": "", "report-segments": "?by=segment", "report-searches": "searches/"}
ROW = "Home page · Bestsellers"


def register(page, shop: str, name: str) -> None:
    page.goto(f"{shop}/accounts/login/")
    form = page.locator("#register_form")
    form.locator("[name=registration-email]").fill(f"{name}@shop.example")
    for field in ("registration-password1", "registration-password2"):
        form.locator(f"[name={field}]").fill("Milk-and-9-eggs")
    form.locator("button[type=submit]").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Agree").click()


def buy_from_row(page, shop: str, row: str, number: int) -> tuple[str, str]:
    """Clicks on a card of a row, puts the product into the basket and orders it: (title, the order's number)."""
    page.goto(shop + "/")
    card = page.locator(f'[data-row="{row}"] [data-product]').nth(number)
    card.scroll_into_view_if_needed()
    with page.expect_response("**/personalization/events/"):  # that the row was seen
        page.wait_for_timeout(1500)
    card.locator("h3 a").click()
    title = page.locator(".product_main h1").inner_text()
    page.wait_for_timeout(1500)
    page.locator("#add_to_basket_form button[type=submit]").click()
    page.goto(f"{shop}/checkout/")
    for field, value in ADDRESS.items():
        page.locator(f"#new_shipping_address [name={field}]").fill(value)
    page.locator("#new_shipping_address button[type=submit]").click()
    page.locator("#view_preview").click()
    page.locator("#place-order").click()
    page.wait_for_url("**/checkout/thank-you/")
    return title, re.search(r"Order (\d+)", page.title()).group(1)


def report(owner, shop: str, **asked: str) -> dict[str, dict[str, str]]:
    """{line: {column: text}} of the report of today."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    query = "&".join(f"{key}={value}" for key, value in {"days": "own", "first": today, "last": today, **asked}.items())
    owner.goto(f"{shop}/dashboard/personalization/reports/?{query}")
    lines = {}
    for line in owner.locator(".personalization-table:has(tfoot) tr").all():
        cells = {cell.get_attribute("data-label"): cell.inner_text() for cell in line.locator("td").all()}
        if cells:
            lines[line.locator("th").inner_text()] = cells
    return lines


def sign_in(page, shop: str) -> None:
    page.goto(f"{shop}/dashboard/login/")
    page.fill("#id_username", "admin@example.com")
    page.fill("#id_password", "demo")
    page.press("#id_password", "Enter")
    page.wait_for_url("**/dashboard/**")


class Bought(NamedTuple):
    """What three people bought in a shop."""

    shop: str
    orders: list[tuple[str, str]]
    """(title of the product, the order's number)"""
    before: dict[str, str]
    """The line of the report before: other tests click in this shop, too."""


@pytest.fixture(scope="module")
def bought(chromium, shop, demo):
    """Three people, each with a click, a basket and an order."""
    manage(demo, "personalization_apply_retention")
    context = chromium.new_context(viewport=WIDE)
    reader = context.new_page()
    sign_in(reader, shop)
    before = report(reader, shop).get(ROW, {})
    context.close()
    orders = []
    # What is sent while a page is left has the name of the browser, not that of the context: see `is_crawler`.
    shoppers = chromium.browser_type.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", f"--user-agent={SHOPPER}"]
    )
    for number in range(PEOPLE):
        context = shoppers.new_context(viewport=WIDE)
        page = context.new_page()
        page.goto(shop + "/")
        register(page, shop, f"buyer{number}")
        orders.append(buy_from_row(page, shop, "bestsellers", number))
        context.close()
    shoppers.close()
    manage(demo, "personalization_apply_retention")
    return Bought(shop, orders, before)


@pytest.fixture
def owner(chromium, shop):
    context = chromium.new_context(viewport=WIDE)
    page = context.new_page()
    sign_in(page, shop)
    yield page
    context.close()


def test_the_report_says_what_three_people_bought_after_clicks_and_follows_a_cancellation(bought, owner, demo, shot):
    shop = bought.shop
    line = report(owner, shop)[ROW]
    more = {name: int(line[name]) - int(bought.before.get(name, 0)) for name in ("Clicks", "Added", "Lines bought")}
    assert more == {"Clicks": PEOPLE, "Added": PEOPLE, "Lines bought": PEOPLE}
    assert int(line["Seen"]) >= int(bought.before.get("Seen", 0)) + PEOPLE
    assert line["Lost"] == "$0.00"
    before = float(line["Kept"].strip("$"))
    shot(owner, "dashboard-report")
    by_product = report(owner, shop, by="product")
    assert {title for title, _ in bought.orders} <= set(by_product)

    owner.goto(f"{shop}/dashboard/orders/{bought.orders[0][1]}/")
    form = owner.locator("form:has([name=order_action][value=change_order_status])")
    form.locator("select[name=new_status]").select_option("Cancelled", force=True)
    with owner.expect_navigation():
        form.get_by_role("button", name="Change status").click()
    manage(demo, "personalization_measure", "--all")
    line = report(owner, shop)[ROW]
    lost, kept = (float(line[name].strip("$")) for name in ("Lost", "Kept"))
    assert lost > 0 and kept == pytest.approx(before - lost, abs=0.005)
    owner.goto(f"{shop}/dashboard/personalization/")
    expect(owner.locator("#earned")).to_be_visible()


@pytest.mark.parametrize(("viewport", "language"), [(WIDE, "en-gb"), (NARROW, "de")], ids=["wide", "narrow"])
def test_the_report_is_readable_for_everybody(bought, chromium, shot, viewport, language):
    context = chromium.new_context(viewport=viewport, locale=language)
    page = context.new_page()
    sign_in(page, bought.shop)
    for name, address in SCREENS.items():
        page.goto(f"{bought.shop}/dashboard/personalization/reports/{address}")
        found = Axe().run(page, context=".personalization-console").response["violations"]
        assert not found, (name, [one["id"] for one in found])
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        shot(page, f"dashboard-{name}-{language}-{viewport['width']}")
    context.close()
