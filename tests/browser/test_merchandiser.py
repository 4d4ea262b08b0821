"""A merchandiser's first hour with campaigns, in Chromium: drafted, warned of, previewed, published, seen, undone.

With GUIDE_IMAGES the pictures of docs/merchant-guide.md are made anew in that folder.
"""

import json
import os
import re
import sqlite3
import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import SCREENSHOTS

CONSOLE = "/dashboard/personalization/"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture
def opened(chromium, shop):
    """Opens a page in a fresh browser, signed in as the shop's owner unless told otherwise."""
    contexts = []

    def page_at(path, viewport=DESK, *, signed_in=True, locale="en-GB", javascript=True):
        contexts.append(
            chromium.new_context(viewport=viewport, base_url=shop, locale=locale, java_script_enabled=javascript)
        )
        page = contexts[-1].new_page()
        if signed_in:
            page.goto("/dashboard/login/?next=" + path)
            page.fill("#id_username", "admin@example.com")
            page.fill("#id_password", "demo")
            with page.expect_navigation():
                page.press("#id_password", "Enter")
        page.goto(path)
        return page

    yield page_at
    for context in contexts:
        context.close()


@pytest.fixture
def water(demo):
    """The address of the page of the category Water, its key, and its products."""
    with sqlite3.connect(demo.data / "shop.sqlite3") as database:
        key, path = database.execute("SELECT id, path FROM catalogue_category WHERE name = 'Water'").fetchone()
        products = database.execute(
            "SELECT DISTINCT p.id, p.title FROM catalogue_product p JOIN catalogue_productcategory pc"
            " ON pc.product_id = p.id JOIN catalogue_category c ON c.id = pc.category_id"
            " WHERE c.path LIKE ? ORDER BY p.id",
            [path + "%"],
        ).fetchall()
    return f"/catalogue/category/drinks/water_{key}/", key, products


def picture(page, name):
    """A picture for the guide, where it is asked for, and one to look at."""
    for folder in (os.environ.get("GUIDE_IMAGES"), SCREENSHOTS):
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"merchant-{name}.png")


def titles(page):
    """The titles of the listed products, in order."""
    return page.locator(".product_pod h3 a").evaluate_all("links => links.map(link => link.title || link.textContent)")


def wait_until(page, address, holds):
    """Opens the page again until it is as it should be: what is published is there within ten seconds."""
    ends = time.monotonic() + 20
    while True:
        page.goto(address)
        if holds(page):
            return
        assert time.monotonic() < ends, titles(page)
        time.sleep(0.5)


def pin_to_the_top(page, name, product, category):
    """Fills in the form of a campaign that pins a product to the top of a category's page."""
    page.get_by_label("Name", exact=True).fill(name)
    line = page.locator("[data-line]").first
    line.get_by_label("Do", exact=True).select_option("pin")
    line.get_by_label("Products").fill(f"#{product}")
    line.get_by_label("at place").fill("1")
    page.get_by_role("checkbox", name="Category pages").check()
    details = page.get_by_text("Narrow it down")
    if not page.locator("#id_categories").is_visible():
        details.click()
    page.locator("#id_categories").select_option(str(category), force=True)


class Mouse:
    """How a merchandiser works with a page: with mouse or finger."""

    name = "mouse"

    def press(self, control):
        control.click()

    def fill(self, field, text):
        field.fill(text)

    def choose(self, field, label):
        field.select_option(label=label)

    def check(self, box):
        box.check()

    def pick(self, picker, label):
        """One of a list of which several may be chosen."""
        picker.select_option(label=label, force=True)


