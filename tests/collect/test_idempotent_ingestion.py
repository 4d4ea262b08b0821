"""However events are delivered, in whatever order, batches and repetitions, the same is stored."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection, connections, transaction
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from personalization.models import Event
from personalization.models.events import EventData
from tests.collect.event_payloads import NOW, consented_browser, event_payload, store_payloads, to_milliseconds
from tests.shops import factories as shop

NAMES = ["view_item", "add_to_wishlist", "item_feedback", "view_item_list"]
EVENTS = 12


class Deliveries(RuleBasedStateMachine):
    """A sender has twelve events, six without an id, and delivers any of them in any way; some are poisoned."""

    @initialize()
    def a_shop(self):
        self.savepoint = transaction.savepoint()
        self.visitor, self.delivered = consented_browser(), set()
        products = [shop.create_shop_product(f"Product {n}") for n in range(3)]
        self.told = [
            event_payload(
                NAMES[n % 4],
                products[n % 3].pk,
                id=str(UUID(int=n + 1)),
                at=to_milliseconds(NOW - timedelta(hours=n)),
                value=n,
            )
            for n in range(EVENTS)
        ]
        for told in self.told[::2]:
            del told["id"]

    @rule(batch=st.lists(st.integers(0, EVENTS - 1), max_size=20), poison=st.booleans(), hours=st.integers(0, 100))
    def deliver(self, batch, poison, hours):
        now = NOW + timedelta(hours=hours)
        told = [self.told[n] for n in batch] + [{"name": "view_item", "items": "\0"}] * poison
        rejected = store_payloads(self.visitor, *told, now=now, sent_at=to_milliseconds(now))
        assert rejected == [(len(batch), "invalid_text")] * poison
        self.delivered |= set(batch)

    @rule()
    def deliver_all_backwards_one_by_one(self):
        for told in reversed(self.told):
            assert store_payloads(self.visitor, told, sent_at=to_milliseconds(NOW)) == []
        self.delivered = set(range(EVENTS))

    @invariant()
    def stored_is_what_was_delivered(self):
        rows = Event.objects.values_list("type", "product_id", "items", "value", "occurred_at")
        found = sorted((name, product or products[0][0], value, at) for name, product, products, value, at in rows)
        assert found == sorted(self.expected(n) for n in self.delivered)

    def expected(self, n):
        told = self.told[n]
        value = float(n) if told["name"] == "item_feedback" else None
        return told["name"], int(told["items"][0]["item_id"]), value, NOW - timedelta(hours=n)

    def teardown(self):
        transaction.savepoint_rollback(self.savepoint)


@pytest.mark.django_db
def test_any_deliveries_of_the_same_events_store_the_same():
    run_state_machine_as_test(
        Deliveries, settings=effort(max_examples=40, stateful_step_count=10, deadline=None, database=None)
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_eight_writers_of_the_same_events_do_not_stop_each_other():
    visitor, faults = consented_browser(), []
    ids = [UUID(int=n) for n in range(1, 401)]

    def write(turn):
        try:
            for start in range(0, 400, 5):
                batch = [ids[(start * (turn + 1) + step * (1 + 2 * turn)) % 400] for step in range(50)][:: (-1) ** turn]
                happenings = [EventData(key, "view_cart", NOW) for key in dict.fromkeys(batch)]
                with transaction.atomic():
                    assert Event.objects.store_events(visitor.pk, happenings, received_at=NOW)
        except Exception as fault:  # a thread's would be lost
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=[turn]) for turn in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert sorted(Event.objects.values_list("event_id", flat=True)) == ids


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_a_visitor_cannot_be_forgotten_between_their_events_and_the_commit():
    visitor, forgotten = consented_browser(), threading.Event()

    def forget():
        with transaction.atomic():
            type(visitor).objects.erase([visitor.pk])
        forgotten.set()
        connections.close_all()

    with transaction.atomic():
        assert Event.objects.store_events(visitor.pk, [EventData(UUID(int=1), "view_cart", NOW)], received_at=NOW)
        thread = threading.Thread(target=forget)
        thread.start()
        assert not forgotten.wait(0.3)
    thread.join()
    assert not Event.objects.exists()
