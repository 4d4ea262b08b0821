"""Runs other people's shops."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def process(tmp_path):
    """Runs a module with these settings and gives what it printed; what it complains of fails the test."""

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
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout

    return run
