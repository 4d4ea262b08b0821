"""What Prometheus reads: only with the token, of all processes, and nothing without the package."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils.timezone import now

from personalization import metrics, rate_limits
from personalization.models import Job, JobRun
from personalization.models.job_runs import job_run

pytestmark = pytest.mark.django_db
PAGE = reverse("personalization:metrics")
TOKEN = "a long random text of the tests"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def token(settings, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "METRICS_TOKEN", TOKEN)
    return {"Authorization": f"Bearer {TOKEN}"}


def read_metrics(client, token):
    """{line without its number: number}"""
    answer = client.get(PAGE, headers=token)
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_nobody_reads_them_without_the_token(client, admin_client, settings, monkeypatch):
    assert admin_client.get(PAGE, headers={"Authorization": "Bearer "}).status_code == 404
    monkeypatch.setitem(settings.PERSONALIZATION, "METRICS_TOKEN", TOKEN)
    for given in ("", "Bearer ", "Bearer another", TOKEN, "Bearer ä"):
        assert client.get(PAGE, headers={"Authorization": given}).status_code == 404
    assert admin_client.get(PAGE).status_code == 404


def test_a_page_counts_its_decisions_by_how_they_were_made(client, trained, token):
    name = 'personalization_decisions_total{rung="%s",surface="home"}'
    before = read_metrics(client, token)
    client.get("/")
    client.force_login(trained[0][0])
    client.get("/")
    after = read_metrics(client, token)
    counted = {rung: after.get(name % rung, 0) - before.get(name % rung, 0) for rung in ("general", "personal")}
    assert counted == {"general": 1, "personal": 1}
    seconds = 'personalization_decision_seconds_count{surface="home"}'
    assert after[seconds] - before.get(seconds, 0) == 2
    assert 0 <= after["personalization_snapshot_age_seconds"] < 10 * 86_400


def test_a_shop_that_learned_nothing_is_on_the_last_rungs(client, token):
    client.get("/")
    found = [name for name in read_metrics(client, token) if 'surface="home"' in name and "decisions_total" in name]
    assert any('rung="empty"' in name or 'rung="fallback"' in name for name in found)


def test_events_breakers_jobs_and_failures_are_counted(client, token):
    rate_limits.drop_log.record(["daily_limit"] * 3)
    with job_run(Job.MEASURE):
        pass
    with pytest.raises(ValueError, match="secret"), job_run(Job.RETENTION):
        raise ValueError("secret")
    JobRun.objects.filter(job="measure").update(succeeded_at=now() - timedelta(hours=1))
    found = read_metrics(client, token)
    assert found['personalization_events_total{outcome="daily_limit"}'] >= 3
    assert found['personalization_job_failed{job="retention"}'] == 1
    assert found['personalization_job_failed{job="measure"}'] == 0
    last = found['personalization_job_last_success_timestamp_seconds{job="measure"}']
    assert 3_500 < now().timestamp() - last < 3_700
    assert found["personalization_breakers_open"] == 0 and found["personalization_outbox_late_seconds"] == 0
    assert found['personalization_job_seconds_count{job="retention",outcome="failed"}'] >= 1


def test_no_label_holds_a_person(client, trained, token):
    client.force_login(trained[0][0])
    client.get("/search/?q=whisky")
    text = client.get(PAGE, headers=token).content.decode()
    ours = [line for line in text.splitlines() if line.startswith("personalization_")]
    labels = {label for line in ours for label in re.findall(r'(\w+)="', line)}
    assert labels <= {"surface", "rung", "outcome", "job", "le", "pid"} and "whisky" not in text


PROCESS = """
import sys
from personalization import metrics
metrics.count_decision("home", "general", 0.01)
metrics.count_decision("home", "general", 0.01)
"""


def test_the_processes_of_gunicorn_are_added_up(tmp_path):
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", PROCESS], env=environment, check=True, cwd=ROOT)
    code = (
        "import django; django.setup()\n"
        "from personalization.operations.state_metrics import metrics_text; print(metrics_text()[0].decode())"
    )
    environment["DJANGO_SETTINGS_MODULE"] = "tests.settings_without_migrations"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert 'personalization_decisions_total{rung="general",surface="home"} 4.0' in done.stdout


def test_nothing_is_counted_without_the_package(client, token, monkeypatch):
    monkeypatch.setattr(metrics, "prometheus", None)
    monkeypatch.setattr("personalization.pages.metrics.prometheus", None)
    metrics.count_decision("home", "general", 0.1)
    metrics.count_accepted(3)
    metrics.count_turned_away(["suspect"])
    metrics.observe_job("train", 1.0, failed=False)
    assert client.get(PAGE, headers=token).status_code == 404
