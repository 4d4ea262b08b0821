"""What the shop's own tables say for the page on which visitors see what is known of them."""

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
    """How much the shop itself keeps of a customer, and since when; we only read it."""

    orders: int = 0
    first_order: datetime | None = None
    views: int = 0
    searches: int = 0


@dataclass
class CategoryNode:
    """A category of the top, with those right below it."""

    category: Any
    children: list[Any] = field(default_factory=list)


def account_records(user_id: Any) -> AccountRecords:
    """What Oscar's orders, views and searches hold of this customer: three queries."""
    ordered = Order.objects.filter(user_id=user_id).aggregate(orders=Count("pk"), first=Min("date_placed"))
    views = UserProductView.objects.filter(user_id=user_id).count()
    searches = UserSearch.objects.filter(user_id=user_id).count()
    return AccountRecords(ordered["orders"], ordered["first"], views, searches)


def products_by_id(product_ids: Iterable[int]) -> dict[int, Any]:
    """The browsable ones among these products by key, with what a link to them needs, in one query."""
    return Product.objects.browsable().only("pk", "title", "slug", "structure", "parent_id").in_bulk(list(product_ids))


def product_titles(product_ids: Iterable[int]) -> dict[int, str]:
    """What the browsable ones among these products are called."""
    return {key: product.get_title() for key, product in products_by_id(product_ids).items()}


def category_titles(category_ids: Iterable[int]) -> dict[int, str]:
    """What the browsable ones among these categories are called."""
    return {key: category.name for key, category in catalogue.categories_by_id(category_ids).items()}


def category_nodes() -> list[CategoryNode]:
    """The categories of the two upper levels that may be an interest, in the shop's order: none that is sensitive."""
    return list(_category_nodes(catalogue.sensitive_categories()))


def _category_nodes(sensitive: set[int]) -> Iterator[CategoryNode]:
    shelf = None
    for category in Category.objects.browsable().filter(depth__lte=2).order_by("path"):
        if category.depth == 1:
            shelf = CategoryNode(category)
            if category.pk not in sensitive:
                yield shelf
        elif shelf is not None and category.pk not in sensitive and category.is_child_of(shelf.category):
            shelf.children.append(category)
