"""Whoever invites, joins, buys, leaves, withdraws, is erased or deleted, in whatever order: who is in which household,
and what it is made from."""

import os
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils.timezone import now
from hypothesis import HealthCheck
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from personalization import rate_limits
from personalization.models import (
    Consent,
    Genome,
    Household,
    HouseholdInvitation,
    HouseholdMember,
    Visitor,
)
from personalization.privacy import flows, household_exits, households, retention
from personalization.privacy.requester import Requester
from personalization.profile import batch, genome
from personalization.shop import orders, purchases
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

RUNS = int(os.environ.get("HOUSEHOLD_RUNS", "5"))
CROWD = 11
PEOPLE, THINGS = st.integers(0, CROWD - 1), st.integers(0, 3)
COLUMNS = ("products", "categories", "purchases", "distinct_products")


def outcome(act):
    """(why it was refused or None, what it gave)"""
    try:
        return None, act()
    except flows.Refused as refusal:
        return refusal.code, None


class Homes(RuleBasedStateMachine):
    """Keeps who should be where; the tables must agree after each step."""

    def __init__(self):
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        cache.clear()
        rate_limits.reset_counters()
        self.products = [shop.create_shop_product(f"Thing {number}") for number in range(4)]
        self.users = [shop.create_customer(f"person{number}") for number in range(CROWD)]
        self.homes = []
        """Sets of people; one of one has invited others."""
        self.codes = []
        """(code, maker, the set of people that it leads to, until when)"""
        self.now = now()

    def teardown(self):
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    def asking(self, person):
        return Requester(user=self.users[person], owns_session=False, address="203.0.113.7")

    def home(self, person):
        return next((home for home in self.homes if person in home), None)

    def consents(self, person):
        return Visitor.objects.filter(user=self.users[person], consent=Consent.GRANTED).exists()

    def open_codes(self, home):
        return [one for one in self.codes if one[2] is home and one[3] > self.now]

    def goes(self, person):
        """What leaving should do."""
        home = self.home(person)
        if home is None:
            return
        self.codes = [one for one in self.codes if one[1] != person]
        home.discard(person)
        if len(home) < 2:
            self.homes = [one for one in self.homes if one is not home]
            self.codes = [one for one in self.codes if one[2] is not home]

    @initialize(first=st.integers(2, 8))
    def live_together(self, first):
        """Often there are many already."""
        for person in range(1, first):
            self.invite(0)
            self.join(person, -1)

    @rule(person=PEOPLE)
    def invite(self, person):
        home, may = self.home(person), self.consents(person)
        own = [one for one in self.codes if one[1] == person and one[3] > self.now]
        full, many = home is not None and len(home) == 8, len(own) == households.MAX_OPEN_INVITATIONS
        why_not = "no_consent" if not may else "household_full" if full else "many_invitations" if many else None
        refused, made = outcome(lambda: households.make_invitation(self.asking(person), self.now))
        assert refused == why_not
        if refused:
            return
        self.codes = [one for one in self.codes if one[1] != person or one[3] > self.now]
        if home is None:
            home = {person}
            self.homes.append(home)
        self.codes.append((made.code, person, home, made.expires_at))

    @rule(person=PEOPLE, which=st.integers(-1, 20))
    def join(self, person, which):
        if not self.codes:
            return
        chosen = self.codes[which % len(self.codes)]
        code, _maker, target, until = chosen
        own, may = self.home(person), self.consents(person)
        refused, _ = outcome(lambda: households.join_household(self.asking(person), code, self.now))
        assert refused == self.why_not(person, target, until, may, own)
        if refused:
            return
        if own is not None:
            self.homes = [one for one in self.homes if one is not own]
            self.codes = [one for one in self.codes if one[2] is not own]
        self.codes.remove(chosen)
        target.add(person)

    def why_not(self, person, target, until, may, own):
        if not may:
            return "no_consent"
        if until <= self.now:
            return "unknown_invitation"
        if own is not None and (own is target or len(own) > 1):
            return "in_household"
        return "household_full" if len(target) == 8 else None

    @rule(which=st.integers(0, 20))
    def take_back(self, which):
        if not self.codes:
            return
        chosen = self.codes[which % len(self.codes)]
        _code, maker, home, _until = chosen
        mine = [one for one in self.codes if one[1] == maker]
        stored = HouseholdInvitation.objects.filter(maker__user=self.users[maker]).order_by("pk")
        key = stored[mine.index(chosen)].pk
        assert not households.take_invitation_back(self.users[maker - 1].pk, key, self.now)
        assert households.take_invitation_back(self.users[maker].pk, key, self.now)
        self.codes.remove(chosen)
        self.worked_out(home)

    def worked_out(self, home):
        """One that nobody can join any more is given up."""
        if home is not None and len(home) < 2 and not self.open_codes(home):
            self.give_up(home)

    def give_up(self, home):
        self.homes = [one for one in self.homes if one is not home]
        self.codes = [one for one in self.codes if one[2] is not home]

    @rule(person=PEOPLE)
    def leave(self, person):
        assert household_exits.leave_households([self.users[person].pk], self.now) == (self.home(person) is not None)
        self.goes(person)

    @rule(person=PEOPLE)
    def withdraw(self, person):
        flows.withdraw_consent(self.asking(person), self.now, "test")
        self.goes(person)

    @rule(person=PEOPLE)
    def agree_again(self, person):
        flows.grant_consent(self.asking(person), self.now, "test")

    @rule(person=PEOPLE)
    def erase(self, person):
        flows.erase_data(self.asking(person), self.now)
        self.goes(person)

    @rule(person=PEOPLE)
    def delete_the_account(self, person):
        type(self.users[person]).objects.get(pk=self.users[person].pk).delete()
        self.goes(person)
        self.users[person] = shop.create_customer(f"person{person} of {Visitor.objects.count()} {self.now.timestamp()}")

    @rule(person=PEOPLE, thing=THINGS, days=st.integers(0, 30))
    def buy(self, person, thing, days):
        shop.create_past_order(self.users[person], [self.products[thing]], days_ago=days)
        genome.refresh_genome([self.users[person].pk], self.now.timestamp())
        self.worked_out(self.home(person))

    @rule(days=st.sampled_from([1, 3, 8]))
    def pass_time_without_a_night(self, days):
        self.now += timedelta(days=days)

    @rule(days=st.sampled_from([1, 3, 8]))
    def pass_time(self, days):
        """A night has its sweep; what expired is gone after it."""
        self.now += timedelta(days=days)
        batch.refresh_all_genomes(self.now.timestamp())
        retention.HouseholdInvitation.objects.expired(self.now).delete()
        self.codes = [one for one in self.codes if one[3] > self.now]
        for home in list(self.homes):
            self.worked_out(home)

    @invariant()
    def everybody_is_where_they_said(self):
        number = {user.pk: person for person, user in enumerate(self.users)}
        stored = {}
        for member in HouseholdMember.objects.select_related("visitor"):
            stored.setdefault(member.household_id, set()).add(number[member.visitor.user_id])
        assert sorted(map(sorted, stored.values())) == sorted(map(sorted, self.homes))
        assert set(Household.objects.values_list("pk", flat=True)) == stored.keys()
        assert all(len(home) <= 8 for home in self.homes)

    @invariant()
    def a_household_is_what_its_members_bought(self):
        for household in Household.objects.all():
            users = list(household.members.values_list("visitor__user_id", flat=True))
            if len(users) < 2:
                assert household.computed_at is None and household.products == []
                continue
            expected = self.bought_by(users, household.computed_at.timestamp())
            for name in COLUMNS:
                assert getattr(household, name) == getattr(expected, name), name

    def bought_by(self, users, moment):
        """The genome of one customer who did all that they did: by way of the rows themselves."""
        erased = Visitor.objects.consented(users)
        assert set(erased) == set(users)  # nobody without consent is in one
        rows = [row for row in purchases.purchase_rows(users) if float(row[3]) > erased[row[0]]]
        bought = orders.read_purchases(iter([("all", *row[1:]) for row in rows]), until=moment)
        members = genome.catalogue.category_memberships([product.pk for product in self.products])
        return next(iter(genome.build_genomes(bought, members, moment)), Genome())

    @invariant()
    def who_is_alone_goes_by_their_own(self):
        for person, user in enumerate(self.users):
            visitor = Visitor.objects.of_customer(user.pk, with_household=True)
            home = self.home(person)
            assert (visitor.household_genome() is not None) == (home is not None and len(home) > 1)


@pytest.mark.django_db
def test_households_hold_whatever_happens_in_whatever_order(monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", True)
    for name in ("MAX_CUSTOMER_INVITATIONS_PER_MINUTE", "MAX_ADDRESS_INVITATIONS_PER_MINUTE"):
        monkeypatch.setattr(rate_limits, name, 10**9)
    monkeypatch.setattr(rate_limits, "MAX_VISITOR_CHANGES_PER_MINUTE", 10**9)
    monkeypatch.setattr(rate_limits, "MAX_ADDRESS_CHANGES_PER_MINUTE", 10**9)
    checks = list(HealthCheck)
    run_state_machine_as_test(
        Homes, settings=effort(max_examples=RUNS, stateful_step_count=20, deadline=None, suppress_health_check=checks)
    )
