"""Whatever can be made of the schema, good and bad, is answered as the schema says: Schemathesis, from outside."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client

from personalization import rate_limits
from personalization.api import urls
from personalization.api.schema import openapi_schema
from personalization.models import ServerKey
from tests.api.api_client import ROOT, issue_visitor_token
from tests.shops import factories

pytestmark = [
    pytest.mark.django_db(transaction=True, reset_sequences=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite", reason="it needs PostgreSQL: TEST_DATABASE_URL, see CONTRIBUTING.md"
    ),
]

PROGRAM, CONFIG = Path(sys.executable).with_name("schemathesis"), Path(__file__).with_suffix(".toml")
ALL_BUT = ["--exclude-operation-id", "changePreferences", "--exclude-operation-id", "eraseData"]
PARTS = (ALL_BUT, ["--include-operation-id", "changePreferences"], ["--include-operation-id", "eraseData"])
"""In this order, since somebody who says no or is forgotten is nobody afterwards."""
WITHOUT_LIMIT = 10**9
CSRF = "a" * 32
HOUSEHOLD_CHANGES = {"invite", "takeInvitationBack", "joinHousehold"}
"""For customers only; nobody guesses a code, nor the key of an invitation of their own."""
CLOSED = {
    "nobody": {"dismiss", "restore", "report", "explain", "reportPurchases", "sendPosts"} | HOUSEHOLD_CHANGES,
    "app": {"explain", "reportPurchases", "sendPosts"} | HOUSEHOLD_CHANGES,
    "server": {"dismiss", "restore", "createVisitor", "changePreferences", "exportData", "eraseData", "explain"}
    | HOUSEHOLD_CHANGES
    | {"household", "leaveHousehold"},
    "staff": {"reportPurchases", "sendPosts", "joinHousehold", "takeInvitationBack"},
}
"""What they get nothing but refusals from. All else also gives them what it is there for."""


@pytest.fixture
def address(live_server, monkeypatch, settings):
    """Of a shop in which nobody asks too often."""
    often = {"SERVER_KEY_REQUESTS_PER_MINUTE": WITHOUT_LIMIT, "MAX_VISITOR_EVENTS_PER_MINUTE": WITHOUT_LIMIT}
    often["HOUSEHOLDS"] = True
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, **often}
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)  # an open connection asks again and again
    monkeypatch.setattr(rate_limits, "MAX_ADDRESS_EVENTS_PER_MINUTE", WITHOUT_LIMIT)
    for name in ("MAX_ADDRESS_INVITATIONS_PER_MINUTE", "MAX_CUSTOMER_INVITATIONS_PER_MINUTE"):
        monkeypatch.setattr(rate_limits, name, WITHOUT_LIMIT)
    for pattern in urls.urlpatterns:
        monkeypatch.setattr(pattern.callback.view_class, "requests_per_minute", WITHOUT_LIMIT)
    return live_server.url


@pytest.fixture
def trained(db):
    """The shop, built and not copied: its products have the keys from 1 on, which made-up requests hit."""
    return factories.build_trained_even_and_odd()


@pytest.fixture
def everybody(trained, address):
    """The headers of each who asks."""
    (customer, staff, *_), _ = trained
    staff.user_permissions.add(Permission.objects.get(codename="explain_decision"))
    browser = Client()
    browser.force_login(staff)
    scopes = ["surfaces:read", "events:write", "customers:read", "purchases:write", "posts:write"]
    _, key = ServerKey.objects.create_key("till", scopes)
    cookies = f"sessionid={browser.session.session_key}; csrftoken={CSRF}"
    return {
        "nobody": {},
        "app": {"X-Personalization-Visitor": issue_visitor_token()},
        "server": {"Authorization": f"Key {key}", "X-Personalization-Customer": str(customer.pk)},
        "staff": {"Cookie": cookies, "X-CSRFToken": CSRF, "Origin": address},
    }


@dataclass(frozen=True)
class Found:
    """What came out for one who asks."""

    faults: str
    accepted: frozenset[str]
    """The operations that gave them something."""


def test_every_answer_is_as_declared_whoever_asks_and_whatever(everybody, address, tmp_path):
    with ThreadPoolExecutor() as pool:
        asked = [(address, headers, tmp_path / who) for who, headers in everybody.items()]
        found = dict(zip(everybody, pool.map(lambda one: explored(*one), asked), strict=True))
    if faults := "".join(one.faults for one in found.values()):
        pytest.fail(faults)
    every = {one["operationId"] for operations in openapi_schema()["paths"].values() for one in operations.values()}
    assert {who: every - one.accepted for who, one in found.items()} == CLOSED


def explored(address: str, headers: dict[str, str], folder: Path) -> Found:
    """All parts, one after the other."""
    folder.mkdir()
    named = [text for name, value in headers.items() for text in ("--header", f"{name}: {value}")]
    ran = [explore(address, [*named, *part], folder) for part in PARTS]
    return Found("".join(one.faults for one in ran), frozenset().union(*(one.accepted for one in ran)))


def explore(address: str, arguments: list[str], folder: Path) -> Found:
    """One run of the program."""
    report = folder / "report.json"
    command = [PROGRAM, "--config-file", CONFIG, "run", f"{address}{ROOT}schema/", "--report-json-path", report]
    ran = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    told = json.loads(report.read_text())
    assert told["complete"] and not told["warnings"]["rate_limited"], ran.stdout
    gave = {name for name, phases in told["valid_rates"].items() if any(one["accepted"] for one in phases.values())}
    return Found(ran.stdout if ran.returncode else "", frozenset(map(operation_id, gave)))


def operation_id(name: str) -> str:
    """Of "GET /personalization/api/v1/health/"."""
    method, path = name.split(" ")
    return openapi_schema()["paths"][path][method.lower()]["operationId"]
