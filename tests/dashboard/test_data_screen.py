"""Data and jobs: what arrived, what was learned, what is kept, and going back to an earlier snapshot."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse
from django.utils.timezone import now

from personalization import conf, plugins
from personalization.models import AuditEntry, DailyTotal, Event, Snapshot, TrainingLease, Visitor, snapshot_files
from personalization.models.arrivals import Arrivals
from personalization.oscar.dashboard.data_screen import SourceLine
from tests.shops import factories as shop
from tests.walks.known_visitors import store_event

pytestmark = pytest.mark.django_db

PAGE = reverse("personalization:personalization-data")
DAY = 24 * 60


def serve_address(snapshot):
    return reverse("personalization:personalization-snapshot-serve", args=[snapshot.pk])


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode()))


@pytest.fixture
def two_runs(trained):
    """(the earlier snapshot, the one that serves)"""
    call_command("personalization_train", "--force", verbosity=0)
    earlier, serving = Snapshot.objects.order_by("pk")
    return earlier, serving


def test_each_source_says_how_much_of_it_there_is(admin_client):
    shop.create_past_order(None, [shop.create_shop_product("Tea")])
    for days in (0, 1, 1):
        store_event(Visitor.objects.create(), minutes_ago=1 + days * DAY)
    lines = {line.label: line for line in admin_client.get(PAGE).context["sources"]}
    assert (lines["Events"].arrivals.rows, lines["Orders"].arrivals.rows) == (3, 1)
    assert (lines["Searches"].arrivals.rows, lines["Searches"].state) == (0, "nothing yet")
    assert len(lines["Events"].days) == 28 and sum(lines["Events"].days) == 3


@pytest.mark.parametrize(
    ("days", "state"),
    [
        ([40] * 28, "as usual"),
        ([*[40] * 27, 0], "as usual"),  # today has only begun
        ([*[40] * 26, 9, 3], "far fewer than usual yesterday"),
        ([*[4] * 26, 1, 0], "as usual"),  # of few, fewer says nothing
        ([*[40] * 24, 0, 0, 0, 0], "nothing for 3 days"),
        ([*[40] * 26, 0, 0], "nothing for 1 day"),
        ([*[40] * 26, 0, 5], "as usual"),  # it came back today
        ([*[0] * 25, 1, 0, 1], "too few to tell"),
        ([*[None] * 24, 40, 40, 40, 9], "too few to tell"),
    ],
)
def test_a_source_that_dries_up_is_noticed(days, state):
    assert SourceLine("Events", "", Arrivals(1, now()), days).state == state


def test_what_is_kept_says_for_how_long_and_what_is_oldest(admin_client, admin_user):
    store_event(Visitor.objects.create(), minutes_ago=40 * DAY)
    store_event(Visitor.objects.create(), "search", minutes_ago=20 * DAY, query="milk")
    AuditEntry.objects.record(admin_user, "pause")
    AuditEntry.objects.update(at=now() - timedelta(days=300))
    lines = {line.label: line for line in admin_client.get(PAGE).context["retention"]}
    settings, today = conf.get_settings(), now()
    assert lines["Events"].days == settings.EVENT_RETENTION_DAYS
    assert (today - lines["Events"].oldest).days == 40
    assert (today - lines["Searches among them"].oldest).days == 20
    assert lines["Audit"].days == 730 and lines["Audit"].oldest is not None
    assert lines["Daily totals"].oldest is None and not DailyTotal.objects.exists()


def test_runs_stand_newest_first_with_what_they_learned(admin_client, two_runs):
    earlier, serving = two_runs
    page = admin_client.get(PAGE)
    assert [line.snapshot for line in page.context["runs"]] == [serving, earlier]
    assert all(line.size and not line.problem for line in page.context["runs"])
    text = text_of(page)
    assert "144 orders" in text and "40 products" in text and text.count(" serves ") == 1


def test_each_recommender_of_ours_is_named_in_words(admin_client, trained):
    names = {*plugins.registered_recommenders()}
    shown = text_of(admin_client.get(PAGE))
    assert "Clicked on more than others" in shown
    assert [name for name in names if "_" in name and name in shown] == []
    assert "What its own documentation says." not in shown


def test_a_running_training_is_said_with_its_host(admin_client, trained):
    assert "under way" not in text_of(admin_client.get(PAGE))
    TrainingLease.objects.take("theirs", "worker7", 17)
    assert re.search(r"A training run is under way since \d\d:\d\d on worker7", text_of(admin_client.get(PAGE)))
    TrainingLease.objects.release("theirs")
    assert "under way" not in text_of(admin_client.get(PAGE))


def test_looking_changes_nothing_and_asking_comes_first(admin_client, two_runs):
    earlier, serving = two_runs
    asked = admin_client.get(serve_address(earlier))
    assert "again?" in text_of(asked) and Snapshot.objects.active().get() == serving
    assert not AuditEntry.objects.exists()


def test_the_snapshot_that_serves_is_not_served_again(admin_client, two_runs):
    _earlier, serving = two_runs
    assert serve_address(serving) not in admin_client.get(PAGE).content.decode()
    page = admin_client.post(serve_address(serving), follow=True)
    assert "This snapshot serves already." in text_of(page) and not AuditEntry.objects.exists()


def test_files_that_were_changed_are_refused_and_the_audit_says_so(admin_client, two_runs):
    earlier, serving = two_runs
    Snapshot.objects.filter(pk=earlier.pk).update(manifest_sha256="0" * 64)
    page = admin_client.post(serve_address(earlier), follow=True)
    assert "not those that were published" in text_of(page)
    assert Snapshot.objects.active().get() == serving and AuditEntry.objects.get().action == "refuse"
    assert serve_address(earlier) not in admin_client.get(PAGE).content.decode()


def test_a_snapshot_that_a_training_run_has_just_removed_is_not_served(admin_client, two_runs):
    earlier, serving = two_runs
    address = serve_address(earlier)
    snapshot_files.remove_snapshot(earlier.name)
    earlier.delete()
    assert admin_client.post(address).status_code == 404
    assert Snapshot.objects.active().get() == serving


def test_who_may_not_start_jobs_sees_no_button(client, two_runs):
    earlier, _serving = two_runs
    client.force_login(User.objects.create_user("mia", "mia@shop.example", "x", is_staff=True))
    assert serve_address(earlier) not in client.get(PAGE).content.decode()
    assert client.post(serve_address(earlier)).status_code == 403


def test_a_large_table_is_counted_up_to_a_bound(admin_client, monkeypatch):
    monkeypatch.setattr("personalization.models.arrivals.MAX_COUNTED_ROWS", 5)
    visitor = Visitor.objects.create()
    for number in range(9):
        store_event(visitor, minutes_ago=number)
    assert Event.objects.count() == 9
    assert "5 or more" in text_of(admin_client.get(PAGE))
