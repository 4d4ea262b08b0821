"""The kinds of messages, each with its messages and what came of them; what is done with one, and its history."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET, require_POST

from personalization import conf
from personalization.lifecycle.kinds import MessageKind, registered_kinds
from personalization.measure.message_effect import MessageEffect, read_message_effects
from personalization.merchandising import documents, publishing
from personalization.models import AuditEntry, Definition, DefinitionKind, Delivery
from personalization.models.definitions import Version
from personalization.models.deliveries import DeliveryState, Why
from personalization.models.message_permissions import Purpose
from personalization.oscar.dashboard.campaign_list import all_names, live_state, undoable
from personalization.oscar.dashboard.definition_changes import change_by_button
from personalization.oscar.dashboard.message_effect_words import describe_message_effect, describe_withdrawals
from personalization.oscar.dashboard.message_forms import message_label
from personalization.oscar.dashboard.message_words import describe_message
from personalization.oscar.dashboard.screens import show

MESSAGE_PERIODS = (7, 28)
"""Days."""


@dataclass
class MessageNumbers:
    """What became of the messages of a kind that came up within some days."""

    sent: int = 0
    held_back: int = 0
    waiting: int = 0
    reasons: list[tuple[str, int]] = field(default_factory=list)
    """(why not, how many) of all others, the most frequent first."""

    @property
    def not_sent(self) -> int:
        """How many were not sent, without those that were held back."""
        return sum(count for _, count in self.reasons)


@dataclass(frozen=True)
class MessageLine:
    """A message as the list shows it."""

    definition: Definition
    sentence: str
    state: str
    sent: int
    is_first: bool


@dataclass(frozen=True)
class KindBlock:
    """A kind of message, with its messages in the order in which they count."""

    name: str
    label: str
    explanation: str
    purpose: str
    is_asked_for: bool
    lines: list[MessageLine]
    numbers: MessageNumbers | None
    """None where nothing came up."""
    effect: str
    """What it earns, as a sentence; "" where nobody is compared."""
    withdrawals: str

    @property
    def is_live(self) -> bool:
        """Whether anything of it is sent now."""
        return any(line.state == "live" for line in self.lines)


@require_GET
def list_messages(request: HttpRequest) -> HttpResponse:
    """All kinds, those with messages first, each with its messages and the numbers of a period."""
    chosen = request.GET.get("days", "")
    days = int(chosen) if chosen in map(str, MESSAGE_PERIODS) else MESSAGE_PERIODS[0]
    moment = now()
    since = moment - timedelta(days=days)
    definitions = list(Definition.objects.of_kind(DefinitionKind.MESSAGE).present().with_versions())
    numbers = sum_up(Delivery.objects.counts(since))
    sent = Delivery.objects.sent_by_definition(since)
    lines = _lines_by_kind(definitions, sent)
    kinds, effects = registered_kinds(), read_message_effects(moment)
    gone = [one for name in lines.keys() - kinds.keys() for one in lines[name]]
    blocks = [
        _message_block(kind, lines.get(name, []), numbers.get(name), effects.get(name)) for name, kind in kinds.items()
    ]
    context = {
        "blocks": sorted(blocks, key=lambda block: not block.lines),
        "gone": gone,
        "days": days,
        "periods": MESSAGE_PERIODS,
        "effect_days": conf.get_settings().MESSAGE_RETENTION_DAYS,
        "missing": conf.missing_message_settings(),
        "undo": undoable(request, DefinitionKind.MESSAGE, definitions),
    }
    return show(request, "messages", context, tab="messages")


def sum_up(counts: Mapping[tuple[str, str, str], int]) -> dict[str, MessageNumbers]:
    """By kind, from how many there are of each kind, state and reason."""
    found: dict[str, MessageNumbers] = {}
    for (kind, state, why), count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        numbers = found.setdefault(kind, MessageNumbers())
        if state == DeliveryState.SENT:
            numbers.sent += count
        elif why == Why.HELD_BACK:
            numbers.held_back += count
        elif state in (DeliveryState.DUE, DeliveryState.SENDING):
            numbers.waiting += count
        else:
            numbers.reasons.append((str(Why(why).label) if why in Why.values else why, count))
    return found


def _lines_by_kind(definitions: Iterable[Definition], sent: Mapping[int, int]) -> dict[str, list[MessageLine]]:
    shown = {one: version for one in definitions if (version := one.live or one.draft) and _is_known(version)}
    names = all_names(pair for one in shown.values() for pair in documents.references("message", one.document))
    found: dict[str, list[MessageLine]] = {}
    moment = now()
    for definition, version in shown.items():
        lines = found.setdefault(version.document["kind"], [])
        sentence, state = describe_message(version.document, names), live_state(definition, moment)
        lines.append(MessageLine(definition, sentence, state, sent.get(definition.pk, 0), not lines))
    return found


def _is_known(version: Version) -> bool:
    return version.schema <= documents.newest_schema("message")


def _message_block(
    kind: MessageKind, lines: list[MessageLine], numbers: MessageNumbers | None, effect: MessageEffect | None
) -> KindBlock:
    is_compared = effect is not None or bool(kind.hold_back and (lines or numbers))
    effect = effect or MessageEffect()
    return KindBlock(
        kind.name,
        message_label(kind),
        str(kind.explanation),
        str(Purpose(kind.purpose).label),
        kind.purpose == Purpose.ASKED_FOR,
        lines,
        numbers,
        describe_message_effect(effect) if is_compared else "",
        describe_withdrawals(effect),
    )


@require_POST
def change_message_state(request: HttpRequest, pk: int) -> HttpResponse:
    """Pauses, resumes, archives or undoes a message."""
    definition = get_object_or_404(Definition, pk=pk, kind=DefinitionKind.MESSAGE)
    change_by_button(request, definition, "")
    return HttpResponseRedirect(reverse("personalization:personalization-messages"))


@require_POST
def move_message(request: HttpRequest, pk: int) -> HttpResponse:
    """Puts a message before the one above it of its kind: the first one that fits a person decides."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.MESSAGE)
    others = list(Definition.objects.of_kind(DefinitionKind.MESSAGE).present().with_versions())
    keys = [one.pk for one in others]
    own = _message_kind(definition)
    above = [index for index in range(keys.index(pk)) if _message_kind(others[index]) == own] if pk in keys else []
    if above:
        publishing.move(definition, request.user, band=definition.band, place=above[-1] + 1)
        words = pgettext("personalization", "“%(name)s” stands one place higher.")
        messages.success(request, words % {"name": definition.name})
    return HttpResponseRedirect(reverse("personalization:personalization-messages"))


def _message_kind(definition: Definition) -> str:
    version = definition.newest
    return str(version.document.get("kind", "")) if version else ""


@require_GET
def show_message_history(request: HttpRequest, pk: int) -> HttpResponse:
    """All versions of a message, and what was done with it."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.MESSAGE)
    versions = [one for one in definition.versions.order_by("-number")[:100] if _is_known(one)]
    names = all_names(pair for one in versions for pair in documents.references("message", one.document))
    context = {
        "definition": definition,
        "versions": [(one, describe_message(one.document, names)) for one in versions],
        "entries": AuditEntry.objects.of_object(definition.kind, definition.pk)[:100],
        "publish_address": reverse("personalization:personalization-message-publish", args=[pk]),
    }
    return show(request, "message_history", context, tab="messages")
