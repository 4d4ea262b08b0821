"""Segments: what a document may say, in words, of a visit, and what may not be a condition."""

import json
from dataclasses import replace

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st
from oscar.apps.catalogue.categories import create_from_breadcrumbs

from personalization.decide.visit import Visit
from personalization.merchandising import segments
from personalization.merchandising.segment_catalogue import all_fields
from personalization.merchandising.segments import FieldError, Sensitive
from personalization.models import CustomerFacts, SensitiveCategory
from personalization.models.recent_activity import RecentEvent
from personalization.models.visitors import Preference
from tests.merchandising import random_segments
from tests.shops import factories as shop

NOTHING_SENSITIVE = Sensitive()
NOW = random_segments.NOW.timestamp()
NAMES = {("category", 1): "Coffee", ("category", 2): "Tea", ("segment", 3): "Loyal", ("group", 4): "Wholesale"}


def condition(field, op, value):
    return {"field": field, "op": op, "value": value}


def of(*conditions, match="all"):
    return {"match": "all", "groups": [{"match": match, "conditions": list(conditions)}]}


def parsed(document):
    segment, errors = segments.parse_segment(document, NOTHING_SENSITIVE)
    assert errors == []
    return segment


def errors_of(document):
    segment, errors = segments.parse_segment(document, NOTHING_SENSITIVE)
    assert segment is None
    return [tuple(error) for error in errors]


def holds(visit, *conditions, now=NOW):
    return segments.compile_segment(parsed(of(*conditions)), {}, NOTHING_SENSITIVE).holds(visit, now)


def visit_of(**fields):
    return Visit(timestamp=NOW, strategy=None, **{"tracking_allowed": True, **fields})


BOUGHT_TWICE = condition("bought_category", "one_of", {"keys": [1], "times": 2})
SILENT = condition("bought_category", "none_of", {"keys": [1], "days": 60})


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            of(BOUGHT_TWICE, SILENT),
            "customers who bought Coffee at least twice and did not buy Coffee within the last 60 days",
        ),
        (of(condition("orders", "at_least", 1200)), "customers who have at least 1,200 orders"),
        (of(condition("revenue", "between", [10, 99.5])), "customers who spent 10 to 99.50 in all"),
        (
            of(condition("returns_share", "at_most", 20)),
            "customers who cancelled or sent back at most 20 % of what they ordered",
        ),
        (
            of(condition("store_share", "at_least", 50)),
            "customers who made at least 50 % of their purchases in stores",
        ),
        (
            of(condition("expected_spend", "at_least", 100), condition("order_chance", "at_most", 20)),
            "customers who are expected to spend at least 100 in 90 days and have a chance of at most 20 % to order "
            "within 90 days",
        ),
        (
            of(condition("expected_tier", "is", 1), condition("silent_from", "within", 30)),
            "customers who are in part 1 by expected spend and are silent longer than usual from a day within the last "
            "30 days",
        ),
        (
            of(condition("value_tier", "one_of", [9, 10])),
            "customers who are in tenth 9 or 10 by kept revenue of a year",
        ),
        (of(condition("last_order", "more_than", 60)), "customers who ordered last more than 60 days ago"),
        (of(condition("last_order", "unknown", None)), "customers who have never ordered"),
        (
            of(condition("value_tier", "is", 10), condition("value_tier_since", "within", 60)),
            "customers who are in tenth 10 by kept revenue of a year and reached their tenth by kept revenue within "
            "the last 60 days",
        ),
        (
            of(condition("took_up_category", "one_of", {"keys": [1], "days": 90})),
            "customers who bought Coffee for the first time within the last 90 days",
        ),
        (of(condition("next_due", "in_next", 1)), "customers who are due to order again in the next 1 day"),
        (of(condition("bought_category", "one_of", {"keys": [1, 2]})), "customers who bought Coffee or Tea"),
        (
            of(condition("bought_product", "one_of", {"keys": [1, 2, 3, 4, 5]})),
            "customers who bought #1, #2, #3 or 2 more",
        ),
        (
            of(condition("share_category", "at_least", {"key": 1, "percent": 30})),
            "customers who buy Coffee for at least 30 % of what they buy",
        ),
        (of(condition("is_staff", "is", False)), "customers who do not work for the shop"),
        (of(condition("ships_to", "none_of", ["DE"])), "customers who did not have their last order sent to DE"),
        (of(condition("group", "none_of", {"keys": [4]})), "customers who are not in the group Wholesale"),
        (of(condition("in_segment", "is_not", 3)), "customers who are not in “Loyal”"),
        (
            of(condition("searched", "one_of", {"texts": ["Oat  Milk"], "days": 7})),
            "customers who searched for “oat milk” within the last 7 days",
        ),
        (
            of(condition("visits", "at_least", {"number": 3, "days": 30})),
            "customers who came at least 3 times within the last 30 days",
        ),
        (of(condition("channel", "one_of", ["ads", "email"])), "customers who came by an advertisement or an e-mail"),
        (of(condition("visitor_type", "is", "new")), "customers who are here for the first time"),
        (
            of(condition("device", "one_of", ["phone"]), condition("country", "none_of", ["DE", "AT"]), match="any"),
            "customers who use a phone or are not in DE or AT",
        ),
        (
            {
                "match": "all",
                "groups": [
                    {
                        "match": "any",
                        "conditions": [condition("orders", "at_least", 2), condition("units", "at_least", 9)],
                    },
                    {"match": "all", "conditions": [condition("last_order", "within", 7)]},
                ],
            },
            "customers who (have at least 2 orders or bought at least 9 items) and ordered last within the last 7 days",
        ),
    ],
)
def test_a_segment_is_a_sentence(document, sentence):
    with translation.override("en"):
        assert segments.describe(parsed(document), NAMES) == sentence


