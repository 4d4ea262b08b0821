"""An app of a shop's adds a recommender and a surface: they take part in everything."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.template import Context, Template
from django.urls import reverse

from personalization import plugins
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.visit import Visit
from personalization.models import Snapshot
from personalization.plugins import registered_recommenders
from personalization.rank.features import feature_names
from personalization.serve import recommend, serve_slate, surface_names
from personalization.testing import check_recommender, check_surface
from personalization.train.evaluate import reuse_ranker
from tests.plugins.outside.recommenders import large_orders
from tests.plugins.outside.surfaces import account

ROOT = Path(__file__).parents[2]


def test_both_keep_the_contracts():
    check_recommender(large_orders)
    check_surface(account)


def test_the_recommender_stands_behind_our_own(outside_app):
    assert list(registered_recommenders())[-2:] == ["viewed_together", "large_orders"]


@pytest.mark.django_db
def test_the_recommender_is_learned_and_is_a_feature(trained):
    snapshot = get_active_snapshot()
    assert snapshot.scores("large_orders").score.max() > 0
    assert "large_orders" in feature_names(snapshot)


@pytest.mark.django_db
def test_the_recommender_is_evaluated(trained):
    results = Snapshot.objects.active().get().metrics["evaluation"]["home"]
    assert results["large_orders"]["examples"] == results["bestsellers"]["examples"] > 0
    printed = StringIO()
    call_command("personalization_evaluate", task=["home"], verbosity=2, stdout=printed)
    assert "\n  large_orders " in printed.getvalue()


@pytest.mark.django_db
def test_the_recommender_is_explained(trained, admin_client):
    snapshot = get_active_snapshot()
    index = int(np.argmax(snapshot.scores("large_orders").score))
    product = int(snapshot.arrays["product.id"][index])
    explained = admin_client.get("/personalization/api/v1/explain/", {"item": product}).json()
    expected = pytest.approx(snapshot.scores("large_orders").score[index])
    assert explained["item"]["recommenders"]["large_orders"] == {"score": expected}


@pytest.mark.django_db
def test_without_the_app_the_weights_of_a_shop_that_had_it_are_not_taken_over(trained, monkeypatch):
    snapshot = Snapshot.objects.active().get()
    at = get_active_snapshot().trained_at
    assert reuse_ranker(snapshot, at) is not None
    monkeypatch.setattr(plugins, "_registered", [])
    assert reuse_ranker(snapshot, at) is None


@pytest.mark.django_db
def test_the_surface_has_a_list_and_a_slate(trained, client):
    assert surface_names()[0] == "account"
    users, _ = trained
    strategy = client.get("/").wsgi_request.strategy
    visit = Visit(timestamp=get_active_snapshot().trained_at, strategy=strategy, user_id=users[0].pk)
    assert serve_slate("account", visit).rows
    assert [one.item_id for one in recommend("account", visit, 5)] == [
        one.item_id for one in recommend("home", visit, 5)
    ]


@pytest.mark.django_db
def test_the_surface_is_shown_by_the_template_tag_and_the_api(trained, client):
    page = Template('{% load personalization %}{% personalized "account" %}')
    assert page.render(Context({"request": client.get("/").wsgi_request})).count("personalization-row") > 0
    slate = client.get(reverse("personalization:api:surface", args=["account"])).json()
    assert slate["surface"] == "account" and slate["rows"]


PRINT_SCHEMA = """
import django, json; django.setup()
from personalization.api.schema import openapi_schema
(path,) = (path for path in openapi_schema()["paths"] if path.endswith("surfaces/{surface}/"))
parameters = openapi_schema()["paths"][path]["get"]["parameters"]
(surface,) = (one for one in parameters if one["name"] == "surface")
print(json.dumps(surface["schema"]["enum"]))
"""


def in_a_shop_with_the_app(code):
    """What this prints in a process whose settings install the outside app."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.plugins.settings", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_surface_stands_in_the_schema_of_the_api():
    assert "account" in json.loads(in_a_shop_with_the_app(PRINT_SCHEMA))


CHECK_AND_SERVE = """
import django, sys; django.setup()
from django.core.management import call_command
call_command("check", fail_level="WARNING"); call_command("migrate", verbosity=0, run_syncdb=True)
from django.test import Client; assert Client().get("/").status_code == 200
print(sorted({"scipy", "sklearn", "lightgbm"} & set(sys.modules)))
"""


def test_a_web_process_imports_no_recommender_of_the_app():
    """`check` does, as it tries all plug-ins; a web server runs no checks."""
    code = CHECK_AND_SERVE.replace('call_command("check", fail_level="WARNING"); ', "")
    code += 'print("tests.plugins.outside.recommenders" in sys.modules)'
    assert in_a_shop_with_the_app(code).split() == ["[]", "False"]


def test_check_finds_nothing_wrong_with_the_app_and_imports_no_scipy():
    assert in_a_shop_with_the_app(CHECK_AND_SERVE).endswith("(0 silenced).\n[]\n")
