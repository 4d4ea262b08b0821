"""The page with a row as it is being written, in a frame beside the form."""

from functools import partial
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_POST

from personalization.merchandising import documents
from personalization.merchandising.row_keys import OWN_PREFIX, row_key
from personalization.models import AuditAction, AuditEntry
from personalization.oscar.dashboard.row_forms import RowForm
from personalization.oscar.dashboard.row_list import get_surface, row_types_of
from personalization.oscar.dashboard.screens import PlainSelects, show
from personalization.oscar.dashboard.shop_choices import Choices, ShopChoices
from personalization.oscar.previews import PARAMETER, Preview
from personalization.shop import example_pages

MAX_ADDRESS = 3500
"""Servers refuse longer addresses: what is written beyond it is seen once it is saved."""
NEW_CODE = OWN_PREFIX + "preview"
"""The code of a row that has none yet."""


def _visitor_choices(choices: ShopChoices) -> Choices:
    return [("", pgettext("personalization", "a stranger")), *choices.live_segments]


class ViewForm(PlainSelects):
    """As whom the page in the frame is shown. Its fields stand outside of the row's form, and belong to it."""

    as_segment = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "As"),
        coerce=int,
        empty_value=None,
        required=False,
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

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        as_segment: Any = self.fields["as_segment"]
        as_segment.choices = partial(_visitor_choices, self.shop_choices)
        for field in self.fields.values():
            field.widget.attrs["form"] = "row"


def preview_context(surface: str, choices: ShopChoices) -> dict[str, Any]:
    """What the editor needs to offer a preview. `choices`: those of its other forms."""
    return {"view_form": ViewForm(prefix="view", choices=choices), "has_preview": bool(page_address(surface))}


@require_POST
def show_row_preview(request: HttpRequest, surface: str = "", code: str = NEW_CODE) -> HttpResponse:
    """The frame for the form as it is: a part of the page, asked for when typing stops."""
    requested = get_surface(surface or request.POST.get("surface", ""))
    row_type = row_types_of(requested).get(code)
    form, view = RowForm(request.POST, row_type=row_type, document={}), ViewForm(request.POST, prefix="view")
    address, page = "", page_address(requested.name)
    is_valid = form.is_valid() and view.is_valid()
    document = form.document() if is_valid else {}
    if is_valid and page and not documents.document_errors("row", document):
        segment = view.cleaned_data["as_segment"]
        preview = Preview(
            staff=str(request.user.pk),
            segments=(segment,) if segment else (),
            device=view.cleaned_data["device"] or "computer",
            row=(row_key(requested.name, code), document),
        )
        address = f"{page}{'&' if '?' in page else '?'}{urlencode({PARAMETER: preview.sign()})}"
        note = f"rows/{requested.name}/{code}"[:100]
        AuditEntry.objects.record_once(request.user, AuditAction.PREVIEW, note=note)
    context = {
        "address": address if len(address) < MAX_ADDRESS else "",
        "is_too_long": len(address) >= MAX_ADDRESS,
        "is_phone": is_valid and view.cleaned_data["device"] == "phone",
        "anchor": f"personalization-{requested.name}-{code}",
    }
    return show(request, "row_frame", context)


def page_address(surface: str) -> str:
    """A page of the shop that shows this surface and can be previewed; "" for none."""
    try:
        if surface == "home":
            return reverse("personalization:home")
        if surface == "product":
            return example_pages.newest_product_address()
        if surface == "category":
            return example_pages.first_category_address()
        if surface == "zero_results":
            return f"{reverse('search:search')}?{urlencode({'q': 'qqzzxx'})}"
    except NoReverseMatch:
        pass
    return ""
