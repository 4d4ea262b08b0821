"""What merchants define: segments, campaigns, rows, synonyms, redirects, messages, content blocks, and what counts
besides relevance. A definition has versions that never change; one is live.

Publishing moves a pointer, so that undo, drafts, schedules and the audit are one mechanism.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import pgettext_lazy

ONLY_ROW = 1
MAX_NAME = 60


class DefinitionKind(models.TextChoices):
    """What can be defined."""

    SEGMENT = "segment", pgettext_lazy("personalization", "segment")
    CAMPAIGN = "campaign", pgettext_lazy("personalization", "campaign")
    ROW = "row", pgettext_lazy("personalization", "row")
    SYNONYM = "synonym", pgettext_lazy("personalization", "synonyms")
    REDIRECT = "redirect", pgettext_lazy("personalization", "redirect")
    EXPERIMENT = "experiment", pgettext_lazy("personalization", "experiment")
    MESSAGE = "message", pgettext_lazy("personalization", "message")
    BLOCK = "block", pgettext_lazy("personalization", "content block")
    OBJECTIVES = "objectives", pgettext_lazy("personalization", "what counts")


class DefinitionState(models.TextChoices):
    """What became of a definition. That it is scheduled, or has ended, is told from the clock and never stored."""

    DRAFT = "draft", pgettext_lazy("personalization", "draft")
    LIVE = "live", pgettext_lazy("personalization", "live")
    PAUSED = "paused", pgettext_lazy("personalization", "paused")
    ARCHIVED = "archived", pgettext_lazy("personalization", "archived")


class Band(models.IntegerChoices):
    """The three blocks of the list of campaigns, from the top."""

    MUST = 0, pgettext_lazy("personalization", "Must")
    CAMPAIGN = 1, pgettext_lazy("personalization", "Campaign")
    STANDING = 2, pgettext_lazy("personalization", "Standing")


class DefinitionQuerySet(models.QuerySet):
    """The questions about definitions."""

    def of_kind(self, kind: str) -> Self:
        """Those of a kind, campaigns in the order in which they count."""
        return self.of_kinds([kind])

    def of_kinds(self, kinds: Iterable[str]) -> Self:
        """Those of several kinds, campaigns in the order in which they count."""
        return self.filter(kind__in=list(kinds)).order_by("band", "place", "pk")

    def present(self) -> Self:
        """Those that are not archived."""
        return self.exclude(state=DefinitionState.ARCHIVED)

    def with_versions(self) -> Self:
        """With the live version, the draft and the campaign of each, in one query."""
        return self.select_related("live", "draft", "campaign__live")

    def live_documents(self) -> Self:
        """What serves now, or will or did by its schedule: all kinds in one query, campaigns in their order."""
        live = self.filter(state=DefinitionState.LIVE).select_related("live", "campaign__live")
        return live.order_by("band", "place", "pk")

    def serving_with_drafts(self, keys: Iterable[int]) -> Self:
        """What serves, and besides it these, each with its draft."""
        serving = models.Q(state=DefinitionState.LIVE) | models.Q(pk__in=list(keys))
        return self.present().filter(serving).select_related("live", "draft").order_by("band", "place", "pk")

    def parts_of(self, campaign_id: int) -> Self:
        """The blocks, messages and segments that belong to a campaign and are not archived, with their versions."""
        return self.present().filter(campaign=campaign_id).with_versions().order_by("kind", "place", "pk")

    def lock_live_campaign(self, campaign_id: int) -> "Definition | None":
        """A live campaign with its version, which nobody changes until the transaction ends; None for none."""
        rows = self.filter(pk=campaign_id, kind=DefinitionKind.CAMPAIGN, state=DefinitionState.LIVE)
        found: Definition | None = rows.select_related("live").select_for_update(of=("self",)).first()
        return found

    def part_counts(self) -> dict[int, int]:
        """How many parts each campaign has that has any. One query."""
        rows = self.present().exclude(campaign=None).values_list("campaign")
        return dict(rows.annotate(count=models.Count("pk")).order_by())

    def live_messages(self, now: datetime) -> Self:
        """The messages that are sent at this moment, with their live versions, in the order in which they count."""
        begun = models.Q(starts_at=None) | models.Q(starts_at__lte=now)
        not_over = models.Q(ends_at=None) | models.Q(ends_at__gt=now)
        return self.live_documents().filter(begun, not_over, kind=DefinitionKind.MESSAGE)

    def campaigns_with_message(self, message_kind: str, now: datetime) -> list[int]:
        """The keys of the campaigns of which a message of this kind is sent at this moment. One query."""
        rows = self.live_messages(now).filter(live__document__kind=message_kind, campaign__isnull=False)
        return sorted(set(rows.values_list("campaign_id", flat=True)))

    def is_message_live(self, message_kind: str, now: datetime) -> bool:
        """Whether a message of this kind of message is sent at this moment. One query."""
        return self.live_messages(now).filter(live__document__kind=message_kind).exists()

    def rows_of_shop(self) -> Self:
        """The settings of all rows, with their versions."""
        return self.of_kind(DefinitionKind.ROW).present().with_versions()

    def has_name(self, kind: str, name: str, *, besides: int | None = None) -> bool:
        """Whether one that is not archived has this name already, in whatever case."""
        return self.of_kind(kind).present().filter(name__iexact=name).exclude(pk=besides).exists()


class Definition(models.Model):
    """A segment, a campaign, the settings of a row, words that count as one another, where a search leads, a message to
    customers, a content block, or what counts besides relevance."""

    kind = models.CharField(pgettext_lazy("personalization", "kind"), max_length=12, choices=DefinitionKind.choices)
    key = models.CharField(pgettext_lazy("personalization", "key"), max_length=100)
    """Tells it from others of its kind, for ever: that of a row is its surface and its code."""
    name = models.CharField(pgettext_lazy("personalization", "name"), max_length=MAX_NAME)
    state = models.CharField(
        pgettext_lazy("personalization", "state"),
        max_length=8,
        choices=DefinitionState.choices,
        default=DefinitionState.DRAFT,
    )
    live = models.ForeignKey(
        "Version",
        on_delete=models.RESTRICT,
        null=True,
        related_name="+",
        verbose_name=pgettext_lazy("personalization", "live version"),
    )
    draft = models.ForeignKey(
        "Version",
        on_delete=models.RESTRICT,
        null=True,
        related_name="+",
        verbose_name=pgettext_lazy("personalization", "draft"),
    )
    """The newest version that is not published; None when there is none."""
    campaign = models.ForeignKey(
        "self",
        on_delete=models.RESTRICT,
        null=True,
        related_name="parts",
        verbose_name=pgettext_lazy("personalization", "campaign"),
    )
    """The campaign that it is a part of: it is published, paused and undone with it, and is for whom and when that one
    is. None for what stands by itself."""
    voucher_set_id = models.BigIntegerField(null=True)
    """Of a campaign: the key of Oscar's set of the voucher codes that are made for its customers."""
    band = models.PositiveSmallIntegerField(
        pgettext_lazy("personalization", "band"), choices=Band.choices, default=Band.CAMPAIGN
    )
    place = models.PositiveIntegerField(pgettext_lazy("personalization", "place"), default=0)
    """Of a campaign: from 1, the order within its band; of a message or a block: among all of them. Of a row:
    from 1, where it stands on its page; 0 for where it stands by itself."""
    starts_at = models.DateTimeField(pgettext_lazy("personalization", "starts at"), null=True)
    ends_at = models.DateTimeField(pgettext_lazy("personalization", "ends at"), null=True)
    """Both as the live version says."""
    published_at = models.DateTimeField(pgettext_lazy("personalization", "published at"), null=True)
    is_demo = models.BooleanField(pgettext_lazy("personalization", "made for the demo"), default=False)
    created_at = models.DateTimeField(pgettext_lazy("personalization", "created at"), auto_now_add=True)
    updated_at = models.DateTimeField(pgettext_lazy("personalization", "updated at"), auto_now=True)

    objects = DefinitionQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "definition")
        verbose_name_plural = pgettext_lazy("personalization", "definitions")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["kind", "key"], name="personalization_definition_key"),
            models.UniqueConstraint(
                "kind",
                Lower("name"),
                condition=~models.Q(state="archived"),
                name="personalization_definition_name",
            ),
        )
        indexes = (models.Index(fields=["kind", "state"], name="personalization_definitions"),)

    def __str__(self) -> str:
        return self.name

    @property
    def row_parts(self) -> list[str]:
        """Of the settings of a row: the surface and the code."""
        return self.key.split("/", 1)

    @property
    def newest(self) -> "Version | None":
        """The version that an editor shows: the draft, or else what is live."""
        return self.draft or self.live


