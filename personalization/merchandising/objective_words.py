"""What counts besides relevance, in sentences, in the active language."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.merchandising.campaign_words import surface_labels
from personalization.merchandising.compile_objectives import SCARCE_BELOW, SLOW_DAYS
from personalization.merchandising.compiled_objectives import Objective


def objective_labels() -> dict[Objective, str]:
    """What each is called."""
    return {
        Objective.MARGIN: pgettext("personalization", "Margin"),
        Objective.CLEAR: pgettext("personalization", "Clear stock"),
        Objective.PROTECT: pgettext("personalization", "Protect what is scarce"),
        Objective.NEWNESS: pgettext("personalization", "Newness"),
        Objective.VALUE: pgettext("personalization", "Best customers first"),
    }


def objective_meanings() -> dict[Objective, str]:
    """What each does, in a sentence or two."""
    return {
        Objective.MARGIN: _("What earns more a piece than others of the list stands higher, what earns less lower."),
        Objective.CLEAR: _(
            "What has been in the catalogue for the days named above, and would still lie in stock after as many more "
            "if it sold as in the last so many, stands higher."
        ),
        Objective.PROTECT: _("Of what few are left stands lower, the fewer the lower, for everybody alike."),
        Objective.NEWNESS: _("What came into the catalogue later than others of the list stands higher, older lower."),
        Objective.VALUE: _(
            "Of what few are left stands higher for the tenth of the customers of whom most is expected. Others see it "
            "where it stands without that."
        ),
    }


def describe_objectives(document: Mapping[str, Any]) -> str:
    """All that counts, as a few sentences."""
    surfaces, labels = surface_labels(), objective_labels()
    sentences = []
    for surface, weights in document.get("surfaces", {}).items():
        parts = [
            pgettext("personalization", "%(objective)s up to %(percent)d %%")
            % {"objective": labels[one], "percent": weights[one]}
            for one in Objective
            if weights.get(one)
        ]
        if parts:
            sentences.append(f"{surfaces[surface]}: {', '.join(parts)}.")
    if not sentences:
        return pgettext("personalization", "Relevance alone counts.")
    return " ".join([*sentences, *_limit_words(document)])


def _limit_words(document: Mapping[str, Any]) -> list[str]:
    """From when on stock is slow, or scarce, where that counts."""
    counted = {name for weights in document["surfaces"].values() for name, percent in weights.items() if percent}
    found = []
    if Objective.CLEAR in counted:
        words = pgettext("personalization", "Too long in stock: after %(days)d days.")
        found.append(words % {"days": document.get("slow_days", SLOW_DAYS)})
    if counted & {Objective.PROTECT, Objective.VALUE}:
        words = pgettext("personalization", "Few are left: fewer than %(pieces)d.")
        found.append(words % {"pieces": document.get("scarce_below", SCARCE_BELOW)})
    return found


def move_words(before: int, after: int, pulls: Mapping[str, float]) -> str:
    """How what counts moved a product among the candidates of a row or a list; "" where it stays in its place."""
    if before == after:
        return ""
    labels = objective_labels()
    names = ", ".join(labels[Objective(name)] for name, percent in pulls.items() if (percent > 0) == (after < before))
    if names:
        words = _("What counts moved it from place %(before)d of the candidates to place %(after)d: %(names)s.")
    else:
        words = _("What counts for others moved it from place %(before)d of the candidates to place %(after)d.")
    return words % {"before": before, "after": after, "names": names}
