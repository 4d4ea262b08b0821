"""The forms of a campaign, to its document and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from personalization.merchandising import campaign_words, documents
from personalization.models import Band, Definition, DefinitionKind
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard.product_lines import known_products, write_lines
from personalization.oscar.dashboard.screens import PlainSelects
from personalization.rows import registered_row_types
from personalization.shop import named_objects

LOCAL = "%Y-%m-%dT%H:%M"
ROW_SURFACES = ("home", "product", "basket", "order_confirmation", "zero_results", "category")
Choices = list[tuple[Any, str]]


def _surface_choices() -> Choices:
    return list(campaign_words.surface_labels().items())


def _segment_choices() -> Choices:
    rows = Definition.objects.of_kind(DefinitionKind.SEGMENT).present().order_by("name")
    return list(rows.values_list("pk", "name"))


def _zone_choices() -> Choices:
    return [(name, name) for name in sorted({settings.TIME_ZONE, "UTC", "Europe/Berlin", "Europe/London"})]


def _row_choices() -> Choices:
    return [(code, code.replace("_", " ").capitalize()) for code in sorted(registered_row_types())]


def _day_choices() -> Choices:
    names = (
        pgettext("personalization", "Mon"),
        pgettext("personalization", "Tue"),
        pgettext("personalization", "Wed"),
        pgettext("personalization", "Thu"),
        pgettext("personalization", "Fri"),
        pgettext("personalization", "Sat"),
        pgettext("personalization", "Sun"),
    )
    return list(enumerate(names, 1))


class CampaignForm(PlainSelects):
    """Who, where, when, and how it is measured; what it does is the formset of `ActionForm`."""

    name = forms.CharField(label=pgettext_lazy("personalization", "Name"), max_length=MAX_NAME)
    people = forms.ChoiceField(
        label=pgettext_lazy("personalization", "For"),
        choices=[
            ("all", pgettext_lazy("personalization", "everybody")),
            ("customers", pgettext_lazy("personalization", "customers who are signed in")),
            ("visitors", pgettext_lazy("personalization", "visitors who are not signed in")),
        ],
    )
    in_segments = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("personalization", "Only in these segments"),
        coerce=int,
        required=False,
        choices=lazy(_segment_choices, list),
    )
    out_segments = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("personalization", "Not in these segments"),
        coerce=int,
        required=False,
        choices=lazy(_segment_choices, list),
    )
    countries = forms.CharField(
        label=pgettext_lazy("personalization", "Countries"),
        required=False,
        max_length=100,
        help_text=pgettext_lazy("personalization", "Two letters each, as in DE AT CH. Empty: all."),
    )
    devices = forms.MultipleChoiceField(
        label=pgettext_lazy("personalization", "Devices"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[
            ("phone", pgettext_lazy("personalization", "phone")),
            ("tablet", pgettext_lazy("personalization", "tablet")),
            ("computer", pgettext_lazy("personalization", "computer")),
        ],
    )
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
    starts = forms.DateTimeField(
        label=pgettext_lazy("personalization", "From"),
        required=False,
        input_formats=[LOCAL, "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(format=LOCAL, attrs={"type": "datetime-local"}),
    )
    ends = forms.DateTimeField(
        label=pgettext_lazy("personalization", "To"),
        required=False,
        input_formats=[LOCAL, "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(format=LOCAL, attrs={"type": "datetime-local"}),
        help_text=pgettext_lazy("personalization", "Empty: until somebody ends it."),
    )
    zone = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Time zone"), choices=lazy(_zone_choices, list), required=False
    )
    days = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("personalization", "Only on these days"),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=lazy(_day_choices, list),
    )
    from_hour = forms.IntegerField(
        label=pgettext_lazy("personalization", "From hour"), required=False, min_value=0, max_value=24
    )
    to_hour = forms.IntegerField(
        label=pgettext_lazy("personalization", "To hour"), required=False, min_value=0, max_value=24
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

    def clean_countries(self) -> list[str]:
        """The codes in capitals."""
        codes = self.cleaned_data["countries"].replace(",", " ").upper().split()
        wrong = [code for code in codes if not (len(code) == 2 and code.isascii() and code.isalpha())]
        if wrong or len(codes) > 20:
            raise forms.ValidationError(
                pgettext("personalization", "Expected at most 20 codes of two letters; found %(codes)s.")
                % {"codes": ", ".join(wrong) or len(codes)}
            )
        return codes

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
        starts, ends = data.get("starts"), data.get("ends")
        if starts and ends and ends <= starts:
            self.add_error("ends", _("The end has to be after the start."))
        if (data.get("from_hour") is None) != (data.get("to_hour") is None):
            self.add_error("to_hour", _("Both hours are needed, or none."))
        elif data.get("from_hour") is not None and data["from_hour"] == data.get("to_hour"):
            self.add_error("to_hour", _("The hours are empty; leave them out for the whole day."))
        return data

    def document(self, actions: list[dict[str, Any]]) -> dict[str, Any]:
        """The document that the form and these actions make. Call it when the form is valid."""
        data = self.cleaned_data
        who: dict[str, Any] = {"people": data["people"]}
        who.update({key: data[f"{key}_segments"] for key in ("in", "out") if data[f"{key}_segments"]})
        who.update({key: data[key] for key in ("countries", "devices") if data[key]})
        found: dict[str, Any] = {
            "who": who,
            "where": [self._place(surface) for surface in data["surfaces"]],
            "when": self._schedule(),
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

    def _schedule(self) -> dict[str, Any]:
        data = self.cleaned_data
        zone = data["zone"] or settings.TIME_ZONE
        when: dict[str, Any] = {"zone": zone}
        for key, name in (("from", "starts"), ("to", "ends")):
            if data[name]:
                local = data[name].replace(tzinfo=ZoneInfo(zone))
                when[key] = local.isoformat()
        if data["days"]:
            when["days"] = sorted(data["days"])
        if data["from_hour"] is not None:
            when["hours"] = [data["from_hour"], data["to_hour"]]
        return when


def campaign_initial(name: str, band: int, document: Mapping[str, Any]) -> dict[str, Any]:
    """What a form shows of a document."""
    who, when = document.get("who", {}), document.get("when", {})
    places = document.get("where", [])
    zone = when.get("zone", settings.TIME_ZONE)
    terms: list[dict[str, str]] = next((place["words"] for place in places if place.get("words")), [])
    seen: list[int] = next((place["seen"]["products"] for place in places if place.get("seen")), [])
    hours = when.get("hours") or (None, None)
    return {
        "name": name,
        "band": band,
        "people": who.get("people", "all"),
        "in_segments": who.get("in", []),
        "out_segments": who.get("out", []),
        "countries": " ".join(who.get("countries", [])),
        "devices": who.get("devices", []),
        "surfaces": [place["surface"] for place in places],
        "rows": next((place["rows"] for place in places if place.get("rows") not in (None, "all")), []),
        "categories": next((place["categories"] for place in places if place.get("categories")), []),
        "below": next((place["below"] for place in places if "below" in place), True),
        "searches": "\n".join(one["text"] for one in terms),
        "match": terms[0]["match"] if terms else "all",
        "seen_products": write_lines(seen, named_objects.names_of(("product", str(key)) for key in seen)),
        "starts": _local(when.get("from"), zone),
        "ends": _local(when.get("to"), zone),
        "zone": zone,
        "days": when.get("days", []),
        "from_hour": hours[0],
        "to_hour": hours[1],
        "note": document.get("note", ""),
    }


def _local(text: str | None, zone: str) -> datetime | None:
    found = documents.moment(text)
    return found.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if found else None
