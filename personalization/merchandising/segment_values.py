"""The values of a segment's conditions: what each form takes, as it stands in a document, and what is wrong with it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from math import isfinite
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import pgettext, pgettext_lazy

MAX_KEYS = 200
MAX_KEY = 2**63 - 1
MAX_TEXT = 40
MAX_DAYS = 3650
MAX_EVENT_DAYS = 90
MAX_NEW_DAYS = 365
"""For so long a category that a customer took up is known to be new."""
MAX_NUMBER = 10**9


class FieldError(NamedTuple):
    """What is wrong at one place of a document."""

    path: str
    """As in "groups.0.conditions.2.value.keys"; "" for the whole."""
    message: str


class ValueFault(Exception):
    """A value is none of its form: (path within the value, what is wrong)."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message, self.path = message, path


@dataclass(frozen=True)
class Chosen:
    """Things that a condition names, and how often or how lately it wants them."""

    keys: tuple[int, ...]
    times: int = 1
    days: int | None = None
    percent: int = 0
    products: frozenset[int] = frozenset()
    """Where the keys are those of categories and the condition is about products: all in them. Filled in when the
    segment is compiled."""

    @cached_property
    def key_set(self) -> frozenset[int]:
        """The keys."""
        return frozenset(self.keys)


@dataclass(frozen=True)
class Searched:
    """Words of a search, folded."""

    texts: tuple[str, ...]
    days: int | None = None


@dataclass(frozen=True)
class Visits:
    """How many visits within how many days."""

    number: int
    days: int


ValueForm = Callable[[str, Any], Any]
"""(operator, value of a document) -> value; ValueFault when it is none."""


def whole_number(value: Any, low: int = 0, high: int = MAX_NUMBER) -> int:
    """An integer between these; neither True nor 3.0 is one."""
    if type(value) is not int or not low <= value <= high:
        raise ValueFault(
            pgettext("personalization", "Give a whole number from %(low)s to %(high)s.") % {"low": low, "high": high}
        )
    return value


def amount(value: Any) -> Decimal:
    """A number of at most two decimals, from 0."""
    if type(value) is int:
        value = Decimal(value) if 0 <= value <= MAX_NUMBER else Decimal(-1)
    elif type(value) is float and isfinite(value):
        value = Decimal(repr(value))
    if not isinstance(value, Decimal) or not 0 <= value <= MAX_NUMBER or value != round(value, 2):
        raise ValueFault(pgettext("personalization", "Give a number from 0 on, with at most two decimals."))
    return value


def numbers(one: Callable[[Any], Any]) -> ValueForm:
    """The form of a number: for "between" a list of two."""

    def form(op: str, value: Any) -> Any:
        if op != "between":
            return one(value)
        low, high = (one(each) for each in _list(value, fewest=2, most=2))
        if low > high:
            raise ValueFault(pgettext("personalization", "From must be below To."))
        return low, high

    return form


def tiers(highest: int) -> ValueForm:
    """The form of a tier from 1 on: for "one of" a list."""

    def one(value: Any) -> int:
        return whole_number(value, 1, highest)

    def form(op: str, value: Any) -> Any:
        return tuple(map(one, _list(value, most=highest))) if op == "one_of" else numbers(one)(op, value)

    return form


def days(op: str, value: Any) -> int | None:
    """The form of an age or a distance in days; nothing for "is known"."""
    if op in ("known", "unknown"):
        if value is not None:
            raise ValueFault(pgettext("personalization", "This takes no value."))
        return None
    return whole_number(value, 1, MAX_DAYS)


def truth(op: str, value: Any) -> bool:
    """The form of yes or no."""
    if not isinstance(value, bool):
        raise ValueFault(pgettext("personalization", "Choose yes or no."))
    return value


def chosen(empty: str | Promise = "", *, times: bool = False, max_days: int = 0) -> ValueForm:
    """The form of things by their keys. `empty` says what to choose at least one of."""
    allowed = {"keys", *(["times"] if times else ()), *(["days"] if max_days else ())}

    def form(op: str, value: Any) -> Chosen:
        given = _object(value, allowed, {"keys"})
        return Chosen(
            keys=_at("keys", lambda: _keys(given["keys"], empty)),
            times=_at("times", lambda: whole_number(given.get("times", 1), 1, 1000)),
            days=_at("days", lambda: whole_number(given["days"], 1, max_days) if "days" in given else None),
        )

    return form


def share(op: str, value: Any) -> Chosen:
    """The form of one thing and a percentage."""
    given = _object(value, {"key", "percent"}, {"key", "percent"})
    key = _at("key", lambda: whole_number(given["key"], 1, MAX_KEY))
    return Chosen((key,), percent=_at("percent", lambda: whole_number(given["percent"], 1, 100)))


