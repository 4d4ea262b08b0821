"""What the forms of one screen offer from the shop's tables: each is read once, when the first field needs it."""

from functools import cached_property
from typing import Any

from django.db.models import Q

from personalization.merchandising.row_keys import split_row_key
from personalization.models import Definition, DefinitionKind, DefinitionState
from personalization.oscar.dashboard.row_words import fallback_choices
from personalization.rows import registered_row_types
from personalization.shop import named_objects

Choices = list[tuple[Any, str]]

WITH_DRAFTS = (
    DefinitionKind.CAMPAIGN,
    DefinitionKind.ROW,
    DefinitionKind.SYNONYM,
    DefinitionKind.REDIRECT,
    DefinitionKind.BLOCK,
)
"""The kinds whose drafts can be tried out."""


class ShopChoices:
    """(key, label) of what may be chosen."""

    @cached_property
    def categories(self) -> Choices:
        """All categories in tree order."""
        return list(named_objects.category_choices())

    @cached_property
    def ranges(self) -> Choices:
        """All ranges."""
        return list(named_objects.named_choices("range"))

    @cached_property
    def product_classes(self) -> Choices:
        """All product types."""
        return list(named_objects.named_choices("class"))

    @cached_property
    def partners(self) -> Choices:
        """All partners."""
        return list(named_objects.named_choices("partner"))

    @cached_property
    def attributes(self) -> Choices:
        """All attributes that products can be compared by."""
        return list(named_objects.attribute_choices())

    @property
    def segments(self) -> Choices:
        """The segments, by name."""
        return [(one.pk, one.name) for one in self._definitions if one.kind == DefinitionKind.SEGMENT]

    @property
    def live_segments(self) -> Choices:
        """The segments that are live, by name."""
        live = {one.pk for one in self._definitions if one.state == DefinitionState.LIVE}
        return [(key, name) for key, name in self.segments if key in live]

    @property
    def rows(self) -> Choices:
        """All row types, by label, then the rows of the shop's own."""
        stored = [one for one in self._definitions if one.kind == DefinitionKind.ROW]
        own, built_in = sorted((split_row_key(one.key)[1], one.name) for one in stored), registered_row_types()
        return [*fallback_choices(), *(pair for pair in own if pair[0] not in built_in)]

    @property
    def drafts(self) -> Choices:
        """What has a draft, by kind and name."""
        drafts = [one for one in self._definitions if one.kind in WITH_DRAFTS and one.draft_id]
        return [(one.pk, _draft_label(one)) for one in sorted(drafts, key=lambda one: one.kind)]

    @cached_property
    def _definitions(self) -> list[Definition]:
        found = Definition.objects.present().filter(
            Q(kind__in=(DefinitionKind.SEGMENT, DefinitionKind.ROW)) | Q(kind__in=WITH_DRAFTS, draft__isnull=False)
        )
        return list(found.only("kind", "key", "name", "state", "draft_id").order_by("name"))


def _draft_label(definition: Definition) -> str:
    if definition.kind == DefinitionKind.CAMPAIGN:
        return definition.name
    return f"{definition.name} ({definition.get_kind_display()})"
