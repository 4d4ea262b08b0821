"""The seven tasks about what the users of a bench bought after the cut; `bench.py` describes them.

A window is what was bought after the cut, a line a basket and item: user, item, basket, ts, and new (the user never
bought the item before). A table of wanted items says with `about` what tells one question from the next.
"""

from hashlib import blake2b

import numpy as np
import pandas as pd

BASKETS_A_USER, SMALLEST_BASKET, MOST_GIVEN = 3, 3, 5
"""Task t2: a user's first baskets with at least this number of items; half of a basket is given, up to a maximum."""
LISTINGS_A_USER, SMALLEST_LISTING, ON_SALE_DAYS = 5, 10, 84
"""Task t4: listings drawn for a user from those with enough items sold in the last days before the cut."""
NO_LISTING = "OTHER"
"""The kind of items without one; no listing."""


def questions(
    history: pd.DataFrame, window: pd.DataFrame, items: pd.DataFrame, cut: pd.Timestamp, salt: str
) -> dict[str, pd.DataFrame]:
    """By task, the items of its questions, given or to be predicted: qid, user, at, listing, item, new, given."""
    first = first_baskets(window)
    parted = parted_baskets(window, salt)
    wanted = {
        "t1": first,
        "t1n": first[first["new"]],
        "t1w": window,
        "t2": parted,
        "t2a": parted,
        "t3": categories(first, history, items),
        "t4": drawn_listings(window, listings(history, items, cut), salt),
    }
    return {task: _asked(task, table, cut) for task, table in wanted.items()}


def first_baskets(window: pd.DataFrame) -> pd.DataFrame:
    """The items of the first basket of each user."""
    begun = window.groupby(["user", "basket"], as_index=False)["ts"].min().sort_values(["ts", "basket"])
    return window[window["basket"].isin(begun.drop_duplicates("user")["basket"])]


def parted_baskets(window: pd.DataFrame, salt: str) -> pd.DataFrame:
    """Baskets with shuffled items, of which the first half is given and the rest is to be predicted."""
    large = window[_size(window, "basket") >= SMALLEST_BASKET]
    baskets = large.drop_duplicates("basket").sort_values(["user", "basket"])["basket"]
    large = large[large["basket"].isin(baskets[baskets.groupby(large["user"]).cumcount() < BASKETS_A_USER])]
    large = large.assign(
        about=large["basket"],
        at=large.groupby("basket")["ts"].transform("min"),
        lot=[lot(salt, *pair) for pair in zip(large["basket"], large["item"], strict=True)],
    ).sort_values(["user", "basket", "lot"])
    most = (_size(large, "basket") // 2).clip(upper=MOST_GIVEN)
    return large.assign(given=large.groupby("basket").cumcount() < most)


def categories(first: pd.DataFrame, history: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """The categories of these baskets instead of their items."""
    category = items.set_index("item")["category"]
    first = first.assign(item=first["item"].map(category))
    return first.assign(new=~found(first, history.assign(item=history["item"].map(category))))


def listings(history: pd.DataFrame, items: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    """The kinds with enough items for a page of their own: item, listing."""
    sold = history.loc[history["ts"] >= cut - pd.Timedelta(days=ON_SALE_DAYS), "item"].unique()
    shown = pd.DataFrame({"item": sold, "listing": items.set_index("item")["ptype"].reindex(sold).array})
    shown = shown[(_size(shown, "listing") >= SMALLEST_LISTING) & (shown["listing"] != NO_LISTING)]
    return shown.reset_index(drop=True)


def drawn_listings(window: pd.DataFrame, shown: pd.DataFrame, salt: str) -> pd.DataFrame:
    """The items bought from the listings, for a pseudo-random choice of listings of each user."""
    bought = window.merge(shown, on="item")
    pairs = bought[["user", "listing"]].drop_duplicates()
    pairs["lot"] = [lot(salt, *pair) for pair in zip(pairs["user"], pairs["listing"], strict=True)]
    drawn = pairs.sort_values("lot").groupby("user").head(LISTINGS_A_USER).drop(columns="lot")
    bought = bought.merge(drawn).sort_values("listing", kind="stable")
    return bought.assign(about=bought["user"].astype(str) + "-" + bought["listing"])


def found(lines: pd.DataFrame, history: pd.DataFrame) -> np.ndarray:
    """For each line, whether its user bought its item in the history."""
    pair = ["user", "item"]
    return pd.MultiIndex.from_frame(lines[pair]).isin(pd.MultiIndex.from_frame(history[pair].drop_duplicates()))


def lot(*about: object) -> int:
    """A pseudo-random number that depends on no library."""
    return int.from_bytes(blake2b("|".join(map(str, about)).encode(), digest_size=6).digest(), "big")


def _asked(task: str, wanted: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    table = pd.DataFrame({"about": wanted["user"], "at": cut, "listing": "", "given": False, **wanted})
    table = table.assign(qid=f"{task}-" + table["about"].astype(str)).drop_duplicates(["qid", "item"])
    return table.sort_values("user", kind="stable", ignore_index=True)


def _size(table: pd.DataFrame, column: str) -> pd.Series:
    """For each row, the number of rows with an equal value in this column."""
    return table.groupby(column)[column].transform("size")
