"""Erasing somebody is a few statements whatever there is of them, and their consent ends even where it fails."""

import uuid
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.signals import post_delete
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from personalization.models import Consent, ConsentRecord, Event, Visitor
from personalization.privacy import retention
from tests.shops import factories as shop


@pytest.fixture
def listens_to_all_deletions():
    """As Haystack's processor of signals does, for which Django loads whatever it deletes."""

    def hear(sender, instance, **rest):
        assert not isinstance(instance, Event | ConsentRecord), "loaded to be deleted"

    post_delete.connect(hear)
    yield
    post_delete.disconnect(hear)


def customer_with_events(name, events):
    user = shop.create_customer(name)
    visitor, moment = Visitor.objects.get(user=user), now()
    Event.objects.bulk_create(
        Event(
            event_id=uuid.uuid4(), visitor=visitor, type="search", query="tea", occurred_at=moment, received_at=moment
        )
        for _ in range(events)
    )
    return user


def statements(act):
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["forget", "turn off", "delete the account"])
def test_it_takes_as_many_statements_for_three_thousand_events_as_for_three(client, listens_to_all_deletions, way):
    counts = []
    for name, events in (("anna", 3), ("ben", 3_000)):
        user = customer_with_events(name, events)
        client.force_login(user)
        forget = (reverse("personalization:privacy_erase"), {"sure": "on"})
        act = {
            "forget": lambda form=forget: client.post(*form),
            "turn off": lambda: client.post(reverse("personalization:consent"), {"answer": "refused"}),
            "delete the account": lambda who=user: User.objects.get(pk=who.pk).delete(),
        }[way]
        counts.append(statements(act))
        assert not Event.objects.exists()
        client.logout()
    assert counts[0] == counts[1]


@contextmanager
def locked_events():
    """Another session holds the table of events, and ours waits for a tenth of a second only."""
    other = connection.copy()
    try:
        with other.cursor() as cursor, connection.cursor() as own:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE personalization_event IN ACCESS EXCLUSIVE MODE")
            own.execute("SET statement_timeout = 100")
            yield
            own.execute("SET statement_timeout = 0")
            cursor.execute("ROLLBACK")
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks whole files")
@pytest.mark.parametrize("way", ["page", "api"])
def test_consent_ends_at_once_where_deleting_fails_and_the_nightly_run_deletes(client, way):
    assert connection.settings_dict["ATOMIC_REQUESTS"]
    user = customer_with_events("anna", 3)
    client.force_login(user)
    with locked_events():
        if way == "page":
            response = client.post(reverse("personalization:privacy_erase"), {"sure": "on"}, follow=False)
        else:
            response = client.delete(reverse("personalization:api:data"))
    assert response.status_code == (302 if way == "page" else 204)
    assert Visitor.objects.get(user=user).consent == Consent.WITHDRAWN
    assert Event.objects.count() == 3
    if way == "page":
        assert "made up for within a day" in client.get(reverse("personalization:privacy")).content.decode()
    retention.apply_retention()
    assert not Event.objects.exists()
