"""Where the shop's home link leads."""

import sys
from types import ModuleType

import pytest
from django.apps import apps
from django.conf import settings
from django.urls import include, path, reverse

pytestmark = pytest.mark.django_db


@pytest.fixture
def without_our_urls(settings):
    """A shop that keeps its own home page and does not include our URLs."""
    urls = ModuleType("urls_without_ours")
    urls.urlpatterns = [path("", include(apps.get_app_config("oscar").urls[0]))]
    sys.modules[urls.__name__] = urls
    settings.ROOT_URLCONF = urls.__name__
    yield
    del sys.modules[urls.__name__]


def test_the_logo_and_signing_out_lead_to_the_personal_home_page(client, django_user_model):
    assert client.get(reverse("catalogue:index")).context["homepage_url"] == "/"
    client.force_login(django_user_model.objects.create_user("someone", "someone@example.com", "x"))
    assert client.get(reverse("customer:logout"))["Location"] == "/"


def test_a_shop_without_our_urls_keeps_the_catalogue_as_its_home(client, without_our_urls):
    assert str(settings.OSCAR_HOMEPAGE) == reverse("catalogue:index")
    assert client.get("/")["Location"] == reverse("catalogue:index")
