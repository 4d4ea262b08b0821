"""A slice of the real journey: thirty households and the two hundred best sellers."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils.timezone import now
from haystack import connections

from example_shop.journey import Journey, source

HOUSEHOLDS, PRODUCTS = 30, 200


@pytest.fixture(scope="session")
def journey() -> Journey:
    whole = source.shifted(source.read("small"), now().date() - timedelta(days=1))
    last = whole.lines.groupby("household")["placed"].max()
    chosen = last.sort_values().index[-HOUSEHOLDS:].sort_values()
    of_them = whole.lines["household"].isin(chosen) & (whole.lines["product"] < PRODUCTS)
    return replace(
        whole,
        products=whole.products.head(PRODUCTS),
        lines=whole.lines[of_them].reset_index(drop=True),
        households=whole.households.loc[chosen],
    )


@pytest.fixture
def own_files(tmp_path, settings):
    """The demo's files lie in a folder of the test's own."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    engine = connections.connections_info["default"]
    usual = engine["PATH"]
    engine["PATH"] = str(tmp_path / "search")
    connections.reload("default")
    yield tmp_path
    engine["PATH"] = usual
    connections.reload("default")
