"""The six ready-made campaigns: from the short form to drafts that can be published."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import translation
from django.utils.timezone import now
from oscar.apps.catalogue.models import Product
from oscar.apps.voucher.models import Voucher

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import campaign_codes
from personalization.merchandising.ready_campaigns import ready_campaigns
from personalization.models import AuditEntry, Definition
from personalization.profile.genome import refresh_genome
from tests.content.block_documents import publish
from tests.lifecycle import alerts
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
FORM = {"code_kind": "percent", "code_value": "10", "code_days": "14", "hold_back_percent": "10"}


def address(name, *keys):
    return reverse(f"personalization:personalization-{name}", args=keys)


@pytest.fixture
def owner(client, settings):
    alerts.switch_on(settings)
    client.force_login(User.objects.create_superuser("owner", "owner@example.com", "x"))


@pytest.fixture
def hot():
    category = shop.create_from_breadcrumbs("Drinks > Hot")
    shop.create_shop_product("Tea", category)
    return category


def test_the_page_offers_all_six_with_what_each_makes(client, owner):
    page = client.get(address("campaigns-ready")).content.decode()
    assert len(ready_campaigns()) == 6
    for code, ready in ready_campaigns().items():
        assert address("campaign-ready", code) in page and str(ready.label) in page


@pytest.mark.parametrize("code", list(ready_campaigns()))
def test_each_makes_drafts_which_are_published_as_one(client, owner, hot, code):
    more = {"category": hot.pk} if ready_campaigns()[code].needs_category else {}
    page = client.post(address("campaign-ready", code), FORM | more, follow=True).content.decode()
    assert "is made, as drafts." in page
    campaign = Definition.objects.get(kind="campaign")
    parts = {part.kind: part for part in Definition.objects.parts_of(campaign.pk)}
    assert parts.keys() == {"block", "message", "segment"}
    assert set(Definition.objects.values_list("state", flat=True)) == {"draft"}
    assert campaign.draft.document["voucher"] == {"percent": 10.0, "days": 14, "most": 10_000}
    assert campaign.draft.document["hold_back"] == 0.1
    variants, wording = parts["block"].draft.document["variants"], parts["message"].draft.document["wording"]
    assert "en-gb" in variants and variants.keys() == wording.keys()
    assert all("{code}" in words["text"] for words in variants.values())
    assert all("{code}" in words["opening"] for words in wording.values())
    publish("Everybody")
    page = client.post(address("campaign-whole-state", campaign.pk), {"do": "publish"}, follow=True).content.decode()
    assert "is live with all of its parts" in page
    rules = read_rules_now()
    assert [one.id for one in rules.campaigns] == [campaign.pk] and not rules.problems.get(parts["block"].pk)
    assert rules.campaigns[0].audience.in_segments == (parts["segment"].pk,)
    assert parts["segment"].pk in rules.segments


def test_without_a_default_block_a_draft_of_one_is_made_and_publishing_says_what_is_missing(client, owner):
    client.post(address("campaign-ready", "welcome"), FORM)
    campaign = Definition.objects.get(kind="campaign")
    default = Definition.objects.get(kind="block", campaign=None)
    answer = client.post(address("campaign-whole-state", campaign.pk), {"do": "publish"}, follow=True).content.decode()
    assert "some would see nothing" in answer
    client.post(address("block-publish", default.pk), {"number": 1})
    answer = client.post(address("campaign-whole-state", campaign.pk), {"do": "publish"}, follow=True).content.decode()
    assert "is live with all of its parts" in answer


def test_a_second_one_gets_another_name_and_a_wrong_form_makes_nothing(client, owner):
    for _ in range(2):
        client.post(address("campaign-ready", "win_back"), FORM)
    assert {one.name for one in Definition.objects.filter(kind="campaign")} == {"Win back", "Win back 2"}
    page = client.post(address("campaign-ready", "win_back"), FORM | {"code_value": "101"}).content.decode()
    assert "At most 100 percent" in page
    page = client.post(address("campaign-ready", "clear_stock"), FORM).content.decode()
    assert "personalization-error" in page or "invalid" in page
    assert Definition.objects.filter(kind="campaign").count() == 2
    assert client.get(address("campaign-ready", "nothing")).status_code == 404


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({}, {"en-gb": "you pay 10 % less, once, until", "de": "einmal 10 % weniger."}),
        (
            {"code_least": "20"},
            {
                "en-gb": "you pay 10 % less for $20.00 or more, once, until",
                "de": "einmal 10 % weniger, wenn Sie für 20,00\xa0$ oder mehr einkaufen.",
            },
        ),
        (
            {"code_kind": "amount", "code_value": "5", "code_least": "40"},
            {
                "en-gb": "you pay $5.00 less for $40.00 or more, once, until",
                "de": "einmal 5,00\xa0$ weniger, wenn Sie für 40,00\xa0$ oder mehr einkaufen.",
            },
        ),
    ],
)
def test_what_the_words_promise_is_what_the_code_takes_off(client, owner, settings, terms, words):
    settings.OSCAR_DEFAULT_CURRENCY = "USD"
    client.post(address("campaign-ready", "win_back"), FORM | terms)
    example = campaign_codes.example_code(now(), Definition.objects.get(kind="campaign").pk)
    for part in Definition.objects.filter(kind__in=["block", "message"]).exclude(campaign=None):
        document = part.draft.document
        texts = {code: words["text"] for code, words in document.get("variants", {}).items()} or {
            code: words["opening"] for code, words in document["wording"].items()
        }
        for code, promise in words.items():
            assert "{code_benefit}" in texts[code] and "%" not in texts[code]
            with translation.override(code):
                assert promise in campaign_codes.fill_code(texts[code], example)


def test_the_whole_journey_is_seen_as_a_customer_before_anything_is_published(client, owner, hot):
    anna, ben = shop.create_customer("anna"), shop.create_customer("ben")
    tea = Product.objects.get()
    shop.create_past_order(anna, [tea], days_ago=130)
    refresh_genome([anna.pk, ben.pk], now().timestamp())
    publish("Everybody")
    client.post(address("campaign-ready", "win_back"), FORM | {"hold_back_percent": ""})
    campaign = Definition.objects.get(kind="campaign")
    journey = address("campaign-journey", campaign.pk)
    assert client.get(journey).status_code == 200
    response = client.get(journey, {"customer": anna.email})
    page = response.content.decode()
    assert "not in the audience" not in page and "held back" not in page
    assert [title for title, _address in response.context["frames"]] == ["Home page", "Category", "Basket"]
    seen = [client.get(frame).content.decode() for _title, frame in response.context["frames"]]
    assert "Good to see you again" in seen[0] and "ABCD-EFGH-JKLM" in seen[0] and "Get my voucher" not in seen[0]
    (mail,) = response.context["mails"]
    assert mail["subject"].startswith("What is new at") and "ABCD-EFGH-JKLM" in mail["body"]
    response = client.get(journey, {"customer": ben.email})
    assert "This customer is not in the audience" in response.content.decode()
    assert "Everybody" in client.get(response.context["frames"][0][1]).content.decode()
    assert "No customer has this" in client.get(journey, {"customer": "nobody@example.com"}).content.decode()
    assert AuditEntry.objects.filter(action="preview", subject=anna).exists()
    assert not Voucher.objects.exists()
