"""Data and jobs: what is done in the background, how far it is, when it is due, and the buttons that order it."""

import re
from datetime import UTC, datetime, time, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from personalization.jobs.perform import perform_run
from personalization.jobs.recording import recorded_run
from personalization.jobs.sweep import sweep_runs
from personalization.models import AuditEntry, JobSchedule, Run, RunKind, RunOrigin
from personalization.privacy.retention import no_progress

pytestmark = pytest.mark.django_db

PAGE = reverse("personalization:personalization-data")
PART = reverse("personalization:personalization-runs")
START = reverse("personalization:personalization-run-start")
OVERVIEW = reverse("personalization:personalization-overview")


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode()))


def schedule_of(kind):
    return JobSchedule.objects.get(kind=kind)


def edit_address(kind):
    return reverse("personalization:personalization-schedule-edit", args=[schedule_of(kind).pk])


@pytest.fixture
def schedules():
    JobSchedule.objects.add_usual()


def test_a_shop_without_schedules_is_told_so_and_gets_them_by_a_button(admin_client):
    assert "No schedule yet" in text_of(admin_client.get(PAGE))
    admin_client.post(reverse("personalization:personalization-schedules-add"))
    text = text_of(admin_client.get(PAGE))
    assert "Training daily at 03:10" in text and "Messages every 10 minutes" in text
    assert "Credit for purchases every hour" in text and "Expected value of customers off" in text
    assert AuditEntry.objects.get().kind == "schedule"


def test_schedules_that_nobody_looks_at_are_told_until_somebody_does(admin_client, schedules):
    words = "Nothing looks at the schedules yet"
    assert words in text_of(admin_client.get(PAGE)) and words in text_of(admin_client.get(PART))
    sweep_runs()
    text = text_of(admin_client.get(PAGE))
    assert "ooks at the schedules yet" not in text and "Nothing has looked at" not in text
    JobSchedule.objects.update(looked_at=now() - timedelta(minutes=6))
    assert "Nothing has looked at the schedules since" in text_of(admin_client.get(PAGE))


def test_the_button_writes_an_order_that_the_next_sweep_takes_up(admin_client, schedules):
    page = admin_client.post(START, {"kind": "measure"}, follow=True)
    assert "Credit for purchases is ordered." in text_of(page)
    row = Run.objects.get()
    assert (row.origin, row.state) == ("button", "waiting") and AuditEntry.objects.get().note == "measure"
    assert "Credit for purchases waits" in text_of(page)
    again = admin_client.post(START, {"kind": "measure"}, follow=True)
    assert "waits to be started already" in text_of(again) and Run.objects.count() == 1
    for pk in sweep_runs():
        perform_run(pk)
    text = text_of(admin_client.get(PAGE))
    assert "Credit for purchases done" in text
    assert "Order lines credited: 0; corrected: 0. Days counted: 0." in text and "by the button" in text


def test_what_cannot_be_ordered_is_refused(admin_client):
    for kind in ("import", "nothing", ""):
        admin_client.post(START, {"kind": kind})
    assert not Run.objects.exists()


def test_a_run_in_progress_says_how_far_it_is_and_refreshes_itself(admin_client, schedules):
    assert "hx-trigger" not in admin_client.get(PART).content.decode()
    with recorded_run(RunKind.IMPORT) as run:
        for number in run.watch(no_progress)(range(4000), "Lines", 4000):
            if number == 1500:
                Run.objects.update(steps=run._steps)
                page = admin_client.get(PAGE).content.decode()
                part = admin_client.get(PART)
    assert f'hx-get="{PART}" hx-trigger="every 3s"' in page
    assert "Lines of the file: 1,500 of 4,000" in text_of(part)
    assert 'max="4000" value="1500"' in part.content.decode()
    ended = admin_client.get(PART).content.decode()
    assert "hx-trigger" not in ended and "<progress" not in ended


def test_a_step_of_unknown_length_says_how_much_is_done(admin_client, schedules):
    with recorded_run(RunKind.TRAIN) as run:
        for number in run.watch(no_progress)(range(4000), "Reading events", None):
            if number == 1500:
                Run.objects.update(steps=run._steps)
                part = admin_client.get(PART)
    assert "Reading events: 1,500" in text_of(part) and "1,500 of" not in text_of(part)
    assert "max=" not in part.content.decode() and "<progress" in part.content.decode()
    assert "Reading events: 4,000" in text_of(admin_client.get(PART))


