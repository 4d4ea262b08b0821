"""From what is published of what counts to what a decision reads: one number of each product for each dial."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from personalization.merchandising.compiled_objectives import Dial, Objective, Objectives
from personalization.models import Definition
from personalization.shop import product_margins, product_targets, stock_pressure

if TYPE_CHECKING:
    from personalization.merchandising.compiler import Compiler

OBJECTIVES_KEY = "shop"
"""There is one definition of this kind, for the whole shop."""
SLOW_DAYS, SCARCE_BELOW = 180, 5
"""Where nobody says otherwise."""


def compile_objectives(definition: Definition, document: Mapping[str, Any], compiler: "Compiler") -> Objectives:
    """What counts, as it acts. What cannot count for any product is noted in the compiler's `problems`."""
    problems: list[str | Promise] = []
    compiler.problems[definition.pk] = problems
    found = {
        surface: tuple(_dials(weights, document, compiler, problems))
        for surface, weights in document.get("surfaces", {}).items()
    }
    version = definition.live.number if definition.live is not None else 0
    return Objectives(definition.pk, version, {surface: dials for surface, dials in found.items() if dials})


def _dials(
    weights: Mapping[str, int], document: Mapping[str, Any], compiler: "Compiler", problems: list[str | Promise]
) -> Iterator[Dial]:
    for objective in Objective:
        if not weights.get(objective):
            continue
        numbers = compiler.numbers(*_numbers(objective, document))
        if len(numbers.product_ids):
            yield Dial(objective, weights[objective], numbers)
        elif (
            objective is Objective.MARGIN
            and (words := _("No cost is known, so margin counts nowhere.")) not in problems
        ):
            problems.append(words)


def _numbers(
    objective: Objective, document: Mapping[str, Any]
) -> tuple[str, Callable[[], Iterable[tuple[int, float]]]]:
    """What the compiler calls the numbers, and what reads them."""
    slow, scarce = document.get("slow_days", SLOW_DAYS), document.get("scarce_below", SCARCE_BELOW)
    if objective is Objective.MARGIN:
        return "margin", product_margins.product_margins
    if objective is Objective.NEWNESS:
        return "newness", product_targets.creation_times
    if objective is Objective.CLEAR:
        return f"slow:{slow}", partial(stock_pressure.slow_stock, slow)
    return f"scarce:{scarce}", partial(stock_pressure.scarce_stock, scarce)
