"""A finding: what is wrong, why it matters, and what to paste."""

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad it is; the exit status of the doctor is that of the worst."""

    NOTE = 0
    """Worth knowing; nothing has to be done."""
    LATE = 1
    """Something will become wrong, or is less good than it could be."""
    WRONG = 2
    """Pages are not personal, messages do not go out, or data is at risk."""


@dataclass(frozen=True)
class Finding:
    """What is wrong, in the language in force."""

    code: str
    """Stable, for monitoring."""
    severity: Severity
    fault: str
    reason: str
    """Why it matters."""
    remedy: str
    """What to do or to paste."""
