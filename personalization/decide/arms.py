"""Which arms of the running experiments a visit is in, what they change of it, and which of them its page shows.

The holdout comes first: who is held out is in no other experiment. Then one experiment on each surface, by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from personalization.decide.audience import campaigns_on_page, list_surface
from personalization.decide.compose import ReplayedRow
from personalization.decide.policy import Policy
from personalization.decide.visit import Visit
from personalization.merchandising.assignment import AssignedArm, Assignment, assign_arms
from personalization.merchandising.compiled import CompiledRules
from personalization.merchandising.experiments import ArmEffect, RunningExperiment
from personalization.models import Genome
from personalization.models.fail_open import fail_open


@dataclass(frozen=True)
class VisitArms:
    """The arms of one visit."""

    assignment: Assignment
    running: tuple[RunningExperiment, ...]
    """The experiments that it is in one of whose arms."""
    shop_rules: CompiledRules
    """What serves where no arm changes it, ..."""
    shop_policy: Policy
    """... and by which numbers."""
    exposures: dict[int, str] = field(default_factory=dict)
    """{season's key: arm} of those that the page shows: it would differ between the arms."""

    def on_surface(self, surface: str) -> list[tuple[RunningExperiment, AssignedArm]]:
        """The experiments that concern a surface, with the visit's arm in each."""
        arms = [self.assignment.holdout, self.assignment.on_surface(surface)]
        by_salt = {one.season.salt: one for one in self.running}
        return [(by_salt[arm.salt], arm) for arm in arms if arm is not None]

    @property
    def is_plain_somewhere(self) -> bool:
        """Whether one of the arms, on any surface, does without personalisation."""
        arms = [self.assignment.holdout, *(self.assignment.by_surface or {}).values()]
        by_salt = {one.season.salt: one for one in self.running}
        return any(by_salt[arm.salt].effects[arm.arm].plain for arm in arms if arm is not None)

    def tokens(self, surface: str) -> dict[str, str]:
        """{season: arm}, as the token of what is shown on a surface names them. Of interleaved orders each item names
        its own."""
        return {arm.salt: arm.arm for experiment, arm in self.on_surface(surface) if experiment.orders is None}


def enter_experiments(visit: Visit, unit: UUID) -> Visit:
    """The visit with what its arms change everywhere: for who is held out, nothing of theirs is used, in other arms
    other versions and numbers serve. Parameters: `unit` of the visitor, who allowed measuring."""
    running = visit.rules.experiments
    if not running:
        return visit
    holdout = next((one.season for one in running if one.is_holdout), None)
    assignment = assign_arms(unit, holdout=holdout, experiments=[one.season for one in running if not one.is_holdout])
    assigned = {arm.salt: arm for arm in (assignment.holdout, *(assignment.by_surface or {}).values()) if arm}
    if not assigned:
        return visit
    concerned = tuple(one for one in running if one.season.salt in assigned)
    arms = VisitArms(assignment, concerned, visit.rules, visit.policy)
    if assignment.is_held_out:
        return plain_visit(replace(visit, arms=arms))
    effects = [one.effects[assigned[one.season.salt].arm] for one in concerned]
    return _with_effects(replace(visit, arms=arms), effects)


def _with_effects(visit: Visit, effects: list[ArmEffect]) -> Visit:
    choices = frozenset(choice for effect in effects for choice in effect.choices)
    numbers: dict[str, Any] = {name: number for effect in effects for name, number in effect.policy.items()}
    policy = replace(visit.policy, **numbers) if numbers else visit.policy
    return replace(visit, rules=visit.rules.in_arms(choices), policy=policy)


def plain_visit(visit: Visit) -> Visit:
    """The visit as a stranger's, who is measured all the same. What the visitor asked not to be shown stays away."""
    return replace(
        visit,
        genome=Genome(),
        own_genome=None,
        facts=None,
        recent_events=(),
        often_seen=(),
        preferences=tuple(one for one in visit.preferences if one.sign < 0),
        held_back=True,
    )


def enter_surface(visit: Visit, surface: str) -> Visit:
    """The visit as its arms on this surface have it; notes which experiments the page shows. No query but where a
    segment asks for one, and then in all arms alike. Where that fails, the visit as it is."""
    if visit.arms is None:
        return visit
    with fail_open(f"The experiments on {surface}", queries=bool(visit.rules.segments)):
        return _enter_surface(visit, surface, visit.arms)
    return visit


def enter_list(visit: Visit) -> Visit:
    """The visit as its arms have it on the list of its page, which a search engine found."""
    return visit if visit.arms is None else enter_surface(visit, list_surface(visit))


def _enter_surface(visit: Visit, surface: str, arms: VisitArms) -> Visit:
    for experiment, arm in arms.on_surface(surface):
        if experiment.orders is not None:
            continue
        if experiment.season_id not in arms.exposures and _would_differ(visit, surface, experiment):
            arms.exposures[experiment.season_id] = arm.arm
        if experiment.effects[arm.arm].plain and not visit.held_back:
            visit = plain_visit(visit)
    return visit


def _would_differ(visit: Visit, surface: str, experiment: RunningExperiment) -> bool:
    """Whether what the surface shows may differ between the arms, as far as that is known before it is decided. Of a
    campaign: whether it acts there for this visitor, in any of its versions. Of rows and numbers it is known later; see
    `note_differences`."""
    shop_rules = visit.rules if visit.arms is None else visit.arms.shop_rules
    campaigns = {key for key in experiment.definition_ids if shop_rules.is_campaign(key)}
    if not campaigns:
        return any(effect.plain for effect in experiment.effects.values())
    for effect in experiment.effects.values():
        acting = campaigns_on_page(replace(visit, rules=shop_rules.in_arms(effect.choices)), surface)
        if any(one.campaign.id in campaigns for one in acting):
            return True
    return False


def note_differences(visit: Visit, surface: str, decide: Callable[[Visit], list[ReplayedRow]]) -> None:
    """Notes which experiments about rows or numbers this page shows: those for which `decide` gives something else for
    the visit as each arm has it, or a row whose settings are compared, as its title may differ. Every arm works it out
    in the same way, so that all report alike. No query."""
    if visit.arms is None:
        return
    arms = visit.arms
    for experiment, arm in arms.on_surface(surface):
        if experiment.season_id in arms.exposures or not _is_about_rows_or_numbers(experiment, arms.shop_rules):
            continue
        with fail_open(f"Whether the arms differ on {surface}", queries=False):
            decided = [decide(_as_in_arm(visit, arms, effect)) for effect in experiment.effects.values()]
            compared = arms.shop_rules.row_codes(surface, experiment.definition_ids)
            shown = {key.partition(":")[0] for one in decided for key, _products in one}
            if not compared.isdisjoint(shown) or any(one != decided[0] for one in decided):
                arms.exposures[experiment.season_id] = arm.arm


def _is_about_rows_or_numbers(experiment: RunningExperiment, shop_rules: CompiledRules) -> bool:
    if experiment.orders is not None or any(effect.plain for effect in experiment.effects.values()):
        return False
    return not any(shop_rules.is_campaign(key) for key in experiment.definition_ids)


def _as_in_arm(visit: Visit, arms: VisitArms, effect: ArmEffect) -> Visit:
    numbers: dict[str, Any] = dict(effect.policy)
    rules, policy = arms.shop_rules.in_arms(effect.choices), replace(arms.shop_policy, **numbers)
    return replace(visit, rules=rules, policy=policy)
