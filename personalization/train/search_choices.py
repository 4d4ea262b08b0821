"""What shoppers chose after they searched: from rows to what a snapshot keeps of it.

A choice is what somebody looked at, put into the basket or on a wish list after a search, before their next one and
within half an hour; and what they bought within a day. A visitor counts once for a query and product, by their best
choice, faded with age. So nobody is loud, and nothing is kept that fewer than `min_customers` visitors did: no product
of a query, no product of a piece of a word, no query.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, pairwise
from math import inf
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from personalization.models import Event
from personalization.models.events import EventType
from personalization.rank.search_queries import SMOOTHING, indices_of_ranges, normalize_query, plain_query, trigrams
from personalization.rank.snapshot_arrays import lookup_indices
from personalization.recommenders import DAY, HistoryArrays
from personalization.shop import product_views, search_log
from personalization.shop.orders import PurchaseArrays

CHOICE_WINDOW = 30 * 60.0
"""A search explains what is done so many seconds later at most."""
PURCHASE_WINDOW = DAY
"""And what is bought."""
HALF_LIFE_DAYS = 28 * DAY
"""A choice that is so old counts half: what a word stands for changes faster than anybody's taste."""
MAX_AGE_DAYS = 20.0
"""After so many half-lives a choice fades no more: something is left of all."""
VIEW_WEIGHT, WISHLIST_WEIGHT, BASKET_WEIGHT, PURCHASE_WEIGHT = 1.0, 2.0, 3.0, 4.0
"""How much a choice says, by how far it went."""
BROWSER_WEIGHT = 0.25
"""How much a visitor has to say who never bought anything: an identity that costs nothing."""
MAX_QUERIES = 50_000
"""So many queries are known, those that most visitors typed."""
MAX_PER_TRIGRAM = 200
"""So many products of a piece of a word are kept."""
TEXTS_AT_ONCE = 50_000
ROWS_AT_ONCE = 2_000_000
"""So many choices are looked at together: bounds the memory."""

EVENT_WEIGHTS = {
    EventType.CLICK: VIEW_WEIGHT,
    EventType.PRODUCT_VIEW: VIEW_WEIGHT,
    EventType.ADD_TO_WISHLIST: WISHLIST_WEIGHT,
    EventType.ADD_TO_BASKET: BASKET_WEIGHT,
}
SEARCH = 0.0
"""What stands for a search where a choice says how far it went."""
ROW = np.dtype([("person", "i8"), ("at", "f8"), ("query", "i4"), ("product", "i8"), ("says", "f4")])


