"""What is learned by counting rows, as SQL: one text a stage, for an engine that counts by SQL (`spark_engine`). The
recommenders of the same names count the same with numpy, and both give the same rows, to the last digit.

Numbers are rounded before they are ranked, by the rule of `numpy.round` (RINT of the multiple), and ties are broken
by product, so that no engine's own sequence shows.

Views: `purchases` (customer, NULL for guests; order_key; product_key; ordered_at) and `numbered_products` (product,
product_key), as `history_files` writes them. Parameters: `:now`, and the fields of `LearningLimits`.
"""

from personalization.recommenders import DAY, NEWCOMER_DAYS, YOUNG_SHOP_DAYS
from personalization.recommenders._cooccurrence import DAMPING
from personalization.recommenders.bought_together import POPULARITY_EXPONENT

HASHED_PRODUCT = "PMOD(product * 2654435761L, 4294967296L)"
"""As in `cap_basket_size` and `top_items_per_customer`: chooses products of no particular age."""

LINES = f"""
SELECT customer,
       CASE WHEN customer IS NULL THEN order_key END AS guest_order,
       order_key,
       CAST(product AS BIGINT) AS product,
       ordered_at,
       CAST(FLOOR(ordered_at / {DAY}D) AS BIGINT) AS day
FROM purchases JOIN numbered_products USING (product_key)
WHERE ordered_at <= :now
"""
"""The lines of the history, with the numbers of the products; a guest is another one in each order."""

ESTABLISHED = f"""
SELECT customer,
       MIN(ordered_at) <= :now - {NEWCOMER_DAYS * DAY}D
       OR (SELECT COALESCE(MIN(ordered_at), :now) FROM lines) > :now - {YOUNG_SHOP_DAYS * DAY}D AS is_established
FROM lines WHERE customer IS NOT NULL GROUP BY customer
"""
"""Who is no newcomer, see `HistoryArrays.established`."""

BASKETS = f"""
SELECT order_key, product FROM (
    SELECT order_key, product, ROW_NUMBER() OVER (PARTITION BY order_key ORDER BY {HASHED_PRODUCT}, product) AS place
    FROM (SELECT DISTINCT order_key, product FROM lines))
WHERE place <= :max_order_products
"""
"""The products of each order, not all of a very large one."""

CUSTOMER_PRODUCTS = f"""
SELECT customer, product FROM (
    SELECT customer, product,
           ROW_NUMBER() OVER (PARTITION BY customer ORDER BY days DESC, {HASHED_PRODUCT}, product) AS place
    FROM (SELECT customer, product, COUNT(DISTINCT day) AS days FROM lines
          WHERE customer IS NOT NULL GROUP BY customer, product))
WHERE place <= :max_order_products
"""
"""The products that each customer bought on most days."""

COMMON_VIEWS = {
    "lines": LINES,
    "established": ESTABLISHED,
    "baskets": BASKETS,
    "customer_products": CUSTOMER_PRODUCTS,
}
"""What several stages read, in the sequence in which they need each other."""

LINE_CHECK = """
SELECT COUNT(*) AS lines, COUNT(DISTINCT order_key) AS orders, COUNT(DISTINCT customer) AS customers,
       COALESCE(SUM(product), 0) AS products, COALESCE(SUM(day), 0) AS days FROM lines
"""
"""Tells whether two histories are the same."""


def _bestsellers(condition: str) -> str:
    return f"""
SELECT product, CAST(bought AS DOUBLE) AS score, buyers AS customers FROM (
    SELECT product,
           COUNT(DISTINCT customer) + COUNT(DISTINCT guest_order) AS buyers,
           COUNT(DISTINCT customer, day) + COUNT(DISTINCT guest_order, day) AS bought
    FROM lines WHERE {condition} GROUP BY product)
WHERE buyers >= :min_customers
"""


