"""Who works in the dashboard."""

import pytest
from django.contrib.auth.models import Permission, User


@pytest.fixture
def merchandiser(client):
    """Signed in, with the permissions to draft and to publish campaigns."""
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["change_campaigns", "publish_campaigns"]))
    client.force_login(user)
    return user
