"""The door for content: the block of a slot, and shoppable posts. As `serve`, it always answers and harms no page."""

from collections.abc import Sequence
from functools import partial

from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.arms import enter_surface
from personalization.decide.blocks import CONTENT, choose_block, default_block, enter_slot
from personalization.decide.post_feed import PostFeed, feed_for_everybody, sort_feed
from personalization.decide.post_spots import ShownSpot, choose_spots, products_of_posts
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.visit import Visit
from personalization.merchandising.compiled_blocks import Block
from personalization.models.fail_open import fail_open
from personalization.rows.related_products import closest_alternatives
from personalization.shop import catalogue


def serve_block(slot: str, visit: Visit) -> Block | None:
    """The content block of a slot for this visit; what is for everybody where choosing fails, and None where nothing is
    published for it. No query but where a segment asks for one."""
    if slot not in visit.rules.blocks:
        return None
    with fail_open(f"The content block of {slot}", queries=bool(visit.rules.segments)):
        return choose_block(enter_slot(visit, slot), slot)
    with fail_open(f"The default of {slot}", queries=False):
        return default_block(visit, slot)
    return None


def serve_spots(
    posts: Sequence[Block], visit: Visit, lookup: ProductLookup | None = None
) -> dict[int, tuple[ShownSpot, ...]]:
    """By the key of each shoppable post, what its spots lead to for this visit; none where that fails. Two queries for
    all posts together, two more where one has variants, or has sold out since the last look; none without a spot, or
    where the `lookup` of the page has all their products."""
    if not any(has_spots(one) for one in posts):
        return {}
    lookup = lookup or ProductLookup(look_up=catalogue.products_for_cards)
    alternatives = partial(closest_alternatives, visit, get_active_snapshot())
    with fail_open("The products of posts", queries=not lookup.has_read(products_of_posts(posts, alternatives))):
        return choose_spots(posts, visit, lookup, alternatives)
    return {}


def expect_spots(posts: Sequence[Block], visit: Visit, lookup: ProductLookup) -> None:
    """Has the products of these posts looked up with those of the page's rows, which are decided next."""
    with fail_open("The products of posts", queries=False):
        lookup.expect(products_of_posts(posts, partial(closest_alternatives, visit, get_active_snapshot())))


def has_spots(block: Block) -> bool:
    """Whether it is a post with products in its picture."""
    return block.post is not None and bool(block.post.spots)


def serve_feed(visit: Visit) -> PostFeed:
    """All shoppable posts that are meant for this visit, what suits them first; those for everybody where that fails.
    No query but where a segment asks for one."""
    if not any(visit.rules.blocks.values()):
        return PostFeed()
    with fail_open("The feed of posts", queries=bool(visit.rules.segments)):
        return sort_feed(enter_surface(visit, CONTENT), get_active_snapshot())
    return serve_public_feed(visit)


def serve_public_feed(visit: Visit) -> PostFeed:
    """The shoppable posts that are for everybody, whoever asks. No query."""
    with fail_open("The feed of posts for everybody", queries=False):
        return feed_for_everybody(visit)
    return PostFeed()
