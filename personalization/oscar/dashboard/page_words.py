"""What happened on an explained page, in words: the names of its rows and campaigns, and what each action did."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.decide import merchandising, reasons, trace
from personalization.decide.explained_page import ExplainedPage
from personalization.decide.layout import ProposedRow
from personalization.decide.merchandising import ActionOutcome
from personalization.merchandising.objective_words import move_words


@dataclass(frozen=True)
class CampaignSentence:
    """What one campaign did to a product, or why it did nothing."""

    campaign: int
    name: str
    sentence: str


class PageWords:
    """The names that sentences about one page need."""

    def __init__(self, page: ExplainedPage) -> None:
        self._campaigns = {one.id: one.name for one in page.visit.rules.campaigns}
        self._rows = {one.row.reason.key: _own_title(one.row) for one in page.rows.rows}
        self._rows |= {row.key: row.title for row in page.slate.rows}

    def campaign_name(self, key: int) -> str:
        """What the merchandisers call a campaign."""
        return self._campaigns.get(key, pgettext("personalization", "a campaign"))

    def row_title(self, key: str) -> str:
        """The title of a row; of one that is not shown, what its kind is called."""
        return self._rows.get(key) or _kind_of_row(key)

    def objective_sentence(self, traced: trace.Trace, row_key: str, product_id: int) -> str:
        """How what counts besides relevance moved a product of a row, or of the list (""); "" where it did not."""
        move = traced.objective_move(row_key, product_id)
        return move_words(move.before, move.after, move.pulls) if move is not None else ""

    def campaign_sentences(self, outcomes: Iterable[ActionOutcome], product_id: int) -> list[CampaignSentence]:
        """What campaigns did to a product, each sentence once, in the order in which they count."""
        found = [
            CampaignSentence(one.campaign, self.campaign_name(one.campaign), self._outcome_sentence(one, product_id))
            for one in outcomes
            if _concerns(one, product_id)
        ]
        return [one for one in dict.fromkeys(found) if one.sentence]

    def _outcome_sentence(self, outcome: ActionOutcome, product_id: int) -> str:
        facts = dict(outcome.facts)
        if outcome.outcome == merchandising.MOVED:
            before, after = facts["products"][product_id]
            if before == after:
                return pgettext("personalization", "would move it; it stays at place %(place)d.") % {"place": after}
            words = pgettext("personalization", "moves it from place %(before)d to place %(after)d.")
            return words % {"before": before, "after": after}
        if outcome.outcome == merchandising.MAY_NOT_STAND:
            return _("wants to place it; %(cause)s.") % {"cause": describe_cause(str(facts.get("cause", "")))}
        params = {
            "place": facts.get("place"),
            "wanted": facts.get("wanted"),
            "other": self.campaign_name(facts["by"]) if "by" in facts else "",
        }
        return _outcome_words().get(outcome.outcome, "") % params


def _own_title(row: ProposedRow) -> str:
    """The title of a row as far as it names nothing; else what its kind is called."""
    try:
        return reasons.row_title(row.type, row.reason.params, reasons.DisplayNames())
    except LookupError:
        return _kind_of_row(row.reason.key)


def _kind_of_row(key: str) -> str:
    return key.partition(":")[0].replace("_", " ").capitalize()


def _concerns(outcome: ActionOutcome, product_id: int) -> bool:
    return outcome.product == product_id or product_id in outcome.facts.get("products", ())


def _outcome_words() -> dict[str, str]:
    return {
        merchandising.PLACED: pgettext("personalization", "puts it at place %(place)d."),
        merchandising.PLACE_TAKEN: _(
            "wants it at place %(wanted)d, which “%(other)s” holds; it stands at place %(place)d."
        ),
        merchandising.CANCELLED: pgettext("personalization", "moves it as far as another campaign moves it back."),
        merchandising.REMOVED: pgettext("personalization", "never shows it."),
        merchandising.KEPT: pgettext("personalization", "shows only some products; this is one of them."),
        merchandising.NOT_AMONG_ONLY: pgettext("personalization", "shows only other products."),
        merchandising.EXCLUDED: pgettext("personalization", "wants to place it; “%(other)s” never shows it."),
        merchandising.NOT_FOUND: pgettext("personalization", "wants to place it; the search engine did not find it."),
        merchandising.PINNED_ALREADY: pgettext("personalization", "wants to place it; “%(other)s” did so already."),
        merchandising.NO_PLACE_LEFT: pgettext("personalization", "wants to place it; no place was left."),
        merchandising.HALF_OF_ROW: _("wants to place it; half of this personal row is pinned already."),
        merchandising.STANDS_HIGHER: _("wants it there or better; by itself it stands at place %(place)d."),
        merchandising.TAKES_NO_PINS: _("wants to place it; this row takes no pins, as its title would be untrue."),
        merchandising.ROW_HIDDEN: pgettext("personalization", "wants to place it; the row is not shown."),
    }


def describe_cause(cause: str) -> str:
    """Why a product may not stand, or a row is not shown: a part of a sentence."""
    return {
        trace.IN_BASKET: pgettext("personalization", "it is in the basket"),
        trace.NOT_WANTED: pgettext("personalization", "this visitor is not interested in it"),
        trace.ON_PAGE: pgettext("personalization", "it stands on the page already"),
        trace.NOT_BUYABLE: pgettext("personalization", "it cannot be bought"),
        trace.OUTSIDE_PRICE_RANGE: pgettext("personalization", "its price does not fit into this row"),
        trace.DISMISSED: pgettext("personalization", "this visitor does not want to see the row"),
        trace.HIDDEN_NAME: _("its title would name something that this visitor may not see"),
        trace.NO_WORDS: pgettext("personalization", "it could not be put into words"),
        trace.REPLACED: pgettext("personalization", "other rows stood in for it"),
        "page_full": pgettext("personalization", "the page has enough rows"),
        "personal_rows_full": pgettext("personalization", "the page has enough personal rows"),
        "too_few_items": pgettext("personalization", "too few products are left for it"),
        "little_use": pgettext("personalization", "the visitor is not expected to buy much from it"),
    }.get(cause, pgettext("personalization", "it may not stand there"))
