from collections.abc import Iterable

from django import template
from haystack.models import SearchResult
from oscar.core.loading import get_model

Category = get_model("catalogue", "Category")
ProductCategory = get_model("catalogue", "ProductCategory")

LEVELS = 2
"""Categories further down are too narrow to go on from a search."""

register = template.Library()


@register.simple_tag
def categories_of_results(results: Iterable[SearchResult]) -> list:
    """The categories of the products on a page of a search, in the order of the first product of each; two queries.

    They take the place of facets: Whoosh counts stems ("groceri"), and no ranges of prices.
    """
    keys = [int(result.pk) for result in results or ()]
    memberships = ProductCategory.objects.filter(product__in=keys).values_list("product_id", "category__path")
    paths: dict[int, list[str]] = {}
    for key, path in memberships:
        paths.setdefault(key, []).append(path[: LEVELS * Category.steplen])
    listed = list(dict.fromkeys(path for key in keys for path in paths.get(key, ())))
    found = {category.path: category for category in Category.objects.browsable().filter(path__in=listed)}
    return [found[path] for path in listed if path in found]