class Keyboard:
    """How a merchandiser works with a page: with nothing but its keys."""

    name = "keyboard"

    def reach(self, control):
        """Moves the focus with the tabulator alone until it is there."""
        page = control.page
        control.wait_for(state="attached")
        for _ in range(400):
            if control.evaluate("element => element === document.activeElement"):
                return page.keyboard
            page.keyboard.press("Tab")
        raise AssertionError(f"the tabulator does not lead to {control}")

    def press(self, control):
        self.reach(control).press("Enter")

    def fill(self, field, text):
        keys = self.reach(field)
        keys.press("Control+a")
        keys.type(text)

    def choose(self, field, label):
        keys, chosen = self.reach(field), field.locator("option:checked")
        keys.type(label)
        if chosen.inner_text().strip() != label:  # slow machines take it for several words
            keys.press("Home")
            for _ in range(field.locator("option").count()):
                if chosen.inner_text().strip() == label:
                    break
                keys.press("ArrowDown")
        expect(chosen).to_have_text(label)

    def check(self, box):
        self.reach(box).press("Space")

    def pick(self, picker, label):
        keys = self.reach(picker.locator("xpath=following-sibling::span[1]").locator(".select2-search__field"))
        keys.type(label)
        highlighted = picker.page.locator(".select2-results__option--highlighted")
        for _ in range(20):
            if highlighted.inner_text().strip() == label:
                break
            keys.press("ArrowDown")
        keys.press("Enter")
        expect(picker.locator("option:checked")).to_contain_text([label])


@pytest.fixture
def customer(demo):
    """(email, number of orders) of the first of the people whose view of the shop the demo offers."""
    email = json.loads((demo.data / "people.json").read_text())["people"][0]["email"]
    with sqlite3.connect(demo.data / "shop.sqlite3") as database:
        (orders,) = database.execute(
            "SELECT orders FROM personalization_customerfacts f JOIN auth_user u ON u.id = f.user_id WHERE email = ?",
            [email],
        ).fetchone()
    return email, orders


@pytest.fixture
def coffee(demo):
    """The address of the page of the category Coffee."""
    with sqlite3.connect(demo.data / "shop.sqlite3") as database:
        (key,) = database.execute("SELECT id FROM catalogue_category WHERE name = 'Coffee'").fetchone()
    return f"/catalogue/category/drinks/coffee_{key}/"


NEWCOMER = 7
"""The number of the person in the demo's bar who has not bought anything yet."""


def make_segment(page, hands, name, orders):
    """A segment of those who ordered at least so often; says how many they are."""
    hands.fill(page.get_by_label("Name", exact=True), name)
    condition = page.locator("[data-line]").first
    hands.choose(condition.get_by_label("Field"), "Orders")
    hands.choose(condition.get_by_label("Comparison"), "at least")
    hands.fill(condition.get_by_label("Number, or from"), str(orders))
    expect(page.locator("#members .personalization-number")).to_contain_text(re.compile(r"\d+ customers? \("))
    with page.expect_navigation():
        hands.press(page.get_by_role("button", name="Save", exact=True))
    expect(page.locator(".alert-success")).to_contain_text("is live in up to 10 seconds.")


def write_campaign(page, hands, name, segment, product):
    """A campaign that pins a product to the top of the page of Coffee for a segment, among the standing ones."""
    hands.fill(page.get_by_label("Name", exact=True), name)
    line = page.locator("[data-line]").first
    hands.choose(line.get_by_label("Do", exact=True), "Pin")
    hands.fill(line.get_by_label("Products"), f"#{product}")
    hands.fill(line.get_by_label("at place"), "1")
    hands.check(page.get_by_role("checkbox", name="Category pages"))
    hands.press(page.get_by_text("Narrow it down"))
    hands.pick(page.locator("#id_categories"), "\N{EM DASH} Coffee")
    hands.choose(page.get_by_label("For", exact=True), "customers who are signed in")
    hands.pick(page.locator("#id_in_segments"), segment)
    hands.choose(page.get_by_label("Block of the list"), "Standing")


