"""The statement that is compiled once reads what the query itself reads."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils.timezone import now

from personalization.models import Consent, Household, Visitor
from personalization.models.compiled_query import CompiledQuery
from personalization.models.customer_columns import customer_columns
from personalization.models.households import HouseholdMember
from personalization.profile import genome
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
IN_AND_OUT_OF_HOUSEHOLDS = pytest.mark.parametrize("with_household", [True, False])


def asked_anew(user, *, with_household):
    related, columns = customer_columns(with_household)
    return Visitor.objects.filter(user=user).select_related(*related).only(*columns).first()


PARTS = ("user", "user.personalization_genome", "user.personalization_facts", "membership", "membership.household")


def content(visitor):
    """What was read of the visitor and of each row that belongs to it; nothing is read for that."""
    if visitor is None:
        return None
    found = {"": visitor}
    for path in PARTS:
        before, _, name = path.rpartition(".")
        one = found.get(before)
        found[path] = one and one._state.fields_cache.get(name)
    return {path: one and (one._state.db, one._state.adding, _values(one)) for path, one in found.items()}


def _values(instance):
    return {name: value for name, value in vars(instance).items() if name != "_state"}


@pytest.fixture
def customers():
    """Nobody, one with an account alone, one with a genome, one in a household besides."""
    found = [User.objects.create_user(name) for name in ("unknown", "new", "loyal", "housemate")]
    Visitor.objects.get_or_create_customer(found[1].pk)
    shop.grant_consent(*found[2:])
    tea = shop.create_shop_product("Tea")
    for customer in found[2:]:
        shop.create_past_order(customer, [tea], days_ago=3)
    genome.refresh_genome([one.pk for one in found], now().timestamp())
    HouseholdMember.objects.create(
        household=Household.objects.create(), visitor=Visitor.objects.get(user=found[3]), since=now()
    )
    return found


@IN_AND_OUT_OF_HOUSEHOLDS
def test_it_reads_what_the_query_reads(customers, with_household, django_assert_num_queries):
    for customer in customers * 2:
        expected = content(asked_anew(customer, with_household=with_household))
        with django_assert_num_queries(1):
            read = Visitor.objects.of_customer(customer.pk, with_household=with_household)
        assert content(read) == expected


def test_it_reads_the_genome_and_the_household_without_another_query(customers, django_assert_num_queries):
    read = Visitor.objects.of_customer(customers[3].pk, with_household=True)
    with django_assert_num_queries(0):
        assert read.user.personalization_genome.purchases == 1
        assert read.membership.household.purchases is not None
    assert Visitor.objects.of_customer(customers[0].pk) is None


def test_an_account_key_of_any_form_is_one(customers):
    key = str(customers[2].pk)
    assert Visitor.objects.of_customer(key).user_id == customers[2].pk


def test_a_query_of_two_parameters_is_refused():
    query = CompiledQuery(
        lambda user: Visitor.objects.filter(user=user, consent=Consent.GRANTED), Visitor._meta.get_field("user")
    )
    with pytest.raises(ValueError, match="expected a query with this one parameter, got 2 parameters"):
        query.first(1, connection.alias)
