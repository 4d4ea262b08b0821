"""What goes with a product more than with others: distinctive pairs, for rows that say "goes with"."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from personalization.recommenders import (
    DAY,
    GUEST,
    BlockPlan,
    BlockRecommender,
    HistoryArrays,
    LearningLimits,
    ProductLinks,
    distinct_pairs,
)
from personalization.recommenders._complement_order import order_links
from personalization.recommenders._cooccurrence import (
    PAIRS_PER_BLOCK,
    GroupRuns,
    cap_basket_size,
    cut_into_blocks,
    pairs_within_groups,
    strongest_links,
)
from personalization.recommenders._user_items import UserItems, top_items_per_customer

PRIOR_COUNT = 1.0
"""Expected baskets that are added to both sides of a lift, at the lift of the level above: a pair of which little is
known counts as its categories do."""
CUSTOMER_LIFT_EXPONENT = 1.5
"""How much it counts that the customers of one product buy the other, too, in whatever order."""
MIN_DEVIATIONS = {"products": 1.05, "product_and_category": 1.15, "categories": 2.05}
"""A pair is beyond chance from this many standard deviations on; the coarser what is known of it, the more."""
PRODUCTS_PER_CATEGORY = 20
"""Of a category that goes with a product, at most this many of its best-selling products are considered."""
ORDERS_PER_CUSTOMER = 5
"""Of a customer as many products count as in this many orders of the largest size that counts."""
EXPECTED_PAIRS_PER_PRODUCT = 1_000
"""Cost of a product apart from its baskets, in pairs, for blocks of even size."""


@dataclass(frozen=True)
class _Baskets:
    """Baskets as a weighted incidence matrix, and how often chance alone puts two products in one of them."""

    incidence: sparse.csr_matrix
    """Shape (products, baskets): 1 where the product is in the basket."""
    weighted: sparse.csr_matrix
    """Its transpose, each basket with its weight."""
    members: sparse.csr_matrix
    """Shape (products, categories): 1 for the leaf category of the product."""
    degree: NDArray[np.float64]
    """Shape (products,): the weight of all pairs that the product is in."""
    category_degree: NDArray[np.float64]
    """The sum of the degrees of its products, for each category."""

    def deviations(self, observed: NDArray[Any], expected: NDArray[Any]) -> NDArray[np.float64]:
        """How many standard deviations a count is above what chance gives."""
        above: NDArray[np.float64] = (observed - expected) / np.sqrt(expected + 1)
        return above

    def expected(self, one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
        """The weight of the baskets with both, of these degrees, if products fell into baskets of these sizes by
        chance."""
        by_chance: NDArray[np.float64] = one * other / max(float(self.degree.sum()), 1e-9)
        return by_chance


@dataclass(frozen=True)
class _CategoryLinks:
    """What is known of pairs of categories, or of products with categories: shape (either, categories)."""

    lift: sparse.csr_matrix
    """Where enough customers put both in one basket."""
    clear: sparse.csr_matrix
    """1 where the lift is beyond chance."""


@dataclass(frozen=True)
class _CategoryProducts:
    """The best-selling products of each category."""

    product: NDArray[np.int64]
    """One category after the other, each category's best first."""
    start: NDArray[np.int64]
    """Where each category begins, and where the last one ends."""


@dataclass(frozen=True)
class _Lines:
    """The products of the baskets: one entry for each product in a basket."""

    basket: NDArray[np.int64]
    """0, 1, ..."""
    product: NDArray[np.int64]
    customer: NDArray[np.int64]
    """Who bought the basket, or GUEST."""
    category: NDArray[np.int64]
    """The product's leaf category, or -1."""


@dataclass(frozen=True)
class _Customers:
    """Which customers bought which products, and how many of both there would be by chance."""

    items: UserItems
    degree: NDArray[np.float64]
    """Shape (products,): the sum over its customers of what else they bought."""


@dataclass(frozen=True)
class _Counts:
    """All that the blocks work on."""

    pairs: GroupRuns
    """The pairs of products in baskets, to count the customers behind them."""
    with_categories: GroupRuns
    """Pairs of a product with the categories of its basket, which are numbered from the number of products on."""
    baskets: _Baskets
    categories: _CategoryLinks
    customers: _Customers
    best: _CategoryProducts
    leaf_category: NDArray[np.int64]


