"""Four accounts made for it and one customer are no five: the shop's pages do not tell what the customer bought."""

import pytest
from django.core.management import call_command

from personalization.decide import active_snapshot
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]


def test_four_new_accounts_do_not_learn_what_a_customer_bought_with_what_they_ask_for(client):
    users, _ = shop.even_and_odd(weeks=10)
    ring, *gifts = map(shop.create_shop_product, ("Sapphire ring", "Lace veil", "Lemon gateau", "Silver tray"))
    puppets = [shop.create_customer(f"puppet{number}") for number in range(4)]
    for customer in (users[0], *puppets):
        shop.create_past_order(customer, [ring, *gifts], days_ago=2)
    page = page_after_training(client, ring)
    assert not [gift for gift in gifts if gift.title in page]
    for customer in users[1:3]:
        shop.create_past_order(customer, [ring, *gifts], days_ago=2)
    page = page_after_training(client, ring)
    assert [gift for gift in gifts if gift.title in page] == gifts


def page_after_training(client, product):
    """The page of the product after a training run, as a stranger sees it."""
    call_command("personalization_train", verbosity=0, force=True)
    active_snapshot.reset_active_snapshot()
    return client.get(product.get_absolute_url()).content.decode()