def test_a_segment_is_a_german_sentence():
    conditions = [
        BOUGHT_TWICE,
        SILENT,
        condition("last_order", "more_than", 1),
        condition("revenue", "at_least", 1200.5),
        condition("device", "none_of", ["phone"]),
    ]
    with translation.override("de"):
        assert segments.describe(parsed(of(*conditions)), {("category", 1): "Kaffee"}) == (
            "Kunden, die Kaffee mindestens zweimal gekauft haben und "
            "Kaffee in den letzten 60 Tagen nicht gekauft haben und vor mehr als einem Tag zuletzt bestellt haben "
            "und insgesamt mindestens 1.200,50 ausgegeben haben "
            "und kein Gerät der Art Smartphone nutzen"
        )


@given(random_segments.documents())
@settings(max_examples=100, deadline=None)
def test_every_segment_has_a_sentence_in_each_language(document):
    for language in ("en", "de"):
        with translation.override(language):
            text = segments.describe(parsed(document), NAMES)
        assert "%" not in text.replace(" % ", "").replace("\xa0%", "")


def test_a_segment_names_what_it_is_about():
    document = of(
        BOUGHT_TWICE,
        condition("basket_product", "one_of", {"keys": [7]}),
        condition("share_brand", "at_least", {"key": 5, "percent": 1}),
        condition("in_segment", "is", 3),
        condition("wish_list", "one_of", {"keys": [8]}),
        condition("orders", "at_least", 2),
    )
    named = {("category", 1), ("product", 7), ("brand", 5), ("segment", 3), ("product", 8)}
    assert segments.referenced(parsed(document)) == named


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (None, ("", "A segment is an object with “match” and “groups”.")),
        ({"match": "all", "groups": [], "where": 1}, ("", "“where” is not known here.")),
        (of(condition("age", "is", 3)), ("groups.0.conditions.0.field", "“age” is no field.")),
        (of(condition(["orders"], "is", 3)), ("groups.0.conditions.0.field", "“list” is no field.")),
        (
            of(condition("orders", "is", 3)),
            ("groups.0.conditions.0.op", "Choose one of: at_least, at_most, between."),
        ),
        (of(condition("orders", "between", [3, 2])), ("groups.0.conditions.0.value", "From must be below To.")),
        (
            of(condition("orders", "at_least", True)),
            ("groups.0.conditions.0.value", "Give a whole number from 0 to 1000000000."),
        ),
        (
            of(condition("revenue", "at_least", float("nan"))),
            ("groups.0.conditions.0.value", "Give a number from 0 on, with at most two decimals."),
        ),
        (
            of(condition("revenue", "at_least", 1.005)),
            ("groups.0.conditions.0.value", "Give a number from 0 on, with at most two decimals."),
        ),
        (
            of(condition("bought_category", "one_of", {"keys": []})),
            ("groups.0.conditions.0.value.keys", "Choose at least one category."),
        ),
        (
            of(condition("bought_category", "one_of", {"keys": [1, "2"]})),
            ("groups.0.conditions.0.value.keys.1", "Give a whole number from 1 to 9223372036854775807."),
        ),
        (
            of(condition("bought_product", "one_of", {"keys": list(range(1, 202))})),
            ("groups.0.conditions.0.value.keys", "Give a list of 1 to 200."),
        ),
        (
            of(condition("bought_product", "one_of", {"keys": [1], "sql": "1=1"})),
            ("groups.0.conditions.0.value", "“sql” is not known here."),
        ),
        (
            of(condition("device", "one_of", ["fridge"])),
            ("groups.0.conditions.0.value.0", "Choose one of: phone, tablet, computer."),
        ),
        (of(condition("last_order", "known", 3)), ("groups.0.conditions.0.value", "This takes no value.")),
        (of(*[BOUGHT_TWICE] * 21), ("groups.0.conditions", "Give 1 to 20 conditions.")),
        ({"match": "all", "groups": [of(SILENT)["groups"][0]] * 6}, ("groups", "Give 1 to 5 groups.")),
        (
            {"match": "all", "groups": [{"match": "any", "conditions": [SILENT] * 11}] * 2},
            ("groups", "At most 20 conditions."),
        ),
        ({"match": "none", "groups": of(SILENT)["groups"]}, ("match", "Choose one of: all, any.")),
        ({"match": 1, "groups": of(SILENT)["groups"]}, ("match", "Choose one of: all, any.")),
        ('{"match": "all"', ("", "This is not JSON of at most 65536 bytes.")),
    ],
)
def test_what_is_wrong_is_said_where_it_is(document, error):
    with translation.override("en"):
        assert errors_of(document)[0] == error


