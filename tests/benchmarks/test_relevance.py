"""The relevance benchmark on purchases whose answers are known."""

import numpy as np
import pandas as pd
import pytest
from django.contrib.auth.models import User
from django.utils.timezone import make_aware
from oscar.apps.catalogue.models import Category, Product
from oscar.apps.order.models import Line, Order

from benchmarks import bench, questions, reference_methods, relevance, scores, scratch_shop, translation

CUT = pd.Timestamp("2017-10-02")
ANNA, BEN, LATECOMER = 1, 2, 99
MILK, BREAD, TEA, CAVIAR = 1, 2, 3, 4
PLACES = 1 / np.log2(np.arange(10) + 2)
"""What NDCG gives for each place."""


def lines(*rows):
    """Lines from (user, basket, item, days after the cut)."""
    table = pd.DataFrame(rows, columns=["user", "basket", "item", "day"])
    table["ts"] = CUT + pd.to_timedelta(table.pop("day"), "D")
    return table.assign(qty=2, price=1.5)


def shelf(items, kind="FOOD"):
    kinds = {"name": "Food 1 kg", "category": "FOOD", "ptype": kind, "brand": "7"}
    return pd.DataFrame({"item": list(items), **kinds})


def written(folder, history, items, horizon=28):
    bench.write(folder, history, items, cut=CUT, horizon=horizon)
    return bench.Bench(folder)


@pytest.fixture
def little(tmp_path):
    """Five customers bought milk, bread and tea, four bought caviar; then Anna and Ben shop, and somebody unknown."""
    before = [
        (user, 10 * user + item, item, -30 + item)
        for user in range(1, 6)
        for item in (MILK, BREAD, TEA)
        if (user, item) != (ANNA, TEA)
    ]
    before += [(6, 63, TEA, -20), *((user, 10 * user + CAVIAR, CAVIAR, -5) for user in range(1, 5))]
    after = [
        (ANNA, 101, MILK, 3),
        (ANNA, 101, TEA, 3),
        (ANNA, 101, CAVIAR, 3),
        (ANNA, 102, BREAD, 9),
        (BEN, 103, BREAD, 0),
        (BEN, 104, TEA, 28),
        (LATECOMER, 105, MILK, 1),
    ]
    kinds = {MILK: "MILK", BREAD: "FOOD", TEA: "TEA", CAVIAR: "CAVIAR"}
    return written(tmp_path, lines(*before, *after), shelf(kinds, kind=list(kinds.values())))


