"""Similarity of product texts: the cosine of their TF-IDF vectors. What several recommenders share."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from personalization.recommenders import CatalogueArrays, KeptWords
from personalization.recommenders._cooccurrence import cut_into_blocks
from personalization.recommenders._known_links import KnownLinks
from personalization.recommenders._word_weights import CountedWords, count_words

MAX_CATEGORY_SIZE = 1_000
"""A leaf category of more products is no term."""
MAX_CHANGED_SHARE = 0.05
"""Once this share of the products changed since the words were weighed, they are weighed anew."""
PAIRS_PER_BLOCK = 1_000_000
"""Bounds the memory: about 60 bytes per pair."""

SLACK = 2e-6
"""Closeness is rounded to six digits, so what is so little further away may be as close."""

SimilarPairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""(product, other product, cosine of their texts in 0..1), one entry for each pair, sorted."""


@dataclass(frozen=True)
class TfidfTexts:
    """The terms of each product: informative words, and its leaf category."""

    terms: sparse.csr_matrix
    """Shape (products, words + leaf categories): TF-IDF of each word, 1 for the leaf category."""
    columns: sparse.csr_matrix
    """The transposed matrix."""
    leaf_category: NDArray[np.int32]
    is_small: NDArray[np.bool_]
    """Whether each product's leaf category is small enough to be a term."""

    def within_categories(self) -> "TfidfTexts":
        """These terms, each of one leaf category alone: only products of one category share any. So the work grows with
        the size of the categories, and not with that of the catalogue."""
        terms = self.terms.tocoo()
        categorised = self.leaf_category[terms.row] >= 0
        row, data = terms.row[categorised], terms.data[categorised]
        key = terms.col[categorised] * (int(self.leaf_category.max(initial=0)) + 1) + self.leaf_category[row]
        keys, column = np.unique(key, return_inverse=True)
        own = sparse.csr_matrix((data, (row, column)), (self.terms.shape[0], len(keys)))
        return replace(self, terms=own, columns=own.T.tocsr())

    def blocks(self, pairs_per_block: int, known: KnownLinks | None = None) -> list[range]:
        """Ranges of products with about `pairs_per_block` pairs each, of which some links may be known."""
        shares = self.terms != 0
        cost = shares @ np.diff(self.columns.indptr)
        if known is not None and known.index.shape[1]:
            few = shares @ np.diff(known.changed_columns.indptr) + known.index.shape[1]
            cost = np.where(known.is_open, cost, few)
        return [range(part.start, part.stop) for part in cut_into_blocks(np.arange(len(cost)), cost, pairs_per_block)]

    def similar_pairs(self, anchors: range | NDArray[np.int64], closest: int = 0, bonus: float = 0.0) -> SimilarPairs:
        """All pairs of these products, which are ascending, with products that share a term with them. With `closest`,
        of each product those only that can be among so many closest ones, where a common category adds `bonus` to the
        cosine."""
        anchors = np.asarray(anchors, np.int64)
        shared = self.terms[anchors] @ self.columns
        if closest:
            shared = self._closest(shared, anchors, closest, bonus)
        return self._pairs(shared, anchors, np.arange(self.terms.shape[0]))

    def pairs_with_changed(self, anchors: NDArray[np.int64], known: KnownLinks) -> SimilarPairs:
        """All pairs of these products with those that changed and share a term with them."""
        return self._pairs(self.terms[anchors] @ known.changed_columns, anchors, known.changed)

    def _pairs(self, shared: sparse.csr_matrix, anchors: NDArray[np.int64], others: NDArray[np.int64]) -> SimilarPairs:
        """The entries of a matrix whose rows are these anchors, and its columns these others."""
        shared.sort_indices()
        shared = shared.tocoo()
        anchor, other = anchors[shared.row], others[shared.col]
        same_category = self.is_small[anchor] & (self.leaf_category[anchor] == self.leaf_category[other])
        cosine = np.clip(shared.data - same_category, 0, 1)
        different = anchor != other
        return anchor[different], other[different], cosine[different]

    def _closest(
        self, shared: sparse.csr_matrix, anchors: NDArray[np.int64], closest: int, bonus: float
    ) -> sparse.csr_matrix:
        """The entries of each row that are as large as its `closest` largest ones, and the row's own product. Sorting
        all of them would take much longer than multiplying them did."""
        kept = np.ones(len(shared.data), bool)
        for row, anchor in enumerate(anchors.tolist()):
            part = slice(shared.indptr[row], shared.indptr[row + 1])
            if part.stop - part.start <= closest + 1:
                continue
            same = self.leaf_category[shared.indices[part]] == self.leaf_category[anchor]
            same &= self.leaf_category[anchor] >= 0
            cosine = np.clip(shared.data[part] - (same & self.is_small[anchor]), 0, 1)
            value = cosine + bonus * same
            edge = np.partition(value, len(value) - closest - 1)[len(value) - closest - 1]
            kept[part] = value >= edge - SLACK
        rows = np.repeat(np.arange(len(anchors)), np.diff(shared.indptr))[kept]
        return sparse.csr_matrix((shared.data[kept], (rows, shared.indices[kept])), shared.shape)