def test_a_run_that_broke_off_or_failed_says_so_with_a_button_to_run_it_again(admin_client, monkeypatch, schedules):
    run = Run.objects.order_run("measure", RunOrigin.SCHEDULE)
    Run.objects.begin(run.pk, {"token": "x", "host": "worker7", "process": 5})
    Run.objects.update(heartbeat_at=now() - timedelta(minutes=3))
    page = admin_client.get(PAGE)
    assert "Credit for purchases broke off" in text_of(page) and "Nothing was heard of it any more" in text_of(page)
    assert f'id="again-{run.pk}"' in page.content.decode()

    def fail(*arguments):
        raise OSError("/home/anna/secret")

    monkeypatch.setattr("personalization.measure.credit.credit_recent_orders", fail)
    with pytest.raises(OSError, match="secret"):
        call_command("personalization_measure", verbosity=0)
    page = admin_client.get(PAGE)
    assert "A file could not be read or written. OSError, personalization/measure/outcomes.py:" in text_of(page)
    assert "anna" not in page.content.decode()


def test_one_may_look_at_the_runs_of_one_kind(admin_client):
    for kind in (RunKind.MEASURE, RunKind.EXPORT):
        with recorded_run(kind):
            pass
    kinds = [line.run.kind for line in admin_client.get(PAGE, {"kind": "export"}).context["run_lines"]]
    assert kinds == ["export"]
    assert len(admin_client.get(PAGE, {"kind": "<script>"}).context["run_lines"]) == 2


def test_a_schedule_is_changed_in_the_shops_zone_and_the_audit_says_so(admin_client, schedules, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    page = text_of(admin_client.get(edit_address("train")))
    assert "Training: when is it done?" in page and "By the shop's clock, in Europe/Berlin." in page.replace(
        "&#x27;", "'"
    )
    form = {"is_on": "on", "rhythm": "daily", "daily_at": "02:05", "every_minutes": ""}
    page = admin_client.post(edit_address("train"), form, follow=True)
    assert "Training: daily at 02:05." in text_of(page)
    train = schedule_of("train")
    assert (train.daily_at, train.every_minutes, train.is_on) == (time(2, 5), None, True)
    assert train.next_due(datetime(2026, 7, 1, 12, 0, tzinfo=UTC)) == datetime(2026, 7, 2, 0, 5, tzinfo=UTC)
    assert AuditEntry.objects.get().note == "train daily at 02:05"
    admin_client.post(edit_address("train"), {"rhythm": "every", "every_minutes": "45"})
    train.refresh_from_db()
    assert (train.daily_at, train.every_minutes, train.is_on) == (None, 45, False)


@pytest.mark.parametrize(
    "form",
    [
        {"rhythm": "daily"},
        {"rhythm": "daily", "daily_at": "25:00"},
        {"rhythm": "every", "every_minutes": "0"},
        {"rhythm": "every", "every_minutes": "9999999999999999999999"},
        {"rhythm": "now", "daily_at": "03:00"},
        {},
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_the_reason_at_its_field(admin_client, schedules, form):
    page = admin_client.post(edit_address("train"), form)
    assert page.status_code == 200 and b"personalization-error" in page.content
    assert schedule_of("train").daily_at == time(3, 10)


def test_who_may_not_start_jobs_sees_no_button(client, schedules):
    mia = User.objects.create_user("mia", "mia@shop.example", "x", is_staff=True)
    client.force_login(mia)
    page = client.get(PAGE).content.decode()
    assert "Run now" not in page and edit_address("train") not in page and "Training" in page
    assert client.post(START, {"kind": "measure"}).status_code == 403
    mia.user_permissions.add(Permission.objects.get(codename="run_jobs"))
    assert "Run now" in client.get(PAGE).content.decode()


def test_the_overview_says_that_the_last_training_failed_until_one_succeeds(admin_client, trained):
    run = Run.objects.filter(kind=RunKind.TRAIN).order_by("-pk").first()
    for page in (OVERVIEW, PAGE):
        assert "did not end well" not in text_of(admin_client.get(page))
    failed = Run.objects.order_run("train", RunOrigin.SCHEDULE)
    Run.objects.filter(pk=failed.pk).update(
        state="failed", began_at=Now(), ended_at=Now(), sentence="There is not enough room for the files."
    )
    for page in (OVERVIEW, PAGE):
        text = text_of(admin_client.get(page))
        assert re.search(r"The last training run, of [^ ]+, did not end well: There is not enough room", text)
        assert "Something is wrong" in text
    Run.objects.order_run("train", RunOrigin.SCHEDULE)
    Run.objects.filter(kind="train").exclude(pk=run and run.pk).update(state="done", sentence="")
    assert "did not end well" not in text_of(admin_client.get(OVERVIEW))


def test_more_runs_cost_no_more_queries(admin_client, schedules):
    from django.db import connection

    counts = []
    for _ in range(2):
        for kind in RunKind.values:
            Run.objects.create(kind=kind, origin="schedule", state="done", queued_at=now(), due_at=now())
        with CaptureQueriesContext(
            connection,
        ) as queries:
            admin_client.get(PART)
        counts.append(len(queries))
    assert counts[0] == counts[1]
