"""Several people do something about one household at the same moment."""

import time
from threading import Barrier, Thread

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import now

from personalization import rate_limits
from personalization.models import Consent, Household, HouseholdInvitation, HouseholdMember, Visitor
from personalization.privacy import card_links, flows, household_exits, households
from personalization.privacy.flows import Refused
from personalization.privacy.requester import Requester
from personalization.profile import genome
from tests.shops import factories as shop
from tests.walks.test_household_pages import live_together

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer"),
]


@pytest.fixture(autouse=True)
def households_on(monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", True)
    for name in ("MAX_CUSTOMER_INVITATIONS_PER_MINUTE", "MAX_ADDRESS_INVITATIONS_PER_MINUTE"):
        monkeypatch.setattr(rate_limits, name, 10**9)


def asking(user):
    return Requester(user=user, owns_session=False, address="203.0.113.7")


def at_once(*acts):
    """What each returned or raised."""
    results, together = [None] * len(acts), Barrier(len(acts))

    def run(number, act):
        try:
            together.wait(10)
            results[number] = act()
        except Exception as fault:
            results[number] = fault
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number, act)) for number, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def code_of(fault):
    return fault.code if isinstance(fault, Refused) else fault


@pytest.mark.parametrize("turn", range(5))
def test_of_two_who_take_the_eighth_place_exactly_one_gets_it(turn):
    members = [shop.create_customer(f"member{number}") for number in range(7)]
    late = [shop.create_customer(f"late{number}") for number in range(2)]
    household = live_together(*members)
    codes = [households.make_invitation(asking(user), now()).code for user in members[:2]]
    pairs = zip(late, codes, strict=True)
    acts = [lambda who=user, code=code: households.join_household(asking(who), code, now()) for user, code in pairs]
    assert sorted(map(str, map(code_of, at_once(*acts)))) == ["8", "household_full"]
    assert household.members.count() == 8 and HouseholdInvitation.objects.count() == 1


@pytest.mark.parametrize("turn", range(5))
def test_one_code_lets_one_person_in_and_one_person_is_in_one_household(turn):
    anna, ben, carl, dora = (shop.create_customer(name) for name in ("anna", "ben", "carl", "dora"))
    code = households.make_invitation(asking(anna), now()).code
    acts = [lambda who=user: households.join_household(asking(who), code, now()) for user in (ben, carl)]
    assert sorted(map(str, map(code_of, at_once(*acts)))) == ["2", "unknown_invitation"]
    codes = [households.make_invitation(asking(user), now()).code for user in (anna, dora)]
    out = ben if HouseholdMember.objects.of_user(ben.pk) is None else carl
    acts = [lambda code=code: households.join_household(asking(out), code, now()) for code in codes]
    assert "in_household" in map(code_of, at_once(*acts))
    assert HouseholdMember.objects.filter(visitor__user=out).count() == 1


def test_who_leaves_while_another_buys_is_not_in_the_genome_that_remains():
    anna, ben, carl = (shop.create_customer(name) for name in ("anna", "ben", "carl"))
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    shop.create_past_order(anna, [tea])
    shop.create_past_order(ben, [milk])
    household = live_together(anna, ben, carl)

    def buy():
        genome.refresh_genome([anna.pk], time.time())
        connection.close()

    with transaction.atomic():
        household_exits.leave_households([ben.pk], now())
        purchase = Thread(target=buy)
        purchase.start()
        purchase.join(0.5)
        assert purchase.is_alive()  # it waits for the household
    purchase.join(10)
    household.refresh_from_db()
    assert [row[0] for row in household.products] == [tea.pk]


@pytest.mark.parametrize("turn", range(4))
def test_nobody_waits_for_ever_whatever_members_do_at_once(turn):
    """Nothing here raises: a deadlock would."""
    users = [shop.create_customer(f"member{number}") for number in range(4)]
    for user in users:
        shop.create_past_order(user, [shop.create_shop_product(f"Thing of {user}")])
    household = live_together(*users)
    first, second, third, fourth = users
    acts = [
        lambda: card_links.unlink_card(first.pk, 1, now()),
        lambda: genome.refresh_genome([user.pk for user in users], time.time()),
        lambda: genome.refresh_households([household.pk], time.time()),
        lambda: flows.withdraw_consent(asking(second), now(), "test") and None,
        lambda: household_exits.leave_households([third.pk], now()),
        lambda: type(fourth).objects.get(pk=fourth.pk).delete() and None,
        lambda: households.make_invitation(asking(first), now()) and None,
    ]
    faults = [one for one in at_once(*acts) if isinstance(one, Exception)]
    assert faults == []
    assert set(HouseholdMember.objects.values_list("visitor__user", flat=True)) <= {first.pk}
    assert all(one.computed_at is None for one in Household.objects.all())
    assert Visitor.objects.get(user=second).consent == Consent.WITHDRAWN
