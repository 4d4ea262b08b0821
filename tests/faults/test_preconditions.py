"""What the app cannot work without is said by `manage.py check`, before anything fails in silence."""

import pytest
from django.core.checks import run_checks
from django.db import connection


def said(*, live: bool = False) -> list[tuple[str, str]]:
    checks = run_checks(tags=["personalization"], include_deployment_checks=live)
    return [(check.id, check.msg) for check in checks if check.id != "personalization.W006"]


def test_a_shop_without_time_zones_is_told_what_to_set(settings):
    settings.USE_TZ = False
    (error,) = run_checks(tags=["personalization"])
    assert (error.id, error.msg) == (
        "personalization.E007",
        "USE_TZ is False: events are not stored, and training, export and import fail.",
    )
    assert error.hint.startswith("Paste into the settings: USE_TZ = True.")


@pytest.mark.parametrize("vendor", ["mysql", "oracle"])
def test_a_database_that_lacks_our_statements_is_named(monkeypatch, vendor):
    monkeypatch.setattr(connection, "vendor", vendor, raising=False)
    assert [identity for identity, _ in said()] == ["personalization.E008"]


def test_templates_that_do_not_know_the_request_are_an_error(settings):
    (engine,) = settings.TEMPLATES
    processors = [name for name in engine["OPTIONS"]["context_processors"] if not name.endswith(".request")]
    settings.TEMPLATES = [{**engine, "OPTIONS": {**engine["OPTIONS"], "context_processors": processors}}]
    assert said() == [
        ("personalization.E009", "Templates do not know the request, so that the app's tags show nothing.")
    ]


def test_a_live_shop_on_sqlite_is_told_how_writes_wait_for_each_other(monkeypatch):
    monkeypatch.setattr(connection, "vendor", "sqlite", raising=False)
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    assert "personalization.W010" in [identity for identity, _ in said(live=True)]
    assert said() == []
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"transaction_mode": "IMMEDIATE"})
    assert "personalization.W010" not in [identity for identity, _ in said(live=True)]
