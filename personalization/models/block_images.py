"""The pictures of content blocks: what is known of the files that lie in the shop's own storage."""

from collections.abc import Iterable

from django.db import models
from django.utils.translation import pgettext_lazy

FOLDER = "personalization/blocks"


class BlockImageQuerySet(models.QuerySet):
    """The questions about pictures."""

    def by_key(self, keys: Iterable[int]) -> dict[int, "BlockImage"]:
        """Those of these keys. One query, none for no keys."""
        wanted = set(keys)
        return self.in_bulk(wanted) if wanted else {}


class BlockImage(models.Model):
    """A picture that somebody uploaded for a content block. It never changes: versions name it."""

    stem = models.CharField(pgettext_lazy("personalization", "name"), max_length=40, unique=True)
    """What the names of its files begin with."""
    width = models.PositiveIntegerField(pgettext_lazy("personalization", "width"))
    height = models.PositiveIntegerField(pgettext_lazy("personalization", "height"))
    """Of the widest file, in pixels."""
    widths = models.JSONField(pgettext_lazy("personalization", "widths"), default=list)
    """Of its files, the smallest first."""
    created_at = models.DateTimeField(pgettext_lazy("personalization", "created at"), auto_now_add=True)

    objects = BlockImageQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "picture")
        verbose_name_plural = pgettext_lazy("personalization", "pictures")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.stem} ({self.width} x {self.height})"

    def file_name(self, width: int) -> str:
        """What its file of this width is called in the storage."""
        return f"{FOLDER}/{self.stem}-{width}.webp"
