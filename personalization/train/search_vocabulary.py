"""The words of the catalogue: from titles and category names to what a snapshot keeps of them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.rank.search_queries import plain_query
from personalization.rank.search_words import written_words

TITLE_BREAK = re.compile(r"\s*[,(/:|\[\u2013\u2014]\s*|\s+-\s+")
"""Ends the first part of a title: "Large eggs, 12 ct (own brand)" is one of "Large eggs"."""


@dataclass(frozen=True)
class CatalogueNames:
    """The names by which a catalogue is searched."""

    titles: Sequence[str] = ()
    """By product index."""
    leaf_names: Sequence[str] = ()
    """By number of the leaf category."""
    leaf_paths: Sequence[str] = ()
    """As many: the names of the categories above it, and its own."""


def vocabulary_arrays(
    names: CatalogueNames, leaf_category: NDArray[np.int32], customers: NDArray[np.integer]
) -> dict[str, NDArray[Any]]:
    """The arrays of a snapshot that `rank.search_words` reads.

    Parameters
    ----------
    leaf_category : of each product, its number in `names`; -1 for none.
    customers : how many customers bought each product, 0 for fewer than are told.
    """
    texts = {
        "title": [plain_query(title).split() for title in names.titles],
        "leaf_name": [plain_query(name).split() for name in names.leaf_names],
        "leaf_path": [plain_query(name).split() for name in names.leaf_paths],
    }
    first_parts = [plain_query(TITLE_BREAK.split(title)[0]).split() for title in names.titles]
    heads = {"title": first_parts, "leaf_name": texts["leaf_name"]}
    words = sorted({word for some in texts.values() for text in some for word in text})
    number = {word: index for index, word in enumerate(words)}
    written = _usual_spellings([*names.titles, *names.leaf_names, *names.leaf_paths])
    arrays: dict[str, NDArray[Any]] = {
        **_text_arrays("word.text", words),
        **_text_arrays("word.written", [written.get(word, word) for word in words]),
        "word.idf": _inverse_document_frequency(texts["title"], number),
        "word.weight": _word_weights(first_parts, texts["leaf_name"], number, leaf_category, customers),
    }
    for name, documents in texts.items():
        arrays[f"{name}.start"] = np.cumsum([0, *map(len, documents)], dtype=np.int64)
        arrays[f"{name}.word"] = np.array([number[word] for text in documents for word in text], np.int32)
    for name, documents in heads.items():
        arrays[f"{name}.head"] = np.array([number[text[-1]] if text else -1 for text in documents], np.int32)
    return arrays


def _text_arrays(name: str, texts: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The texts, one after the other, as numbers of letters, and where each begins, and where the last one ends."""
    letters = np.frombuffer("".join(texts).encode("utf-32-le"), "<i4")
    return {name: letters.astype(np.int32), f"{name}_start": np.cumsum([0, *map(len, texts)], dtype=np.int64)}


def _usual_spellings(texts: Iterable[str]) -> dict[str, str]:
    """How each word is mostly written, by the word without its accents."""
    count = Counter(pair for text in texts for pair in written_words(text))
    usual: dict[str, str] = {}
    for word, written in sorted(count, key=lambda pair: (-count[pair], pair)):
        usual.setdefault(word, written)
    return usual


def _inverse_document_frequency(titles: Sequence[Sequence[str]], number: dict[str, int]) -> NDArray[np.float32]:
    """log(1 + titles / titles with the word), as TF-IDF has it."""
    count = np.zeros(len(number))
    for title in titles:
        count[[number[word] for word in set(title)]] += 1
    return np.log1p(len(titles) / np.maximum(count, 1)).astype(np.float32)


def _word_weights(
    titles: Sequence[Sequence[str]],
    leaf_names: Sequence[Sequence[str]],
    number: dict[str, int],
    leaf_category: NDArray[np.int32],
    customers: NDArray[np.integer],
) -> NDArray[np.float32]:
    """How often each word is met in a title's first part or as a category: each product counts once, and once more for
    each of its customers."""
    weight = np.zeros(len(number))
    for title, leaf, count in zip(titles, leaf_category.tolist(), customers.tolist(), strict=True):
        words = {*title, *(leaf_names[leaf] if leaf >= 0 else ())}
        weight[[number[word] for word in words]] += 1 + count
    return weight.astype(np.float32)
