"""Simple reference methods for the recommendations of a shop, on the history of a bench.

    python -m benchmarks.reference_methods tifu-knn BENCH LISTS --tasks t1,t3

Writes `tifu-knn.t1.csv` and so on (qid, rank, item), and prints as JSON the CPU seconds of learning and of listing, by
task. A method is a function from purchases to the scores of all items for some questions; t3 is asked of a method that
has seen categories in place of items.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.bench import Bench
from benchmarks.scores import LISTED

RECENT_DAYS = 28
HALF_LIFE_DAYS = 112
FILL = 1e-3
"""The score of the best seller for a user who never bought it: less than any purchase within three years."""
TIES = 1e-4
"""The score of the best seller where nothing else decides, as a share of the best score of a basket."""
TIFU = {"neighbours": 900, "baskets": 0.95, "groups_apart": 0.9, "own": 0.7, "groups": 7}
"""TIFU-kNN: neighbours looked at, decay from basket to basket, decay from group to group, the share of the customer's
own purchases in the score, and groups of baskets. In the paper the decay from basket to basket begins anew in each
group; here it runs through all of them, which is the stronger reference (NDCG@10 of t1 .218 against .210)."""
DAMPING = 10
"""Damping: baskets added to the support of a pair, so that chance counts little."""
FEWEST_TOGETHER = 2
LISTING_TIES = 1e-6
"""The value within a listing, where most products are new to most users."""
RIDGE = 50
"""EASE: the L2 regularisation."""
NEIGHBOURS = 50
"""Neighbours of an item in item-kNN."""
AT_ONCE = 500
"""Questions scored together: bounds the memory."""

Scores = NDArray[np.float32]
"""A row for each question, a column for each item."""


Users = NDArray[np.integer]
"""The users of the questions, as numbers in the purchases; -1: not known."""
Baskets = sparse.csr_matrix
"""The items of the basket, questions by items; empty for tasks without a basket."""
Scorer = Callable[[Users, Baskets], Scores]


@dataclass(frozen=True)
class Purchases:
    """A history as arrays, one entry a basket and item; users, items and baskets are numbers from 0."""

    user: NDArray[np.integer]
    item: NDArray[np.integer]
    basket: NDArray[np.integer]
    age: NDArray[np.floating]
    """Days before the cut."""
    place: NDArray[np.integer]
    """The position of the basket among its user's, from 0."""
    baskets: NDArray[np.integer]
    """By user, the number of baskets."""
    users: pd.Index
    items: pd.Index

    def matrix(self, weight: NDArray) -> sparse.csr_matrix:
        """Users by items: the sum of the weights of the lines."""
        shape = (len(self.users), len(self.items))
        return sparse.csr_matrix((weight.astype(np.float32), (self.user, self.item)), shape)

    def counts(self) -> sparse.csr_matrix:
        """Users by items: the number of baskets."""
        return self.matrix(np.ones(len(self.user)))

    def popularity(self, days: float = np.inf) -> NDArray[np.float32]:
        """By item, the lines of the last days, as a share of the best seller's."""
        sold = np.bincount(self.item[self.age <= days], minlength=len(self.items))
        return (sold / max(sold.max(initial=0), 1)).astype(np.float32)

    def together(self) -> sparse.coo_matrix:
        """Items by items: the number of baskets with both, for pairs with more than one."""
        lies = sparse.csr_matrix((np.ones(len(self.item), np.float32), (self.basket, self.item)))
        lies.resize(lies.shape[0], len(self.items))
        both = (lies.T @ lies).tocoo()
        kept = (both.row != both.col) & (both.data >= FEWEST_TOGETHER)
        return sparse.coo_matrix((both.data[kept], (both.row[kept], both.col[kept])), both.shape)


def purchases(history: pd.DataFrame, items: pd.Series, cut: pd.Timestamp) -> Purchases:
    """The history in arrays; `items` maps an item to itself or to its category."""
    lines = history.assign(item=history["item"].map(items)).drop_duplicates(["user", "basket", "item"])
    user, users = pd.factorize(lines["user"], sort=True)
    basket, _ = pd.factorize(lines["basket"], sort=True)
    names = pd.Index(items.unique()).sort_values()
    begun = lines.groupby(["user", "basket"], as_index=False)["ts"].min().sort_values(["ts", "basket"])
    begun["place"] = begun.groupby("user").cumcount()
    return Purchases(
        user=user,
        item=names.get_indexer(lines["item"]),
        basket=basket,
        age=((cut - lines["ts"]) / pd.Timedelta(days=1)).to_numpy(),
        place=lines.merge(begun[["user", "basket", "place"]], how="left")["place"].to_numpy(),
        baskets=np.bincount(pd.Index(users).get_indexer(begun["user"])),
        users=pd.Index(users),
        items=names,
    )


def bestsellers(bought: Purchases) -> Scorer:
    """One list for all users: the recent best sellers, then those of all time."""
    score = bought.popularity(RECENT_DAYS) + np.float32(TIES) * bought.popularity()
    return lambda users, baskets: np.tile(score, (len(users), 1))


