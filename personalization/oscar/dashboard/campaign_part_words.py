"""What screens say of the parts of a campaign, and which campaign a new part is for."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from personalization.merchandising.campaign_parts import as_part
from personalization.models import Definition, DefinitionKind
from personalization.oscar.dashboard.screens import posted_number


def chosen_campaign(request: HttpRequest) -> Definition | None:
    """The campaign that the address names, which a new block or message is to be a part of; None for none."""
    key = posted_number(request, "campaign")
    campaigns = Definition.objects.of_kind(DefinitionKind.CAMPAIGN).present()
    return get_object_or_404(campaigns, pk=key) if key else None


def shown_document(definition: Definition) -> dict[str, Any]:
    """What a list shows of a definition: what is live, or else the draft; of a part for whom and when its campaign is,
    as that is live, or else drafted."""
    version = definition.live or definition.draft
    document: dict[str, Any] = version.document if version else {}
    owner = definition.campaign
    if owner is None or not document:
        return document
    shown = owner.live or owner.draft
    return as_part(document, owner.pk, shown.document) if shown else document
