"""A marketer makes *win back* with voucher, hero and mail; a customer reads the mail, sees the hero and buys."""

import re
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils.timezone import now
from oscar.apps.address.models import Country
from oscar.apps.voucher.models import Voucher
from playwright.sync_api import expect

from personalization.decide import active_rules
from personalization.lifecycle.message_run import run_messages
from personalization.measure.campaign_outcomes import count_campaign_outcomes
from personalization.merchandising.assignment import is_left_out
from personalization.models import CampaignCustomer, Definition
from personalization.profile.genome import refresh_genome
from tests.browser.conftest import NARROW, SHOPPER, WIDE
from tests.browser.test_report import ADDRESS
from tests.content.block_documents import publish
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.shops import factories as shop

CAMPAIGNS = "/dashboard/personalization/campaigns/"
MOST_TABS = 200
SECONDS_TO_FOLLOW = 10


@pytest.fixture(scope="module", autouse=True)
def beside_the_browser():
    """Playwright's loop runs in the thread of the test, which asks the database as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture
def silent_customers(browser_is_here, transactional_db, own_files, settings, live_server):
    """Customers who ordered 130 days ago and allow offers, and a shop with old tea and new cocoa."""
    alerts.switch_on(settings, MESSAGE_BASE_URL=live_server.url)
    country = {"printable_name": "United States", "name": "UNITED STATES", "iso_3166_1_a3": "USA"}
    Country.objects.get_or_create(iso_3166_1_a2="US", defaults={**country, "is_shipping_country": True})
    Country.objects.update(is_shipping_country=True)
    drinks = shop.create_from_breadcrumbs("Drinks > Hot")
    old = [shop.create_shop_product(f"Tea {number}", drinks) for number in range(8)]
    shop.create_shop_product("Cocoa", drinks, days_old=10).stockrecords.update(price=Decimal("20.00"))
    people = [shop.create_customer(name) for name in ("anna", "ben", "cleo", "dora", "emil", "fred")]
    for person in people:
        allow(person, purpose="offers", at=now() - timedelta(days=200))
        shop.create_past_order(person, old[:3], days_ago=130)
    refresh_genome([one.pk for one in people], now().timestamp())
    publish("Good morning")
    return people


def signed_in(chromium, live_server, user, viewport=WIDE, language="en-GB"):
    client = Client()
    client.force_login(user)
    context = chromium.new_context(viewport=viewport, user_agent=SHOPPER, locale=language)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    return context.new_page()


class Hands:
    """Presses what is on a page by mouse, or by keyboard alone: with Tab until it has the focus, then Enter."""

    def __init__(self, page, *, by_keyboard):
        self.page, self.by_keyboard = page, by_keyboard

    def press(self, target):
        if not self.by_keyboard:
            target.click()
            return
        self.reach(target)
        self.page.keyboard.press("Enter")

    def reach(self, target):
        """Goes on from field to field until the target has the focus."""
        expect(target).to_be_visible()
        handle = target.element_handle()
        for _ in range(MOST_TABS):
            if self.page.evaluate("one => one === document.activeElement", handle):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {target}")

    def write(self, target, text):
        if not self.by_keyboard:
            target.fill(text)
            return
        self.reach(target)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)


def heading_of_hero(page):
    return page.locator(".personalization-block--hero .personalization-block__title")


@pytest.mark.parametrize("by_keyboard", [False, True], ids=["mouse", "keyboard"])
def test_win_back_from_the_offer_to_the_report(chromium, live_server, silent_customers, shot, by_keyboard):
    owner = User.objects.create_superuser("owner", "owner@example.com", "x")
    page = signed_in(chromium, live_server, owner)
    hands = Hands(page, by_keyboard=by_keyboard)
    make_win_back(page, live_server, hands)
    campaign = Definition.objects.get(kind="campaign")
    whole = page.url
    preview_as_three(page, hands, whole, silent_customers)
    page.goto(whole)
    hands.press(page.get_by_role("button", name="Publish all of it"))
    expect(page.locator("body")).to_contain_text("is live with all of its parts")
    active_rules.read_rules_now()
    people = [one for one in silent_customers if not is_left_out(campaign.pk, 0.2, one.pk)]
    assert run_messages().result.sent == len(people)
    shopper, other = people[0], people[1]
    text = next(one.body for one in mail.outbox if one.to == [shopper.email])
    code = re.search(r"[A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4}", text).group()
    link = re.search(rf"{re.escape(live_server.url)}/\S*", text).group()
    shopping = signed_in(chromium, live_server, shopper)
    buy_with_code(live_server, Hands(shopping, by_keyboard=by_keyboard), link, code)
    shot(shopping, f"campaign-bought-{'keyboard' if by_keyboard else 'mouse'}", full_page=False)
    count_campaign_outcomes(now() + timedelta(minutes=5))
    row = CampaignCustomer.objects.get(user=shopper)
    assert (row.orders, row.kept_amount) == (1, 36.0)  # two cocoas of 20, a tenth less
    page.goto(whole)
    expect(page.get_by_role("table")).to_contain_text("not known yet")
    expect(page.locator("body")).to_contain_text("Used in 1 order; 4.00")
    shot(page, f"campaign-report-{'keyboard' if by_keyboard else 'mouse'}")
    pausing = time.monotonic()
    hands.press(page.get_by_role("button", name="Pause all of it"))
    expect(page.locator("body")).to_contain_text("is paused")
    assert_all_gone(signed_in(chromium, live_server, other), live_server, other, pausing)


def make_win_back(page, live_server, hands):
    page.goto(live_server.url + CAMPAIGNS)
    hands.press(page.get_by_role("link", name="Ready-made campaigns"))
    hands.press(page.get_by_role("link", name="Win back"))
    hands.write(page.get_by_label("How much"), "10")
    hands.write(page.get_by_label("From this value of the basket on"), "30")
    hands.write(page.get_by_label("Held back, in percent"), "20")
    hands.press(page.get_by_role("button", name="Make the drafts"))
    expect(page.locator("body")).to_contain_text("“Win back” is made, as drafts.")
    assert Axe().run(page, context=".personalization-console").response["violations"] == []


def preview_as_three(page, hands, whole, people):
    hands.press(page.get_by_role("link", name="See the whole journey as a customer"))
    if connection.vendor == "sqlite":  # one in memory locks its tables: it cannot answer three frames at once
        page.route(re.compile(r"/(basket|catalogue/.*)/\?personalization_preview"), lambda route: route.abort())
    for person in people[:3]:
        hands.write(page.get_by_label("As the customer"), person.email)
        hands.press(page.get_by_role("button", name="Show the journey"))
        frame = page.frame_locator("iframe[title='Home page']")
        expect(frame.locator(".personalization-block__title").first).to_have_text("Good to see you again")
        expect(page.locator("section", has_text="The mail").first).to_contain_text("What is new at")
        expect(page.frame_locator("section iframe").locator("body")).to_contain_text("ABCD-EFGH-JKLM")
    assert Axe().run(page, context=".personalization-console").response["violations"] == []


def buy_with_code(live_server, hands, link, code):
    page = hands.page
    page.goto(link)
    expect(heading_of_hero(page)).to_have_text("Good to see you again")
    expect(page.locator(".personalization-block--hero")).to_contain_text(code)
    card = page.locator(".personalization-row [data-product]", has_text="Cocoa").first
    hands.press(card.locator("h3 a"))
    page.wait_for_url("**/catalogue/cocoa*/")
    with page.expect_navigation():
        hands.press(page.locator("#add_to_basket_form button[type=submit]"))
    enter_code(page, live_server, hands, code)
    expect(page.locator("body")).to_contain_text("does not qualify")  # half of what it takes
    page.goto(f"{live_server.url}/search/?q=Cocoa")
    page.goto(live_server.url + "/basket/")
    quantity = page.locator("input[name$='-quantity']").first
    hands.write(quantity, "2")
    with page.expect_response(lambda one: one.request.method == "POST" and one.url.endswith("/basket/")):
        quantity.press("Enter")
    enter_code(page, live_server, hands, code)
    expect(page.locator("body")).to_contain_text("added to basket")
    page.goto(f"{live_server.url}/checkout/")
    for field, value in ADDRESS.items():
        page.locator(f"#new_shipping_address [name={field}]").fill(value)
    page.locator("#new_shipping_address button[type=submit]").click()
    page.locator("#view_preview").click()
    page.locator("#place-order").click()
    page.wait_for_url("**/checkout/thank-you/")


def enter_code(page, live_server, hands, code):
    page.goto(live_server.url + "/basket/")
    opener = page.locator("#voucher_form_link a")
    if opener.is_visible():
        hands.press(opener)
    page.locator("#id_code").fill(code)
    with page.expect_navigation():
        page.locator("#id_code").press("Enter")


def assert_all_gone(page, live_server, customer, pausing):
    """Within ten seconds no hero, no mail and no code of it is left."""
    while time.monotonic() - pausing < SECONDS_TO_FOLLOW:
        page.goto(live_server.url)
        if heading_of_hero(page).inner_text() == "Good morning":
            break
        page.wait_for_timeout(300)
    assert heading_of_hero(page).inner_text() == "Good morning"
    assert time.monotonic() - pausing < SECONDS_TO_FOLLOW
    assert not any(one.is_active() for one in Voucher.objects.all())
    before = len(mail.outbox)
    run_messages()
    assert len(mail.outbox) == before
    own = CampaignCustomer.objects.get(user=customer).voucher_id
    page.goto(f"{live_server.url}/search/?q=Cocoa")
    page.goto(live_server.url + "/basket/")
    assert Voucher.objects.get(pk=own).code not in page.content()


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_screens_are_good_on_a_phone(chromium, live_server, silent_customers, shot, viewport):
    owner = User.objects.create_superuser("owner", "owner@example.com", "x")
    page = signed_in(chromium, live_server, owner, viewport=viewport)
    for name, path in (("ready", "ready/"), ("form", "ready/clear_stock/")):
        page.goto(live_server.url + CAMPAIGNS + path)
        check_screen(page, viewport, shot, f"campaign-{name}")
    page.goto(live_server.url + CAMPAIGNS + "ready/win_back/")
    page.get_by_role("button", name="Make the drafts").click()
    check_screen(page, viewport, shot, "campaign-whole")
    page.get_by_role("link", name="See the whole journey as a customer").click()
    page.get_by_label("As the customer").fill(silent_customers[0].email)
    page.get_by_role("button", name="Show the journey").click()
    check_screen(page, viewport, shot, "campaign-journey")


def check_screen(page, viewport, shot, name):
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert Axe().run(page, context=".personalization-console").response["violations"] == []
    shot(page, f"{name}-{viewport['width']}")
