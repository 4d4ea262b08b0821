"""The row with the products of a post."""

from datetime import timedelta

import pytest
from django.utils.timezone import localdate, now

from personalization.decide.active_rules import read_rules_now
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.visit import Visit
from personalization.models import Genome, Snapshot
from personalization.rows.seen_in_posts import propose_seen_in_post
from tests.content.post_documents import publish_post
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]


def row(client):
    rows = client.get("/").context["slate"].rows
    return next((one for one in rows if one.type == "seen_in_post"), None)


def test_the_home_page_has_the_products_of_the_post_that_suits_a_visitor(client, trained):
    customers, products = trained
    assert row(client) is None
    publish_post("Evenly", *[(one, 10, 10) for one in products[20:12:-2]], slot="posts")
    publish_post("Oddly", *[(one, 10, 10) for one in products[21:13:-2]], slot="posts")
    publish_post("In a slot", *[(one, 10, 10) for one in products[:3]], slot="home-below")
    publish_post("Alone", (products[5], 10, 10), slot="posts")
    found = row(client)
    assert (found.title, found.explanation) == ("As seen in “Oddly”", "What the picture of a post shows")
    for number, title in ((0, "Evenly"), (1, "Oddly")):
        genome = Genome.objects.of_customer(customers[number].pk)
        visit = Visit(now().timestamp(), None, rules=read_rules_now(), genome=genome)
        (proposed,) = propose_seen_in_post(visit, get_active_snapshot())
        assert proposed.params == {"title": title}


def test_its_products_are_those_of_the_picture_in_their_order_without_what_is_sold_out(client):
    made = [shop.create_shop_product(f"Thing {number}") for number in range(5)]
    made[1].stockrecords.update(num_in_stock=0)
    publish_post("Table", *[(one, 10, 10) for one in (made[3], made[1], made[0])], slot="posts")
    assert not Snapshot.objects.exists()
    assert [item.product_id for item in row(client).items] == [made[3].pk, made[0].pk]


def test_a_post_whose_rights_are_over_makes_no_row(client):
    made = [shop.create_shop_product(f"Thing {number}") for number in range(3)]
    over = str(localdate() - timedelta(days=1))
    publish_post("Table", *[(one, 10, 10) for one in made], slot="posts", until=over)
    assert row(client) is None
