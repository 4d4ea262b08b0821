"""Conflicts in words, each with what mends it: stand above the other campaign, or take the next free place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from personalization.merchandising import campaign_words, documents, publishing
from personalization.merchandising.campaign_words import Names
from personalization.merchandising.compiled import Campaign
from personalization.merchandising.conflicts import Conflict, ConflictKind, free_place
from personalization.models import Definition, DefinitionKind
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.screens import say_refusal

ABOVE, PLACE = "above", "place"
"""The remedies: "above:5" for above the campaign with this key, "place:0:3" for place 3 for the first action."""
BETWEEN_BOTH = (ConflictKind.CANCELLED, ConflictKind.TOO_FEW_LEFT)
"""What happens to both campaigns alike, whichever stands higher."""
MENDED_BY_ORDER = (ConflictKind.PLACE_TAKEN, ConflictKind.PINNED_ALREADY)


@dataclass(frozen=True)
class ConflictLine:
    """A conflict of a campaign, in words."""

    sentence: str
    other: int
    """The key of the campaign with which."""
    other_name: str
    may_rise: bool = False
    """Whether the campaign gets what it wants if it stands above the other."""
    action: int | None = None
    """The number of the action of which another place mends it."""
    place: int | None = None
    """That place."""


def conflict_lines(
    key: int, conflicts: Iterable[Conflict], names: Names, campaigns: Mapping[int, str]
) -> list[ConflictLine]:
    """The conflicts of the campaign with this key; those that read alike once.

    Parameters: `campaigns`, the names of all campaigns by key.
    """
    found: dict[str, ConflictLine] = {}
    for one in conflicts:
        described = one
        if one.campaign != key and one.kind in BETWEEN_BOTH:
            described = replace(one, campaign=one.other, other=one.campaign)
        words = campaign_words.describe_conflict(described, names, campaigns)
        other = one.other if one.campaign == key else one.campaign
        may_rise = one.campaign == key and one.kind in MENDED_BY_ORDER
        found.setdefault(words, ConflictLine(words, other, campaigns.get(other, ""), may_rise))
    return list(found.values())


def conflict_lines_with_places(
    key: int, conflicts: Iterable[Conflict], names: Names, campaigns: Sequence[Campaign]
) -> list[ConflictLine]:
    """The conflicts of the campaign with this key, each also with the place that mends it; those that read alike once.

    Parameters: `campaigns`, all of them.
    """
    own, labels = next(one for one in campaigns if one.id == key), {one.id: one.name for one in campaigns}
    found: dict[str, ConflictLine] = {}
    for conflict in conflicts:
        (line,) = conflict_lines(key, [conflict], names, labels)
        if line.sentence not in found and conflict.campaign == key and conflict.kind is ConflictKind.PLACE_TAKEN:
            alone = (number for number, one in enumerate(own.actions) if one.product_ids == (conflict.product,))
            if (action := next(alone, None)) is not None:
                line = replace(line, action=action, place=free_place(own, campaigns, conflict.place))
        found.setdefault(line.sentence, line)
    return list(found.values())


@require_POST
def mend_conflict(request: HttpRequest, pk: int) -> HttpResponse:
    """Does what a remedy says to a campaign as it is stored: it is moved at once, another place becomes a draft."""
    definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=DefinitionKind.CAMPAIGN)
    what, numbers = read_remedy(request.POST.get("remedy", ""))
    if what == ABOVE and has_permission(request.user, "publish_campaigns"):
        rise_above(request, definition, numbers[0])
    elif what == PLACE and definition.newest is not None:
        newest = definition.newest
        document = with_place(documents.upgrade("campaign", newest.schema, newest.document), *numbers)
        try:
            publishing.save_draft(definition, document, request.user, base=newest.number)
        except (publishing.NotPossibleError, publishing.InvalidDocumentError) as error:
            say_refusal(request, publishing.NotPossibleError(str(error)))
        else:
            words = pgettext("personalization", "A draft of “%(name)s” uses place %(place)d.")
            messages.success(request, words % {"name": definition.name, "place": numbers[1]})
            address = "personalization-campaign-publish"
            if not has_permission(request.user, "publish_campaigns"):
                address = "personalization-campaign"
            return HttpResponseRedirect(reverse(f"personalization:{address}", args=[pk]))
    else:
        messages.error(request, pgettext("personalization", "That remedy is not possible any more."))
    if "publish" in request.POST and definition.draft is not None:
        return HttpResponseRedirect(reverse("personalization:personalization-campaign-publish", args=[pk]))
    return HttpResponseRedirect(f"{reverse('personalization:personalization-campaigns')}#campaign-{definition.pk}")


def read_remedy(text: str) -> tuple[str, tuple[int, ...]]:
    """What the value of a button asks for; ("", ()) for what is none."""
    what, *texts = text.split(":")
    numbers = tuple(int(one) for one in texts if one.isascii() and one.isdigit() and len(one) < 12)
    is_whole = len(numbers) == len(texts) == {ABOVE: 1, PLACE: 2}.get(what)
    return (what, numbers) if is_whole else ("", ())


def rise_above(request: HttpRequest, definition: Definition, other_key: int) -> None:
    """Moves the campaign right above another one, and says so."""
    other = Definition.objects.of_kind(DefinitionKind.CAMPAIGN).present().filter(pk=other_key).first()
    if other is None:
        messages.error(request, pgettext("personalization", "That remedy is not possible any more."))
        return
    block = Definition.objects.of_kind(DefinitionKind.CAMPAIGN).present().filter(band=other.band)
    keys = [key for key in block.values_list("pk", flat=True) if key != definition.pk]
    publishing.move(definition, request.user, band=other.band, place=keys.index(other.pk) + 1)
    words = _("“%(name)s” stands above “%(other)s” now. The shop follows in up to 10 seconds.")
    messages.success(request, words % {"name": definition.name, "other": other.name})


def with_place(document: dict[str, Any], action: int, place: int) -> dict[str, Any]:
    """The document with another place of the pin of this number; as it is where that is no pin."""
    what = list(document["what"])
    if action < len(what) and what[action]["do"] == "pin":
        what[action] = {**what[action], "place": place}
    return {**document, "what": what}
