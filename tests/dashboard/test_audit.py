"""The audit: what was done is found again, on the page and in the file."""

import csv
from datetime import datetime
from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils.timezone import get_default_timezone

from personalization.merchandising import publishing
from personalization.models import AuditEntry
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

PAGE, FILE = (reverse(f"personalization:personalization-{name}") for name in ("audit", "audit-csv"))


def record(by, action, day="2026-05-03T12:00", **fields):
    AuditEntry.objects.record(by, action, **fields)
    at = datetime.fromisoformat(day).replace(tzinfo=get_default_timezone())
    AuditEntry.objects.filter(pk=AuditEntry.objects.latest("pk").pk).update(at=at)


@pytest.fixture
def people():
    """Mia and Tom did two things each."""
    mia, tom = (User.objects.create_user(name, f"{name}@shop.example", "x", is_staff=True) for name in ("mia", "tom"))
    record(mia, "publish", "2026-05-01T00:00", kind="campaign", object_id=7, version=2, note="Spring")
    record(mia, "export", "2026-05-01T23:59", kind="audit")
    record(tom, "customer", "2026-05-02T12:00", kind="customer", subject=shop.create_customer("ann"), note="letter")
    record(tom, "archive", "2026-05-03T12:00", kind="key", object_id=9, note="till 100%_done")
    return mia, tom


def shown(client, **filters):
    """The actions on the page, the newest first."""
    return [entry.action for entry, _kind, _name in client.get(PAGE, filters).context["lines"]]


@pytest.mark.parametrize(
    ("filters", "actions"),
    [
        ({}, ["archive", "customer", "export", "publish"]),
        ({"who": "MIA"}, ["export", "publish"]),
        ({"who": "  tom "}, ["archive", "customer"]),
        ({"action": "publish"}, ["publish"]),
        ({"kind": "customer"}, ["customer"]),
        ({"since": "2026-05-02"}, ["archive", "customer"]),
        ({"until": "2026-05-01"}, ["export", "publish"]),
        ({"since": "2026-05-01", "until": "2026-05-01", "action": "export"}, ["export"]),
        ({"note": "LETTER"}, ["customer"]),
        ({"note": "100%_"}, ["archive"]),
        ({"who": "nobody"}, []),
    ],
)
def test_each_filter_leaves_what_it_says(admin_client, people, filters, actions):
    assert shown(admin_client, **filters) == actions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("who", "\0"),
        ("who", "x" * 100_000),
        ("who", "' OR 1=1 --"),
        ("action", "\0"),
        ("kind", "x" * 5000),
        ("note", "<script>alert(1)</script>"),
        ("page", "9" * 40),
        ("page", "-1"),
    ],
)
def test_a_hostile_filter_finds_nothing_and_harms_nothing(admin_client, people, name, value):
    page = admin_client.get(PAGE, {name: value})
    assert page.status_code == 200 and "<script>alert" not in page.content.decode()
    assert AuditEntry.objects.count() == 4


@pytest.mark.parametrize("day", ["2026-02-30", "0001-01-01", "9999-12-31", "yesterday", "2026-05-01T00:00", "\0"])
def test_what_is_no_day_filters_nothing(admin_client, people, day):
    assert len(shown(admin_client, since=day, until=day)) == 4


def test_pages_follow_each_other_with_the_filters(admin_client, admin_user):
    for number in range(120):
        AuditEntry.objects.record(admin_user, "change" if number % 2 else "pause", note=str(number))
    page = admin_client.get(PAGE, {"action": "change"})
    assert [entry.note for entry, _kind, _name in page.context["lines"]][:2] == ["119", "117"]
    assert "action=change&amp;page=2" in page.content.decode()
    assert len(shown(admin_client, action="change", page=2)) == 10


def rows(response):
    return list(csv.DictReader(StringIO(b"".join(response.streaming_content).decode())))


def test_the_file_has_what_the_filters_leave_oldest_first_and_says_that_it_was_taken(admin_client, people):
    response = admin_client.get(FILE, {"who": "tom"})
    assert "no-store" in response["Cache-Control"]
    found = rows(response)
    assert [(row["who"], row["action"], row["note"]) for row in found] == [
        ("tom", "customer", "letter"),
        ("tom", "archive", "till 100%_done"),
    ]
    assert found[0]["customer"] == str(User.objects.get(username="ann").pk)
    taken = AuditEntry.objects.latest("pk")
    assert (taken.action, taken.kind) == ("export", "audit")


def test_a_name_that_is_a_formula_is_text_in_the_file(admin_client, admin_user):
    document = {"where": [{"surface": "home"}], "what": [{"do": "exclude", "target": {"newer": 3}}]}
    campaign = publishing.create("campaign", "=HYPERLINK(1)", document, admin_user)
    AuditEntry.objects.all().delete()
    AuditEntry.objects.record(admin_user, "pause", kind="campaign", object_id=campaign.pk, note="@SUM(1)")
    row, *_ = rows(admin_client.get(FILE))
    assert (row["name"], row["note"]) == ("'=HYPERLINK(1)", "'@SUM(1)")


def test_a_deleted_customer_is_gone_and_their_entry_is_not(admin_client, people):
    User.objects.get(username="ann").delete()
    assert [row["customer"] for row in rows(admin_client.get(FILE, {"who": "tom"}))] == ["gone", ""]
    assert ">gone<" in admin_client.get(PAGE).content.decode()


def test_only_who_may_open_customers_is_led_to_them(client, people):
    mia, _tom = people
    mia.user_permissions.add(Permission.objects.get(codename="view_audit"))
    client.force_login(mia)
    link = reverse("personalization:personalization-customer", args=[User.objects.get(username="ann").pk])
    assert link not in client.get(PAGE).content.decode()
    mia.user_permissions.add(Permission.objects.get(codename="view_customer"))
    assert link in client.get(PAGE).content.decode()


def test_no_address_changes_the_audit(admin_client, people):
    for address in (PAGE, FILE):
        assert admin_client.post(address).status_code == 405
        assert admin_client.delete(address).status_code == 405
    assert AuditEntry.objects.count() == 4
