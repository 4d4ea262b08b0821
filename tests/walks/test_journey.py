"""The home page on a slice of the demo's data: thirty real households, two hundred products."""

import shutil

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from oscar.apps.order.models import Line
from oscar.apps.partner.models import StockRecord

from example_shop.journey import gallery
from example_shop.journey.load import household_email, load_journey
from personalization.decide.visit import Visit
from tests.shops.journey_slice import read_slice
from tests.shops.saved_shops import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def pictures(journey, tmp_path_factory):
    """A folder with the pictures of the products, drawn once."""
    folder = tmp_path_factory.mktemp("media")
    with override_settings(MEDIA_ROOT=folder):
        gallery.draw_pictures(journey)
    return folder


@pytest.fixture
def shoppers(journey, pictures, own_files):
    shutil.copytree(pictures, settings.MEDIA_ROOT)
    open_shop(train_slice)
    return [User.objects.get(email=household_email(number)) for number in journey.households.index]


def train_slice():
    load_journey(read_slice(), "small")
    call_command("personalization_train", verbosity=0)


def pages(client, shoppers):
    for shopper in shoppers:
        client.force_login(shopper)
        yield shopper, client.get("/").context["slate"].rows


def test_every_household_has_a_page_of_its_own_and_every_claim_on_it_is_true(client, shoppers):
    first_rows = set()
    for shopper, rows in pages(client, shoppers):
        assert [row.personal for row in rows] == sorted((row.personal for row in rows), reverse=True)
        assert rows[0].personal
        shown = [item.product_id for row in rows for item in row.items]
        assert len(shown) == len(set(shown))
        for row in rows:
            check_claims(shopper, row)
        first_rows.add(tuple(item.product_id for item in rows[0].items))
    assert len(first_rows) == len(shoppers)


def check_claims(shopper: User, row) -> None:
    mine = Line.objects.filter(order__user=shopper).exclude(order__status="Cancelled")
    if row.type == "because_you_bought":
        assert mine.filter(product_id=row.reason.params["product"]).exists()
        assert not mine.filter(product__in=[item.product_id for item in row.items]).exists()
    for item in row.items:
        facts = item.reason.params
        bought = mine.filter(product_id=item.product_id)
        if item.reason.code == "bought_before":
            assert bought.dates("order__date_placed", "day").count() == facts.get("days", 1) or "days" not in facts
            last = bought.latest("order__date_placed").order.date_placed
            assert abs(last.timestamp() - facts["last"]) < 86_400  # a purchase has its day
        if item.reason.code == "popular":
            everyone = Line.objects.filter(product_id=item.product_id).exclude(order__status="Cancelled")
            assert everyone.values("order__user").distinct().count() >= facts["customers"] >= 5


def test_what_is_shown_can_be_bought(client, shoppers, rf):
    for _, rows in pages(client, shoppers[:5]):
        assert all(item.product.stockrecords.get().num_in_stock > 0 for row in rows for item in row.items)


def test_the_home_page_costs_the_same_queries_for_few_orders_and_for_many(client, shoppers):
    StockRecord.objects.update(num_in_stock=100)  # a sold-out shelf may ask for a second look-up
    by_orders = sorted(shoppers, key=lambda shopper: shopper.orders.count())
    queries = []
    for shopper in (by_orders[0], by_orders[-1]):
        client.force_login(shopper)
        client.get("/")  # makes thumbnails, the basket and the addresses of categories
        with CaptureQueriesContext(connection) as captured:
            client.get("/")
        # Oscar 4.1's basket form asks for the options of every card that is shown; 4.2's does not.
        queries.append(sum('FROM "catalogue_option"' not in query["sql"] for query in captured.captured_queries))
    assert by_orders[0].orders.count() < by_orders[-1].orders.count() / 3
    assert queries[0] == queries[1]


def test_a_visit_is_all_that_a_decision_looks_at(shoppers, django_assert_num_queries):
    from oscar.apps.partner.strategy import Default

    from personalization.serve import serve_slate

    visit = Visit(timestamp=1e9, strategy=Default())
    first = serve_slate("home", visit)
    with django_assert_num_queries(5):  # a savepoint and its release, two for the cards, one for categories
        assert serve_slate("home", visit) == first
