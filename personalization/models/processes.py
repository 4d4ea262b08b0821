"""Which process does a piece of work, and whether it is still there."""

import os
import socket
from pathlib import Path

STATE, BEGUN = 0, 19
"""Among the fields of /proc/<id>/stat behind the name: the state of a process, and when it began."""
ZOMBIE = "Z"


def this_process() -> tuple[str, int, int]:
    """(host, id, when it began): what names this process, also when its id is given to another one."""
    fields = _stat_fields(os.getpid())
    return socket.gethostname(), os.getpid(), int(fields[BEGUN]) if fields else 0


def has_ended(host: str, process: int, begun: int) -> bool | None:
    """Whether a process is no more; None where nobody can tell, since it is of another host."""
    if host != socket.gethostname():
        return None
    fields = _stat_fields(process)
    if fields is None:
        return not _answers_signals(process)
    return fields[STATE] == ZOMBIE or bool(begun and int(fields[BEGUN]) != begun)


def _stat_fields(process: int) -> list[str] | None:
    """What Linux says of a process; None elsewhere, and where there is none."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except (OSError, ValueError):
        return None
    return text.rpartition(")")[2].split()  # the name before it may hold anything


def _answers_signals(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
