"""A history that is in arrays as the files of an export."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import parquet

from personalization.recommenders import GUEST, HistoryArrays
from personalization.train.engines.history_files import (
    MANIFEST_NAME,
    HistoryManifest,
    _settings_that_choose_lines,
    _write_products,
)


def write_history(folder: Path, history: HistoryArrays, parts: int = 2) -> None:
    """Products have their number times ten as their key."""
    (folder / "purchases").mkdir(parents=True)
    _write_products(folder / "products.parquet", np.arange(history.products, dtype=np.int64) * 10)
    names = [f"part-{number:05d}.parquet" for number in range(parts)]
    for name, rows in zip(names, np.array_split(np.arange(len(history.product)), parts), strict=True):
        customer = history.customer[rows].astype(np.int64)
        columns = {
            "customer": pyarrow.array(customer, mask=customer == GUEST),
            "order_key": history.order[rows].astype(np.int64) - 1_000,
            "product_key": history.product[rows].astype(np.int64) * 10,
            "ordered_at": history.ordered_at[rows],
        }
        parquet.write_table(pyarrow.table(columns), folder / "purchases" / name)
    lines = len(history.product)
    manifest = HistoryManifest(history.now, lines, history.products, names, _settings_that_choose_lines())
    (folder / MANIFEST_NAME).write_text(json.dumps({"spec": manifest.spec(), **asdict(manifest)}))
