"""What is no number is no price, no size and no score, and never gets into a snapshot that serves."""

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from oscar.apps.partner.strategy import Selector

from personalization import plugins
from personalization.models import Snapshot, snapshot_files
from personalization.recommenders import ProductScores
from personalization.shop import catalogue
from personalization.train.product_sizes import UNKNOWN, read_size
from personalization.train.run import run_training
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


class Careless:
    """A recommender of a shop that divides by zero."""

    name = "careless"

    def fit(self, history, limits):
        customers = np.full(history.products, limits.min_customers, np.int32)
        return ProductScores(np.full(history.products, np.nan, np.float32), customers)


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="other databases have no such price")
def test_a_price_that_is_no_number_is_no_price():
    shop.even_and_odd()
    product = shop.create_shop_product("Priceless")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE partner_stockrecord SET price = 'NaN' WHERE product_id = %s", [product.pk])
    serving = run_training()
    arrays = snapshot_files.read_snapshot(serving.name, serving.manifest_sha256)
    assert arrays["product.price"][arrays["product.id"] == product.pk].tolist() == [0]
    strategy = Selector().strategy()
    product.refresh_from_db()
    assert catalogue.get_price_amount(catalogue.purchase_info(product, strategy)) is None
    assert catalogue.get_offer(product, strategy) is None


@pytest.mark.parametrize("title", [f"Pen {'9' * 60} oz", f"Pen {'9' * 120} x {'9' * 120} l", f"Pen {'9' * 240} kg"])
def test_a_number_that_is_too_large_for_a_size_is_none(title):
    assert read_size(title) == (UNKNOWN, 0)


def test_a_shop_s_recommender_whose_scores_are_no_numbers_is_named_and_nothing_is_published(monkeypatch):
    shop.even_and_odd()
    before = run_training()
    monkeypatch.setattr(plugins, "_registered", [])
    plugins.register(recommender=Careless())
    with pytest.raises(CommandError, match="Not published: The recommender 'careless' learned numbers that are not"):
        call_command("personalization_train", verbosity=0)
    assert Snapshot.objects.get(is_active=True) == before
    assert snapshot_files.stored_snapshots() == [before.name]
