"""The learned order of rows on served pages: who sees it, what they report, and that it can be turned off."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from personalization.collect.impression_tokens import verify_impression
from personalization.decide.active_rules import read_rules_now
from personalization.merchandising.assignment import CONTROL_BUCKETS, HELD_OUT, PERSONALIZED, ROW_ORDER, bucket_of
from personalization.models import RowDraw, Visitor
from personalization.models.visitors import new_visitor_id
from personalization.privacy.retention import local_day
from tests.collect.event_payloads import FIREFOX
from tests.merchandising.test_served_rows import codes, set_row
from tests.walks.known_visitors import identify_browser
from tests.walks.running import put_into_arm, start, start_holdout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
EVEN_OR_ODD = "bestsellers_in_category"


@pytest.fixture
def browser(trained):
    """A browser that agreed, in the drawn order."""
    client = Client(HTTP_USER_AGENT=FIREFOX)
    put_into_order(identify_browser(client), control=False)
    return client


def put_into_order(visitor, *, control):
    units = iter(new_visitor_id, None)
    unit = next(one for one in units if (bucket_of(one, ROW_ORDER) < CONTROL_BUCKETS) == control)
    Visitor.objects.filter(pk=visitor.pk).update(browser_unit=unit)


def draw(page, *, is_customer=False):
    """Draws the rows of the home page in reverse."""
    rows = dict.fromkeys(page)
    RowDraw.objects.replace(
        [
            RowDraw(
                surface="home",
                row_code=code,
                is_customer=is_customer,
                is_phone=False,
                date=local_day(now()),
                seen=1000,
                added=10,
                drawn_rate=number / 1000,
            )
            for number, code in enumerate(rows, 1)
        ],
        now(),
    )
    read_rules_now()


def rows(client):
    return codes(client.get("/").content.decode())


def arms(client):
    """The arms that the tokens of a page carry, and no others."""
    page = client.get("/")
    visitor = Visitor.objects.get(user=None)
    tokens = [row.token for row in page.context["printed_rows"]]
    found = [verify_impression(token, visitor.pk, now().timestamp()).arms for token in tokens]
    assert len(found) > 1 and all(one == found[0] for one in found)
    return found[0]


def test_rows_stand_in_the_drawn_order_until_it_is_turned_off(browser, settings):
    before = rows(browser)
    assert before == ["bestsellers", "trending", EVEN_OR_ODD, EVEN_OR_ODD] and arms(browser) == {}
    draw(before)
    assert rows(browser) == [EVEN_OR_ODD, EVEN_OR_ODD, "bestsellers", "trending"]
    assert arms(browser) == {"row-order": "drawn"}
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_ORDER_MAX_SHIFT": 0}
    assert rows(browser) == before and arms(browser) == {}
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_ORDER_MAX_SHIFT": 1}
    assert rows(browser) == ["trending", "bestsellers", EVEN_OR_ODD, EVEN_OR_ODD]


def test_the_tenth_that_is_the_control_sees_the_order_of_the_shop_and_says_so(browser):
    before = rows(browser)
    draw(before)
    put_into_order(Visitor.objects.get(user=None), control=True)
    assert rows(browser) == before and arms(browser) == {"row-order": "shop"}


def test_who_did_not_agree_sees_the_drawn_order_and_is_in_none_of_its_arms(browser):
    stranger = Client(HTTP_USER_AGENT=FIREFOX)
    before = rows(stranger)
    draw(before)
    assert rows(stranger) == rows(browser) != before
    assert [row.token for row in stranger.get("/").context["printed_rows"]] == [""] * len(before)


def test_a_personal_row_stays_above_whatever_was_drawn(trained):
    client = Client()
    client.force_login(trained[0][0])
    before = rows(client)
    assert before[:2] == ["buy_again", "bestsellers"]
    put_into_order(Visitor.objects.get(user=trained[0][0]), control=False)
    draw(["buy_again", "bestsellers", "trending", EVEN_OR_ODD], is_customer=True)
    after = rows(client)
    assert after[0] == "buy_again" and after[1] == EVEN_OR_ODD


def test_a_row_with_a_place_stands_there_whatever_was_drawn(browser):
    set_row("bestsellers", {}, place=1)
    draw(rows(browser))
    assert rows(browser)[0] == "bestsellers"


def test_during_an_experiment_on_the_page_it_is_the_order_of_the_shop(browser):
    before = rows(browser)
    draw(before)
    assert rows(browser) != before
    start({"a": (0.5, {}), "b": (0.5, {"policy": {"max_home_rows": 9}})}, surfaces=["home"])
    assert rows(browser) == before and "row-order" not in arms(browser)


def test_who_is_held_out_sees_the_order_of_the_shop(browser):
    before, season = rows(browser), start_holdout()
    draw(before)
    visitor = Visitor.objects.get(user=None)
    put_into_arm(visitor, season, HELD_OUT)
    assert rows(browser) == before and arms(browser) == {"holdout-1": HELD_OUT}
    put_into_arm(visitor, season, PERSONALIZED)
    assert "row-order" in arms(browser)


def test_the_drawn_order_costs_no_query(browser):
    for _ in range(2):
        before = rows(browser)
    with CaptureQueriesContext(connection) as plain:
        browser.get("/")
    draw(before)
    browser.get("/")
    with CaptureQueriesContext(connection) as moved:
        browser.get("/")
    assert len(moved) == len(plain)


def test_a_draw_reaches_every_process(browser):
    before = rows(browser)
    draw(before)
    first = rows(browser)
    RowDraw.objects.replace([], now() + timedelta(days=1))
    read_rules_now()
    assert first != before == rows(browser)
