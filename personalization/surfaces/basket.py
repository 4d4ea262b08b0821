"""The basket: what complements it, what replaces what has sold out; while it is empty, where to begin."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from personalization.decide import scoring
from personalization.decide.slate import Candidate, RowCandidate, RowType
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows.basket_complements import ADD_ONS
from personalization.rows.bestsellers import BESTSELLERS
from personalization.rows.continue_shopping import BECAUSE_YOU_VIEWED
from personalization.rows.purchase_history import BUY_AGAIN, propose_buy_again
from personalization.rows.related_products import REPLACEMENT
from personalization.surfaces import Surface


def rank_basket(visit: Visit, snapshot: SnapshotArrays) -> Iterator[Candidate]:
    """What others and the visitor themselves put in one basket with what is in it."""
    return scoring.sorted_candidates(scoring.score_for_basket(visit, snapshot))


def propose_buy_again_first(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What the customer buys regularly, above what goes with the product that they viewed last."""
    return (replace(row, expected_share=1.0) for row in propose_buy_again(visit, snapshot))


def only_for_empty_basket(row_type: RowType) -> RowType:
    """The row type, which proposes nothing while something is in the basket."""
    propose, fallback = row_type.propose, row_type.fallback

    def propose_rows(visit: Visit, snapshot: SnapshotArrays) -> Iterable[RowCandidate]:
        return propose(visit, snapshot) if propose and not visit.basket else ()

    def propose_fallback_rows(visit: Visit) -> Iterable[RowCandidate]:
        return fallback(visit) if fallback and not visit.basket else ()

    return replace(row_type, propose=propose_rows, fallback=propose_fallback_rows)


surface = Surface(
    name="basket",
    ranking=rank_basket,
    rows=(
        REPLACEMENT,
        ADD_ONS,
        only_for_empty_basket(replace(BUY_AGAIN, propose=propose_buy_again_first)),
        only_for_empty_basket(BECAUSE_YOU_VIEWED),
        only_for_empty_basket(BESTSELLERS),
    ),
    fallback_rows=(only_for_empty_basket(BESTSELLERS),),
)
