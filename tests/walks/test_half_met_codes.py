"""A code for which the basket is too small is not lost: the basket says what completes it, and one click uses it."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from oscar.apps.offer.models import Benefit, Condition, ConditionalOffer
from oscar.apps.voucher.models import Voucher, VoucherSet
from oscar.test.factories import create_order

from personalization.merchandising.assignment import HELD_OUT
from personalization.models import CampaignCustomer, Consent, Definition, Visitor
from personalization.oscar import offer_rows
from personalization.oscar.previews import PARAMETER, Preview
from tests.collect.event_payloads import FIREFOX
from tests.shops import tea
from tests.shops.breakfast import get_basket_page, put_into_basket
from tests.shops.factories import create_past_order
from tests.walks.known_visitors import identify_browser
from tests.walks.running import put_into_arm, start_holdout
from tests.walks.test_half_met_offers import offer_on, offer_row, page_of, total_of
from tests.walks.test_order_visitors import check_out

pytestmark = pytest.mark.django_db

FORM = re.compile(r'<form class="personalization-code"[^>]*action="([^"]*)".*?</form>', re.S)
WORDS = re.compile(r'personalization-code__words">(.*?)</p>')
MORE = re.compile(r"With it and your code TEA your total rises by \D*([\d.]+) instead of \D*([\d.]+)")


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A machine that is busy with other tests needs longer."""
    monkeypatch.setattr(offer_rows, "TRY_SECONDS", 10.0)


@pytest.fixture
def products():
    return tea.trained()


def make_code(products, code="TEA", *, amount=8, value=2, voucher_set=None, usage=Voucher.MULTI_USE, **offer):
    """A code that takes 2.00 off teas for at least 8.00."""
    terms = {"condition": Condition.VALUE, "amount": amount, "benefit": Benefit.FIXED, "value": value, **offer}
    made = offer_on(products, tea.TEAS, name=f"Offer of {code}", offer_type=ConditionalOffer.VOUCHER, **terms)
    begins, ends = now() - timedelta(days=1), now() + timedelta(days=9)
    voucher = Voucher.objects.create(
        name=code, code=code, usage=usage, start_datetime=begins, end_datetime=ends, voucher_set=voucher_set
    )
    voucher.offers.add(made)
    return voucher


def enter(client, code="TEA"):
    return client.post("/basket/vouchers/add/", {"code": code}, follow=True).content.decode()


def shown(client):
    """All that the page of the basket says of a code TEA."""
    page = page_of(client)
    return [*WORDS.findall(page), *re.findall(r"[^<>]*your code TEA[^<>]*", page)]


def test_what_completes_a_code_is_said_and_then_one_click_uses_it(client, products):
    make_code(products)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])  # 6.00
    assert offer_row(client) is None
    assert "Your basket does not qualify for a voucher discount" in enter(client)
    title, explanation, cards = offer_row(client)
    assert title == "Almost there: your code TEA"
    assert explanation == "Your code TEA counts once products like these for another $2.00 are in your basket."
    before, (name, sentence) = total_of(client), next(iter(cards.items()))
    assert name in tea.TEAS and FORM.search(page_of(client)) is None
    more, price = map(Decimal, MORE.search(sentence).groups())
    put_into_basket(client, products[name])
    assert total_of(client) == before + price, "nothing is taken off before the code is used"
    assert offer_row(client) is None
    page = page_of(client)
    said = "Your basket is enough for your code TEA: with it your total falls by $2.00."
    assert WORDS.findall(page) == [said]
    form = FORM.search(page)
    assert '<button type="submit" class="btn btn-primary">Use TEA</button>' in form[0]
    client.post(form[1], dict(re.findall(r'name="([^"]*)" value="([^"]*)"', form[0])))
    assert total_of(client) == before + more
    assert shown(client) == []


def test_a_code_for_one_more_piece_says_so(client, products):
    make_code(products, condition=Condition.COUNT, amount=3)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    enter(client)
    _title, explanation, cards = offer_row(client)
    assert explanation == "Your code TEA counts once one more product like these is in your basket."
    assert [MORE.search(sentence).groups() for sentence in cards.values()] == [("1.00", "3.00")] * len(cards)


def test_it_is_in_german(client, products):
    make_code(products)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    enter(client)

    def page():
        return unescape(get_basket_page(client, headers={"accept-language": "de"}).content.decode())

    assert "Fast geschafft: Ihr Code TEA" in page()
    assert "Ihr Code TEA gilt, sobald solche Produkte für weitere 2,00\xa0$ im Warenkorb liegen." in page()
    assert "Damit und mit Ihrem Code TEA steigt die Summe um 1,00\xa0$ statt um 3,00\xa0$" in page()
    put_into_basket(client, products[tea.TEAS[2]])
    assert "Ihr Warenkorb reicht für Ihren Code TEA: Damit sinkt die Summe um 2,00\xa0$." in page()
    assert "TEA einlösen</button>" in page()


def test_a_code_is_remembered_by_the_browser_that_entered_it_alone(client, products):
    make_code(products)
    other = Client()
    for one in (client, other):
        put_into_basket(one, products[tea.TEAS[0]], products[tea.TEAS[1]])
    enter(client)
    assert shown(client) and shown(other) == []