@dataclass(frozen=True)
class WeighedTexts:
    """The terms of a catalogue, and how they were weighed."""

    texts: TfidfTexts
    word_weights: KeptWords
    """For the next training run."""
    digest: NDArray[np.int64]
    """Of each product."""
    changed: NDArray[np.bool_] | None
    """The products that changed, or came, since the run whose weights were kept; None where the words were weighed
    anew."""


def weigh_texts(catalogue: CatalogueArrays) -> WeighedTexts:
    """The terms of a catalogue, worked out once. The weights of an earlier run are kept until much has changed. A leaf
    category of more than MAX_CATEGORY_SIZE products is no term: its products are a pair only where they share a
    word."""
    if "texts" not in catalogue.derived:
        catalogue.derived["texts"] = _weigh(catalogue)
    weighed: WeighedTexts = catalogue.derived["texts"]
    return weighed


def vectorize_texts(catalogue: CatalogueArrays) -> TfidfTexts:
    """The terms of a catalogue."""
    return weigh_texts(catalogue).texts


def _weigh(catalogue: CatalogueArrays) -> WeighedTexts:
    counted = count_words(catalogue.text)
    if (kept := catalogue.kept_texts) is not None:
        weighed = _with_weights(catalogue, counted, counted.kept_weights(kept.word_weights))
        changed = np.ones(len(weighed.digest), bool)
        there = kept.links.number >= 0
        changed[kept.links.number[there]] = weighed.digest[kept.links.number[there]] != kept.links.digest[there]
        count = kept.word_weights.changed + int(changed.sum()) + int((~there).sum())
        if count <= MAX_CHANGED_SHARE * len(changed):
            return replace(
                weighed, changed=changed, word_weights=_all_words(weighed.word_weights, kept.word_weights, count)
            )
    return _with_weights(catalogue, counted, counted.fresh_weights())


def _with_weights(catalogue: CatalogueArrays, counted: CountedWords, weights: NDArray[np.float64]) -> WeighedTexts:
    categories = _small_categories(catalogue.leaf_category)
    terms = sparse.hstack([counted.terms(weights), categories], format="csr")
    is_small = np.diff(categories.indptr) > 0
    key = catalogue.leaf_category if catalogue.category_key is None else catalogue.category_key
    order = np.argsort(counted.word_hash)
    return WeighedTexts(
        texts=TfidfTexts(terms, terms.T.tocsr(), catalogue.leaf_category, is_small),
        word_weights=KeptWords(counted.word_hash[order], weights[order]),
        digest=counted.digests(weights, key, is_small),
        changed=None,
    )


def _all_words(words: KeptWords, before: KeptWords, changed: int) -> KeptWords:
    """Also those that nobody uses any more: they may come back."""
    word, first = np.unique(np.concatenate([before.word_hash, words.word_hash]), return_index=True)
    return KeptWords(word, np.concatenate([before.weight, words.weight])[first], changed)


def _small_categories(category: NDArray[np.int32]) -> sparse.csr_matrix:
    """Shape (products, leaf categories): 1 for the product's leaf category, where that is small enough."""
    size = np.bincount(category[category >= 0], minlength=1)
    rows = np.flatnonzero((category >= 0) & (size[category] <= MAX_CATEGORY_SIZE))
    return sparse.csr_matrix((np.ones(len(rows)), (rows, category[rows])), shape=(len(category), len(size)))
