"""The page of a product and its rows in Chromium: on a desk and on a phone, with JavaScript and without."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW, WIDE
from tests.browser.test_basket import sold_out

ROW = "section.personalization-row"
SHIFTS = """
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    for (const { node } of entry.sources)
      if (node?.parentElement?.closest(".personalization-row")) window.shifted = (window.shifted ?? 0) + entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
everywhere = pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without"])
on_both = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["desk", "phone"])


@pytest.fixture
def product(page_of, shop):
    """Opens the page of a bestseller: product(viewport=WIDE, javascript=True)."""

    def opened(viewport=WIDE, javascript=True):
        page = page_of(viewport, javascript)
        page.add_init_script(SHIFTS)
        page.goto(shop + page.locator('[data-row="bestsellers"] h3 a').nth(1).get_attribute("href"))
        return page

    return opened


def titles(page):
    return page.locator(f"{ROW} h2").all_inner_texts()


@everywhere
@on_both
def test_the_rows_stand_beneath_the_product_and_a_click_puts_one_into_the_basket(product, shot, viewport, javascript):
    page = product(viewport, javascript)
    name = page.locator("h1").inner_text()
    assert titles(page)[0] == f"Similar to {name}"
    assert titles(page)[-1] == f"Goes with {name}"
    shot(page, f"product-{viewport['width']}")
    address, row = page.url, page.locator(ROW).last
    wanted = row.locator("h3 a").first.inner_text()
    row.get_by_role("button", name="Add to basket").first.click()
    page.wait_for_load_state()
    if javascript:
        expect(row.locator(".personalization-stepper span")).to_have_text("1 in basket")
        assert page.url == address
        page.reload()
    else:
        assert page.url == f"{address}#personalization-product-bought_together"
        assert wanted in page.locator("#messages").inner_text()
    assert wanted not in page.locator(f"{ROW} h3 a").all_inner_texts()


@on_both
def test_the_rows_stand_before_the_reviews_and_near_the_product(product, viewport):
    page = product(viewport)
    button, row, reviews = (
        page.locator(place).first.bounding_box()["y"] for place in ("#add_to_basket_form", ROW, "#reviews")
    )
    assert button < row < reviews
    assert row - button < 900


@on_both
def test_one_or_two_cards_lie_beside_their_pictures_and_do_not_scroll(product, viewport, shot):
    page = product(viewport)
    page.locator(ROW).first.evaluate("""row => {
        row.classList.add("personalization-row--short");
        [...row.querySelectorAll("li")].slice(2).forEach(card => card.remove());
    }""")
    strip = page.locator(f"{ROW} .personalization-row__items").first
    assert strip.evaluate("strip => strip.scrollWidth <= strip.clientWidth")
    for card in strip.locator("li").all():
        picture, button = (card.locator(part).bounding_box() for part in (".image_container", "form"))
        assert picture["x"] + picture["width"] <= button["x"]
        assert button["width"] > 100
    strip.scroll_into_view_if_needed()
    shot(page, f"short-row-{viewport['width']}", full_page=False)


@everywhere
def test_on_a_phone_half_a_card_shows_that_there_is_more(product, javascript):
    page = product(NARROW, javascript)
    for row in page.locator(f"{ROW} .personalization-row__items:has(> :nth-child(3))").all():
        seen = row.evaluate("""row => {
            const { left, right } = row.getBoundingClientRect();
            return [...row.children].map(card => card.getBoundingClientRect()).map(
                card => Math.max(0, Math.min(card.right, right) - Math.max(card.left, left)) / card.width);
        }""")
        assert 0.3 < seen[1] < 0.7
        assert seen[0] == 1 and sum(seen[2:]) == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


@on_both
def test_nothing_of_ours_moves_while_the_page_is_read(product, viewport):
    page = product(viewport)
    for row in page.locator(ROW).all():
        row.scroll_into_view_if_needed()
        page.wait_for_timeout(300)
    pictures = page.locator(f"{ROW} img").evaluate_all("found => found.filter(one => one.naturalWidth).length")
    assert pictures > 0
    assert page.evaluate("window.shifted ?? 0") < 0.02


def faults(page, least=2):
    """What axe finds wrong with our rows, of which there are so many at least."""
    assert page.locator(ROW).count() >= least
    found = pytest.importorskip("axe_playwright_python.sync_playwright").Axe().run(page, context=ROW)
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]]


@on_both
def test_everybody_can_read_and_use_the_rows(product, shop, viewport):
    page = product(viewport)
    assert faults(page) == []
    page.goto(shop)
    assert faults(page) == []


@on_both
def test_where_it_has_sold_out_what_stands_in_for_it_stands_beneath_the_offer_to_be_told(product, demo, viewport, shot):
    page = product(viewport)
    with sold_out(demo, page.locator("h1").inner_text()):
        page.reload()
    assert titles(page)[0].startswith("Instead of ")
    shot(page, f"product-sold-out-{viewport['width']}")
    alert, row, more = (
        page.locator(place).first.bounding_box()["y"] for place in ("#alert_form", ROW, ".product_page table")
    )
    assert alert < row < more
    assert faults(page) == []


@on_both
def test_a_finger_finds_what_it_aims_at(product, viewport):
    page = product(viewport)
    sizes = page.locator(f"{ROW} :is(h3 a, button, summary)").evaluate_all(
        "found => found.map(one => one.getBoundingClientRect()).map(({ width, height }) => Math.min(width, height))"
    )
    assert min(sizes) >= 24


def test_written_from_right_to_left_the_first_card_is_the_rightmost_and_the_next_one_shows(product, shot):
    page = product(NARROW)
    page.evaluate("document.documentElement.dir = 'rtl'")
    shot(page, "product-right-to-left")
    row = page.locator(f"{ROW} .personalization-row__items:has(> :nth-child(3))").first
    first, second = (row.locator("li").nth(number).bounding_box() for number in (0, 1))
    assert first["x"] > second["x"]
    assert first["x"] + first["width"] <= NARROW["width"]
    assert second["x"] < 60 < second["x"] + second["width"]
