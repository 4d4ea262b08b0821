"""The bar for who is about to leave: who is shown it and how often, what it says, and what is credited to it."""

import html
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from oscar.apps.offer.models import Benefit, ConditionalOffer, CountCondition, Range

from personalization import rate_limits
from personalization.collect.impression_tokens import verify_impression
from personalization.decide import active_snapshot
from personalization.measure.outcomes import measure_outcomes
from personalization.merchandising.assignment import HELD_OUT, PERSONALIZED
from personalization.models import Credit, Event, SensitiveCategory, Visitor
from personalization.models.visitors import new_visitor_id
from personalization.oscar.dashboard.report_screen import built_in_row_names
from personalization.oscar.previews import PARAMETER, Preview
from personalization.pages import leave_bar
from personalization.privacy import cookies
from tests.collect.event_payloads import FIREFOX, delivery_body
from tests.measure.orders import place_order
from tests.shops import breakfast, tea
from tests.shops import factories as shop
from tests.shops.renamed_tables import renamed_table
from tests.shops.tea import TEAS
from tests.walks.event_requests import HERE, post_events
from tests.walks.known_visitors import identify_browser
from tests.walks.running import put_into_arm, start, start_holdout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
ASK = reverse("personalization:leave")
SCRIPT = "personalization/leave.js"
DAY = 86_400


@pytest.fixture(autouse=True)
def switched_on(settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "LEAVE_BAR": True}


@pytest.fixture
def products():
    return tea.trained()


@pytest.fixture
def client():
    """Firefox on a page of the shop."""
    return Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)


@pytest.fixture
def visitor(products, client):
    """Who agreed, on the client."""
    return identify_browser(client)


def said(response) -> str:
    """What the bar says, without its markup; "" where there is none."""
    if response.status_code == 204:
        return ""
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", response.content.decode())).split())


def ask(client, product=None, **more):
    """Asks as a page does that somebody leaves, and forgets that it was shown."""
    response = client.get(ASK, {"product": product.pk} if product else {}, **more)
    client.cookies.pop(cookies.LEAVE_COOKIE, None)
    return response


def test_a_basket_is_kept_in_the_account_or_as_long_as_oscars_cookie_says(client, visitor, products, settings):
    breakfast.put_into_basket(client, products[TEAS[0]], quantity=3)
    assert said(ask(client)) == (
        "Your basket is kept It stays on this device for 7 days after you began it. View basket (3) Not interested"
    )
    settings.OSCAR_BASKET_COOKIE_LIFETIME = DAY
    assert "stays on this device for 1 day after" in said(ask(client))
    anna = User.objects.create_user("anna", "anna@shop.example", "x")
    shop.grant_consent(anna)
    client.force_login(anna)
    breakfast.put_into_basket(client, products[TEAS[0]])
    page = ask(client)
    assert "It is in your account: you find it wherever you sign in." in said(page)
    assert f'href="{reverse("basket:summary")}"' in page.content.decode()


@pytest.mark.parametrize("lifetime", [None, 3600])
def test_nothing_is_promised_of_a_basket_that_is_not_kept(client, visitor, products, settings, lifetime):
    breakfast.put_into_basket(client, products[TEAS[0]])
    settings.OSCAR_BASKET_COOKIE_LIFETIME = lifetime
    assert said(ask(client, products[TEAS[1]])) == ""


def test_without_a_basket_the_best_alternative_to_the_product_in_view_is_named_with_its_price(
    client, visitor, products
):
    (slate,) = breakfast.slates_of_page(client.get(products[TEAS[0]].get_absolute_url()), "product")
    best = slate.rows[0].items[0].product
    page = ask(client, products[TEAS[0]])
    assert said(page) == f"Similar to {TEAS[0]} {best.title} $3.00 Not interested"
    assert f'href="{best.get_absolute_url()}"' in page.content.decode()
    tea.sell_out(best)
    assert f" {best.title} " not in said(ask(client, products[TEAS[0]]))
    for name in TEAS[1:]:
        tea.sell_out(products[name])
    assert said(ask(client, products[TEAS[0]])) == ""


def test_an_alternative_that_the_visitor_dismissed_is_not_named(client, visitor, products):
    best = said(ask(client, products[TEAS[0]])).split("$")[0].removeprefix(f"Similar to {TEAS[0]} ").strip()
    visitor.set_preference("product", products[best].pk, -1, now().timestamp())
    again = said(ask(client, products[TEAS[0]]))
    assert again and best not in again


