"""What to trust is learned once a week, and taken over from one daily run to the next."""

import time

import numpy as np
import pytest
from oscar.apps.catalogue.models import Product

from personalization import plugins
from personalization.models import snapshot_files
from personalization.recommenders import DAY
from personalization.recommenders._tfidf import TfidfTexts
from personalization.train import run
from personalization.train.evaluate import FITTED
from personalization.train.kept_texts import restore_kept_texts
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


def test_the_next_day_only_texts_that_changed_are_compared(first, compared):
    before = arrays(first)
    again = arrays(run.run_training(time.time() + DAY))
    names = [name for name in before if name.startswith(("texts.", "content_similarity."))]
    assert compared == [] and all(np.array_equal(again[name], before[name]) for name in names)
    first_product, second_product = Product.objects.order_by("pk")[:2]
    Product.objects.filter(pk=first_product.pk).update(description=second_product.title + " zebra")
    Product.objects.filter(pk=second_product.pk).update(description=first_product.title + " zebra")
    changed = arrays(run.run_training(time.time() + 2 * DAY))
    assert 0 < sum(compared) < len(before["product.id"])
    assert changed["texts.changed"].tolist() == [2]
    assert changed["texts.digest"][0] != before["texts.digest"][0]


def test_with_the_rankers_all_texts_are_compared_anew(first, compared):
    Product.objects.update(description="one text for all")
    again = run.run_training(time.time() + 1, refit_ranker=True)
    assert max(compared) == len(arrays(first)["product.id"])
    assert arrays(again)["texts.changed"].tolist() == [0]


@pytest.mark.parametrize("change", [{"texts.format": np.array([2])}, {"texts.digest": None}, {"product.id": None}])
def test_what_another_release_kept_of_texts_is_not_gone_on_from(first, change):
    found = {name: array for name, array in (arrays(first) | change).items() if array is not None}
    assert restore_kept_texts(arrays(first), arrays(first)["product.id"]) is not None
    assert restore_kept_texts(found, arrays(first)["product.id"]) is None


def test_a_shop_with_a_recommender_of_its_own_for_texts_keeps_nothing(first, monkeypatch):
    others = {**plugins.registered_recommenders(), "content_similarity": plugins.registered_recommenders()["upsell"]}
    monkeypatch.setattr(plugins, "registered_recommenders", lambda: others)
    assert restore_kept_texts(arrays(first), arrays(first)["product.id"]) is None


@pytest.fixture
def compared(first, monkeypatch):
    """How many products each block compares with all others, after the first run."""
    counts = []
    similar_pairs = TfidfTexts.similar_pairs

    def counting(self, anchors, closest=0, bonus=0.0):
        counts.extend([len(anchors)] if closest and len(anchors) else [])
        return similar_pairs(self, anchors, closest, bonus)

    monkeypatch.setattr(TfidfTexts, "similar_pairs", counting)
    return counts


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
