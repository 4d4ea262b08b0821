"""Reads a trace: what is known of one item, and why the page does not show it.

The decision itself is made by the code that makes the page; only the shop's own facts about a product (does it exist,
is it public, can it be bought) are asked for here.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from personalization.decide import scoring, trace
from personalization.decide.merchandising import EXCLUDED, NOT_AMONG_ONLY
from personalization.decide.preferences import apply_preferences
from personalization.decide.slate import ItemRef, product_ref
from personalization.decide.trace import Reranking, Trace, TracedRow
from personalization.decide.visit import Visit
from personalization.rank.features import compute_features, feature_names
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.shop import catalogue

EXISTS, PUBLIC, BUYABLE, IN_SNAPSHOT = "exists", "public", "buyable", "in_snapshot"
CANDIDATE, NOT_EXCLUDED, NOT_TAKEN_ABOVE, WITHIN_ROW = "candidate", "not_excluded", "not_taken_above", "within_row"
STEPS = (EXISTS, PUBLIC, BUYABLE, IN_SNAPSHOT, CANDIDATE, NOT_EXCLUDED, NOT_TAKEN_ABOVE, WITHIN_ROW)
"""What a product has to pass to stand in a row, in this order."""

_STEP_OF_CAUSE = {
    trace.IN_BASKET: NOT_EXCLUDED,
    trace.NOT_WANTED: NOT_EXCLUDED,
    trace.NOT_BUYABLE: NOT_EXCLUDED,
    trace.OUTSIDE_PRICE_RANGE: NOT_EXCLUDED,
    trace.DISMISSED: NOT_EXCLUDED,
    EXCLUDED: NOT_EXCLUDED,
    NOT_AMONG_ONLY: NOT_EXCLUDED,
    trace.ON_PAGE: NOT_TAKEN_ABOVE,
    trace.TAKEN_ABOVE: NOT_TAKEN_ABOVE,
}
"""At which step a candidate fails that was left out for this cause; at the last one for any other."""


@dataclass(frozen=True)
class Step:
    """One step of the way from the shop's catalogue to the page."""

    name: str
    passed: bool
    facts: dict[str, Any] = field(default_factory=dict)


def explain_in_rows(product_id: int, visit: Visit, snapshot: SnapshotArrays | None, traced: Trace) -> list[Step]:
    """The steps that a product passed on its way into a row of the page, and the first that it failed.

    Parameters: `snapshot`, what the rows were made from, or None where they came from the shop's own tables; `traced`,
    the trace of the page.
    """
    passed: list[Step] = []
    for step in _walk_rows(product_id, visit, snapshot, traced):
        passed.append(step)
        if not step.passed:
            break
    return passed


