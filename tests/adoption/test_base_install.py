"""A web host installs the base alone: what only workers need stays away, and every page is served without it."""

import json
import os
import subprocess
import sys

import pytest

from tests.adoption.conftest import ROOT, run_in_shop

TRAIN_LINE = 'pip install "django-oscar-personalization[train]"'
CELERY_LINE = 'pip install "django-oscar-personalization[celery]"'
NOT_SHOWN = {302, 405}
"""A screen that is posted to, or that leads to another one."""
PARTS = {"/dashboard/personalization/segments/condition/", "/dashboard/personalization/segments/count/"}
"""Parts of a form, which are not there without what was filled in."""
MOST_MEGABYTES = 300
"""Of all packages together, Oscar's own included; without compiled files. It was 257 when this was written."""
WORKERS_ONLY = {"scipy", "sklearn", "lightgbm", "tqdm", "celery", "kombu", "joblib"}


@pytest.fixture(scope="module")
def base_install(tmp_path_factory):
    """The Python of a new environment with the base, and with the search engine that the shop brings itself."""
    folder = tmp_path_factory.mktemp("base") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "-q", "--no-compile"]
    subprocess.run([*pip, ROOT, "Whoosh"], check=True, capture_output=True)
    return folder / "bin" / "python"


def served_by(python, tmp_path):
    """What `probe_base_install` says of the shop in this folder, run from a folder that has the tests, and not us."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "tests").symlink_to(ROOT / "tests")
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "DJANGO_SETTINGS_MODULE": "tests.adoption.settings_adopted",
        "ADOPTION_FOLDER": str(tmp_path / "adopted"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
    }
    command = [python, "-m", "tests.adoption.probe_base_install"]
    done = subprocess.run(
        command, cwd=tmp_path / "elsewhere", env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_base_alone_serves_every_page_and_names_what_a_worker_lacks(base_install, tmp_path):
    run_in_shop(tmp_path, "adopted", "tests.adoption.probe_trained_shop")
    found = served_by(base_install, tmp_path)
    assert str(base_install.parent.parent) in found["from"]
    assert (found["installed"], found["loaded"]) == ([], [])
    failed = {address for address, status in found["statuses"].items() if status not in {200, *NOT_SHOWN}}
    assert failed == PARTS
    shown = [address for address, status in found["statuses"].items() if status == 200]
    assert len([address for address in shown if address.startswith("/dashboard/")]) > 25
    assert {"/", "/basket/"} < found["rows"].keys() and len(found["rows"]) == 3
    assert all(text.startswith("CommandError: ") and TRAIN_LINE in text for text in found["need training"].values())
    assert [name for name, text in found["need nothing"].items() if "Error" in text] == []
    assert "no issues" in found["need nothing"]["check"]
    assert found["tasks"] == f"MissingExtra: This needs celery: {CELERY_LINE}"


def test_the_base_is_small(base_install):
    packages = next(base_install.parent.parent.glob("lib/python*/site-packages"))
    assert WORKERS_ONLY & {path.name for path in packages.iterdir()} == set()
    size = sum(path.lstat().st_size for path in packages.rglob("*") if path.is_file())
    assert size / 1e6 < MOST_MEGABYTES
