"""Content blocks in a browser: nothing jumps, nothing that axe finds, and a click is reported."""

import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from example_shop.journey.blocks import demo_blocks
from personalization.decide import active_rules
from personalization.merchandising import publishing
from personalization.models import Event
from personalization.privacy import cookies
from tests.browser.conftest import NARROW, SHOPPER, WIDE
from tests.content.block_documents import publish

SHIFT = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((one) => { if (!one.hadRecentInput) sum += one.value; }))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 700);
})"""


@pytest.fixture(scope="module", autouse=True)
def beside_the_browser():
    """Playwright's loop runs in the thread of the test, which asks the database as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture
def address(browser_is_here, transactional_db, own_files, live_server):
    """A shop with a hero for everybody and the picture of the demo."""
    welcome = demo_blocks(1)["Welcome"]
    publishing.publish(publishing.create("block", "Welcome", welcome, None, is_demo=True), None)
    publish("Below", slot="home-below", kind="text", variant={"text": "Words"})
    active_rules.read_rules_now()
    return live_server.url


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_hero_keeps_its_place_and_is_read_to_everybody(chromium, address, shot, viewport):
    context = chromium.new_context(viewport=viewport, user_agent=SHOPPER, locale="de-DE")
    page = context.new_page()
    page.goto(address)
    hero = page.locator(".personalization-block--hero")
    expect(hero.get_by_role("heading")).to_have_text("Alles für die Woche")
    expect(hero.locator("img")).to_have_js_property("complete", True)
    assert hero.locator("img").evaluate("one => one.naturalWidth") > 0
    assert page.evaluate(SHIFT) < 0.02
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert Axe().run(page, context=".personalization-block").response["violations"] == []
    assert hero.locator("a").evaluate("one => one.getBoundingClientRect().height") >= 44
    shot(page, f"block-{viewport['width']}", full_page=False)
    context.close()


def test_a_click_on_a_hero_is_reported(chromium, address, browser_of_address):
    page = browser_of_address.new_page()
    page.goto(address)
    page.locator(".personalization-block__call").wait_for()
    page.wait_for_timeout(1_500)  # seen for a second
    page.locator(".personalization-block__call").click()
    page.wait_for_url("**/catalogue/**")
    deadline, kinds = time.monotonic() + 15, set()
    while kinds != {"view_item_list", "select_item"} and time.monotonic() < deadline:
        kinds = set(Event.objects.filter(item_kind="content").values_list("type", flat=True))
        page.wait_for_timeout(100)
    assert kinds == {"view_item_list", "select_item"}


@pytest.fixture
def browser_of_address(chromium, address):
    """A browser with consent on that shop."""
    import time

    context = chromium.new_context(viewport=WIDE, user_agent=SHOPPER)
    value = f"granted.1.{int(time.time()) - 60}"
    context.add_cookies(
        [{"name": cookies.CONSENT_COOKIE, "value": value, "url": address.replace("http:", "https:"), "httpOnly": True}]
    )
    yield context
    context.close()


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_screens_are_good_on_a_phone_and_show_the_block_while_it_is_written(chromium, address, shot, viewport):
    client = Client()
    client.force_login(User.objects.create_superuser("owner", "owner@example.com", "x"))
    context = chromium.new_context(viewport=viewport, user_agent=SHOPPER)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": address}])
    page = context.new_page()
    root = f"{address}/dashboard/personalization/blocks/"
    page.goto(root)
    for name in ("list", "form"):
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert Axe().run(page, context=".personalization-console").response["violations"] == []
        shot(page, f"blocks-{name}-{viewport['width']}")
        if name == "list":
            page.get_by_role("link", name="Welcome", exact=True).click()
            expect(page.locator("#look .personalization-block__title").first).to_be_visible()
    page.get_by_label("Title").first.fill("Written just now")
    expect(page.locator("#look .personalization-block__title").first).to_have_text("Written just now")
    context.close()