def spoil(how, voucher):
    if how == "expired":
        Voucher.objects.update(end_datetime=now() - timedelta(minutes=1))
    elif how == "paused":
        Voucher.objects.update(start_datetime=voucher.end_datetime)
    elif how == "used":
        voucher.applications.create(order=create_order(), user=None)
    else:
        voucher.delete()


@pytest.mark.parametrize("how", ["expired", "paused", "used", "deleted"])
def test_a_code_that_is_good_no_more_is_not_spoken_of(client, products, how):
    voucher = make_code(products, usage=Voucher.SINGLE_USE)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    enter(client)
    assert shown(client)
    spoil(how, voucher)
    assert shown(client) == []


def test_a_code_that_was_taken_out_again_is_forgotten(client, products):
    voucher = make_code(products)
    put_into_basket(client, *[products[name] for name in tea.TEAS[:3]])
    assert "Voucher 'TEA' added to basket" in unescape(enter(client))
    client.post(f"/basket/vouchers/{voucher.pk}/remove/")
    assert shown(client) == []


def test_an_order_forgets_what_was_entered_for_it(client, products):
    make_code(products)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    enter(client)
    assert shown(client)
    check_out(client, create_past_order(None, [products[tea.CAKES[0]]]))
    assert shown(client) == []


def test_a_visitor_who_is_held_back_reads_nothing_of_it(products):
    client = Client(HTTP_USER_AGENT=FIREFOX)
    visitor = identify_browser(client)
    make_code(products)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    enter(client)
    assert shown(client)
    put_into_arm(visitor, start_holdout(), HELD_OUT)
    assert shown(client) == []


def test_a_preview_shows_the_codes_neither_of_staff_nor_of_the_customer(client, products):
    owner, _own = signed_in("owner")
    campaign_code(products, owner)
    make_code(products, "OTHER")
    staff = User.objects.create_superuser("staff", "staff@example.com", "x")
    client.force_login(staff)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    enter(client, "OTHER")
    assert "your code OTHER" in page_of(client)
    address = f"/basket/?{PARAMETER}={Preview(str(staff.pk), str(owner.pk)).sign()}"
    page = unescape(client.get(address).content.decode())
    assert "Nothing here counts" in page and "your code" not in page


def test_a_code_without_use_for_this_basket_is_not_spoken_of(client, products):
    make_code(products)
    put_into_basket(client, products[tea.CAKES[0]])
    enter(client)
    assert shown(client) == []


def campaign_code(products, owner):
    """A code that a campaign made for one customer."""
    campaign = Definition.objects.create(kind="campaign", key="tea", name="Tea")
    times = {"start_datetime": now() - timedelta(days=1), "end_datetime": now() + timedelta(days=9)}
    made = VoucherSet.objects.create(name="Tea", count=1, code_length=12, description="", **times)
    Definition.objects.filter(pk=campaign.pk).update(voucher_set_id=made.pk)
    voucher = make_code(products, voucher_set=made, usage=Voucher.SINGLE_USE)
    CampaignCustomer.objects.create(campaign=campaign, user=owner, voucher_id=voucher.pk)
    return voucher


def signed_in(name):
    user = User.objects.create_user(name)
    Visitor.objects.create(user=user, consent=Consent.GRANTED, consented_at=now())
    client = Client()
    client.force_login(user)
    return user, client


def test_a_code_that_a_campaign_made_is_completed_for_its_customer_and_nobody_else(client, products):
    owner, own = signed_in("owner")
    _somebody, others = signed_in("somebody")
    campaign_code(products, owner)
    for one in (own, others, client):
        put_into_basket(one, products[tea.TEAS[0]], products[tea.TEAS[1]])
    assert offer_row(own)[0] == "Almost there: your code TEA"
    for one in (others, client):
        enter(one)
        assert shown(one) == []
    Voucher.objects.update(start_datetime=now() + timedelta(days=9))  # as a paused campaign does
    assert shown(own) == []


def test_who_did_not_sign_in_lately_does_not_show_what_a_campaign_made_for_them(client, products, settings):
    owner, own = signed_in("owner")
    campaign_code(products, owner)
    put_into_basket(own, products[tea.TEAS[0]], products[tea.TEAS[1]])
    assert shown(own)
    session = own.session
    session["personalization_signed_in"] = 0
    session.save()
    assert shown(own) == []


def test_more_tries_than_there_is_time_for_are_not_made(client, products, monkeypatch):
    make_code(products)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    enter(client)
    monkeypatch.setattr(offer_rows, "TRY_SECONDS", -1.0)
    assert shown(client) == []


def test_a_code_costs_few_queries_and_none_was_entered_none(client, products):
    make_code(products)
    offer_on(products, tea.TEAS, amount=4)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])

    def queries():
        get_basket_page(client)
        with CaptureQueriesContext(connection) as captured:
            get_basket_page(client)
        return [query["sql"] for query in captured if query["sql"].startswith("SELECT")]

    without = queries()
    assert not any("voucher_voucher" in sql and "applications" in sql for sql in without)
    enter(client)
    assert shown(client)
    assert len(queries()) - len(without) <= 13  # the session's, the voucher's, and those of Oscar's own calculation
