"""Navigation: the shop's categories as this visitor needs them. Everything of the menu is here: the ranked list of
categories, the visitor's shortcuts, and the top categories in their order, no further than the shop allows."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from personalization.decide import reasons, scoring
from personalization.decide.audience import acting_campaigns
from personalization.decide.bounded_order import reorder_bounded
from personalization.decide.genome_age import fading_until_training
from personalization.decide.merchandising import ActingCampaign, removals, resolve
from personalization.decide.preferences import excluded_categories, liked_categories
from personalization.decide.slate import Candidate, Reason, category_ref
from personalization.decide.visit import Visit
from personalization.merchandising.compiled import Audience
from personalization.rank.scorer import SCORE_DECIMALS
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.shop import catalogue, category_labels
from personalization.surfaces import Surface

NAVIGATION = "navigation"
"""The name of this surface."""
HABIT_WEIGHT, EXPECTED_WEIGHT, SALES_SHARE_WEIGHT = 1.0, 0.5, 0.001
"""The weights of the visitor's habit in a category, of what they are expected to buy there, both as shares of their
highest value, and of the category's share of all sales."""
MAX_SHORTCUTS = 5
"""A longer list is no short way any more."""
MAX_CONSIDERED = 16
"""At most this many categories are considered for the shortcuts: of a category and its ancestors one remains."""
MIN_EXPECTED = 0.25
"""Where they never bought, a category is one of theirs from this expectation on, as a share of the highest."""
MIN_SALES_SHARE = 0.001
"""A smaller share of all sales makes a category no more distinctive."""
STATED_INTEREST = "liked_category"
"""The reason for a category that the visitor named themselves."""


@dataclass(frozen=True)
class MenuShortcut:
    """A category that a visitor is likely to look for, with the way there."""

    key: int
    name: str
    url: str
    reason: Reason
    explanation: str
    """Why it is there, in the active language."""


@dataclass(frozen=True)
class MenuOrder:
    """The order of the menu's top categories for one visitor. False where nothing moves."""

    scores: Mapping[int, float] = field(default_factory=dict)
    """How much the visitor is likely to want each category, comparable among them."""
    max_shift: int = 0
    pinned: Collection[int] = ()
    acting: tuple[ActingCampaign, ...] = ()
    """The campaigns that act on the menu; their products are the keys of categories."""

    def __bool__(self) -> bool:
        return self.is_personal or bool(self.acting)

    @property
    def is_personal(self) -> bool:
        """Whether it goes by what this visitor is likely to want."""
        return bool(self.scores and self.max_shift)

    def sort(self, categories: Sequence[int]) -> list[int]:
        """These categories, given in the shop's order, in the visitor's, without those that campaigns exclude."""
        result = reorder_bounded(categories, self.scores, max_shift=self.max_shift, pinned=self.pinned)
        return list(resolve(result, self.acting, trace=False).order) if self.acting else result


@dataclass(frozen=True)
class _CategoryScores:
    """All categories of a snapshot, one entry each."""

    ids: NDArray[np.int64]
    purchases: NDArray[np.float64]
    expected: NDArray[np.float64]
    personal: NDArray[np.float64]
    """The visitor's need, in 0..1."""
    score: NDArray[np.float64]
    in_household: bool
    """Whether several people made these purchases."""

    def candidate(self, row: int) -> Candidate:
        reason = _category_reason(int(self.purchases[row]), float(self.expected[row]), self.in_household)
        return Candidate(category_ref(int(self.ids[row])), float(self.score[row]), reason)


