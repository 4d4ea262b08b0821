"""Segments in plain words: "customers who bought Coffee at least twice and ordered last more than 60 days ago"."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import npgettext, pgettext

from personalization.merchandising.segment_fields import DateField, Field, Names, StaffField
from personalization.merchandising.segment_values import Chosen, Searched, Visits
from personalization.merchandising.segment_visit_fields import VisitorTypeField

NAMES_SHOWN = 3


def sentence(clauses: str) -> str:
    """The whole sentence of these conditions."""
    return pgettext("personalization", "customers who %(conditions)s") % {"conditions": clauses}


def everybody() -> str:
    """The sentence of a segment without conditions."""
    return pgettext("personalization", "all customers")


def joined(clauses: Sequence[str], is_any: bool) -> str:
    """All of the clauses, or one of them."""
    word = (
        pgettext("personalization: between conditions", "or")
        if is_any
        else (pgettext("personalization: between conditions", "and"))
    )
    return f" {word} ".join(clauses)


def in_segment(name: str, op: str) -> str:
    """The condition that one is in another segment, or is not."""
    pattern = (
        pgettext("personalization", "are in “%(name)s”")
        if op == "is"
        else pgettext("personalization", "are not in “%(name)s”")
    )
    return pattern % {"name": name}


def clause(field: Field, op: str, value: Any, names: Names) -> str:
    """One condition, after "customers who"."""
    if isinstance(field, StaffField):
        return (
            pgettext("personalization", "work for the shop")
            if value
            else pgettext("personalization", "do not work for the shop")
        )
    if isinstance(field, VisitorTypeField):
        return _visitor_type(value)
    if isinstance(field, DateField) and value is None:
        return str(field.known if op == "known" else field.unknown)
    pattern = str(getattr(field, "negative", "") if op == "none_of" else field.pattern)
    return pattern % _parts(field, op, value, names)


def quote_name(name: str) -> str:
    """The name between the quotation marks of the language that is active."""
    return pgettext("personalization", "“%(name)s”") % {"name": name}


def _parts(field: Field, op: str, value: Any, names: Names) -> dict[str, str]:
    if isinstance(value, Chosen):
        named = [names.get((field.kind, key), f"#{key}") for key in value.keys]
        return {
            "names": alternatives(named),
            "how": _times(value.times) + _lately(value.days),
            "percent": str(value.percent),
        }
    if isinstance(value, Searched):
        return {"codes": alternatives([quote_name(text) for text in value.texts]), "how": _lately(value.days)}
    if isinstance(value, Visits):
        return {"amount": _amount(op, value.number), "how": _lately(value.days)}
    if isinstance(field, DateField):
        return {"when": _when(op, value)}
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        return {"codes": alternatives([code_name(code) for code in value])}
    return {"amount": _amount(op, value)}


def code_name(code: str) -> str:
    """The name of a device or channel; of a country or a language its code."""
    names = {
        "phone": pgettext("personalization", "phone"),
        "tablet": pgettext("personalization", "tablet"),
        "computer": pgettext("personalization", "computer"),
        "search": pgettext("personalization", "a search engine"),
        "social": pgettext("personalization", "a social network"),
        "email": pgettext("personalization", "an e-mail"),
        "ads": pgettext("personalization", "an advertisement"),
        "link": pgettext("personalization", "a link elsewhere"),
        "direct": pgettext("personalization", "the address itself"),
    }
    return names.get(code, code)


def alternatives(names: Sequence[str]) -> str:
    """ "Coffee, Tea or Milk"; of more than three the first ones, and how many more."""
    shown, more = list(names[:NAMES_SHOWN]), len(names) - NAMES_SHOWN
    if more > 0:
        shown.append(npgettext("personalization", "%(count)s more", "%(count)s more", more) % {"count": more})
    if len(shown) < 2:
        return "".join(shown)
    return pgettext("personalization", "%(some)s or %(last)s") % {"some": ", ".join(shown[:-1]), "last": shown[-1]}


def _amount(op: str, value: Any) -> str:
    if op == "one_of":
        return alternatives([_number(each) for each in value])
    if op == "between":
        return pgettext("personalization", "%(low)s to %(high)s") % {
            "low": _number(value[0]),
            "high": _number(value[1]),
        }
    patterns = {
        "at_least": pgettext("personalization", "at least %(number)s"),
        "at_most": pgettext("personalization", "at most %(number)s"),
    }
    return patterns.get(op, "%(number)s") % {"number": _number(value)}


def _number(value: int | Decimal) -> str:
    decimals = 2 if isinstance(value, Decimal) and value != int(value) else 0
    return number_format(value, decimals, force_grouping=True)


def _when(op: str, days: int) -> str:
    patterns = {
        "within": npgettext("personalization", "within the last %(days)s day", "within the last %(days)s days", days),
        "more_than": npgettext("personalization", "more than %(days)s day ago", "more than %(days)s days ago", days),
        "in_next": npgettext("personalization", "in the next %(days)s day", "in the next %(days)s days", days),
    }
    return patterns[op] % {"days": days}


def _lately(days: int | None) -> str:
    return "" if days is None else f" {_when('within', days)}"


def _times(times: int) -> str:
    if times < 2:
        return ""
    return " " + (
        pgettext("personalization", "at least twice")
        if times == 2
        else pgettext("personalization", "at least %(times)s times") % {"times": times}
    )


def _visitor_type(value: str) -> str:
    if value == "new":
        return pgettext("personalization", "are here for the first time")
    return (
        pgettext("personalization", "were here before and bought nothing")
        if value == "returning"
        else pgettext("personalization", "bought before")
    )