@pytest.fixture
def even_and_odd(tmp_path):
    """Twenty customers with a basket a week: even customers buy even items, odd customers odd ones.

    In one week they buy one half of their ten items, in the next the other; after the cut all ten, and another's.
    """
    rows = [
        (user, 100 * user + week, item, -7 * week)
        for user in range(20)
        for week in range(1, 5)
        for item in range(user % 2, 20, 2)
        if (user // 2 + item // 2 + week) % 2
    ]
    rows += [(user, 100 * user + 50, item, 1) for user in range(20) for item in range(user % 2, 20, 2)]
    rows += [(user, 100 * user + 50, 1 - user % 2, 1) for user in range(20)]
    kinds = ["EVEN", "ODD"] * 10
    return written(tmp_path, lines(*rows), shelf(range(20), kind=kinds).assign(category=kinds))


def wanted(of, task):
    """The right answers by user, or by question, in the source's own numbers."""
    source = of.items.set_index("item")["ext_id"].astype(int)
    truth = of.truth(task).merge(of.questions(task))
    return {qid: set(source[items]) for qid, items in truth.groupby("qid")["item"]}.values()


def test_an_item_with_four_buyers_is_left_out(little):
    assert set(little.items["ext_id"]) == {"1", "2", "3"}
    assert little.history["item"].isin(little.items["item"]).all()


def test_the_history_ends_at_the_cut(little):
    assert little.history["ts"].max() < CUT
    assert len(little.history) == 15


def test_numbers_begin_at_nought_and_baskets_follow_time(little):
    assert sorted(little.items["item"]) == [0, 1, 2]
    assert sorted(pd.read_parquet(little.folder / "users.parquet")["user"]) == list(range(7))
    assert little.history["basket"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("task", "answers"),
    [
        ("t1", [{MILK, TEA}, {BREAD}]),
        ("t1n", [{TEA}]),
        ("t1w", [{MILK, TEA, BREAD}, {BREAD}]),
    ],
)
def test_what_known_customers_buy_next_is_asked(little, task, answers):
    assert sorted(wanted(little, task), key=len) == sorted(answers, key=len)


def test_the_categories_of_the_next_basket_are_asked(little):
    assert little.truth("t3").groupby("qid")["item"].agg(list).tolist() == [["FOOD"], ["FOOD"]]
    assert not little.truth("t3")["new"].any()


def test_a_lot_is_the_same_everywhere():
    assert questions.lot("salt", 1, 2) == 3069880348606
    assert [bench._half(user, "salt") for user in range(4)] == ["secret", "dev", "dev", "secret"]


@pytest.mark.parametrize(("size", "given"), [(3, 1), (4, 2), (9, 4), (12, 5)])
def test_half_of_a_basket_is_given_but_no_more_than_five(size, given):
    parted = questions.parted_baskets(lines(*((ANNA, 7, item, 1) for item in range(size))), "salt")
    assert parted["given"].tolist() == [True] * given + [False] * (size - given)
    assert parted["item"].tolist() == sorted(range(size), key=lambda item: questions.lot("salt", 7, item))


def test_the_first_three_baskets_of_three_items_are_parted():
    sizes = {1: 3, 2: 2, 3: 3, 4: 4, 5: 3}
    window = lines(*((ANNA, basket, item, basket) for basket, size in sizes.items() for item in range(size)))
    assert questions.parted_baskets(window, "salt")["basket"].unique().tolist() == [1, 3, 4]


def test_the_same_baskets_are_asked_without_their_user(even_and_odd):
    known, unknown = even_and_odd.questions("t2"), even_and_odd.questions("t2a")
    assert known["qid"].str.replace("t2-", "t2a-").tolist() == unknown["qid"].tolist()
    assert set(unknown["user"]) == {-1}
    assert set(even_and_odd.given("t2").groupby("qid").size()) == {5}
    assert set(even_and_odd.truth("t2a").groupby("qid").size()) == {6}


def test_a_listing_is_a_kind_with_ten_items_sold_lately():
    kinds = {"TEN": range(10), "NINE": range(10, 19), "OTHER": range(20, 40), "OLD": range(40, 60)}
    items = pd.concat([shelf(numbers, kind=kind) for kind, numbers in kinds.items()])
    history = lines(*((ANNA, 1, item, -84 if item < 40 else -85) for item in items["item"]))
    listings = questions.listings(history, items, CUT)
    assert listings["item"].tolist() == list(range(10))
    assert set(listings["listing"]) == {"TEN"}


def test_of_six_listings_five_are_drawn_with_all_that_was_bought_from_them():
    shown = pd.DataFrame({"item": range(12), "listing": list("abcdef" * 2)})
    drawn = questions.drawn_listings(lines(*((ANNA, item, item, 1) for item in range(12))), shown, "salt")
    last = max("abcdef", key=lambda listing: questions.lot("salt", ANNA, listing))
    assert drawn.groupby("listing").size().to_dict() == dict.fromkeys(set("abcdef") - {last}, 2)
    assert set(drawn["about"]) == {f"{ANNA}-{listing}" for listing in drawn["listing"]}


def test_a_category_is_new_where_nothing_of_it_was_bought(even_and_odd):
    """Each bought one item of the others' category, for the first time."""
    truth = even_and_odd.truth("t3").merge(even_and_odd.questions("t3"))
    assert len(truth) == 40
    assert truth.groupby("user")["new"].agg(sorted).tolist() == [[False, True]] * 20


def test_fewer_customers_keep_all_their_lines():
    history = lines(*((user, user, item, -1) for user in range(1, 7) for item in (MILK, TEA)))
    some = bench.some_customers(history, 2)
    assert some.groupby("user").size().tolist() == [2, 2]


@pytest.fixture
def asks(tmp_path):
    """A bench by hand, with one question: task, the right items, and what else it says."""

    def make(task, right, user=0, listing="", history=(), **tables):
        tables[f"q_{task}"] = pd.DataFrame({"qid": ["q"], "user": [user], "listing": [listing]})
        tables[f"truth_{task}"] = pd.DataFrame({"qid": "q", "item": right})
        tables["train"] = pd.DataFrame(history, columns=["user", "item"])
        for name, table in tables.items():
            table.to_parquet(tmp_path / f"{name}.parquet")
        return bench.Bench(tmp_path)

    return make


def listed(items, qid="q"):
    return pd.DataFrame({"qid": qid, "rank": range(len(items)), "item": items})


@pytest.mark.parametrize(
    ("shown", "right", "measures"),
    [
        ([1, 2], [1, 2], (1, 1, 1, 1, 1)),
        ([2, 1], [1], (PLACES[1], 1, 1, 1, 1 / 2)),
        ([9, 1, 8, 2], [1, 2, 3], ((PLACES[1] + PLACES[3]) / PLACES[:3].sum(), 2 / 3, 2 / 3, 1, 1 / 2)),
        ([*range(10), 77], [77], (0, 0, 0, 0, 1 / 11)),
        ([*range(100), 777], [777], (0, 0, 0, 0, 0)),
        (list(range(10)), list(range(20)), (1, 1 / 4, 1 / 2, 1, 1)),
        ([7, 7, 5], [5], (PLACES[1], 1, 1, 1, 1 / 2)),
        ([], [1], (0, 0, 0, 0, 0)),
    ],
)
def test_the_measures_are_exact(shown, right, measures, asks):
    values = scores.measured(asks("t1", right), "t1", listed(shown))
    assert list(values) == ["NDCG@10", "recall@5", "recall@10", "hit rate", "MRR"]
    assert tuple(values.loc["q"]) == pytest.approx(measures)


def second_place(of, task, items):
    """Whether the right item counts as the second of these."""
    return scores.measured(of, task, listed(items)).loc["q", "MRR"] == 1 / 2


@pytest.mark.parametrize("task", ["t1", "t1w"])
def test_what_was_bought_before_keeps_its_place(task, asks):
    assert second_place(asks(task, [5], history=[(0, 8)]), task, [8, 5])


def test_what_was_bought_before_is_passed_over_where_new_items_are_asked_for(asks):
    assert second_place(asks("t1n", [5], history=[(0, 8), (1, 9)]), "t1n", [8, 9, 5])


@pytest.mark.parametrize(("task", "user"), [("t2", 0), ("t2a", -1)])
def test_what_lies_in_the_basket_is_passed_over(task, user, asks):
    given = pd.DataFrame({"qid": ["q"], "item": [8]})
    assert second_place(asks(task, [5], user=user, **{f"g_{task}": given}), task, [8, 9, 5])


def test_a_category_is_known_by_its_name(asks, tmp_path):
    listed(["NA", "TEA"]).to_csv(tmp_path / "shop.t3.csv", index=False)
    assert second_place(asks("t3", ["TEA"]), "t3", scores.read_lists(tmp_path / "shop.t3.csv")["item"])


def test_what_is_not_in_the_listing_is_passed_over(asks):
    shown = pd.DataFrame({"item": [5, 9, 8], "listing": ["TEA", "TEA", "MILK"]})
    assert second_place(asks("t4", [5], listing="TEA", c_t4=shown), "t4", [8, 9, 5])


def test_a_question_without_a_list_counts_as_nought(asks):
    assert scores.measured(asks("t1", [5]), "t1", listed([5], qid="another"))["MRR"].tolist() == [0]


def test_the_interval_is_the_normal_one():
    assert scores.interval(pd.Series([0.0, 1.0, 0.0, 1.0])) == pytest.approx(1.96 * np.sqrt(1 / 3) / 2)


def lists_of(method, of, task):
    bought = reference_methods.learned_from(of, task)
    return reference_methods.lists(of, task, bought, reference_methods.METHODS[method](bought))


def mean(of, task, method, measure="NDCG@10"):
    return scores.measured(of, task, lists_of(method, of, task))[measure].mean()


@pytest.mark.parametrize("method", ["decayed-frequency", "tifu-knn"])
@pytest.mark.parametrize("task", ["t1", "t1w", "t3"])
def test_even_users_get_even_items_first(method, task, even_and_odd):
    assert mean(even_and_odd, task, method) == pytest.approx(1)


@pytest.mark.parametrize("method", ["decayed-frequency", "tifu-knn"])
def test_a_listing_holds_all_its_items_and_no_others(method, even_and_odd):
    found = lists_of(method, even_and_odd, "t4").merge(even_and_odd.questions("t4"))
    assert set(found.groupby("qid").size()) == {10}
    assert found.merge(even_and_odd.listings).shape[0] == len(found)


@pytest.mark.parametrize(
    ("method", "task"), [("basket-cosine", "t2"), ("recency-and-cosine", "t2"), ("basket-pairs", "t2a")]
)
def test_a_basket_is_completed_and_what_lies_in_it_is_not_listed(method, task, even_and_odd):
    found = lists_of(method, even_and_odd, task)
    assert found.merge(even_and_odd.given(task)).empty
    assert set(found.groupby("qid").size()) == {15}
    assert mean(even_and_odd, task, method, "recall@10") >= 5 / 6


@pytest.mark.parametrize("method", ["item-cosine", "ease", "bestsellers"])
def test_a_list_of_new_items_holds_nothing_bought_before(method, even_and_odd):
    found = lists_of(method, even_and_odd, "t1n").merge(even_and_odd.questions("t1n"))
    assert found.merge(even_and_odd.history[["user", "item"]]).empty
    assert set(found.groupby("qid").size()) == {10}


def bought(*rows):
    history = lines(*rows)
    items = pd.Series(history["item"].unique(), history["item"].unique())
    return reference_methods.purchases(history, items, CUT)


def scored(method, purchases, user, basket=()):
    """The items for this user and basket, best first."""
    baskets = reference_methods.sparse.csr_matrix(purchases.items.isin(basket)[None].astype(np.float32))
    scores = reference_methods.METHODS[method](purchases)(np.array([user]), baskets)
    return purchases.items[np.argsort(-scores[0], kind="stable")].tolist()


def test_decayed_frequency_prefers_what_was_bought_lately():
    purchases = bought((1, 1, MILK, -200), (1, 2, BREAD, -10), (1, 3, TEA, -90), (2, 4, CAVIAR, -1))
    assert scored("decayed-frequency", purchases, user=0) == [BREAD, TEA, MILK, CAVIAR]


def test_bestsellers_are_counted_over_the_last_weeks():
    purchases = bought((1, 1, MILK, -100), (2, 2, MILK, -99), (3, 3, BREAD, -27), (4, 4, TEA, -60))
    assert scored("bestsellers", purchases, user=3) == [BREAD, MILK, TEA]


def test_together_is_damped_by_how_often_each_is_bought():
    """Bread goes with milk in all four of its baskets; so does tea, which is in four more."""
    rows = [(1, basket, item, -40) for basket in range(4) for item in (MILK, BREAD, TEA)]
    purchases = bought(*rows, *((1, 9 + basket, TEA, -40) for basket in range(4)))
    pairs = reference_methods.basket_pairs(purchases)
    milk = reference_methods.sparse.csr_matrix(np.array([[1, 0, 0]], np.float32))
    ratio = (4 * 4**0.25 + 10) / (4 * 8**0.25 + 10)
    assert pairs(np.array([0]), milk)[0] == pytest.approx([0, 1, ratio], abs=1e-6)


def test_who_meets_once_does_not_go_together():
    purchases = bought((1, 1, MILK, -1), (1, 1, TEA, -1))
    assert purchases.together().nnz == 0


def test_the_neighbours_of_an_item_are_its_cosines():
    owned = reference_methods.sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1]], np.float32))
    root = 1 / np.sqrt(2)
    assert reference_methods._neighbours(owned).toarray() == pytest.approx(
        np.array([[1, 1 / 2, 0], [1 / 2, 1, root], [0, root, 1]])
    )


