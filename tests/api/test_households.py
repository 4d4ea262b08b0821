"""The API of households: the flows of the page, for customers themselves."""

import pytest
from django.conf import settings
from django.test import Client
from django.utils.timezone import now

from personalization.models import HouseholdMember
from tests.api.api_client import ApiClient
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def households_on(monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", True)


@pytest.fixture
def ben():
    browser = Client()
    browser.force_login(shop.create_customer("ben"))
    return ApiClient(browser)


def test_a_household_from_the_invitation_to_the_end(session, ben):
    assert session.get("me/household/").json() == {"members": 0, "since": None, "invitations": []}
    made = session.post("me/household/invitations/").json()
    open_one = {"id": made["id"], "expires_at": made["expires_at"]}
    assert session.get("me/household/").json() == {"members": 0, "since": None, "invitations": [open_one]}
    assert ben.post("me/household/join/", {"code": made["code"]}).status_code == 204
    for who in (session, ben):
        told = who.get("me/household/").json()
        assert (told["members"], told["since"][:10], told["invitations"]) == (2, f"{now():%Y-%m-%d}", [])
    assert ben.get("me/data/").json()["household"]["members"] == 2
    assert [ben.post("me/household/leave/").status_code for _ in range(2)] == [204, 204]
    assert session.get("me/household/").json()["members"] == 0 and not HouseholdMember.objects.exists()
    assert "household" not in ben.get("me/data/").json()


def test_an_invitation_is_taken_back_by_its_maker_only(session, ben):
    made = session.post("me/household/invitations/").json()
    address = f"me/household/invitations/{made['id']}/"
    assert ben.delete(address).status_code == 404
    assert session.delete(address).status_code == 204 and session.delete(address).status_code == 404
    answer = ben.post("me/household/join/", {"code": made["code"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_invitation")


@pytest.mark.parametrize("key", [0, 2**31, 10**30])
def test_there_is_no_invitation_of_a_made_up_number(session, key):
    assert session.delete(f"me/household/invitations/{key}/").status_code == 404


def test_who_is_in_one_already_is_told_so(session, ben):
    code = session.post("me/household/invitations/").json()["code"]
    answer = session.post("me/household/join/", {"code": code})
    assert (answer.status_code, answer.json()["code"]) == (409, "in_household")


def test_a_shop_without_households_has_none_of_these_addresses(session, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", False)
    answers = [session.get("me/household/"), session.post("me/household/invitations/")]
    answers += [session.delete("me/household/invitations/1/"), session.post("me/household/leave/")]
    answers += [session.post("me/household/join/", {"code": "AAAA"})]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not_found")}
