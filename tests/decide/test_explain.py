"""Every reason has words, and names only what it is given names for."""

import ast
import inspect
import pkgutil
from importlib import import_module

import pytest
from django.utils import translation

from personalization import rows
from personalization.decide import reasons, scoring
from personalization.decide.slate import Link, Reason
from personalization.rows import registered_row_types
from personalization.surfaces import navigation

NAMES = reasons.DisplayNames(products={7: "Green tea"}, categories={3: "Tea"})
FAMILIES = [import_module(f"personalization.rows.{module.name}") for module in pkgutil.iter_modules(rows.__path__)]


def row_title(code, **params):
    return reasons.row_title(registered_row_types()[code], params, NAMES)


def test_a_title_names_the_product_or_the_category():
    assert row_title("because_you_bought", product=7) == "Because you bought Green tea"
    assert row_title("popular_in_category", category=3, purchases=1) == "Popular in Tea"


def test_a_product_without_a_name_is_not_named():
    with pytest.raises(reasons.HiddenNameError):
        row_title("because_you_bought", product=8)


def test_reasons_count_in_words():
    once, often = Reason("bought_before", {"days": 1, "last": 0}), Reason("bought_before", {"days": 3, "last": 0})
    assert reasons.item_explanation(once, NAMES) == "You bought it on 1 Jan 1970"
    assert reasons.item_explanation(often, NAMES) == "You bought it 3 times, most recently on 1 Jan 1970"
    popular = Reason("popular", {"customers": 12, "period": 28})
    assert reasons.item_explanation(popular, NAMES) == "Bought by 12 customers in 28 days"


@pytest.mark.parametrize("module", [*FAMILIES, scoring, navigation], ids=lambda module: module.__name__)
def test_every_reason_that_is_given_has_words(module):
    """A reason whose code is its row type's, `Reason(ROW.code)`, takes the row's words."""
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
    given = [call.args[0] for call in calls if getattr(call.func, "id", "") == "Reason"]
    codes = {code.value for code in given if isinstance(code, ast.Constant)}
    codes |= {getattr(module, code.id) for code in given if isinstance(code, ast.Name) and code.id.isupper()}
    assert codes <= reasons.ITEM_REASONS.keys()


def test_a_reason_that_is_also_a_row_takes_its_own_words_before_the_rows():
    trending = registered_row_types()["trending"]
    assert reasons.row_explanation(trending, {}, NAMES) == "Selling better than in a usual week"
    rising = Reason("trending", {"times": 2.04})
    assert reasons.item_explanation(rising, NAMES, trending) == "Selling 2.0 times as much as usual"
    latest = registered_row_types()["latest"]
    assert reasons.item_explanation(Reason("latest"), NAMES, latest) == "The newest products in the shop"


def test_a_reason_without_words_says_so_by_name():
    with pytest.raises(reasons.UnknownReasonError, match="'hunch' has no words"):
        reasons.item_explanation(Reason("hunch"), NAMES, registered_row_types()["latest"])


def test_private_facts_give_way_to_a_neutral_reason_for_items_as_for_their_row():
    bought_with = registered_row_types()["because_you_bought"]
    codes = ["bought_before", "because_you_bought", "popular", "latest"]
    hidden = [reasons.without_private_facts(Reason(code), bought_with).code for code in codes]
    assert hidden == ["recommended", "recommended", "popular", "latest"]


def test_a_link_says_where_it_leads():
    assert reasons.link_label(Link("search", {"query": "rye % bread"})) == "Your search: rye % bread"
    assert reasons.link_label(Link("basket", {"items": 1})) == "Your basket: 1 item"
    assert reasons.link_label(Link("basket", {"items": 3})) == "Your basket: 3 items"


def test_reasons_are_translated():
    with translation.override("de"):
        rising = Reason("trending", {"times": 2.04})
        assert reasons.item_explanation(rising, NAMES) == "Verkauft sich 2,0-mal so gut wie sonst"
        assert row_title("buy_again") == "Nochmals kaufen"
        often = Reason("bought_before", {"days": 3, "last": 0})
        assert reasons.item_explanation(often, NAMES) == "Von Ihnen 3-mal gekauft, zuletzt am 1. Januar 1970"
