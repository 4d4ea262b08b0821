"""Keys of servers."""

import re

import pytest

from personalization.api import authentication
from personalization.models import ServerKey

pytestmark = pytest.mark.django_db

PAGE = "/dashboard/personalization/keys/"


def test_a_key_made_in_the_dashboard_works_for_its_scopes_only(admin_client, stranger):
    made = admin_client.post(PAGE, {"name": "till", "scopes": ["surfaces:read"]})
    (secret,) = set(re.findall(r'personalization-secret">([\w.-]+)<', made.content.decode()))
    assert ServerKey.objects.active(secret) == ServerKey.objects.get()
    assert stranger.get("navigation/", Authorization=f"Key {secret}").status_code == 200
    assert stranger.get("me/preferences/?customer=1", Authorization=f"Key {secret}").status_code == 403


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
