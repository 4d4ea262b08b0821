"""Who walks through the shop."""

import pytest
from django.contrib.auth.models import User

from tests import shop


@pytest.fixture
def anna(client):
    """Signed in and agreed."""
    user = User.objects.create_user("anna", "anna@example.com", "x", first_name="Anna")
    shop.agree(user)
    client.force_login(user)
    return user
