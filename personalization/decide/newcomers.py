"""A chance for new products: now and then one has the last place of a row that shows what sells.

Without it nobody ever sees what does not sell yet. The chance is a hash of the unit, the day and the row, so that a
page stays as it is all day and in a preview; it is logged with the card, so that what came of it can be weighed.
"""

from dataclasses import replace
from itertools import accumulate

from personalization.decide.layout import LayoutLimits, ProposedRow
from personalization.decide.row_order import is_tried
from personalization.decide.slate import Candidate, Reason, product_ref
from personalization.decide.visit import Visit
from personalization.merchandising.assignment import BUCKETS, bucket_of
from personalization.models.newcomers import NewcomerChance
from personalization.recommenders import DAY

MAX_SEEN_SHARE = 0.02
"""At most this part of the cards that are seen in such rows are there by chance, however short a row is."""


def add_newcomers(rows: list[ProposedRow], visit: Visit, surface: str, limits: LayoutLimits) -> list[ProposedRow]:
    """The rows, some with a new product for the last place. None for who may not be counted, as nothing is learned from
    them, while an experiment runs there, nor where merchants decided what the row holds."""
    chances = visit.rules.newcomers
    is_off = visit.unit is None or visit.held_back or limits.is_requested_size or is_tried(visit, surface)
    if is_off or not chances or not visit.policy.newcomer_share:
        return rows
    return [_with_newcomer(row, visit, surface, row.max_items(limits)) for row in rows]


def _with_newcomer(row: ProposedRow, visit: Visit, surface: str, size: int) -> ProposedRow:
    if not row.type.takes_newcomers or row.has_choice or row.merchandised.acting:
        return row
    share = min(visit.policy.newcomer_share, MAX_SEEN_SHARE * size)
    moment = f"{surface}:{row.reason.key}:{int(visit.timestamp // DAY)}"
    if _chance(visit, f"newcomer:{moment}") >= share:
        return row
    drawn, probability = _draw(visit.rules.newcomers, _chance(visit, f"newcomer-product:{moment}"))
    reason = Reason("new", {"created": drawn.created_at})
    newcomer = Candidate(product_ref(drawn.product_id), 0.0, reason, propensity=share * probability)
    return replace(row, newcomer=newcomer)


def _chance(visit: Visit, salt: str) -> float:
    """Between 0 and 1, the same for this unit and salt at any time."""
    return bucket_of(visit.unit, salt) / BUCKETS if visit.unit is not None else 1.0


def _draw(chances: tuple[NewcomerChance, ...], chance: float) -> tuple[NewcomerChance, float]:
    """One of them, by a number between 0 and 1, and how likely it was."""
    sums = list(accumulate(one.weight for one in chances))
    index = next(number for number, upto in enumerate(sums) if upto > chance * sums[-1])
    return chances[index], chances[index].weight / sums[-1]
