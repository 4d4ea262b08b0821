"""Corrects the words of a search by those of the catalogue: a noisy channel, the commoner word for the smaller slip.

References
----------
M. D. Kernighan, K. W. Church, W. A. Gale: A spelling correction program based on a noisy channel model. COLING 1990.
F. J. Damerau: A technique for computer detection and correction of spelling errors. Communications of the ACM 7(3),
1964.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from personalization.rank.search_words import SearchVocabulary, query_words
from personalization.rank.snapshot_arrays import SnapshotArrays

MIN_LENGTH = 3
"""Shorter words are not corrected, nor taken for a correction, unless a space is missing."""
TWO_SLIPS_LENGTH = 5
"""A word of at least so many letters may have two slips; MAX_SLIPS."""
MAX_SLIPS = 2
MAX_WORD_LENGTH = 24
MAX_WORDS = 6
"""A longer query is not corrected."""
SLIP_COST = 4.0
"""Each slip makes a word as much less likely as if it were e^4 times as rare, ..."""
FIRST_LETTER_COST = 1.5
"""... one in the first letter more so."""
OTHER_LENGTH_COST = 0.5
"""... and a letter too many or too few more so than a wrong one."""
PREFIX_COST = 3.0
"""A word that goes on where the misspelt one ends, "toothpaste" for "tooth", ..."""
MISSING_LETTER_COST = 0.3
"""... and each of its letters."""
SPACE_COST = 2.0
"""A missing space, or one too many."""
ALTERNATIVES = 4
"""So many corrections of each word are tried."""


def corrected_queries(
    query: str, learned: SnapshotArrays, limit: int, synonyms: frozenset[str] = frozenset()
) -> list[str]:
    """What a query may have meant, the likeliest first; none where the catalogue knows all of its words, or they are
    among the `synonyms`."""
    vocabulary, words = SearchVocabulary.from_arrays(learned.arrays, synonyms), query_words(query, MAX_WORDS + 1)
    if vocabulary is None or len(words) > MAX_WORDS or all_known(words, vocabulary):
        return []
    speller = _Speller(vocabulary)
    joined = [(speller.cost_of(word) + SPACE_COST, text) for word, text in speller.joined(words)]
    alternatives = [speller.alternatives(word) for word in words]
    combined = [
        (sum(cost for cost, _ in choice), " ".join(text for _, text in choice)) for choice in product(*alternatives)
    ]
    return [text for _, text in islice(sorted({*joined, *combined}), limit)]


def may_find(query: str, learned: SnapshotArrays) -> bool:
    """Whether a search can lead anywhere: the catalogue knows one of its words, or what they may have meant, or one is
    a number, as of an article."""
    vocabulary, words = SearchVocabulary.from_arrays(learned.arrays), query_words(query)
    if vocabulary is None:
        return False
    is_found = any(word.isdigit() or vocabulary.with_root_of(word) for word in words)
    return is_found or bool(corrected_queries(query, learned, 1))


def has_unknown_word(query: str, learned: SnapshotArrays, synonyms: frozenset[str] = frozenset()) -> bool:
    """Whether a query has a word that no title and no category name has, in singular or plural, and that is none of the
    `synonyms`."""
    vocabulary, words = SearchVocabulary.from_arrays(learned.arrays, synonyms), query_words(query)
    return vocabulary is not None and not all_known(words, vocabulary)


def all_known(words: Sequence[str], vocabulary: SearchVocabulary) -> bool:
    """Whether none of these words is to be corrected."""
    return all(is_known(word, vocabulary) for word in words)


def is_known(word: str, vocabulary: SearchVocabulary) -> bool:
    """Whether the vocabulary holds a word, in singular or plural, or it is a synonym, a number, or too short to be
    corrected."""
    is_spelt = word.isdigit() or len(word) < MIN_LENGTH or word in vocabulary.synonyms
    return is_spelt or bool(vocabulary.with_root_of(word))


class _Speller:
    """Finds the words that a misspelt one may have meant, each with its cost: the negative logarithm of how likely it
    is, up to a constant."""

    def __init__(self, vocabulary: SearchVocabulary) -> None:
        self.vocabulary = vocabulary
        self.start = np.asarray(vocabulary.arrays["word.text_start"])
        self.weight = np.asarray(vocabulary.arrays["word.weight"], np.float64)

    def cost_of(self, number: int) -> float:
        """Of a word by itself: the rarer, the higher."""
        return float(-np.log(self.weight[number] + 1))

    def alternatives(self, word: str) -> list[tuple[float, str]]:
        """A known word itself, or what an unknown one may have meant; none where nothing is near."""
        if is_known(word, self.vocabulary):
            return [(0.0, word)]
        near = [(self.cost_of(number) + cost, self.vocabulary.text(number)) for number, cost in self._near(word)]
        longer = [(self.cost_of(number) + cost, self.vocabulary.text(number)) for number, cost in self._longer(word)]
        split = [(self.cost_of(number) + SPACE_COST, text) for number, text in self._split(word)]
        return sorted([*near, *longer, *split])[:ALTERNATIVES]

    def joined(self, words: Sequence[str]) -> Iterator[tuple[int, str]]:
        """(number of the joined word, query) for each pair of neighbours that are one word of the vocabulary."""
        for at in range(len(words) - 1):
            number = self.vocabulary.find(words[at] + words[at + 1])
            rest = [*words[:at], *words[at + 2 :]]
            if number >= 0 and all_known(rest, self.vocabulary):
                yield number, " ".join([*words[:at], words[at] + words[at + 1], *words[at + 2 :]])

    def _split(self, word: str) -> Iterator[tuple[int, str]]:
        """(number of the rarer part, both parts) for each way to split the word into two that follow each other in a
        title or name."""
        for at in range(2, len(word) - 1):
            parts = [self.vocabulary.find(part) for part in (word[:at], word[at:])]
            if min(parts) >= 0 and self._follow_each_other(*parts):
                yield min(parts, key=lambda number: self.weight[number]), f"{word[:at]} {word[at:]}"

    def _follow_each_other(self, first: int, second: int) -> bool:
        for name in ("title.word", "leaf_name.word"):
            word = self.vocabulary.arrays[name]
            if ((word[:-1] == first) & (word[1:] == second)).any():
                return True
        return False

    def _longer(self, word: str) -> Iterator[tuple[int, float]]:
        """(number, cost) of the words that begin with this one."""
        if len(word) > MIN_LENGTH:
            for number in self.vocabulary.with_prefix(word):
                missing = int(self.start[number + 1] - self.start[number]) - len(word)
                yield number, PREFIX_COST + MISSING_LETTER_COST * missing

    def _near(self, word: str) -> Iterator[tuple[int, float]]:
        """(number, cost of the slips) of the words that differ in few slips."""
        if not MIN_LENGTH <= len(word) <= MAX_WORD_LENGTH:
            return
        most = MAX_SLIPS if len(word) >= TWO_SLIPS_LENGTH else 1
        length = np.diff(self.start)
        numbers = np.flatnonzero((abs(length - len(word)) <= most) & (length >= MIN_LENGTH))
        letters = self._padded(numbers)
        slips = edit_distances(np.array([ord(letter) for letter in word]), letters, length[numbers])
        for row in np.flatnonzero(slips <= most).tolist():
            first = FIRST_LETTER_COST * (letters[row, 0] != ord(word[0]))
            other = OTHER_LENGTH_COST * (length[numbers[row]] != len(word))
            yield int(numbers[row]), float(SLIP_COST * slips[row] + first + other)

    def _padded(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The letters of these words, shape (words, letters of the longest); 0 behind the end of a word."""
        first, last = self.start[numbers], self.start[numbers + 1]
        column = np.arange(int((last - first).max(initial=0)))
        at = first[:, None] + column
        text = self.vocabulary.arrays["word.text"]
        inside = at < last[:, None]
        return np.where(inside, text[np.minimum(at, max(len(text) - 1, 0))], 0)


