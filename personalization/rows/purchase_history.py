"""What a customer bought, and what follows from it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from personalization.decide import scoring, selection
from personalization.decide.slate import Candidate, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows import bestsellers

MAX_SEEDS = 2
"""At most this many rows "Because you bought ...", and "Popular in ..."."""


def propose_buy_again(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What the customer bought repeatedly, or once if its customers tend to buy it again."""
    if not visit.genome.products:
        return
    scored = visit.compute_once(scoring.score_for_visitor, snapshot)
    own = selection.replenishable(snapshot, scored.history, visit.policy.min_repurchase_rate)
    rows = np.flatnonzero(np.isin(scored.product_indices, own))[: selection.MAX_CANDIDATES]
    candidates = [scored.to_candidate(row) for row in rows.tolist()]
    yield RowCandidate(candidates, expected_share=_expected_share(candidates, visit, snapshot))


def propose_because_you_bought(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """For a distinctive product of the customer's, what is bought together with it and new to them."""
    owned = {row[0] for row in visit.genome.products}
    for seed in selection.seed_products(snapshot, visit.genome, MAX_SEEDS) if owned else ():
        params = {"product": int(snapshot.ids[seed])}
        reason = Reason(BECAUSE_YOU_BOUGHT.code, params)
        neighbours, closeness = selection.co_purchased(snapshot, seed)
        candidates = [
            Candidate(product_ref(product), float(score), reason)
            for product, score in zip(snapshot.ids[neighbours].tolist(), closeness, strict=True)
            if product not in owned
        ]
        yield RowCandidate(candidates, params, expected_share=_expected_share(candidates, visit, snapshot))


def propose_popular_in_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The bestsellers of the categories that set the customer apart, without what they buy repeatedly anyway."""
    if not visit.genome.products:
        return
    score = snapshot.scores("popular").score
    repeated = {row[0] for row in visit.genome.products if row[2] > 1}
    for category, purchases in selection.distinctive_categories(snapshot, visit.genome)[:MAX_SEEDS]:
        indices = snapshot.category_products(category)[: selection.MAX_CANDIDATES]
        popular = bestsellers.popularity_candidates(visit, snapshot, indices, score[indices])
        candidates = [candidate for candidate in popular if candidate.item.id not in repeated]
        share = _expected_share(candidates, visit, snapshot)
        yield RowCandidate(candidates, {"category": category, "purchases": purchases}, expected_share=share)


def propose_buy_again_in_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What the visitor buys regularly in the category or below it, in the order of the list, without what is on this
    page of the list.

    The list has their usual products in front as far as it is in the visitor's order; a row that repeats them would
    only push them down. It is for those that the page leaves out: of a visitor with many, beyond the engine's first
    window, or where reranking is switched off. Its title says whether there are others on the page.
    """
    history = scoring.visitor_history(visit.genome, snapshot)
    indices = selection.replenishable(snapshot, history, visit.policy.min_repurchase_rate)
    own = snapshot.ids[indices[np.isin(indices, snapshot.category_products(visit.category or 0))]].tolist()
    if not own:
        return
    ranked = scoring.sorted_candidates(scoring.score_listing(replace(visit, candidate_products=tuple(own)), snapshot))
    candidates = [candidate for candidate in ranked if candidate.item.id not in visit.shown_products]
    more = not visit.shown_products.isdisjoint(own)
    params = {"category": visit.category, "name": visit.category_name, "more": more}
    yield RowCandidate(candidates[: selection.MAX_CANDIDATES], params)


def _expected_share(candidates: Sequence[Candidate], visit: Visit, snapshot: SnapshotArrays) -> float:
    """How many of the row's first products the visitor is expected to buy next."""
    probability = visit.compute_once(_purchase_probabilities, snapshot)
    return sum(probability.get(candidate.item.id, 0.0) for candidate in candidates[: visit.policy.row_size])


def _purchase_probabilities(visit: Visit, snapshot: SnapshotArrays) -> dict[int, float]:
    """By product key, for all candidates of the home page."""
    scored = visit.compute_once(scoring.score_for_visitor, snapshot)
    keys = snapshot.ids[scored.product_indices].tolist()
    return dict(zip(keys, scored.purchase_probability.tolist(), strict=True))


def _title_in_category(params: dict[str, Any]) -> str:
    if params["more"]:
        return _("More to buy again in %(category)s") % params
    return pgettext("personalization", "Buy again in %(category)s") % params


def _explain_popular_in_category(params: dict[str, Any]) -> str:
    text = ngettext(
        "Bestsellers in a category that you have bought from %(purchases)d time",
        "Bestsellers in a category that you have bought from %(purchases)d times",
        params["purchases"],
    )
    return text % params


BUY_AGAIN = RowType(
    code="buy_again",
    title=lambda params: pgettext("personalization", "Buy again"),
    explanation=lambda params: pgettext("personalization", "You buy these regularly"),
    discloses_activity=True,
    propose=propose_buy_again,
    personal=True,
    min_items=2,
)
BECAUSE_YOU_BOUGHT = RowType(
    code="because_you_bought",
    title=lambda params: pgettext("personalization", "Because you bought %(product)s") % params,
    explanation=lambda params: pgettext("personalization", "Frequently bought together"),
    discloses_activity=True,
    propose=propose_because_you_bought,
    personal=True,
)
POPULAR_IN_CATEGORY = RowType(
    code="popular_in_category",
    title=lambda params: pgettext("personalization", "Popular in %(category)s") % params,
    explanation=_explain_popular_in_category,
    discloses_activity=True,
    propose=propose_popular_in_category,
    personal=True,
)
BUY_AGAIN_IN_CATEGORY = RowType(
    code="buy_again_in_category",
    title=_title_in_category,
    explanation=lambda params: (
        _("You also buy these regularly, besides what is on this page")
        if params["more"]
        else pgettext("personalization", "You buy these regularly")
    ),
    discloses_activity=True,
    propose=propose_buy_again_in_category,
    personal=True,
)
row_types = (BUY_AGAIN, BECAUSE_YOU_BOUGHT, POPULAR_IN_CATEGORY, BUY_AGAIN_IN_CATEGORY)
