"""The demo's made-up week of messages: what was sent and what was not, and that nothing was."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from example_shop.journey import source
from example_shop.journey.load import load_journey
from example_shop.journey.messages import FOLDER_MAIL, HOUSEHOLDS, MESSAGES, make_messages, messages_are_made
from personalization.lifecycle.decisions import is_held_back
from personalization.lifecycle.kinds import registered_kinds
from personalization.lifecycle.live_messages import read_live_messages
from personalization.models import ChannelConsent, Definition, Delivery
from personalization.models.deliveries import DeliveryState, Why


@pytest.fixture
def week(own_files, journey, settings, django_assert_max_num_queries):
    """Made of the first sixty products of the journey, as it is when the demo loads it."""
    few = journey.lines[journey.lines["product"] < 60].reset_index(drop=True)
    less = type(journey)(journey.products.head(60), few, journey.households)
    load_journey(source.shift_journey(less, timezone.now().date() - timedelta(days=1)), "small")
    settings.EMAIL_BACKEND = FOLDER_MAIL
    settings.PERSONALIZATION = {
        **settings.PERSONALIZATION,
        "MESSAGE_BASE_URL": "https://shop.example",
        "MESSAGE_ADDRESS_KEY": "key",
        "MESSAGE_IMPRINT": "Corner Shop Ltd",
    }
    assert not messages_are_made()
    with django_assert_max_num_queries(90):
        make_messages()
    assert messages_are_made()
    return list(Delivery.objects.all())


@pytest.mark.django_db
def test_it_says_what_was_sent_and_what_not_and_nothing_was_mailed(week, own_files):
    assert {one.state for one in week} == {DeliveryState.SENT, DeliveryState.SKIPPED}
    assert {Why.BOUGHT, Why.HELD_BACK, Why.NO_PERMISSION} <= {one.why for one in week}
    assert {one.kind for one in week} >= {"basket_left", "due_again"}
    assert 1 < len({one.user_id for one in week}) <= HOUSEHOLDS
    assert not mail.outbox
    assert not list(own_files.glob("mail/*"))


@pytest.mark.django_db
def test_it_could_have_been_so(week):
    """Nobody who is held back was written to, and all who were had allowed it."""
    kinds = registered_kinds()
    for one in week:
        kind = kinds[one.kind]
        if one.why in ("", Why.HELD_BACK):
            assert is_held_back(kind, one.address_hash, kind.hold_back) == bool(one.why)
        if one.state == DeliveryState.SENT:
            said = ChannelConsent.objects.newest(one.address_hash, one.user_id, kind.purpose, "email")
            assert said.state == "granted" and said.recorded_at < one.sent_at < timezone.now()


@pytest.mark.django_db
def test_its_messages_are_live_and_marked_as_the_demos(week):
    assert set(read_live_messages(timezone.now())) == set(MESSAGES)
    assert set(Definition.objects.filter(kind="message").values_list("is_demo", flat=True)) == {True}


@pytest.mark.django_db
def test_where_mails_leave_the_machine_nothing_is_published(own_files, slice_less, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    make_messages()
    assert Definition.objects.filter(kind="message", draft__isnull=False).count() == len(MESSAGES)
    assert not Definition.objects.filter(kind="message", live__isnull=False).exists()


@pytest.fixture
def slice_less(journey):
    """A shop with ten products of the journey."""
    few = journey.lines[journey.lines["product"] < 10].reset_index(drop=True)
    load_journey(type(journey)(journey.products.head(10), few, journey.households), "small")
