"""Erasing is final: afterwards no table and no file of ours holds anything of the person, whatever comes in late."""

import json
import time
import uuid
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from personalization.models import Consent, CustomerFacts, Genome, Visitor
from personalization.profile import genome

pytestmark = pytest.mark.django_db

WORD = "marzipanpotatoes"


@pytest.fixture
def person(trained):
    """A customer of a trained shop with a genome, events of every telling kind, wishes; signed in on their browser."""
    users, products = trained
    user = users[1]
    client = Client(headers={"user-agent": "Mozilla/5.0 Firefox/143.0"})
    client.force_login(user)
    visitor = Visitor.objects.get_or_create_customer(user.pk)
    visitor.set_preference("product", products[5].pk, -1, time.time())
    told = [
        {"name": "search", "search_term": WORD},
        {"name": "view_item", "items": [{"item_id": products[7].pk}]},
        {"name": "add_to_wishlist", "items": [{"item_id": products[9].pk}]},
    ]
    assert report(client, told) == 3
    return user, visitor, client, told


def report(client, told, at=None):
    """Sends these events; how many were taken in."""
    at = int((at or time.time()) * 1000)
    events = [{"id": str(uuid.uuid4()), "at": at, **one} for one in told]
    answer = client.post(
        reverse("personalization:events"),
        json.dumps({"sent_at": int(time.time() * 1000), "events": events}),
        content_type="application/json",
        headers={"sec-fetch-site": "same-origin"},
    )
    return answer.json()["accepted"]


def traces(user_pk, visitor_id):
    """Every row of ours that speaks of this person, but for the note that they want none of this."""
    found = []
    for model in apps.get_app_config("personalization").get_models():
        for row in model._default_manager.values() if model._meta.managed else ():
            text = json.dumps(row, default=str)
            own = row.get("user_id") == user_pk and model is not Visitor
            if own or str(visitor_id) in text or visitor_id.hex in text or WORD in text:
                found.append((model.__name__, text))
    files = Path(settings.PERSONALIZATION["SNAPSHOT_DIR"]).rglob("*")
    needles = (WORD.encode(), visitor_id.bytes, str(visitor_id).encode(), visitor_id.hex.encode())
    return found + [path for path in files if path.is_file() and any(word in path.read_bytes() for word in needles)]


def test_there_is_something_to_erase(person):
    user, visitor, _, _ = person
    kinds = {kind for kind, _ in traces(user.pk, visitor.pk)}
    assert kinds == {"Genome", "GenomeMonth", "CustomerFacts", "CustomerTaste", "Event", "Visitor", "ConsentRecord"}


def test_forgetting_everything_leaves_nothing_and_late_events_bring_nothing_back(person):
    user, visitor, client, told = person
    client.post(reverse("personalization:privacy_erase"), {"sure": "on"})
    assert traces(user.pk, visitor.pk) == []
    assert report(client, told) == 0
    genome.refresh_genome([user.pk], time.time())
    call_command("personalization_train", verbosity=0)
    call_command("personalization_apply_retention", verbosity=0)
    assert traces(user.pk, visitor.pk) == []
    assert not any(row.personal for row in client.get("/").context["slate"].rows)
    left = Visitor.objects.get(user=user)
    assert (left.consent, left.preferences) == (Consent.WITHDRAWN, [])


def test_agreeing_again_begins_anew_and_takes_in_nothing_that_happened_before(person):
    user, visitor, client, told = person
    before = time.time() - 600
    client.post(reverse("personalization:privacy_erase"), {"sure": "on"})
    client.post(reverse("personalization:consent"), {"answer": "granted"})
    assert report(client, told, at=before) == 0
    call_command("personalization_train", verbosity=0)
    assert Genome.objects.of_customer(user.pk) is None
    assert report(client, told[1:]) == 2
    ((kind, _),) = traces(user.pk, visitor.pk)
    facts = CustomerFacts.objects.get(user=user)
    assert (kind, facts.orders, facts.last_order, facts.tastes) == ("CustomerFacts", 0, None, "[]")


@pytest.mark.parametrize("way", ["the account's own page", "the instance", "a queryset"])
def test_a_deleted_account_is_gone_from_all_our_tables(person, way):
    user, visitor, client, told = person
    pk = user.pk
    if way == "the account's own page":
        client.post(reverse("customer:profile-delete"), {"password": "x"})
    elif way == "the instance":
        user.delete()
    else:
        User.objects.filter(pk=pk).delete()
    assert not User.objects.filter(pk=pk).exists()
    assert report(client, told) == 0
    call_command("personalization_train", verbosity=0)
    assert traces(pk, visitor.pk) == []
    assert not Visitor.objects.filter(user_id=pk).exists()
