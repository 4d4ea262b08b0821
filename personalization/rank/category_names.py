"""Which names the words of a search may stand for, also when they are misspelt."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from personalization.rank.search_queries import normalize_query, trigrams

WORD_PATTERN = 12
"""So many words of a query are looked at."""
MIN_SIMILARITY = 0.5
"""Words of whose pieces a smaller part is common are different words: of "tea" and "teas" it is four sevenths, of "tea"
and "tee" a third."""

_normalized_words = lru_cache(10_000)(normalize_query)


def match_names(query: str, names: Sequence[str]) -> NDArray[np.float64]:
    """How far each of these names is what the query says, in 0..1: the part of the name's letters that stand in the
    query, or the part of the query's letters that stand in the name, whichever is more."""
    asked = list(dict.fromkeys(normalize_query(query).split()))[:WORD_PATTERN]
    spelt = [_normalized_words(name).split() for name in names]
    words = list(dict.fromkeys(word for name in spelt for word in name))
    score = np.zeros(len(names))
    if not (asked and words):
        return score
    likeness = _word_similarity(asked, words)
    place = {word: row for row, word in enumerate(words)}
    hit = {words[row] for row in np.flatnonzero(likeness.any(axis=1)).tolist()}
    for number, name in enumerate(spelt):
        if not hit.isdisjoint(name):
            alike = likeness[[place[word] for word in name]]
            score[number] = max(_matched_share(name, alike.max(axis=1)), _matched_share(asked, alike.max(axis=0)))
    return score


def _word_similarity(asked: Sequence[str], words: Sequence[str]) -> NDArray[np.float64]:
    """How alike each word (a row) and each asked one (a column) are, in 0..1; 0 when they are different words."""
    owner, piece = trigrams(words)
    size = np.bincount(owner, minlength=len(words))
    likeness = np.zeros((len(words), len(asked)))
    for column, word in enumerate(asked):
        own = trigrams([word])[1]
        common = np.bincount(owner[np.isin(piece, own)], minlength=len(words))
        likeness[:, column] = 2 * common / (size + len(own))
    return np.where(likeness >= MIN_SIMILARITY, likeness, 0)


def _matched_share(words: Sequence[str], alike: NDArray[np.float64]) -> float:
    """The part of the letters of these words that is alike."""
    letters = np.array([len(word) for word in words])
    return float((letters * alike).sum() / letters.sum())