def key(op: str, value: Any) -> int:
    """The form of one key."""
    return whole_number(value, 1, MAX_KEY)


def visits(op: str, value: Any) -> Visits:
    """The form of a number of visits."""
    given = _object(value, {"number", "days"}, {"number", "days"})
    number = _at("number", lambda: whole_number(given["number"], 0, 100))
    return Visits(number, _at("days", lambda: whole_number(given["days"], 1, MAX_EVENT_DAYS)))


def searched(op: str, value: Any) -> Searched:
    """The form of searches: for "is" exactly one."""
    given = _object(value, {"texts", "days"}, {"texts"})
    most = 1 if op == "is" else MAX_KEYS
    texts = _at("texts", lambda: tuple(map(_text, _list(given["texts"], most=most))))
    return Searched(
        tuple(fold(text) for text in texts),
        _at("days", lambda: whole_number(given["days"], 1, 30) if "days" in given else None),
    )


def codes(*allowed: str) -> ValueForm:
    """The form of a list of codes, as of countries; of these only where any are given."""

    def form(op: str, value: Any) -> tuple[str, ...]:
        found = tuple(map(_text, _list(value)))
        for index, code in enumerate(found):
            if allowed and code not in allowed:
                raise ValueFault(_one_of(allowed), str(index))
        return found

    return form


def choice(*allowed: str) -> ValueForm:
    """The form of one of a few words."""

    def form(op: str, value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueFault(_one_of(allowed))
        return value

    return form


def fold(text: str) -> str:
    """A search as two are compared: without case and needless space."""
    return " ".join(text.casefold().split())


def quote(value: Any) -> str:
    """The beginning of a value that somebody gave, to be named in a message."""
    text = value if isinstance(value, str) else type(value).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in text[:40])


def _one_of(allowed: tuple[str, ...]) -> str:
    return pgettext("personalization", "Choose one of: %(choices)s.") % {"choices": ", ".join(allowed)}


def _keys(value: Any, empty: str | Promise) -> tuple[int, ...]:
    if value == []:
        raise ValueFault(str(empty) or pgettext("personalization", "Choose at least one."))
    found = (_at(str(index), partial(whole_number, each, 1, MAX_KEY)) for index, each in enumerate(_list(value)))
    return tuple(dict.fromkeys(found))


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT or not value.isprintable():
        raise ValueFault(pgettext("personalization", "Give a text of 1 to %(most)s letters.") % {"most": MAX_TEXT})
    return value.strip()


def _list(value: Any, fewest: int = 1, most: int = MAX_KEYS) -> list[Any]:
    if not isinstance(value, list) or not fewest <= len(value) <= most:
        raise ValueFault(
            pgettext("personalization", "Give a list of %(fewest)s to %(most)s.") % {"fewest": fewest, "most": most}
        )
    return value


def _object(value: Any, allowed: set[str], needed: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueFault(
            pgettext("personalization", "Give an object with: %(keys)s.") % {"keys": ", ".join(sorted(allowed))}
        )
    for name in unknown_keys(value, allowed):
        raise ValueFault(pgettext("personalization", "“%(key)s” is not known here.") % {"key": quote(name)})
    for name in sorted(needed - value.keys()):
        raise ValueFault(pgettext("personalization", "“%(key)s” is missing.") % {"key": name})
    return value


def unknown_keys(value: dict[Any, Any], allowed: set[str]) -> Iterator[Any]:
    """The keys of an object that are none of these."""
    return (name for name in value if name not in allowed)


def _at(path: str, parse: Callable[[], Any]) -> Any:
    """What `parse` returns; its fault is one at this path."""
    try:
        return parse()
    except ValueFault as fault:
        raise ValueFault(fault.message, f"{path}.{fault.path}".rstrip(".")) from None


COUNT = numbers(whole_number)
MONEY = numbers(amount)
PERCENT = numbers(lambda value: whole_number(value, 0, 100))
BOUGHT_CATEGORY = chosen(
    pgettext_lazy("personalization", "Choose at least one category."), times=True, max_days=MAX_DAYS
)
BOUGHT = chosen(times=True, max_days=MAX_DAYS)
LOOKED_AT = chosen(max_days=MAX_EVENT_DAYS)
CHOSEN_CATEGORY = chosen(pgettext_lazy("personalization", "Choose at least one category."))
CHOSEN = chosen()
USED = chosen(max_days=MAX_DAYS)
TOOK_UP = chosen(pgettext_lazy("personalization", "Choose at least one category."), max_days=MAX_NEW_DAYS)