class Complements(BlockRecommender):
    """Lift of two products in baskets, over a null model that knows the sizes of the baskets, shrunken towards the lift
    of the product with the other's category, and that towards the lift of the two categories; a basket weighs
    half after `purchase_half_life_days`, and a large one less. What is beyond chance is ranked as `_complement_order`
    says. Two products of one leaf category are linked by their own baskets only.

    A pair that too few customers bought is known by its categories alone, so that what goes with mustard goes with
    each mustard. Of rows only: rankers do not see it, as what completes a basket best is `bought_together`.

    References
    ----------
    M. E. J. Newman: Modularity and community structure in networks. PNAS 103(23), 2006 (the null model).
    W. DuMouchel: Bayesian data mining in large frequency tables. The American Statistician 53(3), 1999 (shrinkage).
    """

    name = "complements"
    is_ranking_feature = False

    def __init__(self, pairs_per_block: int = PAIRS_PER_BLOCK) -> None:
        self.pairs_per_block = pairs_per_block

    def plan(self, history: HistoryArrays, limits: LearningLimits) -> BlockPlan:
        order, product = distinct_pairs(history.order, history.product)
        order, product = cap_basket_size(order, product, limits.max_order_products)
        customer, ordered_at = _by_order(history)
        leaf_category = history.catalogue.leaf_category.astype(np.int64)
        orders, basket = np.unique(order, return_inverse=True)
        lines = _Lines(basket, product.astype(np.int64), customer[order], leaf_category[product])
        baskets = _weigh_baskets(history, lines, ordered_at[orders], limits)
        sold = history.bounded_customer_counts(history.customer != GUEST) >= limits.min_customers
        counts = _Counts(
            pairs=pairs_within_groups(basket, product, customer[order], history.established, history.products),
            with_categories=_pair_with_categories(lines, leaf_category, history.established),
            baskets=baskets,
            categories=_link_categories(baskets, lines, history.established, limits),
            customers=_bought_by_customers(history, limits),
            best=_best_of_categories(leaf_category, baskets.degree, sold),
            leaf_category=leaf_category,
        )
        blocks = self._blocks(counts.pairs, history.products)
        return BlockPlan(_complement_links, (counts, limits), blocks, history.products, limits.neighbours_per_product)

    def _blocks(self, runs: GroupRuns, products: int) -> list[range]:
        """Ranges of products, of all of them, as their categories may be linked where they themselves are not."""
        cost = np.bincount(runs.anchor, runs.size, products) + EXPECTED_PAIRS_PER_PRODUCT
        numbers = np.arange(products)
        cut = cut_into_blocks(numbers, cost, self.pairs_per_block)
        return [range(int(numbers[part][0]), int(numbers[part][-1]) + 1) for part in cut]


def _by_order(history: HistoryArrays) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The customer and the moment of each order."""
    orders = int(history.order.max(initial=-1)) + 1
    customer, ordered_at = np.full(orders, GUEST), np.zeros(orders)
    customer[history.order] = history.customer
    ordered_at[history.order] = history.ordered_at
    return customer, ordered_at


def _weigh_baskets(
    history: HistoryArrays, lines: _Lines, ordered_at: NDArray[np.float64], limits: LearningLimits
) -> _Baskets:
    basket, product = lines.basket, lines.product
    size = np.bincount(basket, minlength=len(ordered_at)).astype(np.float64)
    age = (history.now - ordered_at) / DAY
    weight = 0.5 ** (age / limits.purchase_half_life_days) / np.sqrt(np.maximum(size - 1, 1))
    weight = np.round(weight * len(weight) / max(float(weight.sum()), 1e-9), 9)
    shape = (history.products, len(ordered_at))
    incidence = sparse.csr_matrix((np.ones(len(basket)), (product, basket)), shape)
    category = history.catalogue.leaf_category
    has_category = np.flatnonzero(category >= 0)
    members = sparse.csr_matrix(
        (np.ones(len(has_category)), (has_category, category[has_category])),
        (history.products, int(category.max(initial=-1)) + 1),
    )
    degree = incidence @ (weight * (size - 1))
    return _Baskets(
        incidence, (incidence @ sparse.diags(weight)).T.tocsr(), members, degree, np.asarray(members.T @ degree)
    )


def _basket_categories(lines: _Lines) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(basket, category), each category of a basket once."""
    has_category = lines.category >= 0
    basket, category = distinct_pairs(lines.basket[has_category], lines.category[has_category])
    return basket, category


