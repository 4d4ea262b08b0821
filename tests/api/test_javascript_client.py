"""The JavaScript client says what the schema says, and does what it says."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import generate_client
from personalization.api import schema
from tests.shops import factories as shop

BEHAVIOUR = Path(__file__).with_name("client_behaviour.mjs")
METHOD = re.compile(r"^  (\w+)\(", re.MULTILINE)
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="there is no node on this machine")


def operations():
    return [one["operationId"] for path in schema.openapi_schema()["paths"].values() for one in path.values()]


def test_the_client_that_is_shipped_is_the_schemas():
    shipped = {
        name: (generate_client.SHIPPED_CLIENT / name).read_text(encoding="utf-8")
        for name in generate_client.client_files()
    }
    assert shipped == generate_client.client_files(), "run `python tools/generate_client.py`"


@pytest.mark.parametrize("name", ["client.js", "client.d.ts"])
def test_every_operation_is_a_method_with_a_name_of_its_own(name):
    methods = [method for method in METHOD.findall(generate_client.client_files()[name]) if method != "constructor"]
    assert sorted(methods) == sorted(operations())
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", method) for method in methods)


def test_every_component_has_a_type():
    types = generate_client.client_files()["client.d.ts"]
    components = schema.openapi_schema()["components"]["schemas"]
    assert [name for name in components if not re.search(rf"^export (interface|type) {name} ", types, re.M)] == []


def test_the_generator_writes_both_files(tmp_path, capsys):
    generate_client.main([str(tmp_path)])
    files = generate_client.client_files()
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == files
    assert capsys.readouterr().out.splitlines() == [f"Written: {tmp_path / name}" for name in files]


def test_a_missing_folder_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit):
        generate_client.main([str(tmp_path / "missing")])
    assert "/missing is not a folder; make it first, or name another one." in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "client.js").mkdir()
    with pytest.raises(SystemExit):
        generate_client.main([str(tmp_path)])
    assert "/client.js cannot be written: Is a directory." in capsys.readouterr().err


@pytest.fixture
def told(live_server, tmp_path):
    """What came of the questions of `client_behaviour.mjs`, and the product that it asks about."""
    product = shop.create_shop_product("Milk")
    module = tmp_path / "client.mjs"
    module.write_text(generate_client.client_files()["client.js"])
    asked = ["node", BEHAVIOUR, module, live_server.url, str(product.pk)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "product": product.pk}


@needs_node
@pytest.mark.django_db(transaction=True)
def test_the_client_asks_the_real_api(told):
    key, sent = told["product"], told["sent"]
    root = "/personalization/api/v1/"
    (row,) = told["rows"]
    assert row["items"][0]["product"]["title"] == "Milk"
    assert sent[0]["url"] == f"{root}surfaces/home/?limit=2&include=product&include=product"
    assert sent[0]["headers"] == {"Accept-Language": "de"}
    assert told["csrf"] == [key]
    assert sent[1]["headers"] == {"Accept-Language": "de", "Content-Type": "application/json", "X-CSRFToken": "x" * 32}
    assert told["consent"] == "granted"
    assert told["nothing"] == [True, True]
    *_, dismissed, restored, reported = sent
    assert [dismissed["method"], restored["method"]] == ["POST", "DELETE"]
    assert dismissed["url"] == restored["url"] == f"{root}feedback/{key}/"
    assert dismissed["headers"].keys() == {"Accept-Language", "X-Personalization-Visitor"}
    assert [one["url"] for one in sent if one.get("keepalive")] == [reported["url"]] == [f"{root}events/"]


@needs_node
@pytest.mark.django_db(transaction=True)
def test_what_is_no_success_is_an_error_that_says_why(told):
    assert told["invalid"] == {
        "error": True,
        "name": "Problem",
        "message": "Invalid input.",
        "status": 400,
        "code": "invalid",
        "detail": "Invalid input.",
        "errors": [{"field": "limit", "code": "max_value", "detail": "Ensure this value is less than or equal to 40."}],
    }
    assert (told["missing"]["status"], told["missing"]["code"]) == (404, "unknown_product")
    assert told["missing"]["message"] == told["missing"]["detail"] != ""
    assert (told["unknown"]["status"], told["unknown"]["code"]) == (401, "invalid_key")
    for strange in ("page", "slash"):
        problem = told[strange]
        assert (problem["status"], problem["code"], problem["errors"], problem["detail"]) == (404, "", [], "Not Found")
    assert (told["html"]["status"], told["html"]["code"]) == (200, "")


@needs_node
@pytest.mark.django_db(transaction=True)
def test_what_never_came_back_fails_as_fetch_does(told):
    assert [told["aborted"], told["unreachable"]] == [{"name": "AbortError"}, {"name": "TypeError"}]
