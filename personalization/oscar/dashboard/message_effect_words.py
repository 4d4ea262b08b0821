"""What a kind of message earns, in a sentence."""

from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from oscar.templatetags.currency_filters import currency as format_currency

from personalization.measure.experiment_plan import MIN_ORDERS_FOR_MONEY
from personalization.measure.message_effect import EffectState, MessageEffect
from personalization.measure.number_words import format_count


def describe_message_effect(effect: MessageEffect) -> str:
    """What those who were due spent in the two weeks after, compared with those who were held back."""
    state = effect.state
    if state == EffectState.NO_GROUPS:
        return _("Too few yet: it takes people who were due and others who were held back, two weeks ago or earlier.")
    people = {
        "treated": format_count(effect.treated.people),
        "held_back": format_count(effect.held_back.people),
    }
    if state == EffectState.TOO_FEW:
        words = _(
            "Too few yet: %(orders)s of %(floor)s orders in the smaller group "
            "(%(treated)s people were due for it, %(held_back)s were held back)."
        )
        counts = {"orders": format_count(effect.fewest_orders), "floor": format_count(MIN_ORDERS_FOR_MONEY)}
        return words % {**people, **counts}
    assert effect.interval is not None
    low, high = effect.interval
    if state == EffectState.LESS:
        low, high = -high, -low
    sentences = {
        EffectState.MORE: _(
            "Who was due for it spent between %(low)s and %(high)s more per person than who was held back "
            "(%(treated)s and %(held_back)s people)."
        ),
        EffectState.LESS: _(
            "Who was due for it spent between %(low)s and %(high)s less per person than who was held back "
            "(%(treated)s and %(held_back)s people)."
        ),
        EffectState.NO_DIFFERENCE: _(
            "No difference found so far: if there is one, it lies between %(low)s and %(high)s per person "
            "(%(treated)s and %(held_back)s people)."
        ),
    }
    return sentences[state] % {**people, "low": format_currency(low), "high": format_currency(high)}


def describe_withdrawals(effect: MessageEffect) -> str:
    """How many ended messages in the two weeks after; "" where nobody was compared."""
    if effect.state == EffectState.NO_GROUPS:
        return ""
    words = pgettext(
        "personalization",
        "Ended messages: %(ended)s of %(treated)s who were due, %(ended_held_back)s of %(held_back)s held back.",
    )
    return words % {
        "ended": format_count(effect.treated.withdrew),
        "treated": format_count(effect.treated.people),
        "ended_held_back": format_count(effect.held_back.withdrew),
        "held_back": format_count(effect.held_back.people),
    }