def _pair_with_categories(lines: _Lines, leaf_category: NDArray[np.int64], established: NDArray[np.bool_]) -> GroupRuns:
    group, category = _basket_categories(lines)
    size = np.bincount(group, minlength=int(lines.basket.max(initial=-1)) + 1)
    start = np.cumsum(size) - size
    by_product = np.argsort(lines.product, kind="stable")
    basket = lines.basket[by_product]
    return GroupRuns(
        anchor=lines.product[by_product],
        customer=lines.customer[by_product].astype(np.int64),
        start=start[basket],
        size=size[basket],
        other=category + len(leaf_category),
        established=established,
        products=len(leaf_category) + int(leaf_category.max(initial=-1)) + 1,
    )


def _link_categories(
    baskets: _Baskets, lines: _Lines, established: NDArray[np.bool_], limits: LearningLimits
) -> _CategoryLinks:
    count = len(baskets.category_degree)
    shape = (count, count)
    customer_of = np.full(int(lines.basket.max(initial=-1)) + 1, GUEST)
    customer_of[lines.basket] = lines.customer
    basket, category = _basket_categories(lines)
    if not len(basket):
        return _CategoryLinks(sparse.csr_matrix(shape), sparse.csr_matrix(shape))
    runs = pairs_within_groups(basket, category, customer_of[basket], established, count)
    one, other = _supported_pairs(runs, limits)
    together = (baskets.weighted @ baskets.members).T @ (baskets.incidence.T @ baskets.members)
    observed = _values_at(together.tocsr(), one, other)
    expected = baskets.expected(baskets.category_degree[one], baskets.category_degree[other])
    lift = (observed + PRIOR_COUNT) / (expected + PRIOR_COUNT)
    clear = baskets.deviations(observed, expected) >= MIN_DEVIATIONS["categories"]
    return _CategoryLinks(
        sparse.csr_matrix((lift, (one, other)), shape),
        sparse.csr_matrix((np.ones(clear.sum()), (one[clear], other[clear])), shape),
    )


