"""What campaigns do to a row or a list: the table of conflicts, and what holds for all of them."""

from dataclasses import dataclass, field, replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as some

from personalization.decide import merchandising as told
from personalization.decide.layout import LayoutLimits, ProposedRow, fill_rows
from personalization.decide.merchandising import merchandise_row, resolve
from personalization.decide.slate import Candidate, Reason, RowType, product_ref
from personalization.merchandising.compiled import Band, Do
from tests.decide.campaigns import act, acting, campaign, pin, slot

A, B, C, D, E, F, G, H, I, J = PRODUCTS = tuple(range(1, 11))  # noqa: E741 - the names of the specification
Z = 26
BY_LETTER = dict(zip("ABCDEFGHIJZ", (*PRODUCTS, Z), strict=True))


@dataclass(frozen=True)
class Conflict:
    """A line of the table."""

    campaigns: tuple
    """In the order in which they count, but for their bands."""
    expected: str
    """The letters of the products; "" where the row is not shown."""
    noted: dict[int, list[str]] = field(default_factory=dict)
    """By campaign, what its actions did."""
    size: int | None = 6
    personal: bool = False
    sold_out: tuple[int, ...] = ()
    not_wanted: tuple[int, ...] = ()
    fewest: int = 1
    products: tuple[int, ...] = PRODUCTS
    is_list: bool = False
    """Whether it is a list, all of which is shown."""

    def resolve(self, campaigns):
        facts = {**dict.fromkeys(self.sold_out, "not_buyable"), **dict.fromkeys(self.not_wanted, "not_wanted")}
        return resolve(
            self.products,
            acting(*campaigns),
            size=None if self.is_list else self.size,
            personal=self.personal,
            fewest=self.fewest,
            may_not_stand=facts,
        )


CONFLICTS = {
    1: Conflict((campaign(1, pin(G)), campaign(2, pin(H))), "GHABCD", {1: [told.PLACED], 2: [told.PLACE_TAKEN]}),
    2: Conflict(
        (campaign(1, pin(G)), campaign(2, pin(G, place=4))), "GABCDE", {1: [told.PLACED], 2: [told.PINNED_ALREADY]}
    ),
    3: Conflict(
        (campaign(1, pin(C), band=Band.MUST), campaign(2, act(Do.EXCLUDE, C), band=Band.STANDING)),
        "ABDEFG",
        {1: [told.EXCLUDED], 2: [told.REMOVED]},
    ),
    4: Conflict(
        (campaign(1, act(Do.BOOST, E)), campaign(2, act(Do.BURY, E))),
        "ABCDEFGHIJ",
        {1: [told.CANCELLED], 2: [told.CANCELLED]},
        is_list=True,
    ),
    5: Conflict(
        (campaign(1, act(Do.BOOST, H)), campaign(2, act(Do.BOOST, H), act(Do.BOOST, I, strength=1))),
        "AHBCDEFGIJ",
        {1: [told.MOVED], 2: [told.MOVED, told.MOVED]},
        is_list=True,
    ),
    6: Conflict((campaign(1, act(Do.BOOST, D, F, J, strength=3)),), "DFJABCEGHI", {1: [told.MOVED]}, is_list=True),
    7: Conflict(
        (campaign(1, pin(F, place=3), act(Do.BOOST, F, strength=3)),), "ABFCDE", {1: [told.MOVED, told.PLACED]}
    ),
    8: Conflict(
        (campaign(1, act(Do.ONLY, A, B, C, D)), campaign(2, act(Do.ONLY, C, D, E, F))),
        "CD",
        {1: [told.KEPT], 2: [told.KEPT]},
        fewest=2,
    ),
    9: Conflict((campaign(1, act(Do.ONLY, A, B)), campaign(2, act(Do.ONLY, E, F))), ""),
    10: Conflict((campaign(1, pin(A, J)),), "BJCDEF", {1: [told.MAY_NOT_STAND, told.PLACED]}, sold_out=(A,)),
    11: Conflict((campaign(1, pin(B), band=Band.MUST),), "ACDEFG", {1: [told.MAY_NOT_STAND]}, not_wanted=(B,)),
    12: Conflict(
        (campaign(1, pin(E)), campaign(2, slot(2, 3, E, H, J))),
        "EHJABC",
        {1: [told.PLACED], 2: [told.PLACED, told.PLACED]},
    ),
    13: Conflict((campaign(1, slot(2, 3, Z)),), "ABCDEF", {1: [told.MATCHED_NOTHING]}),
    14: Conflict(
        (campaign(1, pin(I), band=Band.STANDING), campaign(2, pin(J))),
        "JIABCD",
        {1: [told.PLACE_TAKEN], 2: [told.PLACED]},
    ),
    15: Conflict((campaign(1, pin(Z), pin(D)),), "DABCEFGHIJ", {1: [told.NOT_FOUND, told.PLACED]}, is_list=True),
    16: Conflict((campaign(1, pin(F, G, H, I)),), "FGHABC", {1: [*[told.PLACED] * 3, told.HALF_OF_ROW]}, personal=True),
    17: Conflict((campaign(1, pin(C, place=5)),), "ABC", {1: [told.PLACED]}, products=(A, B, C)),
    18: Conflict(
        (campaign(1, act(Do.BURY, A, B, strength=3)), campaign(2, pin(B, place=2))),
        "CBDEFGHIJA",
        {1: [told.MOVED], 2: [told.PLACED]},
        is_list=True,
    ),
    19: Conflict((campaign(1, act(Do.BOOST, F, strength=1)),), "ABCDFEGHIJ", {1: [told.MOVED]}, is_list=True),
    20: Conflict((campaign(1, act(Do.BOOST, F)),), "ABFCDEGHIJ", {1: [told.MOVED]}, is_list=True),
}


