"""What shoppers chose after they searched, from the shop's rows to what a snapshot keeps of it."""

from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now
from oscar.apps.analytics.models import UserProductView, UserSearch
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Product
from oscar.apps.order.models import Order

from personalization.models import Consent, Event, OrderVisitor, SensitiveCategory, Visitor
from personalization.rank import search_queries
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY
from personalization.train import dataset, search_choices
from personalization.train.run import no_progress, run_training
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
MOMENT = now()


@pytest.fixture
def tea():
    return shop.create_shop_product("Green Tea")


@pytest.fixture
def milk():
    return shop.create_shop_product("Fresh Milk")


def stranger():
    """A browser that never bought anything."""
    return Visitor.objects.create(consent=Consent.GRANTED, consented_at=MOMENT)


def browser():
    """A browser that once ordered something as a guest."""
    bread = Product.objects.filter(title="Bread").first() or shop.create_shop_product("Bread")
    placed, visitor = shop.create_past_order(None, [bread], days_ago=20), stranger()
    OrderVisitor.objects.create(order_id=placed.pk, visitor=visitor, placed_at=placed.date_placed)
    return visitor


def account(name, bought=None):
    """Somebody with an account; who bought something is heard more."""
    user = shop.create_customer(name)
    if bought is not None:
        shop.create_past_order(user, [bought], days_ago=20)
    return Visitor.objects.get_or_create_customer(user.pk)


def did(visitor, name, *, days=1.0, minutes=0.0, **fields):
    at = MOMENT - timedelta(days=days) + timedelta(minutes=minutes)
    Event.objects.create(
        event_id=uuid4(), visitor=visitor, type=name, occurred_at=at, received_at=at, **{"product_id": None, **fields}
    )


def chose(visitor, query, product, *, days=1.0, name="select_item", after=1.0, **fields):
    """They searched, and chose the product some minutes later."""
    did(visitor, "search", days=days, query=query)
    did(visitor, name, days=days, minutes=after, product_id=product.pk, **fields)


def today(product):
    """Somebody does something now, which no search explains: what is older fades."""
    did(browser(), "view_item", days=0, product_id=product.pk)


def several(query, product, times=5, **fields):
    for _ in range(times):
        chose(browser(), query, product, **fields)


def read(moment=MOMENT):
    return dataset.read_dataset(moment.timestamp() + 60, no_progress)


def learned(moment=MOMENT, least=5):
    found = read(moment)
    arrays = search_choices.search_arrays(found.searches, found.history, least)
    return SnapshotArrays({**arrays, "product.id": found.product_id})


def after(query, found):
    """By product: the share of the choices after exactly this query."""
    place = next((n for n in range(len(texts(found))) if texts(found)[n] == query), None)
    if place is None:
        return {}
    rows = slice(*found.arrays["query.product_start"][place : place + 2])
    keys = found.ids[found.arrays["query.product"][rows]].tolist()
    return dict(zip(keys, found.arrays["query.share"][rows].round(4).tolist(), strict=True))


def texts(found):
    return [
        search_queries.query_text(found.arrays, place) for place in range(len(found.arrays["query.text_start"]) - 1)
    ]


def choices(moment=MOMENT):
    """(query, product's key, weight) of each."""
    found = read(moment)
    each = search_choices.query_clicks(found.searches, moment.timestamp())
    names = [found.searches.texts[number] for number in each.query.tolist()]
    keys = found.product_id[each.product].tolist()
    return sorted(zip(names, keys, each.weight.astype(float).round(2).tolist(), strict=True))


# What counts as a choice.


def test_what_was_chosen_after_a_query_is_counted_exactly(tea, milk):
    several("tea", tea, 15)
    several("tea", milk, 5)
    found = learned()
    assert texts(found) == ["tea"]
    assert after("tea", found) == {tea.pk: 0.75, milk.pk: 0.25}
    assert found.arrays["query.visitors"].tolist() == [15, 5]


def test_a_search_explains_what_follows_within_half_an_hour_and_before_the_next_search(tea, milk):
    visitor = browser()
    chose(visitor, "late", tea, after=31)
    chose(visitor, "first", tea, days=2)
    chose(visitor, "second", milk, days=2 - 2 / 1440)
    did(visitor, "view_item", days=3, product_id=tea.pk)
    assert [(query, product) for query, product, _ in choices()] == [("first", tea.pk), ("second", milk.pk)]


def test_what_was_done_in_the_same_second_as_the_search_came_after_it(tea):
    chose(browser(), "tea", tea, after=0)
    assert [query for query, _, _ in choices()] == ["tea"]