REPURCHASE_RATE = """
SELECT product, RINT(again / customers * 1e4D) / 1e4D AS score, customers FROM (
    SELECT product, COUNT(*) AS customers, CAST(SUM(CASE WHEN days > 1 THEN 1 ELSE 0 END) AS DOUBLE) AS again
    FROM (SELECT customer, product, COUNT(DISTINCT day) AS days FROM lines
          WHERE customer IS NOT NULL GROUP BY customer, product)
    GROUP BY product)
WHERE customers >= :min_customers
"""


def _strongest_links(weighed_pairs: str) -> str:
    """The closest neighbours of each product, of equally close ones the lower number first."""
    return f"""
SELECT anchor, other, weight FROM (
    SELECT anchor, other, weight,
           ROW_NUMBER() OVER (PARTITION BY anchor ORDER BY CAST(RINT(weight * 1e6D) AS BIGINT) DESC, other) AS place
    FROM ({weighed_pairs}))
WHERE place <= :neighbours_per_product
"""


ENOUGH_CUSTOMERS = "established_customers + LEAST(newcomers, established_customers) >= :min_customers"
"""Newcomers count at most as many as others, see `bounded_sum`."""

BOUGHT_TOGETHER = _strongest_links(f"""
WITH order_counts AS (SELECT product, CAST(COUNT(*) AS DOUBLE) AS orders FROM baskets GROUP BY product),
order_customers AS (SELECT order_key, MAX(customer) AS customer FROM lines GROUP BY order_key),
named_baskets AS (
    SELECT order_key, product, customer, is_established
    FROM baskets JOIN order_customers USING (order_key) LEFT JOIN established USING (customer)),
pairs AS (
    SELECT one.product AS anchor, two.product AS other, CAST(COUNT(*) AS DOUBLE) AS times,
           COUNT(DISTINCT CASE WHEN one.is_established THEN one.customer END) AS established_customers,
           COUNT(DISTINCT CASE WHEN NOT one.is_established THEN one.customer END) AS newcomers
    FROM named_baskets one JOIN baskets two ON one.order_key = two.order_key AND one.product <> two.product
    GROUP BY one.product, two.product)
SELECT anchor, other,
       RINT(times / (a.orders * POWER(o.orders, {POPULARITY_EXPONENT}D) + {DAMPING}D) * 1e6D) / 1e6D AS weight
FROM pairs JOIN order_counts a ON a.product = anchor JOIN order_counts o ON o.product = other
WHERE {ENOUGH_CUSTOMERS}
""")

CO_PURCHASED_BY_CUSTOMER = _strongest_links(f"""
WITH customer_counts AS (SELECT product, CAST(COUNT(*) AS DOUBLE) AS customers FROM customer_products GROUP BY product),
known AS (SELECT customer, product, is_established FROM customer_products JOIN established USING (customer)),
pairs AS (
    SELECT one.product AS anchor, two.product AS other,
           SUM(CASE WHEN one.is_established THEN 1 ELSE 0 END) AS established_customers,
           SUM(CASE WHEN one.is_established THEN 0 ELSE 1 END) AS newcomers
    FROM known one JOIN customer_products two ON one.customer = two.customer AND one.product <> two.product
    GROUP BY one.product, two.product)
SELECT anchor, other,
       RINT((established_customers + LEAST(newcomers, established_customers))
            / (SQRT(a.customers * o.customers) + {DAMPING}D) * 1e6D) / 1e6D AS weight
FROM pairs JOIN customer_counts a ON a.product = anchor JOIN customer_counts o ON o.product = other
WHERE {ENOUGH_CUSTOMERS}
""")

SCORE_STAGES = {
    "all_time_popular": _bestsellers("TRUE"),
    "popular": _bestsellers(f"ordered_at > :now - :popularity_window_days * {DAY}D"),
    "repurchase_rate": REPURCHASE_RATE,
}
"""By recommender: product, score, customers."""
LINK_STAGES = {"bought_together": BOUGHT_TOGETHER, "co_purchased_by_customer": CO_PURCHASED_BY_CUSTOMER}
"""By recommender: anchor, other, weight."""