def test_ease_is_the_closed_form_of_its_paper():
    purchases = bought((1, 1, MILK, -1), (1, 1, TEA, -1), (2, 2, MILK, -1), (3, 3, BREAD, -1), (3, 3, TEA, -1))
    counts = np.log1p(purchases.counts().toarray())
    inverse = np.linalg.inv(counts.T @ counts + reference_methods.RIDGE * np.eye(3))
    weights = np.eye(3) - inverse / np.diag(inverse)
    found = reference_methods.ease(purchases)(np.arange(3), None)
    assert found == pytest.approx(counts @ weights, abs=1e-5)


def test_tifu_weighs_baskets_and_groups():
    apart = 9 - 1 - np.arange(9)
    groups_apart = np.array([6, 5, 4, 3, 2, 1, 1, 0, 0])
    size = np.array([1, 1, 1, 1, 1, 2, 2, 2, 2])
    weight = reference_methods._tifu_weight(bought(*((1, week, MILK, week - 50) for week in range(9))))
    assert weight == pytest.approx(0.95**apart * 0.9**groups_apart / size / 7)


@pytest.mark.django_db
def test_the_scratch_shop_holds_the_history_with_its_dates(little):
    keys = scratch_shop.fill(little, silent=True)
    assert (User.objects.count(), Product.objects.count()) == (6, 3)
    assert Order.objects.count() == Line.objects.count() == 15
    someone = little.history[little.history["user"] == little.history["user"].iloc[-1]]
    orders = Order.objects.filter(user_id=keys.user[someone["user"].iloc[0]]).order_by("date_placed")
    assert list(orders.values_list("lines__product_id", flat=True)) == keys.item[someone["item"]].tolist()
    assert orders.last().date_placed == make_aware(someone["ts"].iloc[-1].to_pydatetime())
    assert set(Order.objects.values_list("total_incl_tax", flat=True)) == {3}


