"""Two customers, and the mails that they get: one waits for a product and buys it, one ends the reminders."""

import email
import re
import sqlite3
import urllib.request
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import policy

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import CHROMIUM, SHOPPER, WIDE, manage
from tests.browser.test_basket import sold_out
from tests.browser.test_report import ADDRESS, register, report, sign_in

BY_MESSAGE = "Messages · Back in stock"
MESSAGES = "/dashboard/personalization/messages/"


@pytest.fixture
def signed_up(chromium, shop):
    """A new customer in a browser: signed_up(name). What is sent while a page is left has the name of the browser, not
    that of the context: see `is_crawler`."""
    shoppers = chromium.browser_type.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", f"--user-agent={SHOPPER}"]
    )

    def sign_up(name):
        page = shoppers.new_context(viewport=WIDE).new_page()
        register(page, shop, name)
        return page

    yield sign_up
    shoppers.close()


@pytest.fixture
def owner(chromium, shop):
    """The shop's owner in a browser."""
    context = chromium.new_context(viewport=WIDE)
    page = context.new_page()
    sign_in(page, shop)
    yield page
    context.close()


def mails_to(demo, name):
    """The mails of the app to a customer, the oldest first: Oscar's own have no link to end them."""
    texts = b"".join(path.read_bytes() for path in sorted((demo.data / "mail").glob("*"))).split(b"-" * 79 + b"\n")
    mails = [email.message_from_bytes(text, policy=policy.default) for text in texts if text.strip()]
    return [one for one in mails if one["To"] == f"{name}@shop.example" and one["List-Unsubscribe"]]


def send_messages(demo):
    return manage(demo, "personalization_messages", SHOP_ADDRESS=demo.address)


def in_shop(demo, *statements):
    """Changes the shop's database: (statement, its values)."""
    with closing(sqlite3.connect(demo.data / "shop.sqlite3", timeout=20, isolation_level=None)) as base:
        return [base.execute(statement, values).fetchall() for statement, *values in statements]


def ago(**time):
    return str((datetime.now(UTC) - timedelta(**time)).replace(tzinfo=None))


OF = "(SELECT id FROM auth_user WHERE email = ? || '@shop.example')"


def wait_until_due(demo, name):
    """What came up for a customer is due now, not in half an hour; what they got before lies weeks back."""
    in_shop(
        demo,
        (
            f"UPDATE personalization_delivery SET sent_at = ? WHERE state = 'sent' AND user_id = {OF}",
            ago(days=40),
            name,
        ),
        (
            f"UPDATE personalization_delivery SET due_at = ? WHERE state = 'due' AND user_id = {OF}",
            ago(minutes=1),
            name,
        ),
    )


def leave_basket(demo, name):
    """Five hours pass in which nobody touches the customer's basket."""
    baskets = f"SELECT id FROM basket_basket WHERE status = 'Open' AND owner_id = {OF}"
    in_shop(demo, (f"UPDATE basket_line SET date_updated = ? WHERE basket_id IN ({baskets})", ago(hours=5), name))


def publish(owner, shop, kind, name):
    owner.goto(f"{shop}{MESSAGES}new/?kind={kind}")
    owner.get_by_label("Name", exact=True).fill(name)
    owner.get_by_role("button", name="Save and publish…").click()
    owner.get_by_role("button", name="Publish", exact=True).click()
    expect(owner.locator("body")).to_contain_text(name)


