"""Whose genome is worked out in a night, and that nobody sees whose was not."""

from datetime import UTC, datetime, timedelta
from itertools import chain

import numpy as np
import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.catalogue.models import Category
from oscar.apps.order.models import Order
from oscar.apps.wishlists.models import WishList

from personalization.decide import active_snapshot
from personalization.decide.scoring import visitor_history
from personalization.models import CustomerFacts, Genome, SensitiveCategory, Visitor
from personalization.profile import batch, due_genomes, genome
from personalization.recommenders import DAY
from personalization.train.nightly import train_shop
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def swept(monkeypatch) -> list:
    """The customers whose genomes a sweep worked out."""
    found: list = []
    refresh = batch.refresh_own_genomes

    def noting(users, moment):
        found.extend(users)
        return refresh(users, moment)

    monkeypatch.setattr(batch, "refresh_own_genomes", noting)
    return found


@pytest.fixture
def moment() -> float:
    """When everybody was swept, at the beginning of a day."""
    return now().timestamp() // DAY * DAY + 60


def night(number: float, moment: float) -> None:
    """A sweep so many days later."""
    batch.refresh_all_genomes(moment + number * DAY, whole=False)


def without_turn(users, moment: float, days: int = 1) -> User:
    """A customer who has no turn in the next days."""
    today = int(moment // DAY)
    return next(user for user in users if due_genomes.last_turn(user.pk, today + days) <= today)


def test_the_first_sweep_is_whole_and_in_a_week_everybody_is_swept_once_more(swept, moment):
    users, _ = shop.even_and_odd()
    night(0, moment)
    assert swept == sorted(user.pk for user in users)
    nights = []
    for number in range(1, 8):
        swept.clear()
        night(number, moment)
        nights.append(list(swept))
    assert sorted(chain(*nights)) == sorted(user.pk for user in users)
    assert max(map(len, nights)) < len(users) / 2
    oldest = min(CustomerFacts.objects.computed_times().values())
    assert datetime.fromtimestamp(moment + 7 * DAY, UTC) - oldest < timedelta(days=7)


def test_a_turn_that_was_missed_is_made_up_for(swept, moment):
    users, _ = shop.even_and_odd()
    night(0, moment)
    swept.clear()
    night(9, moment)
    assert swept == sorted(user.pk for user in users)


def test_what_a_large_shop_works_out_in_a_night_is_a_seventh():
    turns = [due_genomes.last_turn(key, 20_000) for key in range(70_000)]
    counts = np.bincount(np.array(turns) - min(turns))
    assert len(counts) == 7 and counts.min() > 9_700 and counts.max() < 10_300


def test_who_bought_without_a_signal_is_swept_at_once_and_nobody_else(swept, moment):
    users, products = shop.even_and_odd()
    night(0, moment)
    user = without_turn(users, moment)
    order = shop.create_past_order(user, [products[0], products[1]])
    Order.objects.filter(pk=order.pk).update(date_placed=datetime.fromtimestamp(moment + DAY / 2, UTC))
    swept.clear()
    night(1, moment)
    assert user.pk in swept and len(swept) < len(users) / 2
    assert {products[0].pk, products[1].pk} <= {row[0] for row in Genome.objects.of_customer(user.pk).products}


def test_who_wishes_waits_or_joins_is_swept_at_once(swept, moment):
    users, products = shop.even_and_odd()
    night(0, moment)
    user = without_turn(users, moment)
    WishList.objects.create(owner=user).add(products[0])
    swept.clear()
    night(1, moment)
    assert user.pk in swept
    group = Group.objects.create(name="Friends")
    other = without_turn(users, moment, days=2)
    other.groups.add(group)
    swept.clear()
    night(1.1, moment)
    assert swept == [other.pk]
    swept.clear()
    night(1.2, moment)
    assert swept == []


def test_who_agrees_is_swept_and_who_withdraws_has_nothing_left(swept, moment):
    users, products = shop.even_and_odd()
    night(0, moment)
    newcomer = User.objects.create_user("newcomer")
    shop.create_past_order(newcomer, [products[0]])
    shop.grant_consent(newcomer)
    left = without_turn(users, moment)
    Visitor.objects.filter(user=left).update(consent="withdrawn")
    swept.clear()
    night(1, moment)
    assert newcomer.pk in swept and left.pk not in swept
    assert Genome.objects.of_customer(newcomer.pk).neighbour_products
    assert Genome.objects.of_customer(left.pk) is None


def test_what_became_sensitive_is_in_nobodys_genome_after_the_night_even_if_that_was_killed(swept, moment, monkeypatch):
    users, products = shop.even_and_odd()
    night(0, moment)
    shelf = Category.add_root(name="Shelf")
    products[0].categories.add(shelf)
    SensitiveCategory.objects.create(category=shelf)
    monkeypatch.setattr(batch, "BATCH_SIZE", 5)
    swept.clear()

    def killed(batches):
        yield from batches[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.refresh_all_genomes(moment + DAY, killed, whole=False)
    assert len(swept) == 10
    night(1.1, moment)
    assert sorted(swept) == sorted(user.pk for user in users)  # the ten were not worked out again
    assert not [one for one in Genome.objects.all() if products[0].pk in {row[0] for row in one.products}]


def test_who_is_due_is_found_by_as_many_queries_however_many_customers_there_are(moment):
    users, _ = shop.even_and_odd()
    night(0, moment)
    sweep = due_genomes.begin_sweep(moment + DAY / 2)
    with CaptureQueriesContext(connection) as queries:
        assert sweep.due_customers(sorted(user.pk for user in users)) == []
    assert len(queries) == 7


def test_what_similar_customers_buy_follows_an_order_in_the_next_night(swept, moment):
    users, products = shop.even_and_odd()
    night(0, moment)
    user = without_turn(users, moment)
    Genome.objects.filter(user=user).update(neighbour_products=[])
    genome.refresh_genome([user.pk], moment + DAY / 2)  # as after an order
    swept.clear()
    night(1, moment)
    assert user.pk not in swept
    near = [row[0] for row in Genome.objects.of_customer(user.pk).neighbour_products]
    assert near and set(near) <= {product.pk for product in products[users.index(user) % 2 :: 2]}


def shown(user: User) -> list:
    """The rows of their home page: code, parameters and reasons, product by product."""
    client = Client()
    client.force_login(user)
    slate = client.get(reverse("personalization:home")).context["slate"]
    return [(row.key, [(entry.product_id, entry.reason) for entry in row.items]) for row in slate.rows]


def test_the_page_of_a_customer_who_was_not_swept_tonight_is_as_if_they_had_been():
    users, _ = shop.even_and_odd()
    Order.objects.update(date_placed=F("date_placed") - timedelta(days=8))  # nobody ordered in these days
    today = now().timestamp()
    train_shop(today - 6 * DAY)
    user = next(one for one in users if due_genomes.last_turn(one.pk, int(today // DAY)) <= (today - 6 * DAY) // DAY)
    train_shop(today)
    active_snapshot.reset_active_snapshot()
    old = Genome.objects.of_customer(user.pk)
    assert old.computed_at.timestamp() == pytest.approx(today - 6 * DAY, abs=1)
    page = shown(user)
    snapshot = active_snapshot.get_active_snapshot()
    weights = visitor_history(old, snapshot).weight
    batch.refresh_all_genomes(today)
    new = Genome.objects.of_customer(user.pk)
    assert old.products[0][1] - new.products[0][1] > 0.05  # it had faded
    assert weights == pytest.approx(visitor_history(new, snapshot).weight, abs=1e-4)
    assert page and shown(user) == page


def test_a_snapshot_of_an_earlier_release_fades_nothing(moment):
    users, _ = shop.even_and_odd()
    night(0, moment)
    old = Genome.objects.of_customer(users[0].pk)
    arrays = {"product.id": np.array([row[0] for row in sorted(old.products)])}
    snapshot = active_snapshot.LoadedSnapshot({**arrays, "training.cutoff": np.array([moment + 5 * DAY])})
    assert visitor_history(old, snapshot).weight.tolist() == [row[1] for row in old.products]