def test_there_is_no_alternative_to_a_sensitive_product_nor_a_sensitive_alternative(client, visitor, products):
    assert said(ask(client, products[TEAS[0]]))
    category = products[TEAS[0]].get_categories().first()
    SensitiveCategory.objects.create(category_id=category.pk)
    call_command("personalization_train", "--force", verbosity=0)
    active_snapshot.reset_active_snapshot()
    assert said(ask(client, products[TEAS[0]])) == ""


@pytest.mark.parametrize("product", ["", "0", "999999", "-1", "x", "9" * 30, "\u0661"])
def test_a_page_without_a_product_and_without_a_basket_has_nothing_to_say(client, visitor, product):
    response = client.get(ASK, {"product": product})
    assert (response.status_code, response.content) == (204, b"")
    assert cookies.LEAVE_COOKIE not in response.cookies


def offer_of(products, count):
    condition = CountCondition.objects.create(
        range=Range.objects.create(name="All teas", includes_all_products=True), type="Count", value=count
    )
    benefit = Benefit.objects.create(range=condition.range, type=Benefit.PERCENTAGE, value=10)
    return ConditionalOffer.objects.create(name="Tea time", condition=condition, benefit=benefit)


def test_an_offer_that_the_basket_half_meets_is_named_in_oscars_words(client, visitor, products):
    breakfast.put_into_basket(client, products[TEAS[0]])
    offer = offer_of(products, count=3)
    page = ask(client)
    assert "Buy 2 more products from All teas: Tea time View basket (1)" in said(page)
    assert f'href="{offer.get_absolute_url()}"' in page.content.decode()
    breakfast.put_into_basket(client, products[TEAS[0]], quantity=2)
    assert "Tea time" not in said(ask(client))  # met
    ConditionalOffer.objects.update(status=ConditionalOffer.SUSPENDED)
    assert "more product" not in said(ask(client))


def test_it_is_said_in_the_visitors_language(client, visitor, products):
    breakfast.put_into_basket(client, products[TEAS[0]], quantity=2)
    german = said(ask(client, HTTP_ACCEPT_LANGUAGE="de"))
    assert german.endswith("(2) Kein Interesse")


def test_the_answer_is_private_stored_nowhere_and_names_itself(client, visitor, products):
    breakfast.put_into_basket(client, products[TEAS[0]])
    response = ask(client)
    assert {"private", "no-store"} <= set(response["Cache-Control"].replace(" ", "").split(","))
    markup = response.content.decode()
    assert '<section class="personalization-leave" role="region" aria-label="Before you go">' in markup
    assert not re.search(r"<script|<style| style=| on\w+=|tabindex|autofocus", markup)


def test_a_browser_that_did_not_agree_is_shown_and_given_nothing(products, client):
    breakfast.put_into_basket(client, products[TEAS[0]])
    for answer in (None, "refused.1.1700000000"):
        if answer:
            client.cookies[cookies.CONSENT_COOKIE] = answer
        page = client.get("/")
        assert ("May we personalise" in page.content.decode()) == (answer is None)
        assert SCRIPT not in page.content.decode()
        for response in (client.get(ASK, {"product": products[TEAS[0]].pk}), client.post(ASK)):
            assert response.status_code == 204
            assert cookies.LEAVE_COOKIE not in response.cookies


def test_it_is_never_on_a_page_with_the_question_of_consent(visitor, client, products):
    """Not even where the browser agreed and its account has not answered."""
    client.force_login(User.objects.create_user("ben", "ben@shop.example", "x"))
    breakfast.put_into_basket(client, products[TEAS[0]])
    page = client.get("/").content.decode()
    assert "May we personalise" in page
    assert SCRIPT not in page
    assert client.get(ASK).status_code == 204


@pytest.mark.parametrize("header", ["HTTP_SEC_GPC", "HTTP_DNT"])
def test_a_browser_that_says_no_by_a_signal_gets_none(client, visitor, products, header):
    breakfast.put_into_basket(client, products[TEAS[0]])
    assert SCRIPT not in client.get("/", **{header: "1"}).content.decode()
    assert client.get(ASK, **{header: "1"}).status_code == 204


def test_a_robot_gets_none(client, visitor, products):
    breakfast.put_into_basket(client, products[TEAS[0]])
    assert client.get(ASK, HTTP_USER_AGENT="Googlebot/2.1").status_code == 204


