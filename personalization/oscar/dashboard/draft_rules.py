"""A campaign that need not be stored, among all that is live: what serves now, and what would."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.utils.timezone import now

from personalization.decide.active_rules import read_rules_now
from personalization.decide.audience import is_scheduled
from personalization.merchandising.compiled import Campaign, CompiledRules, Schedule
from personalization.merchandising.compiler import Compiler, Message
from personalization.models import Definition

TOP = 0
"""The place of a campaign that was never live: it would come to the top of its band."""
UNSAVED = 0
"""The key of a campaign that is not stored."""
LOOK_AHEAD = timedelta(days=8)
"""Within this time a campaign that acts on some days or hours does so once."""


@dataclass(frozen=True)
class DraftRules:
    """What serves without a document of a campaign, and with it."""

    document: dict[str, Any]
    campaign: Campaign
    before: CompiledRules
    after: CompiledRules
    problems: tuple[Message, ...]
    """What it names and the shop has no more."""

    @property
    def others(self) -> list[Campaign]:
        """The live campaigns besides this one."""
        return [one for one in self.before.campaigns if one.id != self.campaign.id]


def rules_with_draft(definition: Definition, document: dict[str, Any]) -> DraftRules:
    """The rules before and after this document is published; it stands where it stands, or would come to stand."""
    compiler, before = Compiler(), read_rules_now()
    campaign = compiler.campaign(definition, document, 0)
    others = [one for one in before.campaigns if one.id != definition.pk]
    campaigns = tuple(_in_order(campaign, definition, others))
    after = replace(before, campaigns=campaigns)
    return DraftRules(document, campaign, before, after, tuple(compiler.problems[definition.pk]))


def draft_definition(pk: int, name: str, band: int) -> Definition:
    """The definition of a campaign that is being written, as the form names it; a new one where there is none yet."""
    stored = Definition.objects.filter(pk=pk).first() if pk else None
    place = stored.place if stored is not None and stored.band == band else TOP
    return Definition(pk=pk or UNSAVED, name=name, band=band, place=place)


def acting_moment(schedule: Schedule) -> float:
    """The next moment at which a campaign acts, in seconds since 1970; now where there is none."""
    moment = now().timestamp()
    begins = max(moment, schedule.starts)
    if is_scheduled(schedule, begins):
        return begins
    hour = 3600
    hours = (begins - begins % hour + hour * step for step in range(1, int(LOOK_AHEAD.total_seconds()) // hour))
    return next((at for at in hours if is_scheduled(schedule, at)), moment)


def _in_order(campaign: Campaign, definition: Definition, others: list[Campaign]) -> list[Campaign]:
    """The campaign among the others, where it stands or would come to stand."""
    places = dict(Definition.objects.filter(pk__in=[other.id for other in others]).values_list("pk", "place"))
    ranked = [((other.band, places.get(other.id, TOP), other.id), other) for other in others]
    ranked.append(((campaign.band, definition.place, definition.pk or UNSAVED), campaign))
    return [found for _rank, found in sorted(ranked, key=lambda pair: pair[0])]
