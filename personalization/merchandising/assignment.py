"""Who is in which arm of which experiment: a hash of the unit and a salt, so that nothing is stored and nobody moves.

Only visitors who allowed measuring are assigned; who they are is for the caller to know.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

BUCKETS = 10_000
"""The units of an experiment fall into so many parts of the same expected size."""
HOLDOUT = "holdout"
"""The key of the experiment that shows some units the shop's plain pages."""
HELD_OUT, PERSONALIZED = "held_out", "personalized"
"""Its arms."""
HOLDOUT_SHARE = 0.10
"""How many are held out by default, ..."""
SOONER_SHARE = 0.50
"""... and where the shop wants to know it sooner."""
HOLDOUT_WEEKS = 13
"""A season of the holdout; the next one holds out others."""

ROW_ORDER = "row-order"
"""Names the comparison of the learned order of rows with the shop's, in tokens, events and totals."""
DRAWN_ORDER, SHOP_ORDER = "drawn", "shop"
"""Its arms."""
CONTROL_BUCKETS = 1_000
"""A tenth of all units always see the shop's order: without them nobody could say what the other one is worth."""


def bucket_of(unit: UUID, salt: str) -> int:
    """The bucket of a unit, 0 to BUCKETS - 1: evenly spread, and independent between salts."""
    digest = sha256(f"{salt}:{unit.hex}".encode()).digest()
    return int.from_bytes(digest[:8], "big") * BUCKETS >> 64