@pytest.mark.parametrize(
    "document",
    [
        "[" * 100_000,
        '{"match":' * 1000,
        "x" * 10_000_000,
        {"match": "all", "groups": "x" * 10_000_000},
        {f"key {number}": number for number in range(100_000)},
        of(condition("searched", "is", {"texts": ["a\0b"]})),
        of(condition("country", "one_of", ["\ud800"])),
        of(condition("orders", "at_least", 10**400)),
        of(condition("revenue", "at_least", "1e9")),
    ],
    ids=range(9),
)
def test_a_hostile_document_is_refused_in_words(document):
    errors = errors_of(document)
    assert 1 <= len(errors) <= 20
    assert all(len(message) < 300 for _, message in errors)


def test_a_document_that_is_a_thousand_deep_is_refused_in_words():
    deep = of(SILENT)
    for _ in range(1000):
        deep = {"match": "all", "groups": [{"match": "all", "conditions": [condition("orders", "at_least", deep)]}]}
    with translation.override("en"):
        found = errors_of(deep)
    assert found == [("groups.0.conditions.0.value", "Give a whole number from 0 to 1000000000.")]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["match", "groups", "conditions", "field", "op", "value", "keys"]), inner),
    ),
    max_leaves=10,
)
ANY_VALUE = st.fixed_dictionaries(
    {
        "field": st.sampled_from([*all_fields(), "in_segment"]),
        "op": st.sampled_from(sorted({op for field in all_fields().values() for op in field.operators})),
        "value": JSON,
    }
)


@given(st.one_of(JSON, ANY_VALUE.map(of)))
@settings(max_examples=300, deadline=None)
def test_no_document_raises(document):
    segment, errors = segments.parse_segment(document, NOTHING_SENSITIVE)
    assert (segment is None) == bool(errors)
    assert all(isinstance(error, FieldError) for error in errors)


def test_a_text_is_read_as_the_document_that_it_holds():
    assert parsed(json.dumps(of(SILENT))) == parsed(of(SILENT))


@pytest.mark.parametrize(
    ("asked", "of_visit", "answer"),
    [
        (condition("country", "one_of", ["DE"]), {"country": "DE"}, True),
        (condition("country", "none_of", ["DE"]), {"country": ""}, True),
        (condition("language", "one_of", ["de"]), {"language": "en"}, False),
        (condition("device", "one_of", ["phone"]), {"device": "phone"}, True),
        (condition("channel", "none_of", ["ads"]), {"channel": "ads"}, False),
        (condition("basket_items", "at_least", 2), {"basket_quantity": 2}, True),
        (condition("basket_items", "at_most", 0), {"basket_quantity": 0}, True),
        (condition("basket_product", "one_of", {"keys": [5]}), {"basket": frozenset({5})}, True),
        (condition("basket_product", "none_of", {"keys": [5]}), {"basket": frozenset({6})}, True),
    ],
)
def test_what_the_visit_itself_shows_is_asked_without_consent_too(asked, of_visit, answer):
    assert holds(visit_of(**of_visit), asked) is answer
    assert holds(visit_of(**of_visit, tracking_allowed=False), asked) is answer


def event(kind, ago, product=None, query=""):
    return RecentEvent(kind, product, query, NOW - ago)


LOOKED = {"recent_events": (event("view_item", 60, 5), event("search", 40 * 3600, query="Oat  MILK"))}


