"""Remembered sizes: from kept lines and the customer's own word, on the product's page and on that of their data."""

import json
import re

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from django.utils.timezone import now
from oscar.apps.address.models import Country
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import AttributeOption, AttributeOptionGroup, ProductAttribute, ProductClass
from oscar.apps.order.models import BillingAddress, ShippingAddress
from oscar.test.factories import create_product

from personalization.models import Genome, Visitor
from personalization.profile import genome
from tests.collect.event_payloads import FIREFOX
from tests.shops import factories as shop
from tests.walks.running import put_into_arm, start_holdout

pytestmark = pytest.mark.django_db

PRIVACY, SIZES = "/personalization/privacy/", "/personalization/privacy/sizes/"


@pytest.fixture
def sizes():
    """(the attribute, {name: option})"""
    group = AttributeOptionGroup.objects.create(name="Sizes")
    options = {name: AttributeOption.objects.create(group=group, option=name) for name in ("S", "M", "L")}
    shirts = ProductClass.objects.create(name="Shirt")
    attribute = ProductAttribute.objects.create(
        product_class=shirts, name="Size", code="size", type=ProductAttribute.OPTION, option_group=group
    )
    return attribute, options


@pytest.fixture
def shirts(sizes):
    """Three shirts, each a dict of its variants by size."""
    return [shirt(title, sizes) for title in ("Blue", "Red", "Green")]


def shirt(title, sizes):
    attribute, options = sizes
    parent = create_product(title=title, structure="parent", product_class="Shirt")
    found = {"parent": parent}
    for name, option in options.items():
        child = create_product(title=f"{title} {name}", structure="child", parent=parent, price="9.00", num_in_stock=5)
        attribute.save_value(child, option)
        found[name] = child
    return found


def buy(user, *products, **order):
    placed = shop.create_past_order(user, products, **order)
    refresh(user)
    return placed


def refresh(user):
    genome.refresh_genome([user.pk], now().timestamp())


def page_of(client, product):
    return client.get(product.get_absolute_url(), follow=True).content.decode()


def said(client, product):
    """What stands in our part of a product's page; "" where there is none."""
    page = page_of(client, product)
    if '<div class="personalization-size">' not in page:
        return ""
    part = page.split('<div class="personalization-size">')[1].split("</div>")[0]
    return " ".join(part.split())


def sizes_of(user):
    return [(key, lines) for _, key, lines, _ in Genome.objects.of_customer(user.pk).sizes]


def state(client, sizes, size):
    key = f"#{sizes[1][size].pk}" if size in sizes[1] else size
    return client.post(SIZES, {"attribute": sizes[0].pk, "size": key}, follow=True)


def test_what_was_bought_twice_and_kept_is_selected_on_the_page(client, anna, shirts, sizes):
    blue, red, green = shirts
    buy(anna, blue["M"])
    assert (sizes_of(anna), said(client, green["parent"])) == ([], "")
    buy(anna, red["M"])
    part = said(client, green["parent"])
    assert "Your size: M (bought 2 times)" in part
    assert f'<a href="{PRIVACY}#sizes">change' in part
    assert f'<option value="{green["M"].pk}" selected>Green M</option>' in part
    assert part.count("selected") == 1
    assert (
        client.post(f"/basket/add/{green['parent'].pk}/", {"child_id": green["M"].pk, "quantity": 1}).status_code == 302
    )
    assert [line.product for line in anna.baskets.get(status="Open").all_lines()] == [green["M"]]
    assert said(client, green["S"]).endswith("</ul>")
    assert f'<a href="{green["M"].get_absolute_url()}">Green M</a>' in said(client, green["S"])


@pytest.mark.parametrize("status", ["Cancelled", "Returned"])
def test_lines_that_were_not_kept_say_nothing(anna, shirts, status):
    buy(anna, shirts[0]["M"])
    buy(anna, shirts[1]["M"], status=status)
    assert sizes_of(anna) == []


def test_a_gift_says_nothing(anna, shirts):
    buy(anna, shirts[0]["M"])
    placed = shop.create_past_order(anna, [shirts[1]["M"]])
    place = {"last_name": "Berg", "line1": "1", "country": country()}
    placed.shipping_address = ShippingAddress.objects.create(first_name="Otto", **place)
    placed.billing_address = BillingAddress.objects.create(first_name="Anna", **place)
    placed.save()
    refresh(anna)
    assert sizes_of(anna) == []


