"""The list of a page while an experiment shows two orders of it as one: the order that serves, and another one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from personalization.decide.arms import plain_visit
from personalization.decide.audience import list_surface
from personalization.decide.interleaving import TEAM_A, TEAM_B, draft_coin, team_draft
from personalization.decide.preferences import apply_preferences
from personalization.decide.reranking import rerank
from personalization.decide.visit import Visit
from personalization.merchandising.experiments import BOTH_ORDERS, ArmEffect, RunningExperiment
from personalization.rank.snapshot_arrays import SnapshotArrays


@dataclass(frozen=True)
class InterleavedList:
    """Two orders as one list."""

    products: tuple[int, ...]
    teams: Mapping[int, str] = field(default_factory=dict)
    """By product, whose choice it is, as "experiment=arm"; without those that count for neither order."""


def interleave_list(visit: Visit, snapshot: SnapshotArrays) -> InterleavedList | None:
    """The visit's candidate products in both orders of the experiment that runs on this list; None where none does, or
    both orders are the same. Notes that the visitor was shown it. No query.

    What the visitor does not want to see stands last in both.
    """
    experiment = _experiment_on_list(visit)
    if visit.arms is None or visit.unit is None or experiment is None or experiment.orders is None:
        return None
    unwanted = apply_preferences(visit, snapshot).excluded_products
    own, other = (
        sorted(rerank(one, snapshot), key=lambda product: product in unwanted)
        for one in (visit, with_order(visit, experiment.orders.effect))
    )
    salt, day = experiment.season.salt, datetime.fromtimestamp(visit.timestamp, UTC).date()
    page = f"{list_surface(visit)}:{visit.category or ''}:{visit.query}"
    drafted = team_draft(own, other, draft_coin(visit.unit, salt=salt, page=page, day=day))
    arms = {TEAM_A: experiment.orders.first, TEAM_B: experiment.orders.second}
    teams = {one.item: f"{salt}={arms[one.team]}" for one in drafted if one.team}
    if not teams:
        return None
    visit.arms.exposures[experiment.season_id] = BOTH_ORDERS
    return InterleavedList(tuple(one.item for one in drafted), teams)


def with_order(visit: Visit, effect: ArmEffect) -> Visit:
    """The visit whose list stands in the order that an arm makes."""
    if effect.plain:
        return plain_visit(visit)
    numbers: dict[str, Any] = dict(effect.policy)
    return replace(visit, policy=replace(visit.policy, **numbers))


def _experiment_on_list(visit: Visit) -> RunningExperiment | None:
    if visit.arms is None:
        return None
    found = (experiment for experiment, _arm in visit.arms.on_surface(list_surface(visit)))
    return next((experiment for experiment in found if experiment.orders is not None), None)
