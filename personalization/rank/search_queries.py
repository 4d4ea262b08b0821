"""What shoppers chose after a search: the query as it was typed before, queries that are spelt like it, and the pieces
of words that it is made of.

Pieces are runs of three letters within a word, its beginning and end among them: "tea" has " te", "tea" and "ea ". So
a slip of the finger costs three of them, and the order of the words none.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.rank.snapshot_arrays import SnapshotArrays, lookup_indices

MAX_QUERY_LENGTH = 256
"""Of a longer query the rest is not read."""
MAX_SIMILAR_QUERIES = 20
"""So many queries that are spelt like it are heard."""
MIN_SIMILARITY = 0.3
"""The cosine from which on a query is spelt like another."""
SHARPNESS = 7
"""How much more a closer one of them has to say."""
SMOOTHING = 1.0
"""With so much weight of choices behind it, what was chosen after a query counts as much as what is said besides."""
WORD_BREAK = ord(" ")
ARRAYS = ("query.text_start", "trigram.key")
"""A snapshot of an earlier release has none of these."""

IndexWeightPairs = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Places of products and their weights."""
NO_PAIRS: IndexWeightPairs = (np.empty(0, np.int64), np.empty(0))


def normalize_query(query: str) -> str:
    """The query without what does not tell queries apart: case, accents, punctuation and spaces."""
    return plain_query(query[:MAX_QUERY_LENGTH])[:MAX_QUERY_LENGTH].strip()


def plain_query(text: str) -> str:
    """The same of a text of any length."""
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = (letter for letter in letters if not is_accent(letter))
    return " ".join("".join(letter if unicodedata.category(letter)[0] in "LMNS" else " " for letter in kept).split())


def is_accent(letter: str) -> bool:
    """Whether it is an accent, a Hebrew point or an Arabic vowel sign. What joins or changes the letters of other
    scripts is a part of them."""
    kind = unicodedata.combining(letter)
    return kind >= 200 or kind == 1 or 10 <= kind <= 36


