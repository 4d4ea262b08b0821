"""Who asks the API."""

import pytest
from django.test import Client

from personalization.models import ServerKey
from tests.api.api_client import Asking, token
from tests.shops import factories as shop
from tests.walks.known_visitors import browser


@pytest.fixture
def stranger():
    """Nobody."""
    return Asking(Client())


@pytest.fixture
def known_browser():
    """Known by cookies; shows no CSRF token."""
    client = Client(enforce_csrf_checks=True)
    browser(client)
    return Asking(client)


@pytest.fixture
def app():
    """A client without cookies, with a visitor's token."""
    return Asking(Client(enforce_csrf_checks=True), {"X-Personalization-Visitor": token()})


@pytest.fixture
def anna(django_user_model):
    """A customer who agreed."""
    return shop.customer("anna")


@pytest.fixture
def session(anna):
    """Anna's browser."""
    client = Client()
    client.force_login(anna)
    return Asking(client)


@pytest.fixture
def server():
    """Makes a server with these scopes."""

    def made(*scopes, customer=None):
        _key, secret = ServerKey.objects.create_key("till", list(scopes))
        named = {} if customer is None else {"X-Personalization-Customer": str(customer.pk)}
        return Asking(Client(enforce_csrf_checks=True), {"Authorization": f"Key {secret}", **named})

    return made
