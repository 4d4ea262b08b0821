"""A social tool sends posts with a server key."""

import base64

import pytest

from personalization.models import BlockImage, Definition
from tests.api.test_hostile_requests import BODIES, HOSTILE, is_a_problem, send
from tests.content.block_documents import upload
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]


@pytest.fixture
def tea():
    made = shop.create_shop_product("Tea")
    made.stockrecords.update(partner_sku="4711")
    return made


@pytest.fixture
def tool(server):
    return server("posts:write")


def post(**parts):
    products = [{"code": "4711", "x": 20, "y": 30}]
    usual = {"id": "a1", "title": "Tea time", "owner": "Anna", "permission": "Her mail", "products": products}
    return {**usual, "picture": "table.jpg", "alt": "A table", **parts}


def pictures():
    return {"table.jpg": base64.b64encode(upload(800, 600).read()).decode(), "broken.jpg": "???"}


def test_a_tool_sends_posts_and_learns_what_was_wrong(tool, tea):
    posts = [post(), post(id="a2", products=[]), post(id="a3", picture="broken.jpg"), post(id="a4", owner=7, alt=None)]
    posts += [post(id="a5", products=[1]), post(id="a6", products=[{"code": "gone", "x": 1, "y": 2}])]
    data = tool.send("post", "posts/", {"posts": posts, "pictures": pictures(), "publish": True}).json()
    assert (data["created"], data["published"], data["unknown_products"]) == (3, 3, ["gone"])
    assert [(one["index"], one["code"]) for one in data["rejected"]] == [
        (2, "bad_picture"),
        (3, "invalid"),
        (4, "bad_products"),
    ]
    found = Definition.objects.get(key="import:a1").live.document
    assert found["post"]["spots"] == [{"product": tea.pk, "x": 20, "y": 30}]
    again = tool.send("post", "posts/", {"posts": posts[:2], "pictures": pictures()}).json()
    assert (again["created"], again["unchanged"], BlockImage.objects.count()) == (0, 2, 1)


def test_a_dry_run_stores_nothing(tool, tea):
    answer = tool.send("post", "posts/", {"dry_run": True, "posts": [post()], "pictures": pictures()})
    assert answer.json()["created"] == 1
    assert not Definition.objects.filter(kind="block").exists() and not BlockImage.objects.exists()


def test_only_a_server_key_with_the_scope_may(server, session, stranger, app, tea):
    for client in (session, stranger, app, server("events:write"), server("purchases:write")):
        assert client.send("post", "posts/", {"posts": [post(picture="")]}).status_code == 403
    assert not Definition.objects.filter(kind="block").exists()


@pytest.mark.parametrize(
    "body", [[], {}, {"posts": [1]}, {"posts": {}}, {"posts": [{}] * 21}, {"posts": [], "pictures": []}, b"{"]
)
def test_what_is_no_delivery_is_refused(tool, body):
    assert tool.send("post", "posts/", body).status_code == 400


@pytest.mark.parametrize("field", [*post(), "text", "language", "until", "origin", "video"])
def test_whatever_a_post_says_it_is_stored_or_rejected(tool, tea, field):
    for value in HOSTILE:
        answer = send(tool, "posts/", {"posts": [post(**{"picture": "", field: value})]})
        assert answer.status_code in (200, 400), (field, value)


def test_any_bytes_are_answered(tool):
    for body in BODIES:
        answer = send(tool, "posts/", body)
        assert answer.status_code in (400, 413)
        is_a_problem(answer)


@pytest.mark.parametrize("field", ["source", "publish", "dry_run", "posts", "pictures"])
def test_whatever_stands_in_a_field_there_is_an_answer(tool, field):
    for value in HOSTILE:
        answer = send(tool, "posts/", {"posts": [post(picture="")], field: value})
        assert answer.status_code in (200, 400)
        if answer.status_code == 400:
            is_a_problem(answer)
