"""What sells in which country: from the orders' shipping addresses to the candidates of a stranger."""

import time
from dataclasses import replace

import numpy as np
import pytest
from django.contrib.auth.models import User
from oscar.apps.address.models import Country
from oscar.apps.order.models import ShippingAddress

from personalization.decide import scoring
from personalization.decide.visit import Visit
from personalization.models import Genome, Snapshot, snapshot_files
from personalization.rank import candidates
from personalization.rank.snapshot_arrays import SnapshotArrays, country_code_to_int
from personalization.rank.visitor_history import VisitorHistory
from personalization.recommenders import DAY, GUEST, UNKNOWN_COUNTRY, HistoryArrays
from personalization.shop.catalogue import CategoryMemberships
from personalization.testing import REFERENCE_TIME
from personalization.train import dataset, fit, run
from tests.shops import factories as shop
from tests.shops import handmade_snapshot
from tests.shops.habits import shop_of, shuffled


def sold(*orders, countries=("DE", "FR")):
    """A shop of (customer, product, country's number, days ago), each an order of its own."""
    lines = [(who, number, what, REFERENCE_TIME - ago * DAY) for number, (who, what, _, ago) in enumerate(orders)]
    made = shop_of(lines, products=300)
    country = np.array([where for _, _, where, _ in orders], np.int32)
    members = CategoryMemberships(category=np.empty(0, np.int64), product=np.empty(0, np.int64), depth={})
    return replace(made, members=members, history=replace(made.history, country=country, countries=countries))


def learned(made) -> SnapshotArrays:
    return SnapshotArrays(fit.product_arrays(made, made.history))


def bought(customers, product, country, ago=1):
    return [(who, product, country, ago) for who in customers]


FIVE, OTHERS = range(5), range(100, 150)


def test_each_country_has_its_own_bestsellers_best_first():
    found = learned(sold(*bought(range(9), 3, 0), *bought(FIVE, 1, 0), *bought(range(20, 26), 2, 1)))
    assert [found.country_products(code).tolist() for code in ("DE", "FR", "IT", "")] == [[3, 1], [2], [], []]
    assert found.country_products("de").tolist() == [3, 1]


def test_what_sells_as_well_there_stands_as_it_sells_everywhere():
    found = learned(sold(*bought(FIVE, 1, 0), *bought(FIVE, 2, 0), *bought(OTHERS, 2, UNKNOWN_COUNTRY)))
    assert found.country_products("DE").tolist() == [2, 1]


def test_a_product_needs_five_persons_of_the_country_however_many_there_are_elsewhere():
    four = [(who, 1, 0, ago) for who in range(4) for ago in range(9)]
    found = learned(sold(*four, *bought(OTHERS, 1, 1)))
    assert found.country_products("DE").tolist() == [] and found.country_products("FR").tolist() == [1]
    assert found.arrays["country.code"].tolist() == [country_code_to_int("FR")]


def test_a_customer_counts_once_a_day_and_a_guest_as_somebody_else_each_time():
    loud = [(0, 1, 0, 1)] * 50
    found = learned(sold(*loud, *bought(range(1, 5), 1, 0), *bought([GUEST] * 6, 2, 0)))
    assert found.country_products("DE").tolist() == [2, 1]


def test_only_the_last_days_count():
    assert learned(sold(*bought(FIVE, 1, 0, ago=29))).country_products("DE").tolist() == []


def test_of_each_country_only_so_many_are_kept():
    found = learned(sold(*[(who, product, 0, 1) for product in range(250) for who in FIVE]))
    assert found.country_products("DE").tolist() == list(range(fit.MAX_PER_COUNTRY))


def test_a_code_that_is_none_has_no_bestsellers():
    found = learned(sold(*bought(FIVE, 1, 0), *bought(FIVE, 1, 1), countries=("D", "É1")))
    assert found.arrays["country.code"].tolist() == []
    assert [found.country_products(code).tolist() for code in ("D", "É1", "DEU", "\0\0", "ßx")] == [[], [], [], [], []]


