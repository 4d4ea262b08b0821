"""Pages of the shop that stand for all of their kind, where staff look at what shoppers would see."""

from oscar.core.loading import get_model

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")


def newest_product_address() -> str:
    """The address of the page of the newest product; "" where the shop has none."""
    found = Product.objects.browsable().order_by("-date_created", "-pk").first()
    return found.get_absolute_url() if found else ""


def first_category_address() -> str:
    """The address of the page of the first category that may be browsed; "" where there is none."""
    found = Category.objects.browsable().order_by("path").first()
    return found.get_absolute_url() if found else ""
