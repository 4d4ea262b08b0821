"""What a campaign wanted on a page and did not get there, in words."""

from collections.abc import Iterator, Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.decide import merchandising as outcomes
from personalization.decide import trace
from personalization.decide.merchandising import ActionOutcome
from personalization.merchandising import campaign_words
from personalization.merchandising.campaign_words import Names
from personalization.oscar.dashboard.decided_pages import DecidedRow
from personalization.oscar.dashboard.draft_rules import DraftRules

IS_PLACED = (outcomes.PLACED, outcomes.PLACE_TAKEN, outcomes.STANDS_HIGHER)


def outcome_sentences(
    rules: DraftRules, rows: Sequence[DecidedRow], titles: Mapping[int, str], names: Names
) -> list[str]:
    """A sentence for each action that did not do on this page what it says.

    Parameters: `titles`, of the products of the page; `names`, of what the document refers to.
    """
    own = [one for row in rows for one in row.outcomes if one.campaign == rules.campaign.id]
    others = {one.id: one.name for one in rules.others}
    return list(dict.fromkeys([*_pin_sentences(own, others, titles, names), *_idle_sentences(own, rules, names)]))


def _pin_sentences(
    own: Sequence[ActionOutcome], others: Mapping[int, str], titles: Mapping[int, str], names: Names
) -> Iterator[str]:
    placed = {one.product for one in own if one.outcome in IS_PLACED}
    for one in own:
        if one.product is None or (one.product in placed and one.outcome != outcomes.PLACE_TAKEN):
            continue
        other = others.get(one.facts.get("by", 0), "")
        title = names.get(("product", str(one.product)), titles.get(one.product, ""))
        words = _pin_words(one, bool(other))
        if words:
            yield words % {"product": title, "other": other, **one.facts}


def _pin_words(one: ActionOutcome, has_other: bool) -> str:
    """The sentence of a pin with its blanks; "" where there is nothing to say."""
    if one.outcome == outcomes.MAY_NOT_STAND:
        return {
            trace.NOT_BUYABLE: _("“%(product)s” is sold out, so it is not pinned; what follows it keeps its place."),
            trace.OUTSIDE_PRICE_RANGE: _("“%(product)s” is not pinned where prices have to be alike."),
            trace.IN_BASKET: pgettext("personalization", "“%(product)s” lies in the basket, so it is not pinned."),
            trace.ON_PAGE: pgettext("personalization", "“%(product)s” is on the page already, so it is not pinned."),
        }.get(one.facts.get("cause", ""), "")
    if one.outcome == outcomes.PLACE_TAKEN and has_other:
        return _("Place %(wanted)d is taken by “%(other)s”; “%(product)s” stands at %(place)d.")
    if one.outcome in (outcomes.EXCLUDED, outcomes.NOT_AMONG_ONLY) and has_other:
        return _("“%(other)s” keeps “%(product)s” away, so it is not pinned.")
    return {
        outcomes.NOT_FOUND: _("“%(product)s” was not found here, so it is not pinned."),
        outcomes.HALF_OF_ROW: _("“%(product)s” is not pinned: at most half of a personal row."),
        outcomes.NO_PLACE_LEFT: pgettext("personalization", "No place is left for “%(product)s”."),
        outcomes.TAKES_NO_PINS: _("“%(product)s” is not pinned: this row takes no pins."),
    }.get(one.outcome, "")


def _idle_sentences(own: Sequence[ActionOutcome], rules: DraftRules, names: Names) -> Iterator[str]:
    """Of the actions that moved and removed nothing anywhere on the page."""
    by_action: dict[int, set[str]] = {}
    for one in own:
        by_action.setdefault(one.action, set()).add(one.outcome)
    for number, found in sorted(by_action.items()):
        action = rules.document["what"][number]
        sentence = {
            frozenset([outcomes.MATCHED_NOTHING]): _("Matches nothing on this page: %(action)s."),
            frozenset([outcomes.CANCELLED]): _("Cancelled by another campaign on this page: %(action)s."),
        }.get(frozenset(found), "")
        if sentence:
            yield sentence % {"action": campaign_words.describe_action(action, names)}
