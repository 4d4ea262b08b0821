"""A storage that does not answer, or answers late: pages do not wait for the snapshot in it."""

import threading
import time

import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import connection

from personalization.decide import active_snapshot
from personalization.decide.active_snapshot import look_in_background
from tests.shops import factories as shop

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="another thread sees no row of a test's SQLite"),
]

answers = threading.Event()


class SlowStorage(FileSystemStorage):
    """Opens nothing before it may."""

    def __init__(self):
        super().__init__(location=settings.PERSONALIZATION["SNAPSHOT_DIR"])

    def open(self, name, mode="rb"):
        answers.wait(60)
        return super().open(name, mode)


@pytest.fixture
def slow_storage(settings, monkeypatch):
    settings.STORAGES = {**settings.STORAGES, "personalization": {"BACKEND": f"{__name__}.SlowStorage"}}
    monkeypatch.setattr(active_snapshot, "look_in_background", look_in_background)
    monkeypatch.setattr(active_snapshot, "_watcher", active_snapshot._Watcher())
    answers.set()
    yield
    answers.set()
    time.sleep(0.2)  # the thread ends what it began


def test_the_first_pages_have_everybodys_rows_and_later_ones_the_visitors(client, slow_storage):
    assert connection.vendor == "postgresql"
    users, _ = shop.trained_even_and_odd()
    client.force_login(users[1])
    client.get("/catalogue/")  # a first page is slow
    active_snapshot.reset_active_snapshot()
    answers.clear()
    began = time.monotonic()
    home = client.get("/")
    assert home.status_code == 200 and time.monotonic() - began < 1.5
    assert not any(row.personal for row in home.context["slate"].rows)
    answers.set()
    for _ in range(50):
        time.sleep(0.1)
        active_snapshot._process_cache.checked = -1e9  # the time to look again has come
        if any(row.personal for row in client.get("/").context["slate"].rows):
            break
    else:
        pytest.fail("the snapshot was never loaded")


def test_on_a_server_without_threads_a_request_looks_itself(client, slow_storage, monkeypatch, caplog):
    shop.trained_even_and_odd()
    monkeypatch.setattr(active_snapshot, "_watch", lambda watcher: None)  # a thread that never gets its turn
    monkeypatch.setattr(active_snapshot, "START_SECONDS", 0.0)
    client.get("/")
    active_snapshot.reset_active_snapshot()
    assert [row.type for row in client.get("/").context["slate"].rows] != ["latest"]
    assert "enable-threads" in caplog.text


def test_a_process_waits_for_its_first_snapshot_once_and_briefly(client, slow_storage):
    shop.trained_even_and_odd()
    client.get("/catalogue/")
    active_snapshot.reset_active_snapshot()
    answers.clear()
    client.get("/")
    began = time.monotonic()
    active_snapshot._process_cache.checked = -1e9
    active_snapshot.query_limits.start_request()
    assert active_snapshot.get_active_snapshot() is None
    active_snapshot.query_limits.finish_request()
    assert time.monotonic() - began < active_snapshot.FIRST_WAIT