def rank_categories(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """The categories that this visitor is likely to need next; for a stranger those that sell most."""
    scored = _score_categories(visit, snapshot)
    return (scored.candidate(row) for row in np.lexsort((scored.ids, -scored.score)).tolist())


def make_menu_order(visit: Visit, snapshot: SnapshotArrays) -> MenuOrder:
    """The visitor's order of the menu, as far as the policy lets it move; what they want less of is wanted by 0."""
    scored = _score_categories(visit, snapshot)
    excluded = excluded_categories(visit.preferences)
    scores = zip(scored.ids.tolist(), scored.score.tolist(), strict=True)
    policy = visit.policy
    return MenuOrder(
        {key: score for key, score in scores if key not in excluded},
        policy.menu_max_shift,
        policy.menu_pinned_categories,
    )


def menu_campaigns(visit: Visit) -> tuple[ActingCampaign, ...]:
    """The campaigns that act on the menu of this visitor. Of a stranger's, whose pages caches may keep, only those that
    are for everybody."""
    acting = acting_campaigns(visit, NAVIGATION)
    return acting if visit.tracking_allowed else tuple(one for one in acting if one.campaign.audience == Audience())


def make_menu_shortcuts(visit: Visit, snapshot: SnapshotArrays) -> list[MenuShortcut]:
    """The categories that get a line of their own in this visitor's menu. One query."""
    candidates = _shortcut_candidates(visit, snapshot)
    removed = removals(menu_campaigns(visit), {candidate.item.id for candidate in candidates})
    candidates = [candidate for candidate in candidates if candidate.item.id not in removed]
    ancestors = snapshot.category_ancestors(candidate.item.id for candidate in candidates)
    return select_shortcuts(
        candidates,
        ancestors,
        excluded=excluded_categories(visit.preferences),
        discreet=visit.hide_private_reasons,
    )


def select_shortcuts(
    candidates: Sequence[Candidate], ancestors: Collection[int], *, excluded: Collection[int], discreet: bool
) -> list[MenuShortcut]:
    """The best of these categories, which come with the most distinctive first.

    Of a category and one below it only the more distinctive is shown; one that the visitor named is shown anyway.
    Nothing that the shop keeps out of its menu, nothing sensitive, and neither an excluded category nor one below it.
    One query. `ancestors` are all categories above the candidates.
    """
    in_menu = catalogue.menu_categories({candidate.item.id for candidate in candidates}, ancestors)
    shown = {key: entry for key, entry in in_menu.items() if entry.ancestor_ids.isdisjoint(excluded)}
    selected: list[Candidate] = []
    for candidate in candidates:
        if candidate.item.id in shown and not _is_redundant(candidate, selected, shown):
            selected.append(candidate)
    best = sorted(selected, key=lambda candidate: -candidate.score)[:MAX_SHORTCUTS]
    categories = [shown[candidate.item.id].category for candidate in best]
    addresses = category_labels.category_addresses(categories)
    return [
        MenuShortcut(one.item.id, category.label, address, *_reason(one, discreet))
        for one, category, address in zip(best, categories, addresses, strict=True)
    ]


def _is_redundant(
    candidate: Candidate, selected: Iterable[Candidate], shown: Mapping[int, catalogue.MenuCategory]
) -> bool:
    ancestors = shown[candidate.item.id].ancestor_ids
    return any(
        other.item == candidate.item
        or (
            other.reason.code != STATED_INTEREST
            and (other.item.id in ancestors or candidate.item.id in shown[other.item.id].ancestor_ids)
        )
        for other in selected
    )


def _reason(candidate: Candidate, discreet: bool) -> tuple[Reason, str]:
    """Why a shopper is shown this category, and in words."""
    reason = reasons.without_private_facts(candidate.reason) if discreet else candidate.reason
    return reason, reasons.item_explanation(reason, reasons.DisplayNames())


def _shortcut_candidates(visit: Visit, snapshot: SnapshotArrays) -> list[Candidate]:
    """The categories that deserve a line of their own in this visitor's menu, the most distinctive first: those they
    named, then those they need more than others do. None for a stranger."""
    named = [
        Candidate(category_ref(key), math.inf, Reason(STATED_INTEREST)) for key in liked_categories(visit.preferences)
    ]
    return named + (
        _distinctive_categories(_score_categories(visit, snapshot), snapshot) if visit.genome.categories else []
    )


def _distinctive_categories(scored: _CategoryScores, snapshot: SnapshotArrays) -> list[Candidate]:
    """By need x log(need / share of all sales), the category's part in the divergence between the two, as in
    `decide.selection`: where one buys mostly tea it is the tea, and not the groceries that everybody buys. Of equals
    the deepest first."""
    relevant = (scored.purchases > 0) | (_share_of_max(scored.expected) >= MIN_EXPECTED)
    need = np.where(relevant, scored.personal, 0.0)
    rows = np.lexsort((scored.ids, -need))[:MAX_CONSIDERED]
    share = snapshot.arrays["category.share"][rows]
    divergence = need[rows] * np.log(np.maximum(need[rows], MIN_SALES_SHARE) / np.maximum(share, MIN_SALES_SHARE))
    divergence = np.round(divergence, SCORE_DECIMALS)
    depth = snapshot.arrays["category.depth"][rows]
    order = np.lexsort((scored.ids[rows], -depth, -divergence))
    return [scored.candidate(row) for row in rows[order][divergence[order] > 0].tolist()]


def _score_categories(visit: Visit, snapshot: SnapshotArrays) -> _CategoryScores:
    habit, purchases = _purchase_habit(visit, snapshot)
    expected = _expected_purchases(visit, snapshot)
    personal = (HABIT_WEIGHT * _share_of_max(habit) + EXPECTED_WEIGHT * _share_of_max(expected)) / (
        HABIT_WEIGHT + EXPECTED_WEIGHT
    )
    score = np.round(
        (HABIT_WEIGHT + EXPECTED_WEIGHT) * personal + SALES_SHARE_WEIGHT * snapshot.arrays["category.share"],
        SCORE_DECIMALS,
    )
    return _CategoryScores(snapshot.arrays["category.id"], purchases, expected, personal, score, visit.in_household)


def _purchase_habit(visit: Visit, snapshot: SnapshotArrays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(the visitor's days with purchases there, fading with age; their purchases there), one entry a category."""
    rows = visit.genome.categories
    habit = np.zeros((2, len(snapshot.arrays["category.id"])))
    indices = snapshot.category_indices(row[0] for row in rows)
    for index, (_key, _share, purchases, weight) in zip(indices.tolist(), rows, strict=True):
        if index >= 0:
            habit[:, index] = weight, purchases
    return habit[0] * fading_until_training(visit.genome, snapshot), habit[1]


def _expected_purchases(visit: Visit, snapshot: SnapshotArrays) -> NDArray[np.float64]:
    """-log(probability that none of the category's candidates is bought), one entry a category."""
    scored = scoring.score_for_visitor(visit, snapshot)
    surprise = np.zeros(len(snapshot.ids))
    surprise[scored.product_indices] = -np.log1p(-np.minimum(scored.purchase_probability, 0.999))
    start = snapshot.arrays["category.product_start"]
    summed = np.concatenate([[0.0], np.cumsum(surprise[snapshot.arrays["category.product"]])])
    by_category: NDArray[np.float64] = summed[start[1:]] - summed[start[:-1]]
    return by_category


def _share_of_max(values: NDArray[np.float64]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = values / max(float(values.max(initial=0)), 1e-9)
    return share


def _category_reason(purchases: int, expected: float, in_household: bool) -> Reason:
    if purchases and in_household:
        return Reason("household_category")
    if purchases:
        return Reason("bought_in_category", {"purchases": purchases})
    return Reason("expected_in_category") if expected > 0 else Reason("in_range")


surface = Surface(name=NAVIGATION, ranking=rank_categories, ranks_categories=True)
