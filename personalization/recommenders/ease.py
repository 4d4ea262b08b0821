"""EASE: a linear model that predicts each product from all other products of a customer."""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from personalization.recommenders import HistoryArrays, LearningLimits, Neighbours
from personalization.recommenders._cooccurrence import strongest_links
from personalization.recommenders._user_items import UserItems, top_items_per_customer

MAX_PRODUCTS = 2_000
"""The most bought products: the cost grows with the cube of their number."""
LARGEST_MATRIX = 5_000
"""More products are refused."""
BYTES_PER_PAIR = 24
"""The matrix, its inverse, and the numbers of common customers."""
REGULARISATION = 200.0
MAX_ITEMS_PER_CUSTOMER = 500


class Ease:
    """The closed-form solution with L2 regularisation and a zero diagonal. The rows of its matrix are customers, the
    values log(1 + days on which they bought the product). Only positive weights between products that enough customers
    share are kept.

    References
    ----------
    H. Steck: Embarrassingly shallow autoencoders for sparse data. WWW 2019.
    """

    name = "ease"

    def __init__(self, products: int = MAX_PRODUCTS) -> None:
        if products > LARGEST_MATRIX:
            megabytes = BYTES_PER_PAIR * products**2 / 1e6
            raise ValueError(
                f"EASE over {products} products takes {megabytes:.0f} MB; give it {LARGEST_MATRIX} or fewer"
            )
        self.products = products

    def fit(self, history: HistoryArrays, limits: LearningLimits) -> Neighbours:
        customer, product, days = top_items_per_customer(history, MAX_ITEMS_PER_CUSTOMER)
        customers = np.bincount(product, minlength=history.products)
        chosen = np.sort(np.lexsort((np.arange(history.products), -customers))[: self.products])
        chosen = chosen[customers[chosen] >= limits.min_customers]
        if len(chosen) < 2:
            return Neighbours.from_links([], history.products, limits.neighbours_per_product)
        column = np.full(history.products, -1)
        column[chosen] = np.arange(len(chosen))
        included = column[product] >= 0
        shape = (int(customer.max(initial=-1)) + 1, len(chosen))
        entries = (customer[included], column[product[included]])
        weight = _item_weights(sparse.csr_matrix((np.log1p(days[included]).astype(np.float32), entries), shape))
        users = UserItems.from_pairs(*entries, len(chosen), history)
        weight[users.customers_of_both(range(len(chosen))).toarray() < limits.min_customers] = 0
        anchor, other = np.nonzero(weight > 0)
        links = strongest_links(chosen[anchor], chosen[other], weight[anchor, other], limits.neighbours_per_product)
        return Neighbours.from_links([links], history.products, limits.neighbours_per_product)


def _item_weights(bought: sparse.csr_matrix) -> NDArray[np.float64]:
    """How much a product (row) predicts another (column), shape (products, products): at most 1, to five digits, 0 for
    itself."""
    gram = (bought.T @ bought).toarray()
    gram[np.diag_indices_from(gram)] += REGULARISATION
    inverse = linalg.inv(gram.astype(np.float64), overwrite_a=True, check_finite=False)
    weight = -inverse / np.diag(inverse)
    np.fill_diagonal(weight, 0)
    rounded: NDArray[np.float64] = np.round(np.minimum(weight, 1), 5).astype(np.float64)
    return rounded


recommender = Ease()
