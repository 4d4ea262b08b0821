"""Words of a search as campaigns, synonyms and redirects compare them."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum


def fold_words(text: str) -> tuple[str, ...]:
    """The words of a text in small letters and without accents: "Crème  brûlée" is ("creme", "brulee")."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return tuple("".join(letter if letter.isalnum() else " " for letter in kept).split())


class WordMatch(StrEnum):
    """How the words of a campaign are compared with those of a search."""

    IS = "is"
    ALL = "all"
    """All of them, in any order, with or without others."""
    STARTS = "starts"


@dataclass(frozen=True)
class WordList:
    """Words of a search, folded as `fold_words` does."""

    terms: tuple[str, ...]
    match: WordMatch

    def matches(self, searched: tuple[str, ...]) -> bool:
        """Whether the folded words of a search are those that are meant."""
        if not self.terms:
            return False
        if self.match is WordMatch.IS:
            return searched == self.terms
        if self.match is WordMatch.ALL:
            return set(searched) >= set(self.terms)
        *whole, last = self.terms
        begins = searched[: len(whole)] == tuple(whole) and len(searched) > len(whole)
        return begins and searched[len(whole)].startswith(last)
