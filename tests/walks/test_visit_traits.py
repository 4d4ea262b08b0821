"""What a request says of a visit by itself, from the front doors to the tables and back."""

import json

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation
from oscar.apps.address.models import Country
from oscar.apps.order.models import ShippingAddress

from personalization.decide import active_rules, active_snapshot
from personalization.models import Event
from personalization.oscar import visits
from personalization.rank import cold_start
from personalization.train import run
from tests.collect.event_payloads import FIREFOX
from tests.shops import factories as shop
from tests.walks.event_requests import HERE, consented_client, send_events, view_payload

pytestmark = pytest.mark.django_db

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Version/18.6 Mobile/15E148"


@pytest.fixture
def _behind_a_cdn(settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "COUNTRY_HEADER": "CF-IPCountry"}


def asked(user, **environ):
    request = RequestFactory().get("/", **environ)
    request.user, request.strategy = user, None
    return request


@pytest.mark.usefixtures("_behind_a_cdn")
def test_a_visit_has_the_traits_of_its_request(django_assert_num_queries, customer):
    said = {"HTTP_CF_IPCOUNTRY": "PT", "HTTP_USER_AGENT": IPHONE, "HTTP_REFERER": "https://www.google.com/"}
    active_rules.get_active_rules()  # a thread of the process looks for them in a shop
    with django_assert_num_queries(0), translation.override("pt"):
        visit = visits.anonymous_visit(asked(customer, **said))
    assert (visit.country, visit.language, visit.device, visit.channel) == ("PT", "pt", "phone", "search")


def test_an_event_keeps_the_kind_of_device_that_reported_it(milk):
    send_events(consented_client(HTTP_SEC_CH_UA_MOBILE="?1"), view_payload(milk))
    client = consented_client()
    send_events(client, view_payload(milk, device="tablet"))
    client.post(reverse("basket:add", args=[milk.pk]), {"quantity": 1}, HTTP_USER_AGENT=IPHONE)
    kept = list(Event.objects.order_by("id").values_list("type", "device"))
    assert kept == [("view_item", "phone"), ("view_item", "computer"), ("add_to_cart", "phone")]


def test_who_takes_away_what_is_known_of_them_reads_the_kind_of_device(milk, customer):
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    client.force_login(customer)
    send_events(client, view_payload(milk))
    told = json.loads(client.get(reverse("personalization:privacy_download")).getvalue())["tables"]
    assert [event["device"] for event in told["personalization.Event"]] == ["computer"]


def test_a_release_before_this_one_can_still_store_events_while_others_are_being_updated(milk):
    send_events(consented_client(), view_payload(milk))
    fields = [field.column for field in Event._meta.concrete_fields if field.column not in ("id", "event_id", "device")]
    columns = ", ".join(f'"{name}"' for name in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO personalization_event (event_id, {columns}) SELECT %s, {columns} FROM personalization_event",
            ["0" * 31 + "1"],
        )
    assert list(Event.objects.order_by("id").values_list("device", flat=True)) == ["computer", ""]


def sent_to(code, order):
    country, _ = Country.objects.get_or_create(iso_3166_1_a2=code, defaults={"name": code, "printable_name": code})
    order.shipping_address = ShippingAddress.objects.create(line1="Way 1", country=country)
    order.save()


@pytest.fixture
def abroad():
    """Twelve customers in Germany buy tea, six in Portugal coffee; milk is bought by nobody."""
    products = [shop.create_shop_product(title) for title in ("Milk", "Tea", "Coffee")]
    for number in range(18):
        user = User.objects.create_user(f"customer{number}")
        sent_to(
            "PT" if number % 3 == 2 else "DE", shop.create_past_order(user, [products[2 if number % 3 == 2 else 1]])
        )
    run.run_training()
    return products


@pytest.mark.usefixtures("_behind_a_cdn")
def test_a_stranger_sees_first_what_is_bought_in_their_country(client, abroad):
    milk, tea, coffee = (product.pk for product in abroad)

    def order(country):
        visit = visits.anonymous_visit(asked(User(), HTTP_CF_IPCOUNTRY=country))
        found = active_snapshot.get_active_snapshot()
        scores = cold_start.cold_start_score(
            found, found.product_indices([milk, tea, coffee]), visit.country, visit.device
        )
        return [key for _, key in sorted(zip(-scores, [milk, tea, coffee], strict=True))]

    assert order("PT") == [coffee, tea, milk]
    assert order("DE") == order("IT") == order("") == [tea, coffee, milk]


@pytest.mark.usefixtures("_behind_a_cdn")
def test_the_home_page_is_there_for_a_stranger_of_any_country(client, abroad):
    for country in ("PT", "DE", "IT", "T1", ""):
        response = client.get("/", HTTP_CF_IPCOUNTRY=country, HTTP_USER_AGENT=IPHONE)
        assert [row.type for row in response.context["slate"].rows][:1] == ["latest"]  # nothing sold often enough
