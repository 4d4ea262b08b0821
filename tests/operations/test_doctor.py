"""What `manage.py personalization_doctor` and the dashboard say of a running shop, with each fault made for real."""

import json
import os
import re
import shutil
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import translation
from django.utils.timezone import now

from personalization import cache_access, rate_limits
from personalization.jobs.recording import OTHER_TRAINING, WorkLeftOut, recorded_run
from personalization.models import Delivery, Run, RunKind, RunState, Snapshot, query_limits
from personalization.models.job_history import Job
from personalization.operations import database_findings, job_findings, snapshot_findings
from personalization.operations.doctor import examine_installation
from tests.lifecycle.alerts import publish_message, switch_on
from tests.lifecycle.mail_server import running_server
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

OVERVIEW = reverse("personalization:personalization-overview")
DATA = reverse("personalization:personalization-data")
on_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a fault of PostgreSQL")


@pytest.fixture
def healthy(trained_and_indexed, settings, monkeypatch, tmp_path):
    """A shop in which all is well: trained, indexed, with a shared cache, and every job ran just now."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": tmp_path / "cache"}
    }
    settings.SECRET_KEY = "r7gP-kfM2vXw_0Qs1nLz9bTyUaEiHoCd4JxVqG6mWeRt5YuBpS"
    monkeypatch.setitem(settings.PERSONALIZATION, "NUM_PROXIES", 0)
    call_command("personalization_measure", verbosity=0)
    call_command("personalization_apply_retention", verbosity=0)
    with recorded_run(RunKind.TRAIN):
        pass
    return trained_and_indexed


def doctor(*arguments):
    """(what it prints, its exit status)"""
    output = StringIO()
    try:
        call_command("personalization_doctor", *arguments, stdout=output)
    except CommandError as error:
        return output.getvalue(), error.returncode
    return output.getvalue(), 0


def found_codes():
    return [finding.code for finding in examine_installation(now())]


def only_finding(code):
    """The only finding, as the command prints it, with its status."""
    text, status = doctor()
    assert re.findall(r"\[([\w.-]+)\]$", text, re.MULTILINE) == [code]
    return text, status


def change_run(job, *, ended_at=None, first_at=None, seconds=None, **values):
    """Has all runs of a job ended then, the oldest been ordered then, each taken so long, or these values."""
    Run.objects.filter(kind=job.value).update(**values)
    for run in Run.objects.filter(kind=job.value, state=RunState.DONE):
        run.ended_at = ended_at or run.ended_at
        run.began_at = run.ended_at - timedelta(seconds=seconds or 1)
        run.queued_at = first_at or run.queued_at
        run.save()


def test_a_healthy_shop_has_no_findings(healthy):
    assert doctor() == ("Nothing is wrong.\n", 0)


def test_a_healthy_shop_has_none_on_its_screens(healthy, admin_client):
    for address in (OVERVIEW, DATA):
        page = admin_client.get(address).content.decode()
        assert "data-findings" not in page and "All is well" in page


def test_a_shop_that_has_learned_nothing_is_told_what_to_run(healthy):
    Snapshot.objects.all().delete()
    text, status = only_finding("snapshot-none")
    assert "-> python manage.py personalization_train" in text and status == 1


def test_an_old_snapshot_is_late_and_after_a_week_wrong(healthy, monkeypatch):
    for days, status in ((3, 1), (8, 2)):
        text, found = doctor() if days == 0 else _doctor_after(days, monkeypatch)
        assert f"What serves was learned {days} days ago." in text and found == status


def _doctor_after(days, monkeypatch):
    later = now() + timedelta(days=days, minutes=1)
    monkeypatch.setattr("personalization.management.commands.personalization_doctor.now", lambda: later)
    for job in Job:
        change_run(job, ended_at=later)
    monkeypatch.setattr(database_findings, "CLOCK_DIFFERENCE", timedelta(days=99))
    return doctor()


def test_a_snapshot_without_files_is_found(healthy):
    shutil.rmtree(snapshot_findings.snapshot_files.local_root())
    text, status = only_finding("snapshot-unreadable")
    assert "Share the folder with the host that trains" in text and status == 2


def test_a_snapshot_with_a_changed_byte_is_found(healthy):
    file = max(snapshot_findings.snapshot_files.local_root().rglob("*.npy"))
    file.chmod(0o644)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    text, status = only_finding("snapshot-unreadable")
    assert "Train again" in text and status == 2


def test_a_folder_that_cannot_be_written_is_found(healthy, monkeypatch):
    folder = snapshot_findings.snapshot_files.local_root()
    if os.geteuid() == 0:  # whom no mode keeps out
        ask = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: path != folder and ask(path, mode))
    folder.chmod(0o555)
    try:
        text, status = only_finding("snapshot-folder")
    finally:
        folder.chmod(0o755)
    assert str(folder) in text and status == 1


def test_a_disk_that_is_nearly_full_is_found(healthy, monkeypatch):
    monkeypatch.setattr(snapshot_findings, "LEAST_FREE", 1.01)
    monkeypatch.setattr(snapshot_findings, "LEAST_FREE_BYTES", 2**62)
    text, status = only_finding("disk-full")
    assert "MB are free" in text and status == 2


def test_a_run_that_failed_is_named_without_its_text(healthy):
    with pytest.raises(ValueError, match="secret"), recorded_run(RunKind.RETENTION):
        raise ValueError("secret of anna@shop.example")
    text, status = only_finding("retention-failed")
    assert "The last run of personalization_apply_retention failed on" in text and "ValueError" in text
    assert "anna" not in text and status == 1


def test_a_training_run_that_failed_is_wrong(healthy):
    with pytest.raises(OSError, match="no room"), recorded_run(RunKind.TRAIN):
        raise OSError("no room")
    assert only_finding("train-failed")[1] == 2


def test_another_run_in_progress_is_no_failure(healthy):
    with pytest.raises(WorkLeftOut), recorded_run(RunKind.TRAIN):
        raise WorkLeftOut(OTHER_TRAINING)
    assert found_codes() == []


@pytest.mark.parametrize(
    ("job", "hours", "code"),
    [(Job.TRAIN, 49, "train-late"), (Job.RETENTION, 49, "retention-late"), (Job.MEASURE, 7, "measure-late")],
)
def test_a_job_that_stopped_is_found_with_the_line_for_the_crontab(healthy, job, hours, code):
    change_run(job, ended_at=now() - timedelta(hours=hours))
    text, status = only_finding(code)
    assert f"python manage.py {job.label} --verbosity 0" in text and status == 1


def test_the_hourly_run_may_be_given_up(healthy):
    change_run(Job.MEASURE, ended_at=now() - timedelta(days=20))
    assert found_codes() == []


def test_a_job_that_never_ran_is_found_after_two_days(healthy):
    Run.objects.filter(kind=RunKind.RETENTION).delete()
    assert found_codes() == []
    change_run(Job.TRAIN, first_at=now() - timedelta(days=3))
    assert "40 4 * * *" in only_finding("retention-never-ran")[0]


def test_a_slow_retention_is_found(healthy):
    change_run(Job.RETENTION, seconds=3 * 3600)
    text, _status = only_finding("retention-slow")
    assert "took 180 minutes" in text and "EVENT_RETENTION_DAYS" in text


def test_a_training_run_that_takes_long_or_was_killed_is_found(healthy):
    for silent_for, code, words in ((0, "train-slow", "runs since"), (9, "train-failed", "ended in the midst of it")):
        heard = now() - timedelta(hours=silent_for)
        running = {"state": RunState.RUNNING, "began_at": now() - timedelta(hours=9), "ended_at": None}
        Run.objects.filter(kind=RunKind.TRAIN).update(host="another", heartbeat_at=heard, **running)
        assert words in only_finding(code)[0]


def test_a_host_that_trains_without_the_packages_is_told_which_line_to_paste(healthy, monkeypatch):
    missing = {"train": ["scipy", "sklearn"], "celery": []}
    monkeypatch.setattr(job_findings.extras, "missing_packages", missing.get)
    text, status = only_finding("extra-train")
    assert 'pip install "django-oscar-personalization[train]"' in text and status == 2
    change_run(Job.TRAIN, host="another")
    assert found_codes() == []


def test_a_schedule_without_celery_is_found(healthy, settings, monkeypatch):
    settings.CELERY_BEAT_SCHEDULE = {"train": {"task": "personalization.train"}}
    monkeypatch.setattr(job_findings.extras, "missing_packages", {"train": [], "celery": ["celery"]}.get)
    assert only_finding("extra-celery")[1] == 2


def test_missing_migrations_are_found(healthy, settings):
    settings.MIGRATION_MODULES = {}
    text, status = doctor()
    assert "[migrations-missing]" in text and "0001_initial" in text and status == 2


def test_a_missing_index_is_found(healthy):
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX personalization_event_type_at")
    assert "personalization_event_type_at" in only_finding("indexes-missing")[0]


def test_missing_tables_hide_nothing_else(healthy):
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE personalization_run")
    Snapshot.objects.all().delete()
    assert "snapshot-none" in found_codes()


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_clock_that_differs_is_found(healthy, seconds):
    found = [one.code for one in database_findings.database_findings(now() + timedelta(seconds=seconds))]
    assert found == ["clock-differs"]


@on_postgresql
def test_a_short_limit_of_statements_is_found(healthy):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '5s'")
    assert "after 5000 ms" in only_finding("statement-timeout")[0]


@on_postgresql
def test_a_table_of_a_size_that_nobody_measured_is_found(healthy, monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE personalization_genome")
    monkeypatch.setattr(database_findings, "LARGE_TABLE", 10)
    text, _status = doctor()
    assert "personalization_genome has about" in text  # of others PostgreSQL may know an older number
    assert set(re.findall(r"\[([\w.-]+)\]$", text, re.MULTILINE)) == {"table-large"}


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a fault of SQLite")
def test_sqlite_without_a_log_is_found(healthy, monkeypatch, tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "plain.sqlite3") as plain:
        mode = plain.execute("PRAGMA journal_mode").fetchone()[0]
    assert mode not in ("wal", "memory")
    monkeypatch.setattr(database_findings, "_journal_mode", lambda: mode)
    assert "PRAGMA journal_mode=WAL" in only_finding("sqlite-journal")[0]


def test_a_cache_that_does_not_answer_is_found(healthy, settings):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"}
    }
    cache_access.reset_cache_access()
    text, status = doctor()
    assert "[cache-silent]" in text and "redis-cli ping" in text and status == 2
    assert "[breakers-open]" in text


def test_what_this_process_does_not_ask_is_named(healthy, admin_client):
    query_limits.breakers.note_failure(["personalization_event reading"], time.monotonic())
    text, status = only_finding("breakers-open")
    assert "personalization_event reading" in text and status == 1
    assert "asks some things less often" in admin_client.get(DATA).content.decode()


def test_events_that_were_turned_away_are_counted_for_all_processes(healthy):
    rate_limits.drop_log.record(["rate_limited"] * 1_500 + ["suspect"] * 500)
    assert "1500 events were turned away today;" in only_finding("events-dropped")[0]


@pytest.fixture
def messages_live(healthy, settings):
    switch_on(settings, NUM_PROXIES=0, MESSAGE_ADDRESS_KEY="a key of the tests, as long as it should be")
    publish_message()
    with running_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        with recorded_run(RunKind.MESSAGES):
            pass
        yield server


def due_message(hours):
    Delivery.objects.create(kind="back_in_stock", dedupe="tea", due_at=now() - timedelta(hours=hours), created_at=now())


def test_messages_that_wait_are_found(messages_live, admin_client):
    due_message(0.5)
    assert found_codes() == []
    due = Delivery.objects.get()
    due.due_at = now() - timedelta(hours=5)
    due.save()
    assert "A message is due for 5 h." in only_finding("outbox-late")[0]
    assert "A message is due for 5 h." in admin_client.get(OVERVIEW).content.decode()


def test_a_job_of_messages_that_stopped_is_found(messages_live):
    change_run(Job.MESSAGES, ended_at=now() - timedelta(hours=3))
    assert "*/10 * * * *" in only_finding("messages-late")[0]


def test_a_mail_server_that_is_gone_is_found(messages_live, settings):
    settings.EMAIL_PORT = 1
    text, status = only_finding("mail-refused")
    assert "ConnectionRefusedError" in text and "sendtestemail" in text and status == 2


def test_an_empty_index_and_an_old_one_are_found(healthy):
    for number in range(3):
        shop.create_shop_product(f"New {number}")
    assert "update_index --remove" in only_finding("search-outdated")[0]
    call_command("clear_index", interactive=False, verbosity=0)
    assert "rebuild_index" in only_finding("search-empty")[0]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"SECRET_KEY": "django-insecure-" + "k" * 50}, "keys-weak"),
        ({"SECRET_KEY_FALLBACKS": ["short"]}, "keys-weak"),
    ],
)
def test_keys_that_can_be_guessed_are_found(healthy, settings, changed, code):
    for name, value in changed.items():
        setattr(settings, name, value)
    assert only_finding(code)[1] == 2


def test_a_fallback_that_is_the_key_itself_is_found(healthy, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    assert only_finding("keys-fallback")[1] == 1


def test_a_key_that_serves_twice_is_found(healthy, settings, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "CARD_NUMBER_KEY", settings.SECRET_KEY)
    assert "CARD_NUMBER_KEY is the same as SECRET_KEY" in only_finding("keys-shared")[0]


def test_staff_who_may_do_nothing_are_noted(healthy):
    User.objects.create_user("mia", is_staff=True)
    text, status = only_finding("permissions-none")
    assert "personalization_groups" in text and status == 0
    call_command("personalization_groups", verbosity=0)
    from django.contrib.auth.models import Group

    User.objects.get(username="mia").groups.add(Group.objects.get(name="Merchandisers"))
    assert found_codes() == []


def test_what_check_says_is_among_the_findings(healthy, settings, monkeypatch):
    monkeypatch.delitem(settings.PERSONALIZATION, "NUM_PROXIES")
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    text, status = doctor()
    assert {"personalization.W006", "personalization.W009"} <= set(re.findall(r"\[(personalization\.W\d+)\]", text))
    assert status >= 1


def test_monitoring_reads_the_findings_as_json(healthy):
    Snapshot.objects.all().delete()
    text, _status = doctor("--json")
    (one,) = json.loads(text)
    assert (one["code"], one["severity"]) == ("snapshot-none", 1) and one["reason"] and one["remedy"]


def test_the_web_processes_are_asked_by_their_address(healthy, live_server):
    assert doctor("--url", live_server.url)[1] == 0
    assert "[web-silent]" in doctor("--url", "http://127.0.0.1:1")[0]


def test_web_processes_without_a_snapshot_are_found(healthy, live_server):
    from personalization.decide import active_snapshot

    Snapshot.objects.all().delete()
    active_snapshot.reset_active_snapshot()
    text, status = doctor("--url", live_server.url)
    assert "[web-not-ready]" in text and status == 2


def test_the_screens_say_what_the_command_says(healthy, admin_client):
    change_run(Job.RETENTION, ended_at=now() - timedelta(days=5))
    fault = examine_installation(now())[0].fault
    for address in (OVERVIEW, DATA):
        page = admin_client.get(address).content.decode()
        assert fault in page and "All is well" not in page and "Something needs attention" in page
    step = admin_client.get(OVERVIEW).context["step"]
    assert step.sentence.startswith(fault) and step.link == DATA


def test_a_run_that_failed_makes_the_overview_say_that_something_is_wrong(healthy, admin_client):
    change_run(Job.TRAIN, state=RunState.FAILED, fault="OSError")
    page = admin_client.get(OVERVIEW)
    assert page.context["health"].label == "Something is wrong" and "Nothing to do." not in page.content.decode()


def test_findings_are_made_in_the_language_of_the_reader(healthy):
    Snapshot.objects.all().delete()
    with translation.override("de"):
        (finding,) = examine_installation(now())
    assert finding.fault and finding.code == "snapshot-none"
