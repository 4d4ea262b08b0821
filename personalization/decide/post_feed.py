"""All shoppable posts that are meant for a visitor, those first whose products suit them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from personalization.decide import scoring
from personalization.decide.audience import is_for
from personalization.decide.blocks import is_shown_at
from personalization.decide.visit import Visit
from personalization.merchandising.compiled_blocks import Block
from personalization.rank.scorer import SCORE_DECIMALS
from personalization.rank.snapshot_arrays import SnapshotArrays


@dataclass(frozen=True)
class PostFeed:
    """Posts in the order in which a visitor sees them."""

    posts: tuple[Block, ...] = ()
    is_personal: bool = False
    """Whether the order goes by what the visitor buys."""


def sort_feed(visit: Visit, snapshot: SnapshotArrays | None) -> PostFeed:
    """The posts for this visit: by the mean affinity of the visitor to the products of each; among equals, for
    strangers, and for who is held back, in the order of the merchants' list. No query but where a segment asks."""
    posts = [block for block in _posts_shown(visit) if is_for(block.audience, visit)]
    scores = _post_scores(visit, posts, snapshot) if snapshot is not None and not visit.held_back else {}
    if len({scores.get(block.id, 0.0) for block in posts}) < 2:  # then nothing comes first because of the visitor
        return PostFeed(tuple(posts))
    return PostFeed(tuple(sorted(posts, key=lambda block: -scores.get(block.id, 0.0))), is_personal=True)


def feed_for_everybody(visit: Visit) -> PostFeed:
    """The posts that are for everybody, in the order of the merchants' list; those that are chosen by taste for a slot
    are, too: a feed leaves nobody without. No query."""
    return PostFeed(tuple(block for block in _posts_shown(visit) if block.has_no_audience))


def _posts_shown(visit: Visit) -> Iterator[Block]:
    """All live posts, in the order of the merchants' list."""
    blocks = (block for some in visit.rules.blocks.values() for block in some if block.post is not None)
    for block in sorted(blocks, key=lambda one: (one.place, one.id)):
        if is_shown_at(block, visit.timestamp):
            yield block


def _post_scores(visit: Visit, posts: list[Block], snapshot: SnapshotArrays) -> Mapping[int, float]:
    """By the key of each post the mean of the visitor's affinity to its products, of those that the snapshot knows."""
    keys = sorted({key for block in posts for key in block.products})
    if not keys or not visit.genome.products:
        return {}
    indices = snapshot.product_indices(keys)
    is_known = indices >= 0
    liked = scoring.affinity(visit, snapshot, indices[is_known])
    by_key = dict(zip(np.array(keys)[is_known].tolist(), liked.tolist(), strict=True))
    found = {block.id: [by_key[key] for key in block.products if key in by_key] for block in posts}
    return {key: round(sum(some) / len(some), SCORE_DECIMALS) for key, some in found.items() if some}
