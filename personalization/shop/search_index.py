"""How much of the catalogue the search engine knows."""

from haystack.query import SearchQuerySet
from oscar.core.loading import get_model

Product = get_model("catalogue", "Product")


def count_browsable() -> int:
    """The products that a visitor can find."""
    count: int = Product.objects.browsable().count()
    return count


def count_indexed() -> int | None:
    """The products in the index; None where the engine fails."""
    try:
        return int(SearchQuerySet().models(Product).count())
    except Exception:  # each engine has its own
        return None
