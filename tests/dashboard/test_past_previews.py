"""The shop as a customer at the end of an earlier month: their profile is of then, the shop of today."""

import re
import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime, now

from personalization.models import AuditEntry, CustomerFacts, Event, Genome, GenomeMonth, Visitor
from personalization.models.genome_months import month_before
from personalization.oscar.dashboard.preview_form import month_start
from personalization.profile import batch
from personalization.profile.genome import compute_genomes
from personalization.profile.genome_months import month_end, month_of, store_genome_months
from personalization.profile.past_profile import profile_in_month
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

SCREEN = reverse("personalization:personalization-preview")
LAST_MONTH = month_before(month_of(time.time()))
MONTH = f"{LAST_MONTH:%Y-%m}"
NAME = date_format(LAST_MONTH, "YEAR_MONTH_FORMAT")
AGO = (now().timestamp() - month_end(LAST_MONTH)) / 86400
"""So many days ago the month ended."""


@pytest.fixture
def staff(client):
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["preview_as", "view_customer"]))
    client.force_login(user)
    return user


@pytest.fixture
def customer(trained):
    """Bought even products for weeks up to the end of last month, which is written down; nothing but odd ones since."""
    _users, products = trained
    one = shop.create_customer("ann")
    for days in (40, 30, 20, 10):
        shop.create_past_order(one, products[0:12:2], days_ago=AGO + days)
    moment = month_end(LAST_MONTH) - 3600
    batch.refresh_all_genomes(moment)
    store_genome_months(moment)
    GenomeMonth.objects.filter(user=one).update(value_tier=4)
    for part in (0.2, 0.4, 0.6):
        shop.create_past_order(one, products[21:39:2], days_ago=AGO * part)
    batch.refresh_all_genomes(now().timestamp())
    store_genome_months(now().timestamp())
    return one


def asked(client, **chosen):
    return client.get(SCREEN, {"page": "/", "customer": "ann@example.com", "month": MONTH, **chosen})


def cards(page, row=0):
    """The titles of the cards of a row."""
    sections = re.findall(r"<section.*?</section>", page.content.decode(), re.S)
    return re.findall(r'<h3[^>]*>\s*<a [^>]*title="([^"]*)"', sections[row], re.S)


def test_the_page_is_that_of_the_customer_of_then(client, staff, customer, trained):
    _users, products = trained
    (address,) = [address for _title, address in asked(client).context["frames"]]
    then, today = cards(client.get(address)), cards(client.get(asked(client, month="").context["frames"][0][1]))
    even, odd = ({product.get_title() for product in products[start::2]} for start in (0, 1))
    assert then and set(then) <= even
    assert set(today) & odd


def test_screen_and_page_say_what_is_of_then_and_what_is_of_today(client, staff, customer):
    screen = asked(client)
    text = re.sub(r"\s+", " ", screen.content.decode())
    assert (
        f"The customer as of the end of {NAME}" in text and "Everything else is as it is today: prices, stock" in text
    )
    page = client.get(screen.context["frames"][0][1]).content.decode()
    assert f"The customer is that of the end of {NAME}; prices, stock, products and campaigns are today" in page
    plain = asked(client, month="")
    assert "as of the end of" not in plain.content.decode()
    assert "is that of the end of" not in client.get(plain.context["frames"][0][1]).content.decode()


def test_the_page_of_today_can_stand_beside_it(client, staff, customer):
    (_then, first), (title, second) = asked(client, compared_with="now").context["frames"]
    assert title == "Today" and cards(client.get(first)) != cards(client.get(second))


def test_it_changes_nothing_for_anybody(client, staff, customer):
    def stored():
        tables = (Genome, GenomeMonth, CustomerFacts, Event, Visitor)
        return [list(table.objects.order_by("pk").values()) for table in tables]

    before = stored()
    client.get(asked(client).context["frames"][0][1])
    assert stored() == before
    assert AuditEntry.objects.get().subject == customer


def test_the_profile_is_what_was_learned_then(customer):
    moment = month_end(LAST_MONTH) - 1
    past = profile_in_month(customer.pk, LAST_MONTH, moment)
    (genome,) = compute_genomes([customer.pk], moment)
    assert (past.genome.products, past.genome.categories) == (genome.products, genome.categories)
    assert (past.facts.kept_orders, past.facts.value_tier) == (4, 4)
    row = GenomeMonth.objects.get(user=customer, month=LAST_MONTH)
    shares = {(taste.kind, taste.key): taste.share for taste in past.facts.read_tastes()}
    assert all(shares[taste.kind, taste.key] == taste.share for taste in row.read_tastes())


def test_what_happened_since_is_not_looked_at(client, staff, customer, trained):
    _users, products = trained
    visitor = Visitor.objects.get(user=customer)
    visitor.set_preference("product", products[0].pk, -1, now().timestamp())
    address = asked(client).context["frames"][0][1]
    assert products[0].get_title() in client.get(address).content.decode()
    visitor.set_preference("product", products[0].pk, -1, month_end(LAST_MONTH) - 86400)
    assert products[0].get_title() not in cards(client.get(address))


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"customer": ""}, "Name the customer whose month this is."),
        ({"month": f"{month_before(LAST_MONTH, 5):%Y-%m}"}, "Of this customer nothing is stored for that month."),
        ({"moment": f"{localtime() + timedelta(days=2):%Y-%m-%dT%H:%M}"}, "Choose a month or a moment, not both."),
        ({"month": "1999-01"}, "1999-01 is not one of the available choices."),
        ({"month": "x"}, "x is not one of the available choices."),
    ],
)
def test_what_cannot_be_shown_is_said(client, staff, customer, chosen, sentence):
    page = asked(client, **chosen)
    assert sentence in page.content.decode() and "frames" not in page.context


def test_who_may_not_look_at_customers_is_told_nothing_of_months(client, staff, customer):
    staff.user_permissions.set(Permission.objects.filter(codename="preview_as"))
    for month in (MONTH, f"{month_before(LAST_MONTH, 5):%Y-%m}"):
        page = asked(client, month=month).content.decode()
        assert "You may not look at customers." in page and "nothing is stored" not in page


def test_of_who_erased_everything_nothing_can_be_shown(client, staff, customer):
    address = asked(client).context["frames"][0][1]
    Visitor.objects.filter(user=customer).update(consent="withdrawn")
    assert "Buy again" not in client.get(address).content.decode()
    GenomeMonth.objects.all().delete()
    assert "nothing is stored for that month" in asked(client).content.decode()


def test_a_product_can_be_asked_about_as_of_then(client, staff, customer, trained):
    _users, products = trained
    screen = reverse("personalization:personalization-product", args=[products[0].pk])
    page = client.get(screen, {"page": "/", "customer": "ann@example.com", "month": MONTH})
    assert f"The customer as of the end of {NAME}" in re.sub(r"\s+", " ", page.content.decode())
    assert f"month={MONTH}" in page.context["asked_visit"]
    assert month_start(MONTH) == LAST_MONTH


def test_it_takes_so_many_queries_however_much_the_customer_bought(customer, trained):
    _users, products = trained

    def cost():
        with CaptureQueriesContext(connection) as queries:
            profile_in_month(customer.pk, LAST_MONTH, month_end(LAST_MONTH) - 1)
        return len(queries)

    first = cost()
    for days in range(20):
        shop.create_past_order(customer, products[0:30:2], days_ago=AGO + 5 + days)
    assert cost() == first < 25
