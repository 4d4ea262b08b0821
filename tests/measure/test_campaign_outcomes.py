"""What a campaign earned: by value, against those who were held back."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from personalization.measure.campaign_outcomes import count_campaign_outcomes, read_campaign_report
from personalization.merchandising import publishing
from personalization.merchandising.campaign_audiences import enrol_customers
from personalization.models import CampaignCustomer, CustomerFacts
from personalization.profile.genome import refresh_genome
from tests.dashboard.campaign_posts import pin
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea():
    product = shop.create_shop_product("Tea")
    product.stockrecords.update(price=Decimal("10.00"))
    return product


@pytest.fixture
def campaign(tea):
    document = pin(tea, who={"people": "customers"}, hold_back=0.5)
    return publishing.publish(publishing.create("campaign", "Win back", document, None), None)


def customers(count):
    people = [shop.create_customer(f"person{number}") for number in range(count)]
    refresh_genome([one.pk for one in people], now().timestamp())
    return people


def test_everybody_in_the_audience_is_noted_once_with_arm_and_value(campaign):
    people = customers(40)
    CustomerFacts.objects.filter(user=people[0]).update(expected_tier=1)
    assert enrol_customers(now()) == 40 and enrol_customers(now()) == 0
    CustomerFacts.objects.filter(user=people[0]).update(expected_tier=3)
    enrol_customers(now())
    assert CampaignCustomer.objects.get(user=people[0]).value_part == 1
    arms = list(CampaignCustomer.objects.values_list("arm", flat=True))
    assert 8 <= arms.count("held_back") <= 32 and len(arms) == 40


def test_staff_and_who_refuses_are_not_noted_and_a_plain_campaign_notes_nobody(campaign, tea):
    publishing.publish(publishing.create("campaign", "Plain", pin(tea), None), None)
    User.objects.create_user("stranger", "stranger@example.com", "x")
    staff = shop.create_customer("boss")
    User.objects.filter(pk=staff.pk).update(is_staff=True)
    (one,) = customers(1)
    assert enrol_customers(now()) == 1
    assert CampaignCustomer.objects.get().user == one


def test_the_report_says_what_was_kept_by_value_in_both_arms(campaign, tea):
    people = customers(24)
    CustomerFacts.objects.filter(user__in=people[:12]).update(expected_tier=1)
    enrol_customers(now())
    rows = list(CampaignCustomer.objects.order_by("pk"))
    CampaignCustomer.objects.update(arm="held_back", enrolled_at=now() - timedelta(days=40))
    treated = [row.pk for row in rows[::2]]
    CampaignCustomer.objects.filter(pk__in=treated).update(arm="treated")
    for row in rows:
        if row.pk in treated:
            shop.create_past_order(row.user, [tea], days_ago=20)
        shop.create_past_order(row.user, [tea], days_ago=50)  # before
        shop.create_past_order(row.user, [tea], days_ago=5)  # four weeks are over
    assert count_campaign_outcomes(now()) == 12
    report = read_campaign_report(campaign.pk)
    assert [(part.value_part, part.treated.people, part.held_back.people) for part in report.parts] == [
        (1, 6, 6),
        (0, 6, 6),
    ]
    assert (report.total.treated.orders, report.total.held_back.orders) == (12, 0)
    kept = report.total.treated.kept_each
    assert kept > 0 and report.total.held_back.kept_each == 0 and report.parts[0].treated.kept_each == kept


def test_the_screen_says_it_and_asks_as_much_for_many_customers_as_for_few(campaign, client):
    client.force_login(User.objects.create_superuser("owner", "owner@example.com", "x"))
    address = reverse("personalization:personalization-campaign-whole", args=[campaign.pk])
    counts = []
    for number in (6, 30):
        for one in range(number):
            shop.create_customer(f"one{number}-{one}")
        enrol_customers(now())
        client.get(address)
        with CaptureQueriesContext(connection) as asked:
            page = client.get(address).content.decode()
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert "Too few orders to say what it earned" in page or "It takes customers" in page
    assert "The shop keeps no costs" in page and "not known yet" in page


def test_counting_asks_the_same_for_many_as_for_few(campaign):
    counts = []
    for number in (3, 20):
        for one in range(number):
            shop.create_customer(f"one{number}-{one}")
        with CaptureQueriesContext(connection) as enrolled:
            enrol_customers(now())
        with CaptureQueriesContext(connection) as asked:
            count_campaign_outcomes(now())
        counts.append((len(enrolled), len(asked)))
    assert counts[0] == counts[1]
