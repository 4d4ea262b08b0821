"""Lists in Oscar's own markup that are reported like rows of ours: the page of a search or a category, and the menu.

Oscar's cards carry no keys, and its templates are not ours. The page says which link leads to which item, and
`seen.js` finds the cards by their links.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.http import HttpRequest

from personalization import report_tokens
from personalization.collect.impression_tokens import PRODUCT
from personalization.decide.slate import PlacedBy
from personalization.oscar import visits
from personalization.shop.currencies import foreign_currencies


class ListSlate(NamedTuple):
    """What the page says of such a list."""

    token: str
    item_kind: str
    links: str
    """The key and the path of each item, in their order, all with a space between them."""


def list_slate(
    request: HttpRequest,
    surface: str,
    row: str,
    items: Sequence[tuple[int, str]],
    *,
    reasons: Sequence[str] = (),
    placements: Mapping[int, PlacedBy] | None = None,
    teams: Mapping[int, str] | None = None,
    start: int = 0,
    item_kind: str = PRODUCT,
    products: Iterable[Any] = (),
) -> ListSlate | None:
    """What a page says of a list, for a visitor who agreed; else None. No query that the beacon does not need anyway.

    Parameters
    ----------
    items
        (primary key, path of its page) of each, as they stand on the page.
    surface, row, reasons, placements, teams, start, item_kind
        as in `report_tokens.list_token`.
    products
        those of a list of products, with their stock records, for the currencies of their prices.
    """
    visit = visits.tracked_visit(request) if items else None
    keys = [key for key, _ in items]
    currencies = foreign_currencies(products, visit.strategy) if visit is not None else {}
    token = report_tokens.list_token(
        visit,
        surface,
        row,
        keys,
        reasons=reasons,
        placements=placements,
        teams=teams,
        start=start,
        item_kind=item_kind,
        currencies=currencies,
    )
    return ListSlate(token, item_kind, " ".join(f"{key} {path}" for key, path in items)) if token else None