def edit_distances(word: NDArray[np.int64], others: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many letters were inserted, omitted, replaced, or transposed with the next one, between a word and each of
    the others (optimal string alignment).

    Parameters
    ----------
    word : its letters as numbers.
    others : shape (words, letters), padded with 0.
    lengths : of each of them.
    """
    words, width = others.shape
    before: NDArray[np.int64] = np.zeros((words, width + 1), np.int64)
    above = np.broadcast_to(np.arange(width + 1), (words, width + 1)).copy()
    for row, letter in enumerate(word.tolist(), start=1):
        now = np.empty_like(above)
        now[:, 0] = row
        for column in range(1, width + 1):
            same = others[:, column - 1] == letter
            now[:, column] = np.minimum(
                np.minimum(above[:, column], now[:, column - 1]) + 1, above[:, column - 1] + ~same
            )
            if row > 1 and column > 1:
                swapped = same_pair(others, column, word, row)
                now[:, column] = np.where(
                    swapped, np.minimum(now[:, column], before[:, column - 2] + 1), now[:, column]
                )
        before, above = above, now
    result: NDArray[np.int64] = above[np.arange(words), lengths]
    return result


def same_pair(others: NDArray[np.int64], column: int, word: NDArray[np.int64], row: int) -> NDArray[np.bool_]:
    """Whether the two letters that end at this column are those that end at this row of the word, transposed."""
    swapped: NDArray[np.bool_] = (others[:, column - 1] == word[row - 2]) & (others[:, column - 2] == word[row - 1])
    return swapped
