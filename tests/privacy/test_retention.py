"""What is too old goes, in batches that can be interrupted and repeated."""

import threading
from datetime import timedelta
from functools import partial

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from personalization.models import ConsentRecord, DailyTotal, Event, Visitor, events
from personalization.privacy import retention
from tests.collect.stored_events import NOW, store_dated_event


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(events, "DELETE_BATCH_SIZE", 5)
    monkeypatch.setattr(events, "BROWSER_BATCH_SIZE", 5)


def a_history() -> None:
    """Two events on each of 120 days: a view and a search."""
    anna = Visitor.objects.create()
    for days_ago in range(120):
        store_dated_event(anna, "view_item", days_ago, product_id=1)
        store_dated_event(anna, "search", days_ago, query="tea")


def totals() -> list[tuple]:
    fields = ("date", "type", "product_id", "event_count", "visitor_count")
    return list(DailyTotal.objects.order_by("date", "type", "product_id").values_list(*fields))


@pytest.mark.django_db
def test_events_are_kept_for_90_days_searches_for_30_and_all_are_counted_first():
    a_history()
    done = retention.apply_retention(NOW + timedelta(minutes=1))
    assert done == retention.RetentionResult(days=120, events=120, searches=90, totals=0, browsers=0)
    assert Event.objects.filter(type="view_item").count() == 90
    assert Event.objects.filter(type="search").count() == 30
    assert Event.objects.order_by("occurred_at").first().occurred_at == NOW - timedelta(days=89)
    assert DailyTotal.objects.filter(type="view_item", product_id=1, event_count=1).count() == 120
    assert DailyTotal.objects.filter(type="search", event_count=1).count() == 120


@pytest.mark.django_db
def test_what_waits_to_be_dropped_is_known_without_counting():
    assert retention.hours_overdue(NOW) == timedelta(0)
    anna = Visitor.objects.create()
    store_dated_event(anna, "view_item", 40, product_id=1)
    assert retention.hours_overdue(NOW) == timedelta(0)
    store_dated_event(anna, "search", 33, query="tea")
    assert retention.hours_overdue(NOW) == timedelta(days=3)
    with CaptureQueriesContext(connection) as asked:
        assert retention.hours_overdue(NOW + timedelta(days=60)) == timedelta(days=63)
    assert len(asked) == 1
    retention.apply_retention(NOW + timedelta(days=60))
    assert retention.hours_overdue(NOW + timedelta(days=60)) == timedelta(0)


@pytest.mark.django_db
def test_a_second_run_does_nothing_more():
    a_history()
    retention.apply_retention(NOW)
    counted = totals()
    assert retention.apply_retention(NOW) == retention.RetentionResult(0, 0, 0, 0, 0)
    assert totals() == counted


@pytest.mark.django_db
def test_totals_are_kept_for_390_days():
    day = (NOW - timedelta(days=390)).date()
    for old in (day, day - timedelta(days=1)):
        DailyTotal.objects.create(date=old, type="search", event_count=1, visitor_count=1)
    assert retention.apply_retention(NOW).totals == 1
    assert DailyTotal.objects.get().date == day


@pytest.mark.django_db
def test_a_browser_goes_when_it_is_old_and_has_no_event_left(django_user_model):
    idle, active, young = (Visitor.objects.create() for _ in range(3))
    customer = Visitor.objects.get_or_create_customer(django_user_model.objects.create_user("anna").pk)
    idle.change_consent("granted", version="1", source="banner", now=NOW)
    store_dated_event(active, "view_item", 1)
    Visitor.objects.exclude(pk=young.pk).update(created_at=NOW - timedelta(days=391))
    Visitor.objects.filter(pk=young.pk).update(created_at=NOW - timedelta(days=389))
    assert retention.apply_retention(NOW).browsers == 1
    assert set(Visitor.objects.values_list("pk", flat=True)) == {active.pk, young.pk, customer.pk}
    assert not ConsentRecord.objects.exists()


@pytest.mark.django_db
def test_an_imported_event_is_as_old_as_what_happened_not_as_its_arrival():
    store_dated_event(Visitor.objects.create(), "view_item", 91, product_id=1, received_at=NOW)
    assert retention.apply_retention(NOW).events == 1


@pytest.mark.django_db
def test_the_oldest_go_first_and_no_statement_deletes_more_than_a_batch(small_batches):
    a_history()
    batches = Event.objects.delete_before("view_item", NOW - timedelta(days=90))
    assert next(batches) == 5
    assert Event.objects.filter(type="view_item").order_by("occurred_at").first().occurred_at == NOW - timedelta(
        days=114
    )
    assert [*batches] == [5, 5, 5, 5, 4]


