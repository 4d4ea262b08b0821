"""The shop with the outside app."""

import pytest
from django.core.management import call_command

from personalization import plugins
from tests import shop
from tests.plugins import outside
from tests.plugins.outside.apps import OutsideConfig


@pytest.fixture
def outside_app(monkeypatch):
    """The outside app is ready, until the end of the test."""
    monkeypatch.setattr(plugins, "_registered", [])
    OutsideConfig("tests.plugins.outside", outside).ready()


@pytest.fixture
def trained(outside_app):
    """(customers, products) of a shop that learned with it; its history is long enough to be evaluated."""
    users, products = shop.even_and_odd(weeks=9)
    call_command("personalization_train", verbosity=0)
    return users, products
