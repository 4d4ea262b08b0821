"""Why a product stands where it does: what counts is named where it moved something."""

import html

import pytest

from tests.dashboard.test_page_traces import preview
from tests.objectives.counting_shop import count, earn

pytestmark = pytest.mark.django_db


def test_the_preview_names_what_moved_a_product_of_a_row_and_of_a_list(admin_client, trained_and_indexed):
    _users, products = trained_and_indexed
    earn(dict.fromkeys(products, 1) | {products[4]: 3})
    shelf = products[0].categories.get().get_absolute_url()
    for page in ("/", shelf):
        assert "What counts moved it" not in html.unescape(preview(admin_client, page).content.decode())
    count({"home": {"margin": 20}, "category": {"margin": 20}})
    for page in ("/", shelf):
        text = html.unescape(preview(admin_client, page).content.decode())
        assert "What counts moved it from place" in text and "Margin." in text
