"""Tokens of what was shown: what we signed is believed, for a while, from the visitor it was made for."""

import base64
import uuid
from dataclasses import replace

import pytest
from django.core import signing

from personalization.collect import feedback, impression_tokens
from personalization.collect.impression_tokens import (
    TOKEN_MAX_AGE_DAYS,
    Impression,
    ShownItem,
    sign_impression,
    verify_impression,
)
from personalization.collect.payload import MAX_TOKEN_LENGTH

VISITOR, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
ITEMS = (
    ShownItem(11, 0, "popular"),
    ShownItem(12, 1, "popular", "spring", 0.25),
    ShownItem(13, 2, "sales_rising"),
)
SHOWN = Impression("home", "popular_in_category:7", "s1", ITEMS, 1_000_000.0, uuid.UUID(int=3), arms={"size": "large"})
LATER = 1_000_060.0

VERSION_1 = (
    ".eJxFi8sKgCAQAP9lz3tw8yD0KyIi22KCqWgd-vseEM1xmLGw1k0AodV25NB9Kp7DLrH2cza3HwRoiZAmJO3QfuG_PFHIMnxPI5UIDkm9IBjWzAspcBfjTyBM"
    ":1xWd8h:-ERD8PSJg0rP8Ac67PMmIoxjusmf09fhg2c7AszckuU"
)
"""As the version before wrote SHOWN for VISITOR under the secret key "frozen"."""
VERSION_1_OF_NOBODY = (
    ".eJyLVsrIz01V0lEqyC8ozUksis_Mi09OLElNzy-qtDIHihcbKulEGxrqGBrpGBrH6kTDFCK0gBQl5qQWxxdlFmfmpSvF6hgagIGOklIsAOgQHfQ"
    ":1xWd8h:noYKpcvaesStxEzXkza6uoFdtIJljOUnF0mhUN2sjxw"
)


def test_a_token_says_what_was_shown():
    assert verify_impression(sign_impression(SHOWN, VISITOR), VISITOR, LATER) == SHOWN


@pytest.mark.parametrize(
    "items",
    [
        (),
        (ShownItem(11, 0),),
        tuple(ShownItem(n, 40 + n, "personal_order") for n in range(20)),
        (ShownItem(11, 3, "popular"), ShownItem(12, 0, "", None, 0.5)),
        tuple(ShownItem(n, n, "popular", "spring", 0.1) for n in range(3)),
    ],
)
def test_a_token_keeps_every_position_reason_campaign_and_propensity(items):
    shown = replace(SHOWN, items=items, arms={})
    assert verify_impression(sign_impression(shown, VISITOR), VISITOR, LATER) == shown


def test_a_token_keeps_that_its_items_are_categories():
    shown = replace(SHOWN, surface="navigation", row="menu", item_kind="category")
    assert verify_impression(sign_impression(shown, VISITOR), VISITOR, LATER) == shown


def test_a_token_of_the_version_before_is_readable(settings):
    settings.SECRET_KEY = "frozen"
    items = tuple(ShownItem(item_id, position, reason) for item_id, position, reason, *_ in ITEMS)
    before = Impression("home", "popular_in_category:7", "s1", items, 1_000_000.0)
    assert verify_impression(VERSION_1, VISITOR, LATER) == before
    assert verify_impression(VERSION_1, OTHER, LATER) is None
    assert verify_impression(VERSION_1, VISITOR, 1_000_001 + TOKEN_MAX_AGE_DAYS * 86_400) is None


def test_a_token_of_the_version_before_that_was_made_for_nobody_is_believed_from_nobody(settings):
    settings.SECRET_KEY = "frozen"
    assert verify_impression(VERSION_1_OF_NOBODY, VISITOR, LATER, "csrf:a") is None


def test_a_token_made_before_the_browser_was_known_is_believed_from_that_browser_only():
    token = sign_impression(SHOWN, None, "csrf:a")
    assert verify_impression(token, VISITOR, LATER, "csrf:a") == SHOWN
    assert verify_impression(token, VISITOR, LATER, "csrf:b") is None
    assert verify_impression(token, VISITOR, LATER) is None


def test_nothing_is_signed_for_a_browser_that_holds_nothing():
    assert sign_impression(SHOWN, None) == ""


def test_a_token_of_another_visitor_is_not_believed():
    assert verify_impression(sign_impression(SHOWN, VISITOR), OTHER, LATER, "csrf:a") is None


@pytest.mark.parametrize(("seconds", "believed"), [(0, True), (60, False)])
def test_an_old_token_is_not_believed(seconds, believed):
    now = SHOWN.shown_at + TOKEN_MAX_AGE_DAYS * 86_400 + seconds
    assert (verify_impression(sign_impression(SHOWN, VISITOR), VISITOR, now) is not None) is believed


def test_no_changed_letter_is_believed():
    token = sign_impression(SHOWN, VISITOR)
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert verify_impression(changed, VISITOR, LATER) is None


@pytest.mark.parametrize(
    "token",
    [
        *("", ":", "\0", "é", "a:b:c", "." * 9_000),  # the others are signed anew in each worker, under one name
        pytest.param(signing.dumps([1, 2], salt=impression_tokens.SALT), id="too short"),
        pytest.param(signing.dumps([2, "", "home"], salt=impression_tokens.SALT), id="too short in version 2"),
        pytest.param(signing.dumps([], salt=impression_tokens.SALT), id="empty"),
        pytest.param(signing.dumps({"a": 1}, salt=impression_tokens.SALT), id="no list"),
        pytest.param(signing.dumps(list("abcdefg")), id="of another salt"),
    ],
)
def test_any_other_text_is_no_token(token):
    assert verify_impression(token, VISITOR, LATER) is None


def test_what_is_signed_for_one_purpose_is_worth_nothing_for_another():
    assert verify_impression(feedback.sign_feedback("product", 11), VISITOR, LATER) is None
    assert feedback.verify_feedback(sign_impression(SHOWN, VISITOR)) is None


def test_a_token_does_not_hold_the_visitor():
    shown = Impression("home", "latest", "", (ShownItem(1, 0, "latest"),), 1.0)
    for token in (sign_impression(shown, VISITOR), sign_impression(shown, None, "csrf:secret")):
        content = base64.urlsafe_b64decode(token.split(":")[0].lstrip(".") + "==")
        assert VISITOR.bytes not in content
        assert VISITOR.hex.encode() not in content
        assert b"secret" not in content


def test_the_longest_token_is_one_that_a_report_may_hold():
    items = tuple(
        ShownItem(7 * n**3 % 10**9, n, f"reason_{n * n % 97}") for n in range(impression_tokens.MAX_LIST_ITEMS)
    )
    assert len(sign_impression(replace(SHOWN, items=items), VISITOR)) < MAX_TOKEN_LENGTH


@pytest.mark.parametrize(("kind", "key"), [("product", 12), ("category", 7), ("reason", "popular_in_category:7")])
def test_what_a_button_posts_says_what_is_not_wanted(kind, key):
    assert feedback.verify_feedback(feedback.sign_feedback(kind, key)) == (kind, key)


@pytest.mark.parametrize("text", ["", ":", "product:12", "\0", "é", signing.Signer().sign_object(["product", 12])])
def test_what_we_did_not_sign_says_nothing(text):
    assert feedback.verify_feedback(text) is None