@pytest.mark.parametrize(("arm", "has_bar"), [(HELD_OUT, False), (PERSONALIZED, True)])
def test_who_is_held_back_gets_none(client, visitor, products, arm, has_bar):
    put_into_arm(visitor, start_holdout(), arm)
    assert bool(said(ask(client, products[TEAS[0]]))) == has_bar
    breakfast.put_into_basket(client, products[TEAS[0]])
    assert bool(said(ask(client))) == has_bar


@pytest.mark.parametrize(("arm", "has_bar"), [("plain", False), ("usual", True)])
def test_an_arm_without_personalisation_gets_none_wherever_it_is_plain(client, visitor, products, arm, has_bar):
    season = start({"usual": (0.5, {}), "plain": (0.5, {"plain": True})}, surfaces=["home"])
    put_into_arm(visitor, season, arm)
    assert bool(said(ask(client, products[TEAS[0]]))) == has_bar


def test_a_preview_has_none(admin_client, admin_user, products):
    loyal = Visitor.objects.exclude(user=None).first()
    token = Preview(staff=str(admin_user.pk), customer=str(loyal.user_id)).sign()
    page = admin_client.get("/", {PARAMETER: token}, HTTP_USER_AGENT=FIREFOX).content.decode()
    assert "Nothing here counts" in page
    assert SCRIPT not in page


def test_pages_for_shopping_have_the_script_and_no_other_page(client, visitor, products):
    breakfast.put_into_basket(client, products[TEAS[0]])
    shopping = ["/", "/catalogue/", "/search/?q=tea", products[TEAS[0]].get_absolute_url(), reverse("basket:summary")]
    assert {address: SCRIPT in client.get(address).content.decode() for address in shopping} == dict.fromkeys(
        shopping, True
    )
    others = ["checkout:index", "checkout:shipping-address", "customer:login", "customer:register"]
    others += ["personalization:privacy", "personalization:privacy_erase_confirm", "password-reset"]
    pages = {name: client.get(reverse(name), follow=True) for name in others}
    assert {name: page.status_code for name, page in pages.items()} == dict.fromkeys(others, 200)
    assert [name for name, page in pages.items() if SCRIPT in page.content.decode()] == []


def test_the_script_knows_the_product_of_its_page_a_childs_parent(client, visitor, products):
    page = client.get(products[TEAS[0]].get_absolute_url()).content.decode()
    assert f'data-ask="{ASK}?product={products[TEAS[0]].pk}"' in page
    assert f'data-ask="{ASK}"' in client.get("/").content.decode()


def test_switched_off_as_it_is_by_default_nothing_of_it_is_there(client, visitor, products, settings):
    settings.PERSONALIZATION = {name: value for name, value in settings.PERSONALIZATION.items() if name != "LEAVE_BAR"}
    breakfast.put_into_basket(client, products[TEAS[0]])
    assert "leave" not in client.get("/").content.decode()
    assert client.get(ASK).status_code == 204


def test_no_page_costs_a_query_more_for_it(client, visitor, products, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS": 60}

    def queries():
        with CaptureQueriesContext(connection) as counted:
            client.get(products[TEAS[0]].get_absolute_url())
        return len(counted)

    queries()
    with_bar = queries()
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "LEAVE_BAR": False}
    assert with_bar == queries()


def test_once_shown_it_stays_away_for_7_days_and_once_closed_for_30(client, visitor, products):
    breakfast.put_into_basket(client, products[TEAS[0]])
    shown = client.get(ASK)
    assert shown.cookies[cookies.LEAVE_COOKIE]["max-age"] == 7 * DAY
    assert client.get(ASK).status_code == 204
    assert SCRIPT not in client.get("/").content.decode()
    closed = client.post(ASK)
    assert closed.cookies[cookies.LEAVE_COOKIE]["max-age"] == 30 * DAY
    assert client.get(ASK).status_code == 204
    for response in (shown, closed):
        morsel = response.cookies[cookies.LEAVE_COOKIE]
        assert (morsel["httponly"], morsel["secure"], morsel["samesite"]) == (True, True, "Lax")


MOMENTS = st.lists(
    st.tuples(st.sampled_from(["leave", "close", "go on"]), st.integers(0, 12 * DAY)), min_size=1, max_size=12
)


