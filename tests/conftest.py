"""What all tests share."""

import pytest
from django.conf import settings
from django.core.cache import cache
from haystack import connections

from personalization.collect import rate_limits
from personalization.decide import active_snapshot
from tests.journey import a_slice


@pytest.fixture(autouse=True)
def fresh_process(tmp_path, monkeypatch):
    """Nothing is left of the snapshot, the cache or the files that an earlier test made."""
    monkeypatch.setitem(settings.PERSONALIZATION, "snapshot_dir", str(tmp_path / "snapshots"))
    monkeypatch.setitem(settings.PERSONALIZATION, "snapshot_check_seconds", 1)
    active_snapshot.forget()
    cache.clear()
    rate_limits.forget()
    yield
    active_snapshot.forget()


@pytest.fixture(scope="session")
def journey():
    """A slice of the demo's data, read once."""
    return a_slice()


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
