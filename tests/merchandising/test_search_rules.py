"""What synonyms and redirects mean, whatever is searched for and whatever is defined."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.merchandising import documents, search_rules
from personalization.merchandising.search_rule_words import describe_search_rule, search_rule_name
from personalization.merchandising.search_rules import NO_SEARCH_RULES, SearchRedirect, SearchRules, SynonymGroup
from personalization.merchandising.search_words import fold_words
from personalization.models.definitions import MAX_NAME
from tests.merchandising.campaign_documents import json_values

words = st.sampled_from(["soda", "pop", "Cr\u00e8me", "soft drink", "7-up", "tea", "a", "fizzy soft drink"])
any_text = st.text(max_size=30)
synonym_documents = st.fixed_dictionaries(
    {"terms": st.lists(words | any_text, min_size=1, max_size=6)},
    optional={"finds": st.lists(words | any_text, max_size=6)},
)
redirect_documents = st.fixed_dictionaries(
    {
        "words": st.lists(
            st.fixed_dictionaries({"text": words | any_text, "match": st.sampled_from(["is", "all", "starts"])}),
            min_size=1,
            max_size=4,
        ),
        "to": st.sampled_from(["category", "product", "range", "offer"]).flatmap(
            lambda kind: st.fixed_dictionaries({kind: st.integers(1, 2**63 - 1)})
        )
        | st.fixed_dictionaries({"path": st.text(min_size=1, max_size=30) | st.text(max_size=20).map("/".__add__)}),
    }
)


def rules(*groups):
    return SearchRules(tuple(SynonymGroup(key, *group) for key, group in enumerate(groups)))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("pop", ("soda", "soft drink")),
        ("POP", ("soda", "soft drink")),
        ("cheap Soft-Drink 1l", ("cheap soda 1l", "cheap pop 1l")),
        ("soft cheap drink", ()),
        ("popcorn", ()),
        ('"pop" corn', ()),
        ("tea -pop", ()),
        ("", ()),
    ],
)
def test_a_search_looks_for_itself_with_synonyms_in_place_of_its_words(query, expected):
    assert rules((("soda", "pop", "soft drink"),)).alternatives(query) == expected


def test_the_longest_term_counts_and_two_groups_are_combined():
    both = rules((("drink", "beverage"),), (("soft drink", "soda"),), (("cheap", "budget"),))
    assert both.alternatives("cheap soft drink") == ("cheap soda", "budget soft drink", "budget soda")


def test_a_word_of_two_groups_has_the_synonyms_of_both():
    assert rules((("chips", "crisps"),), (("chips", "fries"),)).alternatives("chips") == ("crisps", "fries")


@given(st.lists(synonym_documents, max_size=5), st.text(max_size=400) | st.lists(words, max_size=40).map(" ".join))
@settings(max_examples=200, deadline=None)
def test_whatever_is_searched_for_the_engine_is_asked_for_few_wordings(found, query):
    groups = tuple(
        SynonymGroup.from_document(key, document)
        for key, document in enumerate(found)
        if not documents.document_errors("synonym", document)
    )
    alternatives = SearchRules(groups).alternatives(query)
    assert len(alternatives) <= search_rules.MAX_ALTERNATIVES
    assert query not in alternatives or not alternatives
    assert NO_SEARCH_RULES.alternatives(query) == ()


@given(synonym_documents)
@settings(max_examples=200, deadline=None)
def test_a_valid_group_is_found_by_each_of_its_terms(document):
    if documents.document_errors("synonym", document):
        return
    group = SynonymGroup.from_document(1, document)
    for term in group.terms:
        expected = group.others(term)[: search_rules.MAX_ALTERNATIVES]
        if len(term.split()) <= search_rules.MAX_QUERY_TOKENS:
            assert set(SearchRules((group,)).alternatives(term)) == {" ".join([other]) for other in expected}


@given(redirect_documents, st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_a_valid_redirect_stays_in_the_shop_and_never_leads_to_itself(document, query):
    if documents.document_errors("redirect", document):
        return
    redirect = SearchRedirect.from_document(1, document)

    assert not any(redirect.matches(searched) for searched in redirect.searched_there)
    found = SearchRules((), (redirect,)).redirect(query)
    assert (found is redirect) == redirect.matches(fold_words(query))
    kind, key = redirect.target
    if kind == "path":
        assert key.startswith("/") and key[1:2] not in ("/", "\\") and key.isprintable()


@given(
    st.sampled_from(["synonym", "redirect"]),
    st.dictionaries(st.sampled_from(["terms", "finds", "words", "to", "x"]), json_values)
    | synonym_documents
    | redirect_documents,
)
@settings(max_examples=300, deadline=None)
def test_anything_is_answered_with_errors_and_what_is_valid_can_be_described(kind, document):
    errors = documents.document_errors(kind, document)
    assert documents.parse_document(kind, json.dumps(document))[1] == errors
    if not errors:
        assert describe_search_rule(kind, document, {})
        assert 0 < len(search_rule_name(kind, document)) <= MAX_NAME
        documents.references(kind, document)


@pytest.mark.parametrize(
    ("kind", "document", "path"),
    [
        ("synonym", {"terms": ["a", "b"], "more": 1}, ""),
        ("synonym", {"terms": ["a"]}, "terms"),
        ("synonym", {"terms": ["a", "\u00c1"]}, "terms.1"),
        ("synonym", {"terms": ["a"], "finds": ["A"]}, "finds.0"),
        ("synonym", {"terms": ["a", "b\u0000"]}, "terms.1"),
        ("synonym", {"terms": ["a", "\ud800"]}, "terms.1"),
        ("synonym", {"terms": ["a", "x" * 101]}, "terms.1"),
        ("synonym", {"terms": [str(number) for number in range(21)]}, "terms"),
        ("redirect", {"words": [{"text": "a", "match": "is"}], "to": {}}, "to"),
        ("redirect", {"words": [{"text": "a", "match": "is"}], "to": {"category": 1, "product": 1}}, "to"),
        ("redirect", {"words": [{"text": "a", "match": "is"}], "to": {"path": "//evil.example"}}, "to.path"),
        ("redirect", {"words": [{"text": "a", "match": "is"}], "to": {"path": "/search/?q=b&q=A"}}, "to.path"),
        ("redirect", {"words": [{"text": "a", "match": "has"}], "to": {"path": "/"}}, "words.0.match"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(kind, document, path):
    assert [error.path for error in documents.document_errors(kind, document)] == [path]


def test_all_that_a_redirect_names_is_known():
    assert documents.references("redirect", {"words": [], "to": {"offer": 3}}) == {("offer", "3")}
    assert documents.references("redirect", {"words": [], "to": {"path": "/"}}) == set()
