"""Which names, of categories for instance, match a search, also when it is misspelt."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from personalization.rank.search_queries import normalize_query, trigrams

MAX_QUERY_WORDS = 12
"""The rest of a longer query is not read."""
MIN_SIMILARITY = 0.5
"""With a smaller Dice coefficient of their trigrams two words are different ones: "tea" and "teas" have 4/7, "tea" and
"tee" 1/3."""
NEAR_BEST = 0.6
"""A path says a word of the query when one of its words is about as similar to it as any path's: "drinks" for "drink"
beside a "drink", but not "women" for "men"."""

_normalized_words = lru_cache(10_000)(normalize_query)


def match_names(query: str, names: Sequence[str]) -> NDArray[np.float64]:
    """How well each of these names matches the query, in 0..1, shape (names,): the share of the name's letters that are
    matched by the query, or of the query's that are matched by the name, whichever is more."""
    query_words = list(dict.fromkeys(normalize_query(query).split()))[:MAX_QUERY_WORDS]
    name_words = [_normalized_words(name).split() for name in names]
    words = list(dict.fromkeys(word for name in name_words for word in name))
    score = np.zeros(len(names))
    if not (query_words and words):
        return score
    similarity = _word_similarity(query_words, words)
    index = {word: row for row, word in enumerate(words)}
    matched = {words[row] for row in np.flatnonzero(similarity.any(axis=1)).tolist()}
    for number, name in enumerate(name_words):
        if not matched.isdisjoint(name):
            matrix = similarity[[index[word] for word in name]]
            by_name, by_query = matrix.max(axis=1), matrix.max(axis=0)
            score[number] = max(_matched_share(name, by_name), _matched_share(query_words, by_query))
    return score


def _word_similarity(query_words: Sequence[str], words: Sequence[str]) -> NDArray[np.float64]:
    """The similarity of each word (row) and each word of the query (column), in 0..1; 0 for different words."""
    owner, trigram = trigrams(words)
    size = np.bincount(owner, minlength=len(words))
    similarity = np.zeros((len(words), len(query_words)))
    for column, word in enumerate(query_words):
        own = trigrams([word])[1]
        common = np.bincount(owner[np.isin(trigram, own)], minlength=len(words))
        similarity[:, column] = 2 * common / (size + len(own))
    return np.where(similarity >= MIN_SIMILARITY, similarity, 0)


def _matched_share(words: Sequence[str], similarity: NDArray[np.float64]) -> float:
    """The share of the letters of these words that are matched, each word by its similarity."""
    letters = np.array([len(word) for word in words])
    return float((letters * similarity).sum() / letters.sum())


def match_paths(query: str, paths: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
    """Which words of the query each path says, from the top category down, shape (paths, words of the query)."""
    query_words = list(dict.fromkeys(normalize_query(query).split()))[:MAX_QUERY_WORDS]
    path_words = [[word for name in path for word in _normalized_words(name).split()] for path in paths]
    words = list(dict.fromkeys(word for path in path_words for word in path))
    said = np.zeros((len(paths), len(query_words)), bool)
    if query_words and words:
        similarity = _word_similarity(query_words, words)
        is_close = (similarity > 0) & (similarity >= NEAR_BEST * similarity.max(axis=0))
        index = {word: row for row, word in enumerate(words)}
        for number, path in enumerate(path_words):
            said[number] = is_close[[index[word] for word in path]].any(axis=0)
    return said