@pytest.mark.django_db
def test_an_item_lies_in_its_kind_and_that_in_its_category(little):
    keys = scratch_shop.fill(little, silent=True)
    food = Category.objects.get(pk=keys.category["FOOD"])
    assert (food.depth, food.get_children().count()) == (1, 2)
    for item in little.items.itertuples():
        category = Product.objects.get(pk=keys.item[item.item]).categories.get()
        assert category == food if item.ptype == "FOOD" else category.get_parent() == food


@pytest.mark.django_db
def test_an_item_of_no_category_lies_in_none(tmp_path):
    history = lines(*((user, user, item, -1) for user in range(5) for item in (MILK, TEA)))
    nameless = shelf([MILK, TEA], kind=["", "TEA"]).assign(category=None, brand=None)
    keys = scratch_shop.fill(written(tmp_path, history, nameless), silent=True)
    assert set(keys.category.index) == {"TEA"}
    assert sorted(product.categories.count() for product in Product.objects.all()) == [0, 1]


@pytest.mark.django_db
def test_everything_in_the_scratch_shop_can_be_bought(little):
    scratch_shop.fill(little, silent=True)
    for product in Product.objects.browsable():
        assert product.stockrecords.get().net_stock_level == scratch_shop.PLENTY


@pytest.fixture
def keys(even_and_odd):
    """User 3 has the key 1003, item 3 the key 2003."""
    users, items = range(20), range(20)
    return translation.Keys(
        user=pd.Series([1000 + user for user in users], users),
        item=pd.Series([2000 + item for item in items], items),
        category=pd.Series({"EVEN": 31, "ODD": 35}),
    )


