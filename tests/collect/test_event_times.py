"""When something happened, by the shop's clock."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.collect.ingestion import corrected_time
from personalization.collect.payload import InvalidEvent, parse_timestamp
from tests.collect.event_payloads import NOW, to_milliseconds

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = st.none() | st.timezones() | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(timezones=ZONES, allow_imaginary=True).map(lambda moment: moment.isoformat()) | st.integers(
    -62_135_596_800_000, 253_402_300_799_999
)


def at(**ago: float) -> float:
    return (NOW - timedelta(**ago)).timestamp()


def test_a_clock_that_is_right_is_believed():
    assert corrected_time(at(minutes=3), at(seconds=1), NOW) == NOW - timedelta(minutes=3)


def test_a_clock_that_is_an_hour_slow_is_corrected_by_that_hour():
    assert corrected_time(at(minutes=63), at(minutes=60), NOW) == NOW - timedelta(minutes=3)


def test_a_clock_that_is_a_year_fast_is_corrected_by_that_year():
    assert corrected_time(at(days=-365, minutes=3), at(days=-365), NOW) == NOW - timedelta(minutes=3)


@pytest.mark.parametrize(("late", "before"), [(149, 180), (150, 30)])
def test_a_clock_that_is_less_than_150_seconds_off_is_not_corrected(late, before):
    assert corrected_time(at(seconds=180), at(seconds=late), NOW) == NOW - timedelta(
        seconds=before if late == 150 else 180
    )


@pytest.mark.parametrize("sent", [None, at(seconds=-100), at(seconds=0)])
def test_nothing_happens_in_the_future(sent):
    assert corrected_time(at(seconds=-120), sent, NOW) == NOW


def test_without_a_time_of_sending_the_events_own_time_counts():
    assert corrected_time(at(days=2), None, NOW) == NOW - timedelta(days=2)


def test_without_any_time_it_happened_when_it_came():
    assert corrected_time(None, None, NOW) == NOW
    assert corrected_time(None, at(hours=5), NOW) == NOW


def test_what_happened_seven_days_ago_is_taken_and_what_is_older_is_not():
    assert corrected_time(at(days=7), None, NOW) == NOW - timedelta(days=7)
    with pytest.raises(InvalidEvent, match="too_old"):
        corrected_time(at(days=7, seconds=1), None, NOW)


@given(TIMES, st.none() | TIMES)
def test_whatever_a_clock_says_it_is_within_the_last_week_or_refused(told, sent):
    try:
        moment = corrected_time(parse_timestamp(told), None if sent is None else parse_timestamp(sent), NOW)
    except InvalidEvent as fault:
        code, moment = fault.code, NOW
    else:
        code = "too_old"
    assert code == "too_old" and NOW - timedelta(days=7) <= moment <= NOW


@given(st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.timezones()), st.integers(0, 7 * 86_400))
def test_whatever_the_skew_an_event_is_as_old_as_its_sender_says(sent, age):
    told, off = sent.timestamp() - age, abs(NOW.timestamp() - sent.timestamp())
    moment = corrected_time(told, sent.timestamp(), NOW)
    assert abs((NOW - moment).total_seconds() - age) <= (0.001 if off >= 150 else 150)


def test_milliseconds_and_iso_8601_mean_the_same():
    assert (
        parse_timestamp(to_milliseconds(NOW))
        == parse_timestamp("2026-11-20T12:00:00Z")
        == parse_timestamp("2026-11-20T13:00:00+01:00")
        == at()
    )
    assert parse_timestamp("2026-11-20T12:00:00") == at()  # where it does not say, UTC


@pytest.mark.parametrize(
    "told", [True, "", "soon", "10000-01-01", "2026-11-31", [], {}, 2**62, -(2**62), float("nan"), float("inf")]
)
def test_what_is_no_time_is_refused(told):
    with pytest.raises(InvalidEvent, match="invalid_time"):
        parse_timestamp(told)


@pytest.mark.parametrize("told", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_the_first_and_the_last_day_of_the_calendar_do_no_harm(told):
    assert isinstance(parse_timestamp(told), float)
