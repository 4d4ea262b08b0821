"""The seven questions that a bench asks about what its users bought after the cut; `bench.py` says them in words.

A window is what was bought after the cut, a line a basket and item: user, item, basket, ts, and new (the user never
bought the item before). A table of wanted items says with `about` what tells one question from the next.
"""

from hashlib import blake2b

import numpy as np
import pandas as pd

BASKETS_A_USER, SMALLEST_BASKET, MOST_GIVEN = 3, 3, 5
"""Of t2: a user's first baskets of so many items or more; half of a basket is given, but no more than so many items."""
LISTINGS_A_USER, SMALLEST_LISTING, ON_SALE_DAYS = 5, 10, 84
"""Of t4: listings drawn for a user, out of those with so many items that sold in the last days before the cut."""
NO_LISTING = "OTHER"
"""The kind of what has no kind: nobody looks through it."""


def questions(
    history: pd.DataFrame, window: pd.DataFrame, items: pd.DataFrame, cut: pd.Timestamp, salt: str
) -> dict[str, pd.DataFrame]:
    """By task the items of all its questions, given or wanted: qid, user, at, listing, item, new, given."""
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
    """What lies in the first basket of each user."""
    begun = window.groupby(["user", "basket"], as_index=False)["ts"].min().sort_values(["ts", "basket"])
    return window[window["basket"].isin(begun.drop_duplicates("user")["basket"])]


def parted_baskets(window: pd.DataFrame, salt: str) -> pd.DataFrame:
    """Baskets whose items, shuffled, are given up to the half, and wanted from there on."""
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
    """The categories of these baskets in place of their items."""
    category = items.set_index("item")["category"]
    first = first.assign(item=first["item"].map(category))
    return first.assign(new=~found(first, history.assign(item=history["item"].map(category))))


def listings(history: pd.DataFrame, items: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    """The kinds that hold enough items for a page of their own: item, listing."""
    sold = history.loc[history["ts"] >= cut - pd.Timedelta(days=ON_SALE_DAYS), "item"].unique()
    shown = pd.DataFrame({"item": sold, "listing": items.set_index("item")["ptype"].reindex(sold).array})
    shown = shown[(_size(shown, "listing") >= SMALLEST_LISTING) & (shown["listing"] != NO_LISTING)]
    return shown.reset_index(drop=True)


def drawn_listings(window: pd.DataFrame, shown: pd.DataFrame, salt: str) -> pd.DataFrame:
    """What was bought from the listings, for so many of them a user as a lot decides."""
    bought = window.merge(shown, on="item")
    pairs = bought[["user", "listing"]].drop_duplicates()
    pairs["lot"] = [lot(salt, *pair) for pair in zip(pairs["user"], pairs["listing"], strict=True)]
    drawn = pairs.sort_values("lot").groupby("user").head(LISTINGS_A_USER).drop(columns="lot")
    bought = bought.merge(drawn).sort_values("listing", kind="stable")
    return bought.assign(about=bought["user"].astype(str) + "-" + bought["listing"])


def found(lines: pd.DataFrame, history: pd.DataFrame) -> np.ndarray:
    """Of each line, whether its user bought its item in the history."""
    pair = ["user", "item"]
    return pd.MultiIndex.from_frame(lines[pair]).isin(pd.MultiIndex.from_frame(history[pair].drop_duplicates()))


def lot(*about: object) -> int:
    """A number that looks drawn by lot and is the same everywhere."""
    return int.from_bytes(blake2b("|".join(map(str, about)).encode(), digest_size=6).digest(), "big")


def _asked(task: str, wanted: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    table = pd.DataFrame({"about": wanted["user"], "at": cut, "listing": "", "given": False, **wanted})
    table = table.assign(qid=f"{task}-" + table["about"].astype(str)).drop_duplicates(["qid", "item"])
    return table.sort_values("user", kind="stable", ignore_index=True)


def _size(table: pd.DataFrame, column: str) -> pd.Series:
    """Of each row, how many rows have the same in this column."""
    return table.groupby(column)[column].transform("size")
