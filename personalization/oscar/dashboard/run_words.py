"""What was done in the background, and when it is due, in words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import formats
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import npgettext, pgettext, pgettext_lazy

from personalization.models import JobSchedule, Run, RunKind, RunOrigin, RunState

UNHEEDED_AFTER = timedelta(minutes=5)
"""When nobody looked at the schedules for so long, the shop's clock has no entry, or its server is away."""
STEP_LABELS = {
    "Reading order lines": pgettext_lazy("personalization", "Reading order lines"),
    "Reading events": pgettext_lazy("personalization", "Reading events"),
    "Reading clicks": pgettext_lazy("personalization", "Reading clicks"),
    "Reading views": pgettext_lazy("personalization", "Reading views"),
    "Reading searches": pgettext_lazy("personalization", "Reading searches"),
    "Learning": pgettext_lazy("personalization", "Learning"),
    "Learning to rank": pgettext_lazy("personalization", "Learning to rank"),
    "Searching": pgettext_lazy("personalization", "Searching"),
    "Customers": pgettext_lazy("personalization", "Customers' profiles, in groups"),
    "Months of customers": pgettext_lazy("personalization", "Writing the month down, in groups"),
    "Expected value of customers": pgettext_lazy("personalization", "Expected value of customers"),
    "Credit for purchases": pgettext_lazy("personalization", "Credit for purchases"),
    "Days": pgettext_lazy("personalization", "Counting days"),
    "Old totals": pgettext_lazy("personalization", "Deleting old totals"),
    "Idle browsers": pgettext_lazy("personalization", "Deleting browsers without events"),
    "Lists of customers": pgettext_lazy("personalization", "Lists of customers"),
    "Lines": pgettext_lazy("personalization", "Lines of the file"),
    "Rows": pgettext_lazy("personalization", "Lines of the file"),
}
"""By the label that a job gives a step; others are shown as they are."""
DELETING = pgettext_lazy("personalization", "Deleting old events")


@dataclass(frozen=True)
class StepWords:
    """A step of a run."""

    label: str
    done: int
    total: int | None

    @property
    def progress(self) -> str:
        """How far it is: how much is done where nobody knows how much there is, "" where nobody counts."""
        if self.total is None and self.done:
            return _whole(self.done)
        if not self.total:
            return ""
        words = pgettext("personalization", "%(done)s of %(total)s")
        return words % {"done": _whole(self.done), "total": _whole(max(self.total, self.done))}


@dataclass(frozen=True)
class RunLine:
    """A run, as it is shown."""

    run: Run
    state: RunState
    sentence: str
    steps: list[StepWords]
    facts: list[str]
    """When it began, how long it took, how much memory, who started it, where."""

    @property
    def label(self) -> str:
        """What is done."""
        return str(RunKind(self.run.kind).label)

    @property
    def state_label(self) -> str:
        """Its state in a word."""
        return str(self.state.label)

    @property
    def is_open(self) -> bool:
        """Whether more is to come of it."""
        return self.state in (RunState.WAITING, RunState.RUNNING)

    @property
    def is_fault(self) -> bool:
        """Whether it did not do what it was to do."""
        return self.state in (RunState.FAILED, RunState.BROKEN_OFF)

    @property
    def present_step(self) -> StepWords | None:
        """What it does now."""
        return self.steps[-1] if self.steps and self.state == RunState.RUNNING else None

    @property
    def can_start_again(self) -> bool:
        """Whether a button can: an import needs its file."""
        return self.is_fault and self.run.kind != RunKind.IMPORT


def run_line(run: Run, moment: datetime) -> RunLine:
    """A run in words."""
    state = run.shown_state
    return RunLine(
        run, state, result_words(run, state), list(map(_step_words, run.steps)), _run_facts(run, moment, state)
    )


def result_words(run: Run, state: RunState) -> str:
    """How it ended, or why it waits; "" where there is nothing to say."""
    if state == RunState.BROKEN_OFF and run.state == RunState.RUNNING:
        return _("Nothing was heard of it any more: its process ended, or its host is away.")
    if not run.sentence or run.state == RunState.RUNNING:
        return ""
    numbers = {name: _whole(value) if isinstance(value, int) else value for name, value in run.numbers.items()}
    try:
        return _(run.sentence) % numbers
    except (KeyError, TypeError, ValueError):  # of another release
        return run.sentence