@given(MOMENTS)
@examples(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_they_come_and_go_it_is_shown_a_week_apart_and_a_month_after_it_was_closed(
    client, visitor, products, moments
):
    """The browser forgets a cookie when its time is over; all else is the shop's, at each request."""
    rate_limits.reset_counters()  # each example is another day
    cache.clear()
    breakfast.put_into_basket(client, products[TEAS[0]])
    client.cookies.pop(cookies.LEAVE_COOKIE, None)
    clock, forgotten_at, rests_until = 0, 0, 0
    for does, later in moments:
        clock += later
        if clock >= forgotten_at:
            client.cookies.pop(cookies.LEAVE_COOKIE, None)
        response = client.post(ASK) if does == "close" else client.get(ASK if does == "leave" else "/")
        if cookies.LEAVE_COOKIE in response.cookies:
            forgotten_at = clock + response.cookies[cookies.LEAVE_COOKIE]["max-age"]
        if does == "leave":
            assert (response.status_code == 200) == (clock >= rests_until)
            rests_until = max(rests_until, clock + 7 * DAY) if response.status_code == 200 else rests_until
        elif does == "close" and clock < rests_until:
            rests_until = clock + 30 * DAY


def test_who_was_shown_none_cannot_close_it(client, visitor):
    assert cookies.LEAVE_COOKIE not in client.post(ASK).cookies


def test_closing_needs_the_pages_own_token(visitor, products, client):
    strict = Client(enforce_csrf_checks=True, HTTP_USER_AGENT=FIREFOX)
    strict.cookies = client.cookies
    breakfast.put_into_basket(client, products[TEAS[0]])
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', strict.get(ASK).content.decode())[1]
    assert strict.post(ASK).status_code == 403
    closed = strict.post(ASK, {"csrfmiddlewaretoken": token})
    assert (closed.status_code, closed.cookies[cookies.LEAVE_COOKIE].value) == (204, "closed")


def test_a_refusal_deletes_what_the_browser_keeps_of_it(client, visitor, products):
    breakfast.put_into_basket(client, products[TEAS[0]])
    client.get(ASK)
    client.post(reverse("personalization:consent"), {"answer": "refused"})
    assert client.cookies[cookies.LEAVE_COOKIE].value == ""


def test_too_many_requests_of_one_address_are_answered_with_nothing(client, visitor, products, monkeypatch):
    monkeypatch.setattr(leave_bar, "MAX_ADDRESS_BARS_PER_MINUTE", 2)
    rate_limits.reset_counters()
    cache.clear()
    breakfast.put_into_basket(client, products[TEAS[0]])
    assert [ask(client).status_code for _ in range(3)] == [200, 200, 204]


def report(client, name, token, product_id):
    event = {"id": str(new_visitor_id()), "name": name, "slate": token, "items": [{"item_id": str(product_id)}]}
    assert post_events(client, delivery_body(event)).json() == {"accepted": 1, "rejected": []}


def test_what_was_seen_and_clicked_in_it_is_credited_as_a_touch_of_its_own(client, visitor, products):
    Visitor.objects.update(consented_at=now() - timedelta(days=5))
    markup = ask(client, products[TEAS[0]]).content.decode()
    token, key = re.search(r'data-slate="([^"]+)".*data-product="(\d+)"', markup, re.S).groups()
    shown = verify_impression(token, visitor.pk, now().timestamp())
    assert (shown.surface, shown.row, [item.item_id for item in shown.items]) == ("product", "leave", [int(key)])
    report(client, "view_item_list", token, key)
    report(client, "select_item", token, key)
    assert set(Event.objects.values_list("type", "row_key")) == {
        ("view_item_list", "leave"),
        ("select_item", "leave"),
    }
    bought = next(product for product in products.values() if product.pk == int(key))
    place_order(visitor, [(bought, 1, "3.00")], now())
    measure_outcomes(now())
    credit = Credit.objects.get()
    assert (credit.surface, credit.row_key, credit.touch) == ("product", "leave", "clicked")
    assert built_in_row_names()[credit.row_key] == "the bar before they leave"


@pytest.mark.parametrize("table", ["personalization_visitor", "basket_line"])
def test_where_the_database_does_not_answer_nothing_is_said(client, visitor, products, table):
    breakfast.put_into_basket(client, products[TEAS[0]])
    with renamed_table(table):
        response = ask(client)
    assert (response.status_code, cookies.LEAVE_COOKIE in response.cookies) == (204, False)


def test_a_bar_with_an_alternative_takes_four_queries_and_one_with_a_basket_ten(client, visitor, products, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS": 60}

    def queries():
        with CaptureQueriesContext(connection) as counted:
            assert said(ask(client, products[TEAS[0]]))
        return len([one for one in counted if "SAVEPOINT" not in one["sql"]])

    queries()
    assert queries() == 4  # the visitor, the product in view, the alternatives and their stock
    breakfast.put_into_basket(client, products[TEAS[0]])
    assert queries() == 10  # the visitor, and what Oscar reads of a basket and its offers
