"""From the published settings of rows to what a decision reads."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from personalization.merchandising.compile_audience import compile_audience, compile_schedule
from personalization.merchandising.compiled_numbers import ProductGroups
from personalization.merchandising.compiled_rows import NO_PRODUCTS, Nudge, RowSettings, RowSource
from personalization.merchandising.row_keys import split_row_key
from personalization.models import Definition
from personalization.shop import product_margins, product_targets

if TYPE_CHECKING:
    from personalization.merchandising.compiler import Compiler

MAX_PRODUCTS = 20_000
"""A row of the shop's own holds at most so many products: its newest ones."""
COUNTED: Mapping[str, Callable[[], Iterable[tuple[int, float]]]] = {
    "margin": product_margins.product_margins,
    "stock": product_targets.stock_levels,
    "newness": product_targets.creation_times,
}
"""What may count besides relevance in one row, instead of what counts on its surface."""


def compile_row(definition: Definition, document: Mapping[str, Any], compiler: "Compiler") -> RowSettings:
    """The settings as they act. What they name and the shop has no more is noted in the compiler's `problems`."""
    problems: list[str | Promise] = []
    compiler.problems[definition.pk] = problems
    surface, code = split_row_key(definition.key)
    leave_out, source = document.get("leave_out", {}), row_source(document)
    return RowSettings(
        id=definition.pk,
        surface=surface,
        code=code,
        version=definition.live.number if definition.live is not None else 0,
        is_shown=document.get("shown", True),
        titles={language.lower(): text for language, text in document.get("titles", {}).items() if text.strip()},
        source=source,
        product_ids=_products(source, document, problems),
        most=document.get("most"),
        fewest=document.get("fewest"),
        without_bought_days=leave_out.get("bought_days", 0),
        only=_only(leave_out, compiler, problems),
        audience=compile_audience(document.get("who", {})),
        schedule=compile_schedule(document.get("when", {})),
        fallback=tuple(document.get("fallback", ())),
        nudges=tuple(_nudges(document.get("weights", {}), compiler)),
        is_fixed=document.get("fixed", False),
        place=definition.place,
    )


def row_source(document: Mapping[str, Any]) -> RowSource | None:
    """Where the products of a shop's own row come from; None for a row type's."""
    return next((source for source in RowSource if source in document.get("source", {})), None)


def _products(source: RowSource | None, document: Mapping[str, Any], problems: list[str | Promise]) -> Any:
    if source is None:
        return NO_PRODUCTS
    if source is RowSource.NEWEST:
        return np.array(product_targets.newest_products(MAX_PRODUCTS), np.int64)
    in_range = source is RowSource.RANGE
    found = (
        product_targets.products_of_range(document["source"]["range"])
        if in_range
        else product_targets.products_on_offer()
    )
    if found is None:
        problems.append(_("The Range that it names was deleted."))
        return NO_PRODUCTS
    if not len(found):
        problems.append(_("A target matches no product now."))
    return found[::-1][:MAX_PRODUCTS]


def _only(leave_out: Mapping[str, Any], compiler: "Compiler", problems: list[str | Promise]) -> Any:
    low, high = leave_out.get("below_price"), leave_out.get("above_price")
    parts: list[dict[str, Any]] = []
    if low is not None or high is not None:
        parts.append({"price": [low, high]})
    if leave_out.get("not_on_offer"):
        parts.append({"on_offer": True})
    if not parts:
        return None
    return compiler.target(parts[0] if len(parts) == 1 else {"all": parts}, problems)


def _nudges(weights: Mapping[str, int], compiler: "Compiler") -> Iterable[Nudge]:
    for name, read in COUNTED.items():
        if weights.get(name):
            yield Nudge(weights[name], compiler.numbers(name, read))


def sorted_numbers(rows: Iterable[tuple[int, float]]) -> ProductGroups:
    """One number a product, by the product's key."""
    table = np.array(sorted(rows), np.float64).reshape(-1, 2)
    return ProductGroups(table[:, 0].astype(np.int64), table[:, 1])