class VersionQuerySet(models.QuerySet):
    """The questions about versions."""

    def of_definition(self, definition_id: int) -> Self:
        """All of a definition, the newest first."""
        return self.filter(definition_id=definition_id).order_by("-number")

    def next_number(self, definition_id: int) -> int:
        """The number of the next version of a definition."""
        newest = self.filter(definition_id=definition_id).aggregate(newest=models.Max("number"))["newest"]
        return (newest or 0) + 1


class Version(models.Model):
    """What a definition said at one moment. It never changes."""

    definition = models.ForeignKey(Definition, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(pgettext_lazy("personalization", "number"))
    schema = models.PositiveSmallIntegerField(pgettext_lazy("personalization", "schema"))
    document = models.JSONField(pgettext_lazy("personalization", "document"))
    summary = models.CharField(pgettext_lazy("personalization", "what changed"), max_length=200, blank=True)
    reason = models.CharField(pgettext_lazy("personalization", "reason"), max_length=200, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=pgettext_lazy("personalization", "made by"),
    )
    by_name = models.CharField(pgettext_lazy("personalization", "name"), max_length=150, blank=True)
    created_at = models.DateTimeField(pgettext_lazy("personalization", "created at"), auto_now_add=True)

    objects = VersionQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "version")
        verbose_name_plural = pgettext_lazy("personalization", "versions")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["definition", "number"], name="personalization_version_number"),)

    def __str__(self) -> str:
        return f"{self.definition_id}.{self.number}"

    def save(self, **options: Any) -> None:
        """Stores a new one. ValueError for one that is stored already."""
        if not self._state.adding:
            raise ValueError("a version never changes; make a new one")
        super().save(**options)


