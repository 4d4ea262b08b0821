"""Who was erased after a backup stays erased when it is restored."""

import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from personalization.models import CustomerFacts, Event, Genome, Visitor
from personalization.operations.doctor import examine_installation
from personalization.operations.erasure_log import UnreadableLog, read_erasures
from personalization.privacy import identity
from tests.walks.known_visitors import store_event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log(settings, tmp_path, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "ERASURE_LOG", str(tmp_path / "erased.log"))
    return tmp_path / "erased.log"


def codes():
    return {one.code for one in examine_installation(now())}


def rows_of(user_id):
    """What is stored about a customer, and about all browsers."""
    return [
        Genome.objects.filter(user_id=user_id).count(),
        CustomerFacts.objects.filter(user_id=user_id).count(),
        Event.objects.filter(visitor__user_id=user_id).count(),
        Visitor.objects.filter(user=None).count(),
    ]


@pytest.fixture
def restored(trained, log):
    """(erased customer, kept one): both are there again, and so is an erased browser, as in the backup."""
    anna, ben = trained[0][:2]
    store_event(Visitor.objects.get(user=anna), minutes_ago=9)
    browser = Visitor.objects.create()
    visitors = Visitor.objects.filter(pk__in=[browser.pk, Visitor.objects.get(user=anna).pk])
    backup = [
        [*visitors, *Genome.objects.filter(user=anna), *CustomerFacts.objects.filter(user=anna)],
        list(Event.objects.filter(visitor__user=anna)),
    ]
    identity.erase_customer(anna.pk, now())
    with transaction.atomic():
        Visitor.objects.filter(user=None).erase([browser.pk])
    assert rows_of(anna.pk) == [0, 0, 0, 0]
    Visitor.objects.filter(user=anna).delete()
    for row in (row for rows in backup for row in rows):
        row.save(force_insert=True)
    return anna, ben


def test_everybody_of_the_log_is_erased_again_and_nobody_else(restored):
    anna, ben = restored
    assert rows_of(anna.pk) == [1, 1, 1, 1] and "erasures-undone" in codes()
    before = rows_of(ben.pk)[:3]
    call_command("personalization_erase_again", verbosity=0)
    assert rows_of(anna.pk) == [0, 0, 0, 0] and rows_of(ben.pk)[:3] == before
    assert Visitor.objects.get(user=anna).consent == "withdrawn"
    assert "erasures-undone" not in codes()


def test_who_comes_back_after_an_erasure_is_not_erased_by_repeating_it(restored, capsys):
    anna, _ben = restored
    call_command("personalization_erase_again", verbosity=0)
    Visitor.objects.get(user=anna).change_consent("granted", version="2", source="test", now=now())
    call_command("personalization_erase_again")
    assert capsys.readouterr().out == "Erased again: 0.\n"
    assert Visitor.objects.get(user=anna).consent == "granted"


def test_a_key_that_was_changed_since_still_finds_them(restored, settings):
    anna, _ben = restored
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key of the shop"
    call_command("personalization_erase_again", verbosity=0)
    assert rows_of(anna.pk)[:3] == [0, 0, 0]


@pytest.mark.usefixtures("restored")
def test_a_line_says_not_who_it_is(log):
    customer, browser = map(json.loads, log.read_text().splitlines())
    assert (customer["format"], customer["kind"], browser["kind"]) == (1, "customer", "browser")
    assert set(customer) == {"format", "at", "kind", "person"} and re.fullmatch("[0-9a-f]{64}", customer["person"])


def test_erasing_works_where_the_log_cannot_be_written(trained, settings, monkeypatch, caplog):
    monkeypatch.setitem(settings.PERSONALIZATION, "ERASURE_LOG", "/nowhere/erased.log")
    anna = trained[0][0]
    identity.erase_customer(anna.pk, now())
    assert rows_of(anna.pk)[:3] == [0, 0, 0]
    assert "could not be written to ERASURE_LOG (FileNotFoundError)" in caplog.text


def test_a_page_without_the_log_notes_nothing(trained, tmp_path):
    client = Client()
    client.force_login(trained[0][0])
    assert client.post(reverse("personalization:privacy_erase")).status_code in (200, 302)
    with pytest.raises(CommandError, match="ERASURE_LOG is not set"):
        call_command("personalization_erase_again")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [('{"format": 9}', "line 1: format 9 was made by a newer version; this one reads 1"), ("tea", "line 1 is none of")],
)
def test_a_log_of_another_version_is_refused(log, line, sentence):
    log.write_text(line)
    with pytest.raises(UnreadableLog, match=sentence):
        read_erasures()
    with pytest.raises(CommandError, match=sentence):
        call_command("personalization_erase_again")
