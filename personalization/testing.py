"""Contracts that every plug-in keeps. A shop runs them on its own, in a test of its own:

    def test_my_recommender_keeps_the_contract():
        check_recommender(my_app.recommenders.seasonal)

Each raises AssertionError with a sentence that says what is wrong.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import cache

import numpy as np
from django.template.loader import get_template
from numpy.typing import NDArray

from personalization.decide.reasons import DisplayNames, item_explanation, row_explanation, row_title
from personalization.decide.slate import Candidate, RowCandidate
from personalization.decide.visit import Visit
from personalization.lifecycle.kinds import MAX_DEDUPE, TEMPLATE_ENDINGS, MessageKind, message_kind_error
from personalization.lifecycle.message_preview import make_test_mail
from personalization.lifecycle.wording import Wording
from personalization.models import Genome
from personalization.plugins import recommender_error, registered_recommenders
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import (
    DAY,
    GUEST,
    UNKNOWN_COUNTRY,
    CatalogueArrays,
    HistoryArrays,
    LearningLimits,
    Neighbours,
    ProductScores,
    Recommender,
    ShownArrays,
    ViewArrays,
)
from personalization.rows import RowType, row_type_error
from personalization.shop.catalogue import CategoryMemberships
from personalization.surfaces import Surface, surface_error
from personalization.train.dataset import TrainingDataset
from personalization.train.fit import fit_arrays
from personalization.train.run import no_progress

REFERENCE_TIME = 1_700_000_000.0


def even_and_odd_shop(customers: int = 12, products: int = 20, weeks: int = 8) -> HistoryArrays:
    """A history with a known answer: even customers buy even products, odd customers odd ones, every week."""
    rows = [
        (customer, week * customers + customer, product, REFERENCE_TIME - DAY * (1 + 7 * week))
        for week in range(weeks)
        for customer in range(customers)
        for product in range(customer % 2, products, 2)
        if (product // 2 + customer // 2 + week) % 3
    ]
    return make_history(rows, products)


def views_and_texts() -> HistoryArrays:
    """The customers and orders of `even_and_odd_shop()`, with more data: customers view each product on the day before
    they buy it, texts and categories tell even products from odd ones, and each product costs 10 % more than the one
    before it."""
    history = even_and_odd_shop()
    numbers = range(history.products)
    catalogue = CatalogueArrays(
        leaf_category=np.array([number % 2 for number in numbers], np.int32),
        price=np.array([1.1**number for number in numbers], np.float32),
        created=np.full(history.products, REFERENCE_TIME - 100 * DAY),
        text=[f"{('even', 'odd')[number % 2]} product no{number // 4}" for number in numbers],
    )
    views = ViewArrays(history.customer, history.product, history.ordered_at - DAY)
    return replace(history, catalogue=catalogue, views=views)


def seen_and_clicked() -> HistoryArrays:
    """As `even_and_odd_shop()`; twelve visitors saw each product a thousand times in each of four weeks, in one place
    in which one card of ten is clicked on. Products are clicked on the more often the higher their number."""
    history = even_and_odd_shop()
    rows = [
        (product, REFERENCE_TIME - 7 * DAY * week, 1_000, 12, 10 * product, 100.0)
        for product in range(history.products)
        for week in range(4)
    ]
    return replace(history, shown=ShownArrays.from_rows(rows))


def make_history(rows: list[tuple[int, int, int, float]], products: int) -> HistoryArrays:
    """A history of these (customer, order, product, seconds since 1970)."""
    table = np.array(rows, np.float64).reshape(-1, 4)
    return HistoryArrays(
        customer=table[:, 0].astype(np.int32),
        order=table[:, 1].astype(np.int32),
        product=table[:, 2].astype(np.int32),
        ordered_at=table[:, 3],
        products=products,
        now=REFERENCE_TIME,
        catalogue=CatalogueArrays.empty(products),
        views=ViewArrays.empty(),
        country=np.full(len(table), UNKNOWN_COUNTRY, np.int32),
        countries=(),
    )


def check_recommender(recommender: Recommender) -> None:
    """Tries the contract of `recommenders.Recommender`: the name, shapes, dtypes and ranges of what it learns, that a
    history always gives the same result, whatever the sequence of its lines, that a shop without orders is no error,
    and that nothing is learned from fewer customers than `min_customers`. Needs no database."""
    error = recommender_error(recommender)
    assert not error, error
    limits = LearningLimits(min_customers=5, neighbours_per_product=8)
    for history in (even_and_odd_shop(), views_and_texts(), seen_and_clicked()):
        _assert_steady(recommender, history, limits)
    for few in (make_history([], 0), make_history([], 3), make_history([(0, 0, 1, REFERENCE_TIME)], 3)):
        _assert_shapes(recommender.fit(few, limits), few.products, limits)
    _assert_shapes(recommender.fit(_views_alone(), limits), 20, limits)
    shown = seen_and_clicked().shown
    seen_by_few = replace(shown, viewers=np.minimum(shown.viewers, 4))
    history = replace(views_and_texts(), catalogue=CatalogueArrays.empty(20), shown=seen_by_few)
    for too_few in (history.customer < 4, history.customer == GUEST):
        learned = recommender.fit(_select_lines(history, np.flatnonzero(too_few)), limits)
        for array in _learned_numbers(learned):
            assert not array.any(), "something was learned from fewer customers than min_customers"


def check_surface(surface: Surface) -> None:
    """Tries the contract of `surfaces.Surface`: its lists are finite, hold nothing twice and nothing that the snapshot
    does not hold, fall in score, and are the same again for the same visit; an empty snapshot is no error. Needs a
    database only if the surface reads one."""
    error = surface_error(surface)
    assert not error, error
    rankings = [surface.ranking, *([surface.discovery] if surface.discovery else [])]
    for ranking in rankings:
        for visit in example_visits():
            found = _ranked(ranking, visit, example_snapshot())
            assert found == _ranked(ranking, visit, example_snapshot()), "the same visit gave another list"
            _assert_list(found, example_snapshot().arrays["category.id" if surface.ranks_categories else "product.id"])
            nothing = _ranked(ranking, visit, _snapshot_of(make_history([], 0)))
            assert not nothing, "an empty snapshot has no candidates"


def check_message_kind(kind: MessageKind, now: datetime) -> None:
    """It keeps the contract of `personalization.lifecycle.kinds`, has its three templates, and what is due now is named
    alike each time that it is found, with an address. A mail of its example, if it has one, says what the shop wants
    said in it."""
    assert not (error := message_kind_error(kind)), f"The kind of message is no such thing: {error}."
    for ending in TEMPLATE_ENDINGS:
        get_template(f"personalization/messages/{kind.name}{ending}")
    first, again = list(kind.find_due(now)), list(kind.find_due(now))
    assert {due.dedupe for due in again} <= {due.dedupe for due in first}, f"{kind.name} names what is due differently."
    for due in first:
        assert due.address, f"{kind.name} is due for somebody without an address: {due.dedupe}."
        assert len(due.dedupe) <= MAX_DEDUPE, f"{kind.name} names a message by more than {MAX_DEDUPE} characters."
    occasion = kind.example()
    if occasion is not None:
        braces = "".join(f"{{{name}}}" for name in kind.placeholders)
        wording = Wording(f"{braces}1?", f"{braces}2?", f"{braces}3?")
        mail = make_test_mail(kind, occasion, "", wording, "reader@example.com")
        html = str(mail.alternatives[0][0])
        assert mail.subject.endswith("1?"), f"{kind.name} does not have the shop's own subject."
        for text in ("2?", "3?"):
            assert text in str(mail.body) and text in html, f"A mail of {kind.name} does not say the shop's own words."


def check_row_type(row_type: RowType) -> None:
    """Tries the contract of `rows.RowType`: it has words for each row that it proposes, in which no product stands
    twice, and proposes the same rows again for the same visit; an empty snapshot is no error. Needs a database only if
    the row type reads one."""
    error = row_type_error(row_type)
    assert not error, error
    for snapshot in (example_snapshot(), _snapshot_of(make_history([], 0))):
        for visit in example_visits():
            rows = _proposed_rows(row_type, visit, snapshot)
            assert rows == _proposed_rows(row_type, visit, snapshot), "the same visit gave other rows"
            for row in rows:
                _assert_row(row_type, row)


def _proposed_rows(row_type: RowType, visit: Visit, snapshot: SnapshotArrays) -> list[RowCandidate]:
    fallback = list(row_type.fallback(visit)) if row_type.fallback else []
    return [*(row_type.propose(visit, snapshot) if row_type.propose else ()), *fallback]


def _assert_row(row_type: RowType, row: RowCandidate) -> None:
    items = [candidate.item for candidate in row.candidates]
    assert len(set(items)) == len(items), "a product stands in a row once"
    assert np.isfinite([candidate.score for candidate in row.candidates]).all(), "score: finite"
    names = DisplayNames(_AnyName(), _AnyName())
    for text in (row_title(row_type, row.params, names), row_explanation(row_type, row.params, names)):
        assert isinstance(text, str) and text, "a row has a title and an explanation"
    for candidate in row.candidates:
        words = item_explanation(candidate.reason, names, row_type)
        assert isinstance(words, str), f"the reason {candidate.reason.code!r} has no words"


class _AnyName(dict[int, str]):
    """Has a name for every key."""

    def __missing__(self, key: int) -> str:
        return f"No. {key}"


def example_snapshot() -> SnapshotArrays:
    """What all registered recommenders learn of `views_and_texts()`: product n has the primary key 10 n + 7, and is in
    category 1 when n is even, 2 when it is odd."""
    return _example_snapshot(tuple(registered_recommenders()))


@cache
def _example_snapshot(recommenders: tuple[str, ...]) -> SnapshotArrays:
    return _snapshot_of(views_and_texts())


def _snapshot_of(history: HistoryArrays) -> SnapshotArrays:
    numbers = np.arange(history.products)
    keys = 10 * numbers + 7
    members = CategoryMemberships(category=numbers % 2 + 1, product=keys, depth={1: 1, 2: 1})
    shop = TrainingDataset(history, keys, history.catalogue.created, members)
    learned = fit_arrays(shop, history, no_progress)
    return SnapshotArrays({**learned.arrays, "training.cutoff": np.array([history.now])})


def example_visits() -> Iterator[Visit]:
    """Visits of a shop that learned `example_snapshot()`: of a visitor without a history and of a customer who buys
    even products, on the home page, and on the pages of a product, of a category, of a search and of the basket."""
    even = [[10 * number + 7, 3.0, 4, REFERENCE_TIME - DAY, REFERENCE_TIME - 40 * DAY] for number in range(0, 8, 2)]
    for genome in (Genome(), Genome(products=even, categories=[[1, 1.0, 16, 12.0]], purchases=16, distinct_products=4)):
        visit = Visit(timestamp=REFERENCE_TIME, strategy=None, genome=genome)
        yield visit
        yield replace(visit, product=47)
        yield replace(visit, category=1)
        yield replace(visit, query="even product", candidate_products=(47, 7, 999))
        yield replace(visit, basket=frozenset({47, 57}), basket_quantity=2)


def _ranked(
    ranking: Callable[[Visit, SnapshotArrays], Iterable[Candidate]], visit: Visit, snapshot: SnapshotArrays
) -> list[tuple[int, float]]:
    """(primary key, score) of each candidate."""
    return [(one.item.id, float(one.score)) for one in ranking(visit, snapshot)]


def _assert_list(found: list[tuple[int, float]], existing: NDArray[np.int64]) -> None:
    keys, scores = [key for key, _ in found], [score for _, score in found]
    assert np.isfinite(scores).all(), "score: finite"
    assert scores == sorted(scores, reverse=True), "the best candidate comes first"
    assert len(set(keys)) == len(keys), "a candidate stands in a list once"
    assert set(keys) <= set(existing.tolist()), "a candidate is none of the snapshot's products, or categories"


def _assert_steady(recommender: Recommender, history: HistoryArrays, limits: LearningLimits) -> None:
    learned = recommender.fit(history, limits)
    _assert_shapes(learned, history.products, limits)
    _assert_same(learned, recommender.fit(history, limits), "the same history gave another result")
    shuffled = np.random.default_rng(7).permutation(len(history.product))
    _assert_same(
        learned,
        recommender.fit(_select_lines(history, shuffled), limits),
        "the sequence of the lines changed the result",
    )


def _views_alone() -> HistoryArrays:
    return replace(make_history([], 20), views=views_and_texts().views)


def _select_lines(history: HistoryArrays, lines: NDArray) -> HistoryArrays:
    """These lines only, and these views where the history has any; cards in another sequence."""
    views = history.views
    if len(views.customer):
        views = ViewArrays(views.customer[lines], views.product[lines], views.seen[lines])
    return replace(
        history,
        customer=history.customer[lines],
        order=history.order[lines],
        product=history.product[lines],
        ordered_at=history.ordered_at[lines],
        country=history.country[lines],
        views=views,
        shown=history.shown.select(np.arange(len(history.shown.product))[::-1]),
    )


def _learned_numbers(learned: ProductScores | Neighbours) -> list[NDArray]:
    return [learned.score, learned.customers] if isinstance(learned, ProductScores) else [learned.weight]


def _assert_same(one: ProductScores | Neighbours, other: ProductScores | Neighbours, message: str) -> None:
    for name, array in vars(one).items():
        assert np.array_equal(array, vars(other)[name]), f"{message}: {name}"


def _assert_shapes(learned: ProductScores | Neighbours, products: int, limits: LearningLimits) -> None:
    if isinstance(learned, ProductScores):
        assert learned.score.shape == (products,) and learned.score.dtype == np.float32, "score: (products,) float32"
        assert learned.customers.shape == (products,), "customers: (products,)"
        assert np.isfinite(learned.score).all() and (learned.score >= 0).all(), "score: finite and not negative"
        assert not ((learned.customers > 0) & (learned.customers < limits.min_customers)).any(), "too few customers"
        return
    shape = (products, limits.neighbours_per_product)
    assert learned.index.shape == shape and learned.index.dtype == np.int32, f"index: {shape} int32"
    assert learned.weight.shape == shape and learned.weight.dtype == np.float32, f"weight: {shape} float32"
    assert ((learned.index >= -1) & (learned.index < max(products, 0))).all(), "index: -1 or a product"
    assert (learned.weight[learned.index == -1] == 0).all(), "weight: 0 where there is no neighbour"
    assert ((learned.weight >= 0) & (learned.weight <= 1)).all(), "weight: in 0..1"
    assert (np.diff(learned.weight, axis=1) <= 0).all(), "weight: falls along a row"
    assert not (learned.index == np.arange(products)[:, None]).any(), "a product is no neighbour of itself"
