"""Every reason has words, and names only what it is given names for."""

import ast
import inspect

import pytest
from django.utils import translation

from personalization.decide import reasons
from personalization.decide.slate import Link, Reason
from personalization.rows import continue_shopping, shared
from personalization.surfaces import home, zero_results

NAMES = reasons.DisplayNames(products={7: "Green tea"}, categories={3: "Tea"})


def test_a_title_names_the_product_or_the_category():
    assert reasons.row_title(Reason("because_you_bought", {"product": 7}), NAMES) == "Because you bought Green tea"
    assert reasons.row_title(Reason("popular_in_category", {"category": 3, "purchases": 1}), NAMES) == "Popular in Tea"


def test_a_product_without_a_name_is_not_spoken_of():
    with pytest.raises(KeyError):
        reasons.row_title(Reason("because_you_bought", {"product": 8}), NAMES)


def test_reasons_count_in_words():
    assert reasons.explanation(Reason("bought_before", {"days": 1, "last": 0}), NAMES) == "You bought it on 1 Jan 1970"
    assert (
        reasons.explanation(Reason("bought_before", {"days": 3, "last": 0}), NAMES)
        == "You bought it 3 times, most recently on 1 Jan 1970"
    )
    assert (
        reasons.explanation(Reason("popular", {"customers": 12, "period": 28}), NAMES)
        == "Bought by 12 customers in 28 days"
    )


@pytest.mark.parametrize("module", [home, zero_results, shared, continue_shopping], ids=lambda module: module.__name__)
def test_every_reason_that_a_page_gives_has_words(module):
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    given = [call.args[0] for call in calls if getattr(call.func, "id", "") == "Reason"]
    codes = {code.value if isinstance(code, ast.Constant) else getattr(module, code.id) for code in given}
    assert len(codes) > 1
    assert codes <= reasons._EXPLANATIONS.keys()


def test_a_link_says_where_it_leads():
    assert reasons.link_label(Link("search", {"query": "rye % bread"})) == "Your search: rye % bread"
    assert reasons.link_label(Link("basket", {"items": 1})) == "Your basket: 1 item"
    assert reasons.link_label(Link("basket", {"items": 3})) == "Your basket: 3 items"


def test_reasons_are_translated():
    with translation.override("de"):
        assert (
            reasons.explanation(Reason("sales_rising", {"times": 2.04}), NAMES)
            == "Verkauft sich 2,0-mal so gut wie sonst"
        )
        assert reasons.row_title(Reason("buy_again"), NAMES) == "Nochmals kaufen"
        assert (
            reasons.explanation(Reason("bought_before", {"days": 3, "last": 0}), NAMES)
            == "Von Ihnen 3-mal gekauft, zuletzt am 1. Januar 1970"
        )
