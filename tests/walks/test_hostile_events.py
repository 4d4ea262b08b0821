"""Whatever bytes are sent to the door, there is an answer to them."""

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from personalization.collect import rate_limits
from personalization.models import Event
from personalization.privacy import cookies
from tests.collect.event_payloads import delivery_body, event_payload
from tests.shops import factories as shop
from tests.walks.event_requests import consented_client, post_events, send_events, view_payload

pytestmark = pytest.mark.django_db


@pytest.fixture
def milk():
    return shop.create_shop_product("Milk")


def deep(levels):
    return b'{"events": ' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b"\xef\xbb\xbf{}", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b'{"events": [1e', 400, "invalid_json"),
        (b"null", 400, "invalid_body"),
        (b"[]", 400, "invalid_body"),
        (b"{}", 400, "invalid_body"),
        (b'"events"', 400, "invalid_body"),
        (b'{"events": {}}', 400, "invalid_body"),
        (b'{"events": null}', 400, "invalid_body"),
        (b'{"events": [], "sent_at": "soon"}', 400, "invalid_body"),
        (b'{"events": [], "sent_at": 1e999}', 400, "invalid_body"),
        (b'{"events": [], "sent_at": []}', 400, "invalid_body"),
        (b'{"events": [], "sent_at": ' + b"9" * 60_000 + b"}", 400, "invalid_body"),
        (b'{"events": [' + b"0," * 50 + b"0]}", 400, "too_many_events"),
        (deep(30_000), 400, "nesting_too_deep"),
        (b"[" * 60_000, 400, "nesting_too_deep"),
        (b'{"a":' * 12_000, 400, "nesting_too_deep"),
        (b" " * (64 * 1024 + 1), 413, "body_too_large"),
        (b"[" * 10_000_000, 413, "body_too_large"),
    ],
)
def test_what_says_nothing_is_refused_as_a_whole(content, status, code):
    response = post_events(consented_client(), content)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["message"]


def test_a_body_of_exactly_64_kib_is_read(milk):
    content = delivery_body(view_payload(milk))
    assert post_events(consented_client(), content + b" " * (64 * 1024 - len(content))).json() == {
        "accepted": 1,
        "rejected": [],
    }


HOSTILE = [
    None, True, "", "\0", "\ud800", "a" * 257, "a" * 20_000, -1, 0, 2**63, 10**400, 1e308, float("nan"), float("inf"),
    [], [[]], [[[[[[[]]]]]]], {}, {"a": {"b": {"c": {"d": {"e": {}}}}}}, [1, "a", None], "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00+23:59", 253_402_300_799_999, 253_402_300_800_000, "'; DROP TABLE x; --", "{0.__class__}",
]  # fmt: skip
FIELDS = ["id", "name", "event", "at", "params", "ecommerce", "items", "slate", "search_term", "engagement_time_msec"]


@pytest.mark.parametrize("field", [*FIELDS, "value", "surface", "row", "unknown"])
@pytest.mark.parametrize("name", ["view_item", "view_item_list", "search", "user_engagement", "add_to_cart"])
def test_whatever_stands_in_a_field_only_this_event_is_lost(milk, field, name):
    client = consented_client()
    for value in HOSTILE:
        rate_limits.reset_counters()
        told = {**view_payload(milk, search_term="a", engagement_time_msec=1), "name": name, field: value}
        response = send_events(client, told, view_payload(milk))
        assert response.status_code == 202, (field, value)
        assert 1 not in [one["index"] for one in response.json()["rejected"]], (field, value)
    assert Event.objects.filter(type="view_item").count() >= len(HOSTILE)


@pytest.mark.parametrize("field", ["item_id", "index", "quantity", "unknown"])
def test_whatever_stands_in_an_item_only_its_event_is_lost(milk, field):
    client = consented_client()
    for value in HOSTILE:
        rate_limits.reset_counters()
        item = {"item_id": milk.pk, field: value}
        told = [{**event_payload(name), "items": [item]} for name in ("view_item_list", "add_to_cart")]
        response = send_events(client, *told, view_payload(milk))
        assert response.status_code == 202, (field, value)
        assert 2 not in [one["index"] for one in response.json()["rejected"]], (field, value)


@effort(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200) | st.binary(max_size=60).map(lambda bad: b'{"events": [{"name": "search", ' + bad + b"}]}")
)
def test_any_bytes_get_an_answer(content):
    rate_limits.reset_counters()
    assert post_events(consented_client(), content).status_code in (202, 400)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*FIELDS, "item_id", "x"]), inner),
    max_leaves=20,
)


@effort(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, st.lists(JSON, max_size=5))
def test_any_json_gets_an_answer(sent_at, told):
    rate_limits.reset_counters()
    content = json.dumps({"sent_at": sent_at, "events": told}).encode()
    assert post_events(consented_client(), content).status_code in (202, 400)


@pytest.mark.parametrize("length", ["", "abc", "-1", "1e3", "٣", "99999999999999999999"])
def test_a_strange_content_length_does_no_harm(milk, length):
    assert post_events(consented_client(), delivery_body(view_payload(milk)), CONTENT_LENGTH=length).status_code in (
        202,
        400,
        413,
    )


@pytest.mark.parametrize("cookie", ["\0", "ü", ":" * 4_000, "a:b:c", "'; --", "granted.1.99999999999999"])
def test_strange_cookies_count_as_none(milk, cookie):
    client = consented_client()
    client.cookies[cookies.VISITOR_COOKIE] = cookie
    assert send_events(client, view_payload(milk)).status_code == 202
    client.cookies[cookies.CONSENT_COOKIE] = cookie
    assert send_events(client, view_payload(milk)).status_code == 202
