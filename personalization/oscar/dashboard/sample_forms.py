"""The form beside an editor that says on which page, and as whom, what is being written is looked at."""

from functools import partial
from typing import Any, ClassVar

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from personalization.merchandising import campaign_words
from personalization.merchandising.compiled import People
from personalization.oscar.dashboard.decided_pages import SamplePage
from personalization.oscar.dashboard.draft_rules import DraftRules, acting_moment
from personalization.oscar.dashboard.product_lines import read_lines
from personalization.oscar.dashboard.screens import LongSelect, PlainSelects
from personalization.oscar.dashboard.shop_choices import ShopChoices
from personalization.oscar.previews import Preview
from personalization.shop import named_objects

AUDIENCE, STRANGER, ACCOUNT = "", "stranger", "account"
EDITOR_FORM = "campaign"
"""The id of the form with which its fields are posted, outside of which they stand."""
NO_PAGES = {
    "navigation": gettext_lazy("The menu holds no products. Look at it in the preview."),
    "message": gettext_lazy("What a message shows is chosen for its reader when it is sent."),
}
"""The surfaces that are no page with a row or a list of products, and what is said instead of one."""
Choices = list[tuple[Any, str]]


def _page_choices() -> Choices:
    first = pgettext("personalization", "where the campaign acts first")
    return [("", first), *((name, label) for name, label in campaign_words.surface_labels().items())]


def _visitor_choices(choices: ShopChoices) -> Choices:
    return [
        (AUDIENCE, pgettext("personalization", "one of those it is for")),
        (STRANGER, pgettext("personalization", "a stranger")),
        (ACCOUNT, pgettext("personalization", "a customer of whom nothing is known")),
        *(
            (str(key), pgettext("personalization", "somebody in “%(name)s”") % {"name": name})
            for key, name in choices.live_segments
        ),
    ]


class SampleForm(PlainSelects):
    """A page of the shop, and a visitor of whom no more is known than this."""

    offered: ClassVar = {"category": "categories"}
    prefix = "sample"
    page = forms.ChoiceField(
        label=pgettext_lazy("personalization", "On the page"), required=False, choices=lazy(_page_choices, list)
    )
    category = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Category"),
        coerce=int,
        empty_value=None,
        required=False,
        widget=LongSelect,
    )
    query = forms.CharField(label=pgettext_lazy("personalization", "Search"), required=False, max_length=100)
    product = forms.CharField(
        label=pgettext_lazy("personalization", "Product"),
        required=False,
        max_length=200,
        help_text=pgettext_lazy("personalization", "UPC or SKU. Empty: any product."),
    )
    visitor = forms.ChoiceField(label=pgettext_lazy("personalization", "As"), required=False)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        visitor: Any = self.fields["visitor"]
        visitor.choices = partial(_visitor_choices, self.shop_choices)
        for field in self.fields.values():
            field.widget.attrs["form"] = EDITOR_FORM

    def clean_product(self) -> int | None:
        """The key of the product; None where none is named."""
        text = self.cleaned_data["product"].strip()
        lines = read_lines(text)
        if lines.unknown:
            raise forms.ValidationError(
                pgettext("personalization", "No product has this UPC or SKU: %(lines)s") % {"lines": text}
            )
        return next(iter(lines.product_ids), None)

    def sample_page(self, document: dict[str, Any]) -> SamplePage | str:
        """The chosen page, or the first one on which a campaign with this document acts; a text that says what is
        missing where there is none. Call it when the form is valid."""
        data = self.cleaned_data
        surface = data["page"] or document["where"][0]["surface"]
        place: dict[str, Any] = next((one for one in document["where"] if one["surface"] == surface), {})
        if surface in NO_PAGES:
            return str(NO_PAGES[surface])
        if surface == "category":
            return _category_page(data["category"] or next(iter(place.get("categories", ())), None))
        if surface in ("search", "zero_results"):
            query = data["query"].strip() or next((one["text"] for one in place.get("words", ())), "")
            return SamplePage(surface, query=query) if query else _("Say what is searched for, to see its results.")
        if surface in ("product", "basket", "order_confirmation"):
            seen = place.get("seen", {}).get("products", ())
            product = named_objects.sample_product(data["product"] or next(iter(seen), None))
            return SamplePage(surface, product=product) if product else _("The shop has no public product.")
        return SamplePage(surface)

    def preview(self, staff: Any, rules: DraftRules) -> Preview:
        """The visitor, at a moment at which the campaign acts."""
        chosen, audience = self.cleaned_data["visitor"], rules.campaign.audience
        people = audience.people is People.CUSTOMERS
        segments: tuple[int, ...] = audience.in_segments[:1] if chosen == AUDIENCE else ()
        if chosen not in (AUDIENCE, STRANGER, ACCOUNT):
            segments = (int(chosen),)
        return Preview(
            staff=str(staff.pk),
            segments=segments,
            signed_in=chosen == ACCOUNT or (people and chosen != STRANGER),
            moment=acting_moment(rules.campaign.schedule),
            device=min(audience.devices, default="computer"),
            country=min(audience.countries, default=""),
        )


def _category_page(key: int | None) -> SamplePage | str:
    category = named_objects.sample_category(key)
    return SamplePage("category", category=category) if category else _("The shop has no category.")