@pytest.mark.parametrize(
    ("asked", "of_visit"),
    [
        (condition("looked_at_product", "one_of", {"keys": [5], "days": 1}), LOOKED),
        (condition("searched", "is", {"texts": ["oat milk"], "days": 3}), LOOKED),
        (condition("visits", "at_least", {"number": 2, "days": 7}), LOOKED),
        (condition("visitor_type", "is", "returning"), LOOKED),
        (condition("visitor_type", "is", "customer"), {"facts": CustomerFacts(kept_orders=1)}),
        (condition("visitor_type", "is", "new"), {}),
        (condition("interest", "one_of", {"keys": [3]}), {"preferences": (Preference("interest", 3, 1, NOW),)}),
        (condition("orders", "at_least", 1), {"facts": CustomerFacts(kept_orders=1)}),
        (condition("last_order", "known", None), {"facts": CustomerFacts(last_order=random_segments.NOW)}),
    ],
)
def test_what_is_about_the_person_is_not_used_without_consent(asked, of_visit):
    visit = visit_of(**of_visit)
    assert holds(visit, asked)
    assert not holds(replace(visit, tracking_allowed=False), asked)


@pytest.mark.parametrize(
    "asked",
    [
        condition("looked_at_product", "none_of", {"keys": [5]}),
        condition("bought_product", "none_of", {"keys": [5]}),
        condition("last_order", "unknown", None),
    ],
)
def test_without_consent_everything_about_the_person_is_missing(asked):
    facts = CustomerFacts(last_order=random_segments.NOW, tastes='[["product",5,1,1,1]]')
    visit = visit_of(facts=facts, recent_events=LOOKED["recent_events"])
    assert not holds(visit, asked)
    assert holds(replace(visit, tracking_allowed=False), asked)


def test_a_day_ends_at_midnight_in_the_shop_s_zone(settings):
    """In New York the 28th began at 04:00 UTC."""
    settings.TIME_ZONE = "America/New_York"
    asked = condition("last_order", "within", 1)
    before = CustomerFacts(last_order=random_segments.NOW.replace(day=28, hour=3, minute=59))
    after = CustomerFacts(last_order=random_segments.NOW.replace(day=28, hour=4, minute=0))
    assert not holds(visit_of(facts=before), asked)
    assert holds(visit_of(facts=after), asked)


def test_two_searches_an_hour_apart_are_two_visits_and_ten_minutes_apart_one():
    asked = condition("visits", "at_most", {"number": 1, "days": 2})
    assert holds(visit_of(recent_events=(event("search", 0), event("search", 600))), asked)
    assert not holds(visit_of(recent_events=(event("search", 0), event("search", 3600))), asked)


@pytest.mark.django_db
def test_a_category_in_a_condition_means_the_products_below_it():
    tea = create_from_breadcrumbs("Drinks > Tea")
    green = shop.create_shop_product("Green tea", tea)
    drinks = parsed(of(condition("basket_category", "one_of", {"keys": [tea.get_parent().pk]})))
    compiled = segments.compile_segment(drinks)
    assert compiled.holds(visit_of(basket=frozenset({green.pk})), NOW)
    assert not compiled.holds(visit_of(basket=frozenset({green.pk + 1})), NOW)


@pytest.mark.django_db
def test_a_sensitive_category_is_refused_and_what_became_sensitive_is_ignored():
    shelf = create_from_breadcrumbs("Health > Tests")
    test = shop.create_shop_product("Test", shelf)
    documents = {
        "This category is marked as sensitive and cannot be used.": of(
            condition("basket_category", "one_of", {"keys": [shelf.pk]})
        ),
        "This product is in a sensitive category and cannot be used.": of(
            condition("basket_product", "one_of", {"keys": [test.pk]})
        ),
    }
    allowed = [segments.parse_segment(document)[0] for document in documents.values()]
    visit = visit_of(basket=frozenset({test.pk}))
    assert [segments.compile_segment(segment).holds(visit, NOW) for segment in allowed] == [True, True]
    SensitiveCategory.objects.create(category=shelf.get_parent())
    for message, document in documents.items():
        with translation.override("en"):
            assert segments.parse_segment(document) == (None, [FieldError("groups.0.conditions.0.value", message)])
    assert [segments.compile_segment(segment).holds(visit, NOW) for segment in allowed] == [False, False]


def test_a_segment_in_a_segment_in_a_segment_has_no_members():
    inner = parsed(of(condition("basket_items", "at_least", 1)))
    middle = parsed(of(condition("in_segment", "is", 1)))
    outer = parsed(of(condition("in_segment", "is", 2)))
    compiled = segments.compile_segments({1: inner, 2: middle, 3: outer})
    visit = visit_of(basket_quantity=1)
    assert [compiled[key].holds(visit, NOW) for key in (1, 2, 3)] == [True, True, False]