def country():
    return Country.objects.get_or_create(iso_3166_1_a2="DE", defaults={"printable_name": "Germany"})[0]


def test_two_sizes_of_one_account_are_both_said_and_none_is_selected(client, anna, shirts):
    blue, red, green = shirts
    buy(anna, blue["M"], blue["S"])
    buy(anna, red["M"], red["S"])
    part = said(client, green["parent"])
    assert "Your sizes: S, M" in part
    assert "<select" not in part
    assert [green[size].get_absolute_url() in part for size in "SML"] == [True, True, False]
    green["S"].stockrecords.update(num_in_stock=0)
    part = said(client, green["parent"])
    assert "Your size: M" in part
    assert "<select" not in part


def test_what_cannot_be_bought_is_not_said(client, anna, shirts):
    blue, red, green = shirts
    buy(anna, blue["M"])
    buy(anna, red["M"])
    green["M"].stockrecords.update(num_in_stock=0)
    assert said(client, green["parent"]) == ""


def test_nobody_else_is_told(client, anna, shirts):
    blue, red, green = shirts
    buy(anna, blue["M"])
    buy(anna, red["M"])
    assert said(Client(), green["parent"]) == ""
    other = Client()
    other.force_login(shop.create_customer("other"))
    assert said(other, green["parent"]) == ""
    Visitor.objects.filter(user=anna).update(consent="withdrawn")
    assert said(client, green["parent"]) == ""


@pytest.mark.parametrize("arm", ["held_out", "personalized"])
def test_who_is_held_out_is_not_told(client, anna, shirts, arm):
    buy(anna, shirts[0]["M"])
    buy(anna, shirts[1]["M"])
    put_into_arm(Visitor.objects.get(user=anna), start_holdout(), arm)
    client.defaults["HTTP_USER_AGENT"] = FIREFOX
    assert bool(said(client, shirts[2]["parent"])) == (arm == "personalized")


def test_it_is_not_said_where_somebody_else_may_be_looking(client, anna, shirts):
    buy(anna, shirts[0]["M"])
    buy(anna, shirts[1]["M"])
    session = client.session
    session["personalization_signed_in"] = 0
    session.save()
    assert said(client, shirts[2]["parent"]) == ""


def test_their_own_word_comes_first_and_they_may_have_it_forgotten(client, anna, shirts, sizes):
    blue, red, green = shirts
    buy(anna, blue["M"])
    buy(anna, red["M"])
    page = client.get(PRIVACY).content.decode()
    assert "M: bought and kept 2 times." in page
    assert "You said: L." in state(client, sizes, "L").content.decode()
    assert "Your size: L (as you told us)" in said(client, green["parent"])
    data = json.loads(b"".join(client.get(PRIVACY + "download/").streaming_content))
    [visitor], [known] = data["tables"]["personalization.Visitor"], data["tables"]["personalization.Genome"]
    assert [(row[0], row[2]) for row in visitor["preferences"]] == [("size", "Shirt, Size: L")]
    assert [row[2:4] for row in known["sizes"]] == [["Shirt, Size: M", 2]]
    assert "Nothing is remembered." in state(client, sizes, "never").content.decode()
    assert (sizes_of(anna), said(client, green["parent"])) == ([], "")
    buy(anna, green["M"])
    assert sizes_of(anna) == []
    state(client, sizes, "purchases")
    assert [lines for _, lines in sizes_of(anna)] == [3]
    assert Visitor.objects.get(user=anna).preferences == []


def test_a_size_that_the_shop_does_not_have_is_refused(client, anna, shirts, sizes):
    for size in ("#999", "=XXL", "#"):
        assert b"The shop does not have this size." in state(client, sizes, size).content
    assert client.post(SIZES, {"attribute": "x", "size": "#1"}).status_code == 400
    assert Client().post(SIZES, {"attribute": sizes[0].pk, "size": "never"}).status_code == 302
    assert Visitor.objects.get(user=anna).preferences == []


