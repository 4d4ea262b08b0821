"""Translation between a bench's numbers and the keys of the shop created from it.

    python -m benchmarks.translation BENCH FOLDER LISTS

Turns the folder's `export.<task>.csv`, as the shop wrote them, into `shop.<task>.csv` with qid, rank and item. A
question that is not just a customer goes by the number of its row.
"""

import argparse
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from benchmarks.bench import Bench

SPELT_OUT = ("t2", "t2a", "t4")
"""The tasks that need more input than a customer."""


@dataclass(frozen=True)
class Keys:
    """The primary keys of a shop."""

    user: pd.Series
    item: pd.Series
    category: pd.Series
    """The upper categories by name."""

    def save(self, folder: Path) -> None:
        for field in fields(self):
            keys = getattr(self, field.name).rename("key").rename_axis("bench")
            keys.reset_index().to_parquet(folder / f"keys.{field.name}.parquet")

    @classmethod
    def load(cls, folder: Path) -> "Keys":
        tables = [pd.read_parquet(folder / f"keys.{field.name}.parquet") for field in fields(cls)]
        return cls(*(table.set_index("bench")["key"] for table in tables))


def asked(bench: Bench, task: str, keys: Keys) -> pd.DataFrame:
    """The input of such a task: the baskets, or the lists to rank."""
    questions = bench.questions(task).rename_axis("number").reset_index()
    if task == "t4":
        number, lines = "list_id", questions.merge(bench.listings, on="listing")
    else:
        number, lines = "basket_id", questions.merge(bench.given(task))
    customers = lines["user"].map(keys.user).astype("Int64")
    return pd.DataFrame({number: lines["number"], "customer_id": customers, "product_id": lines["item"].map(keys.item)})


def answered(bench: Bench, task: str, export: pd.DataFrame, keys: Keys) -> pd.DataFrame:
    """The shop's lists by question: qid, rank, item; for categories only the upper ones."""
    questions = bench.questions(task)
    qids = questions["qid"]
    about = next(column for column in ("customer", "basket", "list") if column in export)
    if about == "customer":
        qids = qids.set_axis(questions["user"].map(keys.user))
    known = keys.category if task == "t3" else keys.item
    names = pd.Series(known.index, known.array)
    lists = {
        "qid": export[about].map(qids),
        "rank": export["rank"],
        "item": export["category" if task == "t3" else "product"].map(names),
    }
    return pd.DataFrame(lists).dropna().convert_dtypes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("lists", type=Path)
    options = parser.parse_args()
    bench, keys = Bench(options.bench), Keys.load(options.folder)
    for file in options.folder.glob("export.*.csv"):
        task = file.suffixes[0].removeprefix(".")
        lists = answered(bench, task, pd.read_csv(file), keys)
        lists.to_csv(options.lists / f"shop.{task}.csv", index=False)


if __name__ == "__main__":
    main()
