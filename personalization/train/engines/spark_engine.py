"""What is learned by counting rows, counted by Spark from an exported history: for shops whose pairs of products
outgrow one machine. The other recommenders learn in the training process as ever; `LOCAL_REASONS` says why."""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.recommenders import (
    GUEST,
    HistoryArrays,
    LearningLimits,
    Neighbours,
    ProductLinks,
    ProductScores,
    Recommender,
)
from personalization.train.engines import relational_sql
from personalization.train.engines.history_files import (
    HistoryManifest,
    UnusableHistory,
    describe_moment,
    read_history_manifest,
)
from personalization.train.engines.local import BlockStore
from personalization.train.engines.optional_packages import parquet_package, spark_package

logger = logging.getLogger("personalization")

RESULT_FILE = "result.json"
SESSION_OPTIONS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
"""All others are the cluster's own."""
LOCAL_REASONS = {
    "click_ratio": "its input, cards by week, is small",
    "complements": "it multiplies matrices of weights",
    "content_similarity": "it compares texts",
    "ease": "it inverts a matrix",
    "repurchase_frequency": "it adds up fractions, whose sum depends on the sequence",
    "repurchase_interval": "it adds up fractions, whose sum depends on the sequence",
    "substitutes": "it compares texts",
    "trending": "it adds up fractions, whose sum depends on the sequence",
    "upsell": "it reads views, which no export holds",
    "view_to_purchase": "it reads views, which no export holds",
    "viewed_together": "it reads views, which no export holds",
}
"""Why each of our other recommenders stays in the training process. Those of shops do, too: they are Python."""


class SparkBlockStore(BlockStore):
    """As the local store, but what can be told by SQL is counted by Spark. Its results are kept beside the exported
    history, so that a run that was killed does not count again."""

    def __init__(self, local: BlockStore, session: Any, history_folder: Path) -> None:
        super().__init__(local.folder)
        self.history_folder, self.manifest = history_folder, read_history_manifest(history_folder)
        self._session, self._checked_until = session, float("nan")
        self.counted: list[str] = []
        """The recommenders that Spark counted for."""

    def fit(
        self, recommender: Recommender, history: HistoryArrays, limits: LearningLimits
    ) -> ProductScores | Neighbours:
        name = recommender.name
        is_relational = name in relational_sql.SCORE_STAGES or name in relational_sql.LINK_STAGES
        if not is_relational:
            return super().fit(recommender, history, limits)
        return self._count(name, history, limits)

    def shared_work(self) -> dict[str, int]:
        return {"spark": len(self.counted)}

    def remove(self) -> None:
        super().remove()
        shutil.rmtree(self.history_folder / "results", ignore_errors=True)

    def _count(self, name: str, history: HistoryArrays, limits: LearningLimits) -> ProductScores | Neighbours:
        """Counts, unless a run that was killed has."""
        parameters = {"now": history.now, **asdict(limits)}
        folder = self.history_folder / "results" / f"{name}.{result_spec(self.manifest, name, parameters)}"
        if not (folder / RESULT_FILE).exists():
            self._open_views(history, parameters)
            shutil.rmtree(folder, ignore_errors=True)
            text = {**relational_sql.SCORE_STAGES, **relational_sql.LINK_STAGES}[name]
            self._session.sql(text, args=parameters).write.parquet(str(folder / "rows"))
            (folder / RESULT_FILE).write_text(json.dumps({"spec": folder.name.partition(".")[2], **parameters}))
        self.counted.append(name)
        columns = read_result(folder / "rows")
        if name in relational_sql.SCORE_STAGES:
            return scores_from_rows(columns, history.products)
        return links_from_rows(columns, history.products, limits.neighbours_per_product)

    def _open_views(self, history: HistoryArrays, parameters: dict[str, Any]) -> None:
        """Makes the views for a history that ends then, and makes sure that it is the one that was exported."""
        if self._checked_until == history.now:
            return
        read, folder = self._session.read, self.history_folder
        read.parquet(str(folder / "purchases")).createOrReplaceTempView("purchases")
        read.parquet(str(folder / "products.parquet")).createOrReplaceTempView("numbered_products")
        for view, text in relational_sql.COMMON_VIEWS.items():
            self._session.sql(text, args=parameters).createOrReplaceTempView(view)
        exported = self._session.sql(relational_sql.LINE_CHECK).collect()[0].asDict()
        if exported != (ours := line_check(history)):
            raise UnusableHistory(
                f"{folder} is not what the shop holds up to {describe_moment(history.now)}: {exported}, and the shop "
                f"{ours}: run `manage.py personalization_export_history` again"
            )
        self._checked_until = history.now


@contextmanager
def spark_blocks(master: str, history_folder: Path) -> Iterator[SparkBlockStore]:
    """The store whose blocks this Spark does; the session ends with it."""
    builder = spark_package().sql.SparkSession.builder.master(master).appName("personalization")
    for key, value in SESSION_OPTIONS.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    try:
        yield SparkBlockStore(BlockStore.of_this_shop(), session, history_folder.resolve())
    finally:
        session.stop()


def result_spec(manifest: HistoryManifest, name: str, parameters: dict[str, Any]) -> str:
    """Differs for results that may differ: covers the history, the limits, the moment and the SQL."""
    text = {**relational_sql.SCORE_STAGES, **relational_sql.LINK_STAGES}[name]
    covered = [manifest.spec(), parameters, text, relational_sql.COMMON_VIEWS]
    return hashlib.sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()[:32]


def line_check(history: HistoryArrays) -> dict[str, int]:
    """What `LINE_CHECK` says of this history."""
    return {
        "lines": len(history.product),
        "orders": len(np.unique(history.order)),
        "customers": len(np.unique(history.customer[history.customer != GUEST])),
        "products": int(history.product.sum(dtype=np.int64)),
        "days": int(history.day.sum()),
    }


def read_result(folder: Path) -> dict[str, NDArray[Any]]:
    """The columns of a result."""
    table = parquet_package().parquet.read_table(folder)
    return {name: table.column(name).to_numpy() for name in table.column_names}


def scores_from_rows(columns: dict[str, NDArray[Any]], products: int) -> ProductScores:
    """The scores that are given by (product, score, customers)."""
    score, customers = np.zeros(products, np.float32), np.zeros(products, np.int32)
    score[columns["product"]] = columns["score"]
    customers[columns["product"]] = columns["customers"]
    return ProductScores(score, customers)


def links_from_rows(columns: dict[str, NDArray[Any]], products: int, width: int) -> Neighbours:
    """The neighbours that are given by (anchor, other, weight), in any sequence."""
    anchor, other, weight = columns["anchor"], columns["other"], columns["weight"]
    rows = np.lexsort((other, -np.rint(weight * 1e6), anchor))
    links = ProductLinks(anchor[rows].astype(np.int32), other[rows].astype(np.int32), weight[rows].astype(np.float32))
    return Neighbours.from_links([links], products, width)
