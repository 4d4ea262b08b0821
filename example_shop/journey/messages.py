"""Three messages that are live, and a made-up week of them, so that the dashboard says what became of them and why.

Nothing is mailed by it. Who is held back is whom the app holds back; all else is dealt out in turn.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from itertools import cycle
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Max
from django.utils.timezone import get_default_timezone, now
from oscar.core.loading import get_model

from example_shop import view_as
from example_shop.journey.load import ADMIN, User
from personalization.lifecycle.decisions import is_held_back
from personalization.lifecycle.kinds import registered_kinds
from personalization.merchandising import publishing
from personalization.models import ChannelConsent, Definition, DefinitionKind, Delivery
from personalization.models.deliveries import Arm, DeliveryState, Why
from personalization.models.message_permissions import PermissionState
from personalization.privacy.message_addresses import hash_address
from personalization.shop import catalogue

Line = get_model("order", "Line")

MESSAGES = {
    "basket_left": "Your basket is still there",
    "due_again": "Before it runs out",
    "we_miss_you": "Come and see what is new",
}
HOUSEHOLDS = 40
ALLOWED_BEFORE = timedelta(days=21)
SILENT = timedelta(days=120)
"""The pause after which somebody is missed."""
FOLDER_MAIL = "django.core.mail.backends.filebased.EmailBackend"
SOURCE = "made up for the demo"


class MadeMessage(NamedTuple):
    """What came up so many days ago, and why it was not sent; "" where it was."""

    kind: str
    days_ago: int
    why: str = ""


WEEKS = (
    (MadeMessage("due_again", 6), MadeMessage("basket_left", 2)),
    (MadeMessage("basket_left", 5, Why.BOUGHT), MadeMessage("due_again", 1)),
    (MadeMessage("due_again", 4, Why.BOUGHT), MadeMessage("basket_left", 3)),
    (MadeMessage("basket_left", 6), MadeMessage("due_again", 4, Why.TOO_FEW_PRODUCTS)),
    (MadeMessage("due_again", 3),),
    (MadeMessage("basket_left", 1, Why.NO_PERMISSION),),
    (MadeMessage("due_again", 5), MadeMessage("basket_left", 3, Why.EMPTIED)),
)
"""What came up for a household, for one after the other."""
SILENT_WEEKS = (
    (MadeMessage("we_miss_you", 5),),
    (MadeMessage("we_miss_you", 2, Why.TOO_FEW_PRODUCTS),),
)
"""For those who have not ordered for long."""


def messages_are_made() -> bool:
    """Whether the demo's messages were made."""
    return Definition.objects.filter(kind=DefinitionKind.MESSAGE, is_demo=True, campaign=None).exists()


def make_messages() -> None:
    """Publishes the messages where mails go into a folder, else leaves them drafts; then stores the week."""
    owner, versions = User.objects.get(email=ADMIN), {}
    for kind, name in MESSAGES.items():
        definition = publishing.create("message", name, {"kind": kind}, owner, is_demo=True)
        if settings.EMAIL_BACKEND == FOLDER_MAIL:
            definition = publishing.publish(definition, owner)
        versions[kind] = (definition.live or definition.draft).pk
    households = _households()
    ChannelConsent.objects.bulk_create(row for one in households for row in _permissions(one))
    Delivery.objects.bulk_create(row for one in households for row in _deliveries(one, versions))


class Household(NamedTuple):
    """A customer, and what came up for them."""

    user_id: int
    address_hash: str
    week: tuple[MadeMessage, ...]
    product_id: int | None


def _households() -> list[Household]:
    """Whom the demo lets somebody look at the shop as, and some more."""
    shown = [person.email for person in view_as.list_people()]
    rows = User.objects.annotate(last=Max("orders__date_placed")).filter(last__isnull=False).order_by("pk")
    found = sorted(rows.values_list("pk", "email", "last"), key=lambda row: row[1] not in shown)[:HOUSEHOLDS]
    lines = Line.objects.filter(order__user__in=[key for key, _, _ in found], product__isnull=False)
    lines = lines.exclude(product__in=catalogue.all_sensitive_products()).order_by("order__date_placed", "pk")
    product = dict(lines.values_list("order__user_id", "product_id"))
    weeks, silent_weeks, missed = cycle(WEEKS), cycle(SILENT_WEEKS), now() - SILENT
    return [
        Household(key, hash_address(email), next(silent_weeks if last < missed else weeks), product.get(key))
        for key, email, last in found
    ]


def _permissions(household: Household) -> Iterator[ChannelConsent]:
    """What they allowed three weeks ago, and took back where a message was not sent for that."""
    kinds = registered_kinds()
    for purpose in dict.fromkeys(kinds[made.kind].purpose for made in household.week):
        yield _permission(household, purpose, PermissionState.GRANTED, _midday(0) - ALLOWED_BEFORE)
    for made in household.week:
        if made.why == Why.NO_PERMISSION:
            came_up_at = _midday(made.days_ago)
            yield _permission(household, kinds[made.kind].purpose, PermissionState.WITHDRAWN, came_up_at)


def _permission(household: Household, purpose: str, state: str, at: datetime) -> ChannelConsent:
    return ChannelConsent(
        user_id=household.user_id,
        address_hash=household.address_hash,
        purpose=purpose,
        state=state,
        source=SOURCE,
        language=settings.LANGUAGE_CODE,
        recorded_at=at,
    )


def _deliveries(household: Household, versions: dict[str, Any]) -> Iterator[Delivery]:
    kinds = registered_kinds()
    for made in household.week:
        kind, at = kinds[made.kind], _midday(made.days_ago)
        is_held = not made.why and is_held_back(kind, household.address_hash, kind.hold_back)
        why = Why.HELD_BACK if is_held else made.why
        decided_at = at + timedelta(minutes=20)
        yield Delivery(
            kind=kind.name,
            version_id=versions[kind.name],
            dedupe=f"demo:{kind.name}:{household.user_id}:{made.days_ago}",
            user_id=household.user_id,
            address_hash=household.address_hash,
            product_id=household.product_id if made.kind == "due_again" else None,
            priority=kind.priority,
            state=DeliveryState.SKIPPED if why else DeliveryState.SENT,
            why=why,
            arm=Arm.HELD_BACK if is_held else "" if why else Arm.TREATED,
            created_at=at,
            due_at=at,
            decided_at=decided_at,
            sent_at=None if why else decided_at,
            attempts=0 if why else 1,
        )


def _midday(days_ago: int) -> datetime:
    zone = get_default_timezone()
    return datetime.combine(now().astimezone(zone).date() - timedelta(days=days_ago), time(12), zone)
