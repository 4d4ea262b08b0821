"""The numbers of a decision travel in its visit."""

from dataclasses import fields, replace

import pytest
from django.core.management import call_command
from django.test import RequestFactory
from oscar.core.loading import get_class

from personalization import conf, serve
from personalization.decide import active_snapshot
from personalization.decide.policy import Policy, policy_from_settings
from personalization.decide.visit import Visit
from personalization.oscar import visits
from tests import shop

Selector = get_class("partner.strategy", "Selector")


@pytest.fixture
def visit(db):
    _, products = shop.even_and_odd()
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    keys = tuple(product.pk for product in products)
    return Visit(1e9, Selector().strategy(), candidate_products=keys[::-1])


def test_two_policies_give_one_visit_two_pages(visit):
    wide = replace(visit, policy=Policy(row_size=8, max_home_rows=2))
    narrow = replace(visit, policy=Policy(row_size=3, max_home_rows=1))
    sizes = [[len(row.items) for row in serve.serve_slate("home", one).rows] for one in (wide, narrow)]
    assert [sizes[0][0], len(sizes[0])] == [8, 2]
    assert sizes[1] == [3]


def test_two_policies_give_one_list_two_orders(visit):
    off = replace(visit, policy=Policy(rerank_strength=0))
    assert serve.rerank(off) == visit.candidate_products
    assert serve.rerank(visit) != visit.candidate_products
    assert serve.rerank_basis(off) is None


def test_a_policy_has_the_defaults_of_the_settings():
    settings = {field.name: field.default for field in fields(conf.Settings)}
    in_both = [field for field in fields(Policy) if field.name.upper() in settings]
    assert len(in_both) >= 13
    assert {field.name: field.default for field in in_both} == {
        field.name: settings[field.name.upper()] for field in in_both
    }


def test_the_doors_take_the_policy_from_the_settings(settings, client):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_SIZE": 4, "MENU_PINNED_CATEGORIES": [3, 7]}
    request = RequestFactory().get("/")
    request.user, request.strategy, request.session = type("Nobody", (), {"is_authenticated": False}), None, {}
    policy = visits.anonymous_visit(request).policy
    assert (policy.row_size, policy.menu_pinned_categories) == (4, (3, 7))
    assert policy == policy_from_settings(conf.get_settings())