def test_the_sequence_of_the_lines_changes_nothing():
    made = sold(*bought(range(9), 3, 0), *bought(FIVE, 1, 0), *bought(range(20, 26), 2, 1))
    one, other = learned(made).arrays, learned(shuffled(made)).arrays
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_an_earlier_moment_knows_the_countries_of_its_own_lines():
    made = sold(*bought(FIVE, 1, 0, ago=9), *bought(FIVE, 2, 1, ago=1)).history.until(REFERENCE_TIME - 5 * DAY)
    assert made.country.tolist() == [0] * 5 and list(made.countries) == ["DE", "FR"]


COUNTRIES = {
    "country__code": [country_code_to_int("DE"), country_code_to_int("FR")],
    "country__start": [0, 2, 3],
    "country__product": [0, 1, 2],
}
NOBODY = VisitorHistory.empty()


@pytest.mark.parametrize("find", [candidates.visitor_candidates, candidates.discovery_candidates])
def test_a_stranger_is_offered_what_their_country_buys_before_what_everybody_buys(find):
    found = handmade_snapshot.handmade_arrays(product__bestsellers=[3, 1], **COUNTRIES)
    assert find(NOBODY, found, country="DE").tolist() == [0, 1, 3]
    assert find(NOBODY, found, country="FR").tolist() == [2, 3, 1]
    assert find(NOBODY, found, "IT").tolist() == find(NOBODY, found).tolist() == [3, 1]


def test_who_bought_something_is_known_by_that_and_not_by_their_country():
    found = handmade_snapshot.handmade_arrays(product__bestsellers=[3, 1], **COUNTRIES)
    assert candidates.visitor_candidates(
        handmade_snapshot.handmade_history((3, 1.0, 1, 9, 9)), found, country="FR"
    ).tolist() == [
        3,
        1,
    ]


def test_a_snapshot_of_an_earlier_release_serves_everybody_alike():
    found = handmade_snapshot.handmade_arrays(product__bestsellers=[3, 1])
    assert candidates.visitor_candidates(NOBODY, found, country="DE").tolist() == [3, 1]


def test_a_visit_takes_its_country_to_the_home_list():
    found = handmade_snapshot.handmade_arrays(product__bestsellers=[3, 1], **COUNTRIES)
    visit = Visit(handmade_snapshot.NOW, None, genome=Genome(), country="FR")
    assert sorted(scoring.score_for_visitor(visit, found).product_indices.tolist()) == [1, 2, 3]
    assert sorted(scoring.score_discovery(visit, found).product_indices.tolist()) == [1, 2, 3]


def read() -> HistoryArrays:
    return dataset.read_dataset(time.time() + 1, run.no_progress).history


def sent_to(code: str, order) -> None:
    country, _ = Country.objects.get_or_create(iso_3166_1_a2=code, defaults={"name": code, "printable_name": code})
    order.shipping_address = ShippingAddress.objects.create(line1="Way 1", country=country)
    order.save()


@pytest.mark.django_db
def test_a_line_has_the_country_that_its_order_is_sent_to():
    milk, bread = shop.create_shop_product("Milk"), shop.create_shop_product("Bread")
    for code in ("FR", None, "DE", "FR"):
        placed = shop.create_past_order(None, [milk, bread])
        if code:
            sent_to(code, placed)
    found = read()
    codes = [found.countries[number] if number >= 0 else None for number in found.country.tolist()]
    by_order = sorted(zip(found.order.tolist(), codes, strict=True), key=str)
    assert list(found.countries) == ["DE", "FR"]
    assert by_order == [(0, "FR"), (0, "FR"), (1, None), (1, None), (2, "DE"), (2, "DE"), (3, "FR"), (3, "FR")]


@pytest.mark.django_db
def test_a_shop_without_addresses_knows_no_country():
    shop.create_past_order(None, [shop.create_shop_product("Milk")])
    found = read()
    assert (found.country.tolist(), list(found.countries)) == ([UNKNOWN_COUNTRY], [])


@pytest.mark.django_db
def test_a_snapshot_holds_what_each_country_buys():
    milk = shop.create_shop_product("Milk")
    for number in range(5):
        sent_to("DE", shop.create_past_order(User.objects.create_user(f"customer{number}"), [milk]))
    run.run_training()
    serving = Snapshot.objects.get(is_active=True)
    found = SnapshotArrays(snapshot_files.read_snapshot(serving.name, serving.manifest_sha256))
    assert found.ids[found.country_products("DE")].tolist() == [milk.pk]
