"""Tokens of what was shown: what we signed is believed, for a while, from the visitor it was made for."""

import base64
import uuid

import pytest
from django.core import signing

from personalization.collect import feedback, impression_tokens
from personalization.collect.impression_tokens import TOKEN_MAX_AGE_DAYS, Impression

SOMEBODY, ELSE = uuid.UUID(int=1), uuid.UUID(int=2)
SHOWN = Impression(
    "home", "popular_in_category:7", "s1", (11, 12, 13), ("popular", "popular", "sales_rising"), 1_000_000.0
)


def test_a_token_says_what_was_shown():
    assert (
        impression_tokens.verify_impression(impression_tokens.sign_impression(SHOWN, SOMEBODY), SOMEBODY, 1_000_060.0)
        == SHOWN
    )


def test_a_token_made_before_the_browser_was_known_is_believed_of_it():
    assert (
        impression_tokens.verify_impression(impression_tokens.sign_impression(SHOWN, None), SOMEBODY, 1_000_060.0)
        == SHOWN
    )


def test_a_token_of_somebody_else_is_not_believed():
    assert (
        impression_tokens.verify_impression(impression_tokens.sign_impression(SHOWN, SOMEBODY), ELSE, 1_000_060.0)
        is None
    )


@pytest.mark.parametrize(("seconds", "believed"), [(0, True), (60, False)])
def test_an_old_token_is_not_believed(seconds, believed):
    now = SHOWN.at + TOKEN_MAX_AGE_DAYS * 86_400 + seconds
    assert (
        impression_tokens.verify_impression(impression_tokens.sign_impression(SHOWN, SOMEBODY), SOMEBODY, now)
        is not None
    ) is believed


def test_no_changed_letter_is_believed():
    token = impression_tokens.sign_impression(SHOWN, SOMEBODY)
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert impression_tokens.verify_impression(changed, SOMEBODY, 1_000_060.0) is None


@pytest.mark.parametrize(
    "token",
    [
        *("", ":", "\0", "é", "a:b:c", "." * 9_000),  # the others are signed anew in each worker, under one name
        pytest.param(signing.dumps([1, 2], salt=impression_tokens.SALT), id="too short"),
        pytest.param(signing.dumps(list("abcdefg")), id="of another salt"),
    ],
)
def test_any_other_text_is_no_token(token):
    assert impression_tokens.verify_impression(token, SOMEBODY, 1_000_060.0) is None


def test_what_is_signed_for_one_purpose_is_worth_nothing_for_another():
    assert impression_tokens.verify_impression(feedback.sign_feedback("product", 11), SOMEBODY, 1_000_060.0) is None
    assert feedback.verify_feedback(impression_tokens.sign_impression(SHOWN, SOMEBODY)) is None


def test_a_token_does_not_hold_the_visitor():
    payload = impression_tokens.sign_impression(
        Impression("home", "latest", "", (1,), ("latest",), 1.0), SOMEBODY
    ).split(":")[0]
    content = base64.urlsafe_b64decode(payload.lstrip(".") + "==")
    assert SOMEBODY.bytes not in content
    assert SOMEBODY.hex.encode() not in content


@pytest.mark.parametrize(("kind", "key"), [("product", 12), ("category", 7), ("reason", "popular_in_category:7")])
def test_what_a_button_posts_says_what_is_not_wanted(kind, key):
    assert feedback.verify_feedback(feedback.sign_feedback(kind, key)) == (kind, key)


@pytest.mark.parametrize("text", ["", ":", "product:12", "\0", "é", signing.Signer().sign_object(["product", 12])])
def test_what_we_did_not_sign_says_nothing(text):
    assert feedback.verify_feedback(text) is None
