"""What says too much of a person to be used."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SensitiveCategory(models.Model):
    """A category whose products, with those of all categories below it, are in nobody's genome, reason or row.

    Think of a pharmacy's shelf, of what only adults buy, of religion. None is sensitive until staff says so.
    """

    category = models.OneToOneField(
        "catalogue.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("category")
    )

    class Meta:
        verbose_name = _("sensitive category")
        verbose_name_plural = _("sensitive categories")

    def __str__(self) -> str:
        return str(self.category)
