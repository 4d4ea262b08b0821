"""Runs other shops, each in a process and with settings of its own."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def process(tmp_path):
    """Runs a module with these settings and returns its output; an error or a warning fails the test."""
    return partial(run_in_shop, tmp_path)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """All pages of a shop without us, as `probe_all_pages` describes them."""
    return json.loads(run_in_shop(tmp_path_factory.mktemp("plain"), "plain", "tests.adoption.probe_all_pages"))


def run_in_shop(home: Path, settings: str, *command: str) -> str:
    folder = home / settings
    folder.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": f"tests.adoption.settings_{settings}",
        "ADOPTION_FOLDER": str(folder),
        "PYTHONWARNINGS": "ignore",
    }
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    # On a busy machine even the memory of the process may answer late, which is said and does no harm.
    said = [line for line in ran.stderr.splitlines() if "The cache fails (TimeoutError)" not in line]
    assert (ran.returncode, said) == (0, [])
    return ran.stdout