@dataclass(frozen=True)
class SearchLog:
    """What visitors searched for and did up to a moment, one entry an act, in any order."""

    visitor: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """A customer who bought something has a number below `buyers`, another one a higher one, a browser one below 0."""
    at: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Seconds since 1970."""
    query: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """The place in `texts` of what was searched for; -1 where something was done with a product."""
    product: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """0..products-1; -1 for a search."""
    weight: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    """How far it went: SEARCH, LOOKED, WISHED, ADDED or BOUGHT."""
    texts: Sequence[str] = ()
    """The queries, folded, ascending."""
    buyers: int = 0


@dataclass(frozen=True)
class QueryClicks:
    """One entry for each visitor, query and product that they chose after it."""

    person: NDArray[np.int64]
    """0..persons-1."""
    query: NDArray[np.int32]
    product: NDArray[np.int32]
    weight: NDArray[np.float32]

    def of(self, rows: NDArray) -> "QueryClicks":
        """Those in these rows."""
        return QueryClicks(self.person[rows], self.query[rows], self.product[rows], self.weight[rows])


def read_searches(
    product_id: NDArray[np.int64],
    bought: PurchaseArrays,
    unheard: Mapping[Any, float],
    now: float,
    progress: Callable[[Iterable, str, int], Iterable],
) -> SearchLog:
    """What was searched for up to now, what was done since with these products, and what they who searched bought.

    Whom `unheard` names is not heard up to the moment that it names.
    """
    acts = _VisitorActions(bought.users, unheard)
    reported, searched = Event.objects.search_sessions(), search_log.all_searches()
    viewed = product_views.all_product_views().filter(user_id__in=searched.values("user_id"))
    rows = chain(
        acts.reported(reported.by_visitor()),
        acts.searched(search_log.search_values(searched)),
        acts.viewed(product_views.view_values(viewed)),
    )
    length = reported.count() + searched.count() + viewed.count()
    table = np.fromiter(progress(rows, "Reading searches", length), ROW)
    table = np.concatenate([table, _purchases(bought, table["person"])])
    return _numbered(table[table["at"] <= now], product_id, list(acts.queries), len(bought.users))


class _VisitorActions:
    """Rows of tables as rows of ROW."""

    def __init__(self, buyers: Sequence[Any], unheard: Mapping[Any, float]) -> None:
        self.customers = {user: place for place, user in enumerate(buyers)}
        self.unheard = unheard
        self.queries: dict[str, int] = {}
        self.folded = lru_cache(100_000)(normalize_query)

    def reported(self, rows: Iterable[tuple]) -> Iterator[tuple]:
        """What visitors who agreed had reported."""
        for visitor, user, name, product, query, at in rows:
            if user is None or at > self.unheard.get(user, -inf):
                person = _browser(visitor) if user is None else self.customer(user)
                place = self.query(query) if name == EventType.SEARCH else -1
                yield person, at, place, -1 if product is None else product, EVENT_WEIGHTS.get(name, SEARCH)

    def searched(self, rows: Iterable[tuple]) -> Iterator[tuple]:
        """What Oscar saw customers search for."""
        for user, query, at in rows:
            if at > self.unheard.get(user, -inf):
                yield self.customer(user), at, self.query(query), -1, SEARCH

    def viewed(self, rows: Iterable[tuple]) -> Iterator[tuple]:
        """What Oscar saw them look at."""
        for user, product, at in rows:
            if at > self.unheard.get(user, -inf):
                yield self.customer(user), at, -1, product, VIEW_WEIGHT

    def customer(self, user: Any) -> int:
        """The customer's number; those who bought nothing follow those who did."""
        return self.customers.setdefault(user, len(self.customers))

    def query(self, typed: str) -> int:
        """The number of what was typed."""
        return self.queries.setdefault(self.folded(typed), len(self.queries))


def _browser(visitor: UUID) -> int:
    return -1 - (visitor.int & 2**62 - 1)  # of its 122 bits by chance, enough to tell millions apart


def _purchases(bought: PurchaseArrays, persons: NDArray[np.int64]) -> NDArray:
    """What those who did anything else bought."""
    mine = np.isin(bought.customer, np.unique(persons[persons >= 0]))
    rows = np.zeros(int(mine.sum()), ROW)
    rows["person"], rows["at"], rows["product"] = bought.customer[mine], bought.ordered_at[mine], bought.product[mine]
    rows["query"], rows["says"] = -1, PURCHASE_WEIGHT
    return rows


def _numbered(table: NDArray, product_id: NDArray[np.int64], queries: list[str], buyers: int) -> SearchLog:
    product = lookup_indices(product_id, table["product"]).astype(np.int32)
    known = (table["query"] >= 0) | (product >= 0)
    rank = np.empty(len(queries) + 1, np.int32)
    order = sorted(range(len(queries)), key=queries.__getitem__)
    rank[order], rank[-1] = np.arange(len(queries)), -1
    return SearchLog(
        visitor=table["person"][known],
        at=table["at"][known],
        query=rank[table["query"][known]],
        product=product[known],
        weight=table["says"][known],
        texts=[queries[place] for place in order],
        buyers=buyers,
    )


def search_arrays(found: SearchLog, history: HistoryArrays, min_customers: int) -> dict[str, NDArray]:
    """All that a snapshot keeps of searches, of these products at this moment."""
    every = query_clicks(found, history.now)
    known = frequent_queries(found, min_customers)
    return {
        "search.choices": chosen_after_any(every, history.products, min_customers),
        **_of_queries(found, every, known, min_customers, query_words(history.catalogue.text)),
        **_of_pieces(found, every, known, min_customers),
    }


