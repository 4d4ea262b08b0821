"""What campaigns do to a list that a search engine or an API client found: what the engine is asked to leave out, and
which products they move and place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from personalization.decide.audience import acting_campaigns, list_surface
from personalization.decide.merchandising import ActingCampaign, Resolution, resolve
from personalization.decide.objectives import order_list
from personalization.decide.trace import NOT_BUYABLE, NOT_WANTED
from personalization.decide.visit import Visit
from personalization.merchandising.compiled import Do, Target

MAX_ENGINE_KEYS = 200
"""An engine is asked to leave out, or to find, at most this many products; others are moved to the end of the list."""


@dataclass(frozen=True)
class EngineFilter:
    """What a search engine is to do for campaigns, so that its count and its facets are right."""

    without: tuple[int, ...] = ()
    """The keys of products that it is not to find."""
    only: tuple[int, ...] = ()
    """It is to find no others than these, if there are any."""

    def __bool__(self) -> bool:
        return bool(self.without or self.only)


NO_FILTER = EngineFilter()


def engine_filter(visit: Visit, *, left_alone: bool = False) -> EngineFilter:
    """What the engine is asked for the list of this page.

    Parameters: `left_alone`, whether the visitor sorted the list otherwise, or by price: then *exclude* alone counts.
    """
    acting = acting_campaigns(visit, list_surface(visit))
    without: set[int] = set()
    for target in _targets(acting, Do.EXCLUDE):
        meant = target.all_products(MAX_ENGINE_KEYS) or frozenset()
        if len(without | meant) <= MAX_ENGINE_KEYS:
            without |= meant
    wanted = [] if left_alone else [target.all_products(MAX_ENGINE_KEYS) for target in _targets(acting, Do.ONLY)]
    listed = [meant for meant in wanted if meant]
    only = reduce(frozenset.intersection, listed) if listed else frozenset()
    return EngineFilter(tuple(sorted(without)), tuple(sorted(only)))


def _targets(acting: Iterable[ActingCampaign], do: Do) -> list[Target]:
    return [action.target for one in acting for action in one.campaign.actions if action.do is do]


def merchandise_list(
    visit: Visit, products: Sequence[int], *, places: int, sold_out: frozenset[int] = frozenset()
) -> Resolution:
    """The products of a list after what counts besides relevance, and after campaigns, as many as before.

    What they exclude, and what is not among their only ones, is at the very end, in case the engine found it
    nevertheless; before it what the visitor does not want to see.

    Parameters
    ----------
    visit
        with its preferences applied.
    products
        the keys of what was found, in the order that it has without campaigns.
    places
        how many places pins and slots may take: those of the first page.
    sold_out
        what is known not to be buyable: it is not placed, unless a pin says so.
    """
    products = order_list(products, visit, list_surface(visit))
    acting = acting_campaigns(visit, list_surface(visit))
    if not acting:
        return Resolution(tuple(products))
    not_wanted = dict.fromkeys(visit.excluded_products.intersection(products), NOT_WANTED)
    resolved = resolve(
        products,
        acting,
        places=places,
        may_not_stand=not_wanted,
        may_not_be_placed=dict.fromkeys(sold_out, NOT_BUYABLE),
        trace=visit.trace is not None,
    )
    standing = set(resolved.order)
    rest = sorted((key for key in products if key not in standing), key=lambda key: key in resolved.removed)
    resolved = replace(resolved, order=(*resolved.order, *rest))
    if visit.trace is not None:
        visit.trace.resolutions.append(resolved)
    return resolved
