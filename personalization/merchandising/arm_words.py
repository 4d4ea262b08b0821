"""What the groups of an experiment are called, in the active language: by what they see, unless somebody named them."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import npgettext, pgettext

from personalization.merchandising.assignment import HELD_OUT, PERSONALIZED
from personalization.merchandising.experiments import ArmEffect, effect_of, is_interleaved

Document = Mapping[str, Any]


def arm_labels(document: Document) -> dict[str, str]:
    """By key, what each group is called."""
    arms = list(document["arms"])
    holdout = {
        HELD_OUT: pgettext("personalization", "held back"),
        PERSONALIZED: pgettext("personalization", "personalised"),
    }
    effects = [effect_of(arm) for arm in arms]
    describe = _order_label if is_interleaved(document) else _group_label
    return {
        arm["key"]: holdout.get(arm["key"]) or arm.get("label") or describe(effect, effects)
        for arm, effect in zip(arms, effects, strict=True)
    }


def _group_label(effect: ArmEffect, effects: list[ArmEffect]) -> str:
    if effect.choices:
        return _version_label(effect, effects)
    if effect.policy:
        return ", ".join(policy_value(name, number) for name, number in effect.policy.items())
    if effect.plain:
        return pgettext("personalization", "plain pages")
    if any(one.plain for one in effects):
        return pgettext("personalization", "personal pages")
    return pgettext("personalization", "as it is")


def _version_label(effect: ArmEffect, effects: list[ArmEffect]) -> str:
    ((_key, number),) = effect.choices
    if number is None:
        return pgettext("personalization", "without it")
    if any(other is None for one in effects for _key, other in one.choices):
        return pgettext("personalization", "with it")
    return pgettext("personalization", "version %(number)d") % {"number": number}


def _order_label(effect: ArmEffect, effects: list[ArmEffect]) -> str:
    if effect.plain:
        return pgettext("personalization", "a stranger's order")
    if not effect.policy:
        return pgettext("personalization", "the shop's order")
    strength = effect.policy["rerank_strength"]
    if not strength:
        return pgettext("personalization", "the search engine's order")
    return pgettext("personalization", "the personal order at %(strength)s") % {
        "strength": policy_value("rerank_strength", strength)
    }


def policy_labels() -> dict[str, str]:
    """What the numbers that a group may have are called."""
    return {
        "rerank_strength": _("Strength of the personal order of lists"),
        "row_size": pgettext("personalization", "Products in a row"),
        "max_home_rows": pgettext("personalization", "Rows on the home page"),
        "max_personal_rows": _("Personal rows on the home page, at most"),
    }


def policy_value(name: str, number: int) -> str:
    """A value of such a number, with what is counted."""
    words = {
        "rerank_strength": "%(number)d %%",
        "row_size": npgettext("personalization", "%(number)d product", "%(number)d products", number),
        "max_home_rows": npgettext("personalization", "%(number)d row", "%(number)d rows", number),
        "max_personal_rows": npgettext(
            "personalization", "%(number)d personal row", "%(number)d personal rows", number
        ),
    }[name]
    return words % {"number": number}
