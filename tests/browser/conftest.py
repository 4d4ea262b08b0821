"""One demo shop, built and served once for all browser tests.

Screenshots go to the folder $SCREENSHOTS, by default var/screenshots.
"""

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import expect, sync_playwright

from personalization.privacy import cookies

ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(os.environ.get("SCREENSHOTS", ROOT / "var" / "screenshots"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
SHOPPER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
PERSONAL = '[data-row="because_you_viewed"]'


POLL_SECONDS = 5
PAUSE_BLOCKS = """
from contextlib import suppress
from personalization.merchandising import publishing
from personalization.models import Definition
for _ in range(2):  # the default of a slot goes last
    for block in Definition.objects.filter(kind="block", state="live"):
        with suppress(publishing.NotPossibleError):
            publishing.pause(block, None)
"""
"""The tests of rows begin with a row at the top of the home page; test_blocks.py looks at heroes above them."""


class Demo(NamedTuple):
    """A demo shop that `manage.py demo` has built and serves."""

    address: str
    data: Path
    """The folder of its database and files."""


@pytest.fixture(scope="session")
def browser_is_here():
    """Skips the test where there is no Chromium; with REQUIRE_BROWSER, the test fails instead."""
    if not CHROMIUM and not os.environ.get("REQUIRE_BROWSER"):
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")


@pytest.fixture(scope="session")
def demo(browser_is_here, tmp_path_factory):
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = tmp_path_factory.mktemp("demo")
    ours = ("DJANGO_SETTINGS_MODULE", "SHOP_DEBUG")  # a benchmark that a test imports may have set the latter
    environment = {key: value for key, value in os.environ.items() if key not in ours}
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
        manage(Demo(address, data), "shell", "-c", PAUSE_BLOCKS)
        for _ in range(2):  # the first request has it looked for, the next ones have what was found
            time.sleep(POLL_SECONDS + 1)
            urllib.request.urlopen(address, timeout=30).close()
        yield Demo(address, data)
    finally:
        server.terminate()
        server.wait(timeout=20)


def manage(demo, *command: str, **variables: str) -> str:
    """What a command says that runs beside the served demo, as a shop's cron has it."""
    ours = ("DJANGO_SETTINGS_MODULE", "SHOP_DEBUG")
    environment = {key: value for key, value in os.environ.items() if key not in ours}
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment | {"SHOP_DATA": str(demo.data), "DATABASE_URL": "", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=30).close()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"the demo did not serve within ten minutes:\n{log.read_text()}")


@pytest.fixture(scope="session")
def shop(demo):
    """The address of the demo shop."""
    return demo.address


@pytest.fixture(scope="module")  # while Playwright runs, Django takes the thread for an event loop's
def chromium(browser_is_here):
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    expect.set_options(timeout=20_000)  # other tests run beside these
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*switches, "--disable-sync"],
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def page_of(chromium, shop):
    """Opens the home page in a new browser: page_of(viewport, javascript=True)."""
    contexts = []

    def open_page(viewport=WIDE, javascript=True):
        contexts.append(chromium.new_context(viewport=viewport, java_script_enabled=javascript))
        page = contexts[-1].new_page()
        page.goto(shop + "/")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def shot():
    """Takes a screenshot of a page: shot(page, name)."""

    def take(page, name: str, *, full_page=True, **part) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.jpg", type="jpeg", quality=80, full_page=full_page, **part)

    return take


@pytest.fixture(scope="session")
def view_as():
    """Chooses a person from the bar on top; their description in it: view_as(page, number)."""

    def choose(page, number: int) -> str:
        page.locator(".view-as summary").click()
        button = page.locator(".view-as button[name=email]").nth(number)
        description = button.inner_text()
        with page.expect_navigation():  # a click alone returns before the page that it leads to is there
            button.click()
        return description

    return choose


class Stored(NamedTuple):
    """An event as stored in the shop's table."""

    type: str
    product_id: int | None
    items: list
    row_key: str
    query: str
    value: float | None
    event_id: str


@pytest.fixture
def stored(demo):
    """The events stored since the test began: stored(at_least=n) waits until there are n."""
    with closing(sqlite3.connect(f"file:{demo.data / 'shop.sqlite3'}?mode=ro", uri=True)) as base:
        began = datetime.now(UTC).replace(tzinfo=None)  # a page of an earlier test may still send its last events
        columns = "type, product_id, items, row_key, query, value, event_id"

        def events(at_least=0):
            deadline = time.monotonic() + 20
            while True:
                rows = base.execute(f"SELECT {columns} FROM personalization_event WHERE occurred_at > ?", [str(began)])
                fetched = rows.fetchall()
                if len(fetched) >= at_least or time.monotonic() > deadline:
                    return [Stored(*row)._replace(items=json.loads(row[2])) for row in fetched]
                time.sleep(0.1)

        yield events


@pytest.fixture
def browser_of(chromium, shop):
    """A new browser with consent: browser_of(agreed=True, **options of Playwright's new_context)."""
    contexts = []

    def open_browser(agreed=True, **more):
        context = chromium.new_context(**{"viewport": WIDE, "user_agent": SHOPPER, **more})
        contexts.append(context)
        if agreed:
            choice = f"granted.1.{int(time.time()) - 60}"
            context.add_cookies(
                [
                    {
                        "name": cookies.CONSENT_COOKIE,
                        "value": choice,
                        "url": shop.replace("http:", "https:"),
                        "httpOnly": True,
                    }
                ]
            )
        return context

    yield open_browser
    for context in contexts:
        context.close()


@pytest.fixture
def looked(browser_of, shop, stored):
    """The home page of a browser that viewed a product and has a row because of it."""
    page = browser_of().new_page()
    with page.expect_response("**/personalization/events/"):  # with it comes the cookie
        open_a_product(page, shop)
    stored(1)
    page.goto(shop)
    expect(page.locator(PERSONAL)).to_have_count(1)
    return page


def open_a_product(page, shop) -> int:
    """Goes to the page of a best seller, not through a row; the product's key."""
    home = page.request.get(shop).text()
    bestsellers = home[home.index('data-row="bestsellers"') :]
    key, address = re.search(r'data-product="(\d+)".*?<a href="([^"]+)"', bestsellers, re.S).groups()
    page.goto(shop + address)
    return int(key)


def products(row) -> list[int]:
    return [int(card.get_attribute("data-product")) for card in row.locator("[data-product]").all()]