@pytest.mark.django_db
def test_an_interrupted_run_that_is_repeated_gives_the_same(small_batches):
    a_history()
    with pytest.raises(KeyboardInterrupt):
        retention.apply_retention(NOW, interrupted_at("Days", 70))
    assert Event.objects.count() == 240
    with pytest.raises(KeyboardInterrupt):
        retention.apply_retention(NOW, interrupted_at("Old view_item", 3))
    with pytest.raises(KeyboardInterrupt):
        retention.apply_retention(NOW + timedelta(hours=3), interrupted_at("Old search", 7))
    retention.apply_retention(NOW + timedelta(hours=6))
    assert [row[1:] for row in totals()] == [
        ("search", 0, 1, 1),
        ("view_item", 0, 1, 1),
        ("view_item", 1, 1, 1),
    ] * 120
    assert Event.objects.count() == 120


def interrupted_at(what: str, batches: int):
    """A ProgressBar during which somebody presses Ctrl-C."""

    def progress(stream, name, length):
        for number, thing in enumerate(stream):
            if (name, number) == (what, batches):
                raise KeyboardInterrupt
            yield thing

    return progress


@pytest.mark.django_db
def test_a_run_that_finds_nothing_new_asks_little():
    a_history()
    retention.apply_retention(NOW)
    with CaptureQueriesContext(connection) as queries:
        retention.apply_retention(NOW)
    assert len(queries) < 120  # some forty for a day


@pytest.mark.django_db
def test_a_dry_run_says_what_would_go_and_drops_nothing(capsys):
    a_history()
    call_command("personalization_apply_retention", "--dry-run")
    said = capsys.readouterr().out
    assert said.startswith("Would be done: ") and said.endswith(
        " 0 daily totals, 0 credits, 0 browsers, 0 audit entries, 0 messages, 0 genomes of months, 0 purchases in "
        "stores and 0 runs dropped.\n"
    )
    assert Event.objects.count() == 240
    assert not DailyTotal.objects.exists()
    planned = retention.rows_due(NOW)
    assert retention.apply_retention(NOW) == planned


@pytest.mark.django_db
def test_the_command_says_what_it_did(capsys):
    call_command("personalization_apply_retention")
    assert capsys.readouterr().out == (
        "Measured: 0 order lines credited; 0 corrected; 0 days counted.\n"
        "Done: 1 days counted; 0 events (0 of them searches), 0 daily totals, 0 credits, 0 browsers, 0 audit "
        "entries, 0 messages, 0 genomes of months, 0 purchases in stores and 0 runs dropped.\n"
    )


def at_once(runs: int = 1) -> tuple[list[threading.Thread], list]:
    """Retention in threads of its own, and what comes of it."""
    came = []

    def run():
        try:
            came.append(retention.apply_retention(NOW))
        except Exception as error:
            came.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(runs)]
    for thread in threads:
        thread.start()
    return threads, came


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="its writers wait for each other anyway")
def test_runs_at_once_do_no_harm(small_batches):
    a_history()
    threads, came = at_once(3)
    for thread in threads:
        thread.join()
    assert [type(done) for done in came] == [retention.RetentionResult] * 3
    assert sum(done.events for done in came) == 118
    assert [row[1:] for row in totals()] == [
        ("search", 0, 1, 1),
        ("view_item", 0, 1, 1),
        ("view_item", 1, 1, 1),
    ] * 120


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="it locks whole files")
def test_an_event_that_somebody_else_is_deleting_is_passed_over_not_waited_for():
    a_history()
    with transaction.atomic():
        held = Event.objects.select_for_update().filter(type="view_item").order_by("occurred_at").first()
        (thread,), came = at_once()
        thread.join(30)
        assert not thread.is_alive()
    assert [done.events for done in came] == [117]
    assert Event.objects.filter(occurred_at__lt=NOW - timedelta(days=90)).get() == held


@pytest.mark.django_db
@pytest.mark.parametrize("consent", ["granted", "withdrawn"])
def test_events_about_sensitive_products_and_of_who_withdrew_are_looked_for_once(small_batches, consent):
    """No index finds them, so each batch goes on where the last one ended."""
    anna = Visitor.objects.create(consent=consent)
    for number in range(24):
        store_dated_event(anna, "view_item", number, product_id=1 + number % 2)
    keys = list(Event.objects.order_by("id").values_list("id", flat=True))
    wanted = keys if consent == "withdrawn" else keys[1::2]
    delete = (
        Event.objects.delete_withdrawn if consent == "withdrawn" else partial(Event.objects.delete_for_products, {2})
    )
    with CaptureQueriesContext(connection) as queries:
        assert sum(delete()) == len(wanted)
    looked = [query["sql"] for query in queries if query["sql"].startswith("SELECT") and "ORDER BY" in query["sql"]]
    ends = wanted[4::5] + ([wanted[-1]] if len(wanted) % 5 else [])
    assert len(looked) == len(ends) + 1
    assert all(f'"id" >= {end}' in sql for end, sql in zip(ends, looked[1:], strict=True))
    assert not Event.objects.filter(id__in=wanted).exists()
