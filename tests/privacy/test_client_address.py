"""Where a request comes from, and what the log says where that cannot be told."""

import pytest
from django.test import RequestFactory

from personalization import rate_limits
from personalization.privacy import client_address as addresses
from personalization.privacy.client_address import UNKNOWN_ADDRESS, client_address

PROXY = "10.0.0.1"


def asked_from(remote=PROXY, forwarded=None, **headers):
    if forwarded is not None:
        headers["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_address(RequestFactory().post("/", REMOTE_ADDR=remote, **headers))


@pytest.fixture
def behind(settings):
    """Puts the shop behind so many proxies."""

    def stand(proxies):
        settings.PERSONALIZATION = {"NUM_PROXIES": proxies}

    return stand


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, None, PROXY),
        (0, "1.1.1.1", PROXY),
        (1, "1.1.1.1", "1.1.1.1"),
        (1, "forged, 6.6.6.6, 1.1.1.1", "1.1.1.1"),
        (2, "forged, 6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
        (2, "1.1.1.1", PROXY),
        (1, None, PROXY),
        (1, "", PROXY),
    ],
)
def test_an_address_is_what_the_shops_own_proxies_say(behind, proxies, forwarded, found):
    behind(proxies)
    assert asked_from(forwarded=forwarded) == found


@pytest.mark.parametrize(
    ("remote", "found"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::99", "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::"),
        ("", UNKNOWN_ADDRESS),
    ],
)
def test_one_customers_ipv6_network_is_one_address(remote, found):
    assert asked_from(remote) == found


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ("1.2.3.4:5678", "1.2.3.4"),
        ('"1.2.3.4:5678"', "1.2.3.4"),
        ("[1.2.3.4]:80", "1.2.3.4"),
        ("[2001:db8::1]:80", "2001:db8::"),
        ("[2001:db8::1]", "2001:db8::"),
        ('"[2001:db8::1]"', "2001:db8::"),
        ('"[2001:db8::1]:443"', "2001:db8::"),
        ("[::ffff:1.2.3.4]:80", "1.2.3.4"),
    ],
)
def test_ports_brackets_and_quotes_are_no_part_of_an_address(behind, entry, found):
    behind(1)
    assert asked_from(forwarded=f"6.6.6.6, {entry}") == found
    assert asked_from(remote=entry) == found


UNREADABLE = ("no address", "unknown", "_hidden", "1.2.3.4.5", "1.2.3.4:80:80", "é" * 5_000, "[]", '""', "\udc80")


def test_what_cannot_be_read_shares_its_limit_with_nobody(behind):
    behind(1)
    clients = [asked_from(forwarded=f"6.6.6.6, {text}") for text in UNREADABLE]
    assert len({*clients, UNKNOWN_ADDRESS, PROXY}) == len(clients) + 2
    assert all(client.startswith("unread ") and len(client) < 50 for client in clients)


def test_what_cannot_be_read_is_limited_like_everybody(behind):
    behind(1)
    one, other = (asked_from(forwarded=text) for text in ("unknown", "_hidden"))
    limits = [rate_limits.count_events(client, "", 600, 0.0).address_limited for client in (one, one, other)]
    assert limits == [False, True, False]


@pytest.mark.parametrize("header", [{"HTTP_X_FORWARDED_FOR": "203.0.113.9"}, {"HTTP_FORWARDED": "for=203.0.113.9"}])
def test_proxies_of_which_the_shop_does_not_know_are_written_to_the_log_once_an_hour(
    behind, caplog, monkeypatch, header
):
    behind(0)
    for _ in range(3):
        asked_from(**header)
    monkeypatch.setattr(addresses, "_warned_at", {text: at - 3_600 for text, at in addresses._warned_at.items()})
    asked_from(**header)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "NUM_PROXIES is 0" in caplog.text
    assert "203.0.113.9" not in caplog.text and PROXY not in caplog.text


def test_fewer_entries_than_proxies_are_written_to_the_log(behind, caplog):
    behind(2)
    for _ in range(3):
        asked_from(forwarded="203.0.113.9")
    (record,) = caplog.records
    assert "fewer entries than NUM_PROXIES" in record.getMessage() and "203.0.113.9" not in record.getMessage()


def test_a_request_that_no_proxy_passed_on_is_nothing_for_the_log(behind, caplog):
    for proxies in (0, 1):
        behind(proxies)
        asked_from("203.0.113.9")
    assert caplog.records == []
