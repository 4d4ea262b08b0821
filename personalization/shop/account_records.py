"""What the shop's own tables hold for the page that shows visitors their data."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Min
from oscar.core.loading import get_model

from personalization.shop import catalogue

Category = get_model("catalogue", "Category")
Order = get_model("order", "Order")
Product = get_model("catalogue", "Product")
UserProductView = get_model("analytics", "UserProductView")
UserSearch = get_model("analytics", "UserSearch")


@dataclass(frozen=True)
class AccountRecords:
    """How much the shop itself stores about a customer, and since when; this app only reads it."""

    orders: int = 0
    first_order: datetime | None = None
    views: int = 0
    searches: int = 0


@dataclass
class CategoryNode:
    """A top category with its children."""

    category: Any
    children: list[Any] = field(default_factory=list)


def account_records(user_id: Any) -> AccountRecords:
    """The numbers of this customer's orders, views and searches in Oscar's tables: three queries."""
    orders = Order.objects.filter(user_id=user_id).aggregate(count=Count("pk"), first=Min("date_placed"))
    views = UserProductView.objects.filter(user_id=user_id).count()
    searches = UserSearch.objects.filter(user_id=user_id).count()
    return AccountRecords(orders["count"], orders["first"], views, searches)


def products_by_id(product_ids: Iterable[int]) -> dict[int, Any]:
    """The browsable ones among these products by key, with what a link to them needs, in one query."""
    rows = Product.objects.browsable().only("pk", "title", "slug", "structure", "parent_id")
    products: dict[int, Any] = rows.in_bulk(list(product_ids))
    return products


def product_titles(product_ids: Iterable[int]) -> dict[int, str]:
    """The titles of the browsable ones among these products by key."""
    return {key: product.get_title() for key, product in products_by_id(product_ids).items()}


def category_titles(category_ids: Iterable[int]) -> dict[int, str]:
    """The names of the browsable ones among these categories by key."""
    return {key: category.label for key, category in catalogue.categories_by_id(category_ids).items()}


def category_nodes() -> list[CategoryNode]:
    """The top two levels of categories that may be an interest, in the shop's order: those that are not sensitive."""
    return list(_category_nodes(catalogue.sensitive_categories()))


def _category_nodes(sensitive: set[int]) -> Iterator[CategoryNode]:
    node = None
    for category in Category.objects.browsable().filter(depth__lte=2).order_by("path"):
        if category.depth == 1:
            node = CategoryNode(category)
            if category.pk not in sensitive:
                yield node
        elif node is not None and category.pk not in sensitive and category.is_child_of(node.category):
            node.children.append(category)
