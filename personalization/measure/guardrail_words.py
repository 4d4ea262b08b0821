"""Broken guardrails in sentences, in the active language."""

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.measure.guardrails import Guardrail, GuardrailBreach
from personalization.measure.number_words import format_count, format_percent

TIMES_FROM = 2
"""From this ratio on it is "3 times as many", below it "40 % more"."""


def guardrail_labels() -> dict[Guardrail, str]:
    """What each guardrail is called."""
    return {
        Guardrail.PRIMARY: pgettext("personalization", "The primary metric is clearly worse"),
        Guardrail.LOST_SHARE: pgettext("personalization", "Money cancelled or returned"),
        Guardrail.NOT_INTERESTED: pgettext("personalization", "“Not interested”"),
        Guardrail.OPT_OUTS: pgettext("personalization", "Personal order switched off"),
        Guardrail.ZERO_RESULTS: pgettext("personalization", "Searches without results"),
        Guardrail.SECOND_SEARCHES: pgettext("personalization", "Second searches"),
        Guardrail.PAGE_TIME: pgettext("personalization", "Time on a page"),
        Guardrail.UNSUBSCRIBES: pgettext("personalization", "Unsubscribed from mail"),
        Guardrail.COMPLAINTS: pgettext("personalization", "Complaints about mail"),
    }


def describe_breach(breach: GuardrailBreach) -> str:
    """Why an experiment was stopped, in a sentence."""
    words = _breach_words(breach)
    if not breach.arm:
        return words
    return pgettext("personalization", "%(arm)s: %(verdict)s") % {"arm": breach.arm, "verdict": words}


def _breach_words(breach: GuardrailBreach) -> str:
    guardrail, ratio = breach.guardrail, breach.ratio
    if guardrail == Guardrail.PAGE_TIME:
        words = _("Stopped: pages take %(milliseconds)s milliseconds longer.")
        return words % {"milliseconds": format_count(breach.extra_milliseconds)}
    if ratio is None:
        words = _("Stopped: too much harm in one group (%(guardrail)s).")
        return words % {"guardrail": guardrail_labels()[guardrail]}
    if guardrail == Guardrail.PRIMARY:
        words = _("Stopped: clearly worse, %(percent)s %% less than without the change.")
        return words % {"percent": format_percent(1 - ratio)}
    if ratio >= TIMES_FROM:
        times = round(ratio, 1)
        return _times_as_many()[guardrail] % {"times": number_format(times, 0 if times % 1 == 0 else 1)}
    return _percent_more()[guardrail] % {"percent": format_percent(ratio - 1)}


def _times_as_many() -> dict[Guardrail, str]:
    return {
        Guardrail.LOST_SHARE: _("Stopped: %(times)s times as much of the money was cancelled or returned."),
        Guardrail.NOT_INTERESTED: _("Stopped: %(times)s times as many visitors said “not interested”."),
        Guardrail.OPT_OUTS: _("Stopped: %(times)s times as many visitors switched personal order off."),
        Guardrail.ZERO_RESULTS: _("Stopped: %(times)s times as many searches found nothing."),
        Guardrail.SECOND_SEARCHES: _("Stopped: %(times)s times as many searches were followed by another."),
        Guardrail.UNSUBSCRIBES: _("Stopped: %(times)s times as many customers unsubscribed."),
        Guardrail.COMPLAINTS: _("Stopped: %(times)s times as many customers complained about mail."),
    }


def _percent_more() -> dict[Guardrail, str]:
    return {
        Guardrail.LOST_SHARE: _("Stopped: %(percent)s %% more of the money was cancelled or returned."),
        Guardrail.NOT_INTERESTED: _("Stopped: %(percent)s %% more visitors said “not interested”."),
        Guardrail.OPT_OUTS: _("Stopped: %(percent)s %% more visitors switched personal order off."),
        Guardrail.ZERO_RESULTS: _("Stopped: %(percent)s %% more searches found nothing."),
        Guardrail.SECOND_SEARCHES: _("Stopped: %(percent)s %% more searches were followed by another."),
        Guardrail.UNSUBSCRIBES: _("Stopped: %(percent)s %% more customers unsubscribed."),
        Guardrail.COMPLAINTS: _("Stopped: %(percent)s %% more customers complained about mail."),
    }
