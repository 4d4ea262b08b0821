"""A campaign may act in messages: nothing on its screens fails for it."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from personalization.merchandising import publishing

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("screen", ["", "-effect", "-grid", "-past", "-history", "-customers"])
def test_a_campaign_in_messages_has_all_its_screens(client, trained, screen):
    _, products = trained
    client.force_login(User.objects.create_superuser("owner", "owner@example.com", "x"))
    never = {"do": "exclude", "target": {"products": [products[0].pk]}}
    document = {"where": [{"surface": "message"}], "what": [never]}
    campaign = publishing.publish(publishing.create("campaign", "No tea", document, None), None)
    listed = client.get(reverse("personalization:personalization-campaigns")).content.decode()
    assert "No tea" in listed and "Messages" in listed
    answer = client.get(reverse(f"personalization:personalization-campaign{screen}", args=[campaign.pk]), follow=True)
    assert answer.status_code in (200, 405)
