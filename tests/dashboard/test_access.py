"""Who may open which screen: every address of ours, asked by everybody who might try."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from personalization.oscar.dashboard import access
from personalization.oscar.dashboard.urls import urlpatterns

pytestmark = pytest.mark.django_db

NAMES = sorted({pattern.name for pattern in urlpatterns})
CODENAMES = sorted(
    {
        needed.rpartition(".")[2]
        for permissions in access.PERMISSIONS.values()
        for needed in permissions
        if "." in needed
    }
)


def addresses():
    """{name: address} of every screen, with a key that nothing has."""
    return {
        pattern.name: reverse(f"personalization:{pattern.name}", args=arguments_of(str(pattern.pattern)))
        for pattern in urlpatterns
    }


def arguments_of(pattern):
    """What stands for the variable parts of an address."""
    if "<slug:surface>" in pattern:
        return ["home", "nothing"]
    return [987654] if "<" in pattern else []


def refused(client, name):
    """Whether the address answers with a login or with 403, before it does anything."""
    response = client.get(addresses()[name])
    return response.status_code == 403 or "/login/" in response.get("Location", "")


def sign_in(client, *codenames, staff=True, **more):
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=staff, **more)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)


def test_every_address_is_mapped_and_none_is_left_over():
    assert set(NAMES) == set(access.PERMISSIONS)
    assert all(permissions == access.STAFF or "is_staff" in permissions for permissions in access.PERMISSIONS.values())


def test_nobody_is_let_in_without_being_staff(client):
    assert all(refused(client, name) for name in NAMES)
    sign_in(client, staff=False)
    assert all(refused(client, name) for name in NAMES)


def test_users_of_a_partner_see_nothing(client):
    sign_in(client, "dashboard_access", staff=False)
    assert all(refused(client, name) for name in NAMES)
    assert b"personalization/campaigns/" not in client.get(reverse("dashboard:index")).content


def test_one_who_is_no_staff_gets_nowhere_with_all_permissions(client):
    sign_in(client, *CODENAMES, staff=False)
    assert all(refused(client, name) for name in NAMES)


def test_staff_without_permissions_read_what_concerns_no_single_customer(client):
    sign_in(client)
    assert {name for name in NAMES if not refused(client, name)} == {
        name for name, permissions in access.PERMISSIONS.items() if permissions == access.STAFF
    }


@pytest.mark.parametrize("codename", CODENAMES)
def test_a_permission_opens_its_own_screens_and_no_other(client, codename):
    sign_in(client, codename)
    opened = {name for name in NAMES if not refused(client, name)}
    assert opened == {
        name
        for name, permissions in access.PERMISSIONS.items()
        if {needed for needed in permissions if "." in needed} <= {f"personalization.{codename}"}
    }


def test_a_superuser_opens_all(client):
    sign_in(client, is_superuser=True)
    assert not any(refused(client, name) for name in NAMES)


def test_an_account_that_was_switched_off_opens_nothing(client):
    sign_in(client, is_superuser=True)
    User.objects.update(is_active=False)
    assert all(refused(client, name) for name in NAMES)