def test_keys_that_were_saved_are_the_same_keys(keys, tmp_path):
    keys.save(tmp_path)
    again = translation.Keys.load(tmp_path)
    assert [again.user[3], again.item[3], again.category["ODD"]] == [1003, 2003, 35]


def test_a_basket_is_told_with_its_customer_or_without(even_and_odd, keys):
    told, untold = (translation.asked(even_and_odd, task, keys) for task in ("t2", "t2a"))
    assert list(told) == ["basket_id", "customer_id", "product_id"]
    assert told["basket_id"].tolist() == [number for number in range(20) for _ in range(5)]
    assert (told["customer_id"] == 1000 + even_and_odd.questions("t2")["user"][told["basket_id"]].to_numpy()).all()
    assert told["product_id"].tolist() == (2000 + even_and_odd.given("t2")["item"]).tolist()
    assert untold["customer_id"].isna().all()
    assert untold.to_csv(index=False).splitlines()[1].startswith("0,,2")


def test_all_products_of_a_listing_are_told(even_and_odd, keys):
    told = translation.asked(even_and_odd, "t4", keys)
    assert list(told) == ["list_id", "customer_id", "product_id"]
    assert told.groupby("list_id").size().tolist() == [10] * len(even_and_odd.questions("t4"))


@pytest.mark.parametrize("task", ["t1", "t1n", "t1w"])
def test_a_customers_list_goes_to_their_question(task, even_and_odd, keys):
    export = pd.DataFrame({"customer": [1003, 1003, 4000], "rank": [0, 1, 0], "product": [2005, 2004, 2001]})
    lists = translation.answered(even_and_odd, task, export, keys)
    assert lists.to_numpy().tolist() == [[f"{task}-3", 0, 5], [f"{task}-3", 1, 4]]


