"""How lists are sorted, in Chromium: the sort box, a misspelt search, and what cards say of purchases."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NARROW, WIDE

CATALOGUE = "/catalogue/"
SORT = "#id_sort_by"
TYPOS = {
    "mlik": "milk",
    "bred": "bread",
    "icecream": "ice cream",
    "dogfood": "dog food",
    "choclate": "chocolate",
    "yoghurt": "yogurt",
    "chese": "cheese",
}


def titles(page) -> list[str]:
    return [title.get_attribute("title") for title in page.locator(".product_pod h3 a").all()]


def chosen(page) -> str:
    return page.locator(SORT).evaluate("box => box.options[box.selectedIndex].text")


@pytest.fixture
def known(page_of, view_as, shop):
    """A household with a year of purchases, at the catalogue."""

    def opened(viewport=WIDE, javascript=True):
        page = page_of(viewport, javascript)
        view_as(page, 0)
        page.goto(shop + CATALOGUE)
        return page

    return opened


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_stranger_chooses_another_order_and_ours_again(page_of, shop, shot, viewport):
    page = page_of(viewport)
    page.goto(shop + CATALOGUE)
    ours = titles(page)
    assert chosen(page) == "Recommended"
    shot(page, f"listing-stranger-{viewport['width']}", full_page=False)
    with page.expect_navigation():
        page.locator(SORT).select_option(label="Relevancy")
    assert chosen(page) == "Relevancy" and titles(page) != ours
    with page.expect_navigation():
        page.locator(SORT).select_option(label="Recommended")
    assert chosen(page) == "Recommended" and titles(page) == ours


def test_the_list_is_the_same_without_javascript(page_of, shop):
    page = page_of(WIDE, False)
    page.goto(shop + CATALOGUE)
    assert chosen(page) == "Recommended"
    ours = titles(page)
    page.goto(f"{shop}{CATALOGUE}?sort_by=relevancy")
    assert chosen(page) == "Relevancy" and titles(page) != ours


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_household_finds_what_it_buys_first_and_reads_when(known, shop, shot, viewport):
    page = known(viewport)
    page.goto(f"{shop}/search/?q=milk")
    shot(page, f"listing-household-{viewport['width']}", full_page=False)
    first = page.locator(".product_pod").first
    expect(first).to_contain_text(re.compile(r"You bought it|bought", re.IGNORECASE))
    page.goto(f"{shop}/search/?q=milk&sort_by=price-asc")
    assert chosen(page) == "Price low to high"


@pytest.mark.parametrize(("typo", "meant"), TYPOS.items(), ids=TYPOS)
def test_the_demos_own_typos_lead_to_what_was_meant(page_of, shop, typo, meant):
    page = page_of(WIDE)
    page.goto(f"{shop}/search/?q={typo}")
    expect(page.locator(".personalization-spelling")).to_contain_text(f"Showing results for {meant}.")
    found = titles(page)
    assert found and all(word.rstrip("s") in found[0].lower() for word in meant.split())
    page.locator(".personalization-spelling a").click()
    expect(page.locator(".personalization-spelling")).to_have_count(0)
    assert "spelling=off" in page.url


def test_a_misspelt_search_fits_a_phone(page_of, shop, shot):
    page = page_of(NARROW)
    page.goto(f"{shop}/search/?q=choclate mlik")
    shot(page, "listing-typo-360", full_page=False)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
