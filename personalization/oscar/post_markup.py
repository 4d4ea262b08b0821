"""What the spots in the picture of a shoppable post, and the list of its products beside it, are printed from."""

from collections.abc import Iterable
from dataclasses import dataclass

from personalization.decide.post_spots import ShownSpot
from personalization.oscar.card_markup import Card, card_text
from personalization.shop import catalogue


@dataclass(frozen=True)
class PrintedSpot:
    """A spot with its product."""

    number: int
    """From 1: it stands in the picture, and before the product in the list."""
    x: int
    """Percent from the left."""
    y: int
    """Percent from the top."""
    product_id: int
    card: Card
    offer: catalogue.Offer
    """The product, and its purchase info for this visitor."""
    replaced_title: str = ""
    """The sold-out product for which this one stands; "" for the product itself."""


def print_spots(shown: Iterable[ShownSpot]) -> tuple[PrintedSpot, ...]:
    """The spots of one post, numbered in reading order. No query, and no thumbnail is made."""
    return tuple(
        PrintedSpot(
            number,
            one.spot.x,
            one.spot.y,
            one.offer.product.pk,
            card_text(one.offer.product, one.offer.info),
            one.offer,
            one.replaced_title,
        )
        for number, one in enumerate(shown, 1)
    )
