"""One product with all that the screen about it needs, hidden or not."""

from typing import Any

from django.db.models import Q
from oscar.core.loading import get_model

from personalization.shop.card_columns import SENSITIVE, standing_sensitive_column

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")


def product_with_parent(product_id: int) -> Any | None:
    """The product of this key, hidden or not, with its parent, its type, its stock, and whether it or its parent
    `is_sensitive`; None when there is none. Two queries."""
    rows = Product.objects.filter(pk=product_id).select_related("product_class", "parent__product_class")
    product = rows.annotate(**standing_sensitive_column()).prefetch_related("stockrecords").first()
    if product is not None:
        product.is_sensitive = product.exclusion == SENSITIVE
    return product


def categories_of_product(product_id: int) -> list[Any]:
    """The public categories of a product, the deepest first; those of its parent for a child's. One query."""
    rows = Category.objects.browsable().filter(Q(product=product_id) | Q(product__children=product_id))
    return list(
        rows.distinct().order_by("-depth", "path").only("path", "depth", "slug", "name", "ancestors_are_public")
    )
