"""Who a request is from is said by its requester: nothing is forged to say it, and no use case takes a request."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "personalization"
REQUEST_NAMES = {"request", "_request", "browser"}
FORGEABLE = {"COOKIES", "user", "basket", "_basket_cache", "strategy"}
CHANGES = {"pop", "update", "clear", "setdefault", "popitem", "__setitem__"}
DOORS = ("api", "pages", "oscar", "templatetags", "contrib", "admin.py")


def parsed_files():
    for file in sorted(PACKAGE.rglob("*.py")):
        if "migrations" not in file.parts:
            yield str(file.relative_to(PACKAGE)), ast.parse(file.read_text())


def forged_attributes(tree):
    """The attributes of requests that a module sets, deletes or changes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            yield from request_attribute(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            yield from request_attribute(node.func.value)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("setattr", "delattr"):
            yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant) and arg.value in FORGEABLE)


def request_attribute(node):
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute) and node.attr in FORGEABLE:
        owner = getattr(node.value, "attr", getattr(node.value, "id", ""))
        if owner in REQUEST_NAMES:
            yield node.attr


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("request.COOKIES['a'] = 1", ["COOKIES"]),
        ("request._request.COOKIES.pop('a', None)", ["COOKIES"]),
        ("self.request.user = None", ["user"]),
        ("request.basket, request._basket_cache = 1, None", ["basket", "_basket_cache"]),
        ("setattr(request, 'user', None)", ["user"]),
        ("value = request.COOKIES.get('a') or request.user", []),
    ],
)
def test_a_forged_request_would_be_found(source, found):
    assert list(forged_attributes(ast.parse(source))) == found


def test_nothing_writes_into_a_requests_cookies_user_or_basket():
    assert [(file, name) for file, tree in parsed_files() for name in forged_attributes(tree)] == []


def test_use_cases_take_a_requester_and_return_no_response():
    flows = [tree for file, tree in parsed_files() if file.endswith("flows.py")]
    assert len(flows) == 2
    for tree in flows:
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert imported & {"HttpRequest", "HttpResponse", "Request", "Response"} == set()
        assert "Requester" in imported


def test_http_is_known_at_the_doors_and_where_requests_are_read_and_answered():
    inside = [
        file
        for file, tree in parsed_files()
        if not file.startswith(DOORS)
        and any(
            isinstance(node, ast.ImportFrom)
            and any(alias.name in ("HttpRequest", "HttpResponse") for alias in node.names)
            for node in ast.walk(tree)
        )
    ]
    assert inside == [
        "collect/event_requests.py",
        "collect/request_traits.py",
        "privacy/client_address.py",
        "privacy/cookies.py",
        "privacy/private_responses.py",
        "privacy/requester.py",
        "privacy/shared_pages.py",
    ]
