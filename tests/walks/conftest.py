"""Who walks through the shop."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from personalization.models import Visitor
from tests.shops import factories as shop


@pytest.fixture
def anna(client):
    """Signed in and agreed."""
    user = User.objects.create_user("anna", "anna@example.com", "x", first_name="Anna")
    shop.agree(user)
    client.force_login(user)
    return user


@pytest.fixture
def customer(django_user_model):
    """Not signed in; agreed a week ago."""
    made = django_user_model.objects.create_user("someone", "someone@example.com", "x")
    Visitor.objects.grant_all([made.pk], version="1", source="test", now=now() - timedelta(days=7))
    return made


@pytest.fixture
def milk():
    """Something that can be bought."""
    return shop.product("Milk")
