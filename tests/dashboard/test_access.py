"""Who may open which screen: every address with every kind of person."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from personalization.models import DashboardAccess
from personalization.oscar.dashboard import access
from personalization.oscar.dashboard.urls import urlpatterns

pytestmark = pytest.mark.django_db

PATTERNS = {str(pattern.pattern): pattern for pattern in urlpatterns}
SINGLE = [
    *(codename for codename, _label in DashboardAccess._meta.permissions),
    "change_serverkey",
    "change_sensitivecategory",
]
READABLE = {
    "personalization-overview",
    "personalization-campaigns",
    "personalization-campaign",
    "personalization-campaign-effect",
    "personalization-campaign-history",
    "personalization-products",
    "personalization-data",
    "personalization-sensitive",
}
"""What staff may open without any permission."""
NEEDED = {
    "personalization-campaign-create": "change_campaigns",
    "personalization-campaign-publish": "publish_campaigns",
    "personalization-campaign-state": "publish_campaigns",
    "personalization-campaign-move": "publish_campaigns",
    "personalization-snapshot-serve": "run_jobs",
    "personalization-audit": "view_audit",
    "personalization-audit-csv": "view_audit",
    "personalization-consent": "view_customer",
    "personalization-keys": "change_serverkey",
    "personalization-key-rotate": "change_serverkey",
    "personalization-key-revoke": "change_serverkey",
    "personalization-sensitive-add": "change_sensitivecategory",
    "personalization-sensitive-remove": "change_sensitivecategory",
}
POST_ONLY = {
    "personalization-campaign-effect",
    "personalization-campaign-state",
    "personalization-campaign-move",
    "personalization-key-rotate",
    "personalization-key-revoke",
    "personalization-sensitive-add",
    "personalization-sensitive-remove",
}


def address(pattern):
    keys = dict.fromkeys(pattern.pattern.converters, 999999)
    return reverse(f"personalization:{pattern.name}", kwargs=keys)


def opened(client):
    """The names of the addresses that are not refused; what is not there is not refused."""
    answers = {pattern.name: client.get(address(pattern)) for pattern in urlpatterns}
    return {name for name, answer in answers.items() if answer.status_code in (200, 404, 405)}


def sign_in(client, *codenames, **flags):
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", **flags)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)


def test_every_address_has_its_permissions_and_no_others_are_listed():
    names = {pattern.name for pattern in urlpatterns}
    assert names == access.PERMISSIONS.keys() == READABLE | NEEDED.keys()
    assert apps.get_app_config("personalization").default_permissions == access.NOBODY


def test_strangers_and_customers_see_nothing(client):
    assert opened(client) == set()
    sign_in(client)
    assert opened(client) == set()


def test_a_partners_user_sees_nothing(client):
    sign_in(client, "dashboard_access")
    assert opened(client) == set()


@pytest.mark.parametrize("codename", ["", *SINGLE])
def test_staff_may_open_what_their_permission_is_for_and_no_more(client, codename):
    sign_in(client, codename, is_staff=True)
    assert opened(client) == READABLE | {name for name, needed in NEEDED.items() if needed == codename}


def test_a_superuser_may_open_everything_but_what_only_takes_posts(admin_client):
    answers = {pattern.name: admin_client.get(address(pattern)).status_code for pattern in urlpatterns}
    assert {name for name, status in answers.items() if status == 405} == POST_ONLY
    assert set(answers.values()) <= {200, 404, 405}
