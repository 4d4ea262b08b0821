"""Campaigns written by hand, for tests of what they do."""

import time
from collections.abc import Iterable

from personalization.decide import active_rules
from personalization.decide.merchandising import ActingCampaign
from personalization.merchandising.compiled import (
    Action,
    Audience,
    Band,
    Campaign,
    CompiledRules,
    Do,
    FixedTarget,
    Place,
    Schedule,
)

EVERYBODY, ALWAYS = Audience(), Schedule()


def pin(*products: int, place: int = 1, **more) -> Action:
    """Pins these products to the place and those after it."""
    return Action(Do.PIN, FixedTarget(frozenset(products)), products, place, place, **more)


def slot(first: int, last: int, *products: int, **more) -> Action:
    """Fills these places with the best of these products."""
    return Action(Do.SLOT, FixedTarget(frozenset(products)), place=first, last_place=last, **more)


def act(do: Do, *products: int, strength: int = 2) -> Action:
    """Any other action on these products."""
    return Action(do, FixedTarget(frozenset(products)), strength=strength)


def campaign(
    number: int,
    *actions: Action,
    where: Iterable[Place] = (Place("home"),),
    who: Audience = EVERYBODY,
    when: Schedule = ALWAYS,
    band: Band = Band.CAMPAIGN,
    name: str = "Spring",
) -> Campaign:
    """A live campaign with this key."""
    return Campaign(number, 1, name, tuple(where), actions, who, when, band)


def rules(*campaigns: Campaign, segments=None) -> CompiledRules:
    """The rules of a shop with these campaigns, which come in the order in which they count."""
    return CompiledRules(0, campaigns, segments or {})


def serve(*campaigns: Campaign, segments=None) -> None:
    """Makes these campaigns those of this process, until the test ends."""
    serving = active_rules._process_rules
    serving.rules, serving.compiled_at = rules(*campaigns, segments=segments), time.monotonic()


def acting(*campaigns: Campaign) -> tuple[ActingCampaign, ...]:
    """These campaigns as they act, sorted by band and, within it, as they are given."""
    by_band = sorted(campaigns, key=lambda one: one.band)
    return tuple(ActingCampaign(one, order=order) for order, one in enumerate(by_band))
