"""The form in which staff say which page they mean, and as whom they look at it."""

from datetime import date, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from django import forms
from django.conf import settings
from django.utils.formats import date_format
from django.utils.functional import lazy
from django.utils.timezone import get_default_timezone, now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from personalization import conf
from personalization.models import GenomeMonth
from personalization.models.genome_months import month_before
from personalization.oscar.dashboard.audience_forms import LOCAL
from personalization.oscar.dashboard.screens import PlainSelects
from personalization.oscar.previews import Preview
from personalization.profile.genome_months import month_end, month_of
from personalization.shop.customers import customer_by_address

FURTHEST = timedelta(days=90)
LAST_SECOND = 1.0


class VisitForm(PlainSelects):
    """A page, and as whom to look at it."""

    offered: ClassVar = {"segments": "live_segments", "drafts": "drafts"}
    page = forms.CharField(
        label=pgettext_lazy("personalization", "Page"),
        max_length=500,
        initial="/",
        help_text=pgettext_lazy("personalization", "An address of the shop, as in / or /catalogue/ or /search/?q=tea"),
    )
    customer = forms.CharField(
        label=pgettext_lazy("personalization", "As the customer"),
        max_length=254,
        required=False,
        help_text=pgettext_lazy("personalization", "E-mail address or number. Empty: a stranger."),
    )
    segments = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("personalization", "As a stranger in these segments"),
        coerce=int,
        required=False,
    )
    drafts = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("personalization", "With these drafts"),
        coerce=int,
        required=False,
    )
    moment = forms.DateTimeField(
        label=pgettext_lazy("personalization", "At the moment"),
        required=False,
        input_formats=[LOCAL, "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(format=LOCAL, attrs={"type": "datetime-local"}),
        help_text=pgettext_lazy("personalization", "Up to 90 days ahead. Empty: now."),
    )
    month = forms.ChoiceField(
        label=pgettext_lazy("personalization", "As they were at the end of"),
        required=False,
        choices=lazy(lambda: [("", pgettext("personalization", "no month: as they are now")), *_past_months()], list),
        help_text=pgettext_lazy("personalization", "With a customer. The shop itself is shown as it is today."),
    )
    device = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Device"),
        required=False,
        choices=[
            ("computer", pgettext_lazy("personalization", "computer")),
            ("tablet", pgettext_lazy("personalization", "tablet")),
            ("phone", pgettext_lazy("personalization", "phone")),
        ],
    )
    language = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Language"),
        required=False,
        choices=lazy(lambda: [("", "\N{EN DASH}"), *settings.LANGUAGES], list),
    )

    def clean_page(self) -> str:
        """The path and the query of an address of this shop."""
        parts = urlsplit(self.cleaned_data["page"].strip())
        path = parts.path
        if not path.startswith("/") or path.startswith("//") or "\\" in path:
            raise forms.ValidationError(pgettext("personalization", "Expected an address that begins with a slash."))
        return path + (f"?{parts.query}" if parts.query else "")

    def clean_customer(self) -> Any:
        """The customer of this e-mail address or number, or None."""
        text = self.cleaned_data["customer"].strip()
        if not text:
            return None
        found = customer_by_address(text)
        if found is None:
            raise forms.ValidationError(_("No customer has this e-mail address or number."))
        return found

    def clean_moment(self) -> Any:
        """A moment between now and 90 days from now."""
        moment = self.cleaned_data["moment"]
        if moment is not None:
            moment = moment.replace(tzinfo=None).replace(tzinfo=get_default_timezone())
            if not now() - timedelta(minutes=5) <= moment <= now() + FURTHEST:
                raise forms.ValidationError(pgettext("personalization", "Expected a moment of the next 90 days."))
        return moment

    def clean(self) -> dict[str, Any]:
        """A month is one of a customer, and stands for a moment itself."""
        data = super().clean() or {}
        if data.get("month") and "customer" not in self.errors:
            if data.get("customer") is None:
                self.add_error("month", pgettext("personalization", "Name the customer whose month this is."))
            elif data.get("moment"):
                self.add_error("moment", pgettext("personalization", "Choose a month or a moment, not both."))
        return data

    def has_stored_month(self) -> bool:
        """Whether something is stored of the customer for the month, if one is chosen; else the form says so. Ask it of
        a valid form, of somebody who may look at customers."""
        month, customer = self.cleaned_data["month"], self.cleaned_data["customer"]
        if not month or GenomeMonth.objects.of_month(month_start(month), [customer.pk]):
            return True
        self.add_error("month", pgettext("personalization", "Of this customer nothing is stored for that month."))
        return False


def month_start(month: str) -> date:
    """The first day of a month that the form offers."""
    return date.fromisoformat(f"{month}-01")


def _past_months() -> list[tuple[str, str]]:
    """(value, name) of the months that may be stored, the latest first."""
    this_month = month_of(now().timestamp())
    months = [month_before(this_month, count) for count in range(1, conf.get_settings().GENOME_RETENTION_MONTHS + 1)]
    return [(f"{month:%Y-%m}", date_format(month, "YEAR_MONTH_FORMAT")) for month in months]


class PreviewForm(VisitForm):
    """The page of a preview, and what to compare it with."""

    compared_with = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Beside it"),
        required=False,
        choices=[
            ("", pgettext_lazy("personalization", "nothing")),
            ("plain", pgettext_lazy("personalization", "the page without personalisation")),
            ("campaigns", pgettext_lazy("personalization", "the page without campaigns")),
            ("now", pgettext_lazy("personalization", "the page of today")),
        ],
    )


def make_preview(user: Any, data: dict[str, Any]) -> Preview:
    """The preview that a valid form asks for, of this member of staff."""
    customer, month = data["customer"], data["month"]
    moment = data["moment"].timestamp() if data["moment"] else None
    return Preview(
        staff=str(user.pk),
        customer="" if customer is None else str(customer.pk),
        segments=tuple(data["segments"]),
        moment=month_end(month_start(month)) - LAST_SECOND if month else moment,
        month=month,
        drafts=tuple(data["drafts"]),
        language=data["language"],
        device=data["device"] or "computer",
    )


def visit_query(data: dict[str, Any]) -> str:
    """The parameters by which another screen asks for the page and the visit of a valid form."""
    customer, moment = data["customer"], data["moment"]
    fields = {
        "page": data["page"],
        "customer": "" if customer is None else customer.email or str(customer.pk),
        "segments": data["segments"],
        "drafts": data["drafts"],
        "month": data["month"],
        "moment": f"{moment.replace(tzinfo=None):{LOCAL}}" if moment else "",
        "device": data["device"],
        "language": data["language"],
    }
    return urlencode({name: value for name, value in fields.items() if value}, doseq=True)
