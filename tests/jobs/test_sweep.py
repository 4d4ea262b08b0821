"""One clock entry for everything: what is due, what broke off and what was ordered is done, once."""

import os
import socket
from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.db.models.functions import Now
from django.utils import timezone

from personalization.jobs import perform
from personalization.jobs.perform import perform_run, perform_task
from personalization.jobs.sweep import sweep_runs
from personalization.models import JobSchedule, Run, RunKind, RunOrigin, RunState, Snapshot, TrainingLease
from personalization.models.processes import this_process

pytestmark = pytest.mark.django_db

BERLIN = "Europe/Berlin"


@pytest.fixture
def work(monkeypatch):
    """What was done, by kind; each job takes no time."""
    done = []
    for kind in list(perform.JOBS):
        monkeypatch.setitem(perform.JOBS, kind, lambda run, kind=kind: done.append(str(kind)))
    return done


def plan(kind="measure", *, every=None, at=None, since=datetime(2026, 1, 1, tzinfo=UTC)):
    return JobSchedule.objects.create(kind=kind, every_minutes=every, daily_at=at, changed_at=since)


def sweep_and_do(moment):
    for pk in sweep_runs(moment):
        perform_run(pk)


def berlin(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def every_minute(first, last):
    while first <= last:
        yield first
        first += timedelta(minutes=1)


def test_a_schedule_is_due_once_in_each_period(work):
    plan(every=10)
    start = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    for moment in every_minute(start, start + timedelta(minutes=35)):
        sweep_and_do(moment)
        sweep_and_do(moment)
    assert work == ["measure"] * 4


@pytest.mark.parametrize(
    ("at", "first", "last"),
    [
        (time(2, 30), "2026-03-27 12:00+01:00", "2026-03-30 12:00+02:00"),  # 02:30 is left out on the 29th
        (time(2, 30), "2026-10-23 12:00+02:00", "2026-10-26 12:00+01:00"),  # and comes twice on the 25th
        (time(0, 0), "2026-03-27 12:00+01:00", "2026-03-30 12:00+02:00"),
        (time(3, 10), "2026-10-23 12:00+02:00", "2026-10-26 12:00+01:00"),
    ],
)
def test_a_daily_job_is_done_once_a_day_when_clocks_are_put_forward_or_back(work, settings, at, first, last):
    settings.TIME_ZONE = BERLIN
    schedule = plan(at=at, since=berlin(first))
    moments = [moment for moment in every_minute(berlin(first), berlin(last)) if moment.minute % 30 == 0]
    periods = [schedule.latest_period(moment) for moment in moments]
    names = [period.occasion for period in periods if period]
    assert len(set(names)) == 3 and names == sorted(names)
    for moment in moments:
        sweep_and_do(moment)
    assert len(work) == 3


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
@pytest.mark.parametrize("jumps_at", range(0, 180, 45))
def test_a_clock_that_jumps_by_an_hour_has_nothing_done_twice_and_nothing_left_out(work, jump, jumps_at):
    plan(at=time(3, 10))
    plan("messages", every=30)
    start = datetime(2026, 5, 2, 2, 0, tzinfo=UTC)
    for minute in range(0, 300, 5):
        moment = start + timedelta(minutes=minute) + (jump if minute >= jumps_at else timedelta(0))
        sweep_and_do(moment)
    days = {f"measure of 2026-05-0{day}" for day in (1, 2)}
    assert set(Run.objects.filter(kind="measure").values_list("occasion", flat=True)) == days
    assert work.count("measure") == 2
    occasions = list(Run.objects.filter(kind="messages").values_list("occasion", flat=True))
    assert work.count("messages") == len(occasions) == len(set(occasions))
    shown = {start + timedelta(minutes=minute) + jump * (minute >= jumps_at) for minute in range(0, 300, 5)}
    assert len(occasions) == len({int(moment.timestamp() // 1800) for moment in shown})


def test_after_an_outage_the_last_period_is_made_up_for_and_no_other(work):
    plan(every=10)
    plan("train", at=time(3, 10))
    sweep_and_do(datetime(2026, 5, 1, 12, 0, tzinfo=UTC))
    work.clear()
    sweep_and_do(datetime(2026, 5, 4, 9, 1, tzinfo=UTC))
    assert sorted(work) == ["measure", "train"]


def test_what_was_due_before_a_schedule_was_changed_is_not_made_up_for(work):
    noon = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    plan("train", at=time(3, 10), since=noon)
    sweep_and_do(noon + timedelta(hours=2))
    assert work == []
    sweep_and_do(noon + timedelta(hours=16))
    assert work == ["train"]


def test_what_is_off_is_not_done(work):
    plan(every=1)
    JobSchedule.objects.update(is_on=False)
    sweep_and_do(timezone.now())
    assert work == [] and JobSchedule.objects.last_look() is not None


def test_a_schedule_has_one_rhythm():
    with pytest.raises(IntegrityError):
        plan(every=5, at=time(3, 10))


def test_a_run_that_waits_is_begun_by_one_of_all_who_try(work):
    run = Run.objects.order_run("measure", RunOrigin.BUTTON)
    assert [perform_run(run.pk) for _ in range(3)] == [True, False, False]
    run.refresh_from_db()
    assert (run.state, run.attempt, work) == ("done", 1, ["measure"])


def test_of_one_kind_one_run_at_a_time_is_started(work):
    first = Run.objects.order_run("measure", RunOrigin.BUTTON)
    begin(first)
    second = Run.objects.order_run("measure", RunOrigin.BUTTON)
    other = Run.objects.order_run("value", RunOrigin.BUTTON)
    assert sweep_runs() == [other.pk]
    Run.objects.write(first.pk, "ours", state=RunState.DONE)
    assert sweep_runs() == [second.pk, other.pk]


def begin(run, *, host=None, process=None):
    """As a process would; by default this one."""
    ours, number, begun = this_process()
    host, process, begun = host or ours, process or number, begun if process is None else 1
    held = {"token": "ours", "host": host, "process": process, "process_begun": begun}
    assert Run.objects.begin(run.pk, held)


def ordered(kind="measure", origin=RunOrigin.SCHEDULE):
    return Run.objects.order_run(kind, origin)


GONE = 2**22 + 1
"""More than the id of any process."""


def test_a_run_whose_process_is_gone_is_started_again_at_the_next_sweep_then_with_pauses_then_given_up(work):
    run = ordered()
    pauses = []
    for _ in range(4):
        begin(run, process=GONE)
        run.refresh_from_db()
        assert run.shown_state == RunState.BROKEN_OFF
        startable = sweep_runs()
        run.refresh_from_db()
        pauses.append(round((run.due_at - timezone.now()).total_seconds(), -1))
        assert startable == ([run.pk] if len(pauses) == 1 else [])
        Run.objects.update(due_at=Now())
    assert pauses[:3] == [0, 20, 50]
    assert (run.state, run.sentence % run.numbers) == (
        "broken_off",
        "It broke off 4 times, and is not started again.",
    )
    assert sweep_runs() == [] and work == []


def test_a_process_that_got_the_id_of_another_one_is_not_that_one():
    run = ordered()
    begin(run, process=os.getpid())  # which is there, and began at another time
    run.refresh_from_db()
    assert run.has_broken_off()


def test_a_run_of_another_host_has_broken_off_when_it_was_silent_for_two_minutes():
    run = ordered()
    begin(run, host="worker7")
    assert sweep_runs() == []
    Run.objects.update(heartbeat_at=Now() - timedelta(seconds=119))
    assert sweep_runs() == []
    Run.objects.update(heartbeat_at=Now() - timedelta(seconds=121))
    run.refresh_from_db()
    assert run.shown_state == RunState.BROKEN_OFF
    assert sweep_runs() == [run.pk]


def test_a_command_that_broke_off_is_told_and_not_repeated():
    run = ordered(origin=RunOrigin.COMMAND)
    begin(run, process=GONE)
    assert sweep_runs() == []
    run.refresh_from_db()
    assert run.state == RunState.BROKEN_OFF


def test_a_run_that_was_believed_dead_writes_nothing_any_more():
    run = ordered()
    begin(run, host="worker7")
    Run.objects.update(heartbeat_at=Now() - timedelta(hours=1))
    sweep_runs()
    assert not Run.objects.write(run.pk, "ours", state=RunState.DONE)
    assert Run.objects.get().state == RunState.WAITING


def test_a_task_that_is_delivered_again_while_it_is_done_is_left_to_the_first(work):
    run = Run.objects.order_run("measure", RunOrigin.TASK, "task a")
    begin(run)
    perform_task(RunKind.MEASURE, "task a")
    assert work == []
    Run.objects.update(process=GONE)
    perform_task(RunKind.MEASURE, "task a")
    assert work == ["measure"] and Run.objects.get().attempt == 2


def test_a_training_waits_for_another_one_and_is_left_out_if_that_published():
    TrainingLease.objects.take("theirs", "web2", 17)
    run = ordered("train")
    assert perform_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.sentence, run.attempt) == ("waiting", "Another training run is in progress.", 0)
    assert run.due_at > timezone.now() + timedelta(minutes=1)
    Snapshot.objects.publish("theirs", "0" * 64, {})
    Run.objects.update(due_at=Now())
    assert perform_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.sentence) == ("left_out", "Another run has trained meanwhile.")


def test_one_command_does_what_is_due(work, capsys):
    plan(every=1, since=timezone.now() - timedelta(minutes=5))
    call_command("personalization_sweep")
    assert capsys.readouterr().out == "measure: done.\n" and work == ["measure"]
    assert Run.objects.get().host == socket.gethostname()


def test_the_usual_schedules_are_added_once_and_changed_by_a_command(capsys):
    for _ in range(2):
        call_command("personalization_schedule", verbosity=0)
    assert {one.kind for one in JobSchedule.objects.filter(is_on=True)} == {"train", "retention", "measure", "messages"}
    call_command("personalization_schedule", "train", "--daily", "02:05", "--no-on")
    said = capsys.readouterr().out
    assert "train daily at 02:05, off\n" in said and "measure every 60 min\n" in said
    assert "* * * * *  cd " in said and "personalization_sweep --verbosity 0\n" in said
    assert "ExecStart=" in said and '"task": "personalization.sweep"' in said
