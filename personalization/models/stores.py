"""The shop's stores."""

from collections.abc import Iterable
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.timezone import get_default_timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy


def check_time_zone(name: str) -> None:
    """ValidationError for a name that no time zone has."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError(_("There is no such time zone: %(name)s."), params={"name": name}) from None


class StoreQuerySet(models.QuerySet):
    """Queries about stores."""

    def by_code(self, codes: Iterable[str]) -> "dict[str, Store]":
        """These stores, by their codes, in one query."""
        return {store.code: store for store in self.filter(code__in=list(codes))}

    def add_codes(self, codes: Iterable[str]) -> None:
        """Adds the stores that are not there yet; they are called as their code is."""
        self.bulk_create([self.model(code=code, name=code) for code in sorted(codes)], ignore_conflicts=True)


class Store(models.Model):
    """A place of the shop's where customers buy, or fetch what they ordered."""

    code = models.CharField(pgettext_lazy("personalization", "code"), max_length=32, unique=True)
    """As the till names it."""
    name = models.CharField(pgettext_lazy("personalization", "name"), max_length=100)
    country = models.CharField(pgettext_lazy("personalization", "country"), max_length=2, blank=True)
    """Its ISO code."""
    time_zone = models.CharField(
        pgettext_lazy("personalization", "time zone"), max_length=64, blank=True, validators=[check_time_zone]
    )
    """For times that name none; empty for the shop's."""
    click_and_collect = models.BooleanField(pgettext_lazy("personalization", "click and collect"), default=False)
    """Whether what was ordered can be fetched there."""

    partner = models.ForeignKey(
        "partner.Partner",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=pgettext_lazy("personalization", "partner"),
    )
    """Whose stock records say what lies there; none where nobody counts it by store."""

    objects = StoreQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "store")
        verbose_name_plural = pgettext_lazy("personalization", "stores")

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> tzinfo:
        """The time zone of its clocks."""
        return ZoneInfo(self.time_zone) if self.time_zone else get_default_timezone()
