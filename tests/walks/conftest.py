"""Customers and a product."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from personalization import serve
from personalization.decide.layout import page_limits
from personalization.models import Visitor
from tests.shops import factories as shop


@pytest.fixture
def anna(client):
    """A customer with consent, signed in on the client."""
    user = User.objects.create_user("anna", "anna@example.com", "x", first_name="Anna")
    shop.grant_consent(user)
    client.force_login(user)
    return user


@pytest.fixture
def customer(django_user_model):
    """A customer who gave consent a week ago and is not signed in."""
    user = django_user_model.objects.create_user("someone", "someone@example.com", "x")
    Visitor.objects.grant_all([user.pk], version="1", source="test", now=now() - timedelta(days=7))
    return user


@pytest.fixture
def milk():
    """A product that can be bought."""
    return shop.create_shop_product("Milk")


@pytest.fixture
def rows_of_one_line(monkeypatch):
    """No row has more than four products: in a shop of forty "Buy again" leaves something to others at any hour."""

    def small_limits(*page):
        limits = page_limits(*page)
        return replace(limits, row_size=min(limits.row_size, 4), has_lines=False, is_requested_size=False)

    monkeypatch.setattr(serve, "page_limits", small_limits)
