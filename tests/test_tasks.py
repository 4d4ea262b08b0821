"""Background tasks, done by a real Celery worker: on Redis when TEST_REDIS_URL is set, else in memory."""

import inspect
import logging
import threading
import time

import pytest
from celery import Task
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.db import connection

from example_shop.celery import app
from personalization import tasks
from personalization.models import Event, Genome, Run, Snapshot, Visitor
from personalization.train.engines.celery_blocks import TASK_NAME
from personalization.train.lock import training_lock
from tests.collect.stored_events import store_dated_event
from tests.shops.factories import even_and_odd

QUEUE = "personalization-tests"


@pytest.fixture
def own_logging():
    """A worker takes all logging over; afterwards it is as it was."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def worker(transactional_db, monkeypatch, own_logging):
    """Takes tasks from a queue of its own, in a thread beside the test."""
    monkeypatch.setitem(app.conf, "broker_url", settings.CACHES["default"].get("LOCATION") or "memory://")
    monkeypatch.setitem(app.conf, "task_default_queue", QUEUE)
    app.set_current()
    with start_worker(app, pool="solo", perform_ping_check=False, queues=[QUEUE], shutdown_timeout=30) as started:
        yield started
    app.control.purge()


def waited_for(there, seconds: float = 30) -> bool:
    """Whether it came true in time."""
    until = time.monotonic() + seconds
    while not there() and time.monotonic() < until:
        time.sleep(0.05)
    return there()


def test_the_shops_celery_knows_the_tasks_and_when_to_run_them():
    planned = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert planned == {"personalization.sweep"}
    app.loader.import_default_modules()
    assert planned <= set(app.tasks)


OURS = {task for task in vars(tasks).values() if isinstance(task, Task) and task.name != TASK_NAME}
"""Without a training's blocks, which are acknowledged early: what is lost the trainer does itself."""


def test_each_task_is_acknowledged_only_when_it_is_done_and_takes_what_it_does_not_know():
    jobs = {"train", "genomes", "value", "measure", "apply_retention", "messages", "export"}
    assert {task.name for task in OURS} == {f"personalization.{name}" for name in {*jobs, "sweep", "start_run"}}
    for task in OURS:
        assert task.acks_late and task.reject_on_worker_lost
        assert any(one.kind is one.VAR_KEYWORD for one in inspect.signature(task.run).parameters.values())


def test_a_worker_drops_what_is_too_old(worker):
    anna = Visitor.objects.create()
    store_dated_event(anna, "view_item", 400, product_id=1)
    for _ in range(2):  # as two beats would
        tasks.apply_retention.apply_async()
    assert waited_for(lambda: not Event.objects.exists())


@pytest.mark.django_db
def test_training_by_a_task_is_training_by_the_command():
    users, _ = even_and_odd()
    Visitor.objects.grant_all([user.pk for user in users], version="1", source="test", now=users[0].date_joined)
    tasks.run_training.apply(throw=True, kwargs={"of_a_newer_release": 1})
    assert Snapshot.objects.active().exists()
    assert Genome.objects.count() == len(users)
    row = Run.objects.get()
    assert (row.kind, row.origin, row.state) == ("train", "task", "done")
    assert row.sentence % row.numbers == "Learned from orders: 144, of customers: 24. Profiles: 24."
    assert {"Reading order lines", "Learning", "Customers"} <= {step["label"] for step in row.steps}
    assert all(step["done"] == step["of"] for step in row.steps if step["label"] in ("Learning", "Customers"))


@pytest.mark.django_db
def test_a_message_that_is_delivered_again_is_not_done_again():
    for _ in range(2):
        tasks.measure.apply(throw=True, task_id="one message")
    tasks.measure.apply(throw=True, task_id="another")
    assert [row.attempt for row in Run.objects.all()] == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_a_second_training_at_the_same_time_is_left_out():
    held, over = threading.Event(), threading.Event()

    def train_long():
        with training_lock():
            held.set()
            over.wait(60)
        connection.close()

    first = threading.Thread(target=train_long)
    first.start()
    assert held.wait(60)
    try:
        tasks.run_training.apply(throw=True)
    finally:
        over.set()
        first.join()
    assert not Snapshot.objects.exists()
