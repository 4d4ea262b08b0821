"""A search that finds nothing, in Chromium: wide and narrow, with JavaScript and without."""

import pytest

from tests.browser.conftest import NARROW, WIDE

ROWS = ".personalization-row"


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "plain"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["desktop", "phone"])
def test_the_page_goes_on_where_the_words_point(page_of, shop, shot, viewport, javascript):
    page = page_of(viewport, javascript)
    page.goto(shop + "/search/?q=qqq+yogurts")
    assert "Found 0 results." in " ".join(page.locator("body").inner_text().split())
    titles = page.locator(f"{ROWS} h2").all_inner_texts()
    assert titles[0].startswith("Popular in Yogurt")
    assert 1 < len(titles) <= 3
    cards = page.locator(f"{ROWS} [data-product], {ROWS}__item").count()
    assert cards >= 6
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    shot(page, f"nothing-found-{viewport['width']}-{'script' if javascript else 'plain'}")


def test_a_card_of_the_page_leads_to_its_product(page_of, shop):
    page = page_of()
    page.goto(shop + "/search/?q=qqqqqq")
    assert page.locator(f"{ROWS} h2").all_inner_texts() == ["Bestsellers"]
    page.locator(f"{ROWS}__item a").first.click()
    assert "/catalogue/" in page.url


def test_markup_in_the_words_is_text(page_of, shop):
    page = page_of()
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(shop + "/search/?q=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%3Cscript%3Ealert(2)%3C/script%3E")
    assert page.locator(f"{ROWS}").count() >= 1
    assert dialogs == []
