"""What words promise of a code is what the reader's own voucher says at the moment of showing."""

from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.core import mail
from django.test import Client
from django.utils import translation
from django.utils.timezone import now
from oscar.apps.offer.models import Benefit, Condition
from oscar.apps.voucher.models import Voucher

from personalization.decide.active_rules import read_rules_now
from personalization.lifecycle.message_run import run_messages
from personalization.merchandising import campaign_codes, publishing
from personalization.merchandising.publish_checks import NotPossibleError
from personalization.models import Definition
from personalization.shop.voucher_codes import OwnCode
from tests.content.block_documents import block
from tests.dashboard.campaign_posts import pin
from tests.lifecycle import alerts
from tests.lifecycle.kinds import allow
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
VOUCHER = {"percent": 12.5, "least": 1200, "days": 14, "most": 100}
ENGLISH = "Hello. {code}: {code_benefit} less from {code_least} on. Bye."
GERMAN = "Hallo. {code}: {code_benefit} weniger ab {code_least}. Bis bald."


@pytest.fixture
def campaign(settings):
    """A live campaign for customers, with a hero and a mail that say what the code takes off, in two languages."""
    settings.OSCAR_DEFAULT_CURRENCY = "EUR"
    alerts.switch_on(settings)
    publishing.publish(publishing.create("block", "For all", block("Good morning"), None), None)
    document = pin(shop.create_shop_product("Tea"), who={"people": "customers"}, voucher=VOUCHER)
    made = publishing.create("campaign", "Win back", document, None)
    hero = block("Welcome back", variant={"text": ENGLISH})
    hero["variants"]["de"] = {"title": "Willkommen", "text": GERMAN}
    publishing.create("block", "Hero", hero, None, campaign=made)
    wording = {"en-gb": {"opening": ENGLISH}, "de": {"opening": GERMAN}}
    publishing.create("message", "Mail", {"kind": "campaign_news", "wording": wording}, None, campaign=made)
    publishing.publish(made, None)
    read_rules_now()
    return made


def home(customer=None, language="en-gb"):
    client = Client()
    if customer is not None:
        client.force_login(customer)
    return unescape(client.get("/", headers={"accept-language": language}).content.decode())


def with_code(campaign, name):
    customer = shop.create_customer(name)
    return customer, campaign_codes.give_code(campaign.pk, customer.pk, now()).code


def test_the_page_says_it_in_the_readers_numbers_and_follows_what_becomes_of_the_voucher(campaign):
    anna, code = with_code(campaign, "anna")
    assert f"{code}: 12.5 % less from €1,200.00 on." in home(anna)
    assert f"{code}: 12,5 % weniger ab 1.200,00\xa0€." in home(anna, "de")
    Benefit.objects.update(type=Benefit.FIXED, value=Decimal("7.50"))
    Condition.objects.update(type=Condition.COUNT, value=1)
    assert f"{code}: €7.50 less from €0.00 on." in home(anna)
    assert f"{code}: 7,50\xa0€ weniger ab 0,00\xa0€." in home(anna, "de")


@pytest.mark.parametrize(
    ("language", "said"),
    [("en-gb", "{}: 12.5 % less from €1,200.00 on."), ("de", "{}: 12,5 % weniger ab 1.200,00\xa0€.")],
)
def test_the_mail_says_it_in_its_own_language(campaign, language, said):
    anna = shop.create_customer("anna")
    allow(anna, purpose="offers", language=language)
    assert run_messages().result.sent == 1
    (sent,) = mail.outbox
    assert said.format(Voucher.objects.get().code) in sent.body and "{" not in sent.body


def test_who_had_a_code_before_the_terms_changed_reads_the_old_ones_and_others_the_new(campaign):
    anna, first = with_code(campaign, "anna")
    document = campaign.versions.first().document | {"voucher": VOUCHER | {"percent": 20, "least": 50}}
    publishing.save_draft(campaign, document, None, base=1)
    publishing.publish(campaign, None)
    read_rules_now()
    ben, second = with_code(campaign, "ben")
    assert f"{first}: 12.5 % less from €1,200.00 on." in home(anna)
    assert f"{second}: 20 % less from €50.00 on." in home(ben)


def test_who_has_no_code_reads_the_words_without_the_sentence(campaign):
    page = home(shop.create_customer("ben"))
    assert "Hello. Bye." in page and "less from" not in page
    assert "{code" not in page and "{code" not in home() and "Good morning" in home()


def own(**terms):
    return OwnCode("ABC", now() + timedelta(days=1), **terms)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({}, "Hi."),
        ({"least": Decimal(5)}, "Hi. From $5.00 on."),
        ({"percent": Decimal("10.00")}, "Hi. 10 % less."),
        ({"percent": Decimal("100")}, "Hi. 100 % less."),
        ({"amount": Decimal("3.5"), "least": Decimal(0)}, "Hi. $3.50 less. From $0.00 on."),
    ],
)
def test_a_number_that_is_not_there_takes_its_sentence_along_and_leaves_the_others(settings, terms, said):
    settings.OSCAR_DEFAULT_CURRENCY = "USD"
    with translation.override("en-gb"):
        words = "Hi. {code_benefit} less. From {code_least} on."
        assert campaign_codes.fill_code(words, own(**terms)) == said


@pytest.mark.parametrize(
    "change",
    [
        lambda: Benefit.objects.update(type=Benefit.MULTIBUY, value=None),
        lambda: Benefit.objects.update(max_affected_items=1),
        lambda: Condition.objects.update(type=Condition.COUNT, value=3),
        lambda: Voucher.offers.through.objects.all().delete(),
    ],
)
def test_an_offer_that_became_another_one_promises_nothing(campaign, change):
    anna, code = with_code(campaign, "anna")
    change()
    page = home(anna)
    assert "Hello. Bye." in page and code not in page.partition("personalization-block__text")[2].partition("</p>")[0]


def test_words_that_name_a_code_which_nobody_would_have_are_not_published(campaign):
    alone = publishing.create("block", "Alone", block("Hello", slot="strip", variant={"text": "{code_benefit}!"}), None)
    with pytest.raises(NotPossibleError, match="“Alone” names a voucher code, and nobody would have one"):
        publishing.publish(alone, None)
    alone.refresh_from_db()
    assert alone.state == "draft"
    mails = {"kind": "campaign_news", "wording": {"en-gb": {"opening": "From {code_least} on."}}}
    bare = pin(shop.create_shop_product("Jam"), who={"people": "customers"})
    second = publishing.create("campaign", "Without codes", bare, None)
    publishing.create("message", "Bare mail", mails, None, campaign=second)
    with pytest.raises(NotPossibleError, match="“Bare mail” names a voucher code"):
        publishing.publish(second, None)
    without = {key: value for key, value in campaign.versions.first().document.items() if key != "voucher"}
    publishing.save_draft(campaign, without, None, base=1)
    with pytest.raises(NotPossibleError, match=r"names a voucher code.*\{code_least\}"):
        publishing.publish(campaign, None)
    assert "voucher" in Definition.objects.get(pk=campaign.pk).live.document