def decayed_frequency(bought: Purchases) -> Scorer:
    """The user's purchase counts with exponential decay; filled up with best sellers."""
    own = bought.matrix(0.5 ** (bought.age / HALF_LIFE_DAYS))
    fill = np.float32(FILL) * bought.popularity(RECENT_DAYS)
    return lambda users, baskets: own[users].toarray() + fill


def tifu_knn(bought: Purchases) -> Scorer:
    """Decayed frequency by baskets, mixed with that of the most similar users.

    After Hu, He, Gao and Zhang, "Modeling Personalized Item Frequency Information for Next-basket Recommendation",
    SIGIR 2020.
    """
    habits = bought.matrix(_tifu_weight(bought))
    length = np.asarray(habits.multiply(habits).sum(axis=1)).ravel()
    count = min(TIFU["neighbours"], len(length) - 1)

    def score(users: Users, _baskets: Baskets) -> Scores:
        own = habits[users]
        distance = length - 2 * (own @ habits.T).toarray()  # less the user's own length, the same for all
        distance[np.arange(len(users)), users] = np.inf
        near = np.argpartition(distance, count - 1, axis=1)[:, :count] if count else np.zeros((len(users), 0), int)
        start = np.arange(len(users) + 1) * count
        alike = sparse.csr_matrix(
            (np.full(near.size, 1 / max(count, 1), np.float32), near.ravel(), start), (len(users), len(length))
        )
        return (TIFU["own"] * own + (1 - TIFU["own"]) * (alike @ habits)).toarray()

    return score


