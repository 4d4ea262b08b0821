"""How alike the texts of products are. No recommender itself: what compares texts begins here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from personalization.recommenders import CatalogueArrays
from personalization.recommenders._cooccurrence import cut_into_blocks

MAX_DOCUMENT_SHARE = 0.03
"""A word that more than this share of the products hold tells nothing, ..."""
MIN_DOCUMENTS = 50
"""... except where they are so few, ..."""
MAX_CATEGORY_SIZE = 1_000
"""... and in any shop when they are more than this. It keeps the work in proportion to the length of the texts."""
PAIRS_PER_BLOCK = 1_000_000
"""Bounds the memory: about 60 bytes a pair."""

SimilarPairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""(product, other product, cosine of their texts in 0..1), one entry a pair, sorted."""


@dataclass(frozen=True)
class TfidfTexts:
    """What products share with each other."""

    terms: sparse.csr_matrix
    """Products x telling words, then kinds."""
    columns: sparse.csr_matrix
    """The same, turned."""
    leaf_category: NDArray[np.int32]
    is_small: NDArray[np.bool_]
    """Whether each product is of a kind that brings pairs of its own."""

    def blocks(self, pairs_per_block: int) -> list[range]:
        """The products, cut where about so many pairs are together."""
        cost = (self.terms != 0) @ np.diff(self.columns.indptr)
        return [range(part.start, part.stop) for part in cut_into_blocks(np.arange(len(cost)), cost, pairs_per_block)]

    def similar_pairs(self, block: range) -> SimilarPairs:
        """All pairs of the block's products with products that share a telling word or a kind with them."""
        shared = self.terms[block.start : block.stop] @ self.columns
        shared.sort_indices()
        shared = shared.tocoo()
        anchor, other = shared.row.astype(np.int64) + block.start, shared.col.astype(np.int64)
        same_kind = self.is_small[anchor] & (self.leaf_category[anchor] == self.leaf_category[other])
        cosine = np.clip(shared.data - same_kind, 0, 1)
        different = anchor != other
        return anchor[different], other[different], cosine[different]


def vectorize_texts(catalogue: CatalogueArrays) -> TfidfTexts:
    """The texts of a catalogue. Kinds of more than CROWD products bring no pairs of their own: their products must
    share a word, too."""
    words, kinds = informative_terms(catalogue.text), _small_categories(catalogue.leaf_category)
    terms = sparse.hstack([words, kinds], format="csr")
    return TfidfTexts(terms, terms.T.tocsr(), catalogue.leaf_category, np.diff(kinds.indptr) > 0)


def informative_terms(text: Sequence[str]) -> sparse.csr_matrix:
    """TF-IDF of the words that at least two products hold and not too many, folded in case and accents."""
    counter = CountVectorizer(strip_accents="unicode")
    if not any(map(counter.build_analyzer(), text)):
        return sparse.csr_matrix((len(text), 0))
    words = counter.fit_transform(text)
    held = np.bincount(words.indices, minlength=words.shape[1])
    telling = (held >= 2) & (held <= min(max(MAX_DOCUMENT_SHARE * len(text), MIN_DOCUMENTS), MAX_CATEGORY_SIZE))
    if not telling.any():
        return sparse.csr_matrix((len(text), 0))
    return TfidfTransformer(sublinear_tf=True).fit_transform(words[:, telling])


def _small_categories(kind: NDArray[np.int32]) -> sparse.csr_matrix:
    """Products x kinds, 1 where a product is of the kind; nothing for kinds of more than CROWD products."""
    size = np.bincount(kind[kind >= 0], minlength=1)
    rows = np.flatnonzero((kind >= 0) & (size[kind] <= MAX_CATEGORY_SIZE))
    return sparse.csr_matrix((np.ones(len(rows)), (rows, kind[rows])), shape=(len(kind), len(size)))
