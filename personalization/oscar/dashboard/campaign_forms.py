"""The forms of a campaign, to its document and back."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import pgettext_lazy

from personalization.models import Band
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard.action_forms import ActionFormSet, action_initials
from personalization.oscar.dashboard.audience_forms import AudienceForm, audience_initial
from personalization.oscar.dashboard.place_forms import PlaceForm
from personalization.oscar.dashboard.product_lines import write_lines
from personalization.oscar.dashboard.shop_choices import ShopChoices
from personalization.oscar.dashboard.voucher_forms import VoucherForm, voucher_initial
from personalization.shop import named_objects


class CampaignForm(PlaceForm, VoucherForm, AudienceForm):
    """Who, where, when, and how it is measured; what it does is the formset of `ActionForm`."""

    offered: ClassVar = {**PlaceForm.offered, **VoucherForm.offered, **AudienceForm.offered}
    name = forms.CharField(label=pgettext_lazy("personalization", "Name"), max_length=MAX_NAME)
    band = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Block of the list"), coerce=int, choices=Band.choices
    )
    note = forms.CharField(
        label=pgettext_lazy("personalization", "Note"),
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def document(self, actions: list[dict[str, Any]]) -> dict[str, Any]:
        """The document that the form and these actions make. Call it when the form is valid."""
        data = self.cleaned_data
        found: dict[str, Any] = {
            "who": self.audience(),
            "where": self.place_documents(),
            "when": self.schedule(),
            "what": actions,
            **self.voucher_parts(),
        }
        return found | ({"note": data["note"]} if data["note"] else {})


class CampaignForms:
    """The form of a campaign, and those of what it does."""

    def __init__(self, data: Any = None, *, document: dict[str, Any] | None = None, name: str = "", band: int = 1):
        """`data`: what was posted; else `document`, `name` and `band` are shown."""
        self.formset: Any
        self.shop_choices = choices = ShopChoices()
        options: dict[str, Any] = {"form_kwargs": {"choices": choices}, "prefix": "what"}
        if data is None:
            shown = document or {}
            self.form = CampaignForm(initial=campaign_initial(name, band, shown), choices=choices)
            self.formset = ActionFormSet(initial=action_initials(shown), **options)
        else:
            self.form, self.formset = CampaignForm(data, choices=choices), ActionFormSet(data, **options)

    def is_valid(self) -> bool:
        """Whether nothing is marked in any of them."""
        return all([self.form.is_valid(), self.formset.is_valid()])

    def document(self) -> dict[str, Any]:
        """The document that they make. Call it when they are valid."""
        actions: list[dict[str, Any]] = self.formset.actions()
        return self.form.document(actions)

    def data_with_place(self, action: int, place: int) -> Any:
        """What was posted, with another place for the pin that is the action of this number; unchanged where a line
        makes several actions of it. Call it for forms that were posted."""
        posted: Any = self.form.data
        data, number = posted.copy(), 0
        for line in self.formset.sorted_forms if self.formset.is_valid() else ():
            made = line.actions() if line.cleaned_data.get("do") and not line.cleaned_data.get("DELETE") else []
            if number == action and len(made) == 1:
                data[line.add_prefix("place")] = str(place)
            number += len(made)
        return data

    def add_errors(self, errors: Iterable[tuple[str, Any]]) -> None:
        """Marks what is wrong with the document, by its path."""
        for path, message in errors:
            self.form.add_error(None, f"{path}: {message}" if path else message)


def campaign_initial(name: str, band: int, document: Mapping[str, Any]) -> dict[str, Any]:
    """What a form shows of a document."""
    places = document.get("where", [])
    terms: list[dict[str, str]] = next((place["words"] for place in places if place.get("words")), [])
    seen: list[int] = next((place["seen"]["products"] for place in places if place.get("seen")), [])
    return {
        **audience_initial(document),
        **voucher_initial(document),
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
