"""Clients of the API, one for each way to identify."""

import pytest
from django.test import Client

from personalization.models import ServerKey
from tests.api.api_client import Asking, token
from tests.shops import factories as shop
from tests.walks.known_visitors import browser


@pytest.fixture
def stranger():
    """A client that identifies nobody."""
    return Asking(Client())


@pytest.fixture
def known_browser():
    """A browser known by its cookies, without a CSRF token."""
    client = Client(enforce_csrf_checks=True)
    browser(client)
    return Asking(client)


@pytest.fixture
def app():
    """A client without cookies that sends a visitor's token."""
    return Asking(Client(enforce_csrf_checks=True), {"X-Personalization-Visitor": token()})


@pytest.fixture
def anna(django_user_model):
    """A customer with consent."""
    return shop.customer("anna")


@pytest.fixture
def session(anna):
    """The browser in which Anna is signed in."""
    client = Client()
    client.force_login(anna)
    return Asking(client)


@pytest.fixture
def server():
    """Creates the client of a server whose key has these scopes; with a customer, it asks for them."""

    def create_client(*scopes, customer=None):
        _key, secret = ServerKey.objects.create_key("till", list(scopes))
        about = {} if customer is None else {"X-Personalization-Customer": str(customer.pk)}
        return Asking(Client(enforce_csrf_checks=True), {"Authorization": f"Key {secret}", **about})

    return create_client
