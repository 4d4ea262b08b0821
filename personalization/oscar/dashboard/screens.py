"""What all screens share: what they may offer to whom, and how a refusal is said."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.forms.utils import flatatt
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from personalization.merchandising.publishing import NotPossibleError
from personalization.models import Definition, Version
from personalization.oscar.dashboard import access
from personalization.oscar.dashboard.shop_choices import ShopChoices

TEMPLATES = "personalization/dashboard"
CODENAMES = (
    "change_rows",
    "change_segments",
    "change_campaigns",
    "publish_campaigns",
    "preview_as",
    "view_customer",
    "export_customer",
    "erase_customer",
    "run_experiments",
    "run_jobs",
    "view_audit",
    "change_messages",
    "send_messages",
    "change_serverkey",
    "change_sensitivecategory",
)
"""The permissions by which screens offer buttons."""


def show(
    request: HttpRequest, screen: str, context: dict[str, Any], *, tab: str = "", status: int = 200
) -> HttpResponse:
    """The screen as a page, which no cache keeps.

    Parameters: `screen`, the name of its template; `tab`, which of the tabs is open.
    """
    shared = {"can": access.granted(request.user, CODENAMES), "tab": tab, "is_part": is_part(request)}
    response = render(request, f"{TEMPLATES}/{screen}.html", {**shared, **context}, status=status)
    patch_cache_control(response, no_store=True, private=True)
    return response


def is_part(request: HttpRequest) -> bool:
    """Whether a script asks for a part of the page, not a person for the whole."""
    return request.headers.get("HX-Request") == "true"


def posted_number(request: HttpRequest, name: str) -> int:
    """The number that was posted, or stands in the address; 0 for none."""
    text = request.POST.get(name) or request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def chosen_version(request: HttpRequest, definition: Definition) -> Version | None:
    """The version of the number that is asked for, or the draft."""
    number = posted_number(request, "number")
    return definition.versions.filter(number=number).first() if number else definition.draft


def say_refusal(request: HttpRequest, error: NotPossibleError) -> None:
    """Tells the person at the top of the next page why it was not done."""
    messages.error(request, str(error))


class PlainSelects(forms.Form):
    """Lists of which one is chosen stay the browser's own: they need no script, and are good on a phone."""

    offered: ClassVar[Mapping[str, str]] = {}
    """By field, which of `ShopChoices` it offers. Where one may be chosen, none may be, too."""

    def __init__(self, *arguments: Any, choices: ShopChoices | None = None, **options: Any) -> None:
        """`choices`: those that the forms of a screen share; None for its own."""
        super().__init__(*arguments, **options)
        self.shop_choices = choices or ShopChoices()
        for name, offered in self.offered.items():
            field: Any = self.fields[name]
            with_none = not field.widget.allow_multiple_selected
            field.choices = partial(_offered_choices, self.shop_choices, offered, with_none)
        for field in self.fields.values():
            if isinstance(field.widget, forms.Select) and not field.widget.allow_multiple_selected:
                field.widget.attrs["class"] = "no-widget-init"  # which Oscar's script leaves alone


def _offered_choices(choices: ShopChoices, offered: str, with_none: bool) -> list[tuple[Any, str]]:
    none = [("", "\N{EN DASH}")] if with_none else []
    return [*none, *getattr(choices, offered)]


class LongSelect(forms.Select):
    """A list of hundreds: for each option Django renders a template, which takes a tenth of a second for them all."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The list, with its options written in one go."""
        chosen = set(self.format_value(value))
        options = ((key, flatatt({"selected": str(key) in chosen}), label) for key, label in self.choices)
        attributes = self.build_attrs({**self.attrs, "name": name, "multiple": self.allow_multiple_selected}, attrs)
        written = format_html_join("", '<option value="{}"{}>{}</option>', options)
        return format_html("<select{}>{}</select>", flatatt(attributes), written)


class LongSelectMultiple(LongSelect, forms.SelectMultiple):
    """A list of hundreds of which several are chosen."""
