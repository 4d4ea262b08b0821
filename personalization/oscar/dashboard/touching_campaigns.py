"""The campaigns that touch a product: those that name it, and the live ones that mean it now."""

from dataclasses import dataclass

from django.utils.timezone import now

from personalization.merchandising import campaign_words, documents
from personalization.merchandising.compiled import CompiledRules
from personalization.models import Definition, DefinitionKind
from personalization.oscar.dashboard.campaign_list import all_names, live_state


@dataclass(frozen=True)
class TouchingCampaign:
    """A campaign that moves, shows or hides the product, or would."""

    definition: Definition
    state: str
    sentence: str


def touching_campaigns(product_id: int, rules: CompiledRules) -> list[TouchingCampaign]:
    """The campaigns that name the product, and the live ones whose targets hold it now."""
    definitions = Definition.objects.of_kind(DefinitionKind.CAMPAIGN).present().with_versions()
    live = {
        campaign.id
        for campaign in rules.campaigns
        if any(action.target.matching([product_id], None) for action in campaign.actions)
    }
    found = [one for one in definitions if one.pk in live or _names_product(one, product_id)]
    references = {pair for one in found if one.newest for pair in documents.references("campaign", one.newest.document)}
    names, moment = all_names(references), now()
    return [
        TouchingCampaign(one, live_state(one, moment), campaign_words.describe_campaign(one.newest.document, names))
        for one in found
        if one.newest
    ]


def _names_product(definition: Definition, product_id: int) -> bool:
    newest = definition.newest
    return newest is not None and ("product", str(product_id)) in documents.references("campaign", newest.document)
