"""Rows in order, products in rows: on drafts made by hand."""

from dataclasses import replace

from personalization.decide.layout import LayoutLimits, ProposedRow, fill_rows, sort_rows
from personalization.decide.slate import Candidate, Link, Reason, RowType, product_ref


def draft(code, products, fewest=1, personal=False, strength=0.0):
    candidates = [Candidate(product_ref(product), 1.0, Reason("any")) for product in products]
    row_type = RowType(code, str, str, discloses_activity=False, personal=personal, min_items=fewest)
    return ProposedRow(row_type, Reason(code), candidates, strength)


def arranged(drafts, row_size=3, basket=frozenset(), sold_out=()):
    asked = []

    def look_up(items):
        asked.append(sorted(item.id for item in items))
        return {item: f"card {item.id}" for item in items if item.id not in sold_out}

    limits = LayoutLimits(row_size, personal_rows=2, rows=4)
    rows = fill_rows(sort_rows(drafts), limits, map(product_ref, basket), look_up)
    shown = [one for one in rows if not one.hidden_because]
    return {one.row.reason.code: [candidate.item.id for candidate, _ in one.items] for one in shown}, asked


def test_the_strongest_personal_rows_stand_above_the_generic_ones():
    drafts = [
        draft("generic", [1]),
        draft("weak", [2], personal=True, strength=0.1),
        draft("strong", [3], personal=True, strength=0.9),
        draft("middle", [4], personal=True, strength=0.5),
        draft("last", [5]),
    ]
    rows, _ = arranged(drafts)
    assert list(rows) == ["strong", "middle", "generic", "last"]


def test_a_personal_row_that_cannot_be_filled_leaves_its_place_to_the_next():
    drafts = [draft(str(n), [n], personal=True, strength=n, fewest=2 if n == 9 else 1) for n in (7, 8, 9)]
    assert arranged(drafts)[0] == {"8": [8], "7": [7]}


def test_of_the_personal_rows_the_best_of_each_type_stands_first():
    drafts = [draft("again", [1], personal=True, strength=0.9), draft("again", [2], personal=True, strength=0.8)]
    rows = sort_rows([*drafts, draft("because", [3], personal=True, strength=0.1)])
    assert [one.candidates[0].item.id for one in rows] == [1, 3, 2]


def test_a_row_goes_from_which_little_is_expected():
    rows = [
        draft("again", [1], personal=True, strength=1.0),
        replace(draft("much", [2, 3]), probability={2: 0.1, 3: 0.1}),
        replace(draft("little", [4, 5]), probability={2: 0.1, 4: 0.1}),
    ]
    limits = LayoutLimits(min_relative_use=0.15)
    filled = fill_rows(rows, limits, (), lambda items: dict.fromkeys(items, "card"))
    assert [one.hidden_because for one in filled] == ["", "", "little_use"]


def test_a_page_has_only_so_many_rows():
    rows, asked = arranged([draft(str(n), [n]) for n in range(9)])
    assert list(rows) == ["0", "1", "2", "3"]
    assert asked == [[0, 1, 2, 3]]


def test_a_product_stands_in_the_first_row_that_wants_it():
    rows, _ = arranged([draft("first", [1, 2, 3, 4]), draft("second", [3, 2, 4, 5, 6])])
    assert rows == {"first": [1, 2, 3], "second": [4, 5, 6]}


def test_all_rows_share_one_look_up():
    _, asked = arranged([draft("first", range(0, 40)), draft("second", range(100, 140))])
    assert asked == [[0, 1, 2, 3, 4, 100, 101, 102, 103, 104]]


def test_the_next_best_takes_the_place_of_what_is_sold_out():
    rows, asked = arranged([draft("row", range(40))], sold_out={0, 2})
    assert rows == {"row": [1, 3, 4]}
    assert len(asked) == 1


def test_when_almost_all_is_sold_out_the_third_look_up_finds_what_is_left():
    rows, asked = arranged([draft("row", range(40))], sold_out=set(range(38)))
    assert rows == {"row": [38, 39]}
    assert len(asked) == 3


def test_a_row_that_is_too_short_takes_nothing_from_the_others():
    rows, _ = arranged([draft("short", [1, 2], fewest=3), draft("next", [2, 1, 5])])
    assert rows == {"next": [2, 1, 5]}


def test_what_lies_in_the_basket_is_not_even_looked_up():
    rows, asked = arranged([draft("row", [1, 2, 3])], basket={2})
    assert rows == {"row": [1, 3]}
    assert asked == [[1, 3]]


def test_nothing_to_show_asks_nothing():
    assert arranged([]) == ({}, [])
    assert arranged([draft("row", [])]) == ({}, [])


def test_a_row_that_leads_somewhere_may_do_without_products():
    links = (Link("basket", {"items": 2}),)
    drafts = [replace(draft(code, [], fewest=0), links=ways) for code, ways in (("empty", ()), ("leading", links))]
    assert arranged([*drafts, draft("full", [1])])[0] == {"leading": [], "full": [1]}


def test_a_row_that_leads_somewhere_takes_a_rows_place():
    personal = [draft(str(n), [], fewest=0, personal=True, strength=9.0 - n) for n in range(3)]
    drafts = [replace(one, links=(Link("basket"),)) for one in personal]
    assert list(arranged([*drafts, draft("generic", [1])])[0]) == ["0", "1", "generic"]


def test_another_size_stands_where_the_one_that_stands_for_it_cannot():
    row = draft("generic", [1, 2, 3])
    folded = replace(row, candidates=[*(replace(one, size_family=7) for one in row.candidates[:2]), row.candidates[2]])
    assert arranged([folded])[0] == {"generic": [1, 3]}
    assert arranged([folded], sold_out={1})[0] == {"generic": [2, 3]}
    assert arranged([folded], basket={1, 2})[0] == {"generic": [3]}
    assert arranged([replace(folded, reason=Reason("above")), folded])[0] == {"above": [1, 3]}
