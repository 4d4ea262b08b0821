"""The overview, data and jobs, the audit, keys, sensitive categories and consent, as staff see them."""

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils.timezone import now

from personalization.models import AuditEntry, SensitiveCategory, ServerKey, Snapshot, snapshot_files
from personalization.privacy.retention import apply_retention
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def address(name, *keys):
    return reverse(f"personalization:personalization-{name}", args=keys)


def test_a_shop_without_training_is_told_what_to_do_first(admin_client):
    page = admin_client.get(address("overview")).content.decode()
    assert "Nothing has been learned yet." in page and "Your shop has 0 orders." in page


def test_an_earlier_snapshot_serves_again_and_the_audit_says_so(admin_client, trained):
    first = Snapshot.objects.get()
    call_command("personalization_train", "--force", verbosity=0)
    page = admin_client.get(address("data")).content.decode()
    assert address("snapshot-serve", first.pk) in page
    admin_client.post(address("snapshot-serve", first.pk))
    assert Snapshot.objects.active().get() == first
    assert AuditEntry.objects.get().action == "serve"


def test_a_snapshot_without_files_is_refused_in_words(admin_client, trained):
    first = Snapshot.objects.get()
    call_command("personalization_train", "--force", verbosity=0)
    snapshot_files.remove_snapshot(first.name)
    page = admin_client.post(address("snapshot-serve", first.pk), follow=True).content.decode()
    assert "Its files are gone" in page and Snapshot.objects.active().get() != first


@pytest.mark.parametrize(
    "name", ["overview", "reports", "experiments", "data", "audit", "consent", "keys", "sensitive"]
)
def test_a_screen_takes_fourteen_queries_and_is_in_german(
    admin_client, trained, name, django_assert_max_num_queries, settings
):
    settings.PERSONALIZATION["SNAPSHOT_POLL_SECONDS"] = 600  # however slow the machine is, nobody looks meanwhile
    admin_client.get(address(name))
    with django_assert_max_num_queries(14 + 16):  # eight savepoints are two statements each, in a test
        page = admin_client.get(address(name), headers={"Accept-Language": "de"})
    assert page.status_code == 200 and 'lang="de"' in page.content.decode()


def test_old_entries_of_the_audit_are_deleted_by_the_retention_run(admin_user):
    for days in (729, 731):
        AuditEntry.objects.record(admin_user, "create", note=str(days))
        AuditEntry.objects.filter(note=str(days)).update(at=now() - timedelta(days=days))
    assert apply_retention().audit == 1
    assert AuditEntry.objects.get().note == "729"


def test_a_key_is_shown_once_replaced_and_revoked(admin_client):
    page = admin_client.post(address("keys"), {"name": "till", "scopes": ["events:write"]}).content.decode()
    (secret,) = re.findall(r'personalization-secret">([\w.-]+)<', page)
    key = ServerKey.objects.active(secret)
    assert key.name == "till" and secret not in admin_client.get(address("keys")).content.decode()
    admin_client.post(address("key-rotate", key.pk))
    assert ServerKey.objects.count() == 2
    admin_client.post(address("key-revoke", key.pk))
    assert ServerKey.objects.active(secret) is None


def test_a_category_is_made_sensitive_and_ordinary_again(admin_client):
    leaf = shop.create_from_breadcrumbs("Health > Pharmacy")
    admin_client.post(address("sensitive-add"), {"category": leaf.pk})
    row = SensitiveCategory.objects.get()
    assert (
        "Health \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} Pharmacy"
        in admin_client.get(address("sensitive")).content.decode()
    )
    admin_client.post(address("sensitive-remove", row.pk))
    assert not SensitiveCategory.objects.exists()


def test_consent_is_found_by_e_mail_and_the_look_is_in_the_audit(admin_client):
    customer = shop.create_customer("ann")
    answer = {"customer": "ANN@example.com", "reason": "letter"}
    page = admin_client.post(address("consent"), answer, follow=True).content.decode()
    assert "Allows personalisation." in page and "ann@example.com" in page
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.note) == ("customer", customer, "letter")


def test_the_groups_are_created_once(capsys):
    call_command("personalization_groups")
    assert "Merchandisers: created" in capsys.readouterr().out
    call_command("personalization_groups")
    assert "Merchandisers: unchanged." in capsys.readouterr().out
