"""The page "Your personalisation data": viewed, corrected, downloaded and erased, by its owner only."""

import json
import re
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from personalization.models import Consent, ConsentRecord, Event, Genome, SensitiveCategory, Visitor
from personalization.privacy import cookies, identity, retention
from personalization.profile import genome
from tests.collect.event_payloads import FIREFOX
from tests.shops import factories as shop
from tests.walks.event_requests import HERE, send_events, view_payload
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = pytest.mark.django_db

PAGE = "/personalization/privacy/"
WISH, RECENT, FORGOTTEN, DOWNLOAD = (
    PAGE + part for part in ("preference/", "recent/", "erase/confirmed/", "download/")
)
ANSWER = "/personalization/consent/"


def overview(client):
    return client.get(PAGE).context["overview"]


def visitor_of(user):
    return Visitor.objects.get(user=user)


def state(user):
    visitor = visitor_of(user)
    return visitor.consent, visitor.preferences, Event.objects.filter(visitor=visitor).count(), visitor.pk


def rows(response):
    return {row.type: [item.product_id for item in row.items] for row in response.context["slate"].rows}


def test_a_customer_finds_it_in_the_account_area_and_everybody_at_the_foot_of_the_page(client, anna):
    link = f'href="{PAGE}"'.encode()
    assert link in client.get(reverse("customer:profile-view")).content.split(b"<footer")[0]
    assert link in Client().get("/catalogue/").content.split(b"<footer")[1]
    assert next(template.name for template in client.get(PAGE).templates) == "personalization/account_privacy.html"
    assert next(template.name for template in Client().get(PAGE).templates) == "personalization/privacy.html"


def test_it_says_what_is_used_since_when_and_where_that_was_allowed(client, anna):
    tea = shop.create_shop_product("Tea", shop.create_from_breadcrumbs("Drinks > Hot"))
    shop.create_past_order(anna, [tea], days_ago=10)
    shop.create_past_order(anna, [tea], days_ago=20)
    genome.refresh_genome([anna.pk], time.time())
    visitor = visitor_of(anna)
    for _ in range(3):
        store_event(visitor, product_id=tea.pk)
    store_event(visitor, "search", query="oat milk")
    seen = overview(client)
    assert (seen.genome.purchases, seen.view_count, seen.search_count) == (2, 3, 1)
    assert seen.first_purchase_at.date() == (now() - timedelta(days=20)).date()
    assert (seen.status.code, seen.status.source) == ("granted", "test")
    assert [category.name for category in seen.interests] == ["Drinks", "Hot"]
    assert [(done.product.pk, done.added_to_basket) for done in seen.recent_products] == [(tea.pk, False)]
    assert [done.query for done in seen.recent_searches] == ["oat milk"]
    page = client.get(PAGE).content.decode()
    assert (
        "“oat milk”" in page
        and f'href="{tea.get_absolute_url()}"' in page
        and "Change prices: no price depends" in page
    )


def test_a_stranger_sees_what_would_be_used_and_the_two_buttons_once(client):
    page = client.get(PAGE).content.decode()
    assert page.count('value="granted"') == page.count('value="refused"') == 1
    assert "What we would use, if you agree" in page and "personalization-banner" not in page
    assert not Visitor.objects.exists()


