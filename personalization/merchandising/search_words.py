"""Words of a search as a campaign compares them."""

import unicodedata


def fold_words(text: str) -> tuple[str, ...]:
    """The words of a text in small letters and without accents: "Crème  brûlée" is ("creme", "brulee")."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return tuple("".join(letter if letter.isalnum() else " " for letter in kept).split())
