"""What a training run found of its lists, in sentences for merchants."""

from collections.abc import Mapping
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from personalization.rank.training_quality import SEARCH_ENGINE, TaskQuality, compare_tasks

SUBJECTS = {
    "home": pgettext_lazy("personalization", "Home page"),
    "discovery": gettext_lazy("New products for a customer"),
    "basket": gettext_lazy("Add-ons for a customer's basket"),
    "guest_basket": gettext_lazy("Add-ons for a stranger's basket"),
    "category": pgettext_lazy("personalization", "Category pages"),
    "search": pgettext_lazy("personalization", "Search"),
}
"""By ranking task."""


def quality_sentences(evaluation: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each kind of list that was evaluated on the shop's own last weeks."""
    return [f"{SUBJECTS[quality.task]}: {_comparison(quality)}" for quality in compare_tasks(evaluation)]


def _comparison(quality: TaskQuality) -> str:
    if not quality.has_enough_examples:
        words = ngettext(
            "too few yet to tell (%(cases)s case)", "too few yet to tell (%(cases)s cases)", quality.examples
        )
    elif quality.gain is None:
        words = pgettext("personalization", "nothing to compare with (%(cases)s cases)")
    else:
        words = _gain_words(quality)
    cases = formats.number_format(quality.examples, force_grouping=True)
    percent = formats.number_format(abs(round(100 * (quality.gain or 0))))
    return words % {"cases": cases, "percent": percent}


def _gain_words(quality: TaskQuality) -> str:
    sign = 0 if not quality.is_noticeable else (1 if (quality.gain or 0) > 0 else -1)
    if quality.baseline == SEARCH_ENGINE:
        return {
            0: _("as good as the search engine's own order (%(cases)s cases)"),
            1: _("%(percent)s %% better than the search engine's own order (%(cases)s cases)"),
            -1: _("%(percent)s %% worse than the search engine's own order (%(cases)s cases)"),
        }[sign]
    return {
        0: _("as good as bestsellers (%(cases)s cases)"),
        1: pgettext("personalization", "%(percent)s %% better than bestsellers (%(cases)s cases)"),
        -1: pgettext("personalization", "%(percent)s %% worse than bestsellers (%(cases)s cases)"),
    }[sign]
