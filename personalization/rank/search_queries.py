"""What shoppers choose after a search: after exactly this query (exact match), after queries that are spelt like it
(fuzzy match, by TF-IDF cosine of their trigrams), and after any query with its trigrams (backoff).

Trigrams are runs of three letters within a word, with a space before and after it: "tea" has " te", "tea" and "ea ".
So a wrong letter costs three of them, and the sequence of the words none.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.rank.snapshot_arrays import SnapshotArrays, lookup_indices

MAX_QUERY_LENGTH = 256
"""Of a longer query the rest is not read."""
MAX_SIMILAR_QUERIES = 20
"""At most this many queries that are spelt like it count."""
MIN_SIMILARITY = 0.3
"""Queries with at least this cosine are spelt alike."""
SHARPNESS = 7
"""The exponent of the cosine: how much more a closer query counts."""
SMOOTHING = 1.0
"""With this much weight of choices behind it, a query counts as much as all that it backs off to."""
WORD_BREAK = ord(" ")
ARRAYS = ("query.text_start", "trigram.key")
"""A snapshot of an earlier release has none of these."""

IndexWeightPairs = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Indices of products and their weights."""
NO_PAIRS: IndexWeightPairs = (np.empty(0, np.int64), np.empty(0))


def normalize_query(query: str) -> str:
    """The query without case, accents, punctuation and repeated spaces, cut to MAX_QUERY_LENGTH."""
    return plain_query(query[:MAX_QUERY_LENGTH])[:MAX_QUERY_LENGTH].strip()


def plain_query(text: str) -> str:
    """A text of any length without case, accents, punctuation and repeated spaces."""
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = (letter for letter in letters if not is_accent(letter))
    return " ".join("".join(letter if unicodedata.category(letter)[0] in "LMNS" else " " for letter in kept).split())


def is_accent(letter: str) -> bool:
    """Whether a character is an accent, a Hebrew point or an Arabic vowel sign. Other combining characters, as those
    that join letters in Indic scripts, are a part of the word."""
    combining_class = unicodedata.combining(letter)
    return combining_class >= 200 or combining_class == 1 or 10 <= combining_class <= 36