def mend_conflict(page, hands, title):
    """Takes the place that is free, as the warning offers; what was written stays, and the grid shows it."""
    expect(page.locator("#effect")).to_contain_text("“Coffee week” stands higher and wins")
    with page.expect_navigation():
        hands.press(page.get_by_role("button", name="Use place 2").first)
    expect(page.locator("#effect")).to_contain_text("It collides with no other campaign.")
    expect(page.locator("[data-line]").first.get_by_label("at place")).to_have_value("2")
    after = page.locator("#grid tbody tr").nth(1).locator("td").last
    expect(after).to_contain_text(title)
    expect(after).to_contain_text("Pin")


def preview_draft(page, hands, name, address, email):
    """The frame with the page as the customer would see it with the draft."""
    hands.fill(page.get_by_label("Page", exact=True), address)
    hands.fill(page.get_by_label("As the customer"), email)
    hands.pick(page.locator("#id_drafts"), name)
    with page.expect_navigation():
        hands.press(page.get_by_role("button", name="Show the page"))
    return page.frame_locator("iframe").first


def shop_as(page, view_as, number, address):
    """The titles on a page of the shop as one of the people of the demo sees it."""
    view_as(page, number)
    page.goto(address)
    return titles(page)


@pytest.mark.parametrize(
    ("hands", "viewport"),
    [(Mouse(), DESK), (Mouse(), PHONE), (Keyboard(), DESK)],
    ids=["desk", "phone", "keyboard"],
)
def test_the_first_hour(opened, view_as, customer, coffee, hands, viewport):  # noqa: PLR0917 - fixtures
    email, orders = customer
    campaign, segment = (f"{one} {hands.name} {viewport['width']}" for one in ("Coffee for", "Regulars"))
    shopper, newcomer = (opened(coffee, signed_in=False) for _ in range(2))
    before, of_newcomer = shop_as(shopper, view_as, 0, coffee), shop_as(newcomer, view_as, NEWCOMER, coffee)
    title = before[-1]

    page = opened(CONSOLE + "segments/new/", viewport)
    make_segment(page, hands, segment, orders)
    page.goto(CONSOLE + "campaigns/new/")
    write_campaign(page, hands, campaign, segment, product_key(shopper, title))
    mend_conflict(page, hands, title)
    if viewport == DESK:
        picture(page.locator(".personalization-effect"), "before-after")
    with page.expect_navigation():
        hands.press(page.get_by_role("button", name="Save the draft"))

    page.goto(CONSOLE + "preview/")
    frame = preview_draft(page, hands, campaign, coffee, email)
    expect(frame.locator(".product_pod").nth(1)).to_contain_text("Chosen by us")
    expect(frame.locator(".product_pod h3 a").nth(1)).to_have_attribute("title", title)
    shopper.goto(coffee)
    assert titles(shopper) == before

    page.goto(CONSOLE + "campaigns/?state=draft")
    hands.press(page.get_by_role("link", name=campaign, exact=True))
    with page.expect_navigation():
        hands.press(page.get_by_role("button", name="Save and publish…"))
    with page.expect_navigation():
        hands.press(page.get_by_role("button", name="Publish"))
    wait_until(shopper, coffee, lambda shown: titles(shown)[1:2] == [title])
    expect(shopper.locator(".product_pod").nth(1)).to_contain_text("Chosen by us")
    newcomer.goto(coffee)
    assert titles(newcomer) == of_newcomer

    with page.expect_navigation():
        hands.press(page.get_by_role("button", name="Undo"))
    wait_until(shopper, coffee, lambda shown: titles(shown) == before)


def product_key(page, title):
    """The key of a product on the page, by its title."""
    address = page.locator(f'.product_pod h3 a[title="{title}"]').first.get_attribute("href")
    return re.search(r"_(\d+)/?(?:[?#].*)?$", address)[1]