def test_one_visitors_search_explains_nothing_that_another_does(tea):
    did(browser(), "search", query="tea")
    for _ in range(20):
        did(browser(), "view_item", minutes=1, product_id=tea.pk)
    assert choices() == []


def test_the_further_somebody_goes_the_more_it_says(tea):
    for query, name in {"a": "view_item", "b": "add_to_wishlist", "c": "add_to_cart"}.items():
        chose(account(query, tea), query, tea, days=28, name=name)
    today(tea)
    assert choices() == [("a", tea.pk, 0.5), ("b", tea.pk, 1.0), ("c", tea.pk, 1.5)]


def test_what_was_bought_within_a_day_says_most_of_the_search_after_which_it_was_seen(tea, milk):
    visitor = account("anna")
    chose(visitor, "tea", tea, days=28.1)
    chose(visitor, "milk", milk, days=28.05)
    shop.create_past_order(visitor.user, [tea], days_ago=28)
    today(tea)
    assert choices() == [("milk", milk.pk, 0.5), ("tea", tea.pk, 2.0)]


def test_who_never_bought_anything_says_a_quarter(tea, milk):
    for visitor in (stranger(), account("looks"), browser(), account("buys", bought=milk)):
        chose(visitor, "tea", tea, days=28)
    today(tea)
    assert [weight for *_, weight in choices()] == [0.13, 0.13, 0.5, 0.5]


@pytest.mark.parametrize("buying", [True, False])
def test_what_oscar_saw_a_buyer_search_for_and_look_at_counts_too(tea, milk, buying):
    for number in range(5):
        user = User.objects.create_user(f"customer{number}")
        if buying:
            shop.create_past_order(user, [milk], days_ago=20)
        searched = UserSearch.objects.create(user=user, query="Téa!")
        seen = UserProductView.objects.create(user=user, product=tea)
        UserSearch.objects.filter(pk=searched.pk).update(date_created=MOMENT - timedelta(days=100))
        UserProductView.objects.filter(pk=seen.pk).update(date_created=MOMENT - timedelta(days=100, minutes=-2))
    assert after("tea", learned()) == ({tea.pk: 1.0} if buying else {})


def test_an_order_alone_speaks_of_the_last_search_of_the_day(tea):
    user = User.objects.create_user("anna")
    searched = UserSearch.objects.create(user=user, query="tea")
    UserSearch.objects.filter(pk=searched.pk).update(date_created=MOMENT - timedelta(days=28, hours=18))
    Order.objects.filter(pk=shop.create_past_order(user, [tea]).pk).update(date_placed=MOMENT - timedelta(days=28))
    seen = UserProductView.objects.create(user=user, product=tea)
    UserProductView.objects.filter(pk=seen.pk).update(date_created=MOMENT)
    assert choices() == [("tea", tea.pk, 0.5)]


def test_old_choices_fade(tea, milk):
    several("drink", tea, 5, days=28)
    several("drink", milk, 5, days=0)
    assert after("drink", learned()) == {
        milk.pk: pytest.approx(2 / 3, abs=1e-3),
        tea.pk: pytest.approx(1 / 3, abs=1e-3),
    }


def test_a_log_that_ended_years_ago_fades_from_its_end_only(tea, milk):
    several("drink", tea, 5, days=7_028)
    several("drink", milk, 5, days=7_000)
    several("water", milk, 5, days=3_000)
    several("water", tea, 5, days=2_970)
    found = learned()
    assert after("drink", found) == {tea.pk: 0.5, milk.pk: 0.5}
    assert after("water", found)[tea.pk] == pytest.approx(2 / 3, abs=0.02)


def test_nothing_that_happens_later_is_known_earlier(tea):
    several("tea", tea, days=3)
    assert texts(learned(MOMENT - timedelta(days=4))) == []


# Who is heard.


def test_a_thousand_clicks_of_one_visitor_are_one(tea, milk):
    several("tea", tea)
    loud = browser()
    chose(loud, "tea", milk)
    Event.objects.bulk_create(
        Event(
            event_id=uuid4(),
            visitor=loud,
            type="select_item",
            occurred_at=MOMENT - timedelta(days=1),
            received_at=MOMENT,
            product_id=tea.pk,
        )
        for _ in range(1_000)
    )
    found = learned()
    assert found.arrays["query.visitors"].tolist() == [6] and found.arrays["search.choices"].max() < 6
    assert after("tea", found) == {tea.pk: pytest.approx(6 / 7, abs=1e-4)}


