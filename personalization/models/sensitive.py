"""What says too much of a person to be used."""

from django.db import models
from django.utils.translation import pgettext_lazy


class SensitiveCategory(models.Model):
    """A category whose products, with those of all categories below it, are in nobody's genome, reason or row.

    Think of a pharmacy's shelf, of what only adults buy, of religion. None is sensitive until staff says so.
    """

    category = models.OneToOneField(
        "catalogue.Category",
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=pgettext_lazy("personalization", "category"),
    )

    class Meta:
        verbose_name = pgettext_lazy("personalization", "sensitive category")
        verbose_name_plural = pgettext_lazy("personalization", "sensitive categories")

    def __str__(self) -> str:
        return str(self.category)
