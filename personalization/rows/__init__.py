"""The shelf of row types: one file is one family of them, and lists them as `row_types`.

A row type is whole: its code, its words, whether it discloses what a visitor did, its sizes, and the function that
makes its rows. A surface names the row types that it shows; nothing else needs to know of them. Another app brings its
own the same way, and names the surfaces that are to show them in `RowType.surfaces`.
"""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from django.core.exceptions import ImproperlyConfigured

from personalization.decide.reasons import NEUTRAL_CODE, SECOND_NEUTRAL_CODE
from personalization.decide.slate import Candidate, ItemRef, Link, Reason, RowCandidate, RowType, product_ref

__all__ = [
    "Candidate",
    "ItemRef",
    "Link",
    "Reason",
    "RowCandidate",
    "RowType",
    "check_row_type",
    "product_ref",
    "registered_row_types",
    "row_type_errors",
]

RESERVED_CODES = (NEUTRAL_CODE, SECOND_NEUTRAL_CODE)
"""The codes that stand in for those of rows that disclose too much."""


@cache
def registered_row_types() -> dict[str, RowType]:
    """All row types by code.

    Raises: ImproperlyConfigured, which names each row type that lacks anything.
    """
    row_types = _collect_row_types()
    if errors := _list_errors(row_types):
        raise ImproperlyConfigured(" ".join(errors))
    return {row_type.code: row_type for row_type in row_types}


def row_type_errors() -> list[str]:
    """One sentence for each thing that a row type lacks, for `manage.py check`."""
    return _list_errors(_collect_row_types())


def check_row_type(row_type: RowType) -> list[str]:
    """One sentence for each thing that this row type lacks; each names it. Empty for a whole one."""
    code = getattr(row_type, "code", None)
    if not isinstance(row_type, RowType):
        return [f"{row_type!r} is no RowType."]
    errors = []
    if not (isinstance(code, str) and code.isidentifier()):
        errors.append(f"its code is {code!r}; expected an identifier, as in 'buy_again'")
    elif code in RESERVED_CODES:
        errors.append(f"its code is {code!r}, which is reserved")
    for name in ("title", "explanation"):
        if not callable(text := getattr(row_type, name)):
            errors.append(f"its {name} is {text!r}; expected a function of the row's parameters")
    if not isinstance(row_type.discloses_activity, bool):
        errors.append(f"discloses_activity is {row_type.discloses_activity!r}; expected True or False")
    if type(row_type.min_items) is not int or row_type.min_items < 0:
        errors.append(f"min_items is {row_type.min_items!r}; expected an integer >= 0")
    if row_type.max_items is not None and (type(row_type.max_items) is not int or row_type.max_items < 1):
        errors.append(f"max_items is {row_type.max_items!r}; expected an integer >= 1, or None")
    makers = (row_type.propose, row_type.fallback)
    if not any(makers) or not all(maker is None or callable(maker) for maker in makers):
        errors.append("it has neither a function `propose` nor `fallback` that makes its rows")
    return [f"The row type {code!r}: {error}." for error in errors]


def _list_errors(row_types: Iterable[RowType]) -> list[str]:
    errors: list[str] = []
    seen: dict[str, RowType] = {}
    for row_type in row_types:
        errors += check_row_type(row_type)
        code = getattr(row_type, "code", None)
        if isinstance(code, str) and seen.setdefault(code, row_type) is not row_type:
            errors.append(f"The row type {code!r}: another one has this code.")
    return errors


def _collect_row_types() -> list[RowType]:
    families = (import_module(f"{__name__}.{module.name}").row_types for module in iter_modules(__path__))
    return [*(row_type for family in families for row_type in family), *_extra_row_types()]


def _extra_row_types() -> tuple[RowType, ...]:
    """The row types that other apps bring."""
    return ()
