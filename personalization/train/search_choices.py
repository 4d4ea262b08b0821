"""What shoppers choose after searches: from a log of actions to what a snapshot keeps of it.

A choice is a product that a visitor viewed, put into the basket or on a wish list within half an hour of a search and
before their next one, or bought within a day. A visitor counts once for a query and product, by their heaviest choice,
which fades with age, so that nobody counts much; `voices` says who is heard. Nothing is kept that fewer than
`min_customers` visitors did: no product of a query, no product of a trigram, no query.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.rank.search_queries import SMOOTHING, indices_of_ranges, plain_query, trigrams
from personalization.recommenders import DAY, HistoryArrays, bounded_sum
from personalization.train.search_history import SearchLog
from personalization.train.visitor_actions import PURCHASE_WEIGHT, SEARCH, VIEW_WEIGHT
from personalization.train.voices import Standing

CHOICE_WINDOW = 30 * 60.0
"""Seconds after a search within which an action is a choice."""
PURCHASE_WINDOW = DAY
"""Seconds after a search within which a purchase is one."""
HALF_LIFE_SECONDS = 28 * DAY
"""A choice that is this old counts half: what a word stands for changes faster than anybody's taste."""
MAX_HALF_LIVES = 20.0
"""After this many half-lives a choice fades no more: something is left of each."""
STRANGER_WEIGHT = 0.25
"""The weight of a visitor who never bought anything: such an identity costs nothing."""
MAX_QUERIES = 50_000
"""At most this many queries are kept, those that most visitors typed."""
MAX_PER_TRIGRAM = 200
"""At most this many products of one trigram are kept."""
TEXTS_AT_ONCE = 50_000
ROWS_AT_ONCE = 2_000_000
"""Bounds the memory."""


@dataclass(frozen=True)
class QueryClicks:
    """One entry for each visitor, query and product that they chose after it."""

    visitor: NDArray[np.int64]
    """0..visitors-1."""
    query: NDArray[np.int32]
    """An index in the `texts` of the log."""
    product: NDArray[np.int32]
    weight: NDArray[np.float32]
    is_buyer: NDArray[np.bool_]
    """Whether there is an order behind the visitor."""

    def take(self, rows: NDArray[Any]) -> "QueryClicks":
        """The entries in these rows."""
        return QueryClicks(*(column[rows] for column in vars(self).values()))


