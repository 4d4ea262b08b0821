"""The forms of a campaign, to its document and back."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from personalization.merchandising import documents
from personalization.models import Band, Definition, DefinitionKind
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard.action_forms import ActionFormSet, action_choices, action_initials
from personalization.oscar.dashboard.place_forms import PlaceForm
from personalization.oscar.dashboard.product_lines import write_lines
from personalization.shop import named_objects

LOCAL = "%Y-%m-%dT%H:%M"
Choices = list[tuple[Any, str]]


def _segment_choices() -> Choices:
    rows = Definition.objects.of_kind(DefinitionKind.SEGMENT).present().order_by("name")
    return list(rows.values_list("pk", "name"))


def _zone_choices() -> Choices:
    return [(name, name) for name in sorted({settings.TIME_ZONE, "UTC", "Europe/Berlin", "Europe/London"})]


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


class CampaignForm(PlaceForm):
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

    def clean(self) -> dict[str, Any]:
        """With what is wrong between two fields at the field where it is mended."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
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
            "where": self.place_documents(),
            "when": self._schedule(),
            "what": actions,
        }
        return found | ({"note": data["note"]} if data["note"] else {})

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


class CampaignForms:
    """The form of a campaign, and those of what it does."""

    def __init__(self, data: Any = None, *, document: dict[str, Any] | None = None, name: str = "", band: int = 1):
        """`data`: what was posted; else `document`, `name` and `band` are shown."""
        self.formset: Any
        options: dict[str, Any] = {"form_kwargs": {"choices": action_choices()}, "prefix": "what"}
        if data is None:
            shown = document or {}
            self.form = CampaignForm(initial=campaign_initial(name, band, shown))
            self.formset = ActionFormSet(initial=action_initials(shown), **options)
        else:
            self.form, self.formset = CampaignForm(data), ActionFormSet(data, **options)

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
        for line in self.formset.forms if self.formset.is_valid() else ():
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
