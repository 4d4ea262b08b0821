"""The merchants' rules that this process serves by. A request never compiles them: the look for what serves does."""

import time
from dataclasses import dataclass, field

from personalization.decide import active_snapshot
from personalization.merchandising.compile import compile_rules
from personalization.merchandising.compiled import NO_RULES, CompiledRules
from personalization.models import RulesState
from personalization.models.fail_open import fail_open
from personalization.models.snapshots import ServingState

MAX_AGE = 600.0
"""Seconds after which they are compiled anew: a changed Range, price or stock tells nobody."""


@dataclass
class _ProcessRules:
    """What this process remembers between requests."""

    rules: CompiledRules = field(default_factory=lambda: NO_RULES)
    compiled_at: float = -1e9


_process_rules = _ProcessRules()


def get_active_rules() -> CompiledRules:
    """The live campaigns. Until the first ones are compiled, and after a failure, those that served before."""
    active_snapshot.look_when_due()
    return _process_rules.rules


def reset_active_rules() -> None:
    """Forgets them, as a fresh process would."""
    _process_rules.rules, _process_rules.compiled_at = NO_RULES, -1e9


def read_newer_rules(state: ServingState) -> None:
    """Compiles the live campaigns, if they were changed since, or are old; without a query where nobody ever made
    any."""
    cached = _process_rules
    may_be_old = cached.rules.campaigns or cached.rules.search.redirects or cached.rules.problems
    is_old = bool(may_be_old) and time.monotonic() - cached.compiled_at > MAX_AGE
    if state.rules_number == cached.rules.number and not is_old:
        return
    with fail_open("Compiling the live campaigns"):
        cached.rules, cached.compiled_at = compile_rules(), time.monotonic()


def read_rules_now() -> CompiledRules:
    """The live campaigns as they are at this moment, compiled in the request: for those who change them."""
    number = RulesState.objects.number()
    if number != _process_rules.rules.number:
        _process_rules.rules, _process_rules.compiled_at = (
            compile_rules(),
            time.monotonic(),
        )
    return _process_rules.rules


active_snapshot.also_read.append(read_newer_rules)
