"""For whom and when: the fields that the forms of campaigns and of rows have in common, to a document and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from personalization.merchandising import documents
from personalization.oscar.dashboard.screens import PlainSelects

LOCAL = "%Y-%m-%dT%H:%M"
Choices = list[tuple[Any, str]]
AUDIENCE_FIELDS = (
    "people",
    "in_segments",
    "out_segments",
    "countries",
    "devices",
    "starts",
    "ends",
    "zone",
    "days",
    "from_hour",
    "to_hour",
)


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


class AudienceForm(PlainSelects):
    """Who sees it, and when."""

    offered: ClassVar = {"in_segments": "segments", "out_segments": "segments"}
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
    )
    out_segments = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("personalization", "Not in these segments"),
        coerce=int,
        required=False,
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

    follows_campaign = False
    """Whether for whom and when is said by the campaign that it is a part of."""

    def follow_campaign(self) -> None:
        """Leaves for whom and when to the campaign that it is a part of."""
        self.follows_campaign = True
        for name in AUDIENCE_FIELDS:
            self.fields.pop(name, None)

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

    def audience(self) -> dict[str, Any]:
        """The part "who" of a document. Call it when the form is valid."""
        data = self.cleaned_data
        if self.follows_campaign:
            return {}
        who: dict[str, Any] = {"people": data["people"]} if "people" in data else {}
        who.update({key: data[f"{key}_segments"] for key in ("in", "out") if data[f"{key}_segments"]})
        who.update({key: data[key] for key in ("countries", "devices") if data.get(key)})
        return who

    def schedule(self) -> dict[str, Any]:
        """The part "when" of a document. Call it when the form is valid."""
        data = self.cleaned_data
        if self.follows_campaign:
            return {}
        zone = data["zone"] or settings.TIME_ZONE
        when: dict[str, Any] = {"zone": zone}
        for key, name in (("from", "starts"), ("to", "ends")):
            if data[name]:
                local = data[name].replace(tzinfo=ZoneInfo(zone))
                when[key] = local.isoformat()
        if data.get("days"):
            when["days"] = sorted(data["days"])
        if data.get("from_hour") is not None:
            when["hours"] = [data["from_hour"], data["to_hour"]]
        return when


def audience_initial(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a document."""
    who, when = document.get("who", {}), document.get("when", {})
    zone, hours = when.get("zone", settings.TIME_ZONE), when.get("hours") or (None, None)
    return {
        "people": who.get("people", "all"),
        "in_segments": who.get("in", []),
        "out_segments": who.get("out", []),
        "countries": " ".join(who.get("countries", [])),
        "devices": who.get("devices", []),
        "starts": _local(when.get("from"), zone),
        "ends": _local(when.get("to"), zone),
        "zone": zone,
        "days": when.get("days", []),
        "from_hour": hours[0],
        "to_hour": hours[1],
    }


def _local(text: str | None, zone: str) -> datetime | None:
    found = documents.moment(text)
    return found.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if found else None
