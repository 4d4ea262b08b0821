"""Who counts in an experiment about rows or numbers: who was shown a page that its arms would have made differently."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import publishing, running_experiments
from personalization.merchandising.row_keys import row_key
from personalization.models import DefinitionKind, Visitor
from tests.collect.event_payloads import FIREFOX
from tests.walks.event_requests import HERE
from tests.walks.known_visitors import identify_browser
from tests.walks.running import put_into_arm, start
from tests.walks.test_experiments import rows, token_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]


@pytest.fixture
def browser():
    return Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)


@pytest.fixture
def loyal(browser, trained):
    user = trained[0][0]
    browser.force_login(user)
    return Visitor.objects.get(user=user)


def counts_in_both(client, visitor, season, address="/"):
    """Whether each arm's page is reported; the same for all arms."""
    found = set()
    for arm in (arm["key"] for arm in season.document["arms"]):
        put_into_arm(visitor, season, arm)
        found.add(bool(token_of(client.get(address))))
    assert len(found) == 1, "one arm is reported and another is not"
    return found.pop()


def policy_test(name, number):
    return start({"as_it_is": (0.5, {}), "other": (0.5, {"policy": {name: number}})})


@pytest.mark.parametrize(
    ("name", "number", "differs"),
    [
        ("max_home_rows", 1, True),
        ("max_home_rows", 12, False),
        ("row_size", 3, True),
        ("max_personal_rows", 0, True),
        ("max_personal_rows", 12, False),
    ],
)
def test_a_number_that_changes_nothing_on_this_page_counts_nobody(browser, loyal, name, number, differs):
    assert counts_in_both(browser, loyal, policy_test(name, number)) is differs


def test_the_row_of_a_stranger_that_is_not_there_counts_nobody(browser, trained):
    visitor = identify_browser(browser)
    row = publishing.create(DefinitionKind.ROW, "Buy again", {"shown": False}, None, key=row_key("home", "buy_again"))
    season = start({"as_it_is": (0.5, {}), "off": (0.5, {"version": {"definition": row.pk, "number": 1}})})
    assert counts_in_both(browser, visitor, season) is False


def test_a_row_that_one_arm_leaves_out_counts_whoever_would_see_it(browser, loyal):
    row = publishing.create(DefinitionKind.ROW, "Buy again", {"shown": False}, None, key=row_key("home", "buy_again"))
    season = start({"as_it_is": (0.5, {}), "off": (0.5, {"version": {"definition": row.pk, "number": 1}})})
    assert counts_in_both(browser, loyal, season) is True
    put_into_arm(loyal, season, "off")
    assert "buy_again" not in rows(browser.get("/"))


def test_another_title_is_a_difference_where_the_row_stands(browser, loyal):
    row = publishing.create(
        DefinitionKind.ROW, "Buy again", {"titles": {"en-gb": "Once more"}}, None, key=row_key("home", "buy_again")
    )
    season = start({"as_it_is": (0.5, {}), "title": (0.5, {"version": {"definition": row.pk, "number": 1}})})
    assert counts_in_both(browser, loyal, season) is True


def test_a_page_without_the_row_costs_no_query_more_while_it_is_compared(browser, loyal, settings):
    # Newcomers are drawn by the unit, and the snapshot is looked up by the clock.
    settings.PERSONALIZATION = {
        **getattr(settings, "PERSONALIZATION", {}),
        "NEWCOMER_SHARE": 0,
        "SNAPSHOT_POLL_SECONDS": 60,
    }
    season, counts = policy_test("max_home_rows", 12), {}
    for arm in ("as_it_is", "other"):
        put_into_arm(loyal, season, arm)
        browser.get("/")
        with CaptureQueriesContext(connection) as queries:
            browser.get("/")
        counts[arm] = len(queries)
    running_experiments.stop(season.definition, None)
    read_rules_now()
    browser.get("/")
    with CaptureQueriesContext(connection) as without:
        browser.get("/")
    assert counts == dict.fromkeys(counts, len(without))


def test_a_strength_that_leaves_a_list_as_it_is_counts_nobody(trained_and_indexed):
    known, stranger = (Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE) for _ in range(2))
    user = trained_and_indexed[0][0]
    known.force_login(user)
    season = policy_test("rerank_strength", 0)
    visitor = Visitor.objects.get(user=user)
    assert counts_in_both(known, visitor, season, "/search/?q=product") is True
    assert counts_in_both(known, visitor, season, "/search/?q=product&sort_by=price-asc") is False
    assert counts_in_both(known, visitor, season, "/search/?q=nothing+like+that") is False
    assert counts_in_both(stranger, identify_browser(stranger), season, "/") is False
