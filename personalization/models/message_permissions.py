"""Who may be written to: permission by channel and purpose, and the addresses that are never written to.

Neither table holds an address. An address is a keyed hash of it, see `privacy.message_addresses`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import pgettext_lazy

from personalization.models.batched_deletion import delete_in_batches


class Channel(models.TextChoices):
    """By which way a message goes."""

    EMAIL = "email", pgettext_lazy("personalization", "e-mail")
    SHOP = "shop", pgettext_lazy("personalization", "in the shop")
    """Oscar's notifications in a customer's account."""


class Purpose(models.TextChoices):
    """What a message is for; permission is asked for each."""

    ASKED_FOR = "asked_for", pgettext_lazy("personalization", "what the customer asked for")
    REMINDERS = "reminders", pgettext_lazy("personalization", "reminders")
    OFFERS = "offers", pgettext_lazy("personalization", "offers")


ALL_PURPOSES = ""
"""A suppression of all of them."""


class PermissionState(models.TextChoices):
    """What a customer said about one channel and purpose."""

    GRANTED = "granted", pgettext_lazy("personalization", "granted")
    WITHDRAWN = "withdrawn", pgettext_lazy("personalization", "withdrawn")
    SOFT = "soft", pgettext_lazy("personalization", "not objected to")
    """A customer of a sale, who was told so and did not object. Counts in the countries of `MESSAGE_SOFT_COUNTRIES`."""


MAY_ALLOW = (PermissionState.GRANTED, PermissionState.SOFT)


class ChannelConsentQuerySet(models.QuerySet):
    """Queries about permissions."""

    def newest(self, address_hash: str, user_id: Any, purpose: str, channel: str) -> "ChannelConsent | None":
        """What an address, or the account that it belongs to, said last."""
        person = models.Q(address_hash=address_hash)
        if user_id is not None:
            person |= models.Q(user_id=user_id)
        return self.filter(person, purpose=purpose, channel=channel).order_by("-recorded_at", "-pk").first()

    def newest_of(self, addresses: Mapping[Any, str], purpose: str, channel: str) -> "dict[Any, ChannelConsent]":
        """What each of these accounts, or its address, said last, as `newest` has it; one query. Parameters:
        `addresses`, {account: the hash of its address}."""
        person = models.Q(user__in=list(addresses)) | models.Q(address_hash__in=list(addresses.values()))
        rows = self.filter(person, purpose=purpose, channel=channel).order_by("recorded_at", "pk")
        said = list(enumerate(rows))
        by_user = {row.user_id: (number, row) for number, row in said}
        by_address = {row.address_hash: (number, row) for number, row in said}
        found = {}
        for user_id, address_hash in addresses.items():
            both = filter(None, (by_user.get(user_id), by_address.get(address_hash)))
            if newest := max(both, key=lambda pair: pair[0], default=None):
                found[user_id] = newest[1]
        return found

    def states_said_last(self, owner: str, purpose: str, channel: str) -> "models.QuerySet[Any, Any]":
        """For a subquery: what an account said last about messages for a purpose. A sweep asks it to leave the others
        out; whether somebody is written to is decided by `newest`. Parameters: `owner`, the column of the account."""
        rows = self.filter(user_id=models.OuterRef(owner), purpose=purpose, channel=channel)
        return rows.order_by("-recorded_at", "-pk").values("state")[:1]

    def withdrawals(self, user_ids: Iterable[Any], since: datetime, until: datetime) -> dict[Any, list[datetime]]:
        """{account: when it ended messages of any purpose} of these accounts, in this time."""
        rows = self.filter(user__in=list(user_ids), state=PermissionState.WITHDRAWN)
        found: dict[Any, list[datetime]] = defaultdict(list)
        for user_id, at in rows.filter(recorded_at__gte=since, recorded_at__lt=until).values_list(
            "user_id", "recorded_at"
        ):
            found[user_id].append(at)
        return found

    def delete_of_customer(self, user_id: Any, address_hash: str) -> None:
        """Deletes all that a customer, or their address, said."""
        self.filter(models.Q(user_id=user_id) | models.Q(address_hash=address_hash)).delete()

    def before(self, moment: datetime) -> "ChannelConsentQuerySet":
        """What was said before a moment about mails that somebody asked for. What was said about offers, reminders and
        notifications stays with its account."""
        return self.filter(purpose=Purpose.ASKED_FOR, channel=Channel.EMAIL, recorded_at__lt=moment)

    def delete_before(self, moment: datetime) -> Iterator[int]:
        """Deletes it, the oldest first; how many went with each batch."""
        rows = self.before(moment).order_by("recorded_at")
        return delete_in_batches(rows)


class ChannelConsent(models.Model):
    """What a customer or guest said about one channel and purpose. Rows are added, never changed; the newest counts."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    """None for a guest."""
    address_hash = models.CharField(max_length=64)
    channel = models.CharField(max_length=5, choices=Channel.choices, default=Channel.EMAIL)
    purpose = models.CharField(max_length=9, choices=Purpose.choices)
    state = models.CharField(max_length=9, choices=PermissionState.choices)
    source = models.CharField(max_length=64)
    """Where it was said: "product alert", "unsubscribe link", or what the shop recorded it from."""
    version = models.CharField(max_length=32, blank=True)
    """Of the text that they agreed to."""
    country = models.CharField(max_length=2, blank=True)
    language = models.CharField(max_length=16, blank=True)
    """Of the page on which it was said: messages are written in it."""
    recorded_at = models.DateTimeField()

    objects = ChannelConsentQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "permission to write")
        verbose_name_plural = pgettext_lazy("personalization", "permissions to write")
        default_permissions = ()
        indexes = (
            models.Index(fields=["address_hash", "purpose", "recorded_at"], name="personalization_permission"),
            models.Index(fields=["purpose", "recorded_at"], name="personalization_perm_age"),
        )

    def __str__(self) -> str:
        return f"{self.purpose} {self.state} at {self.recorded_at:%Y-%m-%d %H:%M}"


class SuppressionReason(models.TextChoices):
    """Why an address is not written to."""

    UNSUBSCRIBED = "unsubscribed", pgettext_lazy("personalization", "unsubscribed")
    ERASED = "erased", pgettext_lazy("personalization", "had their data erased")
    COMPLAINED = "complained", pgettext_lazy("personalization", "complained")
    BOUNCED = "bounced", pgettext_lazy("personalization", "does not exist")
    STAFF = "staff", pgettext_lazy("personalization", "the shop's decision")


OWN_ACTS = (SuppressionReason.UNSUBSCRIBED, SuppressionReason.ERASED)
"""What a customer did themselves, and can take back by asking anew."""


class SuppressionQuerySet(models.QuerySet):
    """Queries about suppressions."""

    def suppress(
        self, address_hash: str, reason: str, at: datetime, *, purpose: str = ALL_PURPOSES, channel: str = Channel.EMAIL
    ) -> None:
        """Stores that an address is not written to from this moment on, for one purpose or all. May be repeated."""
        row = self.model(address_hash=address_hash, channel=channel, purpose=purpose, reason=reason, at=at)
        keys = ["address_hash", "channel", "purpose", "reason"]
        self.bulk_create([row], update_conflicts=True, update_fields=["at"], unique_fields=keys)

    def holds(self, address_hash: str, purpose: str, channel: str, said_at: datetime | None) -> bool:
        """Whether an address is not written to. Who asked anew (`said_at`) after they had stopped it themselves is.
        What ended all mails ends all else, too, unless it was only that mails came back."""
        rows = self._in_force(purpose, channel).filter(address_hash=address_hash)
        if said_at is not None:
            rows = rows.exclude(reason__in=OWN_ACTS, at__lt=said_at)
        return rows.exists()

    def suppressed_addresses(self, said: Mapping[str, datetime], purpose: str, channel: str) -> set[str]:
        """Those of these addresses that are not written to, as `holds` has it; one query. Parameters: `said`, {hash of
        an address: when it was allowed}."""
        rows = self._in_force(purpose, channel).filter(address_hash__in=list(said))
        found = rows.values_list("address_hash", "reason", "at")
        return {address for address, reason, at in found if reason not in OWN_ACTS or at >= said[address]}

    def _in_force(self, purpose: str, channel: str) -> "SuppressionQuerySet":
        is_meant = models.Q(channel=channel, purpose__in=[ALL_PURPOSES, purpose])
        if channel != Channel.EMAIL:
            is_about_mail = models.Q(reason=SuppressionReason.BOUNCED)
            is_meant |= models.Q(channel=Channel.EMAIL, purpose=ALL_PURPOSES) & ~is_about_mail
        return self.filter(is_meant)


class Suppression(models.Model):
    """An address that is not written to. Outlives all else that is stored about a person: it says not who they are."""

    address_hash = models.CharField(max_length=64)
    channel = models.CharField(max_length=5, choices=Channel.choices)
    purpose = models.CharField(max_length=9, choices=Purpose.choices, blank=True)
    """Empty for all."""
    reason = models.CharField(max_length=12, choices=SuppressionReason.choices)
    at = models.DateTimeField()

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "suppressed address")
        verbose_name_plural = pgettext_lazy("personalization", "suppressed addresses")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=["address_hash", "channel", "purpose", "reason"], name="personalization_one_suppression"
            ),
        )

    def __str__(self) -> str:
        return f"{self.reason} at {self.at:%Y-%m-%d %H:%M}"
