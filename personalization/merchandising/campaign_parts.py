"""What belongs to a campaign: blocks, messages and segments with its audience, its schedule and its state."""

from collections.abc import Iterable, Mapping
from typing import Any

from personalization.models import Definition, DefinitionKind

Document = Mapping[str, Any]
PART_KINDS = (DefinitionKind.BLOCK, DefinitionKind.MESSAGE, DefinitionKind.SEGMENT)
SHOWN_PARTS = (DefinitionKind.BLOCK, DefinitionKind.MESSAGE)
"""The parts that people see, which are paused with the campaign; a segment only says who is in it, and goes on."""


def campaign_audience(campaign_id: int, document: Document) -> dict[str, Any]:
    """The `who` of a campaign, with its holdout, as `compile_audience` reads it."""
    who = dict(document.get("who", {}))
    if share := document.get("hold_back"):
        who |= {"campaign": campaign_id, "hold_back": share}
    return who


def as_part(document: Document, campaign_id: int, campaign_document: Document) -> dict[str, Any]:
    """The document of a part as it acts: for whom and when its campaign is."""
    when = campaign_document.get("when", {})
    audience = campaign_audience(campaign_id, campaign_document)
    return {**document, "who": audience, "when": when, "makes_codes": "voucher" in campaign_document}


def acting_document(definition: Definition) -> Document | None:
    """What a live definition says as it acts; None where nothing does, as of a part whose campaign is not live."""
    if definition.live is None:
        return None
    document: Document = definition.live.document
    if definition.campaign is None:
        return document
    owner = definition.campaign.live
    return None if owner is None else as_part(document, definition.campaign.pk, owner.document)


def owners_of(definitions: Iterable[Definition]) -> dict[int, Document]:
    """What each of these campaigns says, by its key."""
    return {
        one.pk: one.live.document for one in definitions if one.kind == DefinitionKind.CAMPAIGN and one.live is not None
    }


def without_owners(definitions: Iterable[Definition], owners: Mapping[int, Document]) -> list[Definition]:
    """These definitions without the parts of campaigns that do not serve; a segment serves by itself."""
    return [
        one
        for one in definitions
        if one.campaign_id is None or one.campaign_id in owners or one.kind == DefinitionKind.SEGMENT
    ]


def live_numbers(campaign: Definition) -> dict[int, int]:
    """The numbers of the live versions of a campaign's parts, by their keys; nothing of what has no parts."""
    if campaign.kind != DefinitionKind.CAMPAIGN or campaign.live_id is None:
        return {}
    parts = Definition.objects.parts_of(campaign.pk)
    return {part.pk: part.live.number for part in parts if part.live is not None}