def explain_in_list(
    product_id: int, snapshot: SnapshotArrays | None, reranking: Reranking, page_size: int
) -> list[Step]:
    """The steps of a product into the first page of a reranked list, which shows what a search engine found, whether it
    can be bought or not."""
    product, steps = _look_up(product_id)
    if product is None:
        return steps
    if product.pk not in reranking.products:
        return [*steps, Step(CANDIDATE, False, {"found_by_engine": len(reranking.products)})]
    place = reranking.products.index(product.pk)
    facts = {
        "original_position": place,
        "personal_position": reranking.personal_rank[place],
        "not_wanted": product.pk in reranking.not_wanted,
        "in_snapshot": snapshot is not None and bool((snapshot.product_indices([product.pk]) >= 0).all()),
    }
    position = reranking.result.index(product.pk)
    page = Step(WITHIN_ROW, position < page_size, {"position": position, "page": 1 + position // page_size})
    return [*steps, Step(CANDIDATE, True, facts), page]


def describe_item(item: ItemRef, visit: Visit, snapshot: SnapshotArrays | None, traced: Trace) -> dict[str, Any]:
    """Every score that the decision gave a product, with the features behind it, and what each recommender says of it.

    Returns: "scorings", see `Scoring.describe`; "recommenders", by name and without zeros: a "score", or how closely it
    goes with the visitor's "purchases", the "basket" ("basket_max": its closest product) and the "page"'s product;
    "objectives", what counts besides relevance did to it, by row.
    """
    scorings = [one for scoring_run in traced.scorings if (one := scoring_run.describe(item)) is not None]
    recommenders = _recommender_values(item, visit, snapshot) if snapshot else {}
    moves = [
        {"row": row, **asdict(by_id[item.id])} for row, by_id in traced.objective_moves.items() if item.id in by_id
    ]
    return {"scorings": scorings, "recommenders": recommenders, "objectives": moves}


def _walk_rows(product_id: int, visit: Visit, snapshot: SnapshotArrays | None, traced: Trace) -> Iterator[Step]:
    product, steps = _look_up(product_id)
    yield from steps
    if product is None:
        return
    item = product_ref(product.pk)
    info = catalogue.purchase_info(product, visit.strategy)
    facts = {"has_price": catalogue.get_price_amount(info) is not None, "availability": str(info.availability.code)}
    yield Step(BUYABLE, catalogue.get_offer(product, visit.strategy) is not None, facts)
    if snapshot is not None:
        (index,) = snapshot.product_indices([product.pk]).tolist()
        facts = {"trained_at": snapshot.trained_at, "products": len(snapshot.ids)}
        pinned = index < 0 and any(item in row.shown for row in traced.rows)
        yield Step(IN_SNAPSHOT, index >= 0 or pinned, {**facts, "pinned": True} if pinned else facts)
    rows = traced.rows_with(item)
    facts = {"rows": [row.row.reason.key for row in rows]}
    if not rows:
        proposed = [row.row.reason.key for row in traced.rows]
        facts = {"rows": proposed, "filters": traced.filters_of(item), "failed_row_types": traced.failed_row_types}
    yield Step(CANDIDATE, bool(rows), facts)
    yield from _walk_candidate(item, rows, traced)


def _walk_candidate(item: ItemRef, rows: list[TracedRow], traced: Trace) -> Iterator[Step]:
    """The steps of a candidate of these rows, by the row that shows it, else by the one that came closest to it."""
    outcomes = [(row, *traced.why_left_out(row, item)) for row in rows]
    last_step = [STEPS.index(_STEP_OF_CAUSE.get(cause, WITHIN_ROW)) + (not cause) for _, cause, _ in outcomes]
    row, cause, facts = outcomes[int(np.argmax(last_step))]
    failed = _STEP_OF_CAUSE.get(cause, WITHIN_ROW) if cause else ""
    for name in (NOT_EXCLUDED, NOT_TAKEN_ABOVE, WITHIN_ROW):
        if name == failed:
            yield Step(name, False, {"row": row.row.reason.key, "cause": cause, **facts})
        elif name == WITHIN_ROW and not cause:
            yield Step(name, True, {"row": row.row.reason.key, "position": row.shown.index(item)})
        else:
            yield Step(name, True)


def _look_up(product_id: int) -> tuple[Any | None, list[Step]]:
    """(the product as rows and lists show it, a child's parent; the steps so far). None for what is not public."""
    existing = catalogue.find_product(product_id)
    if existing is None:
        return None, [Step(EXISTS, False)]
    key = existing.parent_id or existing.pk
    steps = [Step(EXISTS, True, {"shown_as": key} if key != product_id else {})]
    product = catalogue.products_for_availability([key]).get(key)
    return product, [*steps, Step(PUBLIC, product is not None)]


def _recommender_values(item: ItemRef, visit: Visit, snapshot: SnapshotArrays) -> dict[str, dict[str, float]]:
    indices = snapshot.product_indices([item.id, visit.product or 0])
    index, page = indices.tolist()
    if index < 0:
        return {}
    visit = apply_preferences(visit, snapshot)
    history = scoring.visitor_history(visit.genome, snapshot)
    basket = snapshot.product_indices(sorted(visit.basket))
    now = snapshot.clamp_time(visit.timestamp)
    table = compute_features(history, snapshot, now, indices[:1], basket[basket >= 0])
    values = dict(zip(feature_names(snapshot), table[:, 0].tolist(), strict=True))
    by_recommender = {name: {"score": values.get(name, 0.0)} for name in snapshot.score_recommenders()}
    for name in snapshot.neighbour_recommenders():
        links = {key.removeprefix(f"{name}."): value for key, value in values.items() if key.startswith(f"{name}.")}
        if page >= 0:
            neighbours = snapshot.neighbours(name)
            links["page"] = float(neighbours.weight[page][neighbours.index[page] == index].sum())
        by_recommender[name] = links
    nonzero = {name: {key: value for key, value in own.items() if value} for name, own in by_recommender.items()}
    return {name: own for name, own in nonzero.items() if own}
