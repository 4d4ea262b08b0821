"""The part of a form that says on which pages of the shop a campaign acts."""

from typing import Any, ClassVar

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from personalization.merchandising import campaign_words
from personalization.oscar.dashboard.product_lines import known_products
from personalization.oscar.dashboard.screens import LongSelectMultiple, PlainSelects

ROW_SURFACES = ("home", "product", "basket", "order_confirmation", "zero_results", "category")
Choices = list[tuple[Any, str]]


def _surface_choices() -> Choices:
    return list(campaign_words.surface_labels().items())


class PlaceForm(PlainSelects):
    """Surfaces, and what narrows them down."""

    offered: ClassVar = {"categories": "categories", "rows": "rows"}
    surfaces = forms.MultipleChoiceField(
        label=pgettext_lazy("personalization", "Places"),
        widget=forms.CheckboxSelectMultiple,
        choices=lazy(_surface_choices, list),
        error_messages={"required": pgettext_lazy("personalization", "Choose at least one place.")},
    )
    rows = forms.MultipleChoiceField(
        label=pgettext_lazy("personalization", "Only in these rows"),
        required=False,
        help_text=pgettext_lazy("personalization", "None chosen: all rows of the page, and its list."),
    )
    categories = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("personalization", "Only on these category pages"),
        coerce=int,
        required=False,
        widget=LongSelectMultiple,
    )
    below = forms.BooleanField(
        label=pgettext_lazy("personalization", "and all categories below"), required=False, initial=True
    )
    searches = forms.CharField(
        label=pgettext_lazy("personalization", "Only for these searches"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=pgettext_lazy("personalization", "One a line. Capitals and accents make no difference."),
    )
    match = forms.ChoiceField(
        label=pgettext_lazy("personalization", "The search"),
        choices=[
            ("all", pgettext_lazy("personalization", "holds all words of a line")),
            ("is", pgettext_lazy("personalization", "is a line")),
            ("starts", pgettext_lazy("personalization", "begins with a line")),
        ],
    )
    seen_products = forms.CharField(
        label=pgettext_lazy("personalization", "Only beside these products"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=pgettext_lazy("personalization", "On product pages and in baskets. One UPC or SKU a line."),
    )

    def clean_seen_products(self) -> list[int]:
        """The keys of the products."""
        return list(known_products(self.cleaned_data["seen_products"]))

    def clean(self) -> dict[str, Any]:
        """With what fits none of the chosen surfaces at its field."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        chosen = set(data.get("surfaces", ()))
        if data.get("searches") and not chosen & {"search", "zero_results"}:
            self.add_error("searches", _("Only a search has words."))
        if data.get("categories") and "category" not in chosen:
            self.add_error("categories", _("Choose category pages above, too."))
        return data

    def place_documents(self) -> list[dict[str, Any]]:
        """The `where` of a document. Call it when the form is valid."""
        return [self._place(surface) for surface in self.cleaned_data["surfaces"]]

    def _place(self, surface: str) -> dict[str, Any]:
        data = self.cleaned_data
        place: dict[str, Any] = {"surface": surface}
        if data["rows"] and surface in ROW_SURFACES:
            place["rows"] = data["rows"]
        if data["categories"] and surface == "category":
            place |= {"categories": data["categories"], "below": data["below"]}
        lines = [line.strip()[:100] for line in data["searches"].splitlines() if line.strip()][:50]
        if lines and surface in ("search", "zero_results"):
            place["words"] = [{"text": line, "match": data["match"]} for line in lines]
        if data["seen_products"] and surface in ("product", "basket"):
            place["seen"] = {"products": data["seen_products"]}
        return place
