"""Shoppable posts in a browser: nothing jumps, spots fit a finger, and all works by keys and without JavaScript."""

import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from example_shop.journey.blocks import demo_posts
from personalization.decide import active_rules
from personalization.merchandising import publishing
from personalization.models import Event
from tests.browser.conftest import NARROW, SHOPPER
from tests.browser.test_blocks import SHIFT, beside_the_browser, browser_of_address
from tests.shops import factories as shop

__all__ = ["beside_the_browser", "browser_of_address"]
WIDE = {"width": 1280, "height": 900}
FEED = "/personalization/posts/"


@pytest.fixture
def products():
    return [shop.create_shop_product(f"Breakfast thing number {number} with a long name") for number in range(1, 5)]


@pytest.fixture
def address(browser_is_here, transactional_db, own_files, live_server, products):
    """A shop with a post on its home page, and two on the page of posts."""
    for number, (name, document) in enumerate(demo_posts([one.pk for one in products]).items()):
        place = {**document, "slot": "home-hero"} if number == 0 else document
        publishing.publish(publishing.create("block", name, place, None, is_demo=True), None)
    active_rules.read_rules_now()
    return live_server.url


def box(locator):
    return locator.evaluate("one => { const { width, height } = one.getBoundingClientRect(); return [width, height]; }")


@pytest.mark.parametrize(("viewport", "locale"), [(WIDE, "en-GB"), (NARROW, "de-DE")], ids=["wide", "narrow"])
def test_a_post_is_good_to_look_at_and_keeps_its_place(chromium, address, shot, viewport, locale):
    context = chromium.new_context(viewport=viewport, user_agent=SHOPPER, locale=locale)
    page = context.new_page()
    for name, path in (("home", "/"), ("feed", FEED)):
        page.goto(f"{address}{path}")
        post = page.locator(".personalization-block--post").first
        expect(post.locator(".personalization-post__spot")).to_have_count(3 if name == "home" else 2)
        post.locator("img").scroll_into_view_if_needed()
        expect(post.locator("img")).to_have_js_property("complete", True)
        assert post.locator("img").evaluate("one => one.naturalWidth") > 0
        assert page.evaluate(SHIFT) < 0.02
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert Axe().run(page, context=".personalization-block").response["violations"] == []
        for spot in post.locator(".personalization-post__spot").all():
            assert min(box(spot)) >= 44
        for button in post.locator(".personalization-post__item .btn").all():
            assert box(button)[1] >= 44
        shot(page, f"post-{name}-{locale[:2]}-{viewport['width']}")
    context.close()


def test_by_keys_the_spots_come_in_reading_order_and_lead_to_the_product(chromium, address, products):
    context = chromium.new_context(viewport=WIDE, user_agent=SHOPPER, locale="en-GB")
    page = context.new_page()
    page.goto(address)
    page.locator(".personalization-post__spot").first.focus()
    labels = []
    for _ in range(3):
        labels.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
        page.keyboard.press("Tab")
    assert [label.partition(",")[0] for label in labels] == [f"{n}: {products[n - 1].title}" for n in (1, 2, 3)]
    page.locator(".personalization-post__spot").nth(1).focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{products[1].get_absolute_url()}")
    context.close()


def test_without_javascript_one_click_adds_and_comes_back(chromium, address, products):
    context = chromium.new_context(viewport=NARROW, user_agent=SHOPPER, locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}{FEED}")
    page.locator(".personalization-post__item form button").first.click()
    page.wait_for_url(f"**{FEED}*")
    assert "#personalization-post-" in page.url
    page.goto(f"{address}/basket/")
    expect(page.get_by_text("Breakfast thing number").first).to_be_visible()
    context.close()


def test_nothing_is_loaded_from_elsewhere(chromium, address):
    context = chromium.new_context(viewport=WIDE, user_agent=SHOPPER)
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}{FEED}")
    page.wait_for_load_state("networkidle")
    layout = "https://ajax.googleapis.com/"  # Oscar's own layout asks for jQuery there
    assert [url for url in asked if not url.startswith((address, layout, "data:"))] == []
    context.close()


def test_a_click_on_a_spot_is_reported_and_one_on_the_button_stays_on_the_page(chromium, address, browser_of_address):
    page = browser_of_address.new_page()
    page.goto(address)
    page.locator(".personalization-post__item form button").first.click()
    expect(page.locator(".personalization-post__item .personalization-stepper")).to_be_visible()
    page.locator(".personalization-post__spot").nth(1).click()
    page.wait_for_url("**/catalogue/**")
    deadline, clicks = time.monotonic() + 60, 0
    while clicks < 2 and time.monotonic() < deadline:  # what a busy shop does not take is sent again, later and later
        page.wait_for_timeout(1_000)
        clicks = Event.objects.filter(item_kind="content", type="select_item").count()
    page.wait_for_load_state("networkidle")
    assert clicks == 2


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_click_on_the_picture_places_a_product(chromium, address, shot, viewport):
    client = Client()
    client.force_login(User.objects.create_superuser("owner", "owner@example.com", "x"))
    context = chromium.new_context(viewport=viewport, user_agent=SHOPPER, locale="en-GB")
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/dashboard/personalization/blocks/")
    page.locator(".personalization-line__what h3 a").first.click()
    area = page.locator("textarea[data-spots]")
    area.fill(area.input_value().splitlines()[0].partition(";")[0])
    picture = page.locator("#look .personalization-post__picture").first
    expect(picture.locator("circle")).to_have_count(1)
    size = picture.bounding_box()
    picture.click(position={"x": size["width"] * 0.25, "y": size["height"] * 0.8})
    expect(area).to_have_value(re.compile("; 25; 80$"))
    assert Axe().run(page, context=".personalization-console").response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    shot(page, f"post-form-{viewport['width']}")
    context.close()
