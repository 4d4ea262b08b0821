"""What all tests share."""

import gc
import os
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management.commands import flush
from django.db import connection
from django.utils import translation
from haystack import connections

from personalization import cache_access, rate_limits
from personalization.decide import active_rules, active_snapshot
from personalization.models import fail_open, query_limits
from personalization.privacy import client_address
from tests.shops import factories
from tests.shops.saved_shops import delete_rows

HERE = Path(__file__).parent
SAVED_SHOPS = ("trained", "trained_and_indexed")
"""Fixtures that copy a saved shop where there are no rows yet."""

gc.disable()  # all that is collected stays until the end: to look for what can go among it takes a third of the time


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


def pytest_addoption(parser):
    parser.addoption("--operations", action="store_true", help="also run what operates a shop for minutes")
    parser.addoption(
        "--spark", action="store_true", help="with the tests that start a Spark: pytest tests/spark --spark"
    )


def pytest_ignore_collect(collection_path, config):
    """Spark is a lane of its own: it needs Java and pyspark, and takes minutes."""
    return True if collection_path == HERE / "spark" and not config.getoption("--spark") else None


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--operations"):
        items[:] = _without_long(config, items)


def _without_long(config, items):
    """Those that operate no shop for minutes."""
    long = [item for item in items if {"operated_shop", "layout"} & set(item.fixturenames)]
    config.hook.pytest_deselected(items=long)
    return [item for item in items if item not in set(long)]


def look_at_once():
    """Looks for what serves, but not while queries are counted: when it is time to look again is the clock's affair."""
    if not (connection.force_debug_cursor and active_snapshot._process_cache.loaded):
        active_snapshot.look_for_newer()


@pytest.fixture(autouse=True)
def fresh_process(tmp_path, monkeypatch):
    """Nothing is left of the snapshot, the cache or the files that an earlier test made."""
    monkeypatch.setitem(settings.PERSONALIZATION, "SNAPSHOT_DIR", str(tmp_path / "snapshots"))
    monkeypatch.setitem(settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS", 1)
    active_snapshot.reset_active_snapshot()
    active_rules.reset_active_rules()
    cache.clear()
    rate_limits.reset_counters()
    client_address.reset_warnings()
    fail_open.reset_fault_log()
    query_limits.reset_query_limits()
    cache_access.reset_cache_access()
    # A test's rows are in a transaction of its own thread's connection, which no other thread sees.
    monkeypatch.setattr(active_snapshot, "look_in_background", look_at_once)
    # The machine that tests may be slow; tests of what is late have the limits of a shop.
    monkeypatch.setattr(cache_access, "WAIT_SECONDS", 5.0)
    monkeypatch.setitem(settings.PERSONALIZATION, "MAX_EVENT_TIME_SHARE", 100)
    monkeypatch.setitem(settings.PERSONALIZATION, "ROW_QUERY_MILLISECONDS", 10_000)
    monkeypatch.setitem(settings.PERSONALIZATION, "PAGE_QUERY_MILLISECONDS", 30_000)
    yield
    active_snapshot.reset_active_snapshot()
    translation.deactivate()  # what a German page left to this thread


@pytest.fixture(autouse=True)
def shop_before_other_rows(request, fresh_process):
    """A test gets its shop first, and then who signs in: a shop is copied into empty tables only, else it is built."""
    for name in SAVED_SHOPS:
        if name in request.fixturenames:
            request.getfixturevalue(name)


@pytest.fixture(scope="session", autouse=True)
def flush_what_is_filled():
    """After a test that commits, only tables with rows are emptied: Django truncates all, and fills some again.

    That takes seconds on PostgreSQL.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", lambda *arguments, **options: delete_rows())
        patch.setattr(flush, "emit_post_migrate_signal", lambda *arguments, **options: None)
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """No commit waits for the disk, from whichever process: the tests kill processes, not the machine."""
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock():
            with connection.cursor() as cursor:
                cursor.execute(f'ALTER DATABASE "{connection.settings_dict["NAME"]}" SET synchronous_commit = off')
            connection.close()  # the next one is told


@pytest.fixture(scope="session", autouse=True)
def no_power_cut():
    """Files need not reach the disk, either."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # which refuses what is no open file, too
        yield


@pytest.fixture(scope="session")
def journey():
    """A slice of the demo's data, read once."""
    from tests.shops.journey_slice import read_slice  # pandas

    return read_slice()


@pytest.fixture
def own_files(tmp_path, settings):
    """The demo's files lie in a folder of the test's own."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    engine = connections.connections_info["default"]
    usual = engine["PATH"]
    engine["PATH"] = str(tmp_path / "search")
    connections.reload("default")
    yield tmp_path
    engine["PATH"] = usual
    connections.reload("default")


@pytest.fixture
def trained(db):
    """(customers, products) of the even-and-odd shop after a training run. Ask for it before you create rows."""
    return factories.trained_even_and_odd()


@pytest.fixture
def trained_and_indexed(db, own_files):
    """The trained even-and-odd shop, its products in a search index of the test's own."""
    return factories.indexed_even_and_odd()
