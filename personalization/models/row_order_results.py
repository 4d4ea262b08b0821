"""What the learned order of rows came to, night by night: a few numbers about nobody."""

from datetime import date, timedelta
from typing import Any

from django.db import models, transaction
from django.utils.translation import pgettext_lazy

from personalization.models.shown_events import ClickSums

RESULT_DAYS = 390


class RowOrderResultQuerySet(models.QuerySet):
    """The questions about them."""

    def newest(self) -> "RowOrderResult | None":
        """That of the last night."""
        return self.order_by("-date").first()

    def store(self, day: date, **numbers: Any) -> None:
        """Makes this the result of a day; a year later it is deleted."""
        with transaction.atomic(using=self.db):
            self.update_or_create(date=day, defaults=numbers)
            self.filter(date__lt=day - timedelta(days=RESULT_DAYS)).delete()


class RowOrderResult(models.Model):
    """The clicks in rows of the four weeks before a night, in the drawn order and in the shop's."""

    date = models.DateField(unique=True)
    counted_since = models.DateField(null=True)
    """The day of the first of these clicks; None without any."""
    drawn_clicks = models.PositiveIntegerField()
    drawn_squares = models.PositiveBigIntegerField()
    """As `ClickSums.squares`."""
    shop_clicks = models.PositiveIntegerField()
    shop_squares = models.PositiveBigIntegerField()

    objects = RowOrderResultQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "result of the order of rows")
        verbose_name_plural = pgettext_lazy("personalization", "results of the order of rows")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.drawn_clicks} and {self.shop_clicks} clicks up to {self.date}"

    @property
    def drawn(self) -> ClickSums:
        """By those who saw the drawn order."""
        return ClickSums(self.drawn_clicks, self.drawn_squares)

    @property
    def shop(self) -> ClickSums:
        """By those who saw the shop's."""
        return ClickSums(self.shop_clicks, self.shop_squares)