def letters(products):
    names = {key: letter for letter, key in BY_LETTER.items()}
    return "".join(names[key] for key in products)


def noted(resolution):
    by_campaign = {}
    for outcome in resolution.outcomes:
        by_campaign.setdefault(outcome.campaign, []).append(outcome.outcome)
    return by_campaign


@pytest.mark.parametrize("number", CONFLICTS)
def test_the_table_of_conflicts(number):
    conflict = CONFLICTS[number]
    resolution = conflict.resolve(conflict.campaigns)
    assert letters(resolution.order) == conflict.expected
    assert resolution.hidden == (not conflict.expected)
    if conflict.noted:
        assert noted(resolution) == conflict.noted


@pytest.mark.parametrize("number", CONFLICTS)
def test_the_order_in_which_campaigns_were_made_changes_nothing(number):
    """Their keys say when; what counts is their place in the list."""
    conflict = CONFLICTS[number]
    keys = [one.id for one in conflict.campaigns]
    for made in permutations(keys):
        again = [replace(one, id=key) for one, key in zip(conflict.campaigns, made, strict=True)]
        assert letters(conflict.resolve(again).order) == conflict.expected


def as_row(conflict, code="row"):
    acts = acting(*conflict.campaigns)
    wanted = [key for key in conflict.products if key not in conflict.not_wanted]
    order, merchandised = merchandise_row(wanted, acts, trace=True)
    removed = [key for key in conflict.products if key not in order]
    candidates = [Candidate(product_ref(key), 1.0, Reason("in_range")) for key in (*order, *removed)]
    row_type = RowType(code, str, str, discloses_activity=False, personal=conflict.personal, min_items=conflict.fewest)
    return ProposedRow(row_type, Reason(code), candidates, merchandised=merchandised)


@pytest.mark.parametrize("number", [key for key, one in CONFLICTS.items() if not one.is_list])
def test_a_row_of_a_page_is_filled_as_the_table_says(number):
    conflict = CONFLICTS[number]
    excluded = map(product_ref, conflict.not_wanted)

    def look_up(items):
        return {item: "card" for item in items if item.id not in conflict.sold_out}

    (filled,) = fill_rows([as_row(conflict)], LayoutLimits(conflict.size), excluded, look_up)
    assert letters(candidate.item.id for candidate, _ in filled.items) == conflict.expected


THREE = LayoutLimits(3)


def page(*drafts, limits=THREE, sold_out=(), **more):
    """The products of each row of a page, "" where it is not shown; `drafts` are conflicts."""
    rows = [as_row(draft, f"row{number}") for number, draft in enumerate(drafts)]
    gone = set(map(product_ref, sold_out))
    shelved = set()

    def look_up(items):
        shelved.update(items & gone)
        return dict.fromkeys(items if more.get("listed") else items - gone, "card")

    return fill_rows(rows, limits, (), look_up, shelved), rows


