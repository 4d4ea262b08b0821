"""Whoever has one address, or many, and no order, moves nothing that others see.

The attacks go through the doors of the shop: events are posted with forged cookies, the shop trains, and a stranger
looks at its search page.
"""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Product

from personalization.collect import rate_limits
from personalization.decide import active_snapshot
from personalization.models import Event, OrderVisitor, Visitor
from tests.collect.event_payloads import event_payload, to_milliseconds
from tests.shops import factories as shop
from tests.shops.saved_shops import open_shop
from tests.walks.event_requests import consented_client, send_events, view_payload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

HITS = 13


@pytest.fixture
def milks(own_files):
    """Thirteen kinds of milk, of which the first sells best and the last worst; the shop has learned that."""
    return open_shop(_build, with_index=True)


def _build():
    dairy = create_from_breadcrumbs("Food > Dairy")
    shop.create_shop_product("Bread", create_from_breadcrumbs("Food > Bakery"))
    milks = [shop.create_shop_product(f"Milk {number}", dairy) for number in range(HITS)]
    for number in range(HITS):
        buyer = shop.create_customer(f"buyer{number}")
        shop.create_past_order(buyer, milks[: HITS - number], days_ago=10)
    call_command("personalization_train", verbosity=0)
    call_command("rebuild_index", interactive=False, verbosity=0)
    return milks


def found():
    """The hits for "milk", as a stranger's search page shows them."""
    return [hit.object.pk for hit in Client().get("/search/?q=milk").context["page_obj"]]


def trained():
    """The hits after a training run."""
    call_command("personalization_train", verbosity=0, force=True)
    active_snapshot.reset_active_snapshot()
    return found()


def look_for_milk(product, address):
    """A browser at this address searches for milk and puts the product into the basket."""
    rate_limits.reset_counters()  # a hundred and fifty come over some minutes
    chosen = view_payload(product) | {"id": str(uuid4()), "name": "add_to_cart"}
    response = send_events(consented_client(REMOTE_ADDR=address), search_payload("milk"), view_payload(product), chosen)
    assert response.json() == {"accepted": 3, "rejected": []}


def search_payload(query):
    """The payload of an event that says that this was searched for now."""
    return event_payload("search", search_term=query, at=to_milliseconds(now()))


def stay():
    """All that was done so far was done over two minutes: the searches came first."""
    Event.objects.filter(type="search").update(received_at=F("received_at") - timedelta(minutes=2))


def order_bread(browsers):
    """So many of the browsers, those that came last, order bread as guests."""
    bread = Product.objects.get(title="Bread")
    for visitor in Visitor.objects.filter(user=None).order_by("-created_at")[:browsers]:
        placed = shop.create_past_order(None, [bread])
        OrderVisitor.objects.create(order_id=placed.pk, visitor=visitor, placed_at=placed.date_placed)


def heard_of(product):
    """What is heard of the product after searches: each buyer counts 1, fading with age."""
    snapshot = active_snapshot.get_active_snapshot()
    return float(snapshot.arrays["search.choices"][snapshot.ids.tolist().index(product.pk)])


def test_five_forged_browsers_of_one_address_do_not_move_the_last_hit(milks):
    before = found()
    for _ in range(5):
        look_for_milk(milks[-1], "192.0.2.7")
    stay()
    assert trained() == before and before[-1] == milks[-1].pk


def test_a_hundred_and_fifty_of_one_network_are_one_voice_beside_sixty_honest_browsers(milks):
    liked, pushed = milks[5], milks[-1]
    for number in range(60):
        look_for_milk(liked, f"198.51.{number}.7")
    order_bread(10)
    for number in range(150):
        look_for_milk(pushed, f"192.0.2.{number}")
    stay()
    assert trained()[0] == liked.pk
    assert heard_of(pushed) == 0


def test_a_hundred_and_fifty_of_as_many_networks_count_at_most_as_much_as_those_who_bought(milks):
    liked, pushed = milks[5], milks[-1]
    for number in range(10):
        look_for_milk(liked, f"198.51.{number}.7")
    order_bread(10)
    for number in range(3):
        look_for_milk(pushed, f"203.0.{number}.7")
    order_bread(3)
    for number in range(150):
        look_for_milk(pushed, f"192.0.{number}.7")
    stay()
    assert trained()[0] == liked.pk
    assert 3 < heard_of(pushed) <= 2 * 3


def test_where_nobody_bought_anything_all_networks_of_the_world_count_nothing(milks):
    before = found()
    for number in range(150):
        look_for_milk(milks[-1], f"192.0.{number}.7")
    stay()
    assert trained() == before


def test_who_comes_and_goes_within_a_minute_teaches_nothing(milks):
    for number in range(4):
        look_for_milk(milks[-1], f"198.51.{number}.7")
    order_bread(4)
    for number in range(4):
        look_for_milk(milks[-1], f"203.0.{number}.7")
    before = found()
    assert trained() == before
    assert heard_of(milks[-1]) == 0
    stay()
    assert trained()[0] == milks[-1].pk
    assert heard_of(milks[-1]) > 4
