"""Who is in which arm: the hash, the ranges, the layers."""

from collections import Counter
from datetime import date
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from personalization.merchandising.assignment import (
    BUCKETS,
    HELD_OUT,
    PERSONALIZED,
    ArmRange,
    AssignedArm,
    ExperimentSeason,
    assign_arms,
    bucket_of,
    holdout_season,
    holdout_season_number,
    is_only_raised,
    keeps_proportions,
    lay_out_arms,
    raise_shares,
    shared_surfaces,
)

UNIT = UUID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
UNITS = [UUID(int=number) for number in range(20_000)]
VECTORS = [
    ("holdout-1", "00000000-0000-0000-0000-000000000001", 856),
    ("holdout-1", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", 2198),
    ("row-order-7", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", 1759),
    ("row-order-7", "ffffffff-ffff-ffff-ffff-ffffffffffff", 4130),
]
shares_of_arms = some.lists(some.floats(0.001, 1), min_size=2, max_size=4).map(
    lambda weights: {f"arm{n}": weight / max(sum(weights), 1) * 0.999 for n, weight in enumerate(weights)}
)


def season(key="row-order", number=7, surfaces=("home",), **shares):
    return ExperimentSeason(key, number, lay_out_arms(shares or {"a": 0.5, "b": 0.5}), frozenset(surfaces))


@pytest.mark.parametrize(("salt", "unit", "bucket"), VECTORS)
def test_a_unit_has_the_bucket_that_its_hash_says(salt, unit, bucket):
    assert bucket_of(UUID(unit), salt) == bucket


def test_the_salt_is_the_experiment_and_its_season():
    assert season().salt == "row-order-7"
    assert holdout_season(1).salt == "holdout-1"


def test_buckets_are_even_and_independent_of_another_experiment_s():
    one, other = (np.array([bucket_of(unit, salt) for unit in UNITS]) for salt in ("a-1", "a-2"))
    counts = np.histogram2d(one, other, bins=10, range=[[0, BUCKETS], [0, BUCKETS]])[0]
    distance = ((counts - 200) ** 2 / 200).sum()
    assert distance < 150  # chi-square with 99 degrees: p is 0.0007


def test_what_is_left_over_lies_behind_each_arm():
    assert lay_out_arms({"a": 0.1, "b": 0.1}) == (ArmRange("a", 0, 1000), ArmRange("b", 5000, 6000))
    assert lay_out_arms({"a": 0.1, "b": 0.9}) == (ArmRange("a", 0, 1000), ArmRange("b", 1000, 10_000))


@given(shares_of_arms)
def test_ranges_are_as_large_as_their_shares_and_lie_apart(shares):
    ranges = lay_out_arms(shares)
    assert [one.arm for one in ranges] == list(shares)
    assert all(abs(one.size - shares[one.arm] * BUCKETS) <= 0.5 for one in ranges)
    assert is_only_raised(ranges, ranges)


@pytest.mark.parametrize(
    ("shares", "message"),
    [({}, "no arms"), ({"a": 0.6, "b": 0.6}, "1.2 together"), ({"a": 0.5, "b": 0}, "share of b is 0")],
)
def test_shares_that_make_no_sense_are_refused(shares, message):
    with pytest.raises(ValueError, match=message):
        lay_out_arms(shares)


@given(shares_of_arms, some.floats(1, 3))
def test_raised_shares_move_no_unit(shares, factor):
    before = lay_out_arms(shares)
    try:
        after = raise_shares(before, {arm: share * factor for arm, share in shares.items()})
    except ValueError:
        return
    assert is_only_raised(before, after)
    arms = {bucket: one.arm for one in after for bucket in range(one.start, one.end)}
    assert all(arms[bucket] == one.arm for one in before for bucket in (one.start, one.end - 1))
    assert sum(one.size for one in after) == len(arms)


def test_a_share_is_never_lowered_nor_raised_into_the_next_arm():
    running = lay_out_arms({"a": 0.1, "b": 0.1})
    assert raise_shares(running, {"a": 0.5, "b": 0.1})[0] == ArmRange("a", 0, 5000)
    with pytest.raises(ValueError, match=r"share of b is 0\.1 and can only be raised"):
        raise_shares(running, {"a": 0.2, "b": 0.05})
    with pytest.raises(ValueError, match="no room"):
        raise_shares(running, {"a": 0.51, "b": 0.1})
    with pytest.raises(ValueError, match=r"running arms are \['a', 'b'\]"):
        raise_shares(running, {"a": 0.2, "c": 0.2})


def test_only_what_is_longer_at_its_end_leaves_all_where_they_are():
    before = (ArmRange("a", 0, 1000), ArmRange("b", 5000, 6000))
    assert is_only_raised(before, (ArmRange("a", 0, 1500), ArmRange("b", 5000, 6000)))
    assert not is_only_raised(before, (ArmRange("a", 0, 1500), ArmRange("b", 4900, 6000)))
    assert not is_only_raised(before, (ArmRange("a", 0, 5001), ArmRange("b", 5000, 6000)))
    assert not is_only_raised(before, (ArmRange("a", 0, 1000),))
    assert not is_only_raised(before, (ArmRange("a", 0, 1000), ArmRange("b", 5000, 10_001)))


def test_an_uneven_raise_is_recognised():
    before = lay_out_arms({"a": 0.1, "b": 0.2})
    assert keeps_proportions(before, raise_shares(before, {"a": 0.15, "b": 0.3}))
    assert not keeps_proportions(before, raise_shares(before, {"a": 0.15, "b": 0.2}))


def test_who_is_held_out_is_in_no_experiment():
    held_out = assign_arms(UUID(VECTORS[0][1]), holdout=holdout_season(1), experiments=[season()])
    assert held_out.holdout == AssignedArm("holdout", 1, HELD_OUT)
    assert (held_out.is_held_out, held_out.on_surface("home")) == (True, None)
    other = assign_arms(UNIT, holdout=holdout_season(1), experiments=[season()])
    assert other.holdout == AssignedArm("holdout", 1, PERSONALIZED)
    assert (other.is_held_out, other.on_surface("home")) == (False, AssignedArm("row-order", 7, "a"))


def test_without_a_holdout_nobody_is_held_out():
    assert not assign_arms(UUID(VECTORS[0][1]), holdout=None, experiments=[]).is_held_out


def test_a_unit_is_in_one_experiment_a_surface():
    first, second = season("first", surfaces=["home", "product"]), season("second", surfaces=["product", "basket"])
    third = season("third", surfaces=["search"])
    assigned = assign_arms(UNIT, holdout=None, experiments=[first, second, third])
    surfaces = {"home": "first", "product": "first", "basket": None, "search": "third"}
    names = {one: getattr(assigned.on_surface(one), "experiment", None) for one in surfaces}
    assert names == surfaces
    assert shared_surfaces(second, [first, second, third]) == {"product": "first"}


def test_a_bucket_without_an_arm_is_in_none():
    small = season(a=0.01, b=0.01)
    arms = Counter(small.arm_of(unit) for unit in UNITS)
    assert arms[""] > 19_000 and arms["a"] > 100 and arms["b"] > 100
    assert assign_arms(UNIT, holdout=None, experiments=[small]).on_surface("home") is None


def test_the_arms_of_two_experiments_are_independent():
    seasons = [season("one", 1, ["home"]), season("two", 1, ["search"])]
    assigned = [assign_arms(unit, holdout=None, experiments=seasons) for unit in UNITS]
    pairs = Counter((one.on_surface("home").arm, one.on_surface("search").arm) for one in assigned)
    assert min(pairs.values()) > 4_800


def test_every_thirteen_weeks_others_are_held_out():
    start = date(2026, 1, 5)
    days = [start, date(2026, 4, 5), date(2026, 4, 6), date(2025, 1, 1)]
    assert [holdout_season_number(start, day) for day in days] == [1, 1, 2, 1]
    first, second = ([unit for unit in UNITS if holdout_season(n).arm_of(unit) == HELD_OUT] for n in (1, 2))
    assert 1_900 < len(first) < 2_100
    assert 150 < len(set(first) & set(second)) < 250
