"""A stored genome says its format: the frozen one is read, one of a newer version counts as none."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from personalization.models import Genome, Household, HouseholdMember, Visitor

FROZEN = json.loads((Path(__file__).parent / "genome_1.json").read_text())


@pytest.mark.django_db
@pytest.mark.parametrize(("number", "is_known"), [(1, True), (9, False)])
def test_the_frozen_genome_is_read_and_one_of_a_newer_format_is_none(number, is_known):
    anna = User.objects.create_user("anna")
    Visitor.objects.create(user=anna)
    stored = {**FROZEN, "format": number, "computed_at": datetime.fromisoformat(FROZEN["computed_at"])}
    if not is_known:
        stored["products"] = {"in": "another shape"}
    Genome.objects.create(user=anna, **stored)
    genome = Visitor.objects.of_customer(anna.pk).genome()
    assert genome.products == (FROZEN["products"] if is_known else [])
    assert (genome.purchases, genome.distinct_products) == ((3, 2) if is_known else (0, 0))
    assert genome.neighbour_products == (FROZEN["neighbour_products"] if is_known else [])
    assert set(Genome.objects.of_customers([anna.pk])) == ({anna.pk} if is_known else set())
    assert (Genome.objects.of_customer(anna.pk) is not None) is is_known
    Genome.objects.store([Genome(user=anna, computed_at=stored["computed_at"])])
    assert Genome.objects.of_customer(anna.pk).format == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("number", "is_known"), [(1, True), (9, False)])
def test_the_frozen_genome_of_a_household_is_read_and_of_a_newer_format_its_members_go_by_their_own(number, is_known):
    anna = User.objects.create_user("anna")
    visitor = Visitor.objects.create(user=anna)
    stored = {name: FROZEN[name] for name in ("products", "categories", "purchases", "distinct_products")}
    if not is_known:
        stored["products"] = {"in": "another shape"}
    moment = datetime.fromisoformat(FROZEN["computed_at"])
    household = Household.objects.create(**stored, format=number, computed_at=moment)
    HouseholdMember.objects.create(household=household, visitor=visitor, since=moment)
    genome = Visitor.objects.of_customer(anna.pk, with_household=True).household_genome()
    assert (genome is not None) is is_known
    assert not is_known or (genome.products, genome.purchases) == (FROZEN["products"], 3)
    household.take_genome(None, moment)
    Household.objects.store_genomes([household])
    assert Household.objects.get().format == 1
