"""What a campaign would do if it were live: its sentence, its reach, with what it collides, and a page before and after
it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.timezone import now
from django.views.decorators.http import require_POST

from personalization.merchandising import campaign_words, documents
from personalization.merchandising.conflicts import conflicts_of
from personalization.oscar.dashboard.before_after import BeforeAfter, compare_page
from personalization.oscar.dashboard.campaign_forms import CampaignForms
from personalization.oscar.dashboard.campaign_list import all_names, conflict_names
from personalization.oscar.dashboard.campaign_reach import CampaignReach, campaign_reach
from personalization.oscar.dashboard.conflict_remedies import ConflictLine, conflict_lines_with_places
from personalization.oscar.dashboard.decided_pages import SamplePage
from personalization.oscar.dashboard.draft_rules import DraftRules, draft_definition, rules_with_draft
from personalization.oscar.dashboard.sample_forms import SampleForm
from personalization.oscar.dashboard.screens import show
from personalization.oscar.dashboard.shop_choices import ShopChoices

COUNT_WHILE_TYPING_MS = 2000


@dataclass(frozen=True)
class Effect:
    """What a campaign would do if it were live now."""

    sentence: str
    reach: CampaignReach
    conflicts: tuple[ConflictLine, ...]
    """What would happen to it because of others, and to others because of it."""
    problems: tuple[str | Promise, ...]


@dataclass(frozen=True)
class Sample:
    """A page before and after the campaign in the form."""

    form: SampleForm
    page: str = ""
    """What is looked at, in words."""
    moment: datetime | None = None
    """Where it is not now."""
    grid: BeforeAfter | None = None
    missing: str = ""
    """Why there is no grid."""


@require_POST
def show_effect(request: HttpRequest, pk: int = 0) -> HttpResponse:
    """What the campaign in the form would touch and collide with; a part of the page, asked for while it is typed."""
    rules = rules_of_form(CampaignForms(request.POST), pk)
    effect = campaign_effect(rules, timeout_ms=COUNT_WHILE_TYPING_MS) if rules else None
    return show(request, "campaign_effect", {"effect": effect, "remedy_form": "campaign", "is_stored": bool(pk)})


@require_POST
def show_grid(request: HttpRequest, pk: int = 0) -> HttpResponse:
    """A page of the shop before and after the campaign in the form; a part of the page, asked for while it is typed."""
    forms = CampaignForms(request.POST)
    sample = chosen_sample(request, rules_of_form(forms, pk), forms.shop_choices)
    return show(request, "campaign_grid", {"sample": sample})


def rules_of_form(forms: CampaignForms, pk: int) -> DraftRules | None:
    """The rules with the campaign that was written into the form; None while it is not complete."""
    if not forms.is_valid():
        return None
    document = forms.document()
    if documents.document_errors("campaign", document):
        return None
    written = forms.form.cleaned_data
    return rules_with_draft(draft_definition(pk, written["name"], written["band"]), document)


def chosen_sample(
    request: HttpRequest, rules: DraftRules | None, choices: ShopChoices, *, may_wait: bool = False
) -> Sample:
    """The page that is chosen beside the form, before and after the campaign.

    Parameters: `choices`, those of the form; `may_wait`, whether it is shown however long it takes.
    """
    form = SampleForm(request.POST, choices=choices)
    if rules is None or not form.is_valid():
        return Sample(form)
    page = form.sample_page(rules.document)
    if isinstance(page, str):
        return Sample(form, missing=page)
    preview = form.preview(request.user, rules)
    names = all_names(documents.references("campaign", rules.document))
    grid = compare_page(request, preview, rules, page, names, may_wait=may_wait)
    later = preview.moment is not None and preview.moment > now().timestamp() + 60
    moment = datetime.fromtimestamp(preview.moment, UTC) if preview.moment is not None and later else None
    return Sample(form, _page_label(page), moment, grid)


def _page_label(page: SamplePage) -> str:
    about = page.query or (page.category and page.category.name) or (page.product and page.product.get_title())
    label = campaign_words.surface_labels()[page.surface]
    return f"{label}: {about}" if about else label


def campaign_effect(rules: DraftRules, **limits: int) -> Effect:
    """What the campaign would do. `limits`: as of `campaign_reach`."""
    conflicts = conflicts_of(rules.campaign.id, rules.after.campaigns)
    names = all_names(documents.references("campaign", rules.document) | conflict_names(conflicts))
    return Effect(
        campaign_words.describe_campaign(rules.document, names),
        campaign_reach(rules.campaign, rules.before.segments, **limits),
        tuple(conflict_lines_with_places(rules.campaign.id, conflicts, names, rules.after.campaigns)),
        rules.problems,
    )
