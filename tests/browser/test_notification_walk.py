"""Customers who are told in their account: one waits for a product and buys it, one answers a reminder by keyboard."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import CHROMIUM, SHOPPER, WIDE, manage
from tests.browser.test_basket import sold_out
from tests.browser.test_message_walk import (  # noqa: F401
    BY_MESSAGE,
    MESSAGES,
    OF,
    in_shop,
    owner,
    send_messages,
    signed_up,
    wait_until_due,
)
from tests.browser.test_report import ADDRESS, report


def test_who_waits_finds_the_notification_follows_it_buys_and_the_order_is_credited(signed_up, owner, demo, shop, shot):  # noqa: F811
    page = signed_up("noticing")
    page.goto(f"{shop}/search/?q=butter")
    page.locator(".product_pod h3 a").first.click()
    title, address = page.locator(".product_main h1").inner_text(), page.url
    key = int(re.search(r"_(\d+)/$", address).group(1))
    with sold_out(demo, title):
        page.reload()
        page.locator("form[action*='alert'] button[type=submit], form#alert_form button[type=submit]").first.click()
        owner.goto(f"{shop}{MESSAGES}new/?kind=back_in_stock")
        owner.get_by_label("Name", exact=True).fill("Here again, in the shop")
        owner.get_by_label("e-mail", exact=True).uncheck()
        owner.get_by_label("in the shop", exact=True).check()
        expect(owner.locator(".personalization-notice")).to_contain_text("is back in stock")
        shot(owner, "message-in-shop")
        owner.get_by_role("button", name="Save and publish…").click()
        owner.get_by_role("button", name="Publish", exact=True).click()
        send_messages(demo)
    send_messages(demo)
    wait_until_due(demo, "noticing")
    assert re.search(r"[1-9]\d* sent", send_messages(demo))
    send_messages(demo)

    page.goto(f"{shop}/accounts/notifications/inbox/")
    expect(page.locator("table tbody tr")).to_have_count(1)
    expect(page.locator("table tbody")).to_contain_text(f"{title} is back in stock")
    shot(page, "notification-inbox")
    before = report(owner, shop).get(BY_MESSAGE, {})
    page.get_by_role("link", name="View").click()
    shot(page, "notification")
    page.get_by_role("link", name=title, exact=True).click()
    assert page.url == address
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
    gained = {name: int(line[name]) - int(before.get(name, 0)) for name in ("Clicks", "Lines bought")}
    assert gained == {"Clicks": 1, "Lines bought": 1}
    credit = "SELECT row_key FROM personalization_credit WHERE surface = 'message' AND product_id = ?"
    assert in_shop(demo, (credit, key)) == [[("back_in_stock",)]]
    owner.goto(shop + MESSAGES)
    owner.get_by_role("button", name=re.compile("^Pause.*Here again, in the shop$")).click()


def test_never_is_said_by_keyboard_without_scripts_and_taken_back_in_the_account(signed_up, chromium, demo, shop, shot):  # noqa: F811
    page = signed_up("answering")
    code = (
        "from personalization.lifecycle.reminder_choice import reminder_path\n"
        "from django.contrib.auth import get_user_model\n"
        "from oscar.apps.catalogue.models import Product\n"
        "user = get_user_model().objects.get(email='answering@shop.example')\n"
        "print('LINK', reminder_path(user, Product.objects.browsable().first().pk))"
    )
    path = re.search(r"LINK (\S+)", manage(demo, "shell", "-c", code, SHOP_ADDRESS=demo.address)).group(1)
    browser = chromium.browser_type.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", f"--user-agent={SHOPPER}"]
    )
    stranger = browser.new_context(viewport=WIDE, java_script_enabled=False).new_page()
    stranger.goto(shop + path)
    shot(stranger, "reminder-choice")
    never = stranger.get_by_role("button", name="Never about this product")
    for _ in range(200):
        stranger.keyboard.press("Tab")
        if never.evaluate("button => button === document.activeElement"):
            break
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_role("status")).to_have_text("Saved. We do not remind you of this product any more.")
    browser.close()

    page.goto(f"{shop}/personalization/privacy/")
    section = page.locator("#personalization-reminders")
    expect(section).to_contain_text("Never.")
    shot(page, "privacy-reminders")
    section.get_by_role("button", name=re.compile("Remind me again")).press("Enter")
    expect(page.locator("#personalization-reminders")).to_have_count(0)
