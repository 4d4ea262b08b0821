"""The words of the catalogue, as a snapshot keeps them: those of product titles and of category names."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.rank.search_queries import MAX_QUERY_LENGTH, normalize_query, plain_query

MIN_ROOT_LENGTH = 3
"""A shorter word has no plural of ours."""
MAX_INFLECTIONS = 50
"""At most this many words are looked at for those with the same root."""
WORD_BREAKS = re.compile(r"[^\w\u0300-\u036f]|_")
ARRAYS = (
    "word.text_start",
    "word.idf",
    "word.weight",
    "title.start",
    "leaf_name.start",
    "leaf_path.start",
    "title.head",
)
"""A snapshot of an earlier release has none of these."""


def word_root(word: str) -> str:
    """The word without an English plural's ending; engines find "egg" and "eggs" alike."""
    if len(word) <= MIN_ROOT_LENGTH or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")) or (word.endswith("oes") and len(word) > 6):
        return word[:-2]  # tomatoes, but not shoes
    return word[:-1]


@dataclass(frozen=True)
class SearchVocabulary:
    """The words of a snapshot, by number, in ascending sequence of their text."""

    arrays: Mapping[str, NDArray[Any]]
    synonyms: frozenset[str] = frozenset()
    """Words that no title has, and that are spelt correctly nevertheless."""

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], synonyms: frozenset[str] = frozenset()
    ) -> "SearchVocabulary | None":
        """None where the snapshot has no words."""
        return cls(arrays, synonyms) if all(name in arrays for name in ARRAYS) else None

    def __len__(self) -> int:
        return len(self.arrays["word.text_start"]) - 1

    def text(self, number: int) -> str:
        """The word with this number."""
        start = self.arrays["word.text_start"]
        return "".join(map(chr, self.arrays["word.text"][start[number] : start[number + 1]].tolist()))

    def written(self, number: int) -> str:
        """The word with this number as titles and names mostly write it, in lower case: with its accents."""
        if "word.written_start" not in self.arrays:  # a snapshot of an earlier release
            return self.text(number)
        start = self.arrays["word.written_start"]
        return "".join(map(chr, self.arrays["word.written"][start[number] : start[number + 1]].tolist()))

    def find(self, word: str) -> int:
        """The number of a word; -1 where the vocabulary does not hold it."""
        number = self._first_not_before(word)
        return number if number < len(self) and self.text(number) == word else -1

    def with_root_of(self, word: str) -> list[int]:
        """The numbers of the words that differ from this one in a plural's ending at most."""
        root = word_root(word)
        prefix = root[:-1] if root.endswith("y") else root
        return [number for number in self.with_prefix(prefix) if word_root(self.text(number)) == root]

    def with_prefix(self, prefix: str) -> list[int]:
        """The numbers of the words that begin with these letters, at most MAX_INFLECTIONS."""
        start = self._first_not_before(prefix)
        some = range(start, min(start + MAX_INFLECTIONS, len(self)))
        return list(takewhile(lambda number: self.text(number).startswith(prefix), some))

    def words_of(self, name: str, rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(position in `rows`, number of the word) of each word of these titles or names.

        Parameters: `name`, "title" by product index, "leaf_name" or "leaf_path" by number of the leaf category; a row
        of -1 has no words.
        """
        start = self.arrays[f"{name}.start"]
        filled = rows >= 0
        first = np.where(filled, start[rows], 0)
        size = np.where(filled, start[rows + 1] - first, 0)
        owner = np.repeat(np.arange(len(rows)), size)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
        return owner, self.arrays[f"{name}.word"][first[owner] + within].astype(np.int64)

    @cached_property
    def max_idf(self) -> float:
        """Of a word that the vocabulary does not hold."""
        return float(self.arrays["word.idf"].max(initial=1.0))

    def _first_not_before(self, word: str) -> int:
        return bisect_left(range(len(self)), word, key=self.text)


def query_words(query: str, limit: int = 12) -> list[str]:
    """The different words of a query, normalised, in their sequence; `limit` at most."""
    return list(dict.fromkeys(normalize_query(query).split()))[:limit]


def written_words(text: str) -> Iterator[tuple[str, str]]:
    """(word without accents, word as it is written, in lower case) of each word of a text."""
    letters = unicodedata.normalize("NFC", text).lower()
    for written in WORD_BREAKS.sub(" ", letters).split():
        if (word := plain_query(written)) and " " not in word:
            yield word, written


def typed_words(query: str) -> dict[str, str]:
    """The words of a query as they were typed, by what `query_words` makes of them."""
    return dict(written_words(query[:MAX_QUERY_LENGTH]))
