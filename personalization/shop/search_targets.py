"""The pages of the shop to which a search may lead: whether they are there, and their addresses."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from oscar.core.loading import get_model

Category = get_model("catalogue", "Category")
ConditionalOffer = get_model("offer", "ConditionalOffer")
Product = get_model("catalogue", "Product")
Range = get_model("offer", "Range")

PageTarget = tuple[str, str]
"""("category", "product", "range" or "offer"; its key) or ("path", the address)"""


_public_pages: Mapping[str, Callable[[], QuerySet[Any]]] = {
    "category": Category.objects.browsable,
    "product": Product.objects.browsable,
    "range": lambda: Range.objects.filter(is_public=True),
    "offer": lambda: ConditionalOffer.active.filter(offer_type=ConditionalOffer.SITE),
}


def missing_targets(targets: Iterable[PageTarget]) -> set[PageTarget]:
    """Those of these pages that are not there for shoppers: one query for each kind that is named."""
    wanted: dict[str, set[str]] = {}
    for kind, key in targets:
        if kind in _public_pages:
            wanted.setdefault(kind, set()).add(key)
    return {
        (kind, key)
        for kind, keys in wanted.items()
        for key in keys - set(map(str, _public_pages[kind]().filter(pk__in=keys).values_list("pk", flat=True)))
    }


def address_of(target: PageTarget) -> str | None:
    """Where a page is now, in the language that is active; None for one that is not there. A query, but for a path."""
    kind, key = target
    if kind == "path":
        return key
    found = _public_pages[kind]().filter(pk=key).first()
    return None if found is None else str(found.get_absolute_url())


def page_choices(kind: str) -> list[tuple[int, str]]:
    """(key, name) of the public Ranges, or of the offers that have a page, by name."""
    return list(_public_pages[kind]().order_by("name").values_list("pk", "name"))
