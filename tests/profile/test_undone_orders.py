"""What undoes a purchase is heard at once, as its making is."""

import pytest
from django.db import transaction
from oscar.apps.order.models import Line, Order, ShippingEvent, ShippingEventQuantity, ShippingEventType

from personalization.models import Genome
from personalization.profile import genome
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

PIPELINE = {"Complete": ("Storniert",), "Storniert": ()}


@pytest.fixture
def anna():
    return shop.create_customer("anna")


@pytest.fixture
def placed(anna, monkeypatch):
    """An order of tea and milk of anna's, whose genome has both."""
    monkeypatch.setattr(Order, "pipeline", PIPELINE)
    monkeypatch.setattr(Order, "cascade", {"Storniert": "Storniert"})
    order = shop.create_past_order(anna, [shop.create_shop_product("Tea"), shop.create_shop_product("Milk")])
    genome.refresh_genome([anna.pk], order.date_placed.timestamp() + 1)
    assert bought(anna) == 2
    return order


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """A block at whose end its changes are committed."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def bought(user):
    """How many products the customer bought, as the next page has it."""
    row = Genome.objects.of_customer(user.pk)
    return len(row.products) if row else 0


def test_a_cancelled_order_is_no_purchase_any_more(anna, placed, committed):
    with committed():
        placed.set_status("Storniert")
    assert bought(anna) == 0


def test_a_status_that_cascades_to_its_lines_refreshes_once(anna, placed, committed, monkeypatch):
    refreshed = []
    monkeypatch.setattr(genome, "refresh_genome", lambda users, now: refreshed.append(users))
    with committed():
        placed.set_status("Storniert")
    assert refreshed == [[anna.pk]]


def test_an_order_that_is_saved_unchanged_refreshes_nothing(placed, committed, django_assert_num_queries):
    with committed() as callbacks:
        Order.objects.get(pk=placed.pk).save()
    assert callbacks == []


def test_a_cancelled_line_is_no_purchase_any_more(anna, placed, committed, monkeypatch):
    monkeypatch.setattr(Line, "pipeline", {"": ("Cancelled",), "Cancelled": ()})
    with committed():
        placed.lines.first().set_status("Cancelled")
    assert bought(anna) == 1


def test_a_returned_line_is_no_purchase_and_one_whose_return_was_a_mistake_is_again(anna, placed, committed):
    returned, _ = ShippingEventType.objects.get_or_create(code="storniert", name="Storniert")
    event = ShippingEvent.objects.create(order=placed, event_type=returned)
    with committed():
        ShippingEventQuantity.objects.create(event=event, line=placed.lines.first(), quantity=1)
    assert bought(anna) == 1
    with committed():
        event.delete()
    assert bought(anna) == 2


def test_a_deleted_order_and_a_deleted_line_are_no_purchase_any_more(anna, placed, committed):
    with committed():
        placed.lines.first().delete()
    assert bought(anna) == 1
    with committed():
        placed.delete()
    assert bought(anna) == 0


def test_a_reassigned_order_is_the_new_customers(anna, placed, committed):
    ben = shop.create_customer("ben")
    with committed():
        placed.user = ben
        placed.save()
    assert (bought(anna), bought(ben)) == (0, 2)


def test_what_fails_in_us_breaks_no_change_of_status(placed, committed, monkeypatch):
    def broken(*anything, **more):
        raise RuntimeError("a bug")

    for name in ("stored_order_facts", "is_return_event"):
        monkeypatch.setattr(f"personalization.shop.orders.{name}", broken)
    monkeypatch.setattr(genome, "refresh_genome", broken)
    with committed():
        placed.set_status("Storniert")
    with committed():
        placed.delete()
    assert not Order.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_the_change_is_seen_too(anna, placed):
    placed.set_status("Storniert")
    assert bought(anna) == 0


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_rolled_back_changes_nothing(anna, placed):
    with pytest.raises(RuntimeError), transaction.atomic():
        placed.set_status("Storniert")
        raise RuntimeError("the shop's own fault")
    assert bought(anna) == 2
    with transaction.atomic():
        Order.objects.get(pk=placed.pk).set_status("Storniert")
    assert bought(anna) == 0
