"""Loyalty cards: how their numbers are stored."""

import hmac
import re

from personalization import conf

SEPARATORS = re.compile(r"[\s\-./]+")


def hash_card_number(number: str) -> str:
    """The keyed hash of a card's number, however it is grouped and spelt in upper and lower case; "" where the shop has
    no key for it, or for no number."""
    key, plain = conf.get_settings().CARD_NUMBER_KEY, SEPARATORS.sub("", number).lower()
    return hmac.digest(key.encode(), plain.encode(), "sha256").hex() if key and plain else ""
