"""The shelf of row types: one file is one family of them, and lists them as `row_types`.

A row type is whole: its code, its words, whether it discloses what a visitor did, its sizes, and the function that
makes its rows. A surface names the row types that it shows; nothing else needs to know of them. Another app brings its
own the same way, and names the surfaces that are to show them in `RowType.surfaces`.
"""

from functools import cache
from importlib import import_module
from typing import Any

from personalization import plugins
from personalization.decide.reasons import NEUTRAL_CODE, SECOND_NEUTRAL_CODE
from personalization.decide.slate import Candidate, ItemRef, Link, Reason, RowCandidate, RowType, product_ref

__all__ = [
    "Candidate",
    "ItemRef",
    "Link",
    "Reason",
    "RowCandidate",
    "RowType",
    "product_ref",
    "registered_row_types",
    "row_type_error",
]

RESERVED_CODES = (NEUTRAL_CODE, SECOND_NEUTRAL_CODE)
"""The codes that stand in for those of rows that disclose too much."""


def row_type_error(plugin: Any) -> str:
    """How an object breaks the contract of row types, as far as that can be seen without a visit; "" when it does not.
    `personalization.testing.check_row_type` tries the rest."""
    if not isinstance(plugin, RowType):
        return f"it is {plugin!r}; expected a `personalization.rows.RowType`"
    error = _words_error(plugin) or _size_error(plugin) or _maker_error(plugin)
    return f"{plugin.code!r}: {error}" if error else ""


def _words_error(row_type: RowType) -> str:
    if error := plugins.name_error(row_type.code):
        return error
    if row_type.code in RESERVED_CODES:
        return "this code is reserved; call it something else"
    for name in ("title", "explanation"):
        if not callable(text := getattr(row_type, name)):
            return f"its {name} is {text!r}; expected a function of the row's parameters"
    if not isinstance(row_type.discloses_activity, bool):
        return f"discloses_activity is {row_type.discloses_activity!r}; expected True or False"
    return ""


def _size_error(row_type: RowType) -> str:
    if type(row_type.min_items) is not int or row_type.min_items < 0:
        return f"min_items is {row_type.min_items!r}; expected an integer >= 0"
    if row_type.max_items is not None and (type(row_type.max_items) is not int or row_type.max_items < 1):
        return f"max_items is {row_type.max_items!r}; expected an integer >= 1, or None"
    return ""


def _maker_error(row_type: RowType) -> str:
    makers = [maker for maker in (row_type.propose, row_type.fallback) if maker is not None]
    if not makers or not all(map(callable, makers)):
        return "expected a function `propose` or `fallback` that makes its rows"
    return ""


@cache
def _built_in_row_types() -> dict[str, RowType]:
    families = (import_module(f"{__name__}.{name}").row_types for name in plugins.folder_modules(__path__))
    return {row_type.code: row_type for family in families for row_type in family}


_row_types = plugins.Registry[RowType]("row_type", _built_in_row_types, row_type_error, lambda row_type: row_type.code)


def registered_row_types() -> dict[str, RowType]:
    """All row types by code: ours, then those of `PERSONALIZATION["ROW_TYPES"]`, then those of `plugins.register`. One
    that lacks anything is left out, so that no page breaks; `manage.py check` names it (E005)."""
    return _row_types.usable()
