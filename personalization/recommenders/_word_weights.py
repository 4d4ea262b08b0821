"""How much each word of a catalogue tells. The weights of one training run can be kept for the next: then the texts of
products that did not change compare as they did, to the last bit, and what is known of them need not be worked out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from personalization.recommenders import KeptWords

MAX_DOCUMENT_SHARE = 0.03
"""A word in the texts of more than this share of the products is left out, ..."""
MIN_DOCUMENTS = 50
"""... unless it is in at most this many texts, ..."""
MAX_DOCUMENTS = 1_000
"""... and always when it is in more than this many. It keeps the work in proportion to the length of the texts."""
TOO_COMMON = 0.0
"""The weight of a word that is left out."""


@dataclass(frozen=True)
class CountedWords:
    """The words that are in the texts of at least two products, without case and accents."""

    counts: sparse.csr_matrix
    """Shape (products, words)."""
    word_hash: NDArray[np.int64]
    """A hash of each."""

    @property
    def documents(self) -> NDArray[np.int64]:
        """In how many texts each word is."""
        return np.bincount(self.counts.indices, minlength=len(self.word_hash))

    def fresh_weights(self) -> NDArray[np.float64]:
        """The inverse document frequency of each word, or TOO_COMMON."""
        products, documents = self.counts.shape[0], self.documents
        limit = min(max(MAX_DOCUMENT_SHARE * products, MIN_DOCUMENTS), MAX_DOCUMENTS)
        weights: NDArray[np.float64] = np.log((1.0 + products) / (1.0 + documents)) + 1.0
        return np.where(documents <= limit, weights, TOO_COMMON)

    def kept_weights(self, kept: KeptWords) -> NDArray[np.float64]:
        """The kept weight of each word; of a word that is new in the catalogue what it is now."""
        known = np.minimum(np.searchsorted(kept.word_hash, self.word_hash), max(len(kept.word_hash) - 1, 0))
        if not len(kept.word_hash):
            return self.fresh_weights()
        return np.where(kept.word_hash[known] == self.word_hash, kept.weight[known], self.fresh_weights())

    def terms(self, weights: NDArray[np.float64]) -> sparse.csr_matrix:
        """Vectors of length 1, shape (products, words that are not left out): log-scaled counts times these weights.

        References
        ----------
        G. Salton, C. Buckley: Term-weighting approaches in automatic text retrieval. Information Processing &
        Management 24(5), 1988.
        """
        used = weights != TOO_COMMON
        terms = self.counts[:, used].astype(np.float64)
        terms.sort_indices()
        terms.data = (np.log(terms.data) + 1.0) * weights[used][terms.indices]
        return normalize(terms, copy=False) if terms.nnz else terms

    def digests(self, weights: NDArray[np.float64], *more: NDArray[Any]) -> NDArray[np.int64]:
        """A number for each product that differs where its weighted words, or what `more` says of it, differ."""
        used = (weights != TOO_COMMON)[self.counts.indices]
        entry = _mix(self.word_hash.view(np.uint64)[self.counts.indices] + _mix(self.counts.data.astype(np.uint64)))
        total = np.concatenate([[np.uint64(0)], np.cumsum(np.where(used, entry, np.uint64(0)), dtype=np.uint64)])
        digest = total[self.counts.indptr[1:]] - total[self.counts.indptr[:-1]]
        for about in more:
            digest = _mix(digest + about.astype(np.int64).view(np.uint64))
        signed: NDArray[np.int64] = digest.view(np.int64)
        return signed


def count_words(text: Sequence[str]) -> CountedWords:
    """The words of these texts; none where no text has any."""
    counter = CountVectorizer(strip_accents="unicode")
    if not any(map(counter.build_analyzer(), text)):
        return CountedWords(sparse.csr_matrix((len(text), 0), dtype=np.int64), np.empty(0, np.int64))
    counts = counter.fit_transform(text)
    several = np.bincount(counts.indices, minlength=counts.shape[1]) >= 2
    words = counter.get_feature_names_out()[several]
    return CountedWords(counts[:, several], np.fromiter(map(_hash_word, words), np.int64, len(words)))


def _hash_word(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little", signed=True)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spreads each number over all 64 bits (the finalizer of SplitMix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
