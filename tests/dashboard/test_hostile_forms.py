"""What nobody types by accident: each form answers in words, and nothing is stored."""

import pytest
from django.test import Client
from django.urls import reverse

from personalization.models import AuditEntry, ConsentRecord, SensitiveCategory, ServerKey
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
TEN_MEGABYTES = "x" * 10_000_000


def address(name, *keys):
    return reverse(f"personalization:personalization-{name}", args=keys)


def nothing_stored():
    return not (
        ServerKey.objects.exists()
        or SensitiveCategory.objects.exists()
        or AuditEntry.objects.exists()
        or ConsentRecord.objects.exclude(source="test").exists()
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": "till"},
        {"scopes": ["events:write"]},
        {"name": "   ", "scopes": ["events:write"]},
        {"name": "x" * 101, "scopes": ["events:write"]},
        {"name": "a\0b", "scopes": ["events:write"]},
        {"name": "till", "scopes": ["events:write", "everything"]},
        {"name": "till", "scopes": ["events:write\0"]},
        {"name": "till", "scopes": [SCRIPT]},
    ],
)
def test_a_key_is_not_made_of_nonsense(admin_client, fields):
    page = admin_client.post(address("keys"), fields)
    body = page.content.decode()
    assert page.status_code == 200 and "personalization-error" in body and SCRIPT not in body
    assert "personalization-secret" not in body and nothing_stored()


def test_a_key_with_a_name_of_markup_is_shown_as_text(admin_client):
    body = admin_client.post(address("keys"), {"name": SCRIPT, "scopes": ["events:write"], "id": 5, "prefix": "x"})
    assert SCRIPT not in body.content.decode() and "&lt;script&gt;" in body.content.decode()
    key = ServerKey.objects.get()
    assert (key.name, key.prefix == "x", key.expires_at) == (SCRIPT, False, None)
    audit = admin_client.get(address("audit")).content.decode()
    assert SCRIPT not in audit and "&lt;script&gt;" in audit


@pytest.mark.parametrize("name", ["key-rotate", "key-revoke", "sensitive-remove", "snapshot-serve"])
@pytest.mark.parametrize("key", [0, 987654, 2**63 - 1, 2**63, 10**30])
def test_what_is_not_there_is_not_changed(admin_client, name, key):
    assert admin_client.post(address(name, key)).status_code == 404
    assert nothing_stored()


@pytest.mark.parametrize("name", ["key-rotate", "key-revoke", "sensitive-remove", "sensitive-add"])
def test_looking_at_an_address_changes_nothing(admin_client, name):
    key, _secret = ServerKey.objects.create_key("till", [])
    category = SensitiveCategory.objects.create(category=shop.create_from_breadcrumbs("Health"))
    keys = {"sensitive-remove": [category.pk], "sensitive-add": []}.get(name, [key.pk])
    assert admin_client.get(address(name, *keys)).status_code == 405
    assert ServerKey.objects.get().expires_at is None and SensitiveCategory.objects.count() == 1


def test_a_key_that_has_ended_makes_no_new_one(admin_client):
    key, _secret = ServerKey.objects.create_key("till", [])
    admin_client.post(address("key-revoke", key.pk))
    page = admin_client.post(address("key-rotate", key.pk), follow=True).content.decode()
    assert "This key has ended" in page and ServerKey.objects.count() == 1


@pytest.mark.parametrize(
    "category", ["", "0", "-1", "987654", "1.5", "9" * 18, "9" * 30, "\0", "\u0661", SCRIPT, "1 OR 1=1", "[]"]
)
def test_no_category_is_made_sensitive_of_nonsense(admin_client, category):
    page = admin_client.post(address("sensitive-add"), {"category": category, "id": 1}, follow=True)
    body = page.content.decode()
    assert page.status_code == 200 and "Choose a category." in body and SCRIPT not in body and nothing_stored()


def test_a_category_with_a_name_of_markup_is_shown_as_text(admin_client):
    category = shop.create_from_breadcrumbs("Health")
    type(category).objects.update(name=SCRIPT)
    page = admin_client.post(address("sensitive-add"), {"category": category.pk}, follow=True).content.decode()
    assert SCRIPT not in page and page.count("&lt;script&gt;") >= 2  # in the message and in the list
    admin_client.post(address("sensitive-add"), {"category": category.pk})
    assert SensitiveCategory.objects.count() == 1 and AuditEntry.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"customer": "ann@example.com"},
        {"reason": "letter"},
        {"customer": "   ", "reason": "letter"},
        {"customer": "ann@example.com", "reason": "x" * 101},
        {"customer": "x" * 255, "reason": "letter"},
        {"customer": "ann\0@example.com", "reason": "letter"},
        {"customer": "ann@example.com", "reason": "let\0ter"},
        {"customer": SCRIPT, "reason": "letter"},
        {"customer": "9" * 40, "reason": "letter"},
        {"customer": "987654", "reason": SCRIPT},
    ],
)
def test_nobody_is_opened_by_nonsense(admin_client, fields):
    shop.create_customer("ann")
    page = admin_client.post(address("consent"), fields)
    body = page.content.decode()
    assert page.status_code == 200 and "personalization-error" in body and SCRIPT not in body and nothing_stored()


def test_a_customer_with_a_name_of_markup_is_shown_as_text(admin_client):
    first, second = shop.create_customer("ann"), shop.create_customer("anna")
    type(first).objects.update(first_name=SCRIPT)
    matches = admin_client.post(address("consent"), {"customer": "ann", "reason": SCRIPT}).content.decode()
    assert SCRIPT not in matches and matches.count("&lt;script&gt;") > 2
    page = admin_client.post(address("customer", second.pk), {"reason": SCRIPT}, follow=True).content.decode()
    assert SCRIPT not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("name", ["keys", "sensitive-add", "consent", "audit"])
def test_ten_megabytes_are_refused(admin_client, name):
    page = admin_client.post(address(name), {"name": TEN_MEGABYTES, "customer": "1", "category": "1"})
    fields = f"name={TEN_MEGABYTES}&customer=1&reason=x&category=1&scopes=events:write"
    plain = admin_client.post(address(name), fields, content_type="application/x-www-form-urlencoded")
    assert plain.status_code in (400, 405) and page.status_code in (200, 302, 400, 405) and nothing_stored()


@pytest.mark.parametrize("name", ["keys", "sensitive-add", "consent"])
def test_a_form_without_its_token_is_refused(admin_user, name):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    category = shop.create_from_breadcrumbs("Health")
    fields = {"name": "till", "scopes": ["events:write"], "category": category.pk, "customer": admin_user.pk}
    assert client.post(address(name), {**fields, "reason": "x"}).status_code == 403
    assert nothing_stored()
