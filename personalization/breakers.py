"""What failed or was late is not asked again for a while: briefly at first, longer and longer while it goes on."""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass

FIRST_PAUSE = 0.25
"""Seconds for which a thing is not asked after the first time: one slow answer is no outage."""
LONGEST_PAUSE = 10.0
"""Seconds up to which a pause doubles each time that the thing fails anew."""


@dataclass(slots=True)
class _Pause:
    """For how long a thing is not asked, from when on, and until when."""

    seconds: float
    since: float
    until: float


class Breakers:
    """Whether several things may be asked, each by its name, in this process. Nothing is remembered of what answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pauses: dict[str, _Pause] = {}

    @property
    def any_paused(self) -> bool:
        """Whether anything failed and has not answered since."""
        return bool(self._pauses)

    def paused_names(self) -> list[str]:
        """What failed or was late, and has not answered since."""
        with self._lock:
            return sorted(self._pauses)

    def may_ask(self, names: Collection[str]) -> bool:
        """Whether all of these may be asked now.

        At the end of a pause one caller may, to find out; the others go on without until it has had its answer, and
        where it never has, until another pause of the same length is over.
        """
        if not self._pauses:
            return True
        with self._lock:
            moment = time.monotonic()
            pauses = [self._pauses[name] for name in names if name in self._pauses]
            if any(moment < pause.until for pause in pauses):
                return False
            for pause in pauses:
                pause.until = moment + pause.seconds
            return True

    def note_failure(self, names: Collection[str], asked_at: float) -> None:
        """These failed or were late. Parameters: `asked_at`, when they were asked, by the monotonic clock: several that
        had asked before the pause began have noticed one thing together, and only the first makes it longer."""
        with self._lock:
            moment = time.monotonic()
            for name in names:
                pause = self._pauses.get(name)
                if pause is None:
                    self._pauses[name] = _Pause(FIRST_PAUSE, moment, moment + FIRST_PAUSE)
                elif asked_at >= pause.since:
                    seconds = min(pause.seconds * 2, LONGEST_PAUSE)
                    self._pauses[name] = _Pause(seconds, moment, moment + seconds)

    def note_answer(self, names: Collection[str]) -> None:
        """These answered in time: their pauses are over."""
        if self._pauses:
            with self._lock:
                for name in names:
                    self._pauses.pop(name, None)

    def reset(self) -> None:
        """Everything may be asked, as in a new process."""
        with self._lock:
            self._pauses.clear()
