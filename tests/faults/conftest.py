"""Processes of their own, on a shop of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKE = """
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
from tests.shops.factories import even_and_odd
even_and_odd()
"""


@pytest.fixture
def process(tmp_path):
    """Runs code in a process of its own, on a shop in a file; (exit status, what it printed)."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings_without_migrations",
        "TEST_DATABASE_FILE": str(tmp_path / "shop.sqlite3"),
        "TEST_SNAPSHOTS": str(tmp_path / "snapshots"),
    }

    def run(code: str) -> tuple[int, str]:
        code = "import django; django.setup()\n" + code
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, -9), done.stderr
        return done.returncode, done.stdout.strip()

    run.environment = environment
    return run
