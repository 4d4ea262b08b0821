"""The demo as README starts it, seen through Chromium. Screenshots go to $SCREENSHOTS (default: var/screenshots)."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(os.environ.get("SCREENSHOTS", ROOT / "var" / "screenshots"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}

if not CHROMIUM and not os.environ.get("REQUIRE_BROWSER"):
    pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)", allow_module_level=True)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The address of a demo shop that `manage.py demo` has just built and serves."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = tmp_path_factory.mktemp("demo")
    environment = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    environment |= {"SHOP_DATA": str(data), "DATABASE_URL": ""}
    address = f"http://127.0.0.1:{port}"
    log = data / "demo.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(address, server, log)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=30).close()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"the demo did not serve within five minutes:\n{log.read_text()}")


@pytest.fixture(scope="module")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api")
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*switches, "--disable-sync"])
        yield browser
        browser.close()


@pytest.fixture
def page_of(chromium, shop):
    """Opens the home page in a fresh browser: page_of(viewport, javascript=True)."""
    contexts = []

    def opened(viewport=WIDE, javascript=True):
        contexts.append(chromium.new_context(viewport=viewport, java_script_enabled=javascript))
        page = contexts[-1].new_page()
        page.goto(shop + "/")
        return page

    yield opened
    for context in contexts:
        context.close()


def view_as(page, number: int) -> str:
    """Picks a person from the bar on top; how the bar describes them."""
    page.locator(".view-as summary").click()
    button = page.locator(".view-as button[name=email]").nth(number)
    described = button.inner_text()
    button.click()
    page.wait_for_load_state()
    return described


def rows(page) -> list[tuple[str, str, list[str]]]:
    """(title, why, products) of each row."""
    return [
        (
            row.locator("h2").inner_text(),
            row.locator(".personalization-row__why").inner_text(),
            [card.get_attribute("title") for card in row.locator("h3 a").all()],
        )
        for row in page.locator("section.personalization-row").all()
    ]


def shot(page, name: str, **part) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.jpg", type="jpeg", quality=80, full_page=True, **part)


def test_two_households_see_different_first_rows_each_with_a_reason(page_of):
    page = page_of()
    first_person = view_as(page, 0)
    shot(page, "home-first-household")
    shot(page, "readme", clip={"x": 0, "y": 0, "width": 1440, "height": 1130})
    first = rows(page)
    second_person = view_as(page, 1)
    shot(page, "home-second-household")
    second = rows(page)
    assert first_person != second_person
    assert len(first) == len(second) == 6
    assert first[0][2] != second[0][2]
    assert len(set(first[0][2]) - set(second[0][2])) >= 3
    assert all(why for _, why, _ in first + second)
    assert all(len(products) == 6 for _, _, products in first + second)
    reasons = page.locator(".personalization-row--personal .personalization-row__reason").all_inner_texts()
    assert any(re.fullmatch(r"You bought it \d+ times, last on \d+ \w+ \d{4}", reason) for reason in reasons)


def test_an_anonymous_visitor_sees_honest_bestsellers(page_of):
    page = page_of()
    shot(page, "home-anonymous")
    assert rows(page)[0][0] == "Bestsellers"
    assert page.locator(".personalization-row--personal").count() == 0
    assert "for you" not in page.content().lower()


def test_the_page_is_the_same_without_javascript(page_of):
    assert rows(page_of(javascript=False)) == rows(page_of())


def test_a_phone_shows_the_page_without_scrolling_sideways(page_of):
    page = page_of(NARROW)
    view_as(page, 0)
    shot(page, "home-first-household-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    strip = page.locator(".personalization-row__items").first
    assert strip.evaluate("strip => strip.scrollWidth > strip.clientWidth")


def test_every_picture_is_there_with_words_for_those_who_do_not_see_it(page_of):
    page = page_of()
    page.locator("footer").scroll_into_view_if_needed()
    broken = page.evaluate("[...document.images].filter(image => image.complete && !image.naturalWidth).length")
    assert broken == 0
    assert all(image.get_attribute("alt") for image in page.locator(".personalization-row img").all())


def test_the_keyboard_reaches_every_card_and_shows_where_it_is(page_of):
    page = page_of()
    first = page.locator(".personalization-row h3 a").first
    first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert first.evaluate("link => link === document.activeElement")
    assert first.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"


def test_what_is_put_into_the_basket_leaves_the_page(page_of):
    page = page_of()
    wanted = rows(page)[0][2][0]
    page.locator(".personalization-row form button").first.click()
    page.wait_for_load_state()
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + "/")
    assert wanted not in rows(page)[0][2]
