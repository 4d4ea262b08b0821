"""Our catalogue is whole, and translates nothing that belongs to another app."""

import gettext
import re
import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import django
import haystack
import pytest
import rest_framework
from django.apps import apps
from django.core.management import call_command
from django.template import Context, Template
from django.utils import translation

import personalization
from personalization.models import Visitor
from tests.shops import factories as shop

PACKAGE = Path(personalization.__path__[0])
CATALOGUE = Path("locale", "de", "LC_MESSAGES", "django.mo")
CONTEXT_SEPARATOR = "\x04"
MIN_WORDS = 5
"""A message of fewer words is likely to be another app's, too."""


def read_messages(catalogue):
    """The singular msgids of a compiled catalogue, "context\\x04msgid" where it has a context."""
    with catalogue.open("rb") as file:
        keys = gettext.GNUTranslations(file)._catalog
    return {key[0] if isinstance(key, tuple) else key for key in keys} - {""}


def own_messages_without_context():
    return {message for message in read_messages(PACKAGE / CATALOGUE) if CONTEXT_SEPARATOR not in message}


def foreign_catalogues():
    packages = [Path(module.__path__[0]) for module in (rest_framework, haystack)]
    folders = [Path(django.__path__[0], "conf"), *packages, *(Path(app.path) for app in apps.get_app_configs())]
    return [folder / CATALOGUE for folder in folders if folder != PACKAGE and (folder / CATALOGUE).exists()]


def words(message):
    return re.findall(r"\w[\w'-]*", re.sub(r"%\(\w+\)[sd]", "", message))


def test_no_message_of_ours_overrides_one_of_django_or_another_app():
    catalogues = foreign_catalogues()
    assert {"conf", "oscar", "rest_framework", "treebeard"} <= {path.parents[3].name for path in catalogues}
    own = own_messages_without_context()
    assert {str(path): own & read_messages(path) for path in catalogues if own & read_messages(path)} == {}


def test_a_short_message_has_our_context():
    own = own_messages_without_context()
    assert sorted(text for text in own if not text.endswith(".") and len(words(text)) < MIN_WORDS) == []


def test_the_month_of_may_keeps_its_german_name():
    with translation.override("de"):
        day = Template('{{ day|date:"DATE_FORMAT" }}').render(Context({"day": date(2026, 5, 23)}))
    assert day == "23. Mai 2026"


def test_a_german_page_of_the_shop_names_may_and_speaks_german(client, db):
    anna = shop.create_customer("anna")
    shop.grant_consent(anna)
    client.force_login(anna)
    sixty_days_before_may = datetime(2100, 3, 24, 12, tzinfo=UTC).timestamp()
    Visitor.objects.get(user=anna).set_preference("reason", "buy_again", -1, sixty_days_before_may)
    page = client.get("/personalization/privacy/", headers={"Accept-Language": "de"}).content.decode()
    assert "Ihre Daten und Interessen" in page
    assert "bis 23. Mai 2100" in page


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="gettext's tools are not installed")
def test_every_message_of_the_source_is_translated(tmp_path, monkeypatch):
    copy = tmp_path / "personalization"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.npy", "static"))
    monkeypatch.chdir(copy)
    call_command("makemessages", locale=["de"], no_location=True, no_obsolete=True, verbosity=0)
    catalogue = copy / CATALOGUE.with_suffix(".po")
    for state in ("--untranslated", "--only-fuzzy"):
        left = subprocess.run(["msgattrib", state, "--no-wrap", catalogue], capture_output=True, text=True, check=True)
        assert re.findall(r'^msgid "(.+)"$', left.stdout, re.MULTILINE) == []


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext's tools are not installed")
def test_the_compiled_catalogue_is_that_of_its_source(tmp_path):
    compiled = tmp_path / "django.mo"
    subprocess.run(["msgfmt", "--check-format", "-o", compiled, PACKAGE / CATALOGUE.with_suffix(".po")], check=True)
    with compiled.open("rb") as fresh, (PACKAGE / CATALOGUE).open("rb") as stored:
        assert gettext.GNUTranslations(fresh)._catalog == gettext.GNUTranslations(stored)._catalog
