"""What an experiment's document means: where its arms differ, what each of them does, and what is wrong with one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.merchandising.assignment import (
    HELD_OUT,
    HOLDOUT,
    HOLDOUT_WEEKS,
    PERSONALIZED,
    ArmRange,
    ExperimentSeason,
    lay_out_arms,
)

Document = Mapping[str, Any]
POLICY_SURFACES: Mapping[str, tuple[str, ...]] = {
    "rerank_strength": ("search", "category", "catalogue"),
    "row_size": ("home", "product", "basket", "order_confirmation", "zero_results"),
    "max_home_rows": ("home",),
    "max_personal_rows": ("home",),
}
"""Where a number of the policy shows."""
LIST_SURFACES = POLICY_SURFACES["rerank_strength"]
"""The surfaces of lists, whose orders can be interleaved."""
INTERLEAVE = "interleave"
"""The method of an experiment that shows two orders as one list."""
BOTH_ORDERS = "both"
"""The arm of all its visitors."""
Choice = tuple[int, int | None]
"""(key of a campaign or of the settings of a row; the number of its version, None for without it)"""


@dataclass(frozen=True)
class ArmEffect:
    """What an arm changes."""

    plain: bool = False
    """Whether its pages use nothing of the visitor, on the surfaces of the experiment."""
    choices: frozenset[Choice] = frozenset()
    policy: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class InterleavedOrders:
    """The two orders of an experiment that shows both as one list."""

    first: str
    """The key of the arm whose order is what serves."""
    second: str
    effect: ArmEffect
    """What makes the order of the second one."""


@dataclass(frozen=True)
class RunningExperiment:
    """A season that assigns visitors now."""

    season_id: int
    season: ExperimentSeason
    effects: Mapping[str, ArmEffect]
    """By arm."""
    orders: InterleavedOrders | None = None
    """Of an experiment that shows two orders as one list; then its one arm changes nothing else."""

    @property
    def is_holdout(self) -> bool:
        """Whether its one arm sees plain pages everywhere."""
        return self.season.key == HOLDOUT

    @property
    def definition_ids(self) -> frozenset[int]:
        """The campaigns and rows in which its arms differ."""
        return frozenset(key for effect in self.effects.values() for key, _number in effect.choices)


def effect_of(arm: Document) -> ArmEffect:
    """What an arm of a document does."""
    does = arm["does"]
    choices: set[Choice] = set()
    if "version" in does:
        choices.add((does["version"]["definition"], does["version"]["number"]))
    if "without" in does:
        choices.add((does["without"], None))
    return ArmEffect(does.get("plain", False), frozenset(choices), does.get("policy", {}))


def running_experiment(season_id: int, key: str, number: int, document: Document, arms: Any) -> RunningExperiment:
    """A stored season as decisions go by it. Parameters: `arms`, as `Season.arms` has them."""
    ranges = tuple(ArmRange(arm, start, end) for arm, start, end in arms)
    season = ExperimentSeason(key, number, ranges, frozenset(document.get("surfaces", ())))
    if is_interleaved(document):
        first, second = document["arms"]
        orders = InterleavedOrders(first["key"], second["key"], effect_of(second))
        return RunningExperiment(season_id, season, {BOTH_ORDERS: ArmEffect()}, orders)
    return RunningExperiment(season_id, season, {arm["key"]: effect_of(arm) for arm in document["arms"]})


def is_interleaved(document: Document) -> bool:
    """Whether its visitors see the orders of both arms in one list, instead of one arm each."""
    return document.get("method") == INTERLEAVE


def arm_ranges(document: Document) -> list[tuple[str, int, int]]:
    """The buckets of a new season's arms, as `Season.arms` keeps them; of interleaved orders those of one arm."""
    shares = {arm["key"]: arm["share"] for arm in document["arms"]}
    if is_interleaved(document):
        shares = {BOTH_ORDERS: sum(shares.values())}
    ranges = lay_out_arms(shares)
    return [(one.arm, one.start, one.end) for one in ranges]


def holdout_document(share: float) -> dict[str, Any]:
    """The document of a holdout. Parameters: `share` of the units that see plain pages, more than 0, less than 1."""
    held_out, others = pgettext("personalization", "held back"), pgettext("personalization", "personalised")
    return {
        "question": pgettext("personalization", "What is personalisation worth?"),
        "arms": [
            {"key": HELD_OUT, "label": held_out, "share": share, "does": {"plain": True}},
            {"key": PERSONALIZED, "label": others, "share": round(1 - share, 4), "does": {}},
        ],
        "primary": "conversion",
        "weeks": HOLDOUT_WEEKS,
    }


def may_change_searches(document: Document) -> bool:
    """Whether an arm may show other results of a search than the others: one with plain pages there, one that reorders
    lists by another strength, or one with or without a campaign."""
    effects = [effect_of(arm) for arm in document["arms"]]
    is_plain_there = any(effect.plain for effect in effects) and "search" in document.get("surfaces", ())
    return is_plain_there or "search" in policy_surfaces(document) or any(effect.choices for effect in effects)


def policy_surfaces(document: Document) -> set[str]:
    """Where the arms differ by numbers of the policy; of interleaved lists nowhere but where the document says."""
    if is_interleaved(document):
        return set()
    return {surface for arm in document["arms"] for name in effect_of(arm).policy for surface in POLICY_SURFACES[name]}


def named_definitions(document: Document) -> set[int]:
    """The keys of the campaigns and rows that the arms name."""
    return {key for arm in document.get("arms", ()) for key, _number in effect_of(arm).choices}


def experiment_errors(document: Document) -> Iterator[tuple[str, str]]:
    """(path, words) of what the schema cannot say."""
    arms = document["arms"]
    keys = [arm["key"] for arm in arms]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            yield f"arms.{index}.key", _("Two groups have the same key.")
        if len(arms[index]["does"]) > 1:
            yield f"arms.{index}.does", _("A group does one thing.")
    if sum(arm["share"] for arm in arms) > 1.0001:
        yield "arms", _("The groups are more than 100 % together.")
    if all(effect_of(arm) == effect_of(arms[0]) for arm in arms):
        yield "arms", _("All groups do the same: there is nothing to find out.")
    if is_interleaved(document):
        yield from _interleaving_errors(document)
    if len(named_definitions(document)) > 1:
        yield "arms", _("An experiment is about one campaign, or the settings of one row.")


def _interleaving_errors(document: Document) -> Iterator[tuple[str, str]]:
    effects = [effect_of(arm) for arm in document["arms"]]
    surfaces = set(document.get("surfaces", ()))
    if not surfaces or not surfaces <= set(LIST_SURFACES):
        yield (
            "surfaces",
            _("Two orders can be shown as one in lists only: of a category, of all products, of a search."),
        )
    if len(effects) != 2 or effects[0] != ArmEffect():
        yield "arms", _("One of two orders is the one that the shop has.")
    elif effects[1].choices or set(effects[1].policy) - {"rerank_strength"}:
        yield "arms", _("The other order is a stranger's, or ours at another strength.")
