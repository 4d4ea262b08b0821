"""Clients of the API, one for each way to identify."""

import pytest
from django.test import Client

from personalization.models import ServerKey
from tests.api.api_client import ApiClient, issue_visitor_token
from tests.shops import factories as shop
from tests.walks.known_visitors import identify_browser


@pytest.fixture
def stranger():
    """A client that identifies nobody."""
    return ApiClient(Client())


@pytest.fixture
def known_browser():
    """A browser known by its cookies, without a CSRF token."""
    client = Client(enforce_csrf_checks=True)
    identify_browser(client)
    return ApiClient(client)


@pytest.fixture
def app():
    """A client without cookies that sends a visitor's token."""
    return ApiClient(Client(enforce_csrf_checks=True), {"X-Personalization-Visitor": issue_visitor_token()})


@pytest.fixture
def anna(django_user_model):
    """A customer with consent."""
    return shop.create_customer("anna")


@pytest.fixture
def session(anna):
    """The browser in which Anna is signed in."""
    client = Client()
    client.force_login(anna)
    return ApiClient(client)


@pytest.fixture
def server():
    """Creates the client of a server whose key has these scopes; with a customer, it asks for them."""

    def create_client(*scopes, customer=None):
        _key, secret = ServerKey.objects.create_key("till", list(scopes))
        about = {} if customer is None else {"X-Personalization-Customer": str(customer.pk)}
        return ApiClient(Client(enforce_csrf_checks=True), {"Authorization": f"Key {secret}", **about})

    return create_client
