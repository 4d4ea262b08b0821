"""How alike the texts of products are. No recommender itself: what compares texts begins here."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from personalization.recommenders import Catalogue
from personalization.recommenders._pairs import whole_blocks

COMMON_SHARE = 0.03
"""A word that more than this share of the products hold tells nothing, ..."""
FEW = 50
"""... except where they are so few, ..."""
CROWD = 1_000
"""... and in any shop when they are more than this. It keeps the work in proportion to the length of the texts."""
PAIRS_PER_BLOCK = 1_000_000
"""Bounds the memory: about 60 bytes a pair."""

Alike = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""(product, other product, cosine of their texts in 0..1), one entry a pair, sorted."""


def alike(catalogue: Catalogue, pairs_per_block: int) -> Iterator[Alike]:
    """All pairs of products that share a telling word or a kind, each product's pairs in one block.

    Kinds of more than CROWD products bring no pairs of their own: their products must share a word, too.
    """
    words, kinds = telling_words(catalogue.text), _small_kinds(catalogue.kind)
    terms = sparse.hstack([words, kinds], format="csr")
    columns = terms.T.tocsr()
    cost = (terms != 0) @ np.diff(columns.indptr)
    small = np.diff(kinds.indptr) > 0
    for products in whole_blocks(np.arange(len(cost)), cost, pairs_per_block):
        block = terms[products] @ columns
        block.sort_indices()
        block = block.tocoo()
        anchor, other = block.row.astype(np.int64) + products.start, block.col.astype(np.int64)
        same_kind = small[anchor] & (catalogue.kind[anchor] == catalogue.kind[other])
        cosine = np.clip(block.data - same_kind, 0, 1)
        different = anchor != other
        yield anchor[different], other[different], cosine[different]


def telling_words(text: Sequence[str]) -> sparse.csr_matrix:
    """TF-IDF of the words that at least two products hold and not too many, folded in case and accents."""
    counter = CountVectorizer(strip_accents="unicode")
    if not any(map(counter.build_analyzer(), text)):
        return sparse.csr_matrix((len(text), 0))
    words = counter.fit_transform(text)
    held = np.bincount(words.indices, minlength=words.shape[1])
    telling = (held >= 2) & (held <= min(max(COMMON_SHARE * len(text), FEW), CROWD))
    if not telling.any():
        return sparse.csr_matrix((len(text), 0))
    return TfidfTransformer(sublinear_tf=True).fit_transform(words[:, telling])


def _small_kinds(kind: NDArray[np.int32]) -> sparse.csr_matrix:
    """Products x kinds, 1 where a product is of the kind; nothing for kinds of more than CROWD products."""
    size = np.bincount(kind[kind >= 0], minlength=1)
    rows = np.flatnonzero((kind >= 0) & (size[kind] <= CROWD))
    return sparse.csr_matrix((np.ones(len(rows)), (rows, kind[rows])), shape=(len(kind), len(size)))
