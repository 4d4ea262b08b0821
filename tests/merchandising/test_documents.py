"""What a document may say."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.merchandising import documents, schemas
from tests.merchandising.campaign_documents import FROZEN, json_values


@pytest.mark.parametrize(("kind", "number"), FROZEN)
def test_a_document_of_every_schema_is_read_by_this_release(kind, number):
    document = documents.upgrade(kind, number, copy.deepcopy(FROZEN[kind, number]))
    assert documents.document_errors(kind, document) == []


def test_every_schema_has_a_frozen_document():
    kinds = [*schemas.SCHEMAS, "segment"]
    assert {(kind, number) for kind in kinds for number in range(1, documents.newest_schema(kind) + 1)} == FROZEN.keys()


def test_what_a_newer_release_wrote_is_not_read():
    with pytest.raises(documents.NewerSchemaError):
        documents.upgrade("campaign", 99, {})


def test_all_that_a_campaign_names_is_known():
    assert documents.references("campaign", FROZEN["campaign", 1]) == {
        ("segment", "3"),
        ("segment", "4"),
        ("surface", "home"),
        ("surface", "category"),
        ("surface", "search"),
        ("surface", "product"),
        ("row", "bestsellers"),
        ("category", "7"),
        ("range", "2"),
        ("product", "1"),
        ("product", "2"),
        ("class", "1"),
        ("attribute", "brand"),
        ("partner", "1"),
    }


@pytest.mark.parametrize("depth", range(3))
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_an_unknown_key_is_refused_wherever_it_stands(depth, data):
    document = copy.deepcopy(FROZEN["campaign", 1])
    holders = {0: [document], 1: [document["who"], document["when"], *document["where"], *document["what"]]}
    holders[2] = [action["target"] for action in document["what"]]
    holder = data.draw(st.sampled_from(holders[depth]))
    name = data.draw(st.text(min_size=1, max_size=10).filter(lambda text: text not in json.dumps(schemas.CAMPAIGN)))
    holder[name] = data.draw(json_values)
    assert documents.document_errors("campaign", document)


@given(st.dictionaries(st.sampled_from(["who", "where", "when", "what", "note", "x"]), json_values))
@settings(max_examples=150, deadline=None)
def test_anything_is_answered_with_errors_never_with_an_exception(document):
    assert isinstance(documents.document_errors("campaign", document), list)
    assert isinstance(documents.parse_document("campaign", json.dumps(document))[1], list)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "fit"),
        ("[" * 30_000, "JSON"),
        ('{"note": "' + "x" * 10_000_000 + '"}', "fit"),
        ("", "JSON"),
        ("[]", "object"),
        ('{"where": NaN}', ""),
    ],
)
def test_a_hostile_text_is_refused_in_words(text, words):
    _document, errors = documents.parse_document("campaign", text)
    assert errors and words in " ".join(error.message for error in errors)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"when": {"from": "2026-03-02T00:00:00+00:00", "to": "2026-03-01T00:00:00+00:00"}}, "when.to"),
        ({"when": {"from": "2026-03-02T00:00:00"}}, "when.from"),
        ({"when": {"zone": "Mars/Olympus"}}, "when.zone"),
        ({"where": [{"surface": "home", "words": [{"text": "a", "match": "is"}]}]}, "where.0.words"),
        ({"what": [{"do": "pin", "target": {"range": 1}, "place": 1}]}, "what.0.target"),
        ({"what": [{"do": "boost", "target": {"range": 1, "partner": 1}}]}, "what.0.target"),
        ({"what": [{"do": "slot", "target": {"range": 1}, "place": [5, 3]}]}, "what.0.place"),
    ],
)
def test_what_the_schema_cannot_say_is_told_at_its_place(changed, path):
    errors = documents.document_errors("campaign", {**FROZEN["campaign", 1], **changed})
    assert [error.path for error in errors] == [path]


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"fewest": 9}, "fewest"),
        ({"source": {"range": 1, "newest": True}}, "source"),
        ({"source": {"script": "x"}}, "source"),
        ({"titles": {"de": "{user.password}"}}, "titles.de"),
        ({"titles": {"de": "x" * 81}}, "titles.de"),
        ({"titles": "x"}, "titles"),
        ({"leave_out": {"below_price": 9, "above_price": 2}}, "leave_out.above_price"),
        ({"leave_out": {"below_price": float("nan")}}, ""),
        ({"leave_out": {"bought_days": 366}}, "leave_out.bought_days"),
        ({"weights": {"relevance": 90}}, "weights"),
        ({"weights": {"relevance": 50, "margin": -50}}, "weights.margin"),
        ({"fallback": ["a", "b", "c", "d"]}, "fallback"),
        ({"when": {"zone": "Mars/Olympus"}}, "when.zone"),
        ({"place": 1}, ""),
        ({"most": 0, "fewest": 1}, "most"),
        ({"who": {"in": list(range(1, 12))}}, "who.in"),
    ],
)
def test_what_is_wrong_with_the_settings_of_a_row_is_told_at_its_place(changed, path):
    errors = documents.document_errors("row", {**FROZEN["row", 1], **changed})
    assert [error.path for error in errors] == [path]


@given(st.dictionaries(st.sampled_from([*FROZEN["row", 1], "x"]), json_values))
@settings(max_examples=150, deadline=None)
def test_any_settings_of_a_row_are_answered_with_errors_never_with_an_exception(document):
    assert isinstance(documents.document_errors("row", document), list)
