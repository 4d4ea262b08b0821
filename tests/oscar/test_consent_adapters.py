"""The ready adapters for other apps' consent tools, on the real thing."""

import subprocess
import sys

import pytest
from cookie_consent.models import Cookie, CookieGroup
from cookie_consent.util import set_cookie_dict_to_response
from django.http import HttpResponse

from personalization.contrib import django_cookie_consent
from personalization.privacy import cookies

pytestmark = pytest.mark.django_db

PAGE = "/personalization/privacy/"
BANNER = b'class="personalization-banner"'


@pytest.fixture
def group(settings):
    settings.PERSONALIZATION = {
        **settings.PERSONALIZATION,
        "CONSENT_CALLABLE": "personalization.contrib.django_cookie_consent.get_consent",
    }
    group = CookieGroup.objects.create(varname="personalization", name="A personal shop")
    Cookie.objects.create(cookiegroup=group, name=cookies.VISITOR_COOKIE)
    return group


def answered(client, word):
    response = HttpResponse()
    set_cookie_dict_to_response(response, {"personalization": word})
    client.cookies["cookie_consent"] = response.cookies["cookie_consent"].value


def standing(client):
    return client.get(PAGE).context["overview"].status.code


def test_nothing_said_to_django_cookie_consent_is_nothing_said(client, group):
    assert standing(client) == "not_asked"
    assert BANNER not in client.get("/").content


def test_what_was_accepted_there_counts_until_the_group_changes(client, group):
    answered(client, group.get_version())
    assert standing(client) == "granted"
    Cookie.objects.create(cookiegroup=group, name="another")
    assert standing(client) == "not_asked"


def test_what_was_declined_there_is_a_no(client, group):
    answered(client, "-1")
    assert standing(client) == "consent_tool"


@pytest.mark.parametrize("value", ["", "=", "personalization", "personalization==", "|||", "x" * 4_000])
def test_a_broken_cookie_of_theirs_is_nothing_said(client, group, value):
    client.cookies["cookie_consent"] = value
    assert standing(client) == "not_asked"


def test_without_the_group_nothing_is_said(client, settings, group):
    group.delete()
    answered(client, "9999-12-31T00:00:00")
    assert standing(client) == "not_asked"


def test_the_module_is_there_without_the_package():
    code = "import sys; sys.modules['cookie_consent'] = None; import personalization.contrib.django_cookie_consent"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0
    assert callable(django_cookie_consent.get_consent)