def test_its_cost_does_not_grow_with_what_is_known(client, anna, django_assert_max_num_queries, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS": 3600}  # on a slow machine, too
    visitor = visitor_of(anna)

    def one_more(n):
        store_event(
            visitor,
            product_id=shop.create_shop_product(f"Tea {n}", shop.create_from_breadcrumbs(f"Drinks > Tea {n}")).pk,
        )
        store_event(visitor, "search", query=f"tea {n}")
        visitor.set_preference("product", n + 1, -1, time.time())

    one_more(0)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as first:
        client.get(PAGE)
    for n in range(1, 30):
        one_more(n)
    with django_assert_max_num_queries(len(first)):
        client.get(PAGE)


def test_sensitive_and_hidden_categories_are_neither_shown_nor_offered(client, anna):
    pharmacy = shop.create_from_breadcrumbs("Health > Pharmacy")
    hidden = shop.create_from_breadcrumbs("Attic")
    type(hidden).objects.filter(pk=hidden.pk).update(is_public=False)
    SensitiveCategory.objects.create(category=pharmacy.get_parent())
    rows = [[pharmacy.pk, 0.5, 1, 1.0], [hidden.pk, 0.5, 1, 1.0]]
    Genome.objects.create(user=anna, categories=rows, computed_at=now())
    assert overview(client).interests == []
    assert b"Pharmacy" not in client.get(PAGE).content and b"Attic" not in client.get(PAGE).content
    for key in (pharmacy.pk, hidden.pk, 10**9):
        client.post(WISH, {"kind": "interest", "key": key, "sign": 1})
    assert visitor_of(anna).preferences == []


def test_an_interest_is_taken_out_and_used_again_and_the_home_page_follows(client, trained):
    users, products = trained
    client.force_login(users[1])
    odd = products[1].categories.get()
    assert "buy_again" in rows(client.get("/"))
    said = client.post(WISH, {"kind": "interest", "key": odd.pk, "sign": -1}, follow=True)
    assert (said.redirect_chain, b"This takes effect from the next page on." in said.content) == ([(PAGE, 302)], True)
    assert odd not in overview(client).interests and overview(client).removed_interests == [odd]
    assert "buy_again" not in rows(client.get("/"))
    client.post(WISH, {"kind": "interest", "key": odd.pk, "sign": 0})
    assert odd in overview(client).interests and overview(client).removed_interests == []
    assert "buy_again" in rows(client.get("/"))


def test_an_interest_is_added_by_hand_once(client, anna):
    tea = shop.create_from_breadcrumbs("Drinks > Tea")
    for _ in range(2):
        client.post(WISH, {"kind": "interest", "key": tea.pk, "sign": 1})
    assert overview(client).added_interests == [tea]
    assert [
        (option.category.name, [c.name for c in option.children]) for option in overview(client).selectable_interests
    ] == [("Drinks", ["Tea"])]


def test_a_browser_that_agreed_and_is_not_known_yet_becomes_known_by_its_first_wish(client):
    client.cookies[cookies.CONSENT_COOKIE] = f"granted.1.{int(time.time())}"
    tea = shop.create_from_breadcrumbs("Tea")
    assert cookies.VISITOR_COOKIE in client.post(WISH, {"kind": "interest", "key": tea.pk, "sign": 1}).cookies
    assert overview(client).added_interests == [tea]


def test_who_did_not_agree_adds_nothing(client):
    tea = shop.create_from_breadcrumbs("Tea")
    response = client.post(WISH, {"kind": "interest", "key": tea.pk, "sign": 1}, follow=True)
    assert b"Nothing was changed." in response.content
    assert not Visitor.objects.exists()


def test_not_interested_is_listed_until_it_fades_and_can_be_undone(client, anna):
    tea, drinks = shop.create_shop_product("Tea"), shop.create_from_breadcrumbs("Drinks")
    visitor = visitor_of(anna)
    visitor.set_preference("product", tea.pk, -1, time.time())
    visitor.set_preference("category", drinks.pk, -1, time.time())
    visitor.set_preference("reason", "bestsellers:", -1, time.time())
    visitor.set_preference("product", 10**9, -1, time.time() - 61 * 86_400)
    assert [(item.kind, item.name) for item in overview(client).dismissals] == [
        ("reason", ""),
        ("category", "Drinks"),
        ("product", "Tea"),
    ]
    for item in overview(client).dismissals:
        client.post(WISH, {"kind": item.kind, "key": item.key, "sign": 0})
    assert overview(client).dismissals == []


def test_a_removed_view_is_not_used_by_the_very_next_page(client, trained):
    _, products = trained
    visitor = identify_browser(client)
    view = store_event(visitor, product_id=products[7].pk)
    store_event(visitor, "select_item", minutes_ago=2, product_id=products[7].pk)
    used = f"Because you viewed {products[7].title}"
    assert used in client.get("/").content.decode()
    client.post(RECENT, {"event": view.event_id})
    assert used not in client.get("/").content.decode()
    assert overview(client).recent_products == [] and not Event.objects.exists()


def test_deleting_one_search_or_all_of_a_kind_leaves_the_rest(client, anna):
    visitor = visitor_of(anna)
    one = store_event(visitor, "search", query="tea")
    store_event(visitor, "search", minutes_ago=5, query="tea")
    store_event(visitor, "search", query="milk")
    store_event(visitor, product_id=5)
    client.post(RECENT, {"event": one.event_id})
    assert [done.query for done in overview(client).recent_searches] == ["milk"]
    client.post(RECENT, {"all": "searches"})
    assert overview(client).recent_searches == [] and len(overview(client).recent_products) == 1
    store_event(visitor, "view_item_list", items=[[5, 0]])
    client.post(RECENT, {"all": "views"})
    assert not Event.objects.exists()


def test_the_page_says_that_a_code_of_the_network_is_stored_and_for_how_long_it_is(client, anna):
    tea = shop.create_shop_product("Tea")
    client.get(PAGE)
    send_events(client, view_payload(tea), HTTP_ORIGIN=HERE, HTTP_USER_AGENT=FIREFOX)
    stored_code = Event.objects.filter(voice__isnull=False)
    assert stored_code.count() == 1
    assert "for one to two days a code for the network that you use" in client.get(PAGE).content.decode()
    retention.apply_retention(now() + timedelta(hours=25))
    assert not stored_code.exists() and Event.objects.count() == 1
    client.post(ANSWER, {"answer": "refused"})
    assert "for one to two days, a code for the network that you use" in client.get(PAGE).content.decode()


def test_turning_it_off_deletes_what_was_done_and_turning_it_on_again_brings_nothing_back(client, anna):
    store_event(visitor_of(anna), product_id=shop.create_shop_product("Tea").pk)
    visitor_of(anna).set_preference("interest", 1, 1, time.time())
    client.post(ANSWER, {"answer": "refused"})
    assert not Event.objects.exists() and visitor_of(anna).preferences == []
    assert "What it had stored about you is deleted" in client.get(PAGE).content.decode()
    assert ConsentRecord.objects.filter(visitor__user=anna).last().state == "withdrawn"
    client.post(ANSWER, {"answer": "granted"})
    assert overview(client).recent_products == []


def test_the_download_is_a_complete_private_file(client, anna):
    tea = shop.create_shop_product("Tea")
    shop.create_past_order(anna, [tea])
    store_event(visitor_of(anna), product_id=tea.pk)
    response = client.get(DOWNLOAD)
    assert response["Content-Disposition"] == 'attachment; filename="personalisation-data.json"'
    assert "no-store" in response["Cache-Control"]
    content = json.loads(response.getvalue())
    assert {name: len(rows) for name, rows in content["tables"].items()} == {
        "personalization.AuditEntry": 0,
        "personalization.CampaignCustomer": 0,
        "personalization.ChannelConsent": 0,
        "personalization.ConsentRecord": 1,
        "personalization.Credit": 0,
        "personalization.CustomerFacts": 0,
        "personalization.CustomerTaste": 0,
        "personalization.CardClaim": 0,
        "personalization.HouseholdInvitation": 0,
        "personalization.HouseholdMember": 0,
        "personalization.LoyaltyCard": 0,
        "personalization.Purchase": 0,
        "personalization.ReminderAnswer": 0,
        "personalization.Delivery": 0,
        "personalization.Event": 1,
        "personalization.Exposure": 0,
        "personalization.Genome": 0,
        "personalization.GenomeMonth": 0,
        "personalization.MessageOutcome": 0,
        "personalization.OrderVisitor": 0,
        "personalization.Visitor": 1,
    }
    assert content["tables"]["personalization.Event"][0]["product_name"] == "Tea"
    assert [(row["name"], row["count"]) for row in content["shop"]] == [
        ("orders", 1),
        ("product views while signed in", 0),
        ("searches while signed in", 0),
    ]


def test_looking_and_downloading_change_nothing(client, anna):
    before = state(anna), ConsentRecord.objects.count()
    for path in (PAGE, PAGE + "erase/", DOWNLOAD):
        assert client.get(path).status_code == 200
    for path in (WISH, RECENT, FORGOTTEN, ANSWER):
        assert client.get(path).status_code == 405
    assert (state(anna), ConsentRecord.objects.count()) == before


def test_forgetting_asks_first_and_then_leaves_only_that_it_was_asked_for(client, anna):
    tea = shop.create_shop_product("Tea")
    shop.create_past_order(anna, [tea])
    genome.refresh_genome([anna.pk], time.time())
    store_event(visitor_of(anna), product_id=tea.pk)
    visitor_of(anna).set_preference("product", tea.pk, -1, time.time())
    old = visitor_of(anna).pk
    assert b"Yes, delete my data" in client.get(PAGE + "erase/").content
    assert Event.objects.count() == 1
    client.cookies["oscar_history"] = "[1]"
    response = client.post(FORGOTTEN)
    assert response["Location"] == PAGE
    assert response.cookies[cookies.CONSENT_COOKIE]["max-age"] == 0  # the answer is the account's, not the browser's
    assert response.cookies["oscar_history"]["max-age"] == response.cookies[cookies.VISITOR_COOKIE]["max-age"] == 0
    left = visitor_of(anna)
    assert (left.pk != old, left.preferences, left.consent) == (True, [], Consent.WITHDRAWN)
    assert not Event.objects.exists() and not Genome.objects.exists()
    assert list(ConsentRecord.objects.values_list("state", "source")) == [("withdrawn", "erasure")]
    page = client.get(PAGE).content.decode()
    assert "Your personalisation data has been deleted." in page
    assert "What you bought before that day will never be used for it again." in page


def test_what_was_forgotten_does_not_come_back_with_a_new_yes(client, anna):
    shop.create_past_order(anna, [shop.create_shop_product("Tea")])
    client.post(FORGOTTEN)
    client.post(ANSWER, {"answer": "granted"})
    assert not Genome.objects.exists()
    assert overview(client).status.is_on and overview(client).genome.purchases == 0


def test_a_browser_is_forgotten_without_a_trace(client):
    store_event(identify_browser(client), product_id=shop.create_shop_product("Tea").pk)
    client.post(FORGOTTEN)
    assert not Visitor.objects.exists() and not Event.objects.exists() and not ConsentRecord.objects.exists()
    assert client.get(PAGE).context["overview"].status.code == "refused"


@pytest.mark.django_db(transaction=True)
def test_forgetting_twice_at_once_works_like_once(client, anna):
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection, connections

    if connection.vendor == "sqlite":
        pytest.skip("its test database is one connection's")
    store_event(visitor_of(anna), product_id=1)

    def forget(_):
        try:
            identity.erase_customer(anna.pk, now())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(forget, range(12)))
    assert visitor_of(anna).consent == Consent.WITHDRAWN
    assert not Event.objects.exists()


