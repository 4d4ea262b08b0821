"""Shops whose own pages are Wagtail's or django CMS's: an environment with both beside Oscar and us."""

import json
import os
import subprocess
import sys

import pytest

from tests.adoption.conftest import ROOT

EVERYBODYS, OWN = ["Everybody&#x27;s tea"], ["Tea for you"]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What `probe_content_systems` says."""
    folder = tmp_path_factory.mktemp("content systems")
    python = folder / "environment" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "environment"], check=True)
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-compile"]
    subprocess.run([*pip, ROOT, "Whoosh", "wagtail", "django-cms"], check=True, capture_output=True)
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "DJANGO_SETTINGS_MODULE": "tests.adoption.settings_content_systems",
        "ADOPTION_FOLDER": str(folder),
        "PYTHONWARNINGS": "ignore",
    }
    command = [python, "-m", "tests.adoption.probe_content_systems"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("system", ["wagtail", "django CMS"])
def test_a_slot_on_a_page_shows_each_visitor_their_block_and_no_cache_keeps_it(found, system):
    assert (found["before"][system]["status"], found["before"][system]["titles"]) == (200, [])
    after = found["after"][system]
    assert [after[who]["titles"] for who in ("guest", "customer", "next guest")] == [EVERYBODYS, OWN, EVERYBODYS]
    for page in after.values():
        assert {"private", "no-store"} <= set(page["headers"].split(", "))


def test_wagtails_editor_offers_the_slot_and_says_what_a_name_must_be(found):
    editor = found["editor"]
    assert editor["offers"]
    assert editor["said"] == {"Guide Hero": [200, True], "guide-hero": [302, False]}
    assert editor["page"]["titles"] == EVERYBODYS


def test_a_plugin_of_a_name_that_is_no_slot_is_refused_with_what_one_is(found):
    assert "'Guide Hero' is no slot; expected up to 40 small letters, digits and hyphens" in found["refused"]