def test_what_strangers_choose_at_most_doubles_what_buyers_chose(tea, milk):
    several("drink", tea, 4)
    several("drink", milk, 4)
    for _ in range(100):
        chose(stranger(), "drink", milk)
        chose(stranger(), "water", tea)
    found = learned()
    assert after("drink", found) == {milk.pk: pytest.approx(2 / 3, abs=1e-4)} and after("water", found) == {}
    assert found.arrays["query.visitors"].tolist() == [8]
    assert found.arrays["query.weight"].round(1).tolist() == [12.0, 0.0]
    assert found.arrays["search.choices"].tolist()[:2] == pytest.approx([8, 8], abs=0.1)


def test_strangers_who_come_and_go_within_a_minute_are_not_heard(tea):
    several("tea", tea, 4)
    chose(hasty := stranger(), "tea", tea, after=0.9)
    assert len(choices()) == 4 and texts(learned()) == []
    did(hasty, "user_engagement", minutes=1, product_id=tea.pk)
    assert len(choices()) == 5 and texts(learned()) == ["tea"]


def test_a_stay_is_told_by_the_shops_clock_not_by_what_the_sender_says(tea):
    visitor = stranger()
    chose(visitor, "tea", tea)
    Event.objects.update(received_at=MOMENT)
    assert choices() == []


def test_an_echo_is_not_heard_and_what_was_chosen_after_it_is(tea, milk):
    several("drink", tea, 4)
    visitor = stranger()
    did(visitor, "search", query="drink", is_echo=True)
    did(visitor, "view_item", minutes=1, product_id=tea.pk, is_echo=True)
    did(visitor, "view_item", minutes=2, product_id=milk.pk)
    assert [(product, weight) for _, product, weight in choices() if product == milk.pk] == [(milk.pk, 0.25)]
    assert len(choices()) == 5 and texts(learned()) == []


def test_a_buyer_is_heard_among_all_others_of_the_same_network(tea):
    several("tea", tea, 5, is_echo=True)
    assert after("tea", learned()) == {tea.pk: 1.0}


def test_an_order_that_was_cancelled_makes_no_buyer(tea):
    several("tea", tea, 5)
    assert {weight for *_, weight in choices()} == {1.0}
    Order.objects.update(status="Cancelled")
    assert {weight for *_, weight in choices()} == {0.25}


def test_what_fewer_than_five_visitors_did_stands_nowhere(tea, milk):
    several("tea", tea)
    secret = "zq7 my secret xw9"
    for _ in range(4):
        chose(visitor := browser(), secret, milk)
        chose(visitor, secret, milk, days=0.5)
    without = learned()
    assert texts(without) == ["tea"] and after("tea", without) == {tea.pk: 1.0}
    assert set(without.arrays["trigram.key"].tolist()) == set(search_queries.trigrams(["tea"])[1].tolist())
    milks = int(np.searchsorted(without.ids, milk.pk))
    assert milks not in without.arrays["query.product"] and milks not in without.arrays["trigram.product"]
    assert without.arrays["search.choices"][milks] == 0
    several(secret, milk, 1)
    assert secret in texts(learned())


def test_five_visitors_who_choose_different_things_leave_the_query_and_no_pair(tea):
    for number in range(5):
        chose(browser(), "drink", shop.create_shop_product(f"Drink {number}"))
    found = learned()
    assert texts(found) == ["drink"] and after("drink", found) == {}
    assert found.arrays["trigram.product"].tolist() == []


def test_a_rare_query_is_understood_by_pieces_that_enough_visitors_typed(tea):
    for typed in ("green tee", "gren tee", "greene tee", "tee gruen", "tee groen"):
        chose(browser(), typed, tea)
    found = learned()
    assert texts(found) == []
    places, weight = search_queries.products_chosen_after("gruener tee", found)
    assert found.ids[places].tolist() == [tea.pk] and 0 < weight[0] < 1


def test_one_visitor_who_types_in_many_ways_is_one_behind_a_piece_too(tea):
    visitor = browser()
    for number in range(9):
        chose(visitor, f"tea {number}", tea, days=1 + number)
    assert learned().arrays["trigram.product"].tolist() == []
    for number in range(4):
        chose(browser(), f"my tea {number}", tea)
    assert len(set(learned().arrays["trigram.product"].tolist())) == 1


def test_who_objects_is_not_learned_from(tea):
    several("tea", tea, 4)
    visitor = account("anna")
    chose(visitor, "tea", tea)
    assert texts(learned()) == ["tea"]
    Visitor.objects.filter(pk=visitor.pk).update(consent=Consent.WITHDRAWN)
    assert texts(learned()) == []
    Visitor.objects.filter(pk=visitor.pk).update(consent=Consent.GRANTED, erased_at=MOMENT)
    assert texts(learned()) == []
    Visitor.objects.filter(pk=visitor.pk).update(erased_at=MOMENT - timedelta(days=2))
    assert texts(learned()) == ["tea"]