def everybodys(response):
    """What of a page is the same for everybody: its content, and its scripts and style sheets.

    Taken out are, because they belong to the account and not to what is shown of the shop: the header with its account
    links, the name in the greeting and the basket (all before the content begins), and from the content the CSRF
    tokens, which differ between any two answers.
    """
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())
    content = page.split('<div id="content_inner">')[1].split("<footer")[0]
    return content, re.findall(r"<script.*?</script>|<link[^>]*>", page, re.DOTALL)


def test_the_page_of_a_customer_who_withdrew_is_the_anonymous_one_byte_for_byte(trained):
    users, products = trained
    refusing = Client()
    refusing.post(ANSWER, {"answer": "refused"})
    customer = Client()
    customer.force_login(users[1])
    store_event(visitor_of(users[1]), product_id=products[7].pk)
    assert everybodys(customer.get("/")) != everybodys(refusing.get("/"))
    customer.post(ANSWER, {"answer": "refused"})
    for client in (customer, refusing):
        client.get("/")  # the message that thanks for the answer
    assert everybodys(customer.get("/")) == everybodys(refusing.get("/"))


TOTALS = "The orders of all customers, what they view and search for while signed in"
LEFT_OUT = "nothing of yours goes into these totals"


def test_what_is_personal_what_is_counted_and_what_an_objection_changes_are_three_texts(client, anna):
    stranger = Client().get(PAGE).content.decode()
    assert "Until then, we choose nothing for you personally" in stranger
    assert TOTALS in stranger and "fewer than 5 customers." in stranger and LEFT_OUT not in stranger
    consented = client.get(PAGE).content.decode()
    assert "What you do in this shop decides which products you see" in consented
    assert TOTALS in consented and f"If you turn personalisation off, {LEFT_OUT}" in consented
    client.post(ANSWER, {"answer": "refused", "next": PAGE})
    objecting = client.get(PAGE).content.decode()
    assert "We choose nothing for you personally" in objecting
    assert TOTALS in objecting and f"You objected, so {LEFT_OUT}" in objecting


def test_it_promises_nothing_for_the_rest_of_the_shop(client, anna):
    """Shops have prices for groups, statistics and orders: this app can speak for itself only."""
    for browser in (Client(), client):
        page = browser.get(PAGE).content.decode()
        assert "no price depends on what is stored here" in page and "privacy policy" in page
        for promise in ("what everyone pays", "stored nothing about you", "of this with others"):
            assert promise not in page