def test_who_chooses_again_as_soon_as_an_answer_is_there_is_heard(opened):
    page = opened(CONSOLE + "segments/new/")
    line = page.locator("[data-line]").first
    page.evaluate(
        """() => document.addEventListener("htmx:afterSwap", function again(event) {
            if (!event.target.matches("[data-line]")) return;  // it may be the number of customers
            document.removeEventListener("htmx:afterSwap", again);
            setTimeout(() => {
                const field = document.querySelector("[data-line] [name$=-field]");
                field.value = [...field.options].find((one) => one.text === "Orders").value;
                field.dispatchEvent(new Event("change", { bubbles: true }));
            });
        })"""
    )
    line.get_by_label("Field").select_option(label="Last order")
    expect(line.get_by_label("Number, or from")).to_be_visible()
    expect(line.get_by_label("Field").locator("option:checked")).to_have_text("Orders")


def test_a_campaign_is_dragged_to_its_place_and_moved_by_buttons(opened):
    page = opened(CONSOLE + "campaigns/?surface=category")
    lines = page.locator(".personalization-line")
    first, last = lines.first, lines.last
    moved = last.locator("h3 a").inner_text()
    with page.expect_navigation():
        last.locator("h3").drag_to(first.locator("h3"), target_position={"x": 5, "y": 2})
    line = page.locator(".personalization-line", has=page.get_by_role("link", name=moved, exact=True))
    expect(line).to_be_focused()
    expect(page.locator("#personalization-live")).to_contain_text(f"Moved “{moved}” to place")
    place = line.locator("[name=place]").input_value()
    with page.expect_navigation():
        line.get_by_role("button", name=f"Move {moved} down").click()
    expect(line.locator("[name=place]")).to_have_value(str(int(place) + 1))
    expect(line).to_be_focused()


def test_the_lines_of_a_campaign_are_dragged_and_moved_by_buttons_and_numbers(opened):
    page = opened(CONSOLE + "campaigns/new/")
    page.get_by_role("button", name="Add a line").click()
    lines = page.locator("#campaign [data-sortable]")
    for number, what in enumerate(("boost", "bury")):
        lines.nth(number).get_by_label("Do", exact=True).select_option(what)

    def order():
        return [lines.nth(number).get_by_label("Do", exact=True).input_value() for number in range(lines.count())]

    assert order()[:2] == ["boost", "bury"]
    lines.nth(1).drag_to(lines.nth(0), source_position={"x": 4, "y": 4}, target_position={"x": 4, "y": 4})
    assert order()[:2] == ["bury", "boost"]
    expect(page.locator("#personalization-live")).to_have_text(re.compile(r"Moved to place 1 of \d\."))
    lines.nth(0).get_by_role("button", name="Move this line down").press("Enter")
    assert order()[:2] == ["boost", "bury"]
    expect(lines.nth(1).get_by_role("button", name="Move this line down")).to_be_focused()
    assert [lines.nth(n).get_by_label("Place among the lines").input_value() for n in (0, 1)] == ["1", "2"]


def test_a_file_of_a_spreadsheet_is_added_to_the_products(opened, tmp_path):
    page = opened(CONSOLE + "campaigns/new/")
    file = tmp_path / "pins.csv"
    file.write_bytes("\ufeffupc;place\r\n#1;3\r\n".encode())
    line = page.locator("[data-line]").first
    line.get_by_label("Do", exact=True).select_option("pin")
    line.get_by_label("Add a CSV file").set_input_files(file)
    expect(line.get_by_label("Products")).to_have_value(re.compile("#1;3"))


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_pin_is_drafted_warned_of_published_seen_and_undone(opened, water, viewport):
    address, category, products = water
    stranger = opened(address, signed_in=False)
    before = titles(stranger)
    (last_key, last_title) = next(pair for pair in reversed(products) if pair[1] == before[-1])
    name = f"Water of the week {viewport['width']}"

    page = opened(CONSOLE + "campaigns/", viewport)
    if viewport == DESK:
        picture(page, "campaigns")
    page.get_by_role("link", name="New campaign").click()
    pin_to_the_top(page, name, last_key, category)
    expect(page.locator("#effect")).to_contain_text("Touches 1 product now")
    expect(page.locator("#effect")).to_contain_text("It collides with no other campaign.")
    if viewport == DESK:
        picture(page, "editor")
    with page.expect_navigation():
        page.get_by_role("button", name="Save and publish…").click()
    expect(page.locator("h1")).to_have_text(f"Publish “{name}”?")
    if viewport == DESK:
        picture(page, "publish")
    assert titles(opened(address, signed_in=False)) == before
    with page.expect_navigation():
        page.get_by_role("button", name="Publish").click()
    expect(page.locator(".alert-success")).to_contain_text("is live in up to 10 seconds.")

    wait_until(stranger, address, lambda shown: titles(shown)[:1] == [last_title])
    first = stranger.locator(".product_pod").first
    expect(first).to_contain_text("Chosen by us")
    assert sorted(titles(stranger)) == sorted(before)
    if viewport == DESK:
        picture(stranger, "shop")

    with page.expect_navigation():
        page.get_by_role("button", name="Undo").click()
    wait_until(stranger, address, lambda shown: titles(shown) == before)
    expect(stranger.locator(".product_pod").first).not_to_contain_text("Chosen by us")


