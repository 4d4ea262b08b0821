"""Categories that share a name are told apart."""

import pytest
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Category

from personalization.shop import catalogue
from personalization.shop.category_labels import SEPARATOR, path_label

pytestmark = pytest.mark.django_db


def labels(*breadcrumbs):
    created = [create_from_breadcrumbs(path) for path in breadcrumbs]
    return [label(catalogue.categories_by_id([category.pk])[category.pk]) for category in created]


def label(category):
    return category.label.replace(SEPARATOR, " > ")


def test_a_name_that_is_unique_is_the_label_in_one_query(django_assert_num_queries):
    shoes, hats = create_from_breadcrumbs("Women > Shoes"), create_from_breadcrumbs("Men > Hats")
    with django_assert_num_queries(1):
        found = catalogue.categories_by_id([shoes.pk, hats.pk])
    assert [label(found[category.pk]) for category in (shoes, hats)] == ["Shoes", "Hats"]


def test_names_that_are_shared_come_with_their_parents_in_three_queries(django_assert_num_queries):
    created = [create_from_breadcrumbs(path) for path in ("Women > Shoes", "Men > Shoes", "Men > Hats")]
    with django_assert_num_queries(3):
        found = catalogue.categories_by_id([category.pk for category in created])
    assert [label(found[category.pk]) for category in created] == ["Women > Shoes", "Men > Shoes", "Hats"]


def test_as_many_names_are_said_as_are_needed():
    create_from_breadcrumbs("Women > Sale > Shoes")
    create_from_breadcrumbs("Shoes")
    assert labels("Men > Sale > Shoes", "Women > Sale > Shoes", "Shoes") == [
        "Men > Sale > Shoes",
        "Women > Sale > Shoes",
        "Shoes",
    ]


def test_a_hidden_namesake_does_not_count():
    hidden = create_from_breadcrumbs("Men > Shoes")
    Category.objects.filter(pk=hidden.pk).update(is_public=False)
    assert labels("Women > Shoes") == ["Shoes"]


def test_the_label_of_a_path():
    others = [("Men", "Shoes"), ("Women",)]
    assert path_label(("Women", "Shoes"), others) == f"Women{SEPARATOR}Shoes"
    assert path_label(("Women",), [("Men", "Shoes")]) == "Women"
    assert path_label(("Men", "Shoes"), others) == f"Men{SEPARATOR}Shoes"
