"""Voucher codes of a campaign: one a person, good once, void while it is paused, and nobody else's."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.basket.models import Basket
from oscar.apps.partner.strategy import Selector
from oscar.apps.voucher.models import Voucher
from oscar.core.loading import get_class

from personalization.decide.active_rules import read_rules_now
from personalization.decide.blocks import choose_block
from personalization.decide.visit import Visit
from personalization.lifecycle.kinds import registered_kinds
from personalization.lifecycle.message_run import run_messages
from personalization.merchandising import campaign_codes, publishing
from personalization.merchandising.campaign_audiences import enrol_customers
from personalization.models import CampaignCustomer, Consent, Definition, Delivery, Visitor
from personalization.oscar.content_blocks import print_block
from personalization.privacy.identity import erase_customer
from tests.content.block_documents import block
from tests.dashboard.campaign_posts import pin
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
VOUCHER = {"percent": 10, "days": 14, "most": 100}
Applicator = get_class("offer.applicator", "Applicator")


@pytest.fixture
def tea():
    product = shop.create_shop_product("Tea")
    product.stockrecords.update(price=Decimal("20.00"))
    return product


@pytest.fixture
def make_campaign(settings, tea):
    """A live campaign for customers who are signed in, with a hero and a mail that name the code."""
    alerts.switch_on(settings)
    publishing.publish(publishing.create("block", "For all", block("Good morning"), None), None)

    def make(**parts):
        document = pin(tea, who={"people": "customers"}, voucher=VOUCHER) | parts
        campaign = publishing.create("campaign", "Win back", document, None)
        words = {"text": "We missed you. Your code is {code}, until {code_until}. Welcome."}
        publishing.create("block", "Hero", block("Welcome back", variant=words), None, campaign=campaign)
        wording = {"en-gb": {"opening": "Hello again. Use {code} until {code_until}."}}
        publishing.create("message", "Mail", {"kind": "campaign_news", "wording": wording}, None, campaign=campaign)
        publishing.publish(campaign, None)
        read_rules_now()
        return campaign

    return make


def home(client, customer=None):
    if customer is not None:
        client.force_login(customer)
    return client.get("/").content.decode()


def discount(customer, tea, code):
    """What Oscar takes off a basket of one tea for this customer with this code, by its own check."""
    basket = open_basket(customer, tea)
    basket.vouchers.add(Voucher.objects.get(code=code))
    basket.reset_offer_applications()
    Applicator().apply(basket, customer)
    return basket.total_discount


def open_basket(customer, tea):
    basket = Basket.objects.create(owner=customer)
    basket.strategy = Selector().strategy(user=customer)
    basket.add_product(tea)
    return basket


def test_the_mail_makes_the_code_and_the_hero_shows_the_same_one(make_campaign, client):
    anna = shop.create_customer("anna")
    allow(anna, purpose="offers")
    make_campaign()
    assert run_messages().result.sent == 1
    code = Voucher.objects.get().code
    (sent,) = mail.outbox
    assert code in sent.body and "{" not in sent.body
    page = home(client, anna)
    assert code in page and "Get my voucher code" not in page
    ben = shop.create_customer("ben")
    other = home(client.__class__(), ben)
    assert code not in other and "{code" not in other and "We missed you. Welcome." in other
    assert "Get my voucher code" in other


def test_a_customer_who_got_no_mail_asks_for_a_code_and_opening_a_page_makes_none(make_campaign, client):
    campaign, anna = make_campaign(), shop.create_customer("anna")
    home(client, anna)
    assert not Voucher.objects.exists()
    answer = client.post(reverse("personalization:campaign_code"), {"campaign": campaign.pk, "next": "/"}, follow=True)
    voucher = Voucher.objects.get()
    assert answer.content.decode().count(voucher.code) == 2  # the message, and the hero
    client.post(reverse("personalization:campaign_code"), {"campaign": campaign.pk})
    assert Voucher.objects.count() == 1
    assert (voucher.usage, voucher.voucher_set.count) == (Voucher.SINGLE_USE, 1)
    assert timedelta(days=13) < voucher.end_datetime - now() <= timedelta(days=14)


@pytest.mark.parametrize("guest", [True, False])
def test_who_is_not_meant_gets_no_code(make_campaign, client, guest):
    campaign = make_campaign(who={"people": "visitors"} if not guest else {"people": "customers"})
    if not guest:
        client.force_login(shop.create_customer("anna"))
    client.post(reverse("personalization:campaign_code"), {"campaign": campaign.pk})
    assert not Voucher.objects.exists()


def test_oscar_takes_it_off_once_it_is_void_while_paused_and_good_again_until_its_end(make_campaign, tea):
    campaign, anna = make_campaign(), shop.create_customer("anna")
    own = campaign_codes.give_code(campaign.pk, anna.pk, now())
    assert discount(anna, tea, own.code) == Decimal("2.00")
    publishing.pause(campaign, None)
    voucher = Voucher.objects.get()
    assert not voucher.is_active() and discount(anna, tea, own.code) == 0
    assert campaign_codes.own_code(campaign.pk, anna.pk, now()) == (None, True)
    assert campaign_codes.give_code(campaign.pk, shop.create_customer("ben").pk, now()) is None
    publishing.resume(campaign, None)
    voucher.refresh_from_db()
    assert voucher.is_active() and voucher.end_datetime == own.until
    assert discount(anna, tea, own.code) == Decimal("2.00")
    publishing.undo(campaign, None)
    voucher.refresh_from_db()
    assert not voucher.is_active()


def test_who_is_held_back_gets_no_mail_no_hero_and_no_code(make_campaign, client):
    anna = shop.create_customer("anna")
    allow(anna, purpose="offers")
    campaign = make_campaign(hold_back=1.0)
    assert run_messages().result.sent == 0 and not mail.outbox
    page = home(client, anna)
    assert "Welcome back" not in page and "Good morning" in page
    client.post(reverse("personalization:campaign_code"), {"campaign": campaign.pk})
    assert campaign_codes.give_code(campaign.pk, anna.pk, now()) is None and not Voucher.objects.exists()
    assert CampaignCustomer.objects.get().arm == "held_back"


def test_no_more_codes_are_made_than_may_be(make_campaign):
    campaign = make_campaign(voucher=VOUCHER | {"most": 1})
    anna, ben = shop.create_customer("anna"), shop.create_customer("ben")
    assert campaign_codes.give_code(campaign.pk, anna.pk, now()) is not None
    assert campaign_codes.give_code(campaign.pk, ben.pk, now()) is None
    assert campaign_codes.give_code(campaign.pk, anna.pk, now()) is not None


def test_a_code_ends_with_the_campaign(make_campaign):
    end = now() + timedelta(days=3)
    campaign = make_campaign(when={"to": end.isoformat(), "zone": "UTC"})
    own = campaign_codes.give_code(campaign.pk, shop.create_customer("anna").pk, now())
    assert own.until == end


def test_erasing_a_person_takes_the_code_away(make_campaign):
    campaign, anna = make_campaign(), shop.create_customer("anna")
    campaign_codes.give_code(campaign.pk, anna.pk, now())
    erase_customer(anna.pk, now())
    assert not Voucher.objects.exists() and not CampaignCustomer.objects.exists()


def test_deleting_an_account_takes_the_code_away(make_campaign):
    campaign, anna, ben = make_campaign(), shop.create_customer("anna"), shop.create_customer("ben")
    kept = campaign_codes.give_code(campaign.pk, ben.pk, now())
    campaign_codes.give_code(campaign.pk, anna.pk, now())
    anna.delete()
    assert [one.code for one in Voucher.objects.all()] == [kept.code]


def test_a_changed_benefit_leaves_the_codes_before_as_they_were(make_campaign, tea):
    campaign, anna, ben = make_campaign(), shop.create_customer("anna"), shop.create_customer("ben")
    first = campaign_codes.give_code(campaign.pk, anna.pk, now())
    campaign.refresh_from_db()
    document = campaign.live.document | {"voucher": {"amount": 5, "least": 15, "days": 7, "most": 9}}
    publishing.save_draft(campaign, document, None, base=1)
    publishing.publish(campaign, None)
    second = campaign_codes.give_code(campaign.pk, ben.pk, now())
    assert discount(anna, tea, first.code) == Decimal("2.00")
    assert discount(ben, tea, second.code) == Decimal("5.00")


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Use {code}.", ""),
        ("Hello. Use {code} until {code_until}! Bye.", "Hello. Bye."),
        ("From 20.50 on: {code}\nSee you", "See you"),
        ("Nothing here.", "Nothing here."),
    ],
)
def test_without_a_code_the_sentence_goes(text, without):
    assert campaign_codes.fill_code(text, None) == without


def test_who_refused_personalisation_is_in_no_report(make_campaign):
    anna = shop.create_customer("anna")
    make_campaign()
    Visitor.objects.filter(user=anna).update(consent=Consent.WITHDRAWN)
    run_messages()
    assert not CampaignCustomer.objects.exists()


def test_each_customer_of_the_audience_is_written_to_once_and_the_sweep_asks_two_queries(make_campaign):
    make_campaign()
    kind, counts = registered_kinds()["campaign_news"], []
    for number in (2, 9):
        for one in range(number):
            allow(shop.create_customer(f"person{number}-{one}"), purpose="offers")
        enrol_customers(now())
        with CaptureQueriesContext(connection) as asked:
            due = list(kind.find_due(now()))
        counts.append((len(due), len(asked)))
    assert counts == [(2, 2), (11, 2)]
    assert run_messages().result.sent == 11 and run_messages().result.sent == 0


def test_two_campaigns_write_each_in_its_own_words_and_outside_of_one_nobody_is_written_to(make_campaign, tea):
    anna = shop.create_customer("anna")
    allow(anna, purpose="offers")
    wording = {"en-gb": {"subject": "Alone"}}
    alone = publishing.create("message", "Alone", {"kind": "campaign_news", "wording": wording}, None)
    publishing.publish(alone, None)
    assert run_messages().result.sent == 0
    other = publishing.create("campaign", "Other", pin(tea, who={"people": "customers"}), None)
    own = {"kind": "campaign_news", "wording": {"en-gb": {"subject": "Other words"}}}
    publishing.create("message", "Other mail", own, None, campaign=other)
    publishing.publish(other, None)
    make_campaign()
    run_messages()
    Delivery.objects.filter(state="sent").update(sent_at=now() - timedelta(days=40))
    Delivery.objects.filter(state="due").update(due_at=now())
    run_messages()
    assert sorted("Other words" in one.subject for one in mail.outbox) == [False, True]
    assert not any("Alone" in one.subject for one in mail.outbox)


def test_a_message_that_is_paused_with_its_campaign_is_not_sent(make_campaign):
    allow(shop.create_customer("anna"), purpose="offers")
    publishing.pause(make_campaign(), None)
    assert run_messages().result.sent == 0


def test_a_page_asks_one_query_more_for_a_customer_without_a_code_and_two_with_one(make_campaign, client):
    campaign = make_campaign()
    plain = Definition.objects.get(name="For all")
    anna = shop.create_customer("anna")
    home(client, anna)

    def count():
        with CaptureQueriesContext(connection) as asked:
            home(client)
        return [one["sql"] for one in asked if "campaigncustomer" in one["sql"] or "voucher_voucher" in one["sql"]]

    assert len(count()) == 1
    campaign_codes.give_code(campaign.pk, anna.pk, now())
    assert len(count()) == 2
    publishing.pause(campaign, None)
    read_rules_now()
    assert plain.state == "live" and count() == []


def test_the_holdout_gets_the_same_people_on_pages_as_in_mails(make_campaign, client):
    people = [shop.create_customer(f"person{number}") for number in range(12)]
    for one in people:
        allow(one, purpose="offers")
    make_campaign(hold_back=0.5)
    run_messages()
    written = {address for one in mail.outbox for address in one.to}
    sees = {one.email for one in people if "Welcome back" in home(client.__class__(), one)}
    assert sees == written and 0 < len(sees) < 12


def test_a_block_of_whose_heading_nothing_is_left_is_not_shown(make_campaign, client):
    campaign = make_campaign()
    publishing.create("block", "Code only", block("{code}", slot="strip"), None, campaign=campaign)
    publish_block = publishing.create("block", "Default", block("Nothing yet", slot="strip"), None)
    publishing.publish(publish_block, None)
    publishing.publish(campaign, None, number=1)
    rules = read_rules_now()
    anna = shop.create_customer("anna")
    visit = Visit(now().timestamp(), None, rules=rules, user_id=anna.pk)
    chosen = choose_block(visit, "strip")
    assert print_block(chosen, visit) is None
    campaign_codes.give_code(campaign.pk, anna.pk, now())
    visit = replace(visit, timestamp=now().timestamp())
    assert print_block(chosen, visit).text.title == Voucher.objects.get().code
