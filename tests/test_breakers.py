"""When something that failed, or was late, is asked again."""

import threading

import pytest

from personalization import breakers
from personalization.breakers import Breakers


class Clock:
    """The time that the breakers read."""

    now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(breakers, "time", Clock())
    return breakers.time


@pytest.fixture
def made():
    return Breakers()


def fail(made, clock, *names):
    made.note_failure(names, clock.now)


def pauses_of(made, clock, failures):
    """How long a thing is left alone after each of so many failures in a row."""
    found = []
    for _ in range(failures):
        fail(made, clock, "table")
        began = clock.now
        while not made.may_ask(["table"]):
            clock.now += 0.25
        found.append(clock.now - began)
    return found


def test_a_pause_begins_short_and_doubles_up_to_ten_seconds(made, clock):
    assert pauses_of(made, clock, 8) == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_an_answer_in_time_ends_the_pause_and_the_next_one_is_short_again(made, clock):
    pauses_of(made, clock, 5)
    made.note_answer(["table"])
    assert made.may_ask(["table"]) and not made.any_paused
    assert pauses_of(made, clock, 1) == [0.25]


def test_those_who_noticed_one_outage_together_make_its_pause_no_longer(made, clock):
    asked_at = clock.now
    clock.now += 0.05
    for _ in range(8):
        made.note_failure(["table"], asked_at)
    clock.now += 0.25
    assert made.may_ask(["table"])


def test_at_the_end_of_a_pause_one_asks_and_the_others_go_on_without(made, clock):
    fail(made, clock, "table")
    clock.now += 0.25
    gate, allowed = threading.Barrier(8), []

    def ask():
        gate.wait()
        allowed.append(made.may_ask(["table"]))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert allowed.count(True) == 1
    made.note_answer(["table"])
    assert made.may_ask(["table"])


def test_one_who_asks_and_never_comes_back_stops_the_others_for_one_pause_only(made, clock):
    fail(made, clock, "table")
    clock.now += 0.25
    assert made.may_ask(["table"]) and not made.may_ask(["table"])
    clock.now += 0.25
    assert made.may_ask(["table"])


def test_what_needs_two_things_asks_neither_while_one_is_paused(made, clock):
    fail(made, clock, "one")
    clock.now += 0.2
    fail(made, clock, "other")
    clock.now += 0.1
    assert not made.may_ask(["one", "other"])
    assert made.may_ask(["one"])  # nobody has taken its turn
    assert made.may_ask(["third"])
