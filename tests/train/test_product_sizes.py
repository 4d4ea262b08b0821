"""Sizes as titles say them."""

import numpy as np
import pytest

from personalization.train.product_sizes import BULK, PIECES, UNKNOWN, read_size, size_arrays, without_size


@pytest.mark.parametrize(
    ("title", "counts", "amount"),
    [
        ("Yogurt, 6 oz", BULK, 6),
        ("Yogurt, multipack, 4 x 7 oz", BULK, 28),
        ("White milk, 1 gal (own brand)", BULK, 128),
        ("White milk, 1/2 gal", BULK, 64),
        ("Müsli 500g", BULK, 500 / 28.35),
        ("Cola 0,5 l", BULK, 500 / 29.57),
        ("Large eggs, 12 ct", PIECES, 12),
        ("Eier 10 Stück", PIECES, 10),
        ("Limes", UNKNOWN, 0),
        ("Shirt 2XL", UNKNOWN, 0),
        ("1984", UNKNOWN, 0),
    ],
)
def test_a_size_is_read_from_a_title(title, counts, amount):
    assert read_size(title) == (counts, pytest.approx(amount))


def test_titles_that_differ_in_size_only_have_one_stem():
    assert {without_size(title) for title in ("Yogurt, 6 oz", "Yogurt, 32 oz", "yogurt 4 x 7 OZ")} == {"yogurt"}
    assert without_size("Yogurt, 6 oz (own brand)") != without_size("Yogurt, 6 oz")


def test_a_family_lies_within_one_category():
    arrays = size_arrays(["Tea, 20 ct", "Tea, 40 ct", "Tea, 20 ct"], np.array([0, 0, 1], np.int32))
    assert arrays["product.family"].tolist() == [0, 0, 1]