def shown(filled):
    return [letters(candidate.item.id for candidate, _ in row.items) for row in filled]


def test_what_a_lower_row_pins_no_higher_row_takes():
    above, below = Conflict((), "", products=(A, B, C, D)), Conflict((campaign(1, pin(A)),), "", products=(B, E, F))
    assert shown(page(above, below)[0]) == ["BCD", "AEF"]


def test_a_pin_of_two_rows_stands_in_the_first():
    both = campaign(1, pin(J, place=2))
    first, second = Conflict((both,), "", products=(A, B, C)), Conflict((both,), "", products=(D, E, F))
    filled, _ = page(first, second)
    assert shown(filled) == ["AJB", "DEF"]
    assert [one.outcome for one in filled[1].outcomes] == [told.PINNED_ALREADY]


def test_the_campaign_that_counts_more_gets_the_product_wherever_its_row_is():
    stronger, weaker = acting(campaign(1, pin(J)), campaign(2, pin(J)))
    rows = [as_row(Conflict((), "", products=some_of)) for some_of in ((A, B, C), (D, E, F))]
    rows = [
        replace(row, merchandised=told.MerchandisedRow((one,)))
        for row, one in zip(rows, (weaker, stronger), strict=True)
    ]
    filled = fill_rows(rows, LayoutLimits(3), (), lambda items: dict.fromkeys(items, "card"))
    assert shown(filled) == ["ABC", "JDE"]


def test_a_row_that_is_not_shown_gives_its_pin_to_the_next():
    pins = campaign(1, pin(J))
    few, enough = Conflict((pins,), "", products=(A,), fewest=2), Conflict((pins,), "", products=(B, C, D))
    filled, _ = page(few, enough)
    assert shown(filled) == ["", "JBC"]
    assert [one.outcome for one in filled[0].outcomes] == [told.ROW_HIDDEN]


def test_a_pin_does_not_make_a_row_that_has_too_little_of_its_own():
    assert shown(page(Conflict((campaign(1, pin(J)),), "", products=(A,), fewest=2))[0]) == [""]


def test_a_sold_out_pin_steps_aside_unless_it_says_otherwise():
    silent, says_so = campaign(1, pin(J)), campaign(1, pin(J, sold_out=True))
    for one, expected in ((silent, "ABC"), (says_so, "JAB")):
        filled, _ = page(Conflict((one,), "", products=(A, B, C, D)), sold_out=[J], listed=True)
        assert shown(filled) == [expected]


def test_a_sold_out_product_that_is_pinned_nowhere_stands_in_no_row():
    """It was looked up for a pin that found no place."""
    pins = campaign(1, pin(H, I, G, J, sold_out=True))
    filled, _ = page(
        Conflict((pins,), "", products=(A, B, C)), Conflict((), "", products=(J, D, E, F)), sold_out=[J], listed=True
    )
    assert shown(filled) == ["HIG", "DEF"]


def test_a_page_with_pins_is_looked_up_at_once():
    asked = []

    def look_up(items):
        asked.append({item.id for item in items})
        return {item: "card" for item in items if item.id not in (H, I, J)}

    row = as_row(Conflict((campaign(1, pin(H, I, J)),), "", products=(A, B, C, D, E, F, G)))
    (filled,) = fill_rows([row], LayoutLimits(3), (), look_up)
    assert shown([filled]) == ["ABC"]
    assert len(asked) == 1


def test_what_is_placed_says_who_placed_it():
    resolution = resolve(PRODUCTS, acting(campaign(7, pin(C, sponsored=True), name="Brand week")), size=3)
    assert resolution.order == (C, A, B)
    (placed,) = resolution.placements.values()
    assert (placed.campaign, placed.version, placed.name, placed.sponsored) == (7, 1, "Brand week", True)


def test_a_soft_pin_leaves_alone_what_stands_higher():
    soft = campaign(1, pin(B, place=4, soft=True))
    assert letters(resolve(PRODUCTS, acting(soft), size=5).order) == "ABCDE"
    assert letters(resolve((A, C, D, E, F, B), acting(soft), size=5).order) == "ACDBE"


