"""What a campaign earned, in a sentence, and by the value of its customers in a table."""

from django.utils.translation import gettext as _
from oscar.templatetags.currency_filters import currency as format_currency

from personalization.measure.campaign_outcomes import CampaignReport
from personalization.measure.experiment_plan import MIN_ORDERS_FOR_MONEY
from personalization.measure.message_effect import EffectState
from personalization.measure.number_words import format_count


def describe_campaign_effect(report: CampaignReport) -> str:
    """What the customers of its audience spent in four weeks, compared with those who were held back."""
    effect = report.effect
    people = {"treated": format_count(effect.treated.people), "held_back": format_count(effect.held_back.people)}
    if effect.state == EffectState.NO_GROUPS:
        return _("It takes customers who get the campaign, and others who are held back from it.")
    if effect.state == EffectState.TOO_FEW or effect.interval is None:
        counts = {"orders": format_count(effect.fewest_orders), "floor": format_count(MIN_ORDERS_FOR_MONEY)}
        words = _(
            "Too few orders to say what it earned: %(orders)s of %(floor)s in the smaller group "
            "(%(treated)s customers get it, %(held_back)s are held back)."
        )
        return words % {**people, **counts}
    low, high = effect.interval
    if effect.state == EffectState.LESS:
        low, high = -high, -low
    sentences = {
        EffectState.MORE: _(
            "Who gets it spent between %(low)s and %(high)s more per customer than who is held back "
            "(%(treated)s and %(held_back)s customers)."
        ),
        EffectState.LESS: _(
            "Who gets it spent between %(low)s and %(high)s less per customer than who is held back "
            "(%(treated)s and %(held_back)s customers)."
        ),
        EffectState.NO_DIFFERENCE: _(
            "No difference found so far: if there is one, it lies between %(low)s and %(high)s per customer "
            "(%(treated)s and %(held_back)s customers)."
        ),
    }
    return sentences[effect.state] % {**people, "low": format_currency(low), "high": format_currency(high)}
