"""What it would have cost: the sentence that is served before publishing, against numbers that are worked out anew."""

import html
import math
import re
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils.timezone import now
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from personalization import serve
from personalization.decide.active_rules import read_rules_now
from personalization.measure.back_test import ReplayedPage
from personalization.measure.objective_cost import ObjectiveCost, objective_cost
from personalization.measure.objective_cost_words import describe_objective_cost
from personalization.merchandising import publishing
from personalization.models import Definition, Visitor
from personalization.oscar.dashboard import objectives_screen
from personalization.oscar.past_visits import read_past_visits
from personalization.shop.past_orders import consented_order_ids
from tests.objectives.counting_shop import count, earn

SPACE = "\N{NO-BREAK SPACE}"


def page(person, before, after, *chosen):
    return ReplayedPage(person, tuple(before), tuple(after), frozenset(chosen), 1_000_000)


def worth(products, key):
    return 1 / math.log2(2 + products.index(key)) if key in products else 0.0


def change_of(pairs):
    """(change, low, high) of sums over customers, each (before, after): the ratio of the sums, with the variance of a
    ratio, as textbooks have it."""
    before, after = np.array(pairs).T
    ratio = after.sum() / before.sum()
    spread = np.var(after - ratio * before, ddof=1)
    half = stats.t.ppf(0.975, len(pairs) - 1) * math.sqrt(spread / len(pairs)) / before.mean()
    return ratio - 1, ratio - half - 1, ratio + half - 1


def by_customer(pages, margins=None):
    sums = {}
    for one in pages:
        for key in one.chosen & {*one.before, *one.after}:
            factor = 1 if margins is None else margins.get(key, 0)
            before, after = sums.get(one.person, (0, 0))
            more = factor * worth(one.before, key), factor * worth(one.after, key)
            sums[one.person] = before + more[0], after + more[1]
    return [*sums.values()]


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.permutations(range(8)), st.permutations(range(8)), st.sets(st.integers(0, 9))),
        min_size=1,
        max_size=30,
    ),
    st.dictionaries(st.integers(0, 7), st.floats(0.1, 9)),
)
@settings(max_examples=200, deadline=None)
def test_the_numbers_are_those_of_a_ratio_of_sums_over_customers(drawn, margins):
    pages = [page(person, before, after, *chosen) for person, before, after, chosen in drawn]
    cost = objective_cost(pages, margins)
    customers = by_customer(pages)
    assert cost.people == len(customers)
    assert cost.purchases == sum(len(one.chosen & {*one.before}) for one in pages)
    assert cost.with_margin == sum(len(one.chosen & {*one.before} & margins.keys()) for one in pages)
    if cost.people < 5:
        assert cost.orders is None and cost.margin is None
        return
    found = (cost.orders.estimate, cost.orders.low, cost.orders.high)
    assert found == pytest.approx(change_of(customers), abs=1e-6)
    earned = by_customer(pages, margins)
    if cost.with_margin:
        found = (cost.margin.estimate, cost.margin.low, cost.margin.high)
        assert found == pytest.approx(change_of(earned), abs=1e-6)


def test_what_comes_to_the_page_and_what_goes_counts_from_nothing():
    pages = [page(number, [1, 2], [3, 1], 2, 3) for number in range(6)]
    cost = objective_cost(pages, {3: 2.0})
    assert cost.orders.estimate == pytest.approx(1 / worth([1, 2], 2) - 1)
    assert cost.margin is None and cost.with_margin == 6 and cost.unknown_share == 0.5
    assert cost.shown_before is None and cost.shown_after == 2.0


def test_pages_on_which_nothing_stands_that_was_bought_say_nothing():
    assert objective_cost([page(1, [1], [1], 9)], {}) == ObjectiveCost()
    assert "nothing can be said" in describe_objective_cost(ObjectiveCost(), str)


def test_few_customers_say_nothing_and_unclear_changes_say_so():
    few = objective_cost([page(number, [1, 2], [2, 1], 1) for number in range(4)], {})
    assert describe_objective_cost(few, str) == "Too few yet: 4 of at least 5 customers chose anything there."
    mixed = objective_cost([page(number, [1, 2], [2, 1], 1 + number % 2) for number in range(6)], {1: 3.0, 2: 3.0})
    words = describe_objective_cost(mixed, str)
    assert f"Expected orders: 0.0{SPACE}% (between \N{MINUS SIGN}" in words and "too little to tell" in words
    clear = objective_cost([page(number, [1, 2], [2, 1], 2) for number in range(6)], {2: 3.0})
    words = describe_objective_cost(clear, str)
    assert words.startswith(f"Expected orders: +58.5{SPACE}%. Their margin: +58.5{SPACE}%.")
    assert "too little" not in words


