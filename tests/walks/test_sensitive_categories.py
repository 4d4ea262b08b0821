"""What lies in a sensitive category is in nobody's genome, reason or row, and no event about it is kept."""

import uuid

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Category

from personalization.decide import active_snapshot
from personalization.models import Event, Genome, SensitiveCategory, Visitor
from personalization.privacy import retention
from personalization.shop import catalogue
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def pharmacy():
    """A trained shop whose odd products lie below a category that staff flagged before."""
    users, products = shop.even_and_odd()
    SensitiveCategory.objects.create(category=Category.objects.get(name="Odd"))
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    return users, products


def test_no_row_shows_it_and_no_reason_speaks_of_it(client, pharmacy):
    users, products = pharmacy
    odd = {product.pk for product in products[1::2]}
    client.force_login(users[1])
    mine = client.get("/").context["slate"].rows
    assert odd.isdisjoint(item.product_id for row in mine for item in row.items)
    assert not any(row.personal for row in mine)
    client.logout()
    strangers = client.get("/").context["slate"].rows
    assert strangers
    assert odd.isdisjoint(item.product_id for row in strangers for item in row.items)


def test_no_genome_and_no_snapshot_holds_it(pharmacy):
    users, products = pharmacy
    odd = {product.pk for product in products[1::2]}
    assert odd.isdisjoint(active_snapshot.get_active_snapshot().ids.tolist())
    assert Genome.objects.of_customer(users[1].pk) is None
    even = Genome.objects.of_customer(users[0].pk)
    assert even.products
    assert odd.isdisjoint(row[0] for row in even.products + even.neighbour_products)


def test_a_flag_is_inherited_down_the_tree_and_taken_back_with_the_row(pharmacy):
    _, products = pharmacy
    SensitiveCategory.objects.all().delete()
    SensitiveCategory.objects.create(category=Category.objects.get(name="Grocery"))
    assert catalogue.all_sensitive_products() == {product.pk for product in products}
    SensitiveCategory.objects.all().delete()
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    assert set(active_snapshot.get_active_snapshot().ids.tolist()) == {product.pk for product in products}


def test_before_any_training_the_plain_rows_leave_it_out(client):
    _, products = shop.even_and_odd(weeks=1)
    SensitiveCategory.objects.create(category=Category.objects.get(name="Odd"))
    shown = [item.product_id for row in client.get("/").context["slate"].rows for item in row.items]
    assert shown
    assert {product.pk for product in products[1::2]}.isdisjoint(shown)


def test_what_is_called_sensitive_later_is_deleted_from_the_events_too():
    users, products = shop.even_and_odd(weeks=1)
    visitor = Visitor.objects.get_or_create_customer(users[1].pk)
    for product in products[:6]:
        moment = now()
        Event.objects.create(
            event_id=uuid.uuid4(),
            visitor=visitor,
            type="view_item",
            occurred_at=moment,
            received_at=moment,
            product_id=product.pk,
        )
    SensitiveCategory.objects.create(category=Category.objects.get(name="Odd"))
    assert retention.rows_due().events == 3
    assert retention.apply_retention().events == 3
    assert set(Event.objects.values_list("product_id", flat=True)) == {product.pk for product in products[:6:2]}


def test_what_is_flagged_or_moved_below_a_flagged_category_is_gone_before_the_next_training(client, trained):
    users, products = trained
    odd = {product.pk for product in products[1::2]}
    client.force_login(users[1])
    assert not odd.isdisjoint(shown_products(client.get("/")))
    flagged = create_from_breadcrumbs("Pharmacy")
    SensitiveCategory.objects.create(category=flagged)
    Category.objects.get(name="Odd").move(flagged, pos="first-child")
    for page in ("/", products[0].get_absolute_url(), products[1].get_absolute_url()):
        assert odd.isdisjoint(shown_products(client.get(page)))
    assert "Product 1" not in " ".join(row.title for row in client.get("/").context["slate"].rows)
    listed = client.get(reverse("personalization:api:surface", kwargs={"surface": "home"})).json()
    assert odd.isdisjoint(item["id"] for row in listed["rows"] for item in row["items"])


def shown_products(response):
    slate = response.context.get("slate")
    return {item.product_id for row in slate.rows for item in row.items} if slate else set()