def _supported_pairs(runs: GroupRuns, limits: LearningLimits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pairs with enough customers behind them. In blocks, as those of all baskets at once would take gigabytes."""
    counted = map(runs.pairs, runs.blocks(PAIRS_PER_BLOCK))
    supported = [np.stack([one.anchor, one.other])[:, one.customers >= limits.min_customers] for one in counted]
    anchor, other = np.concatenate(supported, axis=1)
    return anchor, other


def _best_of_categories(
    leaf_category: NDArray[Any], degree: NDArray[Any], supported: NDArray[np.bool_]
) -> _CategoryProducts:
    products = np.flatnonzero(supported & (leaf_category >= 0))
    products = products[np.lexsort((products, -degree[products], leaf_category[products]))]
    categories = np.arange(int(leaf_category.max(initial=-1)) + 2)
    first = np.searchsorted(leaf_category[products], leaf_category[products])
    products = products[np.arange(len(products)) - first < PRODUCTS_PER_CATEGORY]
    return _CategoryProducts(products, np.searchsorted(leaf_category[products], categories))


def _bought_by_customers(history: HistoryArrays, limits: LearningLimits) -> _Customers:
    customer, product, _ = top_items_per_customer(history, ORDERS_PER_CUSTOMER * limits.max_order_products)
    items = UserItems.from_pairs(customer, product, history.products, history)
    return _Customers(items, items.by_product @ (np.bincount(customer, minlength=items.by_customer.shape[0]) - 1.0))


def _complement_links(block: range, counts: _Counts, limits: LearningLimits) -> ProductLinks:
    """1. What is known of the pairs of a product with a category, and else of their two categories.
    2. The candidates: what was bought with the product by enough customers, and the best of the categories that clearly
       go with it.
    3. Their lift, and whether it is beyond chance.
    """
    rows, baskets, leaf_category = slice(block.start, block.stop), counts.baskets, counts.leaf_category
    together = (baskets.incidence[rows] @ baskets.weighted).tocsr()
    links = _category_links(block, counts, (together @ baskets.members).tocsr(), limits)
    products = len(leaf_category)
    pairs = counts.pairs.pairs(block)
    enough = pairs.customers >= limits.min_customers
    supported = pairs.anchor[enough] * products + pairs.other[enough]
    candidates = np.union1d(supported, _expand(links.clear, block, counts.best, products))
    anchor, other = candidates // products, candidates % products
    own = np.isin(candidates, supported)
    fits = own | (leaf_category[anchor] != leaf_category[other])
    anchor, other, own = anchor[fits], other[fits], own[fits]
    category = np.maximum(leaf_category[other], 0)
    by_category = (leaf_category[other] >= 0) & (leaf_category[anchor] != leaf_category[other])
    prior = np.where(by_category, _values_at(links.lift, anchor - block.start, category), 0)
    prior *= _customer_lift(block, counts.customers, anchor, other, limits) ** CUSTOMER_LIFT_EXPONENT
    observed = _values_at(together, anchor - block.start, other)
    expected = baskets.expected(baskets.degree[anchor], baskets.degree[other])
    shrunken = (observed + PRIOR_COUNT * np.where(prior > 0, prior, 1)) / (expected + PRIOR_COUNT)
    lift = np.where(own, shrunken, prior)
    clear = own & (baskets.deviations(observed, expected) >= MIN_DEVIATIONS["products"])
    clear |= by_category & (_values_at(links.clear, anchor - block.start, category) > 0)
    kept = clear & (lift >= 1)
    anchor, other, lift = anchor[kept], other[kept], lift[kept]
    weight = order_links(anchor, leaf_category[other], lift, baskets.degree[other])
    return strongest_links(anchor, other, weight, limits.neighbours_per_product)


def _extend_links(categories: _CategoryLinks, leaf_category: NDArray[np.int64]) -> _CategoryLinks:
    """The links of the categories of some products, of shape (these products, categories)."""
    row = np.flatnonzero(leaf_category >= 0)
    shape = (len(leaf_category), categories.lift.shape[0])
    belongs = sparse.csr_matrix((np.ones(len(row)), (row, leaf_category[row])), shape)
    return _CategoryLinks((belongs @ categories.lift).tocsr(), (belongs @ categories.clear).tocsr())


def _category_links(
    block: range, counts: _Counts, together: sparse.csr_matrix, limits: LearningLimits
) -> _CategoryLinks:
    """The links of a block's products with categories: their own where enough customers bought them together, else
    those of the two categories. `together` holds the weight of their baskets."""
    baskets = counts.baskets
    known = _extend_links(counts.categories, counts.leaf_category[block.start : block.stop])
    pairs = counts.with_categories.pairs(block)
    enough = pairs.customers >= limits.min_customers
    row, category = pairs.anchor[enough] - block.start, pairs.other[enough] - len(baskets.degree)
    observed = _values_at(together, row, category)
    expected = baskets.expected(baskets.degree[row + block.start], baskets.category_degree[category])
    prior = _values_at(known.lift, row, category)
    own = (observed + PRIOR_COUNT * prior) / (expected + PRIOR_COUNT)
    clear = baskets.deviations(observed, expected) >= MIN_DEVIATIONS["product_and_category"]
    refined = sparse.csr_matrix((own - prior, (row, category)), known.lift.shape)
    also_clear = sparse.csr_matrix((np.ones(clear.sum()), (row[clear], category[clear])), known.clear.shape)
    return _CategoryLinks((known.lift + refined).tocsr(), (known.clear + also_clear).tocsr())


def _expand(clear: sparse.csr_matrix, block: range, best: _CategoryProducts, products: int) -> NDArray[np.int64]:
    """The block's products with the best of each category that clearly goes with them, as anchor * products + other."""
    links = clear.tocoo()
    start, size = best.start[links.col], best.start[links.col + 1] - best.start[links.col]
    offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    anchor = np.repeat(links.row.astype(np.int64) + block.start, size)
    pairs: NDArray[np.int64] = anchor * products + best.product[np.repeat(start, size) + offset]
    return pairs


def _customer_lift(
    block: range, customers: _Customers, anchor: NDArray[Any], other: NDArray[Any], limits: LearningLimits
) -> NDArray[np.float64]:
    """How many customers bought both, as a multiple of chance; 1 where too few did."""
    shared = _values_at(customers.items.customers_of_both(block), anchor - block.start, other)
    expected = customers.degree[anchor] * customers.degree[other] / max(float(customers.degree.sum()), 1e-9)
    return np.where(shared >= limits.min_customers, (shared + 2 * PRIOR_COUNT) / (expected + 2 * PRIOR_COUNT), 1.0)


def _values_at(matrix: sparse.csr_matrix, row: NDArray[Any], column: NDArray[Any]) -> NDArray[np.float64]:
    """The entries of a sparse matrix at these places; 0 where it has none."""
    if not len(row) or not matrix.nnz:
        return np.zeros(len(row))
    matrix.sum_duplicates()  # which sorts it: else scipy looks through a whole row for each entry
    values: NDArray[np.float64] = np.asarray(matrix[row, column], np.float64).ravel()
    return values


recommender = Complements()
