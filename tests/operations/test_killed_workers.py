"""Workers that are killed again and again: what was to be done is done, once, and soon after."""

import time

from personalization.models.processes import has_ended
from tests.operations.operated_shop import (
    OperatedShop,
    children_of,
    end_process,
    kill_hard,
    waited_until,
    write_finding,
)

STORM_SECONDS, PAUSE_SECONDS = 120, 3
LONGEST_STORM = 240
"""On a machine so busy that a worker takes half a minute to begin."""
WORKERS, RESUMED_SECONDS = 5, 120
HISTORY = """
from datetime import timedelta
from uuid import uuid4
from django.contrib.auth.models import User
from django.utils.timezone import now
from oscar.apps.catalogue.models import Product
from oscar.apps.order.models import Order
from personalization.models import Event, JobSchedule, Visitor
products = list(Product.objects.order_by("pk"))
at = now()
for number, user in enumerate(User.objects.filter(username__startswith="customer").order_by("pk")):
    visitor = Visitor.objects.get(user=user)
    order = Order.objects.filter(user=user).order_by("-date_placed").first()
    bought = order.lines.first().product_id
    for days, kind in ((0.02, "view_item"), (1.02, "view_item"), (91.5, "view_item"), (92, "view_item")):
        when = order.date_placed - timedelta(days=days)
        Event.objects.create(
            event_id=uuid4(), type=kind, product_id=bought, visitor=visitor, occurred_at=when, received_at=when
        )
    when = order.date_placed - timedelta(hours=1)
    Event.objects.create(
        event_id=uuid4(), type="select_item", product_id=bought, surface="home", row_key="bestsellers:", position=0,
        visitor=visitor, occurred_at=when, received_at=when,
    )
JobSchedule.objects.all().update(is_on=False)
"""
ORDER_WORK = """
from personalization.models import Run, RunOrigin
for kind in ("train", "retention", "genomes", "value", "measure"):
    Run.objects.order_run(kind, RunOrigin.BUTTON)
"""
DO_IT_IN_PEACE = """
from personalization.jobs.perform import perform_run
from personalization.models import Run, RunOrigin
for kind in ("train", "retention", "genomes", "value", "measure"):
    assert perform_run(Run.objects.order_run(kind, RunOrigin.BUTTON).pk)
"""
EFFECTS = """
import json
from personalization.models import *
from django.db.models import Count
print(json.dumps({
    "credits": sorted(map(list, Credit.objects.values_list("order_id", "line_id", "touch", "surface", "quantity"))),
    "totals": sorted(map(repr, DailyTotal.objects.values_list("date", "type", "surface", "row_code", "event_count"))),
    "events": sorted(map(list, Event.objects.values_list("type").annotate(rows=Count("pk")))),
    "genomes": sorted([one.user_id, sorted(row[0] for row in one.products)] for one in Genome.objects.all()),
    "facts": sorted(map(list, CustomerFacts.objects.values_list("user_id", "kept_orders", "value_tier"))),
    "months": sorted(map(repr, GenomeMonth.objects.values_list("user_id", "month"))),
    "serving": Snapshot.objects.active().count(),
}, default=str))
"""


def test_what_was_ordered_is_done_once_while_workers_are_killed_every_three_seconds(operated_shop: OperatedShop):
    shop = operated_shop
    shop.run_python(HISTORY)
    with shop.copied() as copy:
        copy.run_python(DO_IT_IN_PEACE)
        expected = copy.run_python(EFFECTS)
    beat, worker = shop.start_beat(), shop.start_worker("first", WORKERS)
    killed, number = {"child": 0, "parent": 0}, 0
    try:
        assert waited_until(lambda: shop.worker_is_ready("first"), 120)
        shop.run_python(ORDER_WORK)
        assert waited_until(lambda: something_runs(shop), 120)
        began, name = time.monotonic(), "first"
        while (spent := time.monotonic() - began) < STORM_SECONDS or (is_too_mild(killed) and spent < LONGEST_STORM):
            if shop.worker_is_ready(name):  # one that only begins does nothing that could be lost
                number += 1
                if number % 3:
                    killed["child"] += any(map(kill_hard, children_of(worker.pid)[number % WORKERS :][:1]))
                else:
                    killed["parent"] += kill_hard(worker.pid)
                    worker.wait()
                    name = f"worker{number}"
                    worker = shop.start_worker(name, WORKERS)  # as a supervisor does
            time.sleep(PAUSE_SECONDS)
        after = time.monotonic()
        unfinished = shop.ask("SELECT kind, state, attempt FROM personalization_run WHERE state <> 'done' ORDER BY id")
        assert waited_until(lambda: all_goes_on(shop), RESUMED_SECONDS), "something was not resumed"
        resumed = time.monotonic() - after
        finished = waited_until(lambda: nothing_is_open(shop), 180)
        rows = shop.ask("SELECT kind, state, attempt, sentence, fault FROM personalization_run ORDER BY id")
        seconds = round(after - began)
        numbers = {
            "storm_seconds": seconds,
            "killed": killed,
            "unfinished": unfinished,
            "resumed_seconds": round(resumed),
            "done_seconds": finished,
        }
        write_finding("killed workers", **numbers, rows=rows)
        assert not is_too_mild(killed)
        assert finished is not None and [state for _, state, *_ in rows] == ["done"] * 5, rows
        assert max(attempt for _, _, attempt, *_ in rows) > 1, "no kill met a run"
        assert shop.run_python(EFFECTS) == expected
    finally:
        end_process(beat)
        end_process(worker)


def is_too_mild(killed: dict[str, int]) -> bool:
    return killed["child"] < 5 or killed["parent"] < 3


def something_runs(shop: OperatedShop) -> bool:
    return shop.ask("SELECT count(*) FROM personalization_run WHERE state <> 'waiting'")[0][0] > 0


def all_goes_on(shop: OperatedShop) -> bool:
    """Whether each run is done, or is being done by a process that is there."""
    rows = shop.ask("SELECT state, host, process, process_begun FROM personalization_run")
    return all(state == "done" or (state == "running" and not has_ended(*held)) for state, *held in rows)


def nothing_is_open(shop: OperatedShop) -> bool:
    return shop.ask("SELECT count(*) FROM personalization_run WHERE state IN ('waiting', 'running')") == [(0,)]
