"""What is stored stays readable: one frozen example of each format, and a clean refusal of newer ones.

Definitions have theirs in tests/merchandising/campaign_documents.py, impression tokens in
tests/collect/test_impression_tokens.py, the log of erasures in tests/operations/test_erasure_log.py.
"""

import hashlib
import json
import logging
import shutil
import uuid
from pathlib import Path

import numpy as np
import pytest

from personalization.collect.exposure_tokens import ShownArms, verify_exposures
from personalization.decide import active_snapshot
from personalization.models import Snapshot, snapshot_files
from personalization.rank.training_quality import compare_tasks, readable_metrics
from personalization.train.evaluate import Evaluation
from personalization.train.quality_gate import QualityRegression, check_quality
from personalization.train.run import TrainingSummary

FROZEN_METRICS = Path(__file__).parent / "training_metrics" / "1.json"
FROZEN_SNAPSHOTS = Path(__file__).parent / "snapshots"
NAME = "abcdef-20260101-000000-00000002"
CHECKSUM = "361dd43786c10048569cbcd3182a36a81f484eb959a8bc3560d037d183850a7f"
VISITOR = uuid.UUID(int=1)
EXPOSURES = {
    1: "WzEwMDAwMDAsIjdjM2NjZDEwIixbWzcsIm5ldyJdXSwxMjBd:1xX5qp:KubB63kgCCSIPFNwRqqsTHHWPEbKrnHjlMlzksmrQ3w",
    2: "WzIsMTAwMDAwMCwiN2MzY2NkMTAiLFtbNywibmV3Il1dLDEyMF0:1xX5qp:r4n9ZPLjiKRrkYMAeCB4airzygcZ0ciYMdMYHMSSL1M",
    9: "WzksMTAwMDAwMCwiN2MzY2NkMTAiLFtbNywibmV3Il1dLDEyMF0:1xX5qp:B-0Y_GQOXjNNRwbgE9CxC02Ghqmla9JDdxzHMul4B2Q",
}
"""Tokens by their format, as they were signed under the secret key "frozen"."""


@pytest.fixture
def snapshots(settings, tmp_path, monkeypatch):
    shutil.copytree(FROZEN_SNAPSHOTS, tmp_path / "frozen")
    monkeypatch.setitem(settings.PERSONALIZATION, "SNAPSHOT_DIR", str(tmp_path / "frozen"))
    return tmp_path / "frozen"


def write_format(snapshots, number):
    """Gives the frozen snapshot another number; the new checksum."""
    manifest = snapshots / NAME / snapshot_files.MANIFEST
    manifest.chmod(0o644)
    content = json.dumps({**json.loads(manifest.read_text()), "format": number}).encode()
    manifest.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


@pytest.mark.usefixtures("snapshots")
def test_the_frozen_snapshot_of_format_2_is_read():
    arrays = snapshot_files.read_snapshot(NAME, CHECKSUM)
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "product.ids": [3, 5, 8],
        "popular.score": [0.5, 0.25, 0.0],
    }
    assert arrays["product.ids"].dtype == np.int64


@pytest.mark.parametrize(("number", "made_by"), [(9, "a newer"), (1, "an older")])
def test_a_snapshot_of_another_format_is_refused_in_words(snapshots, number, made_by):
    checksum = write_format(snapshots, number)
    with pytest.raises(
        snapshot_files.OtherFormat,
        match=f"format {number} was made by {made_by} version; this one reads 2: train again",
    ):
        snapshot_files.read_snapshot(NAME, checksum)


def test_the_last_good_one_serves_while_a_newer_release_publishes(trained, settings, snapshots, caplog):
    """As in a rolling restart that is taken back."""
    settings.PERSONALIZATION["SNAPSHOT_DIR"] = str(snapshots.parent / "snapshots")
    serving = active_snapshot.get_active_snapshot().name
    settings.PERSONALIZATION["SNAPSHOT_DIR"] = str(snapshots)
    Snapshot.objects.publish(NAME, write_format(snapshots, 9), {})
    with caplog.at_level(logging.ERROR, "personalization"):
        active_snapshot.look_for_newer()
    assert active_snapshot.get_active_snapshot().name == serving
    (record,) = caplog.records
    assert "format 9 was made by a newer version" in record.getMessage()
    assert record.getMessage().endswith(f"the last good one stays active: {serving}")


@pytest.mark.parametrize(("number", "known"), [(1, True), (2, True), (9, False)])
def test_exposures_of_each_format_are_read_and_newer_ones_left(settings, number, known):
    settings.SECRET_KEY = "frozen"
    shown = ShownArms({7: "new"}, 120)
    assert verify_exposures(EXPOSURES[number], VISITOR, 1_000_060.0) == (shown if known else None)


@pytest.mark.parametrize("is_numbered", [True, False])
def test_the_frozen_metrics_of_a_training_are_read_and_guard_the_next(is_numbered):
    stored = json.loads(FROZEN_METRICS.read_text())
    if not is_numbered:  # as releases before the number wrote them
        del stored["format"]
    metrics = readable_metrics(stored)
    assert TrainingSummary(**metrics).format == 1
    assert Evaluation.from_summary(metrics).results["home"]["ranker"].examples == 40
    (home,) = compare_tasks(metrics["evaluation"])
    assert (home.task, home.gain) == ("home", 1.0)
    with pytest.raises(QualityRegression, match="learned from 10 order lines, the active snapshot from 1000"):
        check_quality({"lines": 10, "evaluation": {}}, Snapshot(metrics=stored))


def test_metrics_of_a_newer_format_are_left():
    newer = {**json.loads(FROZEN_METRICS.read_text()), "format": 9, "lines": "many"}
    assert readable_metrics(newer) == {}
    check_quality({"lines": 10, "evaluation": {}}, Snapshot(metrics=newer))
