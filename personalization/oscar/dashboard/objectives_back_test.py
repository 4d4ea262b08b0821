"""What counts besides relevance, tried on past orders: what it would have cost, and brought."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.timezone import now
from django.utils.translation import pgettext

from personalization.decide.active_rules import read_rules_now
from personalization.measure.back_test import PageKind, ReplayedPage
from personalization.measure.back_test_words import back_test_limits, describe_back_test, page_label
from personalization.measure.objective_cost import ObjectiveCost, objective_cost
from personalization.measure.objective_cost_words import (
    describe_cost_changes,
    describe_objective_cost,
    objective_cost_limits,
)
from personalization.merchandising import documents
from personalization.merchandising.compile_objectives import OBJECTIVES_KEY, compile_objectives
from personalization.merchandising.compiled import CompiledRules
from personalization.merchandising.compiled_objectives import NO_OBJECTIVES, Objectives
from personalization.merchandising.compiler import Compiler, Message
from personalization.models import Definition, DefinitionKind, DefinitionState
from personalization.oscar.back_test import MAX_ORDERS, BackTestRun, objectives_change, run_back_test
from personalization.oscar.dashboard.back_test_screen import BackTestLines, back_test_lines
from personalization.shop.currencies import format_amount
from personalization.shop.product_margins import product_margins

UNSAVED_OBJECTIVES = Definition(pk=0, kind=DefinitionKind.OBJECTIVES, key=OBJECTIVES_KEY)
"""Stands for what is tried and not stored."""


@dataclass(frozen=True)
class ObjectivesTrial:
    """What counts now and would count, and what that would have cost in the past."""

    before: CompiledRules
    after: CompiledRules
    problems: tuple[Message, ...]
    """What cannot count, in words."""
    run: BackTestRun
    margins: Mapping[int, float]

    @property
    def cost(self) -> ObjectiveCost:
        """On all pages together."""
        return objective_cost(self._all_pages(), self.margins)

    def cost_on(self, kind: PageKind) -> ObjectiveCost:
        """On the pages of one kind."""
        return objective_cost(self.run.pages.get(kind, ()), self.margins)

    def _all_pages(self) -> list[ReplayedPage]:
        return [page for some in self.run.pages.values() for page in some]


def find_objectives() -> Definition | None:
    """What counts in the shop, under its name in the active language, as nobody chose one; None where nobody ever said
    so."""
    found = Definition.objects.with_versions().filter(kind=DefinitionKind.OBJECTIVES, key=OBJECTIVES_KEY)
    definition = found.first()
    if definition is not None:
        definition.name = pgettext("personalization", "What counts")
    return definition


def try_document(document: Mapping[str, Any], *, seconds: float, most: int = MAX_ORDERS) -> ObjectivesTrial:
    """Tries what a document says on the past. Nothing is stored."""
    compiler, serving, stored = Compiler(), read_rules_now(), find_objectives()
    live = _compile_live(stored, compiler)
    after = compile_objectives(UNSAVED_OBJECTIVES, document, compiler)
    problems = tuple(compiler.problems[UNSAVED_OBJECTIVES.pk])
    margins = compiler.numbers("margin", product_margins)
    sides = replace(serving, objectives=live), replace(serving, objectives=after)
    run = run_back_test(objectives_change(*sides, now().timestamp()), seconds=seconds, most=most)
    known = dict(zip(margins.product_ids.tolist(), margins.values.tolist(), strict=True))
    return ObjectivesTrial(*sides, problems, run, known)


def _compile_live(stored: Definition | None, compiler: Compiler) -> Objectives:
    if stored is None or stored.live is None or stored.state != DefinitionState.LIVE:
        return NO_OBJECTIVES
    document = documents.upgrade(stored.kind, stored.live.schema, stored.live.document)
    return compile_objectives(stored, document, compiler)


def trial_lines(trial: ObjectivesTrial) -> BackTestLines:
    """A trial in words: of all pages together, then of each kind."""
    kinds = [kind for kind in trial.run.results if kind is not PageKind.SHOWN]
    whole = describe_objective_cost(trial.cost, format_amount)
    lines = [(pgettext("personalization", "All these pages together"), whole)] if kinds else []
    for kind in kinds:
        words = [describe_back_test(kind, trial.run.results[kind])]
        result = trial.run.results[kind]
        if len(kinds) > 1 and not (result.changes_nothing or result.is_too_small):
            words.append(describe_cost_changes(trial.cost_on(kind)))
        lines.append((page_label(kind), " ".join(words)))
    limits = (*objective_cost_limits(), *back_test_limits())
    return replace(back_test_lines(trial.run), lines=tuple(lines), limits=limits)