class ReferenceQuerySet(models.QuerySet):
    """The questions about what definitions name."""

    def replace(self, definition: Definition, references: "Iterable[tuple[str, str]]", *, live: bool) -> None:
        """Stores these as what the definition's live version, or its draft, names."""
        self.filter(definition=definition, live=live).delete()
        self.bulk_create(
            Reference(definition=definition, target=target, target_key=key, live=live)
            for target, key in sorted(set(references))
        )

    def users_of(self, target: str, target_key: object) -> models.QuerySet[Definition]:
        """The definitions that name it, live or as a draft, and are not archived."""
        named = self.filter(target=target, target_key=str(target_key)).values("definition_id")
        return Definition.objects.present().filter(pk__in=named).order_by("kind", "name")

    def users_by_key(self, target: str) -> dict[str, list[Definition]]:
        """By the key of each thing of this kind: the definitions that name it and are not archived."""
        rows = self.filter(target=target).exclude(definition__state=DefinitionState.ARCHIVED)
        found: dict[str, dict[int, Definition]] = {}
        for row in rows.select_related("definition").order_by("definition__kind", "definition__name"):
            found.setdefault(row.target_key, {})[row.definition_id] = row.definition
        return {key: list(users.values()) for key, users in found.items()}


class Reference(models.Model):
    """Something of the shop, or a segment, that a definition names: tells where it is used."""

    definition = models.ForeignKey(Definition, on_delete=models.CASCADE, related_name="references")
    target = models.CharField(max_length=12)
    """"product", "category", "range", "class", "attribute", "partner", "offer", "segment", "row" or "surface"."""
    target_key = models.CharField(max_length=100)
    """Its primary key or code, as a text: what it names may be deleted."""
    live = models.BooleanField()
    """Whether the live version names it, or the draft."""

    objects = ReferenceQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = (models.Index(fields=["target", "target_key"], name="personalization_references"),)

    def __str__(self) -> str:
        return f"{self.target} {self.target_key}"


class RulesStateQuerySet(models.QuerySet):
    """The questions about the one row."""

    def lock(self) -> None:
        """Keeps all others who change rules waiting until the end of the transaction."""
        self.bulk_create([RulesState(pk=ONLY_ROW)], ignore_conflicts=True)
        self.select_for_update().get(pk=ONLY_ROW)

    def count_change(self, moment: datetime) -> None:
        """Makes every process read the rules anew within seconds."""
        self.filter(pk=ONLY_ROW).update(number=models.F("number") + 1, changed_at=moment)

    def number(self) -> int:
        """How many changes there were."""
        return self.filter(pk=ONLY_ROW).values_list("number", flat=True).first() or 0


class RulesState(models.Model):
    """How often what serves was changed: the number that tells each process to read it anew."""

    number = models.BigIntegerField(default=0)
    changed_at = models.DateTimeField(null=True)

    objects = RulesStateQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.number)
