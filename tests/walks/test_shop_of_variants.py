"""A shop whose products are all sold as variants, before its first training run: a child counts as its parent."""

import pytest
from oscar.apps.analytics.models import ProductRecord
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Category
from oscar.test.factories import create_product

from personalization.models import SensitiveCategory
from personalization.shop import catalogue

pytestmark = pytest.mark.django_db


@pytest.fixture
def shirts():
    """(shirts with two sizes each, of which the second was bought 5, 7, 6 and 0 times; their sizes)"""
    shelf = create_from_breadcrumbs("Shirts")
    parents, sizes = [], []
    for times in (5, 7, 6, 0):
        parent = create_product(title=f"Shirt {times}", structure="parent", product_class="Shirt")
        parent.categories.add(shelf)
        both = [
            create_product(title=size, structure="child", parent=parent, price="9.00", num_in_stock=5)
            for size in ("S", "M")
        ]
        if times:
            ProductRecord.objects.create(product=both[0], num_purchases=1)
            ProductRecord.objects.create(product=both[1], num_purchases=times)
        parents.append(parent)
        sizes.append(both)
    return parents, sizes


def shown(response, code):
    return [
        (item.product_id, item.explanation)
        for row in response.context["slate"].rows
        if row.type == code
        for item in row.items
    ]


def test_bestsellers_are_the_parents_with_what_was_bought_of_all_their_sizes(client, shirts):
    parents, _ = shirts
    assert shown(client.get("/"), "bestsellers") == [
        (parents[1].pk, "Bought 8 times so far"),
        (parents[2].pk, "Bought 7 times so far"),
        (parents[0].pk, "Bought 6 times so far"),
    ]


def test_more_of_a_category_is_by_what_was_bought_of_all_sizes_on_any_sizes_page(client, shirts):
    parents, sizes = shirts
    wanted = [parents[1].pk, parents[2].pk, parents[0].pk]
    for page in (parents[3], sizes[3][0]):
        response = client.get(page.get_absolute_url(), follow=True)
        assert [key for key, _ in shown(response, "more_in_category")] == wanted


def test_a_hidden_parent_and_a_sensitive_one_are_left_out_with_their_sizes(shirts):
    parents, _ = shirts
    type(parents[1]).objects.filter(pk=parents[1].pk).update(is_public=False)
    assert catalogue.bestsellers(9) == [(parents[2].pk, 7), (parents[0].pk, 6)]
    SensitiveCategory.objects.create(category=Category.objects.get(name="Shirts"))
    assert catalogue.bestsellers(9) == []
