"""Synonyms and redirects as a search obeys them, without a query: what else it looks for, or where it leads instead.

`merchandising.compile` makes them from the versions that are published.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from typing import Any

from personalization.merchandising import documents
from personalization.merchandising.search_words import WordList, WordMatch, fold_words

MAX_ALTERNATIVES = 10
"""A search looks for at most this many other wordings, of a larger group the first ones."""
MAX_QUERY_TOKENS = 30
"""A longer search is left as it is."""

ANY_WORD = ""
"""Under which redirects are found that begin with a part of a word."""

FoldedTerm = tuple[str, ...]
"""The folded words of a term."""
RedirectTarget = tuple[str, str]
"""("category", "product", "range", "offer" or "path"; its key, or the path)"""


@dataclass(frozen=True)
class SynonymGroup:
    """Words and phrases that shoppers use for one thing."""

    definition_id: int
    terms: tuple[str, ...]
    """A search for one of these looks for the others, too ..."""
    finds: tuple[str, ...] = ()
    """... or, where there are any, for these instead of the others."""

    @classmethod
    def from_document(cls, definition_id: int, document: Mapping[str, Any]) -> "SynonymGroup":
        """The group that a document defines."""
        return cls(definition_id, tuple(document["terms"]), tuple(document.get("finds", ())))

    def others(self, term: str) -> tuple[str, ...]:
        """What a search for this term looks for besides it."""
        return self.finds or tuple(other for other in self.terms if other != term)


@dataclass(frozen=True)
class SearchRedirect:
    """Searches that lead to a page of the shop instead of to results."""

    definition_id: int
    searches: tuple[WordList, ...]
    target: RedirectTarget

    @classmethod
    def from_document(cls, definition_id: int, document: Mapping[str, Any]) -> "SearchRedirect":
        """The redirect that a document defines."""
        ((kind, key),) = document["to"].items()
        return cls(definition_id, documents.word_lists(document["words"]), (kind, str(key)))

    @property
    def searched_there(self) -> list[FoldedTerm]:
        """The words that its target searches for, if that is the address of a search."""
        return documents.searched_by(self.target[1]) if self.target[0] == "path" else []

    def matches(self, searched: FoldedTerm) -> bool:
        """Whether a search for these words is redirected."""
        return any(one.matches(searched) for one in self.searches)


@dataclass(frozen=True)
class SearchRules:
    """All live synonyms and redirects."""

    synonyms: tuple[SynonymGroup, ...] = ()
    redirects: tuple[SearchRedirect, ...] = ()

    def alternatives(self, query: str) -> tuple[str, ...]:
        """What a search looks for besides its own words: the same search with synonyms in their place, at most
        MAX_ALTERNATIVES. A search with quotation marks means what it says, and has none."""
        if not self._others_by_term or '"' in query:
            return ()
        tokens = query.split()
        if len(tokens) > MAX_QUERY_TOKENS:
            return ()
        wordings = islice(product(*self._choices(tokens)), 1, MAX_ALTERNATIVES + 1)
        return tuple(dict.fromkeys(" ".join(parts) for parts in wordings))

    def redirect(self, query: str) -> SearchRedirect | None:
        """Where a search leads instead; the first one that was defined counts."""
        if not self.redirects:
            return None
        searched = fold_words(query)
        orders = {order for key in (ANY_WORD, *searched) for order in self._redirects_by_word.get(key, ())}
        return next(
            (self.redirects[order] for order in sorted(orders) if self.redirects[order].matches(searched)), None
        )

    def synonyms_of(self, query: str) -> SynonymGroup | None:
        """The group that the first of a search's words with synonyms belongs to."""
        tokens, start = query.split(), 0
        while start < len(tokens) and len(tokens) <= MAX_QUERY_TOKENS:
            size, others = self._term_at(tokens, start)
            if others:
                term = fold_words(" ".join(tokens[start : start + size]))
                return next(one for one in self.synonyms if term in map(fold_words, one.terms))
            start += size
        return None

    @cached_property
    def _redirects_by_word(self) -> dict[str, list[int]]:
        """The positions of redirects by a word without which they do not match, or by ANY_WORD."""
        found: dict[str, list[int]] = {}
        for order, redirect in enumerate(self.redirects):
            for one in redirect.searches:
                may_be_part = one.match is WordMatch.STARTS and len(one.terms) == 1
                found.setdefault(ANY_WORD if may_be_part else one.terms[0], []).append(order)
        return found

    @cached_property
    def term_words(self) -> frozenset[str]:
        """The folded words for which synonyms are known: no typing errors."""
        return frozenset(folded for term in self._others_by_term for folded in term)

    @cached_property
    def _others_by_term(self) -> dict[FoldedTerm, tuple[str, ...]]:
        """For each term, in folded words: what else is looked for, of all groups that it is in."""
        found: dict[FoldedTerm, dict[str, None]] = {}
        for group in self.synonyms:
            for term in group.terms:
                found.setdefault(fold_words(term), {}).update(dict.fromkeys(group.others(term)))
        return {term: tuple(others) for term, others in found.items()}

    @cached_property
    def _longest_term(self) -> int:
        return max(map(len, self._others_by_term), default=0)

    def _choices(self, tokens: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """For each part of a search, itself first and then what may stand in its place. The longest term counts."""
        start = 0
        while start < len(tokens):
            size, others = self._term_at(tokens, start)
            yield (" ".join(tokens[start : start + size]), *others)
            start += size

    def _term_at(self, tokens: Sequence[str], start: int) -> tuple[int, tuple[str, ...]]:
        """(how many tokens the longest term has that begins here, its others); a single token that is no term has
        none."""
        longest: tuple[int, tuple[str, ...]] = (1, ())
        folded: FoldedTerm = ()
        for size, token in enumerate(tokens[start:], 1):
            folded += fold_words(token)
            if (
                token.startswith("-") or len(folded) > self._longest_term
            ):  # engines leave out what a minus stands before
                break
            if folded in self._others_by_term:
                longest = (size, self._others_by_term[folded])
        return longest


NO_SEARCH_RULES = SearchRules()
"""Those of a shop without synonyms and redirects."""
