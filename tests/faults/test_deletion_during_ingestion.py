"""Somebody is deleted at the very moment at which something they did is stored."""

import threading
import uuid

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from personalization.models import Event, Visitor
from tests.shops import factories as shop

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="it has one writer at a time"),
]


def test_the_account_is_deleted_with_what_was_just_being_stored():
    user = shop.create_customer("leaving")
    visitor = Visitor.objects.get_or_create_customer(user.pk)
    failed = []

    def delete():
        try:
            user.delete()
        except Exception as fault:
            failed.append(fault)
        finally:
            connection.close()

    with transaction.atomic():
        list(Visitor.objects.filter(pk=visitor.pk).select_for_update(no_key=True, of=("self",)))
        Event.objects.create(
            event_id=uuid.uuid4(), visitor=visitor, type="search", occurred_at=now(), received_at=now()
        )
        thread = threading.Thread(target=delete)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(20)
    assert (failed, Event.objects.count(), Visitor.objects.count()) == ([], 0, 0)
