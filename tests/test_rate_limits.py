"""How much is taken in."""

import logging
import os
import subprocess
import sys
import threading
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.utils.timezone import now

from personalization import breakers, cache_access, rate_limits

MOMENT = 1_790_000_000.0


def too_many(address, events, moment=MOMENT):
    return rate_limits.count_events(address, "", events, moment).address_limited


def test_an_address_may_send_600_events_a_minute():
    assert not too_many("1.1.1.1", 600)
    assert too_many("1.1.1.1", 1)
    assert not too_many("1.1.1.2", 1)
    assert not too_many("1.1.1.1", 1, MOMENT + 60)


def test_how_fast_a_visitor_may_be_is_a_setting(settings):
    settings.PERSONALIZATION = {"MAX_VISITOR_EVENTS_PER_MINUTE": 10}
    assert rate_limits.count_events("1.1.1.1", "visitor", 10, MOMENT) == (False, False)
    assert rate_limits.count_events("1.1.1.2", "visitor", 1, MOMENT) == (False, True)
    assert rate_limits.count_events("1.1.1.2", "", 1, MOMENT) == (False, False)


def test_processes_count_together():
    for _ in range(6):
        too_many("1.1.1.1", 100)
        rate_limits._local_counter.__init__()  # as another process
    assert too_many("1.1.1.1", 1)


def test_a_cache_that_loses_a_count_does_not_make_this_process_forget_it():
    too_many("1.1.1.1", 600)
    cache.clear()
    assert too_many("1.1.1.1", 1)


class Cache:
    """A cache that does what a test wants of it, and remembers what it was asked."""

    def __init__(self, answer):
        self.answer, self.keys = answer, []

    def incr(self, key, events):
        self.keys.append(key)
        return self.answer()


def refuse():
    raise ConnectionError("refused")


@pytest.fixture
def instead(monkeypatch):
    """Puts such a cache in the place of Django's."""

    def put(answer):
        made = Cache(answer)
        monkeypatch.setattr(rate_limits, "cache", made)
        return made

    return put


def test_nobody_can_read_in_the_cache_who_was_here(instead):
    asked, visitor = instead(lambda: 1), uuid4().hex
    rate_limits.count_events("203.0.113.9", visitor, 1, MOMENT)
    assert len(asked.keys) == 2
    assert not any(name in key for key in asked.keys for name in ("203.0.113.9", visitor))


def test_with_a_dead_cache_each_process_counts_by_itself(instead):
    instead(refuse)
    assert not too_many("1.1.1.1", 600)
    assert too_many("1.1.1.1", 1)


def test_a_request_that_began_in_the_minute_before_does_not_end_this_one(instead):
    instead(refuse)
    assert not too_many("1.1.1.1", 600, MOMENT + 60)
    assert not too_many("1.1.1.2", 1, MOMENT)
    assert too_many("1.1.1.1", 1, MOMENT + 60)


def test_a_dead_cache_is_asked_once_and_then_left_alone(instead, caplog):
    asked = instead(refuse)
    for _ in range(50):
        too_many("1.1.1.1", 1)
    assert len(asked.keys) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "The cache fails (ConnectionError): for a while this process does without it. Not said again within an hour."
    ]


def test_a_frozen_cache_holds_nobody_up(instead, monkeypatch):
    monkeypatch.setattr(cache_access, "WAIT_SECONDS", 0.05)
    thaw = threading.Event()
    monkeypatch.setattr(breakers, "FIRST_PAUSE", 0.0)
    asked = instead(lambda: thaw.wait(60))
    assert [too_many("1.1.1.1", 300) for _ in range(3)] == [False, False, True]
    assert len(asked.keys) == 1  # whoever is still waiting is not joined by others
    thaw.set()


def test_when_too_many_are_counted_in_one_process_newcomers_are_too_many(instead, monkeypatch):
    instead(refuse)
    monkeypatch.setattr(rate_limits, "MAX_LOCAL_KEYS", 3)
    assert [too_many(f"1.1.1.{n}", 1) for n in range(5)] == [False, False, False, True, True]
    assert not too_many("1.1.1.0", 1)


def test_drops_are_said_in_numbers_at_most_once_a_minute(monkeypatch, caplog):
    clock = iter([0.0, 30.0, 61.0])
    monkeypatch.setattr(rate_limits, "ask_cache", lambda call: None)  # which looks at the clock, too
    monkeypatch.setattr(rate_limits.time, "monotonic", lambda: next(clock))
    caplog.set_level(logging.INFO, "personalization")
    for codes in (["rate_limited"], ["rate_limited", "invalid_id"], ["rate_limited"]):
        rate_limits.drop_log.record(codes)
    assert [record.getMessage() for record in caplog.records] == [
        "Events that were dropped or kept apart: 1 rate_limited",
        "Events that were dropped or kept apart: 1 invalid_id, 2 rate_limited",
    ]


def test_what_was_dropped_while_the_cache_failed_is_added_once_it_answers(monkeypatch):
    clock = iter([0.0, 5.0, 11.0, 22.0])
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(monotonic=lambda: next(clock)))  # Redis asks its own
    monkeypatch.setattr(rate_limits, "ask_cache", _ask_at_once)
    with monkeypatch.context() as broken:
        broken.setattr(rate_limits, "cache", Cache(refuse))
        rate_limits.drop_log.record(["rate_limited"] * 3)
    rate_limits.drop_log.record(["server_busy"] * 2)
    assert rate_limits.dropped_today(now()) == 0  # not again within some seconds
    rate_limits.drop_log.record(["server_busy", "suspect"])
    assert rate_limits.dropped_today(now()) == 6
    rate_limits.drop_log.record([])
    assert rate_limits.dropped_today(now()) == 6


def _ask_at_once(call, seconds=None):
    """As `ask_cache` does, without a thread and a clock."""
    try:
        return call()
    except OSError:
        return None


@pytest.mark.skipif("TEST_REDIS_URL" not in os.environ, reason="it needs Redis: TEST_REDIS_URL, see CONTRIBUTING.md")
def test_a_new_process_hears_from_redis_what_all_others_dropped():
    """Its first question takes as long as loading the client and connecting: longer than a page would wait."""
    rate_limits.drop_log.record(["server_busy"] * 7)
    command = (
        "import django; django.setup(); from django.utils.timezone import now; "
        "from personalization.operations.service_findings import cache_findings; "
        "from personalization.rate_limits import dropped_today; "
        "print(dropped_today(now()), len(list(cache_findings())))"
    )
    ran = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("7 0\n", "")
