"""What is known of networks, for a day: enough to hear each once, and nothing else."""

from datetime import timedelta

import pytest

from personalization.models import Event, Visitor
from personalization.models.voices import voice_key
from personalization.privacy.requester import ClientType, Requester
from personalization.privacy.retention import apply_retention
from tests.collect.event_payloads import NOW, consented_browser, event_payload, store_payloads
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
HOME, OFFICE = "192.0.2", "198.51.100"


def searches(network, query="milk", visitor=None, now=NOW, **how):
    """A browser of this network searches; its visitor."""
    visitor = visitor or consented_browser()
    search = event_payload("search", search_term=query, at=None)
    assert store_payloads(visitor, search, now=now, network=network, **how) == []
    return visitor


def echoes():
    """Whether each event is an echo, in the order of their arrival."""
    Event.objects.settle_voices(NOW)
    return list(Event.objects.order_by("pk").values_list("is_echo", flat=True))


def test_of_the_visitors_of_a_network_who_say_the_same_the_first_is_heard():
    first = searches(HOME)
    searches(HOME, "Milk!")
    searches(HOME, visitor=first)
    searches(OFFICE)
    searches(HOME, "bread")
    assert echoes() == [False, True, False, False, False]


def test_a_product_is_one_thing_to_say_however_it_is_said():
    milk, bread = shop.create_shop_product("Milk"), shop.create_shop_product("Bread")
    for name, product in (("view_item", milk), ("add_to_cart", milk), ("view_item", bread)):
        store_payloads(consented_browser(), event_payload(name, product.pk), network=HOME)
    assert echoes() == [False, True, False]


def test_each_day_they_are_heard_anew():
    for hours in (24, 0):
        searches(HOME, now=NOW - timedelta(hours=hours))
    assert echoes() == [False, False]


def test_a_suspected_bot_takes_nobodys_voice():
    searches(HOME, is_suspected_bot=True)
    searches(HOME)
    assert echoes() == [False, False]


def test_what_has_no_network_is_no_echo():
    for _ in range(2):
        searches("")
    assert echoes() == [False, False] and not Event.objects.exclude(voice=None).exists()


@pytest.mark.parametrize("forget", [apply_retention, Event.objects.settle_voices])
def test_after_a_day_nothing_is_left_but_what_was_an_echo(forget):
    for _ in range(2):
        searches(HOME)
        searches(OFFICE, is_suspected_bot=True)
    forget(NOW + timedelta(hours=23))
    assert Event.objects.filter(voice=None).count() == 0
    forget(NOW + timedelta(hours=25))
    assert Event.objects.filter(voice=None).count() == 4
    assert Event.objects.filter(is_echo=True).count() == 1
    assert HOME not in str(list(Event.objects.values()))


def test_who_is_first_stays_first_when_only_the_second_is_remembered():
    searches(HOME, now=NOW - timedelta(hours=11))
    Event.objects.settle_voices(NOW)
    searches(HOME, now=NOW)
    Event.objects.settle_voices(NOW)
    Event.objects.settle_voices(NOW + timedelta(hours=14))
    assert Event.objects.exclude(voice=None).count() == 1
    assert echoes() == [False, True]


def test_a_voice_is_another_for_another_day_network_product_query_and_secret(settings):
    said = [(HOME, NOW, 1, ""), (OFFICE, NOW, 1, ""), (HOME, NOW + timedelta(days=1), 1, "")]
    said += [(HOME, NOW, 2, ""), (HOME, NOW, None, "1"), (HOME, NOW, None, "2")]
    voices = {voice_key(*each) for each in said}
    settings.SECRET_KEY = "another"
    assert len(voices | {voice_key(*each) for each in said}) == 2 * len(said)
    assert voice_key(HOME, NOW, None, "") is None


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", HOME), ("2001:db8:1:2::", "2001:db8:1:2::"), ("unknown", "unknown")],
)
def test_a_network_is_a_24_or_a_64(address, network):
    assert Requester(address=address).network == network


def test_all_servers_of_the_shop_are_one_network():
    assert Requester(address="10.0.0.1", client=ClientType.SERVER_KEY).network == "server_key"


def test_who_signed_in_speaks_with_the_voice_of_their_browser():
    browser, account = searches(HOME), Visitor.objects.create()
    Event.objects.filter(visitor=browser).update(visitor=account)
    searches(HOME, visitor=account)
    assert echoes() == [False, False]