def trigrams(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(index of the text, trigram as a number) of each trigram of these normalised texts, each once per text,
    sorted."""
    letters = np.frombuffer("".join(f" {text} " for text in texts).encode("utf-32-le"), "<u4").astype(np.int64)
    owner = np.repeat(np.arange(len(texts)), [len(text) + 2 for text in texts])[1:-1]
    inside = letters[1:-1] != WORD_BREAK
    key = (letters[:-2] << 42 | letters[1:-1] << 21 | letters[2:])[inside]  # a code point has 21 bits
    order = np.lexsort((key, owner[inside]))
    owner, key = owner[inside][order], key[order]
    first = np.ones(len(owner), bool)
    first[1:] = (np.diff(owner) != 0) | (np.diff(key) != 0)
    return owner[first], key[first]


def products_chosen_after(query: str, learned: SnapshotArrays) -> IndexWeightPairs:
    """What shoppers choose after such a search: indices of products, and each one's estimated share of the choices, in
    0..1. The exact match counts as far as enough choices support it, the fuzzy match for what is left, then the
    backoff.
    """
    matcher = _QueryMatcher.from_arrays(query, learned.arrays)
    if matcher is None:
        return NO_PAIRS
    rest, layers = 1.0, []
    for trust, (products, share) in (matcher.exact_match(), matcher.fuzzy_match(), matcher.trigram_backoff()):
        layers.append((products, share * rest * trust))
        rest *= 1 - trust
    products = np.concatenate([products for products, _ in layers])
    weight = np.bincount(products, np.concatenate([weight for _, weight in layers]), minlength=1)
    found = np.flatnonzero(weight)
    return found, np.minimum(weight[found], 1.0)


def products_chosen_after_any(queries: Sequence[str], learned: SnapshotArrays) -> IndexWeightPairs:
    """What shoppers choose after any of several wordings of one search: of each product the largest share."""
    found = [products_chosen_after(query, learned) for query in queries]
    if len(found) == 1:
        return found[0]
    share = np.zeros(len(learned.ids))
    for products, shares in found:
        share[products] = np.maximum(share[products], shares)
    chosen = np.flatnonzero(share)
    return chosen, share[chosen]


def visitors_choosing(query: str, learned: SnapshotArrays) -> dict[int, int]:
    """The number of visitors who chose each product (its index) after exactly this query; none where they are too
    few."""
    matcher = _QueryMatcher.from_arrays(query, learned.arrays)
    if matcher is None or matcher.query_index < 0:
        return {}
    pairs = matcher.pairs_of(matcher.query_index)
    arrays = learned.arrays
    return dict(zip(arrays["query.product"][pairs].tolist(), arrays["query.visitors"][pairs].tolist(), strict=True))


def similar_queries(query: str, learned: SnapshotArrays, limit: int) -> list[str]:
    """The public queries of other shoppers that are spelt most like this one, the most similar first."""
    matcher = _QueryMatcher.from_arrays(query, learned.arrays)
    if matcher is None:
        return []
    similar, _ = matcher.neighbours()
    public = similar[learned.arrays["query.is_public"][similar] > 0][:limit]
    return [unicodedata.normalize("NFC", query_text(learned.arrays, index)) for index in public.tolist()]


def query_text(arrays: Mapping[str, NDArray[Any]], index: int) -> str:
    """The normalised text of a query of the snapshot."""
    start = arrays["query.text_start"]
    return "".join(map(chr, arrays["query.text"][start[index] : start[index + 1]].tolist()))


@dataclass(frozen=True)
class _QueryMatcher:
    """A query, and where it and its trigrams are in the snapshot."""

    arrays: Mapping[str, NDArray[Any]]
    query_index: int
    """-1 where the snapshot does not hold it."""
    trigrams: NDArray[np.int64]
    """The indices of its trigrams, without those that the snapshot does not hold."""
    idf: NDArray[np.float64]
    """Of these trigrams."""
    unknown_trigrams: int
    """The number of the others, each with the highest IDF."""

    @classmethod
    def from_arrays(cls, query: str, arrays: Mapping[str, NDArray[Any]]) -> "_QueryMatcher | None":
        """None when nothing was learned about searches, or nothing is left of the query after normalisation."""
        text = normalize_query(query)
        if not text or any(name not in arrays for name in ARRAYS):
            return None
        queries = range(len(arrays["query.text_start"]) - 1)
        index = bisect_left(queries, text, key=lambda number: query_text(arrays, number))
        query_index = index if index < len(queries) and query_text(arrays, index) == text else -1
        indices = lookup_indices(arrays["trigram.key"], trigrams([text])[1])
        found = indices[indices >= 0]
        idf = arrays["trigram.idf"][found].astype(np.float64)
        return cls(arrays, query_index, found, idf, len(indices) - len(found))

    def exact_match(self) -> tuple[float, IndexWeightPairs]:
        """(trust in 0..1, what was chosen after exactly this query)"""
        if self.query_index < 0:
            return 0.0, NO_PAIRS
        pairs = self.pairs_of(self.query_index)
        support = float(self.arrays["query.weight"][self.query_index])
        return support / (support + SMOOTHING), (
            self.arrays["query.product"][pairs].astype(np.int64),
            self.arrays["query.share"][pairs].astype(np.float64),
        )

    def fuzzy_match(self) -> tuple[float, IndexWeightPairs]:
        """(trust in 0..1, what was chosen after queries that are spelt like it)"""
        similar, cosine = self.neighbours()
        support = self.arrays["query.weight"][similar].astype(np.float64)
        support /= support + SMOOTHING
        weight = cosine**SHARPNESS * support
        kept = np.argsort(-weight, kind="stable")[:MAX_SIMILAR_QUERIES]
        similar, weight = similar[kept], weight[kept]
        if not len(similar) or weight[0] <= 0:
            return 0.0, NO_PAIRS
        first, last = self.arrays["query.product_start"][similar], self.arrays["query.product_start"][similar + 1]
        rows = indices_of_ranges(first, last)
        share = self.arrays["query.share"][rows] * np.repeat(weight / weight.sum(), last - first)
        trust = float((cosine**2 * support).max())
        return trust, (self.arrays["query.product"][rows].astype(np.int64), share)

    def trigram_backoff(self) -> tuple[float, IndexWeightPairs]:
        """(1, what was chosen after any query with one of its trigrams)"""
        first, last = (
            self.arrays["trigram.product_start"][self.trigrams],
            self.arrays["trigram.product_start"][self.trigrams + 1],
        )
        rows = indices_of_ranges(first, last)
        weight = self.idf**2 / max(self.squared_length, 1e-9)
        share = self.arrays["trigram.share"][rows] * np.repeat(weight, last - first)
        return 1.0, (self.arrays["trigram.product"][rows].astype(np.int64), share)

    def neighbours(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(index, cosine) of the other queries that are spelt like it, the most similar first."""
        first, last = (
            self.arrays["trigram.query_start"][self.trigrams],
            self.arrays["trigram.query_start"][self.trigrams + 1],
        )
        rows = indices_of_ranges(first, last)
        cosine = np.bincount(
            self.arrays["trigram.query"][rows],
            self.arrays["trigram.tfidf"][rows] * np.repeat(self.idf, last - first),
            len(self.arrays["query.text_start"]),
        ) / max(np.sqrt(self.squared_length), 1e-9)
        if self.query_index >= 0:
            cosine[self.query_index] = 0
        similar = np.flatnonzero(cosine >= MIN_SIMILARITY)
        similar = similar[np.lexsort((similar, -cosine[similar]))]
        return similar, cosine[similar]

    @property
    def squared_length(self) -> float:
        """The squared length of its TF-IDF vector."""
        return float((self.idf**2).sum()) + self.unknown_trigrams * float(self.arrays["trigram.max_idf"][0]) ** 2

    def pairs_of(self, query_index: int) -> slice:
        """The entries of the products that were chosen after a query."""
        return slice(*self.arrays["query.product_start"][query_index : query_index + 2].tolist())


def indices_of_ranges(first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers from each first up to, but not including, each last, one range after the other."""
    size = last - first
    return np.repeat(first - np.cumsum(size) + size, size) + np.arange(int(size.sum()))
