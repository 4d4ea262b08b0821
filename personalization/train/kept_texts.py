"""What a snapshot holds for the training run after it: how the words of the catalogue were weighed, and what each
product said. With the links of similar texts, which it holds anyway, only what changed has to be compared."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization import plugins
from personalization.rank.snapshot_arrays import lookup_indices
from personalization.recommenders import CatalogueArrays, KeptLinks, KeptTexts, KeptWords
from personalization.recommenders._tfidf import WeighedTexts
from personalization.recommenders.content_similarity import ContentSimilarity

KEPT_TEXTS_FORMAT = 1
"""Of what is kept, with how words and products are hashed. A run that finds another one compares everything."""
KEPT_FOR_TEXTS = ("texts.format", "texts.changed", "texts.word", "texts.weight", "texts.digest")
SIMILAR_TEXTS = ContentSimilarity.name
KEPT_ARRAYS = (*KEPT_FOR_TEXTS, "product.id", f"{SIMILAR_TEXTS}.index", f"{SIMILAR_TEXTS}.weight")
"""The arrays that the next run needs."""


def text_arrays(catalogue: CatalogueArrays) -> dict[str, NDArray[Any]]:
    """What is to be kept for the next run; nothing where a shop has texts compared by another recommender."""
    weighed = catalogue.derived.get("texts")
    if not isinstance(weighed, WeighedTexts) or not _compares_texts():
        return {}
    numbers = np.array([KEPT_TEXTS_FORMAT], np.int64), np.array([weighed.word_weights.changed], np.int64)
    return dict(
        zip(
            KEPT_FOR_TEXTS,
            (*numbers, weighed.word_weights.word_hash, weighed.word_weights.weight, weighed.digest),
            strict=True,
        )
    )


def restore_kept_texts(arrays: Mapping[str, NDArray[Any]], product_id: NDArray[np.int64]) -> KeptTexts | None:
    """What a snapshot kept, for a catalogue of products with these keys, ascending; None where it kept nothing that
    this release can go on from."""
    if (
        not all(name in arrays for name in KEPT_ARRAYS)
        or int(arrays["texts.format"][0]) != KEPT_TEXTS_FORMAT
        or not _compares_texts()
    ):
        return None
    words = KeptWords(arrays["texts.word"], arrays["texts.weight"], int(arrays["texts.changed"][0]))
    number = lookup_indices(product_id, arrays["product.id"].tolist()).astype(np.int32)
    return KeptTexts(
        words,
        KeptLinks(number, arrays["texts.digest"], arrays[f"{SIMILAR_TEXTS}.index"], arrays[f"{SIMILAR_TEXTS}.weight"]),
    )


def _compares_texts() -> bool:
    return isinstance(plugins.registered_recommenders().get(SIMILAR_TEXTS), ContentSimilarity)
