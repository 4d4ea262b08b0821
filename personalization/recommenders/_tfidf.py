"""Similarity of product texts: the cosine of their TF-IDF vectors. What several recommenders share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from personalization.recommenders import CatalogueArrays
from personalization.recommenders._cooccurrence import cut_into_blocks

MAX_DOCUMENT_SHARE = 0.03
"""A word in the texts of more than this share of the products is left out, ..."""
MIN_DOCUMENTS = 50
"""... unless it is in at most this many texts, ..."""
MAX_CATEGORY_SIZE = 1_000
"""... and always when it is in more than this many. It keeps the work in proportion to the length of the texts."""
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

    def blocks(self, pairs_per_block: int) -> list[range]:
        """Ranges of products with about `pairs_per_block` pairs each."""
        cost = (self.terms != 0) @ np.diff(self.columns.indptr)
        return [range(part.start, part.stop) for part in cut_into_blocks(np.arange(len(cost)), cost, pairs_per_block)]

    def similar_pairs(self, block: range, closest: int = 0, bonus: float = 0.0) -> SimilarPairs:
        """All pairs of the block's products with products that share a term with them. With `closest`, of each product
        those only that can be among so many closest ones, where a common category adds `bonus` to the cosine."""
        shared = self.terms[block.start : block.stop] @ self.columns
        if closest:
            shared = self._closest(shared, block, closest, bonus)
        shared.sort_indices()
        shared = shared.tocoo()
        anchor, other = shared.row.astype(np.int64) + block.start, shared.col.astype(np.int64)
        same_category = self.is_small[anchor] & (self.leaf_category[anchor] == self.leaf_category[other])
        cosine = np.clip(shared.data - same_category, 0, 1)
        different = anchor != other
        return anchor[different], other[different], cosine[different]

    def _closest(self, shared: sparse.csr_matrix, block: range, closest: int, bonus: float) -> sparse.csr_matrix:
        """The entries of each row that are as large as its `closest` largest ones, and the row's own product. Sorting
        all of them would take much longer than multiplying them did."""
        kept = np.ones(len(shared.data), bool)
        for row, anchor in enumerate(block):
            part = slice(shared.indptr[row], shared.indptr[row + 1])
            if part.stop - part.start <= closest + 1:
                continue
            same = self.leaf_category[shared.indices[part]] == self.leaf_category[anchor]
            same &= self.leaf_category[anchor] >= 0
            cosine = np.clip(shared.data[part] - (same & self.is_small[anchor]), 0, 1)
            value = cosine + bonus * same
            edge = np.partition(value, len(value) - closest - 1)[len(value) - closest - 1]
            kept[part] = value >= edge - SLACK
        rows = np.repeat(np.arange(len(block)), np.diff(shared.indptr))[kept]
        return sparse.csr_matrix((shared.data[kept], (rows, shared.indices[kept])), shared.shape)


def vectorize_texts(catalogue: CatalogueArrays) -> TfidfTexts:
    """The terms of a catalogue, worked out once. A leaf category of more than MAX_CATEGORY_SIZE products is no term:
    its products are a pair only where they share a word."""
    if "texts" not in catalogue.derived:
        catalogue.derived["texts"] = _vectorize(catalogue)
    texts: TfidfTexts = catalogue.derived["texts"]
    return texts


def _vectorize(catalogue: CatalogueArrays) -> TfidfTexts:
    words, categories = informative_terms(catalogue.text), _small_categories(catalogue.leaf_category)
    terms = sparse.hstack([words, categories], format="csr")
    return TfidfTexts(terms, terms.T.tocsr(), catalogue.leaf_category, np.diff(categories.indptr) > 0)


def informative_terms(text: Sequence[str]) -> sparse.csr_matrix:
    """TF-IDF vectors of length 1, shape (products, words), of the words in the texts of at least two products and not
    too many, without case and accents.

    References
    ----------
    G. Salton, C. Buckley: Term-weighting approaches in automatic text retrieval. Information Processing & Management
    24(5), 1988.
    """
    counter = CountVectorizer(strip_accents="unicode")
    if not any(map(counter.build_analyzer(), text)):
        return sparse.csr_matrix((len(text), 0))
    words = counter.fit_transform(text)
    documents = np.bincount(words.indices, minlength=words.shape[1])
    limit = min(max(MAX_DOCUMENT_SHARE * len(text), MIN_DOCUMENTS), MAX_CATEGORY_SIZE)
    informative = (documents >= 2) & (documents <= limit)
    if not informative.any():
        return sparse.csr_matrix((len(text), 0))
    return TfidfTransformer(sublinear_tf=True).fit_transform(words[:, informative])


def _small_categories(category: NDArray[np.int32]) -> sparse.csr_matrix:
    """Shape (products, leaf categories): 1 for the product's leaf category, where that is small enough."""
    size = np.bincount(category[category >= 0], minlength=1)
    rows = np.flatnonzero((category >= 0) & (size[category] <= MAX_CATEGORY_SIZE))
    return sparse.csr_matrix((np.ones(len(rows)), (rows, category[rows])), shape=(len(category), len(size)))
