"""What the documents say of commands, tasks, jobs and the clock is what the code says."""

from pathlib import Path

import pytest
from django.core.management import get_commands

from personalization import tasks
from personalization.jobs.catalogue import JOBS
from personalization.jobs.clock_entries import celery_entry
from personalization.models import RunKind
from personalization.models.runs import RESTART_PAUSES, RUN_DAYS
from personalization.models.schedules import USUAL_TIMES

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference.md").read_text()
HOW_TO = (DOCS / "how-to-schedule.md").read_text()
OURS = sorted(name for name, app in get_commands().items() if app == "personalization")
TASKS = sorted(
    name for one in vars(tasks).values() if (name := str(getattr(one, "name", ""))).startswith("personalization.")
)


@pytest.mark.parametrize("command", OURS)
def test_every_command_is_documented(command):
    assert f"`manage.py {command}" in REFERENCE or command == "personalization_groups"


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_documented(task):
    assert f"`{task}`" in REFERENCE


def test_the_usual_times_are_those_of_the_table():
    for kind, (every, at, is_on) in USUAL_TIMES.items():
        line = next(line for line in HOW_TO.splitlines() if line.startswith("|") and f"`{kind}`" in line)
        usual = f"daily {at:%H:%M}" if at else f"every {every} min"
        assert line.split("|")[2].strip() == (usual if is_on else "off")


def test_what_the_guide_says_of_runs_holds():
    assert set(JOBS) == set(USUAL_TIMES) == set(RunKind) - {RunKind.IMPORT}
    assert f"kept {RUN_DAYS} days" in HOW_TO
    assert [pause.total_seconds() for pause in RESTART_PAUSES] == [0, 20, 50]
    assert "at once, then after 20 and 50 seconds, then given up" in " ".join(HOW_TO.split())
    assert celery_entry() in HOW_TO
