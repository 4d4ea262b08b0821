"""What all tests share."""

import pytest
from django.conf import settings
from django.core.cache import cache

from personalization.decide import snapshot


@pytest.fixture(autouse=True)
def fresh_process(tmp_path, monkeypatch):
    """Nothing is left of the snapshot, the cache or the files that an earlier test made."""
    monkeypatch.setitem(settings.PERSONALIZATION, "snapshot_dir", str(tmp_path / "snapshots"))
    monkeypatch.setitem(settings.PERSONALIZATION, "snapshot_check_seconds", 1)
    snapshot.forget()
    cache.clear()
    yield
    snapshot.forget()
