"""What counts, tried on a part of the visitors."""

import pytest
from django.test import Client

from personalization.models import Definition, Visitor
from personalization.oscar.dashboard.experiment_forms import subject_choices
from tests.collect.event_payloads import FIREFOX
from tests.merchandising.test_served_rows import page_of, rows_of
from tests.objectives.counting_shop import count, earn
from tests.objectives.test_served_pages import listed, shelf_of
from tests.walks.event_requests import HERE
from tests.walks.running import put_into_arm, start
from tests.walks.test_experiments import token_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]


def home_of(browser):
    return rows_of(page_of(browser))


def test_arms_are_with_and_without_it_in_rows_and_lists_and_both_report(trained_and_indexed):
    users, products = trained_and_indexed
    browser = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    browser.force_login(users[0])
    visitor, shelf = Visitor.objects.get(user=users[0]), shelf_of(products[0])
    earn({product: number for number, product in enumerate(products)})
    before = (home_of(browser), listed(browser, shelf))
    live = count({"home": {"margin": 20}, "category": {"margin": 20}})
    after = (home_of(browser), listed(browser, shelf))
    assert before[0] != after[0] and before[1] != after[1]
    assert live.pk in [key for _label, some in subject_choices()[1:] for key, _name in some]
    season = start({"with_it": (0.5, {}), "without": (0.5, {"without": live.pk})})
    for arm, expected in (("with_it", after), ("without", before)):
        put_into_arm(visitor, season, arm)
        assert (home_of(browser), listed(browser, shelf)) == expected
        for page in ("/", shelf):
            assert token_of(browser.get(page))
    assert not token_of(browser.get("/basket/"))


def test_a_version_that_is_not_live_is_tried_too(trained_and_indexed):
    users, products = trained_and_indexed
    browser = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    browser.force_login(users[0])
    visitor, shelf = Visitor.objects.get(user=users[0]), shelf_of(products[0])
    earn({product: number for number, product in enumerate(products)})
    before = listed(browser, shelf)
    live = count({"home": {"margin": 20}})
    stored = Definition.objects.with_versions().get(pk=live.pk)
    stored.versions.create(number=2, schema=1, document={"surfaces": {"category": {"margin": 20}}})
    version = {"definition": live.pk, "number": 2}
    season = start({"live": (0.5, {}), "draft": (0.5, {"version": version})})
    put_into_arm(visitor, season, "draft")
    assert listed(browser, shelf) != before
    put_into_arm(visitor, season, "live")
    assert listed(browser, shelf) == before
