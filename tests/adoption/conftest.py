"""Runs other shops, each in a process and with settings of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def process(tmp_path):
    """Runs a module with these settings and returns its output; an error or a warning fails the test."""

    def run(settings, *command):
        folder = tmp_path / settings
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

    return run