def test_erasing_forgets_both(client, anna, shirts, sizes):
    buy(anna, shirts[0]["M"])
    buy(anna, shirts[1]["M"])
    state(client, sizes, "M")
    client.post(PRIVACY + "erase/confirmed/")
    assert not Genome.objects.filter(user=anna).exists()
    assert [one.preferences for one in Visitor.objects.filter(user=anna)] == [[]]


@pytest.mark.parametrize("with_rows", [True, False])
def test_it_costs_one_query_and_none_where_no_size_is_known(client, anna, shirts, with_rows, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS": 3_600}  # a look for it is a query
    green, size = shirts[2]["parent"], shirts[0]["M"]
    if with_rows:
        shelf = create_from_breadcrumbs("Shirts")
        for one in [*shirts, {"parent": shop.create_shop_product("Belt")}]:
            one["parent"].categories.add(shelf)
    buy(anna, size)

    def count_queries():
        with CaptureQueriesContext(connection) as asked:
            page_of(client, green)
        return len(asked)

    count_queries()
    without = count_queries()
    Genome.objects.filter(user=anna).update(sizes=[[size.attribute_values.get().attribute_id, "#0", 2, 0.0]])
    assert (said(client, green), count_queries()) == ("", without + 1)
    buy(anna, shirts[1]["M"])
    assert said(client, green)
    assert count_queries() <= without + 1


def test_on_a_page_for_everybody_it_comes_with_the_fragments(client, anna, shirts, settings):
    blue, red, green = shirts
    buy(anna, blue["M"])
    buy(anna, red["M"])
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CACHED_PAGES": True}
    page = page_of(client, green["parent"])
    assert '<div class="personalization-size-place" data-place="size"></div>' in page
    assert "Your size" not in page
    address = green["parent"].get_absolute_url()
    html = client.get("/personalization/fragments/", {"page": address, "place": "size"}).json()["html"]
    assert "Your size: M (bought 2 times)" in " ".join(html.split())
    nothing = Client().get("/personalization/fragments/", {"page": address, "place": "size"}).json()["html"]
    assert "Your size" not in nothing


def size_notes_of(client, shelf):
    """By title, what the cards of a list say of sizes."""
    page = client.get(shelf.get_absolute_url()).content.decode()
    cards = re.findall(r'<article class="product_pod">.*?</article>', page, re.DOTALL)
    found = {}
    for card in cards:
        note = re.search(r'<p class="personalization-purchase-note">(.*?)</p>', card)
        found[re.search(r'title="([^"]+)"', card)[1]] = note and note[1]
    return found


@pytest.fixture
def shelf(trained_and_indexed, shirts):
    """A category of shirts, in the search engine."""
    found = create_from_breadcrumbs("Shirts")
    for one in shirts:
        one["parent"].categories.add(found)
    call_command("update_index", verbosity=0)
    return found


def test_the_cards_of_a_list_say_what_there_is_in_their_size(client, anna, shirts, shelf):
    blue, red, green = shirts
    assert set(size_notes_of(client, shelf).values()) == {None}
    buy(anna, blue["M"], days_ago=20)
    buy(anna, red["M"], days_ago=10)
    said_of = size_notes_of(client, shelf)
    assert said_of.pop("Green") == "In your size: M"
    assert all(note.startswith("Last bought") for note in said_of.values()) and len(said_of) == 2
    with translation.override("de"):
        german = Client(headers={"accept-language": "de"})
        german.force_login(anna)
        assert size_notes_of(german, shelf)["Green"] == "In Ihrer Größe: M"
    green["M"].stockrecords.update(num_in_stock=0)
    assert size_notes_of(client, shelf)["Green"] is None
    assert set(size_notes_of(Client(), shelf).values()) == {None}


def test_a_list_asks_once_for_all_of_its_sizes_and_never_without_one(client, anna, shirts, shelf, sizes):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            page = size_notes_of(client, shelf)
        return page, [one["sql"] for one in asked if "productattributevalue" in one["sql"]]

    assert queries() == ({"Blue": None, "Red": None, "Green": None}, [])
    state(client, sizes, "S")
    page, asked = queries()
    assert set(page.values()) == {"In your size: S"} and len(asked) == 1
