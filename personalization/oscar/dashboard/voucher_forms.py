"""The fields of a campaign's voucher codes and of its holdout, to its document and back."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from personalization.merchandising.schemas import MAX_CODE_DAYS, MAX_CODES
from personalization.oscar.dashboard.screens import PlainSelects

NO_CODES, PERCENT, AMOUNT = "", "percent", "amount"
USUAL_DAYS, USUAL_CODES = 14, 10_000


class VoucherForm(PlainSelects):
    """What a code takes off, how long it is good, how many there are; and how many people get nothing."""

    offered: ClassVar = {"code_range": "ranges"}
    hold_back_percent = forms.FloatField(
        label=pgettext_lazy("personalization", "Held back, in percent"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=_(
            "Always the same people, who get no part of the campaign, to compare the others with. Empty: nobody is "
            "held back, and the report cannot say what the campaign earned."
        ),
    )
    code_kind = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Voucher codes"),
        required=False,
        choices=[
            (NO_CODES, pgettext_lazy("personalization", "none")),
            (PERCENT, pgettext_lazy("personalization", "percent off")),
            (AMOUNT, pgettext_lazy("personalization", "amount off")),
        ],
        help_text=_(
            "One for each customer, good once. {code} in a block or a mail is the reader's own, {code_benefit} what it "
            "takes off, {code_least} from which value on, and {code_until} its last day."
        ),
    )
    code_value = forms.FloatField(
        label=pgettext_lazy("personalization", "How much"), required=False, min_value=0.01, max_value=1e6
    )
    code_least = forms.FloatField(
        label=pgettext_lazy("personalization", "From this value of the basket on"),
        required=False,
        min_value=0,
        max_value=1e9,
        help_text=pgettext_lazy("personalization", "Empty: from any value on."),
    )
    code_range = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "On which Range"), coerce=int, required=False, empty_value=None
    )
    code_days = forms.IntegerField(
        label=pgettext_lazy("personalization", "Good for how many days"),
        required=False,
        min_value=1,
        max_value=MAX_CODE_DAYS,
    )
    code_most = forms.IntegerField(
        label=pgettext_lazy("personalization", "At most so many codes"),
        required=False,
        min_value=1,
        max_value=MAX_CODES,
    )

    def clean(self) -> dict[str, Any]:
        """With what a code lacks at its field."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("code_kind") and data.get("code_value") is None and "code_value" not in self.errors:
            self.add_error("code_value", _("Say how much a code takes off."))
        elif data.get("code_kind") == PERCENT and (data.get("code_value") or 0) > 100:
            self.add_error("code_value", _("At most 100 percent can be taken off."))
        return data

    def voucher_parts(self) -> dict[str, Any]:
        """The parts "voucher" and "hold_back" of a document, where there are any. Call it when the form is valid."""
        data, found = self.cleaned_data, dict[str, Any]()
        if data.get("hold_back_percent"):
            found["hold_back"] = data["hold_back_percent"] / 100
        if data.get("code_kind"):
            found["voucher"] = {
                data["code_kind"]: data["code_value"],
                "days": data.get("code_days") or USUAL_DAYS,
                "most": data.get("code_most") or USUAL_CODES,
                **({"least": data["code_least"]} if data.get("code_least") else {}),
                **({"range": data["code_range"]} if data.get("code_range") else {}),
            }
        return found


def voucher_initial(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a document."""
    voucher, share = document.get("voucher", {}), document.get("hold_back")
    kind = next((name for name in (PERCENT, AMOUNT) if name in voucher), NO_CODES)
    return {
        "hold_back_percent": None if share is None else round(share * 100, 6),
        "code_kind": kind,
        "code_value": voucher.get(kind),
        "code_least": voucher.get("least"),
        "code_range": voucher.get("range"),
        "code_days": voucher.get("days"),
        "code_most": voucher.get("most"),
    }