def test_who_waits_for_a_product_is_told_and_what_they_buy_is_credited(signed_up, owner, demo, shop, shot):
    page = signed_up("waiting")
    page.goto(f"{shop}/search/?q=milk")
    page.locator(".product_pod h3 a").first.click()
    title, address = page.locator(".product_main h1").inner_text(), page.url
    key = int(re.search(r"_(\d+)/$", address).group(1))
    with sold_out(demo, title):
        page.reload()
        page.locator("form[action*='alert'] button[type=submit], form#alert_form button[type=submit]").first.click()
        publish(owner, shop, "back_in_stock", "It is here again")
        send_messages(demo)
        wait_until_due(demo, "waiting")
        send_messages(demo)
        assert mails_to(demo, "waiting") == []
    send_messages(demo)
    wait_until_due(demo, "waiting")
    assert re.search(r"[1-9]\d* sent", send_messages(demo))
    send_messages(demo)
    (mail,) = mails_to(demo, "waiting")
    assert title in mail["Subject"]
    text = mail.get_body(("plain",)).get_content()
    link = re.search(rf"{re.escape(shop)}/personalization/from-message/\S+", text).group()

    before = report(owner, shop).get(BY_MESSAGE, {})
    page.goto(link)
    assert page.url == address
    expect(page.locator(".product_main h1")).to_have_text(title)
    page.locator("#add_to_basket_form button[type=submit]").click()
    page.goto(f"{shop}/checkout/")
    for field, value in ADDRESS.items():
        page.locator(f"#new_shipping_address [name={field}]").fill(value)
    page.locator("#new_shipping_address button[type=submit]").click()
    page.locator("#view_preview").click()
    page.locator("#place-order").click()
    page.wait_for_url("**/checkout/thank-you/")
    manage(demo, "personalization_apply_retention")
    line = report(owner, shop)[BY_MESSAGE]
    shot(owner, "report-message")
    assert {name: int(line[name]) - int(before.get(name, 0)) for name in ("Clicks", "Lines bought")} == {
        "Clicks": 1,
        "Lines bought": 1,
    }
    credit = "SELECT product_id, row_key, gross > 0 FROM personalization_credit WHERE surface = 'message'"
    assert in_shop(demo, (credit,)) == [[(key, "back_in_stock", 1)]]
    owner.goto(shop + MESSAGES)
    owner.get_by_role("button", name=re.compile("^Pause.*It is here again$")).click()


def test_who_ends_reminders_by_one_click_gets_no_more_of_them(signed_up, demo, shop, shot):
    page = signed_up("leaving")

    def fill_basket(number):
        page.goto(f"{shop}/search/?q=bread")
        page.locator(".product_pod h3 a").nth(number).click()
        page.locator("#add_to_basket_form button[type=submit]").click()
        page.wait_for_load_state()
        leave_basket(demo, "leaving")

    fill_basket(0)
    send_messages(demo)
    assert mails_to(demo, "leaving") == []  # they did not allow it
    page.goto(f"{shop}/personalization/privacy/")
    page.get_by_role("button", name="Allow reminders").click()
    expect(page.get_by_role("heading", name="Reminders: on")).to_be_visible()
    shot(page, "privacy-reminders-on")
    send_messages(demo)
    (mail,) = mails_to(demo, "leaving")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = mail["List-Unsubscribe"].strip(" <>")

    with urllib.request.urlopen(link) as answer:
        assert answer.status == 200
    page.goto(f"{shop}/personalization/privacy/")
    expect(page.get_by_role("heading", name="Reminders: on")).to_be_visible()
    one_click = urllib.request.Request(link, b"List-Unsubscribe=One-Click", method="POST")
    with urllib.request.urlopen(one_click) as answer:
        assert (answer.status, answer.url) == (200, link)
    page.reload()
    expect(page.get_by_role("heading", name="Reminders: off")).to_be_visible()

    in_shop(demo, (f"UPDATE basket_basket SET status = 'Saved' WHERE owner_id = {OF}", "leaving"))
    fill_basket(1)
    wait_until_due(demo, "leaving")
    send_messages(demo)
    assert len(mails_to(demo, "leaving")) == 1
    page.goto(f"{shop}/personalization/privacy/")
    page.get_by_role("button", name="Allow reminders").click()
    send_messages(demo)
    assert len(mails_to(demo, "leaving")) == 2  # nothing else stood in the way