def _tifu_weight(bought: Purchases) -> NDArray[np.float64]:
    """The weight of a line: a user's baskets fall into groups of equal size, the larger ones last."""
    baskets = bought.baskets[bought.user]
    groups = np.minimum(baskets, TIFU["groups"])
    size, larger = np.divmod(baskets, groups)
    in_small = (groups - larger) * size
    late = bought.place >= in_small
    group = np.where(late, groups - larger + (bought.place - in_small) // (size + 1), bought.place // size)
    decay = TIFU["baskets"] ** (baskets - 1 - bought.place) * TIFU["groups_apart"] ** (groups - 1 - group)
    return decay / (size + late) / groups


def ease(bought: Purchases) -> Scorer:
    """The linear model that explains each item by all others, solved among the users, who are fewer than the items.

    After Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019. With X the log-scaled counts,
    A = XX' + ridge and Z = inv(A) X, the item-item solution is never written down: X B = X - ridge Z / (1 - diag(X'Z)).
    """
    counts = bought.counts().log1p()
    alike = (counts @ counts.T).toarray()
    alike[np.diag_indices_from(alike)] += RIDGE
    dense = counts.toarray()
    solved = np.linalg.solve(alike, dense)
    scores = dense - RIDGE * solved / (1 - np.einsum("ui,ui->i", dense, solved))
    return lambda users, baskets: scores[users]


def item_cosine(bought: Purchases) -> Scorer:
    """Item-kNN with cosine similarity, the usual first method, and so a measure of cost."""
    owned = bought.counts().sign()
    near = _implicits_neighbours(owned) if find_spec("implicit") else _neighbours(owned)
    return lambda users, baskets: (owned[users] @ near).toarray()


def _implicits_neighbours(owned: sparse.csr_matrix) -> sparse.csr_matrix:
    from implicit.nearest_neighbours import CosineRecommender

    model = CosineRecommender(K=NEIGHBOURS, num_threads=1)
    model.fit(owned, show_progress=False)
    return model.similarity


def _neighbours(owned: sparse.csr_matrix) -> sparse.csr_matrix:
    """The cosine of each item (row) with its nearest items, itself included."""
    lengths = np.sqrt(np.asarray(owned.sum(axis=0))).ravel()
    unit = (owned @ sparse.diags_array(1 / np.maximum(lengths, 1), dtype=np.float32)).tocsr()
    items = unit.T.tocsr()
    blocks = []
    for start in range(0, items.shape[0], AT_ONCE):
        cosine = items[start : start + AT_ONCE] @ unit
        kept = [first + _largest(cosine.data[first:end]) for first, end in pairwise(cosine.indptr)]
        ends, kept = np.cumsum([0, *map(len, kept)]), np.concatenate(kept)
        blocks.append(sparse.csr_matrix((cosine.data[kept], cosine.indices[kept], ends), cosine.shape))
    return sparse.vstack(blocks, "csr")


def _largest(values: NDArray) -> NDArray[np.integer]:
    """The positions of the largest values, as many as an item has neighbours."""
    return np.argpartition(-values, NEIGHBOURS)[:NEIGHBOURS] if len(values) > NEIGHBOURS else np.arange(len(values))


def _paired(p: float, q: float) -> Callable[[Purchases], Scorer]:
    """Basket co-occurrence: co / (n_a^p * n_b^q + damping), summed over the items a of the basket."""

    def method(bought: Purchases) -> Scorer:
        both = bought.together()
        count = np.bincount(bought.item, minlength=len(bought.items))
        both.data /= (count[both.row] ** p * count[both.col] ** q + DAMPING).astype(np.float32)
        pairs = both.tocsr()
        fill = np.float32(TIES) * bought.popularity(RECENT_DAYS)
        return lambda users, baskets: _to_one((baskets @ pairs).toarray()) + fill

    return method


basket_cosine = _paired(0.5, 0.5)
basket_pairs = _paired(1.0, 0.25)


def recency_and_cosine(bought: Purchases) -> Scorer:
    """The user's own purchases, and with half the weight what goes with the basket."""
    own, together = decayed_frequency(bought), basket_cosine(bought)
    return lambda users, baskets: _to_one(own(users, baskets)) + together(users, baskets) / 2


def _to_one(scores: Scores) -> Scores:
    """The scores divided by the largest of each row."""
    return scores / (np.abs(scores).max(axis=1, keepdims=True) + 1e-9)


METHODS: dict[str, Callable[[Purchases], Scorer]] = {
    "bestsellers": bestsellers,
    "decayed-frequency": decayed_frequency,
    "tifu-knn": tifu_knn,
    "item-cosine": item_cosine,
    "ease": ease,
    "basket-cosine": basket_cosine,
    "basket-pairs": basket_pairs,
    "recency-and-cosine": recency_and_cosine,
}


def learned_from(bench: Bench, task: str) -> Purchases:
    """The purchases of items; for t3 of categories."""
    counted_as = bench.items.set_index("item", drop=False)["category" if task == "t3" else "item"]
    return purchases(bench.history, counted_as, bench.cut)


def lists(bench: Bench, task: str, bought: Purchases, score: Scorer) -> pd.DataFrame:
    """The best items for every question of a task, ties in order of the numbers: qid, rank, item."""
    questions = bench.questions(task)
    users = bought.users.get_indexer(questions["user"])
    marked = _marked(bench, task, bought, questions)
    frames = []
    for start in range(0, len(questions), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        best, scores = _best(_open_scores(task, bought, score, users[rows], marked[rows]))
        listed = {
            "qid": np.repeat(questions["qid"].to_numpy()[rows], best.shape[1]),
            "rank": np.tile(np.arange(best.shape[1]), len(best)),
            "item": bought.items[best.ravel()],
        }
        frames.append(pd.DataFrame(listed)[np.isfinite(scores.ravel())])
    return pd.concat(frames, ignore_index=True)


def _open_scores(
    task: str, bought: Purchases, score: Scorer, users: NDArray[np.integer], marked: sparse.csr_matrix
) -> Scores:
    """The scores for these questions; minus infinity for items that may not be offered."""
    if task in ("t2", "t2a"):
        scores = score(users, marked)
    else:
        once, again = np.unique(users, return_inverse=True)
        scores = score(once, marked[:0])[again]
    if task == "t4":
        popularity = bought.popularity(RECENT_DAYS) + bought.popularity() / 10
        scores = _to_one(scores) + np.float32(LISTING_TIES) * popularity
    scores[marked.toarray().astype(bool) == (task != "t4")] = -np.inf
    return scores


def _best(scores: Scores) -> tuple[NDArray[np.integer], Scores]:
    """The columns of the largest values of each row, largest first, and the values."""
    depth = min(LISTED, scores.shape[1])
    best = np.sort(np.argpartition(-scores, depth - 1, axis=1)[:, :depth], axis=1)
    by_score = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    best = np.take_along_axis(best, by_score, axis=1)
    return best, np.take_along_axis(scores, best, axis=1)


def _marked(bench: Bench, task: str, bought: Purchases, questions: pd.DataFrame) -> sparse.csr_matrix:
    """Questions by items: those of the listing (t4); otherwise those that may not be offered."""
    if task == "t1n":
        return bought.counts()[bought.users.get_indexer(questions["user"])]
    pairs = pd.DataFrame({"qid": [], "item": []})
    if task == "t4":
        pairs = questions.merge(bench.listings, on="listing")
    elif task in ("t2", "t2a"):
        pairs = bench.given(task)
    row, column = pd.Index(questions["qid"]).get_indexer(pairs["qid"]), bought.items.get_indexer(pairs["item"])
    shape = (len(questions), len(bought.items))
    return sparse.csr_matrix((np.ones(len(pairs), np.float32), (row, column)), shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("bench", type=Path)
    parser.add_argument("lists", type=Path)
    parser.add_argument("--tasks", required=True, help="with commas between")
    options = parser.parse_args()
    bench = Bench(options.bench)
    method = METHODS[options.method]
    learned, seconds = {}, {}
    for task in options.tasks.split(","):
        of_categories = task == "t3"
        if of_categories not in learned:
            bought = learned_from(bench, task)
            begun = time.process_time()
            learned[of_categories] = bought, method(bought), time.process_time() - begun
        bought, score, learning = learned[of_categories]
        begun = time.process_time()
        lists(bench, task, bought, score).to_csv(options.lists / f"{options.method}.{task}.csv", index=False)
        seconds[task] = learning, time.process_time() - begun
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