def test_a_pin_outside_of_the_first_page_is_skipped():
    resolution = resolve(PRODUCTS, acting(campaign(1, pin(J, place=5))), places=4)
    assert letters(resolution.order) == "ABCDEFGHIJ"
    assert noted(resolution) == {1: [told.NO_PLACE_LEFT]}


PRODUCT = some.integers(1, 14)
ACTIONS = some.one_of(
    some.builds(
        lambda products, place, soft, sold_out: pin(*products, place=place, soft=soft, sold_out=sold_out),
        some.lists(PRODUCT, min_size=1, max_size=6, unique=True),
        some.integers(1, 20),
        some.booleans(),
        some.booleans(),
    ),
    some.builds(
        lambda first, wide, products: slot(first, first + wide, *products),
        some.integers(1, 12),
        some.integers(0, 9),
        some.sets(PRODUCT),
    ),
    some.builds(
        lambda do, products, strength: act(do, *products, strength=strength),
        some.sampled_from([Do.BOOST, Do.BURY, Do.EXCLUDE, Do.ONLY]),
        some.sets(PRODUCT),
        some.integers(1, 3),
    ),
)
CAMPAIGNS = some.lists(some.tuples(some.lists(ACTIONS, min_size=1, max_size=4), some.sampled_from(Band)), max_size=5)


@trying(max_examples=300, deadline=1000)
@given(
    CAMPAIGNS,
    some.lists(PRODUCT, unique=True),
    some.integers(1, 8),
    some.booleans(),
    some.tuples(some.sets(PRODUCT), some.randoms()),
)
def test_whatever_campaigns_say_a_row_holds_what_may_stand_once(drawn, products, size, personal, other):
    away, chance = other
    made = [campaign(number, *actions, band=band) for number, (actions, band) in enumerate(drawn)]
    facts = dict.fromkeys(away, "not_buyable")
    given_facts = {"size": size, "personal": personal, "may_not_stand": facts}
    one = resolve(products, acting(*made), **given_facts)
    numbers = [one.id for one in made]
    chance.shuffle(numbers)
    again = resolve(products, acting(*(replace(c, id=n) for c, n in zip(made, numbers, strict=True))), **given_facts)
    assert one.order == again.order
    assert len(set(one.order)) == len(one.order)
    excluded = {key for c in made for a in c.actions if a.do is Do.EXCLUDE for key in a.target.product_ids}
    assert not set(one.order) & (away | excluded)
    for c in made:
        for action in c.actions:
            if action.do is Do.ONLY:
                assert set(one.order) <= action.target.product_ids
    assert len(one.order) == min(size, len(set(products) - away - one.removed.keys()))
    assert set(one.placements) <= set(one.order)
    if personal:
        pinned = {o.product for o in one.outcomes if o.outcome in (told.PLACED, told.PLACE_TAKEN)}
        slots = {key for c in made for a in c.actions if a.do is Do.SLOT for key in a.target.product_ids}
        assert len(pinned - slots) <= max(1, min(size, len(one.order)) // 2)


@trying(max_examples=150, deadline=2000)
@given(some.lists(some.tuples(CAMPAIGNS, some.lists(PRODUCT, unique=True)), min_size=1, max_size=4), some.sets(PRODUCT))
def test_whatever_campaigns_say_a_page_holds_no_product_twice_and_none_that_is_gone(drawn, gone):
    drafts = []
    for actions_of, products in drawn:
        made = tuple(campaign(number, *actions, band=band) for number, (actions, band) in enumerate(actions_of))
        drafts.append(Conflict(made, "", products=tuple(products), fewest=0))
    filled, rows = page(*drafts, limits=LayoutLimits(4, rows=6), sold_out=gone)
    everything = [candidate.item.id for row in filled for candidate, _ in row.items]
    assert len(set(everything)) == len(everything)
    assert not set(everything) & gone
    for row, proposed in zip(filled, rows, strict=True):
        assert not {candidate.item.id for candidate, _ in row.items} & proposed.merchandised.removed.keys()
        assert len(row.items) <= 4
        assert row.placements.keys() <= {candidate.item for candidate, _ in row.items}