def query_clicks(found: SearchLog, now: float) -> QueryClicks:
    """Who chose what after which query, with the weight of the choice."""
    searching, buying = found.weight == SEARCH, found.weight == PURCHASE_WEIGHT
    search = preceding_search(searching, found.at, CHOICE_WINDOW, found.visitor)
    choosing = ~searching & ~buying & (search >= 0)
    seen = preceding_search(choosing, found.at, PURCHASE_WINDOW, found.visitor, found.product)
    before = preceding_search(searching, found.at, PURCHASE_WINDOW, found.visitor)
    search[buying] = np.where(seen >= 0, search[seen], before)[buying]
    says = np.where(buying & (seen < 0), VIEW_WEIGHT, found.weight)  # who knows which search it was for
    rows = np.flatnonzero(~searching & (search >= 0))
    query = found.query[search[rows]]
    free = (found.visitor[rows] < 0) | (found.visitor[rows] >= found.buyers)
    weight = says[rows] * np.where(free, BROWSER_WEIGHT, 1.0) * decayed_weights(found.at, now)[rows]
    told = np.array([bool(text) for text in found.texts], bool)[query] if len(rows) else np.zeros(0, bool)
    _, person = np.unique(found.visitor[rows][told], return_inverse=True)
    return strongest_per_group(
        QueryClicks(person, query[told], found.product[rows][told], weight[told].astype(np.float32))
    )


def decayed_weights(at: NDArray[np.float64], now: float) -> NDArray[np.float64]:
    """How much of an act is left, by its age: since now, or since the last act of a log that ended long ago."""
    return 0.5 ** np.minimum(np.maximum(min(now, at.max(initial=-inf)) - at, 0) / HALF_LIFE_DAYS, MAX_AGE_DAYS)


def preceding_search(
    anchor: NDArray[np.bool_], at: NDArray[np.float64], seconds: float, *group: NDArray[np.integer]
) -> NDArray[np.int64]:
    """For each entry the place of the last anchor of its group that came with or before it, at most so many seconds
    before; -1 where there is none."""
    order = np.lexsort((~anchor, at, *group))
    starts = np.ones(len(order), bool)
    starts[1:] = np.any([np.diff(column[order]) != 0 for column in group], axis=0)
    rows = np.arange(len(order))
    first = np.maximum.accumulate(np.where(starts, rows, 0))
    last = np.maximum.accumulate(np.where(anchor[order], rows, -1))
    found = np.full(len(order), -1)
    found[order] = np.where(last >= first, order[last], -1)
    return np.where((found >= 0) & (at - at[found] <= seconds), found, -1)


def strongest_per_group(given: QueryClicks) -> QueryClicks:
    """Each person's best choice of a product after a query, by query."""
    order = np.lexsort((given.weight, given.person, given.product, given.query))
    return given.of(order[_last(given.query[order], given.product[order], given.person[order])])


