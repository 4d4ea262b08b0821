"""Who is handed to another tool: only who allows it at that moment; what comes back finds them by their key."""

import csv
import hashlib
import io
import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from personalization.jobs.catalogue import export_job
from personalization.jobs.recording import recorded_run
from personalization.models import AuditEntry, CustomerFacts, Event, RunKind, Suppression, Visitor
from personalization.models.message_permissions import SuppressionReason
from personalization.privacy.identity import erase_customer
from personalization.privacy.message_addresses import hash_address
from personalization.shop.audience_keys import PREFIX, audience_key, new_export, read_audience_key
from tests.dashboard.test_segments import publish
from tests.lifecycle.kinds import allow
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
received = {}


def receive(audience, rows):
    received[audience] = list(rows)


@pytest.fixture
def segment(settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MESSAGE_ADDRESS_KEY": "k" * 40}
    staff = shop.create_customer("boss")
    type(staff).objects.filter(pk=staff.pk).update(is_staff=True, is_superuser=True)
    staff.refresh_from_db()
    allow(staff)
    customers = {"field": "is_staff", "op": "is", "value": False}
    return publish(staff, "Everybody", customers)


def exported(capsys, segment, *options):
    for user in User.objects.filter(personalization_facts=None):
        CustomerFacts.objects.create(user=user, computed_at=timezone.now())
    call_command("personalization_export_audience", segment.key, *options)
    return capsys.readouterr().out


def addresses(capsys, segment):
    return [row["email"] for row in csv.DictReader(io.StringIO(exported(capsys, segment)))]


def test_only_who_allows_offers_and_agreed_is_in_it_at_the_moment_of_each_export(segment, capsys):
    names = ("anna", "silent", "refused", "reminders", "unsubscribed", "bounced", "again", "stranger", "erased", "shut")
    users = {name: shop.create_customer(name) for name in names}
    for name in ("anna", "refused", "unsubscribed", "bounced", "stranger", "erased", "shut"):
        allow(users[name])
    allow(users["refused"], "withdrawn", at=timezone.now())
    allow(users["reminders"], purpose="reminders")
    now = timezone.now()
    for name, reason in (("unsubscribed", "UNSUBSCRIBED"), ("bounced", "BOUNCED"), ("again", "UNSUBSCRIBED")):
        at = now - timedelta(days=2) if name == "again" else now
        Suppression.objects.suppress(hash_address(users[name].email), SuppressionReason[reason], at)
    allow(users["again"])
    Visitor.objects.filter(user=users["stranger"]).update(consent="withdrawn")
    users["shut"].is_active = False
    users["shut"].save()
    assert addresses(capsys, segment) == ["anna@example.com", "again@example.com", "erased@example.com"]
    erase_customer(users["erased"].pk, timezone.now())
    assert addresses(capsys, segment) == ["anna@example.com", "again@example.com"]
    assert AuditEntry.objects.filter(action="export", object_id=segment.pk).count() == 2


def test_hashes_are_those_that_ad_tools_take_and_json_says_the_same(segment, capsys):
    anna = shop.create_customer("anna")
    type(anna).objects.filter(pk=anna.pk).update(email="Anna@Example.com")
    allow(anna, address_hash=hash_address("anna@example.com"))
    (row,) = json.loads(exported(capsys, segment, "--hashed", "--format", "json"))
    assert row["email_sha256"] == hashlib.sha256(b"anna@example.com").hexdigest()
    assert "@" not in json.dumps(row)


def test_a_key_is_opaque_differs_by_export_and_cannot_be_made_up():
    one, other = audience_key(new_export(), 7), audience_key(new_export(), 7)
    assert one != other and len(one) == len(audience_key(new_export(), 10**17))
    assert read_audience_key(one) == read_audience_key(other) == "7"
    made_up = [PREFIX, f"{PREFIX}AAAA", one[:-2], one[:20] + ("A" if one[20] != "A" else "B") + one[21:], "7", "é", ""]
    assert [read_audience_key(text) for text in made_up] == [""] * len(made_up)


def test_responses_come_back_by_the_key_under_the_rules_of_all_events(segment, capsys, tmp_path):
    anna, tea = shop.create_customer("anna"), shop.create_shop_product("Tea")
    allow(anna)
    key = json.loads(exported(capsys, segment, "--format", "json"))[0]["audience_key"]
    at = (timezone.now() - timedelta(hours=1)).isoformat()
    file = tmp_path / "responses.csv"
    lines = ["event_name,timestamp,user,item_id", f"select_item,{at},{key},{tea.pk}", f"view_item,{at},{key}x,{tea.pk}"]
    file.write_text("\n".join([*lines, ""]))
    call_command("personalization_import_events", str(file), "--users", "audience_key")
    assert capsys.readouterr().out.splitlines()[0].startswith("2 rows: 1 stored, 0 already there, 1 rejected")
    assert Event.objects.values_list("type", "visitor__user", "product_id").get() == ("select_item", anna.pk, tea.pk)
    erase_customer(anna.pk, timezone.now())
    call_command("personalization_import_events", str(file), "--users", "audience_key")
    assert "0 stored" in capsys.readouterr().out and not Event.objects.exists()


def test_the_job_hands_audiences_to_the_shops_own_function_and_keeps_nothing(segment, settings):
    anna = shop.create_customer("anna")
    allow(anna)
    CustomerFacts.objects.create(user=anna, computed_at=timezone.now())
    settings.PERSONALIZATION = {
        **settings.PERSONALIZATION,
        "AUDIENCES": [segment.key],
        "AUDIENCE_CALLABLE": f"{__name__}.receive",
        "EXPORT_DIR": "",
    }
    with recorded_run(RunKind.EXPORT) as run:
        export_job(run)
    assert [row["email"] for row in received.pop(segment.key)] == ["anna@example.com"]


def test_what_cannot_be_exported_is_said_with_what_would_work(segment):
    with pytest.raises(CommandError, match=r"There is no segment 'nobodys'\. Live are: "):
        call_command("personalization_export_audience", "nobodys")
