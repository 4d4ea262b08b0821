"""What a visitor said themselves goes before what was learned."""

import pytest
from oscar.apps.catalogue.models import Category
from oscar.apps.partner.strategy import Selector

from personalization.decide import active_snapshot
from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.models.recent_activity import RecentEvent
from personalization.models.visitors import Preference
from personalization.serve import recommend, serve_slate

pytestmark = pytest.mark.django_db

DAY = 86_400.0


def visit_of(user, *wishes, **more):
    learned = active_snapshot.get_active_snapshot()
    genome = Genome.objects.of_customer(user.pk)
    strategy = Selector().strategy()
    return Visit(
        timestamp=learned.trained_at, strategy=strategy, user_id=user.pk, genome=genome, preferences=wishes, **more
    )


def wish(kind, key, sign=-1, days_ago=0.0):
    return Preference(kind, key, sign, active_snapshot.get_active_snapshot().trained_at - days_ago * DAY)


def rows(visit):
    return {row.key: [item.product_id for item in row.items] for row in serve_slate("home", visit).rows}


def odd_category():
    return Category.objects.get(name="Odd").pk


def test_a_product_that_is_not_wanted_is_in_no_row_and_in_no_list(trained):
    users, _ = trained
    active_snapshot.get_active_snapshot()
    unwanted = rows(visit_of(users[1]))["buy_again"][0]
    visit = visit_of(users[1], wish("product", unwanted))
    assert all(unwanted not in row for row in rows(visit).values())
    assert unwanted not in [one.item_id for one in recommend("home", visit, 40)]


def test_what_is_not_wanted_stands_last_in_a_list_that_somebody_else_chose(trained):
    users, products = trained
    active_snapshot.get_active_snapshot()
    listing = tuple(product.pk for product in products[1:12:2])
    best = recommend("category", visit_of(users[1], candidate_products=listing), 6)[0].item_id
    visit = visit_of(users[1], wish("product", best), candidate_products=listing)
    found = [one.item_id for one in recommend("category", visit, 6)]
    assert sorted(found) == sorted(listing)
    assert found[-1] == best


def test_a_dismissal_fades_and_an_interest_that_was_removed_does_not(trained):
    users, _ = trained
    active_snapshot.get_active_snapshot()
    old = 61
    again = rows(visit_of(users[1]))["buy_again"][0]
    assert again in rows(visit_of(users[1], wish("product", again, days_ago=old)))["buy_again"]
    removed = rows(visit_of(users[1], wish("interest", odd_category(), days_ago=old)))
    assert "buy_again" not in removed


def test_a_category_that_is_not_wanted_takes_all_its_products_away(trained):
    users, products = trained
    active_snapshot.get_active_snapshot()
    shown = rows(visit_of(users[1], wish("category", odd_category())))
    odd = {product.pk for product in products[1::2]}
    assert odd.isdisjoint(product for row in shown.values() for product in row)


def test_a_row_that_was_sent_away_is_not_shown_and_the_others_are(trained):
    users, _ = trained
    active_snapshot.get_active_snapshot()
    before = rows(visit_of(users[1]))
    after = rows(visit_of(users[1], wish("reason", "buy_again")))
    assert "buy_again" in before
    assert "buy_again" not in after
    assert set(before) - {"buy_again"} <= set(after)


def test_a_stated_interest_has_a_row_that_says_so(trained):
    users, products = trained
    active_snapshot.get_active_snapshot()
    even = Category.objects.get(name="Even").pk
    shown = serve_slate("home", visit_of(users[1], wish("interest", even, sign=1))).rows
    row = next(row for row in shown if row.type == "popular_in_liked_category")
    assert (row.title, row.explanation) == ("Popular in Even", "You said that you like this category")
    assert {item.product_id for item in row.items} <= {product.pk for product in products[::2]}


def looked_at(product):
    return {
        "recent_events": (RecentEvent("view_item", product.pk, "", active_snapshot.get_active_snapshot().trained_at),)
    }


def test_what_is_not_wanted_or_not_an_interest_any_more_is_no_reason_either(trained):
    users, products = trained
    active_snapshot.get_active_snapshot()
    looked = looked_at(products[7])
    key = f"because_you_viewed:{products[7].pk}"
    assert key in rows(visit_of(users[1], **looked))
    assert key not in rows(visit_of(users[1], wish("product", products[7].pk), **looked))
    assert key not in rows(visit_of(users[1], wish("interest", odd_category()), **looked))
    assert key in rows(visit_of(users[1], wish("product", products[9].pk), **looked))


def test_where_somebody_else_may_look_no_row_tells_what_was_bought_or_looked_at(trained):
    users, products = trained
    active_snapshot.get_active_snapshot()
    named = serve_slate("home", visit_of(users[1], **looked_at(products[7]))).rows
    discreet = serve_slate("home", visit_of(users[1], hide_private_reasons=True, **looked_at(products[7]))).rows
    assert [row.key for row in discreet] == [row.key for row in named]
    personal = [row for row in discreet if row.personal]
    assert personal
    assert [row.title for row in personal] == ["Recommended for you", *["More for you"] * (len(personal) - 1)]
    assert not any("You bought" in item.explanation for row in discreet for item in row.items)
    assert not any(item.reason.code == "bought_before" for row in discreet for item in row.items)
