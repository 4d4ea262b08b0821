"""What a customer bought, and what follows from it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from personalization.decide import scoring, selection
from personalization.decide.proposals import expected_share
from personalization.decide.slate import HOUSEHOLD, Candidate, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.rows import bestsellers

MAX_SEEDS = 2
"""At most this many rows "Because you bought ...", and "Popular in ..."."""
JUST_BOUGHT_RATIO = 0.05
"""Nobody needs a product again within this part of the interval after which they buy it. From then on the learned
chance decides, which looks at the rhythm, too: to wait for half of the interval loses three in ten of what is bought
again."""


def propose_buy_again(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """What the customer bought repeatedly, or once if its customers tend to buy it again: the likeliest first, what
    they bought only just now last."""
    if not visit.genome.products:
        return
    scored = visit.compute_once(scoring.score_for_visitor, snapshot)
    own = selection.replenishable(snapshot, scored.history, visit.policy.min_repurchase_rate)
    rows = np.flatnonzero(np.isin(scored.product_indices, own))
    overdue = selection.overdue_ratios(snapshot, scored.history, visit.timestamp, scored.product_indices[rows])
    rows = rows[np.argsort(-np.minimum(overdue, JUST_BOUGHT_RATIO), kind="stable")][: selection.MAX_CANDIDATES]
    candidates = [_bought_last(scored.to_candidate(row), visit) for row in rows.tolist()]
    yield RowCandidate(candidates, visit.household_params, expected_share=expected_share(candidates, visit, snapshot))


def propose_because_you_bought(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """For a distinctive product of the customer's, what is bought together with it and new to them."""
    owned = {row[0] for row in visit.genome.products}
    alone = {row[0] for row in visit.own_purchases}
    for seed in selection.seed_products(snapshot, visit.genome, MAX_SEEDS) if owned else ():
        params: dict[str, Any] = {"product": int(snapshot.ids[seed])}
        if params["product"] not in alone:
            params[HOUSEHOLD] = True
        reason = Reason(BECAUSE_YOU_BOUGHT.code, params)
        neighbours, closeness = selection.complements(snapshot, seed)
        substitutes = selection.substitutes(snapshot, seed)
        candidates = [
            Candidate(product_ref(product), float(score), reason)
            for product, score in zip(snapshot.ids[neighbours].tolist(), closeness, strict=True)
            if product not in owned and product not in substitutes
        ]
        yield RowCandidate(candidates, params, expected_share=expected_share(candidates, visit, snapshot))


def propose_popular_in_category(visit: Visit, snapshot: SnapshotArrays) -> Iterator[RowCandidate]:
    """The bestsellers of the categories that set the customer apart, without what they buy repeatedly anyway."""
    if not visit.genome.products:
        return
    repeated = {row[0] for row in visit.genome.products if row[2] > 1}
    for category, purchases in selection.distinctive_categories(snapshot, visit.genome)[:MAX_SEEDS]:
        popular = bestsellers.popular_row(visit, snapshot, category)
        candidates = [candidate for candidate in popular.candidates if candidate.item.id not in repeated]
        share = expected_share(candidates, visit, snapshot)
        about = visit.household_params or {"purchases": purchases}
        yield RowCandidate(candidates, {**popular.params, **about}, expected_share=share)


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
    params = {"category": visit.category, "name": visit.category_name, "more": more, **visit.household_params}
    yield RowCandidate(candidates[: selection.MAX_CANDIDATES], params)


def _bought_last(candidate: Candidate, visit: Visit) -> Candidate:
    """The candidate with the day of the last purchase alone: the row is not sorted by how often it was bought. What
    others in the household bought has no day."""
    if "last" not in candidate.reason.params:
        return candidate
    last = {"last": candidate.reason.params["last"]}
    return replace(candidate, reason=Reason(candidate.reason.code, {**last, **visit.alone_params}))


def _title_in_category(params: dict[str, Any]) -> str:
    if params["more"]:
        return _("More to buy again in %(category)s") % params
    return pgettext("personalization", "Buy again in %(category)s") % params


def _title_because_you_bought(params: dict[str, Any]) -> str:
    if params.get(HOUSEHOLD):
        return _("Goes with %(product)s, bought in your household") % params
    return pgettext("personalization", "Because you bought %(product)s") % params


def _explain_past_purchases(params: dict[str, Any]) -> str:
    if params.get(HOUSEHOLD):
        return _("From what is bought in your household")
    return pgettext("personalization", "From your past purchases")


def _explain_in_category(params: dict[str, Any]) -> str:
    if not params["more"]:
        return _explain_past_purchases(params)
    if params.get(HOUSEHOLD):
        return _("More of what is bought in your household, besides those on this page")
    return _("More of your past purchases, besides those on this page")


def _explain_popular_in_category(params: dict[str, Any]) -> str:
    if params.get(HOUSEHOLD):
        return _("Your household buys from this category")
    text = ngettext(
        "You have bought from this category %(purchases)d time",
        "You have bought from this category %(purchases)d times",
        params["purchases"],
    )
    return text % params


BUY_AGAIN = RowType(
    code="buy_again",
    title=lambda params: (
        pgettext("personalization", "For your household")
        if params.get(HOUSEHOLD)
        else pgettext("personalization", "Buy again")
    ),
    explanation=_explain_past_purchases,
    discloses_activity=True,
    propose=propose_buy_again,
    personal=True,
)
BECAUSE_YOU_BOUGHT = RowType(
    code="because_you_bought",
    title=_title_because_you_bought,
    explanation=lambda params: _("Often bought together with it, or with similar products"),
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
    explanation=_explain_in_category,
    discloses_activity=True,
    propose=propose_buy_again_in_category,
    personal=True,
)
row_types = (BUY_AGAIN, BECAUSE_YOU_BOUGHT, POPULAR_IN_CATEGORY, BUY_AGAIN_IN_CATEGORY)
