"""What a snapshot holds for the training run after it: how the words of the catalogue were weighed, and what each product
said. Together with the links of similar texts, which it holds anyway, only what changed has to be compared."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization import plugins
from personalization.rank.snapshot_arrays import lookup_indices
from personalization.recommenders import CatalogueArrays, KeptLinks, KeptTexts, KeptWords
from personalization.recommenders._tfidf import WeighedTexts
from personalization.recommenders.content_similarity import ContentSimilarity

FORMAT = 1
"""Of what is kept, with how words and products are hashed. A run that finds another one compares everything."""
NAMES = ("texts.format", "texts.changed", "texts.word", "texts.weight", "texts.digest")
LINKS = ContentSimilarity.name
KEPT_ARRAYS = (*NAMES, "product.id", f"{LINKS}.index", f"{LINKS}.weight")
"""The arrays that the next run needs."""


def text_arrays(catalogue: CatalogueArrays) -> dict[str, NDArray[Any]]:
    """What is to be kept for the next run; nothing where a shop has texts compared by another recommender."""
    weighed = catalogue.derived.get("texts")
    if not isinstance(weighed, WeighedTexts) or not _is_ours():
        return {}
    numbers = np.array([FORMAT], np.int64), np.array([weighed.words.changed], np.int64)
    return dict(zip(NAMES, (*numbers, weighed.words.word, weighed.words.weight, weighed.digest), strict=True))


def kept_texts(arrays: Mapping[str, NDArray[Any]], product_id: NDArray[np.int64]) -> KeptTexts | None:
    """What a snapshot kept, for a catalogue of products with these keys, ascending; None where it kept nothing that
    this release can go on from."""
    if not all(name in arrays for name in KEPT_ARRAYS) or int(arrays["texts.format"][0]) != FORMAT or not _is_ours():
        return None
    words = KeptWords(arrays["texts.word"], arrays["texts.weight"], int(arrays["texts.changed"][0]))
    number = lookup_indices(product_id, arrays["product.id"].tolist()).astype(np.int32)
    return KeptTexts(
        words, KeptLinks(number, arrays["texts.digest"], arrays[f"{LINKS}.index"], arrays[f"{LINKS}.weight"])
    )


def _is_ours() -> bool:
    return isinstance(plugins.registered_recommenders().get(LINKS), ContentSimilarity)
