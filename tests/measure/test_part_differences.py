"""Parts of the visitors of an experiment: only after its end, and with ranges that are wide enough for all of them."""

import math
from statistics import NormalDist

import pytest

from personalization.measure.experiments import measure_experiments
from personalization.measure.part_differences import VisitorPart, compare_parts
from personalization.models import Exposure
from tests.measure.test_experiments import START, WEEK, fill, season_of, tea  # noqa: F401

pytestmark = pytest.mark.django_db


def test_parts_are_told_after_the_end_with_ranges_for_all_of_them(tea):  # noqa: F811
    season = season_of(weeks=2)
    fill(season, tea, {"a": 0.2, "b": 0.3}, count=200)
    keys = list(Exposure.objects.order_by("pk").values_list("pk", flat=True))
    Exposure.objects.filter(pk__in=keys).update(device="phone")
    Exposure.objects.filter(pk__in=keys[:3]).update(device="")
    measure_experiments(START + WEEK)
    season.refresh_from_db()
    assert compare_parts(season) == []
    measure_experiments(START + 2 * WEEK)
    season.refresh_from_db()
    parts = {one.part: one for one in compare_parts(season)}
    assert set(parts) == set(VisitorPart)
    assert [parts[part].units for part in VisitorPart] == [397, 0, 0, 400]
    assert parts[VisitorPart.CUSTOMERS].interval is None and parts[VisitorPart.LARGER_SCREENS].interval is None
    low, high = parts[VisitorPart.NO_ACCOUNT].interval
    error = math.sqrt(0.2 * 0.8 / 200 + 0.3 * 0.7 / 200)
    assert (low + high) / 2 == pytest.approx(0.1)
    assert (high - low) / 2 == pytest.approx(NormalDist().inv_cdf(1 - 0.05 / 4 / 2) * error, rel=0.01)


def test_fewer_than_thirty_buyers_are_too_few(tea):  # noqa: F811
    season = season_of(weeks=2)
    fill(season, tea, {"a": 0.14, "b": 0.3}, count=200)
    measure_experiments(START + 2 * WEEK)
    season.refresh_from_db()
    assert all(one.interval is None for one in compare_parts(season))