def trigrams(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(place of the text, piece as a number) of each piece of these folded texts, each once a text, sorted."""
    letters = np.frombuffer("".join(f" {text} " for text in texts).encode("utf-32-le"), "<u4").astype(np.int64)
    owner = np.repeat(np.arange(len(texts)), [len(text) + 2 for text in texts])[1:-1]
    inside = letters[1:-1] != WORD_BREAK
    piece = (letters[:-2] << 42 | letters[1:-1] << 21 | letters[2:])[inside]
    order = np.lexsort((piece, owner[inside]))
    owner, piece = owner[inside][order], piece[order]
    first = np.ones(len(owner), bool)
    first[1:] = (np.diff(owner) != 0) | (np.diff(piece) != 0)
    return owner[first], piece[first]


def products_chosen_after(query: str, learned: SnapshotArrays) -> IndexWeightPairs:
    """What shoppers are known to choose after such a search: places of products, and about which share of the choices
    falls on each, in 0..1. What the query itself taught counts most, as far as it is backed, then what queries spelt
    like it did, then its pieces."""
    asked = _QueryMatcher.of(query, learned.arrays)
    if asked is None:
        return NO_PAIRS
    rest, layers = 1.0, []
    for trust, (places, share) in (asked.exact_match(), asked.fuzzy_match(), asked.trigram_backoff()):
        layers.append((places, share * rest * trust))
        rest *= 1 - trust
    places = np.concatenate([places for places, _ in layers])
    weight = np.bincount(places, np.concatenate([weight for _, weight in layers]), minlength=1)
    found = np.flatnonzero(weight)
    return found, np.minimum(weight[found], 1.0)


def visitors_choosing(query: str, learned: SnapshotArrays) -> dict[int, int]:
    """How many visitors chose each of these places after exactly this query; none where they were too few."""
    asked = _QueryMatcher.of(query, learned.arrays)
    if asked is None or asked.itself < 0:
        return {}
    pairs = asked.pairs_of(asked.itself)
    arrays = learned.arrays
    return dict(zip(arrays["query.product"][pairs].tolist(), arrays["query.visitors"][pairs].tolist(), strict=True))


def similar_queries(query: str, learned: SnapshotArrays, most: int) -> list[str]:
    """The queries of other shoppers that are spelt most like this one and may be shown to anybody, best first; itself
    is none of them."""
    asked = _QueryMatcher.of(query, learned.arrays)
    if asked is None:
        return []
    near, _ = asked.neighbours()
    shown = near[learned.arrays["query.is_public"][near] > 0][:most]
    return [unicodedata.normalize("NFC", text_array(learned.arrays, place)) for place in shown.tolist()]


def text_array(arrays: Mapping[str, NDArray[Any]], place: int) -> str:
    """The known query at this place, folded."""
    start = arrays["query.text_start"]
    return "".join(map(chr, arrays["query.text"][start[place] : start[place + 1]].tolist()))


@dataclass(frozen=True)
class _QueryMatcher:
    """A query, and where it and its pieces are among those that are known."""

    arrays: Mapping[str, NDArray[Any]]
    itself: int
    """-1 where it is not known."""
    pieces: NDArray[np.int64]
    """The places of its pieces, without those that nobody typed before."""
    rarity: NDArray[np.float64]
    """Of these pieces."""
    unknown: int
    """The number of the others, each worth the highest rarity."""

    @classmethod
    def of(cls, query: str, arrays: Mapping[str, NDArray[Any]]) -> "_QueryMatcher | None":
        """None when nothing was learned of searches, or nothing is left of this one."""
        text = normalize_query(query)
        if not text or any(name not in arrays for name in ARRAYS):
            return None
        known = range(len(arrays["query.text_start"]) - 1)
        place = bisect_left(known, text, key=lambda at: text_array(arrays, at))
        itself = place if place < len(known) and text_array(arrays, place) == text else -1
        there = lookup_indices(arrays["trigram.key"], trigrams([text])[1])
        found = there[there >= 0]
        return cls(arrays, itself, found, arrays["trigram.idf"][found].astype(np.float64), len(there) - len(found))

    def exact_match(self) -> tuple[float, IndexWeightPairs]:
        """How far what followed the query itself can be trusted, and what that was."""
        if self.itself < 0:
            return 0.0, NO_PAIRS
        pairs = self.pairs_of(self.itself)
        backing = float(self.arrays["query.weight"][self.itself])
        return backing / (backing + SMOOTHING), (
            self.arrays["query.product"][pairs].astype(np.int64),
            self.arrays["query.share"][pairs].astype(np.float64),
        )

    def fuzzy_match(self) -> tuple[float, IndexWeightPairs]:
        """The same of the queries that are spelt like it."""
        near, likeness = self.neighbours()
        backing = self.arrays["query.weight"][near].astype(np.float64)
        backing /= backing + SMOOTHING
        say = likeness**SHARPNESS * backing
        heard = np.argsort(-say, kind="stable")[:MAX_SIMILAR_QUERIES]
        near, say = near[heard], say[heard]
        if not len(near) or say[0] <= 0:
            return 0.0, NO_PAIRS
        first, last = self.arrays["query.product_start"][near], self.arrays["query.product_start"][near + 1]
        rows = indices_of_ranges(first, last)
        share = self.arrays["query.share"][rows] * np.repeat(say / say.sum(), last - first)
        trust = float((likeness**2 * backing).max())
        return trust, (self.arrays["query.product"][rows].astype(np.int64), share)

    def trigram_backoff(self) -> tuple[float, IndexWeightPairs]:
        """The same of what was chosen after all queries that hold its pieces, rare or not."""
        first, last = (
            self.arrays["trigram.product_start"][self.pieces],
            self.arrays["trigram.product_start"][self.pieces + 1],
        )
        rows = indices_of_ranges(first, last)
        say = self.rarity**2 / max(self.length, 1e-9)
        share = self.arrays["trigram.share"][rows] * np.repeat(say, last - first)
        return 1.0, (self.arrays["trigram.product"][rows].astype(np.int64), share)

    def neighbours(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The places of other known queries that are spelt like it, the closest first, and their cosines."""
        first, last = (
            self.arrays["trigram.query_start"][self.pieces],
            self.arrays["trigram.query_start"][self.pieces + 1],
        )
        rows = indices_of_ranges(first, last)
        cosine = np.bincount(
            self.arrays["trigram.query"][rows],
            self.arrays["trigram.tfidf"][rows] * np.repeat(self.rarity, last - first),
            len(self.arrays["query.text_start"]),
        ) / max(np.sqrt(self.length), 1e-9)
        if self.itself >= 0:
            cosine[self.itself] = 0
        near = np.flatnonzero(cosine >= MIN_SIMILARITY)
        near = near[np.lexsort((near, -cosine[near]))]
        return near, cosine[near]

    @property
    def length(self) -> float:
        """The sum of the squared rarities of all of its pieces."""
        return float((self.rarity**2).sum()) + self.unknown * float(self.arrays["trigram.max_idf"][0]) ** 2

    def pairs_of(self, place: int) -> slice:
        """Where the products are that were chosen after a known query."""
        return slice(*self.arrays["query.product_start"][place : place + 2].tolist())


def indices_of_ranges(first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers from each first to before each last, one run after the other."""
    size = last - first
    return np.repeat(first - np.cumsum(size) + size, size) + np.arange(int(size.sum()))
