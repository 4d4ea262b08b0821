"""The numbers that a decision goes by. They travel in the visit, so that a preview or a back-test changes them by
giving another policy."""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Policy:
    """What a shop decides about decisions. Where a setting has the name of a field in upper case, it has the same
    default and is described in `conf.Settings`."""

    row_size: int = 6
    """Products in a row."""
    max_personal_rows: int = 3
    """Personal rows above the generic ones."""
    max_home_rows: int = 6
    """Rows on a page that is all ours."""
    min_relative_use: float = 0.2
    """On a page that is all ours, a row that is not personal goes when this customer is expected to buy less of what it
    adds to the page than this part of what they are expected to buy from their best row. Strangers see all rows."""
    max_page_rows: int = 3
    """Rows on one of Oscar's own pages."""
    row_order_max_shift: int = 2
    """Positions that a row which is not personal may move by what was learned; 0 keeps the shop's order."""
    newcomer_share: float = 0.1
    """Of the rows that show what sells, this part has a new product in its last place; 0 for none."""
    demote_after_views: int = 5
    """A product that a visitor saw so often and never touched stands behind the others of its row; 0 for never."""
    store_preference: int = 10
    """Percent of the first candidates of a row by which what the visitor's store has moves up."""
    add_on_min_probability: float = 0.12
    """Of being bought with the basket, 0 to 1."""
    max_order_products: int = 100
    """At most this many products of a basket are considered."""
    popularity_window_days: int = 28
    """Over which the snapshot counted who bought a product."""
    new_product_days: int = 60
    dismissal_days: int = 60
    """How long a dismissed product, category or row stays away."""
    max_interest_questions: int = 3
    """Categories that a visitor is asked about."""
    interest_categories: tuple[int, ...] = ()
    """The primary keys of these; none for the largest."""
    min_repurchase_rate: float = 0.2
    """A product is offered again after one purchase when at least this share of its customers bought it again."""
    rerank_strength: int = 100
    """Percent of the way from the engine's order of a list to the visitor's own."""
    rerank_window: int = 200
    """The first hits of the search engine are reranked, this many."""
    menu_max_shift: int = 0
    """Positions that a top category may move in the menu."""
    menu_pinned_categories: tuple[int, ...] = ()
    """The primary keys of the top categories that do not move."""


DEFAULT_POLICY = Policy()
"""The policy of a shop that has set nothing."""


def policy_from_settings(settings: Any) -> Policy:
    """The policy of the settings in force, for the doors where a visit is made.

    Parameters: `settings`, a `conf.Settings`; decisions themselves read none.
    """
    try:
        return _cached_policy(settings)
    except TypeError:  # a list among them has no hash
        return _make_policy(settings)


@lru_cache(16)
def _cached_policy(settings: Any) -> Policy:
    return _make_policy(settings)


def _make_policy(settings: Any) -> Policy:
    values: dict[str, Any] = {}
    for field in fields(Policy):
        value = getattr(settings, field.name.upper(), field.default)
        values[field.name] = tuple(value) if isinstance(value, list) else value
    return Policy(**values)
