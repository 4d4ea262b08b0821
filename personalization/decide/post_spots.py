"""What the spots of shoppable posts lead to for one visitor: the product, or where it is sold out the alternative that
comes closest and can be bought; a spot that leads to nothing is not there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from personalization.decide.product_lookup import ProductLookup
from personalization.decide.visit import Visit
from personalization.merchandising.compiled_blocks import Block
from personalization.merchandising.compiled_posts import Spot
from personalization.models.fail_open import fail_open
from personalization.shop.catalogue import Offer

MAX_ALTERNATIVES = 3
"""How many alternatives of a product are looked at, the closest first."""

MAX_REMEMBERED = 2_000
"""Products that were sold out; a full memory is emptied. It decides nothing: it spares queries."""
_sold_out_before: dict[int, None] = {}


@dataclass(frozen=True)
class ShownSpot:
    """A spot, and the product that it leads to."""

    spot: Spot
    offer: Offer
    replaced_title: str = ""
    """The title of the product in the picture, where it is sold out and this one is its alternative."""


def choose_spots(
    posts: Iterable[Block], visit: Visit, lookup: ProductLookup, alternatives: Callable[[int], Sequence[int]]
) -> dict[int, tuple[ShownSpot, ...]]:
    """By the key of each post, its spots in reading order, each with something that this visitor can buy now, nothing
    twice in one post. All products are looked up at once, with the alternatives of those that were sold out when this
    process last looked; those of what has sold out since, once, by themselves.

    Parameters: `alternatives`, to the key of a product those of the products nearest to it, the closest first.
    """
    spots = {block.id: block.post.spots if block.post else () for block in posts}
    wanted, closest = _products_of(spots.values(), alternatives)
    offers = lookup.sellable(wanted.union(*closest.values()), visit.strategy)
    sold_out = lookup.sold_out(wanted - offers.keys(), visit.strategy)
    if newly := sold_out.keys() - closest.keys():
        closest |= {key: alternatives(key)[:MAX_ALTERNATIVES] for key in newly}
        with fail_open("The alternatives of what has sold out"):
            offers |= lookup.sellable(set().union(*(closest[key] for key in newly)), visit.strategy)
    _remember(wanted, sold_out)
    return {key: tuple(_fill_spots(some, offers, sold_out, closest)) for key, some in spots.items()}


def products_of_posts(posts: Iterable[Block], alternatives: Callable[[int], Sequence[int]]) -> set[int]:
    """The keys of all products that `choose_spots` will look at first, with which others can be looked up."""
    wanted, closest = _products_of((block.post.spots for block in posts if block.post), alternatives)
    return wanted.union(*closest.values())


def _products_of(
    spots: Iterable[Sequence[Spot]], alternatives: Callable[[int], Sequence[int]]
) -> tuple[set[int], dict[int, Sequence[int]]]:
    """The products of spots, and the alternatives of those that were sold out when this process last looked."""
    wanted = {one.product for some in spots for one in some}
    return wanted, {key: alternatives(key)[:MAX_ALTERNATIVES] for key in wanted & _sold_out_before.keys()}


def _remember(wanted: Iterable[int], sold_out: Mapping[int, Offer]) -> None:
    for key in wanted:
        _sold_out_before.pop(key, None)
    if len(_sold_out_before) >= MAX_REMEMBERED:
        _sold_out_before.clear()
    _sold_out_before.update(dict.fromkeys(sold_out))


def _fill_spots(
    spots: Sequence[Spot],
    offers: Mapping[int, Offer],
    sold_out: Mapping[int, Offer],
    closest: Mapping[int, Sequence[int]],
) -> Iterable[ShownSpot]:
    taken = {one.product for one in spots}
    for spot in spots:
        if spot.product in offers:
            yield ShownSpot(spot, offers[spot.product])
        elif spot.product in sold_out:
            chosen = next((key for key in closest[spot.product] if key in offers and key not in taken), None)
            if chosen is not None:
                taken.add(chosen)
                yield ShownSpot(spot, offers[chosen], sold_out[spot.product].product.get_title())
