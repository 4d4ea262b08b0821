"""Seven products with titles and categories, as a snapshot knows them."""

import numpy as np

from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.train.search_vocabulary import CatalogueNames, vocabulary_arrays

TITLES = [
    "Egg nog, 1 qt",
    "Large eggs, 12 ct (own brand)",
    "White milk, 1 gal",
    "Chocolate milk, 1 pint",
    "Ice cream, 1 pint",
    "Running shoes",
    "Running shoes",
]
NOG, EGGS, MILK, CHOCOLATE_MILK, ICE_CREAM, KIDS_SHOES, MENS_SHOES = range(7)
LEAF_NAMES = ["Milk & cream", "Eggs", "Ice cream", "Shoes", "Shoes"]
LEAF_PATHS = ["Dairy Milk & cream", "Dairy Eggs", "Frozen Ice cream", "Kids Shoes", "Men Shoes"]
LEAF_CATEGORY = np.array([0, 1, 0, 0, 2, 3, 4], np.int32)


def grocery_arrays(customers=(0, 50, 90, 20, 10, 5, 5)) -> SnapshotArrays:
    names = CatalogueNames(TITLES, LEAF_NAMES, LEAF_PATHS)
    words = vocabulary_arrays(names, LEAF_CATEGORY, np.array(customers))
    return SnapshotArrays({**words, "product.leaf_category": LEAF_CATEGORY, "product.id": np.arange(7)})
