"""Keys of the shop's own servers. Only what a key hashes to is stored."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

SECRET_BYTES = 32
ROTATION_GRACE = timedelta(hours=24)
"""So long an old key stays in force beside the one that takes its place."""


class Scope(models.TextChoices):
    """What a key may do."""

    WRITE_EVENTS = "events:write", pgettext_lazy("personalization", "send events")
    READ_SURFACES = "surfaces:read", pgettext_lazy("personalization", "read recommendations")
    READ_CUSTOMERS = "customers:read", _("name the customer to recommend for")
    WRITE_PURCHASES = "purchases:write", pgettext_lazy("personalization", "send purchases made in stores")
    WRITE_POSTS = "posts:write", pgettext_lazy("personalization", "send and publish posts")


def hash_key(secret: str) -> str:
    """What is stored of a key. It is random, so that one round of hashing is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ServerKeyQuerySet(models.QuerySet):
    """The questions about keys."""

    def active(self, secret: str) -> "ServerKey | None":
        """The key with this secret, unless it was revoked or has been replaced; one indexed query."""
        return self.filter(
            models.Q(expires_at=None) | models.Q(expires_at__gt=now()), hashed_key=hash_key(secret)
        ).first()

    def create_key(self, name: str, scopes: list[str]) -> tuple["ServerKey", str]:
        """A new key, and its secret, which nobody can read again."""
        secret = f"{secrets.token_hex(4)}.{secrets.token_urlsafe(SECRET_BYTES)}"
        made = self.create(name=name, scopes=scopes, prefix=secret[:8], hashed_key=hash_key(secret))
        return made, secret


class ServerKey(models.Model):
    """What another server of the shop's own shows to ask in its own name or in a customer's."""

    name = models.CharField(pgettext_lazy("personalization", "name"), max_length=100)
    """Whose it is, in the words of staff."""
    prefix = models.CharField(pgettext_lazy("personalization", "prefix"), max_length=8, editable=False)
    """Tells keys apart; says nothing of the rest."""
    hashed_key = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(pgettext_lazy("personalization", "scopes"), default=list)
    """Values of Scope."""
    created_at = models.DateTimeField(pgettext_lazy("personalization", "created at"), auto_now_add=True)
    expires_at = models.DateTimeField(pgettext_lazy("personalization", "expires at"), null=True, blank=True)
    """None for a key that stays in force until somebody revokes it."""

    objects = ServerKeyQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "server key")
        verbose_name_plural = pgettext_lazy("personalization", "server keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def expire(self, moment: datetime) -> None:
        """Makes the key worth nothing from that moment on, unless it ends earlier."""
        self.expires_at = min(moment, self.expires_at or moment)
        self.save(update_fields=["expires_at"])

    def rotate(self) -> tuple["ServerKey", str]:
        """A key with the same name and scopes, and its secret; this one ends a day later."""
        self.expire(now() + ROTATION_GRACE)
        return type(self).objects.create_key(self.name, self.scopes)
