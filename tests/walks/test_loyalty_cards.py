"""Customers link their loyalty cards on the page about their data, and unlink them."""

import json
import re
import time
from threading import Thread

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from personalization import rate_limits
from personalization.exchange.purchase_import import PurchaseOptions, import_purchases
from personalization.exchange.tabular import TableRow
from personalization.models import CardClaim, Consent, Genome, LoyaltyCard, Purchase, Visitor
from personalization.privacy import card_links
from personalization.privacy.loyalty_cards import hash_card_number
from personalization.profile import genome
from tests.shops import factories as shop
from tests.shops.tills import buy_in_store

pytestmark = pytest.mark.django_db
PAGE = "/personalization/privacy/"
LINK, UNLINK, ERASE = PAGE + "cards/", PAGE + "cards/unlink/", PAGE + "erase/confirmed/"
NUMBER = "2900 1234 5678"
RECEIPT = "R-77"


@pytest.fixture(autouse=True)
def card_key(monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "CARD_NUMBER_KEY", "a key of the tests")
    monkeypatch.setitem(settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS", 60)


@pytest.fixture
def card():
    """One with which a tea was bought."""
    made = LoyaltyCard.objects.create(number_hash=hash_card_number(NUMBER))
    buy_in_store(None, [shop.create_shop_product("Tea")], receipt=RECEIPT, card=made)
    return made


@pytest.fixture
def ben():
    """(another customer, their browser)"""
    user, browser = shop.create_customer("ben"), Client()
    browser.force_login(user)
    return user, browser


def link(browser, number=NUMBER, receipt=RECEIPT):
    return browser.post(LINK, {"number": number, "receipt": receipt}, follow=True).content.decode()


def products_of(user):
    return [row[0] for row in getattr(Genome.objects.of_customer(user.pk), "products", [])]


def card_number(page):
    return re.search(r'name="card" value="(\d+)"', page)[1]


def test_a_customer_links_a_card_sees_it_and_its_lines_count_at_once(client, anna, card):
    page = link(client, number="2900-1234-5678")
    assert "Your card is linked. 1 line of your receipts counts as yours from now on." in page
    assert "A card with 1 line on receipts" in page and "linked on" in page
    assert "At the moment, 100 % of the purchases that we use were made in stores." in page
    assert products_of(anna) == [Purchase.objects.get(user=anna).product_id]
    assert "1234" not in page


def test_unlinking_takes_the_lines_out_of_the_genome_in_the_same_request(client, anna, card):
    own = shop.create_shop_product("Milk")
    shop.create_past_order(anna, [own])
    page = link(client)
    Genome.objects.update(neighbour_products=[[own.pk, 0.5]])
    client.post(UNLINK, {"card": card_number(page)})
    assert products_of(anna) == [own.pk] and Genome.objects.get().neighbour_products == []
    card.refresh_from_db()
    assert (card.user, card.since, Purchase.objects.get().user) == (None, None, None)
    page = client.get(PAGE).content.decode()
    assert "Your cards" not in page and "in stores" not in page.split('id="cards"')[1].split("</section>")[0][600:]


def test_what_is_bought_with_a_linked_card_later_is_the_customers_too(client, anna, card):
    link(client)
    card.refresh_from_db()
    assert card.user == anna
    buy_in_store(card.user, [shop.create_shop_product("Milk")], card=card)
    assert b"A card with 2 lines on receipts" in client.get(PAGE).content


@pytest.mark.parametrize(("number", "receipt"), [("2900 0000 0000", RECEIPT), (NUMBER, "R-1"), (NUMBER, ""), ("-", "")])
def test_an_unknown_card_and_a_wrong_receipt_are_answered_alike(client, anna, card, number, receipt):
    assert "We know no purchase with this card and this receipt." in link(client, number, receipt)
    assert not LoyaltyCard.objects.filter(user=anna).exists() and LoyaltyCard.objects.count() == 1


def test_a_shop_may_do_without_the_receipt(client, anna, card, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "CARD_NEEDS_RECEIPT", False)
    assert 'name="receipt"' not in client.get(PAGE).content.decode()
    assert "Your card is linked" in link(client, receipt="")


def test_a_second_claim_is_refused_and_told_to_staff_who_may_take_the_card_away(client, anna, card, ben, admin_client):
    link(client)
    other, browser = ben
    assert "Another customer has linked this card." in link(browser)
    assert (CardClaim.objects.get().user, Purchase.objects.get().user) == (other, anna)
    screen = admin_client.get("/dashboard/personalization/data/").content.decode()
    assert "Cards that two customers claim" in screen
    assert f"/customer/{anna.pk}/" in screen and f"/customer/{other.pk}/" in screen
    admin_client.post(f"/dashboard/personalization/data/cards/{card.pk}/unlink/")
    assert "two customers" not in admin_client.get("/dashboard/personalization/data/").content.decode()
    assert products_of(anna) == [] and "Your card is linked" in link(browser)
    assert Purchase.objects.get().user == other


def test_staff_without_the_permission_see_that_there_is_a_claim_but_not_whose(client, anna, card, ben):
    link(client)
    link(ben[1])
    clerk = shop.create_customer("clerk")
    type(clerk).objects.filter(pk=clerk.pk).update(is_staff=True)
    browser = Client()
    browser.force_login(clerk)
    screen = browser.get("/dashboard/personalization/data/").content.decode()
    assert "Cards that two customers claim" in screen and "/customer/" not in screen.split('id="claims"')[1][:1500]
    assert browser.post(f"/dashboard/personalization/data/cards/{card.pk}/unlink/").status_code == 403


def test_nobody_unlinks_the_card_of_another(client, anna, card, ben):
    link(client)
    ben[1].post(UNLINK, {"card": card.pk})
    Client().post(UNLINK, {"card": card.pk})
    card.refresh_from_db()
    assert card.user == anna
    assert client.post(UNLINK, {"card": "x"}).status_code == 400


def test_who_tries_many_numbers_has_to_wait(client, anna, card):
    for number in range(rate_limits.MAX_CUSTOMER_CARDS_PER_MINUTE * 2 + 1):  # a new minute may begin meanwhile
        answer = client.post(LINK, {"number": number, "receipt": RECEIPT})
        if answer.status_code == 429:
            break
    assert number >= rate_limits.MAX_CUSTOMER_CARDS_PER_MINUTE and answer.status_code == 429


def test_only_customers_with_consent_link_cards(client, anna, card):
    assert b'name="number"' not in Client().get(PAGE).content
    assert "only stored for visitors who have consented" in link(Client())
    Visitor.objects.filter(user=anna).update(consent=Consent.WITHDRAWN)
    assert b'name="number"' not in client.get(PAGE).content
    assert "only stored for visitors who have consented" in link(client)
    assert not LoyaltyCard.objects.filter(user=anna).exists()


def test_of_who_objects_nothing_is_used_and_unlinking_deletes_their_lines(client, anna, card):
    link(client)
    client.post("/personalization/consent/", {"answer": "refused"})
    assert Purchase.objects.get().user == anna and products_of(anna) == []
    page = client.get(PAGE).content.decode()
    assert "A card with 1 line on receipts" in page and 'name="number"' not in page
    client.post(UNLINK, {"card": card.pk})
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.usefixtures("card")
def test_erasure_erases_the_link_and_the_lines_or_whose_they_are(client, anna, ben, monkeypatch, kept):
    monkeypatch.setitem(settings.PERSONALIZATION, "KEEP_ERASED_PURCHASES", kept)
    link(client)
    link(ben[1])
    client.post(ERASE)
    assert not LoyaltyCard.objects.exists() and not CardClaim.objects.exists()
    assert [(line.user, line.card) for line in Purchase.objects.all()] == ([(None, None)] if kept else [])
    genome.refresh_genome([anna.pk], time.time())
    assert products_of(anna) == []


def test_the_download_has_cards_and_lines_and_nothing_of_who_claims_them(client, anna, card, ben):
    link(client)
    link(ben[1])
    tables = json.loads(client.get(PAGE + "download/").getvalue())["tables"]
    (line,) = tables["personalization.Purchase"]
    assert (line["external_id"], line["product_name"]) == (RECEIPT, "Tea")
    assert len(tables["personalization.LoyaltyCard"]) == 1 and tables["personalization.CardClaim"] == []


def test_an_account_that_is_deleted_leaves_lines_of_nobody(anna, card):
    LoyaltyCard.objects.update(user=anna, since=now())
    Purchase.objects.update(user=anna)
    anna.delete()
    assert (LoyaltyCard.objects.get().user, Purchase.objects.get().user) == (None, None)


def test_the_page_costs_a_shop_without_cards_nothing_and_one_with_cards_two_queries(client, anna, card, monkeypatch):
    def queries():
        client.get(PAGE)
        with CaptureQueriesContext(connection) as found:
            client.get(PAGE)
        return len(found)

    def added():
        """The queries more than in a shop without cards."""
        with_cards = queries()
        with monkeypatch.context() as without:
            without.setitem(settings.PERSONALIZATION, "CARD_NUMBER_KEY", "")
            return with_cards - queries()

    assert added() == 1
    link(client)
    client.get(PAGE)  # the message
    assert added() == 2


def test_linking_twice_is_linking_once(anna, card):
    assert card_links._link(anna.pk, card.number_hash, RECEIPT, now()) == 1
    assert card_links._link(anna.pk, card.number_hash, RECEIPT, now()) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
def test_a_line_that_arrives_while_its_card_is_linked_or_unlinked_is_whose_the_card_is_then(anna, card):
    def receive(number):
        cells = {
            "receipt": f"N{number}",
            "line": "1",
            "time": now().isoformat(),
            "sku": "x",
            "price": "1",
            "card": NUMBER,
        }
        try:
            import_purchases([TableRow("1", cells)], PurchaseOptions(), pytest.fail, now())
        finally:
            connection.close()

    def meanwhile(number, change):
        with transaction.atomic():
            change()
            till = Thread(target=receive, args=[number])
            till.start()
            till.join(0.5)
            assert till.is_alive()  # it waits for the card
        till.join(10)
        return Purchase.objects.get(external_id=f"N{number}").user

    assert meanwhile(1, lambda: card_links._link(anna.pk, card.number_hash, RECEIPT, now())) == anna
    assert meanwhile(2, lambda: card_links.unlink_card(anna.pk, card.pk, now())) is None
    assert not Purchase.objects.filter(user=anna).exists()
