"""What does counting cost, by numpy and by Spark? On generated histories of several sizes, without a database.

    python -m benchmarks.engines FOLDER --lines 300000 3000000

Each measurement is a process of its own, on one core: numpy does the recommenders that Spark counts, too, and Spark
does them with `local[1]`, so that its processor time is that of one Java process. Prints CPU seconds (as other work
slows the clock) and peak memory, and both by million order lines. What both learn is compared.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

import django

django.setup()

import numpy as np
import pyarrow
from pyarrow import parquet

from personalization.plugins import registered_recommenders
from personalization.recommenders import DAY, CatalogueArrays, HistoryArrays, LearningLimits, ViewArrays
from personalization.train.engines import history_files, relational_sql, spark_engine

LINES_PER_ORDER = 9
ORDERS_PER_CUSTOMER = 25
LINES_PER_PRODUCT = 80
NOW = 1_800_000_000.0
RELATIONAL = [*relational_sql.SCORE_STAGES, *relational_sql.LINK_STAGES]


def generate_history(lines: int) -> HistoryArrays:
    """Customers who buy, over two years, some products much more than others, and those of their own taste."""
    random = np.random.default_rng(7)
    orders, products = lines // LINES_PER_ORDER, max(lines // LINES_PER_PRODUCT, 1_000)
    customers = orders // ORDERS_PER_CUSTOMER
    order = np.sort(random.integers(0, orders, lines)).astype(np.int32)
    customer = random.integers(0, customers, orders).astype(np.int32)[order]
    popular = (products * random.random(lines) ** 3).astype(np.int64)
    taste = (customer.astype(np.int64) * 7_919 + random.integers(0, 60, lines)) % products
    product = np.where(random.random(lines) < 0.5, popular, taste)
    return HistoryArrays(
        customer=customer,
        order=order,
        product=product.astype(np.int32),
        ordered_at=(NOW - random.random(orders) * 730 * DAY)[order],
        products=products,
        now=NOW,
        catalogue=CatalogueArrays.empty(products),
        views=ViewArrays.empty(),
        country=np.full(lines, -1, np.int32),
        countries=(),
    )


def write_generated(history: HistoryArrays, folder: Path) -> None:
    """As `personalization_export_history` would."""
    (folder / "purchases").mkdir(parents=True)
    history_files._write_products(folder / "products.parquet", np.arange(history.products, dtype=np.int64))
    wide = {"customer": history.customer, "order_key": history.order, "product_key": history.product}
    columns = {name: pyarrow.array(column.astype(np.int64)) for name, column in wide.items()}
    table = pyarrow.table({**columns, "ordered_at": history.ordered_at})
    parquet.write_table(table, folder / "purchases" / "part-00000.parquet")
    manifest = history_files.HistoryManifest(
        NOW, len(history.product), history.products, ["part-00000.parquet"], history_files._settings_that_choose_lines()
    )
    (folder / history_files.MANIFEST_NAME).write_text(json.dumps({"spec": manifest.spec(), **asdict(manifest)}))


def measure(engine: str, lines: int, folder: Path) -> dict[str, object]:
    """The cost of one engine, in this process and in Spark's."""
    history, limits = generate_history(lines), LearningLimits()
    before, begun, learned = cpu_seconds(os.getpid()), time.monotonic(), {}
    fitted = {name: registered_recommenders()[name] for name in RELATIONAL}
    if engine == "numpy":
        learned = {name: recommender.fit(history, limits) for name, recommender in fitted.items()}
        cost = cpu_seconds(os.getpid()) - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    else:
        with spark_engine.spark_blocks("local[1]", folder) as blocks:
            learned = {name: blocks.fit(recommender, history, limits) for name, recommender in fitted.items()}
            java = blocks._session.sparkContext._gateway.proc.pid
            cost = cpu_seconds(java), peak_mib(java)
    checks = {
        name: [int(array.view(np.uint8).sum()) for array in vars(each).values()] for name, each in learned.items()
    }
    return {"cpu": cost[0], "mib": cost[1], "seconds": time.monotonic() - begun, "checks": checks}


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lines", type=int, nargs="+", default=[300_000, 3_000_000])
    parser.add_argument("--measure", choices=["numpy", "spark"])
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.lines[0], options.folder)))
        return
    for lines in options.lines:
        folder, checks = options.folder / str(lines), []
        write_generated(generate_history(lines), folder)
        for engine in ("numpy", "spark"):
            arguments = ["-m", "benchmarks.engines", str(folder), "--measure", engine, "--lines", str(lines)]
            done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
            cost = json.loads(done.stdout.splitlines()[-1])
            checks.append(cost.pop("checks"))
            million = lines / 1e6
            print(
                f"{lines:>11,} lines, {engine}: {cost['cpu']:8.1f} s CPU ({cost['cpu'] / million:6.1f} a million), "
                f"{cost['mib']:8,.0f} MiB ({cost['mib'] / million:6,.0f} a million), {cost['seconds']:.0f} s",
                flush=True,
            )
        print(f"{lines:>11,} lines: both learned {'the same' if checks[0] == checks[1] else 'DIFFERENT THINGS'}")


if __name__ == "__main__":
    main()