def test_missing_costs_are_told():
    pages = [page(number, [1, 2, 3, 4], [1, 2, 3, 4], 1, 2, 3, 4) for number in range(5)]
    words = describe_objective_cost(objective_cost(pages, {1: 1.0}), str)
    assert "Of 75 % of these purchases the cost is not known" in words
    assert "nothing can be said of margin" in describe_objective_cost(objective_cost(pages, {}), str)
    everything = describe_objective_cost(objective_cost(pages, dict.fromkeys(range(5), 1.0)), str)
    assert "not known" not in everything


def text_of(response):
    plain = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(plain).replace(SPACE, "~").split())


def signed(share):
    percent = round(abs(share) * 100, 1)
    return f"{'' if not percent else '+' if share > 0 else chr(0x2212)}{percent:.1f}~%"


def in_words(change, low, high):
    if signed(low) == signed(high):
        return signed(change)
    unsure = "" if low > 0 or high < 0 else ": too little to tell"
    return f"{signed(change)} (between {signed(low)} and {signed(high)}{unsure})"


@pytest.fixture
def draft(trained_and_indexed, admin_user, monkeypatch):
    """The margins of the shop, and a draft by which margin counts on the home page and in categories."""
    monkeypatch.setattr(objectives_screen, "PUBLISH_SECONDS", 600.0)
    _users, products = trained_and_indexed
    margins = {product: (7 * number) % 5 + 0.5 for number, product in enumerate(products) if number % 4}
    earn(margins)
    document = {"surfaces": {"home": {"margin": 20}}}
    publishing.create("objectives", "What counts", document, admin_user, key="shop")
    return {product.pk: margin for product, margin in margins.items()}


def home_pages(after):
    """The home page before each order of the last four weeks, as it is served now and would be."""
    before = read_rules_now()
    found = []
    for past in read_past_visits(consented_order_ids(now() - timedelta(days=28), now())).visits:
        sides = [replace(past.visit, rules=rules, device="") for rules in (before, after)]
        shown = [
            list(dict.fromkeys(key for _row, products in rows for key in products))
            for rows in serve.replay_rows("home", *sides)
        ]
        found.append(page(past.order.user_id, *shown, *past.bought))
    return found


@pytest.mark.django_db
@pytest.mark.usefixtures("own_files")
def test_the_sentence_before_publishing_is_what_the_orders_say(admin_client, draft):
    served = text_of(admin_client.get(reverse("personalization:personalization-objectives-publish")))
    tried = StringIO()
    call_command("personalization_backtest", objectives=True, stdout=tried)
    definition = Definition.objects.get(kind="objectives")
    publishing.publish(definition, None)
    pages = home_pages(read_rules_now_with_before(definition))
    orders, margin = change_of(by_customer(pages)), change_of(by_customer(pages, draft))
    assert orders[0] and margin[0] and orders[0] != margin[0]
    sentence = f"Expected orders: {in_words(*orders)}. Their margin: {in_words(*margin)}."
    assert sentence in served
    assert sentence in tried.getvalue().replace(SPACE, "~")
    chosen = [key for one in pages for key in one.chosen & {*one.before, *one.after}]
    unknown = sum(key not in draft for key in chosen) / len(chosen)
    assert f"Of {round(100 * unknown)} % of these purchases the cost is not known" in served
    means = []
    for side in ("before", "after"):
        shown = [
            (draft[key], worth(getattr(one, side), key)) for one in pages for key in getattr(one, side) if key in draft
        ]
        means.append(sum(money * weight for money, weight in shown) / sum(weight for _money, weight in shown))
    assert means[1] > means[0]
    assert f"What stands there would earn ${means[1]:.2f} a piece on average instead of ${means[0]:.2f}." in served


def read_rules_now_with_before(definition):
    """The rules with what counts; those that `read_rules_now` gives afterwards are without it again."""
    rules = read_rules_now()
    publishing.undo(definition, None)
    return rules


@pytest.mark.django_db
def test_nothing_to_try_is_said(admin_client, trained):
    with pytest.raises(CommandError, match="Nobody ever said what counts"):
        call_command("personalization_backtest", objectives=True)
    response = admin_client.get(reverse("personalization:personalization-objectives-publish"), follow=True)
    assert "There is no draft to publish." in text_of(response)


@pytest.mark.django_db
@pytest.mark.usefixtures("own_files")
def test_orders_of_customers_who_did_not_agree_are_not_used(admin_client, draft):
    Visitor.objects.all().update(consent="withdrawn")
    served = text_of(admin_client.get(reverse("personalization:personalization-objectives-publish")))
    assert "no customer who allows it ordered anything" in served and "Expected orders:" not in served


@pytest.mark.django_db
@pytest.mark.usefixtures("own_files")
def test_a_change_on_pages_that_cannot_be_tried_says_so(admin_client, draft):
    count({"message": {"margin": 20}})
    definition = Definition.objects.get(kind="objectives")
    publishing.save_draft(definition, {"surfaces": {}}, None, base=definition.versions.latest("number").number)
    served = text_of(admin_client.get(reverse("personalization:personalization-objectives-publish")))
    assert "Cannot be tried: Messages." in served and "Expected orders:" not in served
