"""How well a product matches a search: numbers that describe a candidate beside those of `features`."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.rank.features import Feature
from personalization.rank.search_queries import products_chosen_after
from personalization.rank.search_words import SearchVocabulary, query_words
from personalization.rank.snapshot_arrays import SnapshotArrays

QUERY_FEATURES = tuple(
    Feature(f"query.{name}", "query", description)
    for name, description in (
        ("engine_rank", "The product's position among the engine's hits: 1 for the first one, falling gently."),
        ("title_share", "The share of the query that is in the product's title, each word by its rarity."),
        ("title_exact", "The same share, counting only words that are spelt exactly so."),
        ("title_coverage", "The share of the title that is in the query, each word by its rarity."),
        ("title_head", "Whether the query's last word is the last word of the title's first part, singular or plural."),
        ("category_share", "The share of the query that is in the name of the product's leaf category."),
        ("category_coverage", "The share of that name that is in the query."),
        ("category_head", "Whether the query's last word is the last one of that name, singular or plural."),
        ("path_share", "The share of the query that is in the names of the leaf category and those above it."),
        ("chosen", "The share of the product in what shoppers choose after such a search."),
    )
)


@dataclass(frozen=True)
class EngineHits:
    """A search, and what the shop's engine found."""

    query: str
    product_indices: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Indices of products in the engine's order; -1 for one that the snapshot does not hold."""
    alternatives: tuple[str, ...] = ()
    """What the engine was asked for besides: the same search with synonyms in place of its words."""

    @property
    def wordings(self) -> tuple[str, ...]:
        """The search, and what it was asked for besides."""
        return (self.query, *self.alternatives)


def compute_query_features(
    hits: EngineHits, learned: SnapshotArrays, candidates: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The features of these candidates (indices of products, each once) for one search. A product matches as well as
    it does the wording that it matches best.

    Returns
    -------
    Shape (features, candidates), in 0..1: a row for each of QUERY_FEATURES.
    """
    features = _wording_features(hits.query, learned, candidates)
    for alternative in hits.alternatives:
        features = np.maximum(features, _wording_features(alternative, learned, candidates))
    return np.concatenate([[engine_rank(hits.product_indices, candidates)], features]).astype(np.float32)


def _wording_features(query: str, learned: SnapshotArrays, candidates: NDArray[np.int64]) -> NDArray[np.float64]:
    """The features but the engine's, for one wording of the search."""
    chosen = align_values(*products_chosen_after(query, learned), candidates)
    return np.stack([*_word_match(query, learned, candidates), chosen])


def engine_rank(listed: NDArray[np.int64], candidates: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 / log2(2 + position) of each candidate in the engine's list; that behind the last one for what is not in it."""
    relevance = 1 / np.log2(2 + np.arange(len(listed) + 1))
    in_snapshot = listed >= 0
    aligned = align_values(listed[in_snapshot], relevance[:-1][in_snapshot], candidates)
    at_least_last: NDArray[np.float64] = np.maximum(aligned, relevance[-1])
    return at_least_last


def align_values(some: NDArray[np.int64], values: NDArray[Any], indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """The values, which belong to some indices, in the order of these indices; 0 for the others."""
    aligned = np.zeros(len(indices))
    if not len(indices):
        return aligned
    order = np.argsort(indices)
    position = np.minimum(np.searchsorted(indices, some, sorter=order), len(indices) - 1)
    present = indices[order[position]] == some
    aligned[order[position[present]]] = values[present]
    return aligned


def _word_match(query: str, learned: SnapshotArrays, candidates: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """The eight features that compare words; zeros where the snapshot has none, or nothing is left of the query."""
    vocabulary, words = SearchVocabulary.from_arrays(learned.arrays), query_words(query)
    if vocabulary is None or not words or not len(candidates):
        return [np.zeros(len(candidates))] * (len(QUERY_FEATURES) - 2)
    roots = [vocabulary.with_root_of(word) for word in words]
    exact = [[number] if (number := vocabulary.find(word)) >= 0 else [] for word in words]
    idf = learned.arrays["word.idf"]
    weight = np.array([max(idf[found], default=vocabulary.max_idf) if found else vocabulary.max_idf for found in roots])
    leaf = learned.arrays["product.leaf_category"][candidates].astype(np.int64)
    matcher = _Matcher(vocabulary, weight)
    title, title_coverage = matcher.shares("title", candidates, roots)
    title_exact, _ = matcher.shares("title", candidates, exact)
    category, category_coverage = matcher.shares("leaf_name", leaf, roots)
    path, _ = matcher.shares("leaf_path", leaf, roots)
    title_head = _is_any(learned.arrays["title.head"][candidates], roots[-1])
    category_head = _is_any(np.append(learned.arrays["leaf_name.head"], -1)[leaf], roots[-1])  # of leaf -1 the last
    heads = title_head.astype(np.float64), category_head.astype(np.float64)
    return [title, title_exact, title_coverage, heads[0], category, category_coverage, heads[1], path]


def _is_any(words: NDArray[Any], numbers: list[int]) -> NDArray[np.bool_]:
    """Whether each word is one of a few; quicker than `np.isin`."""
    hit = np.zeros(len(words), bool)
    for number in numbers:
        hit |= words == number
    return hit


@dataclass(frozen=True)
class _Matcher:
    """Compares a query's words with titles and names."""

    vocabulary: SearchVocabulary
    weight: NDArray[np.float64]
    """Of each word of the query: its rarity."""

    def shares(
        self, name: str, rows: NDArray[np.int64], numbers: list[list[int]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(share of the query that is in each title or name, share of the title or name that is in the query)

        Parameters: `numbers`, for each word of the query the words of the vocabulary that count as it.
        """
        owner, word = self.vocabulary.words_of(name, rows)
        rarity = self.vocabulary.arrays["word.idf"][word]
        total = np.bincount(owner, rarity, len(rows))
        covered = np.zeros(len(word), bool)
        share = np.zeros(len(rows))
        for weight, found in zip(self.weight.tolist(), numbers, strict=True):
            hit = _is_any(word, found)
            covered |= hit
            share[np.unique(owner[hit])] += weight
        return share / max(float(self.weight.sum()), 1e-9), np.bincount(
            owner, rarity * covered, len(rows)
        ) / np.maximum(total, 1e-9)
