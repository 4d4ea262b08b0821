"""The arithmetic of back-tests, by hand-made pages."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.measure.back_test import BackTest, PageKind, ReplayedPage, compare_pages
from personalization.measure.back_test_words import describe_back_test, page_label


def page(before, after, chosen, *, person=1, first=2):
    return ReplayedPage(person, tuple(before), tuple(after), frozenset(chosen), first)


CASES = {
    "nothing moves": (
        [page([1, 2, 3], [1, 2, 3], [3])],
        BackTest(1, 1, 0, 1, place_before=3, place_after=3),
    ),
    "a purchase moves up into the first places, three give way": (
        [page([1, 2, 3, 4], [4, 1, 2, 3], [4])],
        BackTest(1, 1, moved=4, chosen=1, higher=1, place_before=4, place_after=1, first_after=1),
    ),
    "a purchase gives way out of them": (
        [page([1, 2, 3], [3, 1, 2], [2])],
        BackTest(1, 1, moved=3, chosen=1, lower=1, place_before=2, place_after=3, first_before=1),
    ),
    "a hidden purchase is in no mean place": (
        [page([1, 2, 3], [2, 3], [1, 3])],
        BackTest(1, 1, 3, chosen=2, higher=1, hidden=1, place_before=3, place_after=2, first_before=1, first_after=1),
    ),
    "a purchase that comes to the page is in none either": (
        [page([1, 2], [1, 9], [9])],
        BackTest(1, 1, moved=2, chosen=1, higher=1, first_after=1),
    ),
    "a page without what was chosen says nothing": ([page([1, 2], [2, 1], [7])], BackTest()),
    "two purchases of one customer on two pages, each by itself": (
        [page([1, 2, 3], [3, 2, 1], [3]), page([3, 4], [3, 4], [3])],
        BackTest(2, 1, 2, 2, higher=1, place_before=2, place_after=1, first_before=1, first_after=2),
    ),
    "the same product moved on two pages is one": (
        [page([1, 2], [2, 1], [1]), page([1, 2], [2, 1], [2], person=2)],
        BackTest(2, 2, 2, 2, 1, 1, place_before=1.5, place_after=1.5, first_before=2, first_after=2),
    ),
    "no page": ([], BackTest()),
}


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name):
    pages, expected = CASES[name]
    assert compare_pages(pages) == expected


def test_four_customers_are_too_few_and_five_are_not():
    one = page([1, 2], [2, 1], [1])
    pages = [replace(one, person=number) for number in range(5)]
    assert compare_pages(pages[:4]).is_too_small
    assert not compare_pages(pages).is_too_small
    assert compare_pages([*pages[:4], *pages[:4]]).is_too_small


PRODUCTS = st.lists(st.integers(1, 8), unique=True).map(tuple)
PAGES = st.lists(
    st.builds(ReplayedPage, st.integers(1, 3), PRODUCTS, PRODUCTS, st.frozensets(st.integers(1, 9)), st.integers(1, 4))
)


@given(PAGES)
def test_the_parts_are_never_more_than_the_whole(pages):
    found = compare_pages(pages)
    assert found.higher + found.lower + found.hidden <= found.chosen
    assert max(found.first_before, found.first_after) <= found.chosen
    assert (found.place_before is None) == (found.place_after is None)
    if found.changes_nothing:
        assert not found.higher + found.lower + found.hidden
        assert found.place_before == found.place_after


@given(PAGES)
def test_the_other_way_round_higher_and_lower_change_sides(pages):
    there = compare_pages(pages)
    back = compare_pages([replace(one, before=one.after, after=one.before) for one in pages])
    assert (there.moved, there.chosen) == (back.moved, back.chosen)
    assert there.higher == back.lower + back.hidden
    assert (there.place_before, there.first_before) == (back.place_after, back.first_after)


RESULT = BackTest(pages=9, people=7, moved=3, chosen=20, higher=12, lower=2, place_before=14.2, place_after=9.0)


@pytest.mark.parametrize(
    ("kind", "result", "words"),
    [
        (
            PageKind.CATEGORY_LIST,
            replace(RESULT, hidden=1, first_before=3, first_after=8),
            "On 9 pages of 7 customers: 3 products would have moved. 1 later purchase would have been hidden. "
            "Of 20 later purchases, 12 would have stood higher and 2 lower. Those there before and after would have "
            "stood on average at place 9 instead of 14. On the first page: 8 instead of 3.",
        ),
        (PageKind.HOME_ROWS, replace(RESULT, first_before=3, first_after=8), "Shown at all: 8 instead of 3."),
        (PageKind.HOME_ROWS, replace(RESULT, hidden=2), "2 later purchases would no longer have been there."),
        (PageKind.CATEGORY_LIST, replace(RESULT, place_after=13.6), "at place 13.6 instead of 14.2."),
        (PageKind.CATEGORY_LIST, replace(RESULT, place_after=14.21), "stay on average at place 14.2."),
        (
            PageKind.CATEGORY_LIST,
            replace(RESULT, higher=0, lower=0),
            "3 products would have moved. What was chosen afterwards would have stood where it stands.",
        ),
        (PageKind.SHOWN, replace(RESULT, hidden=2), "2 products that were clicked on or bought afterwards would not"),
        (PageKind.SHOWN, BackTest(), "It would have acted on none that they chose from."),
        (PageKind.HOME_ROWS, BackTest(), "It would have acted on no page on which anything of these orders stands."),
        (PageKind.HOME_ROWS, BackTest(pages=8, people=4, moved=3), "Too few yet: 4 of at least 5 customers chose"),
        (PageKind.HOME_ROWS, replace(RESULT, moved=0), "On 9 pages of 7 customers: nothing would have moved."),
    ],
)
def test_in_words(kind, result, words):
    assert words in describe_back_test(kind, result)


def test_every_kind_of_page_has_a_label_of_its_own():
    assert len({page_label(kind) for kind in PageKind}) == len(PageKind)
