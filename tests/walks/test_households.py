"""Customers share what they buy in a household, by invitation and consent, and nobody learns who bought it."""

import json
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from personalization import rate_limits
from personalization.exchange.purchase_import import PurchaseOptions, import_purchases
from personalization.exchange.tabular import TableRow
from personalization.models import (
    Consent,
    CustomerFacts,
    Genome,
    Household,
    HouseholdInvitation,
    HouseholdMember,
    LoyaltyCard,
    Visitor,
)
from personalization.privacy import consent_lists, retention
from personalization.privacy.loyalty_cards import hash_card_number
from personalization.profile import batch, genome
from tests.shops import factories as shop
from tests.shops.tills import buy_in_store

pytestmark = pytest.mark.django_db
PAGE = "/personalization/privacy/"
INVITE, TAKE_BACK = PAGE + "household/invite/", PAGE + "household/take-back/"
JOIN, LEAVE = PAGE + "household/join/", PAGE + "household/leave/"
CONSENT, ERASE, HOME = "/personalization/consent/", PAGE + "erase/confirmed/", "/"


@pytest.fixture(autouse=True)
def households_on(monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", True)
    monkeypatch.setitem(settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS", 60)
    monkeypatch.setattr(rate_limits, "MAX_CUSTOMER_INVITATIONS_PER_MINUTE", 10**6)
    monkeypatch.setattr(rate_limits, "MAX_ADDRESS_INVITATIONS_PER_MINUTE", 10**6)


def browser_of(user):
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def ben():
    """(another customer, their browser)"""
    user = shop.create_customer("ben")
    return user, browser_of(user)


def invite(browser):
    """The code that the page shows."""
    return re.search(
        r'id="personalization-invitation-code" value="([A-Z2-7-]+)"', browser.post(INVITE).content.decode()
    )[1]


def join(browser, code):
    return browser.post(JOIN, {"code": code}, follow=True).content.decode()


def household_products():
    return [row[0] for row in Household.objects.get().products]


def members():
    return set(HouseholdMember.objects.values_list("visitor__user__username", flat=True))


def shown(browser, address=PAGE):
    return browser.get(address).content.decode()


def test_who_is_invited_reads_what_it_means_says_yes_and_sees_how_many_they_are(client, anna, ben):
    address = re.search(r'value="http://testserver(/[^"]+)"', client.post(INVITE).content.decode())[1]
    page = shown(ben[1], address)
    assert "What each of you buys, and bought before, counts for the pages of all of you." in page
    assert "never who bought it" in page and "You can leave at any time" in page
    assert "At the moment 1 person is in this household." in page
    assert members() == {"anna"}  # looking changes nothing
    code = re.search(r'name="code" value="([^"]+)"', page)[1]
    assert "You are in a household of 2 now." in join(ben[1], code)
    assert "You are in a household of 2 since" in shown(client)
    for page, other in ((shown(client), "ben"), (shown(ben[1]), "anna")):
        assert other not in page.lower()


@pytest.mark.parametrize("spelling", [str.lower, lambda code: code.replace("-", " "), lambda code: f" {code} "])
def test_a_code_holds_however_it_is_typed(client, anna, ben, spelling):
    assert "household of 2 now" in join(ben[1], spelling(invite(client)))


def test_a_code_holds_once_for_a_week_and_until_it_is_taken_back(client, anna, ben):
    carl, dora, code = shop.create_customer("carl"), shop.create_customer("dora"), invite(client)
    assert code.replace("-", "") not in str(list(HouseholdInvitation.objects.values()))
    join(ben[1], code)
    assert "This invitation does not hold" in join(browser_of(carl), code)
    code = invite(client)
    HouseholdInvitation.objects.update(expires_at=now())
    assert "This invitation does not hold" in join(browser_of(carl), code)
    assert "This invitation does not hold" in shown(browser_of(carl), f"{JOIN}?code={code}")
    code = invite(client)
    key = re.search(r'name="invitation" value="(\d+)"', shown(client))[1]
    assert "Nothing was changed." in ben[1].post(TAKE_BACK, {"invitation": key}, follow=True).content.decode()
    assert "is taken back" in client.post(TAKE_BACK, {"invitation": key}, follow=True).content.decode()
    assert "This invitation does not hold" in join(browser_of(dora), code)
    assert members() == {"anna", "ben"}


def test_the_page_and_the_question_before_erasing_say_what_a_household_changes(client, anna, ben):
    counts, place = "what you buy counts for the pages of the others", "your place in a household"
    assert counts not in shown(client) and place not in shown(client, PAGE + "erase/")
    join(ben[1], invite(client))
    assert counts in shown(client) and place in shown(client, PAGE + "erase/")


def test_who_sends_a_signal_against_it_can_still_leave(client, anna, ben):
    join(ben[1], invite(client))
    page = client.get(PAGE, headers={"sec-gpc": "1"}).content.decode()
    assert "Leave the household" in page and "Make an invitation" not in page


@pytest.mark.parametrize("code", ["", "-", "AAAA", "A" * 26, "x" * 65, "\0", "äöü"])
def test_a_made_up_code_leads_nowhere(client, anna, ben, code):
    invite(client)
    assert "This invitation does not hold" in join(ben[1], code)
    assert ben[1].get(JOIN, {"code": code}).status_code == 200 and members() == {"anna"}


def test_nobody_is_in_two_and_nobody_joins_their_own(client, anna, ben):
    own = invite(client)
    assert "You are in a household already." in join(client, own)
    join(ben[1], own)
    carl = shop.create_customer("carl")
    code = invite(browser_of(carl))
    assert "You are in a household already." in join(ben[1], code)
    assert "You are in a household already." in shown(ben[1], f"{JOIN}?code={code}")
    assert Household.objects.count() == 2 and HouseholdMember.objects.count() == 3


def test_who_only_invited_others_may_join_another_household_and_gives_the_own_one_up(client, anna, ben):
    code = invite(ben[1])
    assert "household of 2 now" in join(ben[1], invite(client))
    assert Household.objects.count() == 1
    assert "This invitation does not hold" in join(browser_of(shop.create_customer("carl")), code)


def test_nobody_is_the_ninth(client, anna):
    codes = [invite(client) for _ in range(7)]
    assert "You have 7 open invitations." in client.post(INVITE, follow=True).content.decode()
    others = [browser_of(shop.create_customer(f"c{number}")) for number in range(8)]
    for browser, code in zip(others, codes[:6], strict=False):
        join(browser, code)
    extra = invite(others[0])
    assert "household of 8 now" in join(others[6], codes[6])
    assert "This household has 8 members" in join(others[7], extra)
    assert "This household has 8 members" in shown(others[7], f"{JOIN}?code={extra}")
    assert "Make an invitation" not in shown(client)
    assert "This household has 8 members" in client.post(INVITE, follow=True).content.decode()
    assert HouseholdMember.objects.count() == 8


def test_only_who_is_signed_in_and_consented_invites_joins_and_is_asked(client, anna, ben):
    code, stranger = invite(client), Client()
    page = shown(stranger, f"{JOIN}?code={code}")
    assert "Sign in to decide." in page and "At the moment" not in page
    assert f"/accounts/login/?next=%2Fpersonalization%2Fprivacy%2Fhousehold%2Fjoin%2F%3Fcode%3D{code}" in page
    assert "only stored for visitors who have consented" in join(stranger, code)
    Visitor.objects.filter(user=ben[0]).update(consent=Consent.WITHDRAWN)
    assert "switch personalisation on" in shown(ben[1], f"{JOIN}?code={code}")
    assert "only stored for visitors who have consented" in join(ben[1], code)
    assert "only stored" in ben[1].post(INVITE, follow=True).content.decode()
    assert "Your household" not in shown(ben[1]) and "Your household" not in shown(stranger)
    assert members() == {"anna"}


def test_pages_with_a_code_are_told_to_no_other_site_and_kept_by_nobody(client, anna):
    for answer in (client.post(INVITE), client.get(JOIN, {"code": "AAAA"})):
        assert answer["Referrer-Policy"] == "same-origin" and "no-store" in answer["Cache-Control"]


def test_who_tries_many_codes_has_to_wait(client, anna, monkeypatch):
    monkeypatch.setattr(rate_limits, "MAX_CUSTOMER_INVITATIONS_PER_MINUTE", 5)
    answers = [client.post(JOIN, {"code": f"AAA{number}"}).status_code for number in range(11)]  # a minute may end
    assert answers[:5] == [302] * 5 and 429 in answers


def test_what_one_buys_counts_at_once_and_fades_as_one_genome(client, anna, ben):
    tea, milk, bread = (shop.create_shop_product(title) for title in ("Tea", "Milk", "Bread"))
    shop.create_past_order(anna, [tea], days_ago=3)
    shop.create_past_order(ben[0], [milk], days_ago=2)
    join(ben[1], invite(client))
    assert set(household_products()) == {tea.pk, milk.pk}
    shop.create_past_order(ben[0], [bread])
    genome.refresh_genome([ben[0].pk, anna.pk], now().timestamp())
    assert set(household_products()) == {tea.pk, milk.pk, bread.pk} and Household.objects.get().purchases == 3
    assert [row[0] for row in Genome.objects.of_customer(anna.pk).products] == [tea.pk]


def test_purchases_of_a_linked_card_and_of_a_till_count_for_the_household(client, anna, ben, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "CARD_NUMBER_KEY", "a key of the tests")
    join(ben[1], invite(client))
    card, tea = LoyaltyCard.objects.create(number_hash=hash_card_number("29001")), shop.create_shop_product("Tea")
    buy_in_store(None, [tea], receipt="R1", card=card)
    ben[1].post(PAGE + "cards/", {"number": "29001", "receipt": "R1"})
    assert household_products() == [tea.pk]
    cells = {"receipt": "N1", "line": "1", "time": now().isoformat(), "price": "1", "card": "29001"}
    milk = shop.create_shop_product("Milk")
    row = TableRow("1", {**cells, "sku": str(milk.pk)})
    import_purchases([row], PurchaseOptions(items="id"), pytest.fail, now())
    assert set(household_products()) == {tea.pk, milk.pk}
    ben[1].post(PAGE + "cards/unlink/", {"card": card.pk})
    assert household_products() == []


def by_leaving(user, browser):
    assert "You have left your household." in browser.post(LEAVE, follow=True).content.decode()


def by_withdrawing(user, browser):
    browser.post(CONSENT, {"answer": "refused"})


def by_erasing(user, browser):
    browser.post(ERASE)


def by_a_list(user, browser):
    consent_lists.record_withdrawals([user.pk], source="paper", version="1", now=now())


def by_deleting_the_account(user, browser):
    type(user).objects.filter(pk=user.pk).delete()


def by_deleting_the_visitor(user, browser):
    Visitor.objects.get(user=user).delete()


WAYS_OUT = [by_leaving, by_withdrawing, by_erasing, by_a_list, by_deleting_the_account, by_deleting_the_visitor]


@pytest.mark.parametrize("switched_on", [True, False])
@pytest.mark.parametrize("leave", WAYS_OUT)
@pytest.mark.usefixtures("anna")
def test_who_goes_takes_what_they_bought_along_at_once(client, ben, leave, switched_on, monkeypatch):
    tea, milk, bread = (shop.create_shop_product(title) for title in ("Tea", "Milk", "Bread"))
    carl, anna = shop.create_customer("carl"), Visitor.objects.get(user__username="anna").user
    for user, product in ((anna, tea), (ben[0], milk), (carl, bread)):
        shop.create_past_order(user, [product])
    join(ben[1], invite(client))
    join(browser_of(carl), invite(client))
    invite(ben[1])
    assert set(household_products()) == {tea.pk, milk.pk, bread.pk}
    monkeypatch.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", switched_on or leave is by_leaving)
    leave(*ben)
    assert set(household_products()) == {tea.pk, bread.pk} and members() == {"anna", "carl"}
    assert not HouseholdInvitation.objects.exists()
    leave(carl, browser_of(carl))
    assert not Household.objects.exists() and members() == set()


def test_leaving_is_never_too_often_and_leaving_nothing_changes_nothing(client, anna):
    assert "Nothing was changed." in client.post(LEAVE, follow=True).content.decode()
    assert client.get(LEAVE).status_code == client.get(INVITE).status_code == client.get(TAKE_BACK).status_code == 405


@pytest.mark.parametrize("refresh", ["a purchase", "the night"])
def test_a_child_is_taken_out_when_the_household_is_worked_out_next(client, anna, ben, monkeypatch, refresh):
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    carl = shop.create_customer("carl")
    shop.create_past_order(ben[0], [milk])
    join(ben[1], invite(client))
    join(browser_of(carl), invite(client))
    monkeypatch.setitem(settings.PERSONALIZATION, "IS_CHILD_CALLABLE", f"{__name__}.is_ben")
    shop.create_past_order(anna, [tea])
    if refresh == "the night":
        batch.refresh_all_genomes(now().timestamp())
    else:
        genome.refresh_genome([anna.pk], now().timestamp())
    assert household_products() == [tea.pk] and members() == {"anna", "carl"}


def is_ben(user):
    return user.username == "ben"


def test_the_night_gives_up_what_nobody_joined_and_keeps_what_somebody_may(client, anna, ben):
    invite(client)
    batch.refresh_all_genomes(now().timestamp())
    assert members() == {"anna"}
    HouseholdInvitation.objects.update(expires_at=now() - timedelta(seconds=1))
    retention.apply_retention()
    assert not HouseholdInvitation.objects.exists()
    batch.refresh_all_genomes(now().timestamp())
    assert not Household.objects.exists() and members() == set()


def test_the_night_lets_a_household_fade(client, anna, ben):
    shop.create_past_order(ben[0], [shop.create_shop_product("Tea")], days_ago=0)
    join(ben[1], invite(client))
    (before,) = Household.objects.get().products
    batch.refresh_all_genomes(now().timestamp() + 112 * 86_400)
    (after,) = Household.objects.get().products
    assert after[1] == pytest.approx(before[1] / 2, abs=1e-3)


def test_facts_and_the_own_genome_stay_the_persons(client, anna, ben):
    shop.create_past_order(ben[0], [shop.create_shop_product("Tea")])
    genome.refresh_genome([anna.pk, ben[0].pk], now().timestamp())
    before = list(CustomerFacts.objects.order_by("user").values("user", "kept_orders", "tastes", "year_revenue"))
    join(ben[1], invite(client))
    genome.refresh_genome([anna.pk, ben[0].pk], now().timestamp())
    after = list(CustomerFacts.objects.order_by("user").values("user", "kept_orders", "tastes", "year_revenue"))
    assert after == before and Genome.objects.of_customer(anna.pk) is None
    assert "<strong>0</strong>" in shown(client).split('id="personalization-data-use"')[1][:400]


def test_the_download_says_since_when_and_how_many_and_nothing_of_the_others(client, anna, ben):
    shop.create_past_order(ben[0], [shop.create_shop_product("Tea")])
    assert "household" not in json.loads(client.get(PAGE + "download/").getvalue())
    join(ben[1], invite(client))
    data = json.loads(client.get(PAGE + "download/").getvalue())
    member = HouseholdMember.objects.get(visitor__user=anna)
    assert data["household"]["members"] == 2 and data["household"]["since"][:10] == f"{member.since:%Y-%m-%d}"
    assert [row["id"] for row in data["tables"]["personalization.HouseholdMember"]] == [member.pk]
    assert "Tea" not in json.dumps(data) and str(Visitor.objects.get(user=ben[0]).pk) not in json.dumps(data)


def test_staff_see_how_many_and_no_name(client, anna, ben, admin_client):
    join(ben[1], invite(client))
    address = reverse("personalization:personalization-customer", args=[anna.pk])
    screen = admin_client.post(address, {"reason": "a test"}, follow=True).content.decode()
    assert "In a household of 2 since" in screen and "ben@example.com" not in screen


def test_switched_off_no_page_mentions_it_no_address_is_there_and_no_query_asks(client, anna, ben, monkeypatch):
    join(ben[1], invite(client))
    monkeypatch.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", False)
    with CaptureQueriesContext(connection) as queries:
        pages = [shown(client, address) for address in (PAGE, HOME, "/catalogue/")]
    assert not any("ousehold" in page for page in pages)
    assert not any("household" in query["sql"] for query in queries)
    for address in (INVITE, TAKE_BACK, JOIN, LEAVE):
        assert client.post(address).status_code == 404
    assert client.get(JOIN).status_code == 404


def test_a_page_costs_no_query_more_with_or_without_a_household(client, anna, ben, monkeypatch):
    shop.create_past_order(ben[0], [shop.create_shop_product("Tea")])
    shop.create_past_order(anna, [shop.create_shop_product("Milk")])
    genome.refresh_genome([anna.pk], now().timestamp())

    def queries(address):
        shown(client, address)
        with CaptureQueriesContext(connection) as found:
            shown(client, address)
        return len(found)

    def costs(address):
        """(with the setting, without it)"""
        on = queries(address)
        with monkeypatch.context() as without:
            without.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", False)
            return on, queries(address)

    for address in (HOME, PAGE, "/catalogue/"):
        assert len(set(costs(address))) == 1, address
    join(ben[1], invite(client))
    for address in (HOME, "/catalogue/"):
        assert len(set(costs(address))) == 1, address
    on, off = costs(PAGE)
    assert on - off == 2
