"""An app of a shop's adds a row type: it is shown, with its own words."""

from dataclasses import replace

import pytest

from personalization import plugins
from personalization.checks import check_plugins
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


def test_one_that_asks_for_a_surface_that_does_not_exist_is_named_by_check(outside_app):
    plugins.register(row_type=replace(from_large_orders, code="misspelt", surfaces=("hmoe",)))
    (error,) = check_plugins(None)
    assert error.msg.startswith("The row type 'misspelt' asks for the surface 'hmoe'; there are: account, basket, ")


def test_one_that_lacks_its_words_is_named_by_check(monkeypatch):
    monkeypatch.setattr(plugins, "_registered", [])
    plugins.register(row_type=object())
    assert "plugins.register(row_type=...)" in plugins.REGISTRIES["row_type"].errors()[0]
