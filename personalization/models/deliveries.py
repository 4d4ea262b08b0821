"""The outbox: each message that is due to one person for one reason, what became of it, and why."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import connections, models, transaction
from django.utils.translation import pgettext_lazy

from personalization.models.batched_deletion import delete_in_batches
from personalization.models.definitions import Version
from personalization.models.message_permissions import Channel

LEASE = timedelta(minutes=15)
"""So long a message may be with the mail server; then nobody knows whether it was sent, and it is not sent again."""


class DeliveryState(models.TextChoices):
    """From DUE over SENDING to SENT or FAILED, or from DUE to SKIPPED."""

    DUE = "due", pgettext_lazy("personalization", "due")
    SENDING = "sending", pgettext_lazy("personalization", "being sent")
    SENT = "sent", pgettext_lazy("personalization", "sent")
    SKIPPED = "skipped", pgettext_lazy("personalization", "not sent")
    FAILED = "failed", pgettext_lazy("personalization", "failed")


class Why(models.TextChoices):
    """Why a message was not sent, or waits."""

    BOUGHT = "bought", pgettext_lazy("personalization", "bought already")
    SOLD_OUT = "sold_out", pgettext_lazy("personalization", "sold out again")
    BACK = "back", pgettext_lazy("personalization", "can be bought again")
    EMPTIED = "emptied", pgettext_lazy("personalization", "nothing is left in the basket")
    IN_USE = "in_use", pgettext_lazy("personalization", "the basket is in use")
    SMALL_BASKET = "small_basket", pgettext_lazy("personalization", "worth no more than what they usually order")
    TOO_FEW_PRODUCTS = "too_few_products", pgettext_lazy("personalization", "nothing to show")
    PRICE_BACK = "price_back", pgettext_lazy("personalization", "the price is no lower any more")
    NO_PERMISSION = "no_permission", pgettext_lazy("personalization", "no permission (any more)")
    SUPPRESSED = "suppressed", pgettext_lazy("personalization", "the address is not written to")
    CAPPED = "capped", pgettext_lazy("personalization", "too many messages lately")
    QUIET = "quiet", pgettext_lazy("personalization", "quiet hours")
    HELD_BACK = "held_back", pgettext_lazy("personalization", "held back to measure the effect")
    ENDED = "ended", pgettext_lazy("personalization", "the message was paused, or had ended")
    NOT_MEANT = "not_meant", pgettext_lazy("personalization", "no message was meant for them")
    TOO_OLD = "too_old", pgettext_lazy("personalization", "too late")
    NOT_WANTED = "not_wanted", pgettext_lazy("personalization", "they asked for later, or never")
    STAFF = "staff", pgettext_lazy("personalization", "an account of staff")
    CHILD = "child", pgettext_lazy("personalization", "a child's account")
    NO_ADDRESS = "no_address", pgettext_lazy("personalization", "no address, or no account any more")
    NOT_RENDERED = "not_rendered", pgettext_lazy("personalization", "the text could not be made")
    BUSY = "busy", pgettext_lazy("personalization", "the mail server asked to come back later")
    REFUSED = "refused", pgettext_lazy("personalization", "the mail server refused it")
    OTHER_CHANNEL = "other_channel", pgettext_lazy("personalization", "the message goes another way")
    READ_FIRST = "read_first", pgettext_lazy("personalization", "may be read in the shop first")
    READ_IN_SHOP = "read_in_shop", pgettext_lazy("personalization", "read in the shop")
    BEST_HOUR = "best_hour", pgettext_lazy("personalization", "a better hour")
    UNKNOWN = "unknown", pgettext_lazy("personalization", "nobody knows whether it was sent")


DUE_AGAIN = (Why.SOLD_OUT, Why.ENDED, Why.IN_USE)
"""Why a message was not sent that is due once more when it comes up again."""


class Arm(models.TextChoices):
    """Whether a person gets messages of a kind, or is compared with those who do."""

    TREATED = "treated", pgettext_lazy("personalization", "gets it")
    HELD_BACK = "held_back", pgettext_lazy("personalization", "held back")


NOT_CHOSEN: dict[str, Any] = {"shop_first": None, "hour_rule": "", "waits_until": None}


class HourRule(models.TextChoices):
    """Whose hours a mail was sent by."""

    OWN = "own", pgettext_lazy("personalization", "by their own visits")
    SHOP = "shop", pgettext_lazy("personalization", "by the visits of all")


class DeliveryQuerySet(models.QuerySet):
    """Queries about messages."""

    def put_out(self, rows: "Iterable[Delivery]") -> int:
        """Stores the messages whose key is new, and makes those due again that were not sent for a reason that passes
        (`DUE_AGAIN`). Returns how many are due by that. May be repeated and done twice at once."""
        rows = sorted(rows, key=lambda row: (row.dedupe, row.channel))
        known = self.filter(dedupe__in=[row.dedupe for row in rows])
        before = set(known.values_list("dedupe", "channel"))
        self.bulk_create(rows, ignore_conflicts=True)
        returned = known_now = 0
        for row in rows:
            if (row.dedupe, row.channel) in before:
                known_now += 1
                passed = self.same_message(row).filter(state=DeliveryState.SKIPPED, why__in=DUE_AGAIN)
                anew = {"created_at": row.created_at, "due_at": row.due_at, "decided_at": None, **NOT_CHOSEN}
                returned += passed.update(state=DeliveryState.DUE, why="", **anew)
        return len(rows) - known_now + returned

    def same_message(self, row: "Delivery") -> Self:
        """The message about the same thing by the same channel."""
        return self.filter(dedupe=row.dedupe, channel=row.channel)

    def by_other_channels(self, row: "Delivery") -> Self:
        """The messages about the same thing to the same person by other channels."""
        return self.filter(dedupe=row.dedupe).exclude(channel=row.channel)

    def settled(self) -> "DeliveryQuerySet":
        """Those that no sweep makes due again."""
        return self.exclude(state=DeliveryState.SKIPPED, why__in=DUE_AGAIN)

    def already_messaged(self, kind: str, user_ids: Iterable[Any], moment: datetime) -> set[Any]:
        """Those of these customers to whom a message of a kind came up since a moment and was sent, held back, or still
        may be."""
        rows = self.filter(user_id__in=list(user_ids), kind=kind, created_at__gte=moment)
        return set(
            rows.exclude(~models.Q(why=Why.HELD_BACK), state=DeliveryState.SKIPPED).values_list("user", flat=True)
        )

    def written_since(self, moment: datetime, kind: str, product_ids: Iterable[int]) -> dict[int, int]:
        """{product: to how many people a kind of message about it was sent since a moment, or will be}"""
        rows = self.filter(kind=kind, product_id__in=list(product_ids)).exclude(state=DeliveryState.SKIPPED).order_by()
        waiting = models.Q(state__in=[DeliveryState.DUE, DeliveryState.SENDING])
        rows = rows.filter(waiting | models.Q(created_at__gte=moment) | models.Q(sent_at__gte=moment))
        return dict(rows.values_list("product_id").annotate(models.Count("dedupe", distinct=True)))

    def is_any_due(self, kinds: Iterable[str], channel: str, now: datetime) -> bool:
        """Whether a message of these kinds is to be sent now."""
        return self.filter(kind__in=list(kinds), channel=channel, state=DeliveryState.DUE, due_at__lte=now).exists()

    def lock_next(self, kinds: Iterable[str], channel: str, now: datetime) -> "Delivery | None":
        """The message to be sent next, inside a transaction: no other worker takes it, nor another message to the same
        address, before that ends."""
        rows = self.filter(kind__in=list(kinds), channel=channel, state=DeliveryState.DUE, due_at__lte=now)
        row = (
            rows.order_by("-priority", "due_at", "source_id", "pk")
            .select_for_update(skip_locked=True, of=("self",))
            .first()
        )
        if row is not None:
            self._lock_address(row.address_hash)
        return row

    def _lock_address(self, address_hash: str) -> None:
        """Waits for whoever decides on a message to this address; without it two could each find the other's missing
        in what a cap counts. SQLite has one writer at a time."""
        if connections[self.db].vendor == "postgresql":
            with connections[self.db].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [address_hash])

    def sent_times(self, address_hash: str, user_id: Any, since: datetime) -> list[datetime]:
        """When a person was mailed, the newest first; a mail that is being sent counts."""
        person = models.Q(address_hash=address_hash)
        if user_id is not None:
            person |= models.Q(user_id=user_id)
        rows = self.filter(person, channel=Channel.EMAIL, sent_at__gte=since).order_by("-sent_at")
        return list(rows.values_list("sent_at", flat=True))

    def give_up_unknown(self, now: datetime) -> int:
        """Marks what has been with the mail server for too long as failed: it is not sent again. Returns how many."""
        rows = self.filter(state=DeliveryState.SENDING, lease_until__lte=now)
        return rows.update(state=DeliveryState.FAILED, why=Why.UNKNOWN, lease_until=None)

    def end_others(self, kinds: Iterable[str], now: datetime) -> int:
        """Gives up what is due of all other kinds: they were switched off meanwhile. Returns how many."""
        rows = self.filter(state=DeliveryState.DUE, due_at__lte=now).exclude(kind__in=list(kinds))
        return rows.update(state=DeliveryState.SKIPPED, why=Why.ENDED, decided_at=now)

    def in_shop_of(self, user_id: Any) -> Self:
        """The notifications that a customer got."""
        return self.filter(user_id=user_id, channel=Channel.SHOP, notification_id__isnull=False)

    def to_recheck(self, now: datetime, limit: int) -> "list[Delivery]":
        """The notifications that were not read when they were looked at last, those first that wait longest to be
        looked at again."""
        return list(self.filter(recheck_at__lte=now).order_by("recheck_at")[:limit])

    def stop_rechecks(self, keys: Iterable[Any]) -> None:
        """These are not looked at again: they were read, put away or deleted."""
        self.filter(pk__in=list(keys)).update(recheck_at=None)

    def lock_sent(self, key: Any) -> "Delivery | None":
        """A message that was sent, inside a transaction in which nobody else changes it; None where somebody does."""
        rows = self.filter(pk=key, state=DeliveryState.SENT)
        return rows.select_for_update(skip_locked=True, of=("self",)).first()

    def sent_or_lost(self) -> Self:
        """Those that were sent, or may have been."""
        return self.filter(state__in=[DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.FAILED])

    def to_customer(self, user_id: Any, address_hash: str | None) -> "DeliveryQuerySet":
        """All messages to a customer, and to their address, if they have one."""
        return self.filter(models.Q(user_id=user_id) | models.Q(address_hash=address_hash))

    def sent_by_definition(self, since: datetime) -> dict[int, int]:
        """{definition: how many messages were sent by its versions} of those that came up since a moment."""
        rows = self.filter(created_at__gte=since, state=DeliveryState.SENT, version__isnull=False).order_by()
        return dict(rows.values_list("version__definition_id").annotate(models.Count("pk")))

    def counts(self, since: datetime) -> Mapping[tuple[str, str, str], int]:
        """{(kind, state, why): how many} of the messages that came up since a moment."""
        rows = self.filter(created_at__gte=since).order_by().values_list("kind", "state", "why")
        return Counter({(kind, state, why): n for kind, state, why, n in rows.annotate(n=models.Count("pk"))})

    def delete_of_customer(self, user_id: Any, address_hash: str) -> None:
        """Deletes all messages to a customer, and to their address. What they have in their inbox: see
        `shop.notifications`."""
        self.to_customer(user_id, address_hash).delete()

    def before(self, moment: datetime) -> "DeliveryQuerySet":
        """The messages that came up before a moment."""
        return self.filter(created_at__lt=moment)

    def delete_before(self, moment: datetime) -> Iterator[int]:
        """Deletes them, the oldest first; how many went with each batch."""
        return delete_in_batches(self.before(moment).order_by("created_at"))


class Delivery(models.Model):
    """A message to one person for one reason. Its text is not stored: it is made when it is sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    """The mail's Message-ID begins with it."""
    kind = models.CharField(max_length=32)
    """The name of a `lifecycle.kinds.MessageKind`."""
    version = models.ForeignKey(Version, null=True, on_delete=models.SET_NULL, related_name="+")
    """Of the definition by which it was decided; None before that."""
    dedupe = models.CharField(max_length=120)
    """What it is about: nobody is told the same thing twice by one channel."""
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    """None for a guest."""
    address_hash = models.CharField(max_length=64)
    channel = models.CharField(max_length=5, choices=Channel.choices, default=Channel.EMAIL)
    source_id = models.BigIntegerField(null=True)
    """The primary key of what it comes from, by its kind: a product alert."""
    product_id = models.BigIntegerField(null=True)
    priority = models.SmallIntegerField(default=0)
    """Of several messages that are due to a person, the one with the highest goes."""
    state = models.CharField(max_length=7, choices=DeliveryState.choices, default=DeliveryState.DUE)
    why = models.CharField(max_length=16, choices=Why.choices, blank=True)
    arm = models.CharField(max_length=9, choices=Arm.choices, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    """When it was decided last whether to send it."""
    sent_at = models.DateTimeField(null=True)
    """When it was handed to the mail server, or put into the inbox."""
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    notification_id = models.BigIntegerField(null=True)
    """Of Oscar's notification that it became; None for a mail."""
    shop_first = models.BooleanField(null=True)
    """Whether a mail waits for its reader to find the notification; None where its message does not say so."""
    waits_until = models.DateTimeField(null=True)
    """Until when it waits for that, or for the best hour: only then it becomes too late."""
    hour_rule = models.CharField(max_length=4, choices=HourRule.choices, blank=True)
    """By what its hour was chosen; "" where its message does not say so."""
    recheck_at = models.DateTimeField(null=True)
    """When it is asked again whether a notification is still true; None for a mail, and once it was read."""

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "message to a person")
        verbose_name_plural = pgettext_lazy("personalization", "messages to persons")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["dedupe", "channel"], name="personalization_one_delivery"),)
        indexes = (
            models.Index(
                fields=["recheck_at"],
                condition=models.Q(recheck_at__isnull=False),
                name="personalization_message_again",
            ),
            models.Index(fields=["state", "due_at"], name="personalization_message_due"),
            models.Index(fields=["address_hash", "sent_at"], name="personalization_message_sent"),
            models.Index(fields=["kind", "product_id", "created_at"], name="personalization_message_topic"),
            models.Index(fields=["kind", "source_id"], name="personalization_message_source"),
            models.Index(fields=["created_at"], name="personalization_message_age"),
        )

    def __str__(self) -> str:
        return f"{self.dedupe}: {self.state} {self.why}".rstrip()

    def note_choice(self, shop_first: bool | None, hour_rule: str, waits_until: datetime | None) -> None:
        """Stores by which rules of its message its moment was chosen, once each; what was chosen before stays."""
        if shop_first is None and not hour_rule:
            return
        columns = {"shop_first": shop_first, "hour_rule": hour_rule, "waits_until": waits_until or self.waits_until}
        type(self).objects.filter(pk=self.pk).update(**columns)
        for name, value in columns.items():
            setattr(self, name, value)

    @transaction.atomic
    def mark(self, state: str, why: str = "", **columns: Any) -> None:
        """Stores what became of it. A row that was erased meanwhile stays erased."""
        columns = {"state": state, "why": why, **columns}
        type(self).objects.filter(pk=self.pk).update(**columns)
        for name, value in columns.items():
            setattr(self, name, value)
