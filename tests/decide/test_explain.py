"""Every reason has words, and names only what it is given names for."""

import ast
import inspect

import pytest
from django.utils import translation

from personalization.decide import explain
from personalization.decide.slate import Reason
from personalization.surfaces import home

NAMES = explain.Names(products={7: "Green tea"}, categories={3: "Tea"})


def test_a_title_names_the_product_or_the_category():
    assert explain.title(Reason("because_you_bought", {"product": 7}), NAMES) == "Because you bought Green tea"
    assert explain.title(Reason("popular_in_category", {"category": 3, "purchases": 1}), NAMES) == "Popular in Tea"


def test_a_product_without_a_name_is_not_spoken_of():
    with pytest.raises(KeyError):
        explain.title(Reason("because_you_bought", {"product": 8}), NAMES)


def test_reasons_count_in_words():
    assert explain.words(Reason("bought_before", {"days": 1, "last": 0}), NAMES) == "You bought it on 1 Jan 1970"
    assert (
        explain.words(Reason("bought_before", {"days": 3, "last": 0}), NAMES)
        == "You bought it 3 times, last on 1 Jan 1970"
    )
    assert (
        explain.words(Reason("bought_by", {"customers": 12, "period": 28}), NAMES)
        == "Bought by 12 customers in 28 days"
    )


def test_every_reason_that_the_home_page_gives_has_words():
    tree = ast.parse(inspect.getsource(home))
    codes = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason"
    }
    assert len(codes) > 8
    assert codes <= explain._WORDS.keys()


def test_reasons_are_translated():
    with translation.override("de"):
        assert explain.words(Reason("rising", {"times": 2.04}), NAMES) == "Verkauft sich 2,0-mal so gut wie sonst"
        assert explain.title(Reason("buy_again"), NAMES) == "Wieder kaufen"
        assert (
            explain.words(Reason("bought_before", {"days": 3, "last": 0}), NAMES)
            == "3-mal gekauft, zuletzt am 1. Januar 1970"
        )
