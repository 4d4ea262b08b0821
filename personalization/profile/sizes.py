"""The sizes that customers usually buy: worked out from lines of their orders that they kept, and nothing else."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from personalization.models import Visitor
from personalization.shop import catalogue, sizes

MIN_KEPT_LINES = 2
"""One line may be somebody else's, or a mistake that nobody sent back."""
MAX_SIZES = 40


def usual_sizes(since: Mapping[Any, float], now: float) -> dict[Any, list[list[Any]]]:
    """The rows of `Genome.sizes` of these customers, from what they bought after their moment and up to `now`, both in
    seconds since 1970. Sensitive products, gifts, and what a customer said not to remember are left out."""
    kept = [one for one in sizes.kept_sizes(since) if since[one.user_id] < one.ordered_at <= now]
    if not kept:
        return {}
    sensitive = catalogue.sensitive_products({one.product for one in kept})
    refused = Visitor.objects.refused_sizes({one.user_id for one in kept})
    moments: dict[tuple[Any, int, str], list[float]] = defaultdict(list)
    for one in kept:
        if one.product not in sensitive and (one.user_id, one.attribute) not in refused:
            moments[one.user_id, one.attribute, one.size].append(one.ordered_at)
    found: dict[Any, list[list[Any]]] = defaultdict(list)
    for (user, attribute, size), ordered in moments.items():
        if len(ordered) >= MIN_KEPT_LINES:
            found[user].append([attribute, size, len(ordered), max(ordered)])
    return {user: sorted(rows, key=lambda row: (row[0], -row[2], row[1]))[:MAX_SIZES] for user, rows in found.items()}
