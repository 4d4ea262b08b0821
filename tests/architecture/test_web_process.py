"""What a web process loads, and what stands in the documents."""

import ast
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from personalization import conf, plugins, surfaces

ROOT = Path(__file__).parents[2]


def test_a_web_process_that_served_the_home_page_has_loaded_neither_scipy_nor_scikit_learn():
    code = (
        "import django, sys; django.setup()\n"
        "from django.core.management import call_command; call_command('migrate', verbosity=0, run_syncdb=True)\n"
        "from django.test import Client; response = Client().get('/'); assert response.status_code == 200, response\n"
        "heavy = {'scipy', 'sklearn', 'pandas', 'celery', 'pyarrow', 'pyspark'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings_without_migrations", "PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_every_setting_is_documented_with_its_default():
    reference = (ROOT / "docs" / "reference.md").read_text()
    missing = [f.name for f in fields(conf.Settings) if f"| `{f.name}` | `{f.default!r}` |" not in reference]
    assert missing == []


def test_every_surface_and_recommender_is_documented():
    reference = (ROOT / "docs" / "reference.md").read_text()
    names = [
        *surfaces.registered_surfaces(),
        *plugins.registered_recommenders(),
    ]
    assert [name for name in names if f"| `{name}` |" not in reference] == []


def test_nothing_in_the_package_unpickles_or_evaluates():
    found = [
        f"{path.name}: {name}"
        for path in (ROOT / "personalization").rglob("*.py")
        for name in names_used(ast.parse(path.read_text()))
        if name in {"pickle", "joblib", "cloudpickle", "dill", "yaml", "eval", "exec", "mark_safe", "RawSQL", "extra"}
    ]
    assert found == []


def names_used(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from [(node.module or "").split(".")[0], *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Call):
            yield getattr(node.func, "id", getattr(node.func, "attr", ""))


def test_deciding_knows_a_person_through_the_visit_only():
    places = [ROOT / "personalization" / name for name in ("decide", "rows", "surfaces", "rank")]
    files = [file for place in places for file in place.glob("*.py")]
    asking = re.compile(
        r"\b(Genome|Event|Visitor|ConsentRecord|DailyTotal)\.objects\b|personalization\.(collect|privacy|exchange)\b"
    )
    assert len(files) > 20
    assert [file.name for file in files if asking.search(file.read_text())] == []
