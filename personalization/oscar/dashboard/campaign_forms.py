"""The forms of a campaign, to its document and back."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from personalization.merchandising import campaign_words
from personalization.merchandising.row_keys import split_row_key
from personalization.models import Band, Definition
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard.audience_forms import AudienceForm, Choices, audience_initial
from personalization.oscar.dashboard.product_lines import known_products, write_lines
from personalization.oscar.dashboard.row_words import fallback_choices
from personalization.rows import registered_row_types
from personalization.shop import named_objects

ROW_SURFACES = ("home", "product", "basket", "order_confirmation", "zero_results", "category")


def _surface_choices() -> Choices:
    return list(campaign_words.surface_labels().items())


def _row_choices() -> Choices:
    own = [(split_row_key(one.key)[1], one.name) for one in Definition.objects.rows_of_shop()]
    built_in = registered_row_types()
    return [*fallback_choices(), *(pair for pair in sorted(own) if pair[0] not in built_in)]


class CampaignForm(AudienceForm):
    """Who, where, when, and how it is measured; what it does is the formset of `ActionForm`."""

    name = forms.CharField(label=pgettext_lazy("personalization", "Name"), max_length=MAX_NAME)
    surfaces = forms.MultipleChoiceField(
        label=pgettext_lazy("personalization", "Places"),
        widget=forms.CheckboxSelectMultiple,
        choices=lazy(_surface_choices, list),
        error_messages={"required": pgettext_lazy("personalization", "Choose at least one place.")},
    )
    rows = forms.MultipleChoiceField(
        label=pgettext_lazy("personalization", "Only in these rows"),
        required=False,
        choices=lazy(_row_choices, list),
        help_text=pgettext_lazy("personalization", "None chosen: all rows of the page, and its list."),
    )
    categories = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("personalization", "Only on these category pages"),
        coerce=int,
        required=False,
        choices=lazy(named_objects.category_choices, list),
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
    band = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Block of the list"), coerce=int, choices=Band.choices
    )
    note = forms.CharField(
        label=pgettext_lazy("personalization", "Note"),
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_seen_products(self) -> list[int]:
        """The keys of the products."""
        return list(known_products(self.cleaned_data["seen_products"]))

    def clean(self) -> dict[str, Any]:
        """With what is wrong between two fields at the field where it is mended."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        chosen = set(data.get("surfaces", ()))
        if data.get("searches") and not chosen & {"search", "zero_results"}:
            self.add_error("searches", _("Only a search has words."))
        if data.get("categories") and "category" not in chosen:
            self.add_error("categories", _("Choose category pages above, too."))
        return data

    def document(self, actions: list[dict[str, Any]]) -> dict[str, Any]:
        """The document that the form and these actions make. Call it when the form is valid."""
        data = self.cleaned_data
        found: dict[str, Any] = {
            "who": self.audience(),
            "where": [self._place(surface) for surface in data["surfaces"]],
            "when": self.schedule(),
            "what": actions,
        }
        return found | ({"note": data["note"]} if data["note"] else {})

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


def campaign_initial(name: str, band: int, document: Mapping[str, Any]) -> dict[str, Any]:
    """What a form shows of a document."""
    places = document.get("where", [])
    terms: list[dict[str, str]] = next((place["words"] for place in places if place.get("words")), [])
    seen: list[int] = next((place["seen"]["products"] for place in places if place.get("seen")), [])
    return {
        **audience_initial(document),
        "name": name,
        "band": band,
        "surfaces": [place["surface"] for place in places],
        "rows": next((place["rows"] for place in places if place.get("rows") not in (None, "all")), []),
        "categories": next((place["categories"] for place in places if place.get("categories")), []),
        "below": next((place["below"] for place in places if "below" in place), True),
        "searches": "\n".join(one["text"] for one in terms),
        "match": terms[0]["match"] if terms else "all",
        "seen_products": write_lines(seen, named_objects.names_of(("product", str(key)) for key in seen)),
        "note": document.get("note", ""),
    }