def training_sentence(run: Run | None, learned_at: datetime | None) -> str:
    """What is to be said of the last training beside what serves: that it is under way, or ended without result."""
    if run is None:
        return ""
    state = run.shown_state
    if state == RunState.RUNNING and run.began_at:
        words = pgettext("personalization", "A training run is under way since %(at)s.")
        return words % {"at": _clock_words(run.began_at)}
    is_newer = learned_at is None or run.queued_at > learned_at
    if state in (RunState.FAILED, RunState.BROKEN_OFF) and is_newer:
        words = pgettext("personalization", "The last training run, of %(at)s, did not end well: %(why)s")
        at = _clock_words(run.began_at or run.queued_at)
        return words % {"at": at, "why": result_words(run, state) or str(state.label)}
    return ""


def rhythm_words(schedule: JobSchedule) -> str:
    """When it is due."""
    if schedule.daily_at:
        words = pgettext("personalization", "daily at %(at)s")
        return words % {"at": formats.time_format(schedule.daily_at, "H:i")}
    minutes = schedule.every_minutes or 1
    if minutes % 60 == 0:
        words = npgettext("personalization", "every hour", "every %(number)s hours", minutes // 60)
        return words % {"number": minutes // 60}
    words = npgettext("personalization", "every minute", "every %(number)s minutes", minutes)
    return words % {"number": minutes}


def schedule_warning(last_look: datetime | None, moment: datetime) -> str:
    """That nobody looks at the schedules; "" where somebody does."""
    if last_look is None:
        return _("Nothing looks at the schedules yet: the clock of the shop's server needs one entry.")
    if moment - last_look < UNHEEDED_AFTER:
        return ""
    words = _(
        "Nothing has looked at the schedules since %(at)s: the clock of the shop's server lacks its entry, or stands."
    )
    return words % {"at": _clock_words(last_look)}


def _step_words(step: dict[str, Any]) -> StepWords:
    label = str(step.get("label", ""))
    shown = STEP_LABELS.get(label) or (DELETING if label.startswith("Old ") else label)
    return StepWords(str(shown), step.get("done") or 0, step.get("of"))


def _run_facts(run: Run, moment: datetime, state: RunState) -> list[str]:
    facts = [_clock_words(run.began_at or run.queued_at), str(RunOrigin(run.origin).label)]
    if state == RunState.WAITING and run.due_at > moment:
        facts.append(pgettext("personalization", "waits until %(at)s") % {"at": _clock_words(run.due_at)})
    if run.began_at and state == RunState.RUNNING:
        words = pgettext("personalization", "for %(time)s so far")
        facts.append(words % {"time": _duration_words(moment - run.began_at)})
    elif run.began_at and run.ended_at:
        words = pgettext("personalization", "took %(time)s")
        facts.append(words % {"time": _duration_words(run.ended_at - run.began_at)})
    if run.peak_mib:
        words = (
            pgettext("personalization", "%(size)s MiB of memory")
            if run.is_own_peak
            else pgettext("personalization", "at most %(size)s MiB of memory")
        )
        facts.append(words % {"size": _whole(run.peak_mib)})
    if run.attempt > 1:
        facts.append(pgettext("personalization", "attempt %(number)s") % {"number": run.attempt})
    return [*facts, run.host] if run.host else facts


def _duration_words(duration: timedelta) -> str:
    seconds = max(duration.total_seconds(), 0)
    if seconds < 90:
        return pgettext("personalization", "%(number)s s") % {"number": round(seconds)}
    if seconds < 90 * 60:
        return pgettext("personalization", "%(number)s min") % {"number": round(seconds / 60)}
    return pgettext("personalization", "%(number)s h") % {"number": formats.number_format(seconds / 3600, 1)}


def _clock_words(moment: datetime) -> str:
    local = localtime(moment)
    return formats.date_format(local, "H:i" if local.date() == localtime().date() else "SHORT_DATETIME_FORMAT")


def _whole(number: int) -> str:
    return formats.number_format(number, force_grouping=True)
