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

from personalization.rank.search_words import SearchVocabulary, query_words, typed_words
from personalization.rank.snapshot_arrays import SnapshotArrays

MIN_LENGTH = 3
"""Shorter words are not corrected, nor taken for a correction, unless a space is missing."""
MAX_WORD_LENGTH = 24
MAX_WORDS = 6
"""A longer query is not corrected."""
MAX_SLIPS = 2
SLIP_COST = 5.5
"""A letter omitted, doubled, or transposed with the next makes a word as much less likely as if it were e^5.5 times as
rare, ..."""
OTHER_LETTER_COST = 8.0
"""... a wrong letter, or one too many, more so, as there are many of those, ..."""
FIRST_LETTER_COST = 1.0
"""... and a slip in the first letter more than others."""
MAX_COST = {3: 2 * SLIP_COST, 4: 2 * SLIP_COST, 5: SLIP_COST + OTHER_LETTER_COST}
"""What the slips in a word of so many letters may cost: the shorter it is, the more words are near by chance ..."""
MAX_COST_OF_LONG_WORDS = MAX_SLIPS * OTHER_LETTER_COST
"""... and in longer ones. All are less than three slips cost."""
UNSEEN_WEIGHT = 5.0
"""How often each word is met besides, so that one that stands at the end of titles only can be meant, too."""
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
    """What a query may have meant, the likeliest first, as the catalogue writes it; none where the catalogue knows all
    of its words as they were typed, or they are among the `synonyms`."""
    vocabulary, words = SearchVocabulary.from_arrays(learned.arrays, synonyms), query_words(query, MAX_WORDS + 1)
    if vocabulary is None or len(words) > MAX_WORDS or is_spelt_right(query, vocabulary):
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


def may_be_misspelt(query: str, learned: SnapshotArrays, synonyms: frozenset[str] = frozenset()) -> bool:
    """Whether a query has a word that no title and no category name has, in singular or plural, or that they write with
    other accents, and that is none of the `synonyms`."""
    vocabulary = SearchVocabulary.from_arrays(learned.arrays, synonyms)
    return vocabulary is not None and not is_spelt_right(query, vocabulary)


def is_spelt_right(query: str, vocabulary: SearchVocabulary) -> bool:
    """Whether the catalogue knows all words of a query, and writes them as they were typed."""
    words, typed = query_words(query), typed_words(query)
    return all_known(words, vocabulary) and all(typed.get(word, word) == as_written(word, vocabulary) for word in words)


def as_written(word: str, vocabulary: SearchVocabulary) -> str:
    """A known word with the accents that the catalogue writes it with; the word itself where it has none."""
    if word in vocabulary.synonyms:
        return word
    number = vocabulary.find(word)
    same_root = [number] if number >= 0 else vocabulary.with_root_of(word)
    written = ((vocabulary.text(one), vocabulary.written(one)) for one in same_root)
    return next((accented for plain, accented in written if accented != plain), word)


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
        return float(-np.log(self.weight[number] + UNSEEN_WEIGHT))

    def alternatives(self, word: str) -> list[tuple[float, str]]:
        """A known word itself, or what an unknown one may have meant; none where nothing is near."""
        if is_known(word, self.vocabulary):
            return [(0.0, as_written(word, self.vocabulary))]
        near = [*self._near(word), *self._longer(word)]
        whole = {(self.cost_of(number) + cost, self.vocabulary.written(number)) for number, cost in near}
        split = [(self.cost_of(number) + SPACE_COST, text) for number, text in self._split(word)]
        return sorted([*whole, *split])[:ALTERNATIVES]

    def joined(self, words: Sequence[str]) -> Iterator[tuple[int, str]]:
        """(number of the joined word, query) for each pair of neighbours that are one word of the vocabulary."""
        for at in range(len(words) - 1):
            number = self.vocabulary.find(words[at] + words[at + 1])
            if number >= 0 and all_known([*words[:at], *words[at + 2 :]], self.vocabulary):
                joined = [*words[:at], self.vocabulary.text(number), *words[at + 2 :]]
                yield number, " ".join(as_written(word, self.vocabulary) for word in joined)

    def _split(self, word: str) -> Iterator[tuple[int, str]]:
        """(number of the rarer part, both parts) for each way to split the word into two that follow each other in a
        title or name."""
        for at in range(2, len(word) - 1):
            parts = [self.vocabulary.find(part) for part in (word[:at], word[at:])]
            if min(parts) >= 0 and self._follow_each_other(*parts):
                both = " ".join(map(self.vocabulary.written, parts))
                yield min(parts, key=lambda number: self.weight[number]), both

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
        length = np.diff(self.start)
        numbers = np.flatnonzero((abs(length - len(word)) <= MAX_SLIPS) & (length >= MIN_LENGTH))
        letters = self._padded(numbers)
        cost = slip_costs(np.array([ord(letter) for letter in word]), letters, length[numbers])
        for row in np.flatnonzero(cost <= MAX_COST.get(len(word), MAX_COST_OF_LONG_WORDS)).tolist():
            first = FIRST_LETTER_COST * (letters[row, 0] != ord(word[0]))
            yield int(numbers[row]), float(cost[row] + first)

    def _padded(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The letters of these words, shape (words, letters of the longest); 0 behind the end of a word."""
        first, last = self.start[numbers], self.start[numbers + 1]
        column = np.arange(int((last - first).max(initial=0)))
        at = first[:, None] + column
        text = self.vocabulary.arrays["word.text"]
        inside = at < last[:, None]
        return np.where(inside, text[np.minimum(at, max(len(text) - 1, 0))], 0)


def slip_costs(word: NDArray[np.int64], others: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """What the slips cost that make a word of each of the others, at least: SLIP_COST for each letter omitted, doubled
    or transposed with the next, OTHER_LETTER_COST for each that is wrong or too many (optimal string alignment).

    Parameters
    ----------
    word : its letters as numbers.
    others : shape (words, letters), padded with 0.
    lengths : of each of them.
    """
    words, width = others.shape
    before: NDArray[np.float64] = np.zeros((words, width + 1))
    above = np.broadcast_to(np.arange(width + 1) * SLIP_COST, (words, width + 1)).copy()
    for row, letter in enumerate(word.tolist(), start=1):
        too_many = SLIP_COST if row > 1 and word[row - 2] == letter else OTHER_LETTER_COST
        now = np.empty_like(above)
        now[:, 0] = above[:, 0] + too_many
        for column in range(1, width + 1):
            wrong = OTHER_LETTER_COST * (others[:, column - 1] != letter)
            now[:, column] = np.minimum(above[:, column - 1] + wrong, now[:, column - 1] + SLIP_COST)
            np.minimum(now[:, column], above[:, column] + too_many, out=now[:, column])
            if row > 1 and column > 1:
                swapped = before[:, column - 2] + SLIP_COST
                fits = same_pair(others, column, word, row)
                np.minimum(now[:, column], swapped, out=now[:, column], where=fits)
        before, above = above, now
    result: NDArray[np.float64] = above[np.arange(words), lengths]
    return result


def same_pair(others: NDArray[np.int64], column: int, word: NDArray[np.int64], row: int) -> NDArray[np.bool_]:
    """Whether the two letters that end at this column are those that end at this row of the word, transposed."""
    swapped: NDArray[np.bool_] = (others[:, column - 1] == word[row - 2]) & (others[:, column - 2] == word[row - 1])
    return swapped
