"""Which campaigns act: the context cases of the specification, and how segments are asked."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from personalization.decide.audience import acting_campaigns, is_scheduled, list_surface
from personalization.decide.visit import Visit
from personalization.merchandising.compiled import (
    Audience,
    Do,
    FixedTarget,
    LargeTarget,
    People,
    Place,
    ProductGroups,
    RelativeTarget,
    Schedule,
)
from personalization.merchandising.search_words import WordList, WordMatch, fold_words
from tests.decide.campaigns import act, campaign, pin, rules

BERLIN = ZoneInfo("Europe/Berlin")
COFFEE, ESPRESSO, TEA = 1, 2, 3
LAPSED, STAFF = 10, 11


def moment(text, zone=UTC):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


NOON = moment("2026-05-06T12:00")


class Segment:
    """Those who hold a product in their basket; it counts how often it is asked."""

    def __init__(self, *products):
        self.products, self.asked = set(products), 0

    def holds(self, subject, now):
        self.asked += 1
        return bool(self.products & subject.basket)


def visit(at=NOON, **more):
    return Visit(timestamp=at, strategy=None, **more)


def acts(one, at, surface, row_code=None, segments=None):
    return [
        found.campaign.id
        for found in acting_campaigns(replace(at, rules=rules(one, segments=segments or {})), surface, row_code)
    ]


def on(surface="category", who=Audience(), when=Schedule(), **place):  # noqa: B008 - both are frozen
    return campaign(7, pin(1), where=[Place(surface, **place)], who=who, when=when)


def words(text, match):
    return (WordList(fold_words(text), match),)


FRIDAY_NIGHTS = Schedule(zone=BERLIN, days=frozenset([5]), hours=(22, 6))
CONTEXTS = {
    "21: with all below, on a page below": (
        on(categories=frozenset([COFFEE, ESPRESSO])), visit(category=ESPRESSO), "category", True
    ),
    "22: without, on a page below": (on(categories=frozenset([COFFEE])), visit(category=ESPRESSO), "category", False),
    "23: all words, in any order": (
        on("search", searches=words("oat milk", WordMatch.ALL)), visit(query="Milk OAT organic"), "search", True
    ),
    "24: exactly these words": (
        on("search", searches=words("oat milk", WordMatch.IS)), visit(query="Milk OAT organic"), "search", False
    ),
    "exactly these words, in other letters": (
        on("search", searches=words("Crème", WordMatch.IS)), visit(query="  CREME "), "search", True
    ),
    "words that begin so": (
        on("search", searches=words("oat mi", WordMatch.STARTS)), visit(query="Oat milk"), "search", True
    ),
    "one word that begins so": (
        on("search", searches=words("mil", WordMatch.STARTS)), visit(query="Milk"), "search", True
    ),
    "words that begin otherwise": (
        on("search", searches=words("oat mi", WordMatch.STARTS)), visit(query="big oat milk"), "search", False
    ),
    "25: the hour that the clocks skip": (
        on(when=Schedule(ends=moment("2026-03-29T03:00", BERLIN))), visit(moment("2026-03-29T01:30")), "category", False
    ),
    "the minute before that": (
        on(when=Schedule(ends=moment("2026-03-29T03:00", BERLIN))), visit(moment("2026-03-29T00:59")), "category", True
    ),
    "26: a night belongs to the day on which it began": (
        on(when=FRIDAY_NIGHTS), visit(moment("2026-05-09T02:00", BERLIN)), "category", True
    ),
    "the night before": (on(when=FRIDAY_NIGHTS), visit(moment("2026-05-08T02:00", BERLIN)), "category", False),
    "between two nights": (on(when=FRIDAY_NIGHTS), visit(moment("2026-05-08T12:00", BERLIN)), "category", False),
    "an hour of the day": (on(when=Schedule(hours=(9, 13))), visit(), "category", True),
    "an hour too late": (on(when=Schedule(hours=(9, 12))), visit(), "category", False),
    "27: in a segment and in one that is left out": (
        on(who=Audience(in_segments=(LAPSED,), out_segments=(STAFF,))),
        visit(basket=frozenset([1, 2])),
        "category",
        False,
    ),
    "in the segment": (on(who=Audience(in_segments=(LAPSED,))), visit(basket=frozenset([1])), "category", True),
    "not in the segment": (on(who=Audience(in_segments=(LAPSED,))), visit(), "category", False),
    "28: in the segment, held back": (
        on(who=Audience(in_segments=(LAPSED,))), visit(basket=frozenset([1]), held_back=True), "category", False
    ),
    "29: for everybody, held back": (on(), visit(held_back=True), "category", True),
    "a segment that is gone": (on(who=Audience(in_segments=(99,))), visit(), "category", False),
    "for customers, a stranger": (on(who=Audience(People.CUSTOMERS)), visit(), "category", False),
    "for customers, a customer": (on(who=Audience(People.CUSTOMERS)), visit(user_id=5), "category", True),
    "for strangers, a customer": (on(who=Audience(People.VISITORS)), visit(user_id=5), "category", False),
    "for a country": (on(who=Audience(countries=frozenset(["DE"]))), visit(country="DE"), "category", True),
    "for another country": (on(who=Audience(countries=frozenset(["DE"]))), visit(country="FR"), "category", False),
    "for phones": (on(who=Audience(devices=frozenset(["phone"]))), visit(device="computer"), "category", False),
    "a product in view": (
        on("product", seen=FixedTarget(frozenset([4]))), visit(product=4), "product", True
    ),
    "another product in view": (
        on("product", seen=FixedTarget(frozenset([4]))), visit(product=5), "product", False
    ),
    "a product in the basket, on its page": (
        on("basket", seen=FixedTarget(frozenset([4]))), visit(basket=frozenset([4, 5])), "basket", True
    ),
    "a product in the basket, elsewhere": (
        on("product", seen=FixedTarget(frozenset([4]))), visit(basket=frozenset([4]), product=5), "product", False
    ),
    "another surface": (on("category"), visit(), "home", False),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTEXTS)
def test_when_a_campaign_acts(case):
    one, at, surface, expected = CONTEXTS[case]
    segments = {LAPSED: Segment(1), STAFF: Segment(2)}
    assert acts(one, at, surface, segments=segments) == ([7] if expected else [])


def test_lists_and_rows_of_one_surface_are_told_apart():
    rows_only = on(row_codes=frozenset(["bestsellers"]))
    assert acts(rows_only, visit(), "category") == []
    assert acts(rows_only, visit(), "category", "bestsellers") == [7]
    assert acts(rows_only, visit(), "category", "new_in") == []
    assert acts(on(), visit(), "category", "new_in") == [7]


def test_a_campaign_acts_once_where_two_of_its_places_match():
    both = campaign(
        7,
        pin(1),
        where=[Place("product", frozenset(["similar"])), Place("product", frozenset(["upsell"]))],
    )
    at = replace(visit(product=4), rules=rules(both))
    assert len(acting_campaigns(at, "product", "similar")) == len(acting_campaigns(at, "product", "upsell")) == 1
    assert acting_campaigns(at, "product", "bought_together") == ()


def test_campaigns_come_in_their_order_however_they_are_found():
    made = [
        campaign(3, pin(1), where=[Place("search", searches=words("milk", WordMatch.ALL))]),
        campaign(1, pin(1), where=[Place("search")]),
        campaign(2, pin(1), where=[Place("search", searches=words("oat", WordMatch.ALL))]),
    ]
    at = visit(query="oat milk", rules=rules(*made))
    assert [one.campaign.id for one in acting_campaigns(at, "search")] == [3, 1, 2]


def test_a_segment_is_asked_once_a_visit():
    segment = Segment(1)
    many = [campaign(n, pin(1), who=Audience(in_segments=(LAPSED,))) for n in range(5)]
    at = visit(rules=rules(*many, segments={LAPSED: segment}), basket=frozenset([1]))
    assert len(acting_campaigns(at, "home", "bestsellers")) == 5
    assert len(acting_campaigns(at, "home", "trending")) == 5
    assert segment.asked == 1


def test_a_segment_that_fails_does_not_hold_and_is_said_once(caplog):
    class Broken:
        def holds(self, subject, now):
            raise ZeroDivisionError("a customer's own words")

    one = on(who=Audience(in_segments=(LAPSED,)))
    for _ in range(3):
        assert acts(one, visit(), "category", segments={LAPSED: Broken()}) == []
    assert caplog.text.count("Asking the segment 10 failed (ZeroDivisionError") == 1
    assert "own words" not in caplog.text


def test_targets_that_relate_to_the_product_in_view():
    groups = ProductGroups(*map(np.array, ([1, 2, 3], [7.0, 7.0, 8.0])))
    one = campaign(7, replace(act(Do.BOOST), target=RelativeTarget(groups)), where=[Place("product"), Place("basket")])
    at = visit(product=1, rules=rules(one))
    (acting,) = acting_campaigns(at, "product", "similar")
    assert acting.matching(one.actions[0], [1, 2, 3]) == {1, 2}
    at = visit(basket=frozenset([2, 3]), rules=rules(one))
    (acting,) = acting_campaigns(at, "basket", "add_ons")
    assert acting.matching(one.actions[0], [1, 2, 3]) == {1, 2, 3}


def test_large_targets_match_as_small_ones_do():
    keys = range(0, 100, 3)
    large = LargeTarget(np.array(keys))
    small = FixedTarget(frozenset(keys))
    for asked in ([], [0], [1, 3, 99, 100], {6, 7}):
        assert large.matching(asked, None) == small.matching(asked, None)
    assert large.all_products(200) == small.all_products(200) == frozenset(keys)
    assert large.all_products(10) is small.all_products(10) is None


def test_what_the_list_of_a_page_is_called():
    assert list_surface(visit(query="milk", category=3)) == "search"
    assert list_surface(visit(category=3)) == "category"
    assert list_surface(visit()) == "catalogue"


def test_all_day_is_always_scheduled():
    assert is_scheduled(Schedule(hours=(8, 8)), NOON)