def is_left_out(campaign: int, share: float, person: object) -> bool:
    """Whether a person is in the part, 0 to 1, that a campaign is kept from, to compare the others with. The same ones
    on every page and in every mail; a larger part holds all of a smaller one."""
    digest = sha256(f"campaign:{campaign}:{person}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


class ArmRange(NamedTuple):
    """The buckets of one arm."""

    arm: str
    """Its key."""
    start: int
    end: int
    """The first bucket that is no longer in it."""

    @property
    def size(self) -> int:
        """How many buckets."""
        return self.end - self.start


def lay_out_arms(shares: Mapping[str, float]) -> tuple[ArmRange, ...]:
    """The ranges of arms with these shares of all units, in that order. Buckets that are left over are divided among
    the ends of the ranges in proportion, so that each share can be raised later without moving anyone.

    Raises ValueError when a share is less than a bucket, or all are more than 1 together.
    """
    sizes = _sizes(shares)
    total, ranges, before = sum(sizes.values()), [], 0
    for arm, size in sizes.items():
        start = before * BUCKETS // total
        ranges.append(ArmRange(arm, start, start + size))
        before += size
    return tuple(ranges)


def raise_shares(ranges: Iterable[ArmRange], shares: Mapping[str, float]) -> tuple[ArmRange, ...]:
    """The ranges with these shares, each raised at its end. While an experiment runs, this is all that may be changed;
    anything else is a new season.

    Raises ValueError when an arm has no share, a share would be lowered, or the next range stands in the way.
    """
    before, sizes = tuple(ranges), _sizes(shares)
    if sizes.keys() != {one.arm for one in before}:
        raise ValueError(
            f"The shares are of {sorted(sizes)}, the running arms are {sorted(one.arm for one in before)}."
        )
    after = tuple(one._replace(end=one.start + sizes[one.arm]) for one in before)
    for old, new in zip(before, after, strict=True):
        if new.end < old.end:
            raise ValueError(f"The share of {old.arm} is {old.size / BUCKETS:g} and can only be raised.")
    if not is_only_raised(before, after):
        raise ValueError("There is no room behind the range of an arm: this takes a new season.")
    return after


def is_only_raised(before: Iterable[ArmRange], after: Iterable[ArmRange]) -> bool:
    """Whether the change of ranges leaves every unit that is in an arm in that arm."""
    old, new = {one.arm: one for one in before}, {one.arm: one for one in after}
    return (
        old.keys() == new.keys()
        and all(new[arm].start == one.start and new[arm].end >= one.end for arm, one in old.items())
        and _are_apart(new.values())
    )


def keeps_proportions(before: Iterable[ArmRange], after: Iterable[ArmRange]) -> bool:
    """Whether all shares were changed by the same factor, up to a bucket.

    Where they were not, nobody may have moved, and yet the arms can no longer be compared by sums over the whole time:
    weeks that were better for all weigh more in the arm that grew, and the test of the sample ratio raises a false
    alarm. Such a change is better a new season.
    """
    old, new = {one.arm: one.size for one in before}, {one.arm: one.size for one in after}
    if old.keys() != new.keys() or not old:
        return False
    factor = sum(new.values()) / sum(old.values())
    return all(abs(new[arm] - size * factor) <= 1 for arm, size in old.items())


def _sizes(shares: Mapping[str, float]) -> dict[str, int]:
    sizes = {arm: round(share * BUCKETS) for arm, share in shares.items()}
    if not sizes:
        raise ValueError("There are no arms.")
    for arm, size in sizes.items():
        if size < 1:
            raise ValueError(f"The share of {arm} is {shares[arm]:g}; expected at least {1 / BUCKETS:g}.")
    if sum(sizes.values()) > BUCKETS:
        raise ValueError(f"The shares are {sum(shares.values()):g} together; expected at most 1.")
    return sizes


def _are_apart(ranges: Iterable[ArmRange]) -> bool:
    end = 0
    for one in sorted(ranges, key=lambda each: each.start):
        if one.start < end:
            return False
        end = one.end
    return end <= BUCKETS


@dataclass(frozen=True)
class ExperimentSeason:
    """An experiment for as long as its units stay in their arms."""

    key: str
    """The experiment's."""
    number: int
    """Which season of it."""
    arms: tuple[ArmRange, ...]
    surfaces: frozenset[str] = frozenset()
    """Where its arms may differ. The holdout, which comes before all others, needs none."""

    @property
    def salt(self) -> str:
        """What its buckets are made with."""
        return f"{self.key}-{self.number}"

    def arm_of(self, unit: UUID) -> str:
        """The key of the unit's arm; "" where it is in none."""
        bucket = bucket_of(unit, self.salt)
        return next((one.arm for one in self.arms if one.start <= bucket < one.end), "")


def holdout_season(number: int, share: float = HOLDOUT_SHARE) -> ExperimentSeason:
    """A season of the holdout. Parameters: `share`, of the units that are held out, more than 0 and less than 1."""
    return ExperimentSeason(HOLDOUT, number, lay_out_arms({HELD_OUT: share, PERSONALIZED: 1 - share}))


def holdout_season_number(started: date, today: date) -> int:
    """Which season it is, from 1, of a holdout that began on a day."""
    return max((today - started).days, 0) // (7 * HOLDOUT_WEEKS) + 1


class AssignedArm(NamedTuple):
    """The arm of one unit in one experiment."""

    experiment: str
    season: int
    arm: str

    @property
    def salt(self) -> str:
        """That of the season: names it in events and credits."""
        return f"{self.experiment}-{self.season}"


@dataclass(frozen=True)
class Assignment:
    """All arms that a unit is in."""

    holdout: AssignedArm | None = None
    by_surface: Mapping[str, AssignedArm] | None = None
    """None while held out: then it is in no other experiment."""

    @property
    def is_held_out(self) -> bool:
        """Whether it sees the shop's plain pages."""
        return self.holdout is not None and self.holdout.arm == HELD_OUT

    def on_surface(self, surface: str) -> AssignedArm | None:
        """Its arm of the experiment on a surface; None where there is none, or it is in none of its arms."""
        return None if self.by_surface is None else self.by_surface.get(surface)


def assign_arms(unit: UUID, *, holdout: ExperimentSeason | None, experiments: Iterable[ExperimentSeason]) -> Assignment:
    """The arms of a unit: the holdout first, then one experiment a surface, each by itself.

    Parameters: `experiments`, the running ones; of two that share a surface the first counts (`shared_surfaces` tells
    before they start).
    """
    held = None
    if holdout is not None and (arm := holdout.arm_of(unit)):
        held = AssignedArm(holdout.key, holdout.number, arm)
        if arm == HELD_OUT:
            return Assignment(held)
    occupied: set[str] = set()
    by_surface: dict[str, AssignedArm] = {}
    for season in experiments:
        if season.surfaces & occupied:
            continue
        occupied |= season.surfaces
        if arm := season.arm_of(unit):
            assigned = AssignedArm(season.key, season.number, arm)
            by_surface.update(dict.fromkeys(season.surfaces, assigned))
    return Assignment(held, by_surface)


def shared_surfaces(season: ExperimentSeason, running: Iterable[ExperimentSeason]) -> dict[str, str]:
    """What keeps an experiment from starting: by surface, the key of the other one that runs there."""
    return {
        surface: other.key
        for other in running
        if other.key != season.key
        for surface in sorted(season.surfaces & other.surfaces)
    }