@dataclass(frozen=True)
class SupportedPairs:
    """What enough visitors chose of each group: one entry a group and product, by group, its best product first."""

    group: NDArray[np.int64]
    product: NDArray[np.int32]
    share: NDArray[np.float32]
    """The part of the group's weight."""
    customers: NDArray[np.int32]
    """How many visitors stand behind it."""

    @classmethod
    def together(cls, parts: Sequence["SupportedPairs"]) -> "SupportedPairs":
        """Those of several groups after each other."""
        none = cls(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int32))
        columns = zip(*(vars(part).values() for part in (none, *parts)), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def of(self, rows: NDArray[np.bool_]) -> "SupportedPairs":
        """Those in these rows."""
        return SupportedPairs(self.group[rows], self.product[rows], self.share[rows], self.customers[rows])

    def start(self, groups: int) -> NDArray[np.int64]:
        """Where each of so many groups begins, and the last one ends."""
        return np.searchsorted(self.group, np.arange(groups + 1)).astype(np.int64)


def with_support(
    group: NDArray[np.int64], given: QueryClicks, least: int
) -> tuple[NDArray[np.float64], SupportedPairs]:
    """(the weight of all choices of each group, what enough visitors chose of it). Nobody is in it twice for a product.

    Sums go by weight, so that they are the same to the last bit whatever persons are called.
    """
    order = np.lexsort((given.weight, given.product, group))
    group, product, weight = group[order], given.product[order], given.weight[order].astype(np.float64)
    total = np.bincount(group, weight).astype(np.float64)
    first = np.flatnonzero(group_changes(group, product))
    customers = np.diff(np.append(first, len(order)))
    enough = customers >= least
    summed = np.add.reduceat(weight, first)[enough] if len(first) else np.empty(0)
    group, product, customers = group[first][enough], product[first][enough], customers[enough]
    best_first = np.lexsort((product, -summed, group))
    share = (summed / total[group])[best_first].astype(np.float32)
    columns = group[best_first], product[best_first], share, customers[best_first].astype(np.int32)
    return total, SupportedPairs(*columns)


def group_changes(*columns: NDArray) -> NDArray[np.bool_]:
    """Where a sorted table begins or has another row than before."""
    found = np.ones(len(columns[0]), bool)
    found[1:] = np.any([np.diff(column) != 0 for column in columns], axis=0)
    return found


def _last(*columns: NDArray) -> NDArray[np.bool_]:
    """Where a sorted table has another row afterwards, or ends."""
    return np.append(group_changes(*columns), True)[1:]


def chosen_after_any(given: QueryClicks, products: int, least: int) -> NDArray[np.float32]:
    """For each product how many visitors chose it after any search, each fading with the age of their choice."""
    order = np.lexsort((given.weight, given.person, given.product))
    last = _last(given.product[order], given.person[order])
    product, weight = given.product[order][last], np.minimum(given.weight[order][last], 1.0)
    by_weight = np.lexsort((weight, product))
    summed = np.bincount(product[by_weight], weight[by_weight], products)
    return np.where(np.bincount(product, minlength=products) >= least, summed, 0).astype(np.float32)


def frequent_queries(found: SearchLog, least: int) -> NDArray[np.int64]:
    """The queries that enough visitors typed, in their order; those that most typed, if there are too many."""
    searched = found.weight == SEARCH
    order = np.lexsort((found.visitor[searched], found.query[searched]))
    person, query = found.visitor[searched][order], found.query[searched][order]
    typed = np.bincount(query[group_changes(query, person)], minlength=len(found.texts))
    typed[[place for place, text in enumerate(found.texts[:1]) if not text]] = 0
    most = np.argsort(-typed, kind="stable")[:MAX_QUERIES]
    return np.sort(most[typed[most] >= least])


def _of_queries(
    found: SearchLog, every: QueryClicks, known: NDArray[np.int64], least: int, words: set[str]
) -> dict[str, NDArray]:
    """What was chosen after the known queries. One may be shown to others when the catalogue holds each of its words,
    so that nobody writes on the shop's pages by searching."""
    place = np.full(len(found.texts), -1)
    place[known] = np.arange(len(known))
    kept = every.of(place[every.query] >= 0)
    total, pairs = with_support(place[kept.query], kept, least)
    weight = np.zeros(len(known), np.float32)
    weight[: len(total)] = total
    texts = [found.texts[query] for query in known.tolist()]
    letters = np.frombuffer("".join(texts).encode("utf-32-le"), "<i4")
    return {
        "query.text": letters.astype(np.int32),
        "query.text_start": np.cumsum([0, *map(len, texts)], dtype=np.int64),
        "query.is_public": np.array([words.issuperset(text.split()) for text in texts], np.int32),
        "query.weight": weight,
        "query.product_start": pairs.start(len(known)),
        "query.product": pairs.product,
        "query.share": pairs.share,
        "query.visitors": pairs.customers,
    }


def query_words(texts: Iterable[str]) -> set[str]:
    """The words of these texts, as they stand in queries."""
    different = {word for text in texts for word in text.split()}
    return {part for word in different for part in plain_query(word).split()}


def _of_pieces(found: SearchLog, every: QueryClicks, known: NDArray[np.int64], least: int) -> dict[str, NDArray]:
    """Which known queries hold a piece of a word, and what was chosen after all queries that hold it."""
    asked = np.union1d(known, np.unique(every.query))
    owner, key = _pieces([found.texts[query] for query in asked.tolist()])
    keys, piece = np.unique(key, return_inverse=True)
    order = np.lexsort((owner, piece))
    owner, piece = owner[order], piece[order]
    rarity = np.log1p(len(asked) / np.maximum(np.bincount(piece, minlength=len(keys)), 1))
    pairs = _chosen_by_piece(owner, piece, asked, every, least)
    spelt = np.isin(asked, known)[owner]
    kept = np.zeros(len(keys), bool)
    kept[pairs.group], kept[piece[spelt]] = True, True
    number = np.cumsum(kept) - 1
    place = np.searchsorted(known, asked[owner[spelt]])
    length = np.sqrt(np.bincount(place, rarity[piece[spelt]] ** 2, len(known)))
    groups = int(kept.sum())
    return {
        "trigram.key": keys[kept],
        "trigram.idf": rarity[kept].astype(np.float32),
        "trigram.max_idf": np.array([np.log1p(len(asked))], np.float32),
        "trigram.query_start": np.searchsorted(number[piece[spelt]], np.arange(groups + 1)).astype(np.int64),
        "trigram.query": place.astype(np.int32),
        "trigram.tfidf": (rarity[piece[spelt]] / length[place]).astype(np.float32),
        "trigram.product_start": replace(pairs, group=number[pairs.group]).start(groups),
        "trigram.product": pairs.product,
        "trigram.share": pairs.share,
    }


def _pieces(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pieces of many texts, some at a time."""
    found = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        owner, key = trigrams(texts[start : start + TEXTS_AT_ONCE])
        found.append((owner + start, key))
    return np.concatenate([owner for owner, _ in found]), np.concatenate([key for _, key in found])


def _chosen_by_piece(
    owner: NDArray[np.int64], piece: NDArray[np.int64], asked: NDArray[np.int64], every: QueryClicks, least: int
) -> SupportedPairs:
    """What was chosen after all queries that hold a piece, where a visitor counts once for a piece and product."""
    bounds = np.searchsorted(every.query, np.append(asked, asked[-1:] + 1))
    first, last = bounds[owner], bounds[owner + 1]
    size = np.bincount(piece, last - first).astype(np.int64)
    often = size[piece] >= least
    piece, first, last = piece[often], first[often], last[often]
    block = np.cumsum(last - first) // ROWS_AT_ONCE
    block = block[np.searchsorted(piece, piece)]  # a piece lies in one block
    cuts = np.append(np.flatnonzero(group_changes(block)), len(block)).tolist()
    parts = []
    for start, stop in pairwise(cuts):
        rows = slice(start, stop)
        group = np.repeat(piece[rows], last[rows] - first[rows])
        parts.append(_of_block(group, every.of(indices_of_ranges(first[rows], last[rows])), least))
    return SupportedPairs.together(parts)


def _of_block(group: NDArray[np.int64], given: QueryClicks, least: int) -> SupportedPairs:
    order = np.lexsort((given.weight, given.person, given.product, group))
    once = order[_last(group[order], given.product[order], given.person[order])]
    total, pairs = with_support(group[once], given.of(once), least)
    rank = np.arange(len(pairs.group)) - np.searchsorted(pairs.group, pairs.group)
    trusted = (total / (total + SMOOTHING))[pairs.group]
    return replace(pairs, share=(pairs.share * trusted).astype(np.float32)).of(rank < MAX_PER_TRIGRAM)
