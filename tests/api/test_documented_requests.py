"""Every curl line of docs/api.md is run as it stands there, and answered as the schema says."""

import json
import os
import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from jsonschema import Draft202012Validator
from oscar.apps.catalogue.models import Category
from oscar.test.factories import create_product

from personalization.api.schema import openapi_schema
from personalization.models import ServerKey
from tests.shops import factories as shop

MISSING = [tool for tool in ("bash", "curl") if not shutil.which(tool)]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {' and '.join(MISSING)}"),
]

DOCS = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"^```\w*\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in re.findall(r"^curl(?:.*\\\n)*.*", block, re.MULTILINE)]
MINTS = next(line for line in LINES if "/visitors/" in line)
ROOT = next(urlsplit(address).path for block in BLOCKS for address in re.findall(r"^SHOP=(\S+)", block, re.MULTILINE))
SAYS_MORE = r"""set -eu
curl() { command curl -sS -w '\n%{http_code} %{method} %{url_effective} %{content_type}' "$@"; }
"""


class Answer(NamedTuple):
    """What a line was answered."""

    status: str
    method: str
    path: str
    kind: str
    content: str


def run(line: str, variables: dict[str, str]) -> Answer:
    """Lets bash run the line, with nothing in its environment but these."""
    ran = subprocess.run(
        ["bash", "-c", SAYS_MORE + line],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    content, _, more = ran.stdout.rpartition("\n")
    status, method, address, kind = more.split(" ", 3)
    return Answer(status, method, urlsplit(address).path, kind, content)


@pytest.fixture
def variables(live_server):
    """SHOP, KEY and TOKEN for a shop that has what the lines name: products 1 to 3, category 7 and customer 42."""
    category = Category.add_root(id=7, name="Drinks")
    for key in (1, 2, 3):
        create_product(id=key, title=f"Drink {key}", price=Decimal("3.50"), num_in_stock=9).categories.add(category)
    shop.grant_consent(User.objects.create_user("anna", "anna@example.com", "x", id=42))
    _, key = ServerKey.objects.create_key("till", ["surfaces:read", "events:write", "customers:read"])
    given = {"SHOP": live_server.url + ROOT, "KEY": key}
    return {**given, "TOKEN": json.loads(run(MINTS, given).content)["token"]}


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_documents_is_answered_as_declared(line, variables):
    answer = run(line, variables)
    declared = responses(answer.method, answer.path)
    assert answer.status.startswith("2") and answer.status in declared, answer
    if answer.status == "204":
        assert answer.content == ""
        return
    told, schema = json.loads(answer.content), declared[answer.status]["content"][answer.kind]["schema"]
    Draft202012Validator({**schema, "components": openapi_schema()["components"]}).validate(told)
    assert told.get("rejected", []) == []


def responses(method: str, path: str) -> dict:
    """What is declared of an address."""
    (ways,) = (ways for known, ways in openapi_schema()["paths"].items() if pattern(known).fullmatch(path))
    return ways[method.lower()]["responses"]


def pattern(path: str) -> re.Pattern:
    return re.compile(re.sub(r"{\w+}", "[^/]+", path))
