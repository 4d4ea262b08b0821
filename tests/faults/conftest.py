"""Processes of their own, on a shop of their own."""

import os
import shutil
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


@pytest.fixture(scope="session")
def shop_file(tmp_path_factory):
    """The even-and-odd shop in a file, made once."""
    file = tmp_path_factory.mktemp("even and odd") / "shop.sqlite3"
    assert _run(MAKE, _environment(file, file.parent / "snapshots")) == (0, "")
    return file


@pytest.fixture
def process(shop_file, tmp_path):
    """Runs code in a process of its own, on a copy of that shop; (exit status, what it printed)."""
    file = tmp_path / shop_file.name
    shutil.copy(shop_file, file)
    environment = _environment(file, tmp_path / "snapshots")

    def run(code: str) -> tuple[int, str]:
        return _run(code, environment)

    run.environment = environment
    return run


def _environment(file: Path, snapshots: Path) -> dict[str, str]:
    ours = {"DJANGO_SETTINGS_MODULE": "tests.settings_without_migrations", "TEST_DATABASE_FILE": str(file)}
    return {**os.environ, **ours, "TEST_SNAPSHOTS": str(snapshots)}


def _run(code: str, environment: dict[str, str]) -> tuple[int, str]:
    command = [sys.executable, "-c", "import django; django.setup()\n" + code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode, done.stdout.strip()
