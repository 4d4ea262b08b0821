"""Other apps hear what happened, once it is committed, and can break nothing."""

import logging
import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command

from personalization import signals
from personalization.collect import ingestion
from personalization.decide.slate import Slate
from personalization.decide.visit import Visit
from personalization.models import Consent, Event, Snapshot, Visitor
from personalization.privacy import consent_lists, flows, identity
from personalization.privacy.requester import Requester
from personalization.serve import serve_slate
from tests.collect import event_payloads as deliveries
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

ANONYMOUS = Visit(timestamp=0.0, strategy=None)


@pytest.fixture
def heard(django_capture_on_commit_callbacks):
    """Calls a function and gives what a receiver of the signal was sent by it."""
    connected = []

    def listen(signal, act):
        received = []

        def receiver(sender, signal, **arguments):
            received.append(arguments)

        signal.connect(receiver)
        connected.append((signal, receiver))
        with django_capture_on_commit_callbacks(execute=True):
            act()
        return received

    yield listen
    for signal, receiver in connected:
        signal.disconnect(receiver)


def requester(user=None, browser=None):
    return Requester(user=user or AnonymousUser(), visitor_id=browser and browser.pk)


def test_a_customer_who_withdraws_is_told_with_what_they_allowed_and_who_says_so(heard):
    anna = shop.create_customer("anna")
    visitor = Visitor.objects.get(user=anna)
    told = heard(signals.consent_changed, lambda: flows.withdraw_consent(requester(anna), deliveries.NOW, "account"))
    assert told == [
        {
            "visitor_id": visitor.pk,
            "user_id": anna.pk,
            "state": "withdrawn",
            "source": "account",
            "changed_at": deliveries.NOW,
        }
    ]


def test_consent_that_the_shop_imports_is_told_for_each_customer_whom_it_changes(heard, django_user_model):
    new, agreed = django_user_model.objects.create_user("ben", "", "x"), shop.create_customer("anna")
    record = {"source": "newsletter", "version": "1", "now": deliveries.NOW}
    told = heard(signals.consent_changed, lambda: consent_lists.record_grants([new.pk, agreed.pk], **record))
    assert [(one["user_id"], one["state"]) for one in told] == [(new.pk, Consent.GRANTED)]
    told = heard(signals.consent_changed, lambda: consent_lists.record_withdrawals([new.pk, agreed.pk], **record))
    assert {(one["user_id"], one["state"]) for one in told} == {(who.pk, Consent.WITHDRAWN) for who in (new, agreed)}


def test_a_browser_that_signs_in_is_told_as_merged_into_its_account(heard):
    anna, browser = shop.create_customer("anna"), deliveries.consented_browser()
    told = heard(
        signals.visitor_merged,
        lambda: merge(requester(anna, browser)),
    )
    account = Visitor.objects.get(user=anna)
    assert told == [{"visitor_id": account.pk, "user_id": anna.pk, "merged_visitor_id": browser.pk}]


def merge(signed_in):
    identity.merge_into_account(signed_in, deliveries.NOW, agreed_in_session=False)


def test_an_erased_customer_and_an_erased_browser_are_told_by_the_ids_that_are_no_more(heard):
    anna, browser = shop.create_customer("anna"), deliveries.consented_browser()
    before = Visitor.objects.get(user=anna).pk
    told = heard(signals.visitor_erased, lambda: identity.erase_visitor(requester(anna, browser), deliveries.NOW))
    assert told == [{"visitor_id": browser.pk, "user_id": None}, {"visitor_id": before, "user_id": anna.pk}]
    unknown = Visitor(id=uuid.uuid4())
    assert heard(signals.visitor_erased, lambda: identity.erase_browser(requester(browser=unknown))) == []


def test_a_training_run_tells_which_snapshot_it_published(heard):
    shop.even_and_odd()
    told = heard(signals.snapshot_published, lambda: call_command("personalization_train", verbosity=0))
    assert told == [{"snapshot": Snapshot.objects.active().get()}]


def test_a_slate_that_is_served_is_told_with_its_visit(heard):
    served = []
    told = heard(signals.slate_served, lambda: served.append(serve_slate("home", ANONYMOUS)))
    assert told == [{"slate": served[0], "visit": ANONYMOUS}]


def test_events_are_told_when_they_are_stored_and_not_when_they_are_refused(heard):
    browser, milk = deliveries.consented_browser(), shop.create_shop_product("Milk")
    view = deliveries.event_payload(product=milk.pk)
    (told,) = heard(
        signals.event_recorded, lambda: deliveries.store_payloads(browser, view, deliveries.event_payload(product=0))
    )
    assert told["visitor_id"] == browser.pk
    assert [(event.type, event.product_id) for event in told["events"]] == [("view_item", milk.pk)]
    assert (
        heard(signals.event_recorded, lambda: deliveries.store_payloads(browser, deliveries.event_payload(product=0)))
        == []
    )
    (told,) = heard(
        signals.event_recorded,
        lambda: ingestion.record_server_event(browser, "add_to_cart", milk.pk, deliveries.NOW),
    )
    assert [(event.type, event.product_id) for event in told["events"]] == [("add_to_cart", milk.pk)]


def test_what_is_rolled_back_is_not_told(heard):
    assert heard(signals.consent_changed, roll_back_a_consent) == []
    assert not Visitor.objects.exists()


def roll_back_a_consent():
    from django.db import transaction

    with transaction.atomic():
        identity.create_consented_browser(deliveries.NOW, "banner")
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_raises_is_logged_and_breaks_neither_the_page_nor_other_receivers(caplog):
    def broken(sender, **arguments):
        raise RuntimeError("the receiver is broken")

    received = []

    def works(sender, slate, **arguments):
        received.append(slate)

    signals.slate_served.connect(broken)
    signals.slate_served.connect(works)
    try:
        with caplog.at_level(logging.ERROR):
            slate = serve_slate("home", ANONYMOUS)
    finally:
        signals.slate_served.disconnect(broken)
        signals.slate_served.disconnect(works)
    assert isinstance(slate, Slate) and received == [slate]
    assert "the receiver is broken" in caplog.text


def test_without_receivers_nothing_waits_for_the_commit(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        serve_slate("home", ANONYMOUS)
        deliveries.store_payloads(
            deliveries.consented_browser(), deliveries.event_payload(product=shop.create_shop_product("Milk").pk)
        )
    assert Event.objects.count() == 1 and callbacks == []
