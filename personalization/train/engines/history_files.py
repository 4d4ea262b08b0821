"""A shop's purchases as Parquet files, for an engine that does not read the shop's database: one row a line, streamed,
in parts, with a manifest that says what they are. They hold numbers of customers, so they are personal data."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import islice
from math import inf, isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization import conf
from personalization.models import Visitor
from personalization.models.lost_connections import repeat_on_lost_connection, streamed_reads
from personalization.shop import catalogue, purchases
from personalization.shop.order_statuses import unbought_statuses
from personalization.shop.orders import PurchaseRow
from personalization.train.dataset import Progress
from personalization.train.engines.optional_packages import parquet_package

FORMAT_VERSION = 1
PURCHASE_COLUMNS = {"customer": "int64", "order_key": "int64", "product_key": "int64", "ordered_at": "float64"}
PRODUCT_COLUMNS = {"product": "int32", "product_key": "int64"}
MANIFEST_NAME = "history.json"
ROWS_PER_PART = 2_000_000
ROWS_PER_BATCH = 50_000
"""So many rows are in memory at a time."""


class UnusableHistory(Exception):
    """The exported history cannot be used; the message says why, and what helps."""


@dataclass(frozen=True)
class HistoryManifest:
    """What an export holds."""

    until: float
    """The end of the history, in seconds since 1970."""
    lines: int
    products: int
    parts: list[str]
    settings: dict[str, Any]
    """The settings that chose the lines."""
    format_version: int = FORMAT_VERSION
    columns: dict[str, dict[str, str]] = field(
        default_factory=lambda: {"purchases": PURCHASE_COLUMNS, "products": PRODUCT_COLUMNS}
    )

    def spec(self) -> str:
        """Differs for exports that differ in anything that matters to who reads them."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


@repeat_on_lost_connection
def export_history(folder: Path, until: float, progress: Progress) -> HistoryManifest:
    """Writes the lines up to a moment that training would learn from, and the products that it would number.

    The manifest is written last, and what an earlier export left is deleted first, so that half an export is none.
    """
    (folder / "purchases").mkdir(parents=True, exist_ok=True)
    for file in [folder / MANIFEST_NAME, *folder.glob("purchases/*.parquet")]:
        file.unlink(missing_ok=True)
    product_key, _ = catalogue.browsable_products()
    product_key = product_key[catalogue.not_sensitive_mask(product_key)]
    _write_products(folder / "products.parquet", product_key)
    with streamed_reads():
        rows = progress(purchases.purchase_rows(), "Writing purchases", None)
        parts = list(_write_parts(folder / "purchases", _allowed_rows(rows, until)))
    manifest = HistoryManifest(
        until=until,
        lines=sum(lines for _, lines in parts),
        products=len(product_key),
        parts=[name for name, _ in parts],
        settings=_settings_that_choose_lines(),
    )
    (folder / MANIFEST_NAME).write_text(json.dumps({"spec": manifest.spec(), **asdict(manifest)}, indent=1))
    return manifest


def read_history_manifest(folder: Path) -> HistoryManifest:
    """What was exported there; UnusableHistory where it is not whole, or was exported under other settings."""
    try:
        described = json.loads((folder / MANIFEST_NAME).read_text())
        spec, manifest = described.pop("spec"), HistoryManifest(**described)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableHistory(f"{folder} holds no exported history ({error!r}): {_EXPORT_AGAIN}") from error
    ours = HistoryManifest(manifest.until, manifest.lines, manifest.products, manifest.parts, {})
    if (manifest.format_version, manifest.columns) != (FORMAT_VERSION, ours.columns) or spec != manifest.spec():
        raise UnusableHistory(f"{folder} was exported by another release, or changed since: {_EXPORT_AGAIN}")
    if manifest.settings != _settings_that_choose_lines():
        raise UnusableHistory(f"{folder} was exported under other settings of orders: {_EXPORT_AGAIN}")
    return manifest


_EXPORT_AGAIN = "run `manage.py personalization_export_history` again"


def _settings_that_choose_lines() -> dict[str, Any]:
    return {"unbought": sorted(unbought_statuses()), "sites": sorted(conf.get_settings().ORDER_SITES)}


def _allowed_rows(rows: Iterable[PurchaseRow], until: float) -> Iterator[PurchaseRow]:
    """The rows up to the moment, without those of customers who opted out later."""
    opted_out_until = Visitor.objects.opted_out()
    for row in rows:
        if isfinite(row[3]) and opted_out_until.get(row[0], -inf) < row[3] <= until:
            yield row


def _write_parts(folder: Path, rows: Iterator[PurchaseRow]) -> Iterator[tuple[str, int]]:
    """(name, lines) of each part, once it is written."""
    number = 0
    while first := list(islice(rows, ROWS_PER_BATCH)):
        name = f"part-{number:05d}.parquet"
        yield name, _write_part(folder / name, first, rows)
        number += 1


def _write_part(file: Path, first: list[PurchaseRow], rows: Iterator[PurchaseRow]) -> int:
    arrow = parquet_package()
    schema = arrow.schema([(name, arrow.type_for_alias(kind)) for name, kind in PURCHASE_COLUMNS.items()])
    lines, batch = 0, first
    with arrow.parquet.ParquetWriter(file, schema) as output:
        while batch:
            customer, order, product, moment = zip(*batch, strict=True)
            columns = [[None if key is None else customer_number(key) for key in customer], order, product, moment]
            arrays = [arrow.array(values, part.type) for values, part in zip(columns, schema, strict=True)]
            output.write_table(arrow.table(arrays, schema=schema))
            lines += len(batch)
            batch = list(islice(rows, min(ROWS_PER_BATCH, ROWS_PER_PART - lines)))
    return lines


def customer_number(key: Any) -> int:
    """The key of a customer as a number: itself, or 63 bits of a hash where the shop's keys are no numbers."""
    if isinstance(key, int):
        return key
    return int.from_bytes(hashlib.blake2b(str(key).encode(), digest_size=8).digest()) >> 1


def _write_products(file: Path, product_key: NDArray[np.int64]) -> None:
    arrow = parquet_package()
    numbers = np.arange(len(product_key), dtype=np.int32)
    arrow.parquet.write_table(arrow.table({"product": numbers, "product_key": product_key}), file)


def describe_moment(seconds: float) -> str:
    """A moment in words."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
