"""An app of a shop's adds a row type: it is shown, with its own words."""

import pytest

from personalization import plugins
from personalization.rows import registered_row_types
from personalization.testing import check_row_type
from tests.plugins.outside.rows import from_large_orders


def test_it_keeps_the_contract(outside_app):
    check_row_type(from_large_orders)


def test_it_is_registered(outside_app):
    assert registered_row_types()["from_large_orders"] is from_large_orders


@pytest.mark.django_db
def test_it_is_shown_on_the_surface_that_it_names(trained, client):
    slate = client.get("/personalization/api/v1/surfaces/home/").json()
    (row,) = (row for row in slate["rows"] if row["type"] == "from_large_orders")
    assert (row["title"], row["reason"]["text"]) == ("For large orders", "Bought in large orders")


def test_one_that_lacks_its_words_is_named_by_check(monkeypatch):
    monkeypatch.setattr(plugins, "_registered", [])
    plugins.register(row_type=object())
    assert "plugins.register(row_type=...)" in plugins.REGISTRIES["row_type"].errors()[0]
