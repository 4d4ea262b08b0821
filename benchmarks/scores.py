"""Metrics of ranked lists for the questions of a bench.

    python -m benchmarks.scores BENCH LISTS

LISTS is a folder with files named `<method>.<task>.csv` that have the columns qid, rank (from 0) and item. Prints a
JSON line for each of them: how many questions there are, how many of those have no list at all, and by measure the mean
and half the width of its 95 % interval.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bench import Bench

LISTED = 100
"""Length at which a list is cut off."""
GAIN = 1 / np.log2(np.arange(10) + 2)
"""The discounted gain of a relevant item by position."""


def measured(bench: Bench, task: str, lists: pd.DataFrame) -> pd.DataFrame:
    """NDCG, recall, hit rate and reciprocal rank, a row for each question; 0 for one without a list."""
    truth = bench.truth(task)
    wanted = truth.groupby("qid").size()
    wanted = wanted[wanted.index.isin(bench.questions(task)["qid"])]
    ideal = pd.Series(GAIN.cumsum()[wanted.clip(upper=len(GAIN)) - 1], wanted.index)
    shown = admissible(bench, task, lists)
    shown = shown.assign(place=shown.groupby("qid").cumcount())
    hits = shown[shown["place"] < LISTED].merge(truth[["qid", "item"]])
    first = hits[hits["place"] < len(GAIN)]
    within = {depth: hits[hits["place"] < depth].groupby("qid").size() for depth in (5, 10)}
    measures = {
        "NDCG@10": first.assign(gain=GAIN[first["place"]]).groupby("qid")["gain"].sum() / ideal,
        "recall@5": within[5] / wanted,
        "recall@10": within[10] / wanted,
        "hit rate": within[10].clip(upper=1),
        "MRR": 1 / (hits.groupby("qid")["place"].min() + 1),
    }
    return pd.DataFrame(measures, index=wanted.index).fillna(0.0)


def admissible(bench: Bench, task: str, lists: pd.DataFrame) -> pd.DataFrame:
    """The lists without the items that may not be offered.

    An item counts where it stands first. Not offered is what lies in the basket already (t2, t2a), what the user
    bought before (t1n), and what is not in the listing (t4).
    """
    lists = lists.sort_values(["qid", "rank"]).drop_duplicates(["qid", "item"])[["qid", "item"]]
    asked = bench.questions(task)[["qid", "user", "listing"]]
    if task in ("t2", "t2a"):
        return _without(lists, bench.given(task))
    if task == "t1n":
        return _without(lists, bench.history[["user", "item"]].drop_duplicates().merge(asked))
    if task == "t4":
        return lists.merge(asked).merge(bench.listings)
    return lists


def _without(lists: pd.DataFrame, excluded: pd.DataFrame) -> pd.DataFrame:
    pair = ["qid", "item"]
    return lists[~pd.MultiIndex.from_frame(lists[pair]).isin(pd.MultiIndex.from_frame(excluded[pair]))]


def interval(values: pd.Series) -> float:
    """Half the width of the 95 % interval of the mean, by the normal approximation."""
    return 1.96 * values.std(ddof=1) / np.sqrt(len(values))


def read_lists(file: Path) -> pd.DataFrame:
    """A category may be named NA, or 42."""
    text = {"qid": str} | ({"item": str} if file.suffixes[-2:] == [".t3", ".csv"] else {})
    return pd.read_csv(file, dtype=text, keep_default_na=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", type=Path)
    parser.add_argument("lists", type=Path)
    options = parser.parse_args()
    bench = Bench(options.bench)
    for file in sorted(options.lists.glob("*.t*.csv")):
        method, task = file.stem.rsplit(".", 1)
        lists = read_lists(file)
        values = measured(bench, task, lists)
        scores = {name: [values[name].mean(), interval(values[name])] for name in values}
        without = len(set(values.index) - set(lists["qid"]))
        print(json.dumps({"method": method, "task": task, "asked": len(values), "without": without, **scores}))


if __name__ == "__main__":
    main()
