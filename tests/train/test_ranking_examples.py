"""Questions that the shop's own past answers, in a shop whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest
from django.utils.timezone import now

from personalization.decide.scoring import visitor_history
from personalization.profile import batch
from personalization.rank import tasks
from personalization.rank.features import compute_features
from personalization.recommenders import DAY, GUEST
from personalization.train import ranking_examples
from personalization.train.dataset import read_dataset
from personalization.train.fit import fit_arrays
from personalization.train.ranking_examples import Backtest
from personalization.train.run import no_progress
from tests.shops import factories as even_and_odd
from tests.shops.habits import CUSTOMERS, CUT_WEEKS, WEEKS, once, past, past_of, rows, shop_of, shuffled, weekly

LAST_WEEKS = range(WEEKS - CUT_WEEKS, WEEKS)


def asked(kind, about=None):
    return list(ranking_examples.ranking_examples(about or past(), kind))


def same(one, other):
    """Whether two of a kind hold the same numbers to the last bit."""
    if one is None or other is None:
        return one is other
    nested = ("history", "hits")
    return all(np.array_equal(vars(one)[name], vars(other)[name]) for name in vars(one) if name not in nested)


def test_at_home_everyone_is_asked_what_they_bought_after_the_cut():
    found = {question.customer: question.bought.tolist() for question in asked(tasks.HOME)}
    assert found == {
        customer: sorted({*weekly(customer), *(once(customer, week) for week in LAST_WEEKS)})
        for customer in range(CUSTOMERS)
    }


def test_what_is_new_was_never_bought_before_and_neither_is_any_candidate():
    for question in asked(tasks.DISCOVERY):
        assert question.bought.tolist() == sorted(once(question.customer, week) for week in LAST_WEEKS)
        assert not np.isin(question.candidates, question.history.purchased).any()


@pytest.mark.parametrize("kind", [tasks.BASKET, tasks.GUEST_BASKET])
def test_a_basket_is_a_part_of_one_order_and_the_rest_is_asked_for(kind):
    for question in asked(kind):
        order = sorted([*question.basket.tolist(), *question.bought.tolist()])
        assert order in [sorted([*weekly(question.customer), once(question.customer, week)]) for week in LAST_WEEKS]
        assert len(question.basket) == 2
        assert not np.isin(question.candidates, question.basket).any()
        assert bool(len(question.history.purchased)) == (kind == tasks.BASKET)


def test_of_one_customer_only_so_many_baskets_are_asked_for(monkeypatch):
    monkeypatch.setattr(ranking_examples, "BASKETS_PER_CUSTOMER", 3)
    for kind in (tasks.BASKET, tasks.GUEST_BASKET):
        customers = [question.customer for question in asked(kind)]
        assert sorted(customers) == sorted(3 * list(range(CUSTOMERS)))


def test_in_a_listing_one_chooses_among_all_products_of_one_kind():
    kind = past().train_history.catalogue.leaf_category
    for question in asked(tasks.CATEGORY):
        (chosen,) = set(kind[question.candidates].tolist())
        assert sorted(question.candidates.tolist()) == np.flatnonzero(kind == chosen).tolist()
        assert set(kind[question.bought].tolist()) == {chosen}


@pytest.mark.parametrize("kind", tasks.RANKING_TASKS.values(), ids=tasks.RANKING_TASKS)
def test_the_sequence_of_the_lines_changes_no_question(kind):
    one, other = asked(kind), asked(kind, past_of(shuffled(shop_of(rows()))))
    assert len(one) == len(other) >= CUSTOMERS
    for question, again in zip(one, other, strict=True):
        assert same(question, again) and same(question.history, again.history)
        assert same(question.hits, again.hits)


@pytest.mark.parametrize("kind", tasks.RANKING_TASKS.values(), ids=tasks.RANKING_TASKS)
def test_only_so_many_questions_are_asked(kind, monkeypatch):
    first = asked(kind)[:7]
    few = replace(kind, max_examples=7)
    monkeypatch.setitem(ranking_examples.EXAMPLE_BUILDERS, few, ranking_examples.EXAMPLE_BUILDERS[kind])
    found = asked(few)
    assert len(found) == 7 and all(map(same, found, first))


def test_what_was_bought_after_the_cut_is_not_known_to_who_is_asked():
    before = shop_of([row for row in rows() if row[3] <= past().train_history.now])
    alone = past_of(before)
    assert len(alone.product) == 0
    assert alone.learned.arrays.keys() == past().learned.arrays.keys()
    assert all(np.array_equal(array, past().learned.arrays[name]) for name, array in alone.learned.arrays.items())
    again = replace(alone, customer=past().customer, order=past().order, product=past().product)
    assert again.histories.keys() == past().histories.keys()
    assert all(same(person, past().histories[customer]) for customer, person in again.histories.items())


def test_who_came_only_after_the_cut_is_nobody_yet():
    late = [(CUSTOMERS, 9_999, product, rows()[-1][3]) for product in (0, 1, 2)]
    found = past_of(shop_of(rows() + late))
    assert CUSTOMERS not in found.histories
    assert CUSTOMERS in [question.customer for question in asked(tasks.GUEST_BASKET, found)]
    assert CUSTOMERS not in [question.customer for question in asked(tasks.BASKET, found)]


def test_guests_are_asked_for_baskets_only():
    guests = past_of(shop_of([(GUEST, *row[1:]) for row in rows()]))
    assert [len(asked(kind, guests)) for kind in tasks.RANKING_TASKS.values()] == [0, 0, 0, CUSTOMERS * CUT_WEEKS, 0, 0]


def test_learning_more_changes_nothing_of_who_was_asked():
    more = past().with_learned(replace(past().learned, arrays={**past().learned.arrays, "x": np.zeros(1)}))
    assert more.histories is past().histories and more.habits is past().habits
    assert "x" in more.learned.arrays


@pytest.mark.django_db
def test_a_stored_genome_tells_to_the_last_bit_what_training_learned_from():
    users, _ = even_and_odd.even_and_odd()
    moment = now().timestamp() - 10 * DAY
    batch.refresh_all_genomes(moment)
    shop = read_dataset(moment, no_progress)
    learned = fit_arrays(shop, shop.history, no_progress)
    number = {user.pk: customer for customer, user in enumerate(users)}  # orders were placed in their sequence
    every = np.unique(shop.history.customer).astype(np.int64)
    trained = Backtest(shop.history, learned, customer=every, order=every, product=every)
    for user in users:
        stored = visitor_history(batch.Genome.objects.of_customer(user.pk), learned)
        person = trained.histories[number[user.pk]]
        assert same(stored, person) and len(person.purchased) > 6 and len(person.neighbour_products) > 6
        told = [compute_features(who, learned, moment, np.arange(40), np.arange(3)) for who in (stored, person)]
        assert np.array_equal(*told)
