"""Nobody's purchases are used for them before they agree, or after they withdrew; nothing forgotten comes back."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils.timezone import now

from personalization.models import Consent, ConsentRecord, Genome, Visitor
from personalization.privacy import identity
from personalization.profile import batch, genome
from personalization.train import dataset
from personalization.train.run import no_progress
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def products_of(user):
    found = Genome.objects.of_customer(user.pk)
    return [row[0] for row in found.products] if found else None


def test_who_never_agreed_has_no_genome_by_an_order_nor_by_a_sweep():
    silent_one = User.objects.create_user("silent")
    shop.create_past_order(silent_one, [shop.create_shop_product("Tea")])
    assert genome.refresh_genome([silent_one.pk], now().timestamp()) == 0
    assert batch.refresh_all_genomes(now().timestamp()) == 0
    assert not Genome.objects.exists()
    assert not Visitor.objects.exists()


def test_a_withdrawal_deletes_the_genome_and_agreeing_again_brings_it_back():
    shopper, tea = shop.create_customer("shopper"), shop.create_shop_product("Tea")
    shop.create_past_order(shopper, [tea])
    batch.refresh_all_genomes(now().timestamp())
    assert products_of(shopper) == [tea.pk]
    Visitor.objects.filter(user=shopper).update(consent=Consent.WITHDRAWN)
    batch.refresh_all_genomes(now().timestamp())
    assert products_of(shopper) is None
    Visitor.objects.filter(user=shopper).update(consent=Consent.GRANTED)
    batch.refresh_all_genomes(now().timestamp())
    assert products_of(shopper) == [tea.pk]


def test_what_was_forgotten_does_not_come_back_with_a_new_agreement():
    shopper, tea, milk = (
        shop.create_customer("shopper"),
        shop.create_shop_product("Tea"),
        shop.create_shop_product("Milk"),
    )
    shop.create_past_order(shopper, [tea], days_ago=3)
    batch.refresh_all_genomes(now().timestamp())
    identity.erase_customer(shopper.pk, now() - timedelta(days=2))
    assert products_of(shopper) is None
    visitor = Visitor.objects.get_or_create_customer(shopper.pk)
    assert visitor.consent == Consent.WITHDRAWN
    visitor.change_consent(Consent.GRANTED, version="1", source="test", now=now())
    shop.create_past_order(shopper, [milk], days_ago=1)
    batch.refresh_all_genomes(now().timestamp())
    assert products_of(shopper) == [milk.pk]


def test_nothing_is_learned_from_who_withdrew_or_from_what_was_forgotten():
    tea, milk = shop.create_shop_product("Tea"), shop.create_shop_product("Milk")
    agreeing, silent_one = shop.create_customer("agreeing"), User.objects.create_user("silent")
    withdrawn, forgotten = shop.create_customer("withdrawn"), shop.create_customer("forgotten")
    for user in (agreeing, silent_one, withdrawn, forgotten, None):
        shop.create_past_order(user, [tea], days_ago=5)
    assert lines_of_tea(tea) == 5
    Visitor.objects.filter(user=withdrawn).update(consent=Consent.WITHDRAWN)
    assert lines_of_tea(tea) == 4
    Visitor.objects.filter(user=forgotten).update(erased_at=now() - timedelta(days=2))
    assert lines_of_tea(tea) == 3
    shop.create_past_order(forgotten, [milk, tea], days_ago=1)
    assert lines_of_tea(tea) == 4


def lines_of_tea(tea):
    shop_read = dataset.read_dataset(now().timestamp() + 1, no_progress)
    place = shop_read.product_id.tolist().index(tea.pk)
    return int((shop_read.history.product == place).sum())


def test_consent_from_elsewhere_never_overrides_a_withdrawal_and_leaves_a_proof():
    users = [User.objects.create_user(f"customer{n}") for n in range(3)]
    Visitor.objects.create(user=users[0], consent=Consent.WITHDRAWN)
    granted = Visitor.objects.grant_all([user.pk for user in users] * 2, version="7", source="terms", now=now())
    assert granted == 2
    assert set(Visitor.objects.consented()) == {users[1].pk, users[2].pk}
    again = Visitor.objects.grant_all([user.pk for user in users], version="8", source="terms", now=now())
    assert again == 0
    proofs = ConsentRecord.objects.values_list("visitor__user_id", "state", "version", "source")
    assert sorted(proofs) == [(user.pk, "granted", "7", "terms") for user in users[1:]]


@pytest.mark.parametrize("way", ["instance", "queryset"])
def test_deleting_an_account_deletes_all_that_we_know(way):
    shopper = shop.create_customer("shopper")
    shop.create_past_order(shopper, [shop.create_shop_product("Tea")])
    batch.refresh_all_genomes(now().timestamp())
    assert Genome.objects.exists() and Visitor.objects.exists() and ConsentRecord.objects.exists()
    if way == "instance":
        shopper.delete()
    else:
        User.objects.filter(pk=shopper.pk).delete()
    assert not (Genome.objects.exists() or Visitor.objects.exists() or ConsentRecord.objects.exists())
