"""The screens of messages, as whoever writes to customers uses them."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from personalization.merchandising import publishing
from personalization.models import AuditEntry, ChannelConsent, Definition, Delivery
from tests.lifecycle import alerts
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

BUYER = {"field": "orders", "op": "at_least", "value": 1}
BUYERS = {"match": "all", "groups": [{"match": "all", "conditions": [BUYER]}]}
CODENAMES = ["change_messages", "send_messages", "preview_as", "view_customer"]


def back_in_stock_block(response):
    """What the list says of this kind."""
    return next(block for block in response.context["blocks"] if block.name == "back_in_stock")


def address(name, *keys):
    return reverse(f"personalization:personalization-{name}", args=keys)


@pytest.fixture
def marketer(client, settings):
    """Signed in, with all that it takes to write, look at and send messages."""
    alerts.switch_on(settings)
    return sign_in(client, *CODENAMES)


def sign_in(client, *codenames):
    user = User.objects.create_user("mara", "mara@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


@pytest.fixture
def tea():
    return shop.create_shop_product("Tea", stock=5)


def written(**fields):
    return {"name": "Tea is back", "kind": "back_in_stock", "zone": "Europe/London", "base": 0, **fields}


def test_a_shop_without_messages_sees_that_the_kind_is_off_and_what_it_does(client, marketer):
    page = client.get(address("messages")).content.decode()
    assert "Back in stock" in page and ">off</span>" in page and "No message of this kind." in page
    assert address("message-create") + "?kind=back_in_stock" in page


def test_a_message_is_drafted_published_paused_and_undone(client, marketer, tea):
    page = client.post(address("message-create"), written(**{"subject_en-gb": "{product}!"}), follow=True)
    assert "The draft of “Tea is back” is saved." in page.content.decode()
    assert "This is a draft: nothing of it is sent." in page.content.decode()
    made = Definition.objects.get()
    assert made.draft.document == {
        "kind": "back_in_stock",
        "wording": {"en-gb": {"subject": "{product}!"}},
        "when": {"zone": "Europe/London"},
    }
    question = client.get(address("message-publish", made.pk)).content.decode()
    assert "Back in stock · for everybody · your words in English" in question
    assert "own mail about products that are back in stock is not sent any more." in question
    page = client.post(address("message-publish", made.pk), {"number": "1"}, follow=True).content.decode()
    assert "is live: the next run sends what is due." in page and "Undo" in page and ">is sent</span>" in page
    alerts.waiting_customer("anna", tea)
    assert alerts.sweep_and_send().sent == 1 and mail.outbox[0].subject == "Tea!"
    page = client.post(address("message-state", made.pk), {"do": "pause"}, follow=True).content.decode()
    assert "“Tea is back” is paused." in page and ">off</span>" in page
    client.post(address("message-state", made.pk), {"do": "resume"})
    client.post(address("message-state", made.pk), {"do": "undo"})
    assert not Definition.objects.live_messages(timezone.now()).exists()
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", "kind", "by_name"))
    assert actions == [(action, "message", "mara") for action in ("create", "publish", "pause", "resume", "restore")]


def test_the_form_shows_what_was_saved_and_keeps_the_kind(client, marketer):
    share = publishing.publish(publishing.create("segment", "All", BUYERS, None), None).pk
    fields = {"opening_de": "Guten Tag,\r\n\r\nda ist er.", "hold_back": "12.5", "in_segments": [share]}
    client.post(address("message-create"), written(starts="2026-05-01T10:00", ends="2026-06-01T10:00", **fields))
    made = Definition.objects.get(kind="message")
    assert made.draft.document["who"] == {"in": [share]} and made.draft.document["hold_back"] == 0.125
    assert made.draft.document["wording"] == {"de": {"opening": "Guten Tag,\n\nda ist er."}}
    form = client.get(address("message", made.pk)).context["form"]
    shown = {name: form[name].value() for name in ("name", "hold_back", "in_segments", "opening_de", "zone")}
    assert shown == {
        "name": "Tea is back",
        "hold_back": 12.5,
        "in_segments": [share],
        "opening_de": "Guten Tag,\n\nda ist er.",
        "zone": "Europe/London",
    }
    client.post(address("message", made.pk), written(base=1, kind="another"))
    made.refresh_from_db()
    assert made.draft.number == 2 and made.draft.document["kind"] == "back_in_stock"


def test_what_somebody_else_saved_meanwhile_is_not_written_over(client, marketer):
    draft = publishing.create("message", "Tea is back", {"kind": "back_in_stock"}, None)
    publishing.save_draft(draft, {"kind": "back_in_stock", "hold_back": 0.5}, None, base=1)
    response = client.post(address("message", draft.pk), written(base=1))
    assert response.status_code == 409 and "50 % held back" in response.content.decode()
    assert Definition.objects.get().draft.number == 2


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": ""}, "name", "required"),
        ({"kind": "nonsense"}, "kind", "Select a valid choice"),
        ({"subject_de": "Hallo {name}"}, "subject_de", "Possible here: {product} {shop}"),
        ({"closing_en-gb": "{ever"}, "closing_en-gb", "A brace is open"),
        ({"opening_de": "x" * 1001}, "opening_de", "at most 1000"),
        ({"hold_back": "101"}, "hold_back", "less than or equal to 100"),
        ({"starts": "2026-06-01T10:00", "ends": "2026-05-01T10:00"}, "ends", "after the start"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_stored(client, marketer, fields, field, words):
    response = client.post(address("message-create"), written(**fields))
    assert words in " ".join(response.context["form"].errors[field])
    assert not Definition.objects.exists()


def test_publishing_is_refused_in_words_while_settings_are_missing(client, marketer, settings):
    draft = publishing.create("message", "Tea is back", {"kind": "back_in_stock"}, None)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MESSAGE_BASE_URL": "", "MESSAGE_IMPRINT": ""}
    page = client.get(address("message-publish", draft.pk)).content.decode()
    assert "these settings are there: MESSAGE_BASE_URL, MESSAGE_IMPRINT." in page
    client.post(address("message-publish", draft.pk), {"number": "1"})
    assert Definition.objects.get().state == "draft"
    assert "The shop's settings lack MESSAGE_BASE_URL, MESSAGE_IMPRINT." in (
        client.get(address("messages")).content.decode()
    )


def test_a_segment_that_only_an_open_page_answers_is_refused(client, marketer):
    conditions = [{"field": "device", "op": "one_of", "value": ["phone"]}]
    document = {"match": "all", "groups": [{"match": "all", "conditions": conditions}]}
    phones = publishing.publish(publishing.create("segment", "On phones", document, None), None).pk
    draft = publishing.create("message", "Tea", {"kind": "back_in_stock", "who": {"in": [phones]}}, None)
    page = client.post(address("message-publish", draft.pk), {"number": "1"}).content.decode()
    assert "“On phones” asks for something that only an open page tells." in page
    assert Definition.objects.get(pk=draft.pk).state == "draft"


def test_a_kind_that_is_not_there_any_more_is_listed_and_not_published(client, marketer):
    draft = publishing.create("message", "Hello", {"kind": "greeting"}, None)
    assert "Of kinds that are not there any more" in client.get(address("messages")).content.decode()
    page = client.post(address("message-publish", draft.pk), {"number": "1"}).content.decode()
    assert "There is no such kind of message any more." in page


def test_the_preview_is_the_mail_that_this_customer_would_get(client, marketer, tea):
    anna, alert = alerts.waiting_customer("anna", tea)
    shown = client.post(address("message-mail"), written(**{"opening_en-gb": "Hi <b>", "view-customer": anna.email}))
    page = shown.content.decode()
    assert "Subject · English" in page and "<strong>Tea is back in stock</strong>" in page
    assert "What came up for this customer last." in page and 'sandbox srcdoc="&lt;!DOCTYPE html&gt;' in page
    assert "Hi &lt;b&gt;" in shown.context["shown"].html and "Hi <b>" in shown.context["shown"].mail.body
    assert "&amp;lt;b&amp;gt;" in page and "Hi <b>" not in page
    assert mail.outbox == [] and not Delivery.objects.exists() and not ChannelConsent.objects.exists()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.note) == ("preview", anna, "Tea is back")
    client.post(address("message-mail"), written(**{"view-customer": str(anna.pk)}))
    assert AuditEntry.objects.count() == 1
    alert.refresh_from_db()
    assert alert.is_active


def test_without_a_customer_or_an_alert_an_example_is_shown_and_called_one(client, marketer, tea):
    page = client.post(address("message-mail"), written()).content.decode()
    assert "An example: what it is about is made up." in page and "Tea is back in stock" in page
    User.objects.create_user("bert", "bert@example.com", "x")
    page = client.post(address("message-mail"), written(**{"view-customer": "bert@example.com"})).content.decode()
    assert "Nothing of this kind came up for this customer: this is an example." in page


def test_the_preview_is_in_the_language_in_which_the_customer_asked(client, marketer, tea):
    anna, _ = alerts.waiting_customer("anna", tea)
    from personalization.privacy.message_addresses import hash_address

    ChannelConsent.objects.create(
        user=anna,
        address_hash=hash_address(anna.email),
        purpose="asked_for",
        state="granted",
        language="de",
        recorded_at=timezone.now(),
    )
    fields = written(**{"view-customer": anna.email})
    assert "Tea ist wieder da" in client.post(address("message-mail"), fields).content.decode()
    assert "Tea is back in stock" in (
        client.post(address("message-mail"), {**fields, "view-language": "en-gb"}).content.decode()
    )


def test_a_message_without_a_name_is_previewed_all_the_same(client, marketer, tea):
    assert "Subject · English" in client.post(address("message-mail"), written(name="")).content.decode()


def test_the_preview_says_what_is_wrong_instead(client, marketer, settings):
    says = {
        "No customer has this e-mail address or number.": {"view-customer": "nobody@example.com"},
        "Held back, in percent": {"hold_back": "200"},
        "too little to show for an example.": {},
    }
    for words, fields in says.items():
        assert words in client.post(address("message-mail"), written(**fields)).content.decode()
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MESSAGE_ADDRESS_KEY": ""}
    assert "MESSAGE_ADDRESS_KEY" in client.post(address("message-mail"), written()).content.decode()


@pytest.mark.parametrize("kind", ["we_miss_you", "first_steps", "after_the_order"])
def test_a_shop_that_learned_nothing_is_shown_no_mail_without_products(client, marketer, tea, kind):
    page = client.post(address("message-mail"), written(kind=kind)).content.decode()
    assert "Such a message would not be sent." in page and "iframe" not in page


def test_a_customer_is_shown_to_those_only_who_may_see_customers(client, settings, tea):
    alerts.switch_on(settings)
    sign_in(client, "preview_as", "change_messages")
    anna, _ = alerts.waiting_customer("anna", tea)
    page = client.post(address("message-mail"), written(**{"view-customer": anna.email})).content.decode()
    assert "You may not look at customers." in page and "iframe" not in page


def test_a_test_goes_to_the_person_only_counts_for_nothing_and_its_link_does_nothing(client, marketer, tea):
    anna, _ = alerts.waiting_customer("anna", tea)
    page = client.post(address("message-test"), written(**{"view-customer": anna.email, "to": "x@example.com"}))
    assert "A test was sent to mara@shop.example." in page.content.decode()
    (sent,) = mail.outbox
    assert sent.recipients() == ["mara@shop.example"] and sent.subject == "Test: Tea is back in stock"
    assert not Delivery.objects.exists()
    (link,) = [word for word in sent.body.split() if "/messages/" in word]
    path = link.removeprefix("https://shop.example")
    assert "This link stands in a test mail of the shop. It ends nothing." in client.get(path).content.decode()
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    alerts.publish_message()
    assert alerts.sweep_and_send().sent == 1
    note = AuditEntry.objects.get(note__startswith="test mail")
    assert (note.action, note.subject, note.note) == ("preview", anna, "test mail: Tea is back")


def test_a_mail_server_that_does_not_answer_is_named(client, marketer, tea, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    page = client.post(address("message-test"), written()).content.decode()
    assert "The mail server did not take it: MailServerDown" in page


def test_the_list_counts_what_was_sent_held_back_and_not_sent_and_why(client, marketer, django_assert_max_num_queries):
    message = alerts.publish_message()
    made = {"kind": "back_in_stock", "due_at": timezone.now()}
    rows = [("sent", "", 3, 1), ("skipped", "bought", 2, 1), ("skipped", "held_back", 1, 1), ("due", "quiet", 1, 1)]
    rows += [("failed", "refused", 1, 1), ("sent", "", 5, 20)]
    for state, why, count, days in rows:
        for n in range(count):
            Delivery.objects.create(
                dedupe=f"{state}{why}{days}{n}",
                state=state,
                why=why,
                created_at=timezone.now() - timedelta(days=days),
                version=message.live,
                **made,
            )
    with django_assert_max_num_queries(12):
        week = client.get(address("messages"))
    numbers = back_in_stock_block(week).numbers
    assert (numbers.sent, numbers.held_back, numbers.waiting, numbers.not_sent) == (3, 1, 1, 3)
    assert numbers.reasons == [("bought already", 2), ("the mail server refused it", 1)]
    assert "bought already · 1" in week.content.decode()
    assert back_in_stock_block(week).lines[0].sent == 3
    assert back_in_stock_block(client.get(address("messages"), {"days": "28"})).numbers.sent == 8


def test_of_two_messages_the_lower_one_is_moved_up(client, marketer):
    first, second = alerts.publish_message(name="first"), alerts.publish_message(name="second")
    lines = back_in_stock_block(client.get(address("messages"))).lines
    assert [line.definition.name for line in lines] == ["second", "first"]
    page = client.post(address("message-move", first.pk), follow=True)
    assert "“first” stands one place higher." in page.content.decode()
    assert [line.definition.name for line in back_in_stock_block(page).lines] == ["first", "second"]
    client.post(address("message-move", first.pk))
    assert [one.pk for one in Definition.objects.live_messages(timezone.now())] == [first.pk, second.pk]


def test_the_history_names_each_version(client, marketer):
    message = alerts.publish_message(name="first")
    publishing.save_draft(message, {"kind": "back_in_stock", "hold_back": 0.1}, None, base=1)
    page = client.get(address("message-history", message.pk)).content.decode()
    assert "10 % held back" in page and "Version 1" in page and address("message-publish", message.pk) in page


def test_a_segment_that_a_message_names_is_not_archived_and_leads_to_it(client, marketer):
    share = publishing.publish(publishing.create("segment", "All", BUYERS, None), None)
    message = alerts.publish_message(who={"out": [share.pk]})
    question = client.get(address("message-publish", message.pk), {"number": "1"}).content.decode()
    assert "Whom neither this message nor another live one of its kind is meant for is not told at all." in question
    with pytest.raises(publishing.NotPossibleError, match="back_in_stock"):
        publishing.archive(share, None)
    assert address("message", message.pk) in client.get(address("segments")).content.decode()


def test_the_page_of_a_customer_says_which_messages_they_got_and_why_not_others(client, marketer, tea):
    anna, _ = alerts.waiting_customer("anna", tea)
    coffee = shop.create_shop_product("Coffee", stock=5)
    alerts.dated(coffee.productalert_set.create(user=anna), 60)
    alerts.publish_message(name="Tea is back")
    alerts.sweep_and_send()
    Delivery.objects.filter(product_id=coffee.pk).update(state="skipped", why="bought", version=None)
    client.post(address("customer", anna.pk), {"reason": "asked by letter"})
    page = client.get(address("customer", anna.pk)).content.decode()
    table = page.split('id="messages-to-them"')[1].split("</table>")[0]
    assert "Tea is back</a>, version 1" in table and ">sent <" in table and "not sent: bought already" in table
    other, _ = alerts.waiting_customer("bert", tea)
    client.post(address("customer", other.pk), {"reason": "asked by letter"})
    assert 'id="messages-to-them"' not in client.get(address("customer", other.pk)).content.decode()


def test_kinds_in_use_stand_first_and_nothing_is_said_of_what_nothing_came_up_of(client, marketer):
    alerts.publish_message()
    response = client.get(address("messages"))
    first, *others = response.context["blocks"]
    assert (first.name, bool(first.lines), first.numbers) == ("back_in_stock", True, None)
    assert not any(block.lines for block in others)
    page = response.content.decode()
    assert page.count("Nothing of it came up in this period.") == 1
    assert "<dt>Sent</dt>" not in page


def test_a_message_may_go_into_the_account_and_the_preview_is_the_notification(client, marketer, tea):
    fields = written(channels=["email", "shop"], opening="<b>Look</b>")
    page = client.post(address("message-mail"), fields).content.decode()
    notice = page.split("personalization-notice")[1].split("</table>")[0]
    assert "Tea is back in stock" in notice and "iframe" in page
    assert f'<a href="{tea.get_absolute_url()}">Tea</a>' in notice
    page = client.post(address("message-mail"), {**fields, "channels": ["shop"]}).content.decode()
    assert "personalization-notice" in page and "iframe" not in page
    page = client.post(address("message-test"), {**fields, "channels": ["shop"]}).content.decode()
    assert "This message does not go by mail." in page and mail.outbox == []
    client.post(address("message-create"), {**fields, "channels": ["shop"]})
    message = Definition.objects.get()
    assert message.newest.document["channels"] == ["shop"]
    page = client.post(address("message", message.pk), {**fields, "base": 1, "first_in_shop": "on", "best_hour": "on"})
    document = Definition.objects.get().newest.document
    assert (document["first_in_shop"], document["best_hour"]) == (True, True)
    page = client.get(address("message-publish", message.pk), {"number": "2"}).content.decode()
    assert "in the shop first" in page and "at the best hour" in page
    client.post(address("message", message.pk), {**fields, "base": 2, "channels": ["shop"]})
    page = client.get(address("message", message.pk)).content.decode()
    assert re.search(r'value="shop"[^>]*checked', page) and not re.search(r'value="email"[^>]*checked', page)
    page = client.get(address("message-publish", message.pk), {"number": "3"}).content.decode()
    assert "in the shop" in page and "Without mails, guests who wait for a product are not told." in page


def test_a_message_that_nobody_chose_a_way_for_goes_by_mail(client, marketer, tea):
    client.post(address("message-create"), written())
    assert "channels" not in Definition.objects.get().newest.document