@dataclass(frozen=True)
class SupportedPairs:
    """What enough visitors chose in each group: one entry for each group and product, each group's best product
    first."""

    group: NDArray[np.int64]
    product: NDArray[np.int32]
    share: NDArray[np.float32]
    """The product's share of the group's weight, in 0..1."""
    visitors: NDArray[np.int32]
    """The number of visitors behind it, of strangers at most as many as of buyers."""

    @classmethod
    def concatenate(cls, parts: Sequence["SupportedPairs"]) -> "SupportedPairs":
        """The entries of all parts, one part after the other."""
        none = cls(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int32))
        columns = zip(*(vars(part).values() for part in (none, *parts)), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def take(self, rows: NDArray[np.bool_]) -> "SupportedPairs":
        """The entries in these rows."""
        return SupportedPairs(self.group[rows], self.product[rows], self.share[rows], self.visitors[rows])

    def bounds(self, groups: int) -> NDArray[np.int64]:
        """Where the entries of groups 0..groups-1 begin, and where the last one's end; shape (groups + 1,)."""
        return np.searchsorted(self.group, np.arange(groups + 1)).astype(np.int64)


def search_arrays(log: SearchLog, history: HistoryArrays, min_customers: int) -> dict[str, NDArray[Any]]:
    """The arrays of a snapshot that `rank.search_queries` reads."""
    clicks = query_clicks(log, history.now)
    frequent = frequent_queries(log, min_customers)
    return {
        "search.choices": chosen_after_any(clicks, history.products, min_customers),
        **_query_arrays(log, clicks, frequent, min_customers, query_words(history.catalogue.text)),
        **_trigram_arrays(log, clicks, frequent, min_customers),
    }


def query_clicks(log: SearchLog, now: float) -> QueryClicks:
    """Who chose what after which query, with the weight of the choice; sorted by query. Visitors are numbered anew."""
    clicks = query_choices(log, now)
    _, visitor = np.unique(clicks.visitor, return_inverse=True)
    return replace(clicks, visitor=visitor)


def query_choices(log: SearchLog, now: float) -> QueryClicks:
    """Who chose what after which query, with the weight of the choice; sorted by query. Visitors are numbered as in the
    log."""
    searching, buying = log.weight == SEARCH, log.weight == PURCHASE_WEIGHT
    search = preceding_row(searching, log.at, CHOICE_WINDOW, log.visitor)
    choosing = ~searching & ~buying & (search >= 0)
    # A purchase belongs to the search after which the product was chosen, else to the last search.
    chosen = preceding_row(choosing, log.at, PURCHASE_WINDOW, log.visitor, log.product)
    last_search = preceding_row(searching, log.at, PURCHASE_WINDOW, log.visitor)
    search[buying] = np.where(chosen >= 0, search[chosen], last_search)[buying]
    weight = np.where(buying & (chosen < 0), VIEW_WEIGHT, log.weight)  # the purchase may have been for another search
    rows = np.flatnonzero(~searching & (search >= 0) & (log.standing > Standing.SILENT))
    query = log.query[search[rows]]
    has_text = np.array([bool(text) for text in log.texts], bool)[query] if len(rows) else np.zeros(0, bool)
    rows, query = rows[has_text], query[has_text]
    is_buyer = log.standing[rows] == Standing.BUYER
    weight = weight[rows] * np.where(is_buyer, 1.0, STRANGER_WEIGHT) * decayed_weights(log.at, now)[rows]
    return strongest_per_group(
        QueryClicks(log.visitor[rows], query, log.product[rows], weight.astype(np.float32), is_buyer)
    )


def decayed_weights(at: NDArray[np.float64], now: float) -> NDArray[np.float64]:
    """What is left of each action, in 0..1, by its age at `now`, or at the last action of a log that ended earlier."""
    age = np.maximum(min(now, at.max(initial=-np.inf)) - at, 0)
    left: NDArray[np.float64] = 0.5 ** np.minimum(age / HALF_LIFE_SECONDS, MAX_HALF_LIVES)
    return left


def preceding_row(
    anchor: NDArray[np.bool_], at: NDArray[np.float64], seconds: float, *group: NDArray[np.integer]
) -> NDArray[np.int64]:
    """For each row that of the last anchor of its group that is not later, and at most this many seconds earlier; -1
    where there is none.

    Parameters
    ----------
    anchor : whether a row is an anchor.
    group : columns; rows with equal values in all of them are a group.
    """
    order = np.lexsort((~anchor, at, *group))
    starts = np.ones(len(order), bool)
    starts[1:] = np.any([np.diff(column[order]) != 0 for column in group], axis=0)
    rows = np.arange(len(order))
    first = np.maximum.accumulate(np.where(starts, rows, 0))
    last = np.maximum.accumulate(np.where(anchor[order], rows, -1))
    found = np.full(len(order), -1)
    found[order] = np.where(last >= first, order[last], -1)
    return np.where((found >= 0) & (at - at[found] <= seconds), found, -1)


def strongest_per_group(clicks: QueryClicks) -> QueryClicks:
    """Each visitor's heaviest choice of a product after a query, sorted by query."""
    order = np.lexsort((clicks.weight, clicks.visitor, clicks.product, clicks.query))
    return clicks.take(order[_group_ends(clicks.query[order], clicks.product[order], clicks.visitor[order])])


def with_support(
    group: NDArray[np.int64], clicks: QueryClicks, min_customers: int
) -> tuple[NDArray[np.float64], SupportedPairs]:
    """The weight of all choices of each group, and what enough visitors chose of it: of each product, that of strangers
    counts at most as much as that of buyers. A visitor is in it once for a group and product.

    Sums are taken by ascending weight, so that they do not depend on the numbers of visitors, to the last bit.
    """
    order = np.lexsort((clicks.weight, clicks.product, group))
    group, product, weight = group[order], clicks.product[order], clicks.weight[order].astype(np.float64)
    pair = np.cumsum(group_starts(group, product)) - 1
    first = np.flatnonzero(group_starts(pair))
    is_buyer = clicks.is_buyer[order]
    visitors, summed = _bounded_total(pair, is_buyer), _bounded_total(pair, is_buyer, weight)
    total = np.bincount(group[first], summed).astype(np.float64)
    supported = visitors >= min_customers
    group, product = group[first][supported], product[first][supported]
    visitors, summed = visitors[supported], summed[supported]
    best_first = np.lexsort((product, -summed, group))
    share = (summed / total[group])[best_first].astype(np.float32)
    columns = group[best_first], product[best_first], share, visitors[best_first].astype(np.int32)
    return total, SupportedPairs(*columns)


def _bounded_total(
    number: NDArray[np.integer], is_buyer: NDArray[np.bool_], weight: NDArray[np.float64] | None = None, length: int = 0
) -> NDArray[Any]:
    """What is heard of each number, from the weight of each row, or its count: strangers together at most as much as
    buyers."""
    length = max(int(number.max(initial=-1)) + 1, length)
    buyers, strangers = (
        np.bincount(number[rows], None if weight is None else weight[rows], length) for rows in (is_buyer, ~is_buyer)
    )
    return bounded_sum(buyers, strangers)


def group_starts(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each row of a sorted table differs from the one before it."""
    starts = np.ones(len(columns[0]), bool)
    starts[1:] = np.any([np.diff(column) != 0 for column in columns], axis=0)
    return starts


def _group_ends(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each row of a sorted table differs from the one after it."""
    return np.append(group_starts(*columns), True)[1:]


def chosen_after_any(clicks: QueryClicks, products: int, min_customers: int) -> NDArray[np.float32]:
    """The number of visitors who chose each product after any search, each fading with age; shape (products,)."""
    order = np.lexsort((clicks.weight, clicks.visitor, clicks.product))
    last = _group_ends(clicks.product[order], clicks.visitor[order])
    order = order[last]
    order = order[np.lexsort((clicks.weight[order], clicks.product[order]))]
    product, is_buyer = clicks.product[order], clicks.is_buyer[order]
    weight = np.minimum(clicks.weight[order], 1.0).astype(np.float64)
    enough = _bounded_total(product, is_buyer, length=products) >= min_customers
    return np.where(enough, _bounded_total(product, is_buyer, weight, products), 0).astype(np.float32)


def frequent_queries(log: SearchLog, min_customers: int) -> NDArray[np.int64]:
    """The queries that enough visitors typed, at most MAX_QUERIES; indices in `log.texts`, ascending."""
    searched = (log.weight == SEARCH) & (log.standing > Standing.SILENT)
    order = np.lexsort((log.visitor[searched], log.query[searched]))
    visitor, query = log.visitor[searched][order], log.query[searched][order]
    visitors = np.bincount(query[group_starts(query, visitor)], minlength=len(log.texts))
    visitors[[number for number, text in enumerate(log.texts[:1]) if not text]] = 0  # nothing was left of the query
    most_typed = np.argsort(-visitors, kind="stable")[:MAX_QUERIES]
    return np.sort(most_typed[visitors[most_typed] >= min_customers])


def _query_arrays(
    log: SearchLog, clicks: QueryClicks, frequent: NDArray[np.int64], min_customers: int, catalogue_words: set[str]
) -> dict[str, NDArray[Any]]:
    """What was chosen after the frequent queries. Only a query all of whose words are in the catalogue is public, so
    that nobody can write on the shop's pages by searching."""
    index = np.full(len(log.texts), -1)
    index[frequent] = np.arange(len(frequent))
    kept = clicks.take(index[clicks.query] >= 0)
    total, pairs = with_support(index[kept.query], kept, min_customers)
    weight = np.zeros(len(frequent), np.float32)
    weight[: len(total)] = total
    texts = [log.texts[query] for query in frequent.tolist()]
    letters = np.frombuffer("".join(texts).encode("utf-32-le"), "<i4")
    return {
        "query.text": letters.astype(np.int32),
        "query.text_start": np.cumsum([0, *map(len, texts)], dtype=np.int64),
        "query.is_public": np.array([catalogue_words.issuperset(text.split()) for text in texts], np.int32),
        "query.weight": weight,
        "query.product_start": pairs.bounds(len(frequent)),
        "query.product": pairs.product,
        "query.share": pairs.share,
        "query.visitors": pairs.visitors,
    }


def query_words(texts: Iterable[str]) -> set[str]:
    """The words of these texts, normalised as queries are."""
    different = {word for text in texts for word in text.split()}
    return {part for word in different for part in plain_query(word).split()}


def _trigram_arrays(
    log: SearchLog, clicks: QueryClicks, frequent: NDArray[np.int64], min_customers: int
) -> dict[str, NDArray[Any]]:
    """The frequent queries that have each trigram, and what was chosen after all queries that have it."""
    queries = np.union1d(frequent, np.unique(clicks.query))
    owner, key = _trigrams_of([log.texts[query] for query in queries.tolist()])
    keys, trigram = np.unique(key, return_inverse=True)
    order = np.lexsort((owner, trigram))
    owner, trigram = owner[order], trigram[order]
    idf = np.log1p(len(queries) / np.maximum(np.bincount(trigram, minlength=len(keys)), 1))
    pairs = _chosen_by_trigram(owner, trigram, queries, clicks, min_customers)
    is_frequent = np.isin(queries, frequent)[owner]
    owner, trigram = owner[is_frequent], trigram[is_frequent]
    kept = np.zeros(len(keys), bool)
    kept[pairs.group], kept[trigram] = True, True
    number = np.cumsum(kept) - 1
    query = np.searchsorted(frequent, queries[owner])
    length = np.sqrt(np.bincount(query, idf[trigram] ** 2, len(frequent)))
    groups = int(kept.sum())
    return {
        "trigram.key": keys[kept],
        "trigram.idf": idf[kept].astype(np.float32),
        "trigram.max_idf": np.array([np.log1p(len(queries))], np.float32),
        "trigram.query_start": np.searchsorted(number[trigram], np.arange(groups + 1)).astype(np.int64),
        "trigram.query": query.astype(np.int32),
        "trigram.tfidf": (idf[trigram] / length[query]).astype(np.float32),
        "trigram.product_start": replace(pairs, group=number[pairs.group]).bounds(groups),
        "trigram.product": pairs.product,
        "trigram.share": pairs.share,
    }


def _trigrams_of(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`trigrams` of many texts, some at a time."""
    found = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        owner, key = trigrams(texts[start : start + TEXTS_AT_ONCE])
        found.append((owner + start, key))
    return np.concatenate([owner for owner, _ in found]), np.concatenate([key for _, key in found])


def _chosen_by_trigram(
    owner: NDArray[np.int64],
    trigram: NDArray[np.int64],
    queries: NDArray[np.int64],
    clicks: QueryClicks,
    min_customers: int,
) -> SupportedPairs:
    """What was chosen after all queries that have a trigram; a visitor counts once for a trigram and product. `trigram`
    is ascending, `owner` the row in `queries` of the query that has it."""
    bounds = np.searchsorted(clicks.query, np.append(queries, queries[-1:] + 1))
    first, last = bounds[owner], bounds[owner + 1]
    size = np.bincount(trigram, last - first).astype(np.int64)
    often = size[trigram] >= min_customers
    trigram, first, last = trigram[often], first[often], last[often]
    block = np.cumsum(last - first) // ROWS_AT_ONCE
    block = block[np.searchsorted(trigram, trigram)]  # all rows of a trigram lie in one block
    cuts = np.append(np.flatnonzero(group_starts(block)), len(block)).tolist()
    parts = []
    for start, stop in pairwise(cuts):
        rows = slice(start, stop)
        group = np.repeat(trigram[rows], last[rows] - first[rows])
        parts.append(_pairs_of_block(group, clicks.take(indices_of_ranges(first[rows], last[rows])), min_customers))
    return SupportedPairs.concatenate(parts)


def _pairs_of_block(group: NDArray[np.int64], clicks: QueryClicks, min_customers: int) -> SupportedPairs:
    order = np.lexsort((clicks.weight, clicks.visitor, clicks.product, group))
    once = order[_group_ends(group[order], clicks.product[order], clicks.visitor[order])]
    total, pairs = with_support(group[once], clicks.take(once), min_customers)
    rank = np.arange(len(pairs.group)) - np.searchsorted(pairs.group, pairs.group)
    smoothed = (total / (total + SMOOTHING))[pairs.group]
    return replace(pairs, share=(pairs.share * smoothed).astype(np.float32)).take(rank < MAX_PER_TRIGRAM)
