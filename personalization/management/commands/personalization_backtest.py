"""Tries a draft, or another policy, on past orders: `manage.py personalization_backtest`."""

from argparse import ArgumentParser
from dataclasses import fields
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from personalization.decide.active_rules import read_rules_now
from personalization.decide.policy import DEFAULT_POLICY, Policy
from personalization.merchandising import documents
from personalization.merchandising.compile import compile_with_drafts
from personalization.merchandising.row_keys import row_key
from personalization.models import Definition, DefinitionKind
from personalization.oscar.back_test import (
    MAX_ORDERS,
    campaign_change,
    policy_change,
    row_change,
    run_back_test,
)
from personalization.oscar.dashboard.back_test_screen import BackTestLines, back_test_lines
from personalization.oscar.dashboard.draft_rules import rules_with_draft
from personalization.oscar.dashboard.objectives_back_test import find_objectives, trial_lines, try_document
from personalization.oscar.replayed_pages import RuleChange

NUMBERS = {field.name: type(getattr(DEFAULT_POLICY, field.name)) for field in fields(Policy)}


class Command(BaseCommand):
    """Says what a draft would have done to pages before the orders of the last weeks."""

    help = (
        "Tries the draft of a campaign, of a row or of what counts, or other numbers of the policy, on past orders. "
        "Stores nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        tried = parser.add_mutually_exclusive_group(required=True)
        tried.add_argument(
            "--campaign", type=int, metavar="NUMBER", help="its newest version; the number in its address"
        )
        tried.add_argument("--row", metavar="SURFACE/CODE", help="its newest settings, such as home/bestsellers")
        tried.add_argument("--objectives", action="store_true", help="the newest version of what counts")
        tried.add_argument(
            "--policy", action="append", metavar="NAME=NUMBER", help="such as rerank_strength=50; may be repeated"
        )
        parser.add_argument("--orders", type=int, default=MAX_ORDERS, help=f"at most so many (default: {MAX_ORDERS})")
        parser.add_argument("--seconds", type=float, default=600, help="begin no order after this time (default: 600)")

    def handle(self, *args: Any, orders: int, seconds: float, **options: Any) -> None:
        words = _tried(options, orders, seconds)
        self.stdout.write(f"{words.head}\n")
        for label, line in words.lines:
            self.stdout.write(f"\n{label}\n  {line}")
        for line in filter(None, ("", words.left_out, *words.limits)):
            self.stdout.write(f"\n{line}")


def _tried(options: dict[str, Any], orders: int, seconds: float) -> BackTestLines:
    if options["objectives"]:
        return _tried_objectives(orders, seconds)
    return back_test_lines(run_back_test(_change(options), seconds=seconds, most=orders))


def _tried_objectives(orders: int, seconds: float) -> BackTestLines:
    definition = find_objectives()
    if definition is None or definition.newest is None:
        raise CommandError("Nobody ever said what counts besides relevance.")
    newest = definition.newest
    document = documents.upgrade(definition.kind, newest.schema, newest.document)
    return trial_lines(try_document(document, seconds=seconds, most=orders))


def _change(options: dict[str, Any]) -> RuleChange:
    if options["campaign"]:
        return _campaign_change(options["campaign"])
    if options["row"]:
        return _row_change(options["row"])
    return policy_change(read_rules_now(), dict(map(_policy_number, options["policy"])), now().timestamp())


def _campaign_change(key: int) -> RuleChange:
    definition = Definition.objects.with_versions().filter(pk=key, kind=DefinitionKind.CAMPAIGN).first()
    if definition is None or definition.newest is None:
        raise CommandError(f"There is no campaign with the number {key}.")
    newest = definition.newest
    rules = rules_with_draft(definition, documents.upgrade("campaign", newest.schema, newest.document))
    return campaign_change(rules.before, rules.after, key, now().timestamp())


def _row_change(text: str) -> RuleChange:
    surface, _slash, code = text.partition("/")
    definitions = Definition.objects.with_versions().filter(kind=DefinitionKind.ROW, key=row_key(surface, code))
    definition = definitions.first()
    if definition is None or definition.newest is None:
        raise CommandError(f"Nobody ever set anything for the row {text!r}; expected one such as home/bestsellers.")
    newest = definition.newest
    document = documents.upgrade("row", newest.schema, newest.document)
    before = read_rules_now()
    after = compile_with_drafts((), (definition.key, document), before)
    return row_change(before, after, surface, code, now().timestamp())


def _policy_number(text: str) -> tuple[str, float]:
    name, _equals, number = text.partition("=")
    if NUMBERS.get(name) not in (int, float):
        names = ", ".join(sorted(one for one, kind in NUMBERS.items() if kind in (int, float)))
        raise CommandError(f"The policy has no number {name!r}; there are: {names}.")
    try:
        return name, NUMBERS[name](number)
    except ValueError:
        raise CommandError(f"{name} is {number!r}; expected a number.") from None