def test_a_browser_that_withdrew_is_not_learned_from(tea):
    several("tea", tea, 5)
    Visitor.objects.filter(pk=Visitor.objects.first().pk).update(consent=Consent.WITHDRAWN)
    assert texts(learned()) == []


def test_who_seems_to_be_no_shopper_is_not_learned_from(tea):
    several("tea", tea, 4)
    several("tea", tea, 3, is_suspected_bot=True)
    assert after("tea", learned()) == {}


def test_sensitive_products_are_not_learned_of(tea):
    adult = create_from_breadcrumbs("Adults")
    wine = shop.create_shop_product("Wine", adult)
    SensitiveCategory.objects.create(category=adult)
    several("drink", wine)
    several("drink", tea)
    found = learned()
    assert wine.pk not in found.ids and after("drink", found) == {tea.pk: 1.0}


def test_five_browsers_cannot_move_a_product_above_what_two_hundred_chose(tea, milk):
    for _ in range(200):
        chose(browser(), "tea", tea)
    several("tea", milk, 5, name="add_to_cart")
    found = learned()
    places, weight = search_queries.products_chosen_after("tea", found)
    assert found.ids[places[np.argmax(weight)]] == tea.pk and sorted(weight)[0] < 0.1


def test_what_only_visitors_wrote_is_shown_to_nobody(tea):
    several("green tea", tea)
    several("green t3a buy at evil", tea)
    found = learned()
    assert len(texts(found)) == 2
    assert search_queries.similar_queries("green tee", found, 5) == ["green tea"]


# What becomes of it.


def test_a_training_run_of_an_empty_shop_knows_no_searches():
    snapshot = run_training()
    assert snapshot.is_active
    found = learned()
    assert {name: array.size for name, array in found.arrays.items() if name.startswith("query.")} == {
        "query.text": 0,
        "query.text_start": 1,
        "query.is_public": 0,
        "query.weight": 0,
        "query.product_start": 1,
        "query.product": 0,
        "query.share": 0,
        "query.visitors": 0,
    }
    assert [len(part) for part in search_queries.products_chosen_after("tea", found)] == [0, 0]


def test_searches_without_choices_are_known_by_their_text_alone(tea):
    for _ in range(5):
        did(browser(), "search", query="Tea")
    found = learned()
    assert texts(found) == ["tea"] and [len(part) for part in search_queries.products_chosen_after("tea", found)] == [
        0,
        0,
    ]


def test_how_often_a_product_is_chosen_after_any_search_counts_visitors(tea, milk):
    for _ in range(5):
        visitor = browser()
        chose(visitor, "tea", tea, days=0)
        chose(visitor, "drink", tea, days=0)
        chose(visitor, "milk", milk, days=28)
    found = learned()
    said = dict(zip(found.ids.tolist(), found.arrays["search.choices"].round(2).tolist(), strict=True))
    assert (said[tea.pk], said[milk.pk]) == (5, 2.5)


def test_the_same_rows_give_the_same_bytes_in_any_sequence(tea, milk):
    several("green tea", tea, 7, days=3)
    several("grean tee", milk, 6)
    several("green tea", milk, 5, days=9)
    whole = read()
    rng = np.random.default_rng(1)
    order = rng.permutation(len(whole.searches.at))
    found = whole.searches
    other = search_choices.SearchLog(
        -1 - rng.permutation(100)[-1 - np.unique(found.visitor, return_inverse=True)[1] - 1][order],
        *(column[order] for column in (found.at, found.query, found.product, found.weight, found.standing)),
        found.texts,
    )
    one, two = (search_choices.search_arrays(each, whole.history, 5) for each in (found, other))
    assert all(np.array_equal(one[name], two[name]) for name in one) and len(one["query.product"]) == 3


def test_a_search_fades_by_half_in_four_weeks():
    assert search_choices.HALF_LIFE_SECONDS == 28 * DAY


@pytest.mark.parametrize("rows", [1, 3, 10**9])
def test_the_size_of_a_block_changes_nothing(tea, milk, monkeypatch, rows):
    several("green tea", tea, 7)
    several("green milk", milk, 6)
    found = read()
    usual = search_choices.search_arrays(found.searches, found.history, 5)
    monkeypatch.setattr(search_choices, "ROWS_AT_ONCE", rows)
    monkeypatch.setattr(search_choices, "TEXTS_AT_ONCE", rows)
    again = search_choices.search_arrays(found.searches, found.history, 5)
    assert all(np.array_equal(usual[name], again[name]) for name in usual)
