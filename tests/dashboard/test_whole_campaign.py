"""A campaign and all that belongs to it: made, published, paused and undone as one, through the screens."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils.timezone import now

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import publishing
from personalization.models import AuditEntry, Definition
from personalization.profile.genome import refresh_genome
from tests.content.block_documents import block
from tests.content.test_serving import TITLE, segment_of_customers
from tests.dashboard.campaign_posts import form_data, pin
from tests.lifecycle import alerts
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
CODENAMES = ["change_campaigns", "publish_campaigns", "change_messages", "send_messages", "change_segments"]


def address(name, *keys):
    return reverse(f"personalization:personalization-{name}", args=keys)


def sign_in(client, *codenames):
    user = User.objects.create_user("mara", "mara@shop.example", "x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


@pytest.fixture
def marketer(client, settings):
    alerts.switch_on(settings)
    return sign_in(client, *CODENAMES)


@pytest.fixture
def campaign():
    """A drafted campaign for customers who are signed in."""
    who = {"people": "customers"}
    return publishing.create("campaign", "Win back", pin(shop.create_shop_product("Tea"), who=who), None)


def block_form(title, **fields):
    texts = {"title_en-gb": title, "text_en-gb": "Look what is new"}
    return {"base": 0, "name": "Hero back", "slot": "home-hero", "kind": "hero", **texts, **fields}


def do(client, campaign, what):
    response = client.post(address("campaign-whole-state", campaign.pk), {"do": what}, follow=True)
    read_rules_now()
    return response.content.decode()


def shown(client):
    return TITLE.findall(client.get("/").content.decode())


def states(campaign):
    campaign.refresh_from_db()
    return {campaign.state, *(part.state for part in Definition.objects.filter(campaign=campaign))}


def with_parts(client, campaign):
    """The campaign with a hero and a mail, made by the forms, and a default block of the slot."""
    publishing.publish(publishing.create("block", "For all", block("Good morning"), None), None)
    query = f"?campaign={campaign.pk}"
    page = client.post(address("block-create") + query, block_form("We missed you"), follow=True).content.decode()
    assert "A part of the campaign “Win back”" in page and 'name="people"' not in page
    mail = {"name": "Mail back", "kind": "we_miss_you", "base": 0, "subject_en-gb": "Come back"}
    page = client.post(address("message-create") + query, mail, follow=True).content.decode()
    assert "A part of the campaign “Win back”" in page and 'name="hold_back"' not in page
    return list(Definition.objects.parts_of(campaign.pk))


def test_all_of_it_is_published_paused_resumed_and_undone_with_one_audit_entry_each(client, marketer, campaign):
    customer = shop.create_customer("anna")
    hero, mail = with_parts(client, campaign)
    assert hero.newest.document.keys() == {"slot", "kind", "variants"} and "who" not in mail.newest.document
    page = client.get(address("campaign-whole", campaign.pk)).content.decode()
    assert "Hero back" in page and "Mail back" in page and "for customers" in page
    before = AuditEntry.objects.count()
    assert "“Win back” is live with all of its parts" in do(client, campaign, "publish")
    assert AuditEntry.objects.count() == before + 1 and states(campaign) == {"live"}
    shopper = client.__class__()
    assert shown(shopper) == ["Good morning"]
    shopper.force_login(customer)
    assert shown(shopper) == ["We missed you"]
    do(client, campaign, "pause")
    assert AuditEntry.objects.count() == before + 2 and states(campaign) == {"paused"}
    assert shown(shopper) == ["Good morning"]
    do(client, campaign, "resume")
    assert shown(shopper) == ["We missed you"] and states(campaign) == {"live"}
    do(client, campaign, "undo")
    assert states(campaign) == {"draft"} and shown(shopper) == ["Good morning"]
    assert AuditEntry.objects.count() == before + 4


def test_undoing_brings_back_the_parts_as_they_were(client, marketer, campaign):
    hero, _ = with_parts(client, campaign)
    do(client, campaign, "publish")
    client.post(address("block", hero.pk), block_form("Welcome again", base=1))
    assert "newer draft" in client.get(address("campaign-whole", campaign.pk)).content.decode()
    client.post(address("block-create") + f"?campaign={campaign.pk}", block_form("Two", name="Second", slot="other"))
    publishing.publish(publishing.create("block", "Other", block("Other", slot="other"), None), None)
    do(client, campaign, "publish")
    shopper = client.__class__()
    shopper.force_login(shop.create_customer("anna"))
    assert shown(shopper) == ["Welcome again"]
    do(client, campaign, "undo")
    assert shown(shopper) == ["We missed you"]
    second = Definition.objects.get(name="Second")
    assert (second.state, second.live, second.draft.number) == ("draft", None, 1)


def test_a_part_is_not_published_paused_or_undone_alone(client, marketer, campaign):
    hero, mail = with_parts(client, campaign)
    for part, kind in ((hero, "block"), (mail, "message")):
        answer = client.post(address(f"{kind}-publish", part.pk), {"number": 1}, follow=True).content.decode()
        assert "It belongs to the campaign “Win back”" in answer
    do(client, campaign, "publish")
    for do_what in ("pause", "undo"):
        client.post(address("block-state", hero.pk), {"do": do_what})
        client.post(address("message-state", mail.pk), {"do": do_what})
    assert states(campaign) == {"live"}


def test_a_campaign_whose_hero_would_leave_some_with_nothing_is_not_published(client, marketer, campaign):
    client.post(address("block-create") + f"?campaign={campaign.pk}", block_form("We missed you"))
    assert "some would see nothing" in do(client, campaign, "publish")
    assert states(campaign) == {"draft"}


def test_who_may_not_send_messages_publishes_no_campaign_with_messages(client, settings, campaign):
    alerts.switch_on(settings)
    draft = {"kind": "we_miss_you"}
    publishing.create("message", "Mail back", draft, None, campaign=campaign)
    sign_in(client, "publish_campaigns")
    assert "takes the permission to send messages" in do(client, campaign, "publish")
    client.post(address("campaign-publish", campaign.pk), {"number": 1})
    assert states(campaign) == {"draft"}


def test_the_audience_of_the_campaign_is_that_of_its_parts(client, marketer, campaign):
    everyone = segment_of_customers()
    with_parts(client, campaign)
    campaign.refresh_from_db()
    changed = campaign.draft.document | {"who": {"people": "customers", "in": [everyone.pk]}}
    publishing.save_draft(campaign, changed, marketer, base=1)
    do(client, campaign, "publish")
    shopper = client.__class__()
    anna = shop.create_customer("anna")
    refresh_genome([anna.pk], now().timestamp())
    shopper.force_login(anna)
    assert shown(shopper) == ["We missed you"]
    publishing.save_draft(campaign, changed | {"who": {"people": "customers", "out": [everyone.pk]}}, None, base=2)
    do(client, campaign, "publish")
    assert shown(shopper) == ["Good morning"]


def test_archiving_takes_the_parts_away(client, marketer, campaign):
    with_parts(client, campaign)
    do(client, campaign, "publish")
    do(client, campaign, "archive")
    assert states(campaign) == {"archived"} and not Definition.objects.parts_of(campaign.pk).exists()


def test_an_older_schedule_of_a_part_does_not_count(client, marketer, campaign):
    when = {"from": "2099-01-01T00:00:00+00:00", "zone": "UTC"}
    publishing.save_draft(campaign, campaign.draft.document | {"when": when}, None, base=1)
    parts = with_parts(client, campaign)
    do(client, campaign, "publish")
    for part in parts:
        part.refresh_from_db()
        assert part.starts_at.year == 2099
    shopper = client.__class__()
    shopper.force_login(shop.create_customer("anna"))
    assert shown(shopper) == ["Good morning"]


def test_the_forms_show_an_example_in_the_place_of_a_code(client, marketer, campaign):
    marketer.user_permissions.add(Permission.objects.get(codename="preview_as"))
    voucher = {"percent": 12.5, "least": 30, "days": 7, "most": 9}
    document = campaign.versions.first().document | {"voucher": voucher}
    publishing.save_draft(campaign, document, None, base=campaign.versions.first().number)
    words = block_form("Your code is {code}: {code_benefit} from {code_least} on", part=campaign.pk)
    shown_block = client.post(address("block-preview"), words).content.decode()
    assert "Your code is ABCD-EFGH-JKLM: 12.5 % from $30.00 on" in shown_block
    of_none = client.post(address("block-preview"), words | {"part": "999999"}).content.decode()
    assert "Your code is" not in of_none, "nobody would have one"
    mail = {
        "kind": "campaign_news",
        "part": campaign.pk,
        "opening_en-gb": "Use {code} until {code_until}.",
        "view-language": "",
    }
    page = client.post(address("message-mail"), mail).content.decode()
    assert "Use ABCD-EFGH-JKLM until" in page
    del mail["part"]
    assert "There is no such placeholder: {code}" in client.post(address("message-mail"), mail).content.decode()


def test_the_form_of_a_campaign_writes_and_keeps_its_codes_and_its_holdout(client, marketer):
    tea = shop.create_shop_product("Tea")
    codes = {"code_kind": "amount", "code_value": "5", "code_least": "30", "code_days": "7", "code_most": "9"}
    client.post(address("campaign-create"), form_data(tea, hold_back_percent="20", **codes))
    made = Definition.objects.get(kind="campaign")
    voucher = {"amount": 5.0, "least": 30.0, "days": 7, "most": 9}
    assert (made.draft.document["voucher"], made.draft.document["hold_back"]) == (voucher, 0.2)
    page = client.get(address("campaign", made.pk)).content.decode()
    assert 'name="code_value" value="5.0"' in page and 'name="hold_back_percent" value="20.0"' in page
    page = client.get(address("campaign-whole", made.pk)).content.decode()
    assert "from 30.00" in page and "good for 7 days" in page and "at most 9 codes" in page
    wrong = form_data(tea, name="Wrong", code_kind="percent")
    assert "Say how much a code takes off." in client.post(address("campaign-create"), wrong).content.decode()


def test_a_draft_says_when_it_will_start(client, marketer, campaign):
    when = {"from": "2099-01-01T00:00:00+00:00", "zone": "UTC"}
    publishing.save_draft(campaign, campaign.draft.document | {"when": when}, None, base=1)
    assert "2099" in client.get(address("campaign-whole", campaign.pk)).content.decode()
