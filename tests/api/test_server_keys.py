"""Keys of servers in Django's admin."""

import re

import pytest

from personalization.api import authentication
from personalization.models import ServerKey

pytestmark = pytest.mark.django_db

PAGE = "/admin/personalization/serverkey/"


def test_a_key_is_shown_once_and_works(admin_client, stranger):
    made = admin_client.post(f"{PAGE}add/", {"name": "till", "scopes": ["surfaces:read"]}, follow=True)
    (secret,) = set(re.findall(r"shown only this once: ([\w.-]+)", made.content.decode()))
    assert ServerKey.objects.active(secret) == ServerKey.objects.get()
    assert secret not in admin_client.get(PAGE).content.decode()
    assert stranger.get("navigation/", Authorization=f"Key {secret}").status_code == 200


def test_a_key_is_revoked_at_once(admin_client):
    key, secret = ServerKey.objects.create_key("till", [])
    admin_client.post(PAGE, {"action": "revoke", "_selected_action": [key.pk]})
    assert ServerKey.objects.active(secret) is None


def test_a_key_is_replaced_by_one_with_the_same_scopes(admin_client):
    key, secret = ServerKey.objects.create_key("till", ["events:write"])
    shown = admin_client.post(PAGE, {"action": "rotate", "_selected_action": [key.pk]}, follow=True)
    (new,) = set(re.findall(r"shown only this once: ([\w.-]+)", shown.content.decode()))
    assert ServerKey.objects.active(new).scopes == ["events:write"]
    assert ServerKey.objects.active(secret).expires_at is not None


def test_who_guesses_keys_has_to_wait_and_who_has_one_has_not(stranger, server):
    for guesses in range(2 * authentication.MAX_GUESSES_PER_MINUTE + 1):  # a new minute may begin meanwhile
        answer = stranger.get("navigation/", Authorization=f"Key guess-{guesses}")
        if answer.status_code == 429:
            break
        assert answer.status_code == 401
    assert guesses >= authentication.MAX_GUESSES_PER_MINUTE
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert 0 <= int(answer["Retry-After"]) <= 60
    assert server("surfaces:read").get("navigation/").status_code == 200
