"""Spark counts what numpy counts, row for row, on a real master with two workers: `pytest tests/spark --spark -n 0`."""

import json
import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now as moment_now

from example_shop.journey import source
from example_shop.journey.load import load_journey
from personalization.models import Snapshot
from personalization.plugins import registered_recommenders
from personalization.recommenders import GUEST, LearningLimits
from personalization.testing import even_and_odd_shop, views_and_texts
from personalization.train import dataset, run
from personalization.train.engines import relational_sql, spark_engine
from personalization.train.engines.history_files import UnusableHistory, export_history
from tests.shops.factories import even_and_odd
from tests.shops.journey_slice import read_whole
from tests.spark.history_tables import write_history
from tests.spark.servers import OWN_MACHINE_ONLY, spark_cluster

pytestmark = pytest.mark.django_db

RELATIONAL = [*relational_sql.SCORE_STAGES, *relational_sql.LINK_STAGES]


@pytest.fixture(scope="session")
def master(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in OWN_MACHINE_ONLY.items():
            patch.setenv(name, value)
        with spark_cluster(tmp_path_factory.mktemp("spark")) as address:
            yield address


@pytest.fixture(scope="module")
def whole_journey():
    """All of the demo's smaller data; its last order is of yesterday."""
    return source.shift_journey(read_whole("small"), moment_now().date() - timedelta(days=1))


def export(folder):
    """The shop as training reads it; its exported history is in the folder."""
    until = time.time()
    export_history(folder, until, run.no_progress)
    return dataset.read_dataset(until, run.no_progress)


def assert_same_rows(one, other):
    for name, column in vars(one).items():
        again = vars(other)[name]
        assert column.dtype == again.dtype
        different = np.argwhere(column != again)
        assert not len(different), (name, len(different), different[:5], column[column != again][:5])


def with_odd_lines(history):
    """The history with guests, very large orders, customers who came lately, and lines twice."""
    generator = np.random.default_rng(5)
    rows = generator.permutation(np.append(np.arange(len(history.product)), np.arange(200)))
    order = np.where(history.order % 50 == 7, 7, history.order).astype(np.int32)
    first = np.zeros(order.max() + 1, np.int64)
    first[order] = np.arange(len(order))
    customer = history.customer[first[order]]  # an order is one customer's
    customer[order % 10 == 3] = GUEST
    late = (customer % 7 == 2) & (history.ordered_at < history.now - 20 * 86400.0)
    moment = np.where(late, history.now - 86400.0 * (1 + customer % 19), history.ordered_at)
    columns = {"customer": customer, "order": order, "product": history.product, "ordered_at": moment}
    columns["country"] = history.country
    return replace(history, **{name: column[rows] for name, column in columns.items()})


@pytest.mark.parametrize("cap", [3, 100])
@pytest.mark.parametrize("shop", [views_and_texts, even_and_odd_shop])
def test_guests_newcomers_and_large_orders_count_the_same(master, shop, cap, tmp_path):
    limits = LearningLimits(max_order_products=cap, neighbours_per_product=6, min_customers=2)
    history = with_odd_lines(shop())
    write_history(tmp_path / "history", history)
    with spark_engine.spark_blocks(master, tmp_path / "history") as blocks:
        for name in RELATIONAL:
            recommender = registered_recommenders()[name]
            assert_same_rows(recommender.fit(history, limits), blocks.fit(recommender, history, limits))


def test_spark_counts_row_for_row_what_numpy_counts_on_the_complete_journey(master, whole_journey, tmp_path):
    load_journey(whole_journey, "small")
    history, limits = export(tmp_path).history, LearningLimits()
    with spark_engine.spark_blocks(master, tmp_path) as blocks:
        for name in RELATIONAL:
            recommender = registered_recommenders()[name]
            assert_same_rows(recommender.fit(history, limits), blocks.fit(recommender, history, limits))
    assert blocks.counted == RELATIONAL
    results = list(tmp_path.glob("results/*/result.json"))
    assert len(results) == len(RELATIONAL)
    assert {json.loads(file.read_text())["spec"] for file in results} == {file.parent.name[-32:] for file in results}


def test_the_snapshot_that_is_published_is_that_of_one_process(master, tmp_path, capsys):
    even_and_odd()
    until = export(tmp_path).history.now
    call_command("personalization_train", "--engine", "spark", "--master", master, "--history", str(tmp_path))
    by_spark = Snapshot.objects.active().get()
    fits = by_spark.metrics["blocks"]["spark"]
    assert fits >= len(RELATIONAL) and f"Spark counted for {fits} fits" in capsys.readouterr().out
    assert not (tmp_path / "results").exists()
    assert run.run_training(until, refit_ranker=True).manifest_sha256 == by_spark.manifest_sha256


def test_what_changed_since_the_export_is_noticed(master, tmp_path):
    even_and_odd()
    history = export(tmp_path).history
    columns = ("customer", "order", "product", "ordered_at", "country")
    fewer = replace(history, **{name: getattr(history, name)[1:] for name in columns})
    with spark_engine.spark_blocks(master, tmp_path) as blocks, pytest.raises(UnusableHistory, match="is not what"):
        blocks.fit(registered_recommenders()["popular"], fewer, LearningLimits())


def test_a_manifest_that_was_changed_is_refused(tmp_path):
    even_and_odd()
    export(tmp_path)
    manifest = tmp_path / "history.json"
    manifest.write_text(manifest.read_text().replace('"lines": ', '"lines": 1'))
    with pytest.raises(CommandError, match="changed since"):
        call_command("personalization_train", "--engine", "spark", "--history", str(tmp_path))
    manifest.unlink()
    with pytest.raises(CommandError, match="holds no exported history"):
        call_command("personalization_train", "--engine", "spark", "--history", str(tmp_path))
