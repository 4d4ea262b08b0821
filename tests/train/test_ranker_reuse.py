"""What to trust is learned once a week, and taken over from one daily run to the next."""

import time

import numpy as np
import pytest

from personalization import plugins
from personalization.models import snapshot_files
from personalization.recommenders import DAY
from personalization.train import run
from personalization.train.evaluate import FITTED
from tests.shops import habits_in_tables

pytestmark = pytest.mark.django_db


@pytest.fixture
def first():
    """The snapshot of the shop of habits."""
    return habits_in_tables.trained()[1]


@pytest.fixture
def taught(monkeypatch):
    """The moments up to which a run learned what to trust."""
    moments = []
    teach = run.evaluate_and_fit

    def taught(shop, *rest, **named):
        moments.append(shop.history.now)
        return teach(shop, *rest, **named)

    monkeypatch.setattr(run, "evaluate_and_fit", taught)
    return moments


def arrays(snapshot):
    return snapshot_files.read_snapshot(snapshot.name, snapshot.manifest_sha256)


def test_the_next_day_the_weights_and_what_they_are_worth_are_taken_over(first, taught):
    assert FITTED in first.metrics["weights"].values()
    second = run.run_training(time.time() + DAY)
    assert taught == []
    assert (second.metrics["weights"], second.metrics["evaluation"]) == (
        first.metrics["weights"],
        first.metrics["evaluation"],
    )
    assert np.array_equal(arrays(second)["ranker.home_value"], arrays(first)["ranker.home_value"])
    assert arrays(second)["training.cutoff"] > arrays(first)["training.cutoff"]


def test_after_a_week_of_daily_runs_they_are_learned_anew(first, taught):
    now = float(arrays(first)["training.cutoff"][0])
    for day in range(1, 8):
        run.run_training(now + day * DAY)
    assert taught == [now + 7 * DAY]


def test_whoever_asks_has_them_learned_at_once(first, taught):
    run.run_training(time.time() + 1, refit_ranker=True)
    assert len(taught) == 1


def test_weights_of_another_shelf_are_not_taken_over(first, taught, monkeypatch):
    monkeypatch.setattr(plugins, "registered_recommenders", dict)
    assert run.reuse_ranker(first, time.time() + 1) is None


def test_a_snapshot_that_cannot_be_read_is_no_hindrance(first, taught):
    snapshot_files.remove_snapshot(first.name)
    run.run_training(time.time() + 1)
    assert len(taught) == 1


def test_a_snapshot_of_later_is_not_taken_over(first, taught):
    assert run.reuse_ranker(first, time.time() - DAY) is None