@pytest.mark.parametrize(("task", "about"), [("t2", "basket"), ("t2a", "basket"), ("t4", "list")])
def test_a_numbered_list_goes_to_its_question(task, about, even_and_odd, keys):
    export = pd.DataFrame({about: [2, 2], "rank": [0, 1], "product": [2005, 2004]})
    lists = translation.answered(even_and_odd, task, export, keys)
    assert lists["qid"].tolist() == [even_and_odd.questions(task)["qid"][2]] * 2
    assert lists["item"].tolist() == [5, 4]


def test_of_categories_only_the_upper_ones_count(even_and_odd, keys):
    export = pd.DataFrame({"customer": 1003, "rank": [0, 1, 2], "category": [32, 35, 31]})
    lists = translation.answered(even_and_odd, "t3", export, keys)
    assert lists.to_numpy().tolist() == [["t3-3", 1, "ODD"], ["t3-3", 2, "EVEN"]]


def test_unknown_tasks_are_named():
    with pytest.raises(Exception, match=r"no task t9; there are: t1, t1n, t1w, t2, t2a, t3, t4"):
        relevance.known_tasks("t1,t9")


def test_every_task_has_a_door_and_every_reference_a_method():
    assert list(relevance.EXPORTS) == list(relevance.QUESTIONS)
    assert set(relevance.REFERENCES | relevance.HEAVY) == set(reference_methods.METHODS)


def test_a_step_that_fails_ends_the_benchmark():
    with pytest.raises(SystemExit, match="Nothing failed"):
        relevance.run("Nothing", "-c", "raise SystemExit(3)")


def test_a_step_is_measured_from_start_to_end():
    cost = relevance.run("Work", "-c", "block = bytes(64 * 2**20); print(sum(range(3_000_000)))")
    assert cost.said.strip() == "4499998500000"
    assert cost.cpu > 0.01
    assert cost.peak_mib > 64


def test_the_table_says_what_training_costs_beside_the_usual(capsys):
    score = dict.fromkeys(relevance.MEASURES, (0.25, 0.01)) | {"task": "t1", "asked": 1976, "without": 3}
    methods = {
        "shop": relevance.Method({"t1": (12, 3)}, 200),
        "item-cosine": relevance.Method({"t1n": (4, 1)}, 100),
    }
    relevance.print_table([score | {"method": "shop"}], methods, ["t1"])
    said = capsys.readouterr().out
    assert "> this shop            0.2500±0.0100" in said
    assert "12.0 + 3.0" in said
    assert "3 of them without any list" in said
    assert "takes 12.0 CPU s, with all that it reads and writes: 3.0 times the 4.0 s of item-cosine" in said
