"""The shop behind a cache that knows nobody: the page is everybody's, and a moment later its rows are the visitor's."""

import gzip
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, closing, contextmanager

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW, ROOT, SHOPPER, wait_for

WIDE = {"width": 1280, "height": 900}
MAX_SHIFT = 0.02
FRAGMENTS = "**/personalization/fragments/**"
MEASURE_SHIFT = """
  window.shifted = 0;
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      window.shifted += entry.value;
      window.shifts.push([entry.value, ...entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 200))]);
    }
  }).observe({ type: "layout-shift", buffered: true });
"""


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def process_of(*command, log, **variables):
    """A process that ends with this context."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment | {"DATABASE_URL": "", **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def cached_shop(demo):
    """The address of a cache in front of the demo with CACHED_PAGES."""
    shop, cache = free_port(), free_port()
    with ExitStack() as running:
        log = demo.data / "cached.log"
        serve = ("manage.py", "runserver", f"127.0.0.1:{shop}", "--noreload")
        process = running.enter_context(process_of(*serve, log=log, SHOP_DATA=str(demo.data), SHOP_CACHED="1"))
        wait_for(f"http://127.0.0.1:{shop}", process, log)
        log = demo.data / "proxy.log"
        proxy = ("-m", "tests.browser.caching_proxy", str(cache), f"http://127.0.0.1:{shop}")
        process = running.enter_context(process_of(*proxy, log=log))
        wait_for(f"http://127.0.0.1:{cache}", process, log)
        yield f"http://127.0.0.1:{cache}"


@pytest.fixture
def visit(chromium):
    """Opens a page in a browser of its own, which waits for as long as a busy machine takes: visit(viewport)."""
    contexts = []

    def open_page(viewport=WIDE, *, javascript=True, patient=True):
        context = chromium.new_context(viewport=viewport, java_script_enabled=javascript, user_agent=SHOPPER)
        context.add_init_script(MEASURE_SHIFT)
        if patient:
            context.add_init_script("AbortSignal.timeout = undefined")
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


def open_settled(page, address):
    """The response of the cache, once the fragments are in their places."""
    with page.expect_response(FRAGMENTS):
        response = page.goto(address)
    page.wait_for_load_state("networkidle")
    return response


def hold_fragments(page):
    """The questions for fragments, which wait until the test lets them go."""
    held = []

    def keep(route):
        held.append(route)

    page.route(FRAGMENTS, keep)
    return held


def row_titles(page):
    return page.locator(".personalization-row h2").all_inner_texts()


def product_address(shop):
    """The address of the first product of the generic home page."""
    with urllib.request.urlopen(shop + "/") as response:
        return shop + re.search(r'<h3><a href="(/catalogue/[^"]+_\d+/)"', response.read().decode())[1]


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["1280", "360"])
def test_two_customers_and_a_stranger_share_a_page_and_see_their_own(viewport, cached_shop, visit, view_as, shot):
    own, sent = {}, set()
    for number in (None, 1, 2):
        page = visit(viewport)
        open_settled(page, cached_shop + "/")
        if number is not None:
            view_as(page, number)
        for part, address in (("home", cached_shop + "/"), ("product", product_address(cached_shop))):
            open_settled(page, address)
            response = open_settled(page, address)
            assert response.headers["x-cache"] == "hit"
            sent.add((part, response.text()))
            own[number, part] = page.locator(".personalization-row h3").all_inner_texts()
            assert page.evaluate("shifted") < MAX_SHIFT, page.evaluate("shifts")
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
            reported = page.locator(".personalization-row[data-slate]").count()
            assert bool(reported) == (number is not None)
            shot(page, f"cached-{part}-{number or 'stranger'}-{viewport['width']}")
        assert (page.locator("#logout_link").count() == 1) == (number is not None)
    assert len(sent) == 2  # a home page and a product page for all
    for part in ("home", "product"):
        assert own[None, part]
    assert own[1, "home"] != own[2, "home"] != own[None, "home"] != own[1, "home"]


def test_without_javascript_the_page_is_everybodys(cached_shop, visit, shot):
    page = visit(NARROW, javascript=False)
    response = page.goto(cached_shop + "/")
    assert page.locator(".personalization-row").count() > 1
    assert page.locator("[data-slate]").count() == 0
    assert re.findall(r'csrfmiddlewaretoken" value="([^ "]+)', response.text()) == []
    shot(page, "cached-home-without-javascript")
    link = page.locator(".personalization-row__item .btn").first
    assert link.inner_text() == "View product"
    link.click()
    assert "_" in page.url.removeprefix(cached_shop)


@pytest.mark.parametrize("fault", ["fails", "late"])
def test_without_an_answer_the_generic_rows_stay(fault, cached_shop, visit, view_as):
    page = visit(patient=fault == "fails")
    open_settled(page, cached_shop + "/")
    generic = row_titles(page)
    view_as(page, 1)

    def answer(route):
        if fault == "fails":
            route.fulfill(status=500, body="")
        else:
            time.sleep(2.6)
            route.continue_()

    page.route(FRAGMENTS, answer)
    page.goto(cached_shop + "/")
    page.wait_for_timeout(3_500)
    assert row_titles(page) == generic
    assert page.locator("[data-slate]").count() == 0


def test_the_row_with_the_focus_stays(cached_shop, visit, view_as):
    page = visit()
    open_settled(page, cached_shop + "/")
    view_as(page, 1)
    held = hold_fragments(page)
    page.goto(cached_shop + "/", wait_until="domcontentloaded")
    link = page.locator(".personalization-row").first.locator("h3 a").first
    title = link.inner_text()
    link.focus()
    with page.expect_response(FRAGMENTS):
        held[0].continue_()
    expect(page.locator(".personalization-row[data-slate]").first).to_be_attached()
    assert page.evaluate("document.activeElement.innerText") == title
    assert page.locator(".personalization-row").first.get_attribute("data-slate") is None


def test_a_stranger_puts_a_product_into_the_basket(cached_shop, visit):
    page = visit()
    open_settled(page, cached_shop + "/")
    card = page.locator(".personalization-row__item").first
    card.get_by_role("button", name="Add to basket").click()
    expect(card.get_by_text("1 in basket")).to_be_visible()
    title = card.locator("h3").inner_text()
    open_settled(page, cached_shop + "/catalogue/")
    assert title in page.locator(".basket-mini").inner_html()
    with urllib.request.urlopen(cached_shop + "/catalogue/") as everybodys:
        header = everybodys.read().decode().partition("</header>")[0]
    assert title not in header


def test_oscars_own_form_of_a_product_waits_for_its_token(cached_shop, visit):
    page = visit()
    held = hold_fragments(page)
    page.goto(product_address(cached_shop), wait_until="domcontentloaded")
    with page.expect_navigation():
        page.locator("#add_to_basket_form button[type=submit]").click(no_wait_after=True)
        page.wait_for_timeout(300)
        assert held
        page.unroute(FRAGMENTS)  # lets them go
    open_settled(page, cached_shop + "/")
    assert page.locator(".basket-mini .basket-mini-item").count() == 1


def test_the_question_lies_over_the_page_and_what_was_seen_is_reported(cached_shop, visit, stored, shot):
    page = visit(NARROW)
    open_settled(page, cached_shop + "/")
    banner = page.locator(".personalization-banner")
    expect(banner).to_be_visible()
    assert page.evaluate("shifted") < MAX_SHIFT, page.evaluate("shifts")
    shot(page, "cached-question-360", full_page=False)
    with page.expect_navigation():
        banner.get_by_role("button", name="Agree").click()
    with page.expect_response("**/personalization/events/"):
        open_settled(page, cached_shop + "/")
    expect(banner).to_have_count(0)
    page.locator(".personalization-row").first.scroll_into_view_if_needed()
    assert any(event.type == "view_item_list" for event in stored(1))


def test_the_script_is_small():
    script = ROOT / "personalization" / "static" / "personalization" / "fragments.js"
    assert len(gzip.compress(script.read_bytes())) <= 2048
