"""A search that found nothing: what its words may have meant, and where it can go on."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from personalization.decide import scoring, selection
from personalization.decide.people import person_of
from personalization.decide.slate import Candidate, Draft, Reason
from personalization.decide.visit import Visit
from personalization.rank import category_names, search_queries
from personalization.rank.snapshot_arrays import Learned
from personalization.rows.shared import bestsellers, bestsellers_by_oscar, bought_by, latest
from personalization.shop import catalogue
from personalization.surfaces import Surface

MEANT = 0.35
"""A category whose name the words of the search say less of is not meant."""
UNDERSTOOD = 0.3
"""A search is understood when at least this part of it points to products."""
CLOSE = 0.1
"""A product that is chosen less often than this part of the first one is not meant."""
HOLDS = 0.5
"""A category is meant when at least this part of what others chose lies there."""
CATEGORIES = 2
"""At most so many rows of categories."""
NAMES = 5_000
"""The names of so many categories are looked at."""
SOLD = 200
"""So many bestsellers of a category are put in the visitor's order."""


def ranking(visit: Visit, snapshot: Learned) -> Iterator[Candidate]:
    """What others chose after such a search."""
    return scoring.in_order(scoring.for_search(replace(visit, listing=()), snapshot))


def chosen_by_others(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """The same as a row: what is chosen clearly more than all else, those nearest to the visitor's taste first."""
    places, share = _chosen(visit, snapshot)
    if not len(places):
        return
    meant = places[share >= CLOSE * share.max()]
    scored = scoring.for_search(replace(visit, listing=()), snapshot)
    rows = np.flatnonzero(np.isin(scored.places, meant))[: selection.DEPTH]
    yield Draft(Reason("chosen_after_alike"), [scored.candidate(row) for row in rows.tolist()], fewest=2)


def where_the_words_point(visit: Visit, snapshot: Learned) -> Iterator[Draft]:
    """The visitor's own likely products, else the bestsellers, of the categories that the search may have meant."""
    named = catalogue.category_names(NAMES)
    for place, category in enumerate(_meant(visit, snapshot, named)):
        draft = _of_category(category, named[category], visit, snapshot)
        yield replace(draft, strength=1.0 / (1 + place))


def _of_category(category: int, name: str, visit: Visit, snapshot: Learned) -> Draft:
    places = snapshot.category(category).astype(np.int64)
    person = person_of(visit.genome, snapshot)
    mine = np.isin(places, np.concatenate([person.own, person.near]))
    facts = {"category": category, "name": name}
    if not mine.any():
        best = places[: selection.DEPTH]
        sold = bought_by(snapshot, best, snapshot.scores("popular").score[best])
        return Draft(Reason("popular_where_words_point", facts), sold, fewest=2)
    listed = snapshot.ids[places[mine | (np.arange(len(places)) < SOLD)]].tolist()
    scored = scoring.for_listing(replace(visit, listing=tuple(listed)), snapshot)
    likely = list(islice(scoring.in_order(scored), selection.DEPTH))
    return Draft(Reason("yours_where_words_point", facts), likely, personal=True, fewest=2)


def _meant(visit: Visit, snapshot: Learned, named: dict[int, str]) -> list[int]:
    """The categories whose names the words say, best first, then the one where others went on; none within another."""
    score = category_names.meant(visit.query, list(named.values()))
    keys = np.array(list(named), np.int64)
    said = keys[np.argsort(-score, kind="stable")][: np.count_nonzero(score >= MEANT)]
    found: dict[int, NDArray] = {}
    for category in (*said.tolist(), *_chosen_category(visit, snapshot)):
        inside = snapshot.category(category)
        if category in named and len(inside) and not any(_overlap(inside, other) for other in found.values()):
            found[category] = inside
        if len(found) == CATEGORIES:
            break
    return list(found)


def _overlap(one: NDArray, other: NDArray) -> bool:
    """Whether half of the smaller category lies in the larger one."""
    return len(np.intersect1d(one, other)) * 2 >= min(len(one), len(other))


def _chosen_category(visit: Visit, snapshot: Learned) -> list[int]:
    """The deepest category that holds most of what others chose after such searches; none when that is not clear."""
    places, share = _chosen(visit, snapshot)
    weight = np.zeros(len(snapshot.ids))
    weight[places] = share
    summed = np.concatenate([[0.0], np.cumsum(weight[snapshot.arrays["category.product"]])])
    start = snapshot.arrays["category.start"]
    held = summed[start[1:]] - summed[start[:-1]]
    depth = np.where(held >= HOLDS * share.sum(), snapshot.arrays["category.depth"], 0)
    if not len(places) or not depth.any():
        return []
    best = np.lexsort((-held, -depth))[0]
    return [int(snapshot.arrays["category.id"][best])]


def _chosen(visit: Visit, snapshot: Learned) -> search_queries.Pairs:
    places, share = search_queries.chosen(visit.query, snapshot)
    return (places, share) if share.sum() >= UNDERSTOOD else search_queries.NOTHING


surface = Surface(
    name="nothing_found",
    ranking=ranking,
    rows=(chosen_by_others, where_the_words_point, bestsellers),
    ladder=(bestsellers_by_oscar, latest),
)
