"""The list beside a preview: what stands on the page, and how each product came to its place."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isclose

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.decide.explained_page import ExplainedList, ExplainedPage, ListedProduct
from personalization.decide.reasons import placement_label
from personalization.decide.score_effects import ScoredProduct, explain_scores
from personalization.decide.slate import ItemRef, Row, SlateItem, product_ref
from personalization.decide.trace import Trace, TracedRow
from personalization.oscar.dashboard.campaign_prefill import page_scope, prefill_url
from personalization.oscar.dashboard.feature_words import describe_score
from personalization.oscar.dashboard.learned_words import often_seen_words, shift_words
from personalization.oscar.dashboard.page_words import CampaignSentence, PageWords, describe_cause


@dataclass(frozen=True)
class CardTrace:
    """A product on the page, and how it came to its place."""

    product_id: int
    title: str
    place: int
    """From 1."""
    label: str
    """What its card says of a campaign."""
    reason: str
    """What its card says, or could."""
    scores: list[str]
    """Its score in words, a sentence each."""
    campaigns: list[CampaignSentence]
    pin_url: str
    exclude_url: str


@dataclass(frozen=True)
class StripTrace:
    """A row of the page, or its list."""

    title: str
    explanation: str
    cards: list[CardTrace]
    is_list: bool = False
    shift: str = ""
    """By how many places the learned order moved the row; "" where it did not."""


@dataclass(frozen=True)
class PageTrace:
    """All that stands on a page."""

    strips: list[StripTrace]
    hidden: list[tuple[str, str]] = field(default_factory=list)
    """(row, why it is not shown) of those that the page left out."""


def trace_page(page: ExplainedPage) -> PageTrace:
    """The rows and the list of a page, each product with what is told of it."""
    words = PageWords(page)
    strips = [] if page.listing is None or not page.listing.products else [_list_trace(page, page.listing, words)]
    shown = {traced.row.reason.key: traced for traced in page.rows.rows if traced.shown}
    scores = _scores_by_row(page.slate.rows, page.rows)
    for row in page.slate.rows:
        traced = shown.get(row.key)
        cards = [
            _row_card(page, row, item, traced, scores.get((row.key, product_ref(item.product_id))))
            for item in row.items
        ]
        shift = shift_words(page.rows.row_shifts.get(row.key, 0))
        strips.append(StripTrace(row.title, row.explanation, cards, shift=shift))
    return PageTrace(
        strips,
        [
            (words.row_title(one.row.reason.key), describe_cause(one.hidden_because))
            for one in page.rows.rows
            if one.hidden_because
        ],
    )


def _row_card(
    page: ExplainedPage, row: Row, item: SlateItem, traced: TracedRow | None, scored: ScoredProduct | None
) -> CardTrace:
    ref = product_ref(item.product_id)
    sentences = [*_candidate_sentences(traced, ref), *(describe_score(scored) if scored else ())]
    if traced is not None and page.rows.is_demoted(traced, ref):
        sentences.append(often_seen_words(page.visit.policy.demote_after_views))
    sentences += filter(None, [PageWords(page).objective_sentence(page.rows, row.key, item.product_id)])
    scope = page_scope(page, page.slate.surface)
    return CardTrace(
        item.product_id,
        item.product.get_title(),
        item.position + 1,
        placement_label(item.placed_by) if item.placed_by else "",
        item.explanation,
        sentences,
        PageWords(page).campaign_sentences(traced.outcomes, item.product_id) if traced else [],
        prefill_url("pin", item.product_id, **scope, row=row.type, place=item.position + 1),
        prefill_url("exclude", item.product_id, **scope, row=row.type),
    )


def _candidate_sentences(traced: TracedRow | None, item: ItemRef) -> list[str]:
    """Where a row that no ranker sorts had a product by itself."""
    candidates = traced.row.candidates if traced else []
    rank = next((rank for rank, one in enumerate(candidates, 1) if one.item == item), None)
    if rank is None:
        return [pgettext("personalization", "The row would not have it by itself.")]
    words = pgettext("personalization", "Place %(rank)d of %(count)d candidates of this row.")
    return [words % {"rank": rank, "count": len(candidates)}]


def _scores_by_row(rows: Sequence[Row], trace: Trace) -> dict[tuple[str, ItemRef], ScoredProduct]:
    """By row and product, the run of the ranker that gave the product the score by which the row has it."""
    items = list({product_ref(item.product_id) for row in rows for item in row.items})
    runs = [(scoring, explain_scores(scoring, items)) for scoring in trace.scorings]
    found: dict[tuple[str, ItemRef], ScoredProduct] = {}
    for row in rows:
        for item in row.items:
            ref = product_ref(item.product_id)
            for scoring, explained in runs:
                own = scoring.describe(ref) if ref in explained else None
                if own is not None and isclose(own["score"], item.score, abs_tol=1e-6):
                    found.setdefault((row.key, ref), explained[ref])
    return found


def _list_trace(page: ExplainedPage, listing: ExplainedList, words: PageWords) -> StripTrace:
    items = [product_ref(one.product.pk) for one in listing.products]
    runs = listing.trace.scorings
    scores = explain_scores(runs[0], items) if runs and listing.reranking else {}
    cards = [_list_card(page, listing, one, scores, words) for one in listing.products]
    return StripTrace(pgettext("personalization", "The list"), _order_words(listing), cards, is_list=True)


def _order_words(listing: ExplainedList) -> str:
    reranking = listing.reranking
    if reranking is None:
        return pgettext("personalization", "In the search engine's own order, or as the page is sorted.")
    words = _("Moved by %(percent)d %% from the search engine's order to the visitor's own.")
    if not listing.trace.scorings:
        words = _(
            "Moved by %(percent)d %% from the search engine's order to what most people buy: nothing else is known."
        )
    return words % {"percent": reranking.strength}


def _list_card(
    page: ExplainedPage,
    listing: ExplainedList,
    one: ListedProduct,
    scores: dict[ItemRef, ScoredProduct],
    words: PageWords,
) -> CardTrace:
    key, surface = one.product.pk, page.campaign_surfaces[0]
    scored = scores.get(product_ref(key))
    outcomes = listing.resolution.outcomes if listing.resolution else ()
    scope = page_scope(page, surface)
    return CardTrace(
        key,
        one.product.get_title(),
        one.position + 1,
        placement_label(one.placed_by) if one.placed_by else "",
        "",
        [
            *_rank_sentences(listing, key),
            *(describe_score(scored) if scored else ()),
            *filter(None, [words.objective_sentence(listing.trace, "", key)]),
        ],
        words.campaign_sentences(outcomes, key),
        prefill_url("pin", key, **scope, place=one.position + 1),
        prefill_url("exclude", key, **scope),
    )


def _rank_sentences(listing: ExplainedList, key: int) -> list[str]:
    reranking = listing.reranking
    if reranking is None or key not in reranking.products:
        return []
    index = reranking.products.index(key)
    words = _("The search engine has it at place %(engine)d, the visitor's own order at place %(own)d.")
    found = [words % {"engine": index + 1, "own": reranking.personal_rank[index] + 1}]
    if key in reranking.not_wanted:
        found.append(pgettext("personalization", "This visitor is not interested in it, so it stands last."))
    return found
