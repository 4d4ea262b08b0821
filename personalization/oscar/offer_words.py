"""The sentences about what completes an offer or a voucher code: how far the basket is, and both numbers."""

from typing import Any

from django.utils.translation import gettext, ngettext, pgettext
from oscar.templatetags.currency_filters import currency

from personalization.shop.offer_trials import MissingPart, TriedBasket


def progress_words(offer: Any, part: MissingPart, money: str) -> str:
    """How far a basket is from an offer. Parameters: `money`, the basket's currency."""
    if part.needed:
        words = pgettext("personalization", "%(count)s of %(needed)s for “%(offer)s”")
        return words % {"count": part.needed - part.pieces, "needed": part.needed, "offer": offer.name}
    words = pgettext("personalization", "%(amount)s more for “%(offer)s”")
    return words % {"amount": currency(part.amount, money), "offer": offer.name}


def missing_for_code(code: str, part: MissingPart, money: str) -> str:
    """What a basket lacks before a voucher code counts."""
    if part.needed:
        words = ngettext(
            "Your code %(code)s counts once one more product like these is in your basket.",
            "Your code %(code)s counts once %(count)s more products like these are in your basket.",
            part.pieces,
        )
        return words % {"code": code, "count": part.pieces}
    words = gettext("Your code %(code)s counts once products like these for another %(amount)s are in your basket.")
    return words % {"code": code, "amount": currency(part.amount, money)}


def both_numbers(tried: TriedBasket, quantity: int, money: str, code: str = "") -> str:
    """What the pieces cost, and by how much the whole rises with them, and with a voucher code."""
    amounts = {
        "count": quantity,
        "price": currency(tried.price, money),
        "more": currency(abs(tried.more), money),
        "code": code,
    }
    words = _code_sentence(tried, quantity) if code else _offer_sentence(tried, quantity)
    return words % amounts


def _offer_sentence(tried: TriedBasket, quantity: int) -> str:
    if tried.more > 0:
        return ngettext(
            "With it your total rises by %(more)s instead of %(price)s",
            "With %(count)s of it your total rises by %(more)s instead of %(price)s",
            quantity,
        )
    if tried.more < 0:
        return ngettext(
            "It costs %(price)s, and with it your total falls by %(more)s",
            "%(count)s of it cost %(price)s, and with them your total falls by %(more)s",
            quantity,
        )
    return ngettext(
        "It costs %(price)s, and with it your total stays as it is",
        "%(count)s of it cost %(price)s, and with them your total stays as it is",
        quantity,
    )


def _code_sentence(tried: TriedBasket, quantity: int) -> str:
    if tried.more > 0:
        return ngettext(
            "With it and your code %(code)s your total rises by %(more)s instead of %(price)s",
            "With %(count)s of it and your code %(code)s your total rises by %(more)s instead of %(price)s",
            quantity,
        )
    if tried.more < 0:
        return ngettext(
            "It costs %(price)s, and with it and your code %(code)s your total falls by %(more)s",
            "%(count)s of it cost %(price)s, and with them and your code %(code)s your total falls by %(more)s",
            quantity,
        )
    return ngettext(
        "It costs %(price)s, and with it and your code %(code)s your total stays as it is",
        "%(count)s of it cost %(price)s, and with them and your code %(code)s your total stays as it is",
        quantity,
    )