def test_the_demo_shows_a_conflict_and_says_who_wins(opened):
    page = opened(CONSOLE + "campaigns/?state=conflict")
    expect(page.locator(".personalization-warning").first).to_contain_text("“Coffee week” stands higher and wins")


def test_a_draft_is_previewed_before_shoppers_see_it(opened):
    page = opened(CONSOLE + "preview/")
    page.locator("#id_drafts").select_option(label="Christmas baking", force=True)
    page.get_by_label("Beside it").select_option("campaigns")
    with page.expect_navigation():
        page.get_by_role("button", name="Show the page").click()
    frames = [frame for frame in page.frames if "personalization_preview" in frame.url]
    assert len(frames) == 2
    for frame in frames:
        frame.wait_for_load_state()
        expect(frame.get_by_text("Nothing here counts for the customer.")).to_be_visible()
    picture(page, "preview")


def test_a_campaign_is_made_by_keyboard_alone(opened):
    page = opened(CONSOLE + "campaigns/")
    with page.expect_navigation():
        page.keyboard.press("n")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "id_name":
            break
    page.keyboard.type("By keyboard")
    page.keyboard.press("Tab")
    page.keyboard.type("Never")  # the action whose label begins so
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("#1")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "home":
            break
    page.keyboard.press("Space")
    with page.expect_navigation():
        page.keyboard.press("Control+s")
    expect(page.locator(".alert-success")).to_contain_text("The draft of “By keyboard” is saved.")


def test_without_javascript_a_campaign_is_saved_all_the_same(opened):
    page = opened(CONSOLE + "campaigns/new/", javascript=False)
    page.fill("#id_name", "Without script")
    page.select_option("#id_what-0-do", "exclude")
    page.fill("#id_what-0-products", "#1")
    page.check("input[name=surfaces][value=home]")
    with page.expect_navigation():
        page.get_by_role("button", name="Save the draft").click()
    expect(page.locator(".alert-success")).to_contain_text("The draft of “Without script” is saved.")


@pytest.mark.parametrize(("viewport", "locale"), [(DESK, "en-GB"), (PHONE, "de-DE")], ids=["desk", "phone"])
@pytest.mark.parametrize(
    "screen", ["", "campaigns/", "campaigns/new/?template=new", "segments/", "segments/new/", "preview/", "data/"]
)
def test_each_screen_is_clean_and_fits(opened, screen, locale, viewport):
    page = opened(CONSOLE + screen, viewport, locale=locale)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    ours = Axe().run(page, context=".personalization-console").response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in ours] == []
    name = re.sub(r"\W+", "-", screen).strip("-") or "overview"
    page.screenshot(path=SCREENSHOTS / f"console-{name}-{locale[:2]}-{viewport['width']}.png", full_page=True)
