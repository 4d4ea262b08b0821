"""What clicks on content blocks are owed: purchases of what the block was about, in the version that was clicked on."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from personalization.merchandising.posts import spot_products
from personalization.models import Event, Version
from personalization.models.shown_events import ShownEvent
from personalization.shop import product_targets


def clicks_with_products(
    visitor_ids: Iterable[UUID], since: datetime, until: datetime
) -> Iterator[tuple[ShownEvent, frozenset[int]]]:
    """(click, the products that its block was about) of these visitors between two moments.

    A query for the clicks; where there are any, one for the versions and one for each category that they name.
    """
    clicks = list(Event.objects.block_clicks(visitor_ids, since, until))
    meant = _products_of_versions({key for one in clicks if (key := _version_key(one)) is not None})
    for one in clicks:
        key = _version_key(one)
        if key is not None and meant.get(key):
            yield one, meant[key]


def _version_key(click: ShownEvent) -> tuple[int, int] | None:
    """(definition, number of its version), as `Block.key` has it."""
    definition, _colon, number = (click.campaign or "").partition(":")
    return (int(definition), int(number)) if definition.isdecimal() and number.isdecimal() else None


def _products_of_versions(keys: set[tuple[int, int]]) -> Mapping[tuple[int, int], frozenset[int]]:
    if not keys:
        return {}
    by_category: dict[int, frozenset[int]] = {}
    found = {}
    for version in Version.objects.filter(definition_id__in={key for key, _number in keys}):
        if (version.definition_id, version.number) not in keys:
            continue
        products = {*version.document.get("products", ()), *spot_products(version.document)}
        for category in version.document.get("categories", ()):
            if category not in by_category:
                members = product_targets.products_of_category(category)
                by_category[category] = frozenset(() if members is None else members.tolist())
            products |= by_category[category]
        found[version.definition_id, version.number] = frozenset(products)
    return found
