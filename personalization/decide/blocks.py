"""Which content block a visitor sees in a slot: the first one that is for them, of those by taste the best.

Blocks by taste that stand next to one another in the list are ordered by the visitor's own share of what they are
about; for who buys little of it they are not there. Who is held back, or a stranger, sees what is for everybody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile

from personalization.decide.arms import VisitArms, enter_surface
from personalization.decide.audience import is_for, is_scheduled
from personalization.decide.visit import Visit
from personalization.merchandising.compiled import CompiledRules
from personalization.merchandising.compiled_blocks import Block
from personalization.merchandising.experiments import Choice
from personalization.models import Genome
from personalization.models.credits import BLOCK_SURFACE
from personalization.models.fail_open import fail_open

CONTENT = BLOCK_SURFACE
"""What reports and experiments call the surface of all slots."""
MIN_SHARE = 0.1
"""A block by taste is for those of whose purchases at least this share is of what it is about."""


def choose_block(visit: Visit, slot: str) -> Block | None:
    """The block of a slot for this visit; None where there is none for it. No query but where a segment asks."""
    return _first(_fitting(visit, visit.rules.blocks.get(slot, ())), visit.genome)


def default_block(visit: Visit, slot: str) -> Block | None:
    """The first block of a slot that is for everybody; None where there is none. No query."""
    blocks = visit.rules.blocks.get(slot, ())
    return next((one for one in blocks if one.is_for_everybody and is_shown_at(one, visit.timestamp)), None)


def is_shown_at(block: Block, timestamp: float) -> bool:
    """Whether its schedule, and the rights to its picture, let it be shown at this moment."""
    return is_scheduled(block.schedule, timestamp) and (block.post is None or block.post.may_be_shown(timestamp))


def taste_share(block: Block, genome: Genome) -> float:
    """Which share of what a visitor buys is of what the block is about, in 0..1: of its categories, or of its products,
    whichever is more."""
    of_categories: float = sum(share for key, share, *_rest in genome.categories if key in block.categories)
    weights: dict[int, float] = {key: weight for key, weight, *_rest in genome.products}
    total = sum(weights.values())
    of_products = sum(weights.get(key, 0.0) for key in block.products) / total if total else 0.0
    return min(max(of_categories, of_products), 1.0)


def differs_by_visitor(rules: CompiledRules, slot: str) -> bool:
    """Whether visitors may see different blocks in a slot."""
    return not all(one.is_for_everybody for one in rules.blocks.get(slot, ()))


def enter_slot(visit: Visit, slot: str) -> Visit:
    """The visit as its arms have it in a slot; notes which experiments the slot shows. No query but where a segment
    asks for one."""
    if visit.arms is None:
        return visit
    if differs_by_visitor(visit.arms.shop_rules, slot):
        visit = enter_surface(visit, CONTENT)
    _note_differences(visit, slot)
    return visit


def _note_differences(visit: Visit, slot: str) -> None:
    """Notes which experiments about content blocks this slot shows: those whose arms have different blocks for this
    visit. Each arm works it out in the same way."""
    if visit.arms is None:
        return
    for experiment, arm in visit.arms.on_surface(CONTENT):
        if experiment.is_holdout or experiment.season_id in visit.arms.exposures:
            continue
        with fail_open(f"Whether the arms differ in {slot}", queries=bool(visit.rules.segments)):
            arms = visit.arms
            chosen = {_key_in_arm(visit, arms, effect.choices, slot) for effect in experiment.effects.values()}
            if len(chosen) > 1:
                arms.exposures[experiment.season_id] = arm.arm


def _key_in_arm(visit: Visit, arms: VisitArms, choices: frozenset[Choice], slot: str) -> str:
    block = choose_block(replace(visit, rules=arms.shop_rules.in_arms(choices)), slot)
    return block.key if block else ""


def _fitting(visit: Visit, blocks: Iterable[Block]) -> list[Block]:
    return [
        one
        for one in blocks
        if is_shown_at(one, visit.timestamp)
        and is_for(one.audience, visit)
        and (not one.by_taste or _suits(one, visit))
    ]


def _suits(block: Block, visit: Visit) -> bool:
    return not visit.held_back and taste_share(block, visit.genome) >= MIN_SHARE


def _first(blocks: Sequence[Block], genome: Genome) -> Block | None:
    if not blocks or not blocks[0].by_taste:
        return blocks[0] if blocks else None
    neighbours = takewhile(lambda one: one.by_taste, blocks)
    return max(neighbours, key=lambda one: taste_share(one, genome))  # the first of equals
