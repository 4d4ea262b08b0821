"""Other shops with our three lines, each in a process of its own."""

import json

import pytest

OURS = "personalization.oscar.listing_views"
LISTINGS = ("catalogue", "category", "search")


def test_a_plain_shop_with_three_lines_starts_migrates_passes_check_and_has_rows(process):
    assert process("adopted", "django", "check", "--fail-level", "WARNING").endswith("(0 silenced).\n")
    process("adopted", "django", "migrate", "--verbosity", "0")
    pages = json.loads(process("adopted", "tests.adoption.probe_main_pages"))
    assert {name: page["status"] for name, page in pages.items()} == dict.fromkeys(pages, 200)
    assert {name for name, page in pages.items() if page["rows"]} == {"home", "product", "basket"}
    assert all(OURS in pages[name]["ancestors"] for name in LISTINGS)


def test_a_shop_that_forked_search_and_has_its_own_class_loader_keeps_both_and_has_our_order(process):
    assert process("forked_search", "django", "check", "--fail-level", "WARNING").endswith("(0 silenced).\n")
    pages = json.loads(process("forked_search", "tests.adoption.probe_main_pages"))
    assert {name: page["made_by"] for name, page in pages.items() if page["made_by"]} == {
        "catalogue": "the shop's listing",
        "category": "the shop's listing, in a category",
        "search": "the shop's listing",
    }
    assert pages["search"]["form"] == "tests.adoption.own_search_form"
    for name in LISTINGS:
        ancestors = pages[name]["ancestors"]
        assert "tests.adoption.forked_search.views.base" in ancestors[ancestors.index(OURS) :]
    assert {page["status"] for page in pages.values()} == {200}


def test_every_page_of_oscars_answers_as_it_does_without_us(process, plain):
    """But for the home page, and for what leads to it: the thank-you page without an order."""
    adopted = json.loads(process("adopted", "tests.adoption.probe_all_pages"))
    assert len(plain["ann"]) > 150
    assert plain["ann"].keys() == adopted["ann"].keys()
    assert {
        (who, name)
        for who, pages in plain.items()
        for name, page in pages.items()
        if not _as_before(page, adopted[who][name])
    } == {
        *((who, name) for who in ("nobody", "ann") for name in ("root", "home")),
        ("ann", "checkout:thank-you"),
    }
    assert adopted["ann"]["checkout:thank-you"]["leads to"] == "/"


@pytest.mark.parametrize("shop", ["without_urls", "second_urls"])
def test_every_page_of_oscars_answers_without_our_urls_as_it_does_without_us(process, plain, shop):
    ours = json.loads(process(shop, "tests.adoption.probe_all_pages"))
    assert {
        (who, name, page["status"], ours[who][name]["status"])
        for who, pages in plain.items()
        for name, page in pages.items()
        if name in ours[who] and not _as_before(page, ours[who][name])
    } == set()
    assert plain["ann"].keys() == ours["ann"].keys()


def _as_before(page, now):
    """Whether a page answers the same; it may have more forms, but no fewer."""
    same = all(page[name] == now[name] for name in ("status", "leads to", "title"))
    return same and set(page["fields"]) <= set(now["fields"])
