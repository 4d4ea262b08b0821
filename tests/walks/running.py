"""Experiments that run in a test."""

from django.utils.timezone import now

from personalization.decide.active_rules import read_rules_now
from personalization.measure.experiments import start_experiment
from personalization.merchandising import publishing
from personalization.merchandising.assignment import HELD_OUT, HOLDOUT, PERSONALIZED
from personalization.merchandising.experiments import running_experiment
from personalization.models import DefinitionKind, Exposure, Season, Visitor
from personalization.models.visitors import new_visitor_id


def start(arms, *, key="", name="Test", **document) -> Season:
    """Starts an experiment with these arms, {key: (share, what it does)}, the first of which is the control."""
    document = {"primary": "conversion", "weeks": 4, **document}
    document["arms"] = [
        {"key": arm, "label": arm.title(), "share": share, "does": does} for arm, (share, does) in arms.items()
    ]
    definition = publishing.create(DefinitionKind.EXPERIMENT, name, document, None, key=key)
    season = start_experiment(definition, None, now())
    read_rules_now()
    return season


def start_holdout(share: float = 0.5) -> Season:
    """Starts a holdout of this share."""
    arms = {HELD_OUT: (share, {"plain": True}), PERSONALIZED: (1 - share, {})}
    return start(arms, key=HOLDOUT, name="Holdout", weeks=13)


def put_into_arm(visitor: Visitor, season: Season, arm: str) -> None:
    """Gives a visitor a unit that is in this arm of a season."""
    running = running_experiment(season.pk, season.definition.key, season.number, season.document, season.arms)
    unit = next(one for one in iter(new_visitor_id, None) if running.season.arm_of(one) == arm)
    Visitor.objects.filter(pk=visitor.pk).update(browser_unit=unit)


def expose(season: Season, visitor: Visitor, arm: str, at, **fields) -> Exposure:
    """Stores that a visitor was shown an arm at a moment."""
    is_customer = visitor.user_id is not None
    return Exposure.objects.create(
        season=season, visitor=visitor, arm=arm, first_at=at, is_customer=is_customer, **fields
    )
