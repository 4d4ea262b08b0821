"""The plain forms of synonyms and redirects, to their documents and back."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy

from personalization.merchandising.documents import DocumentError
from personalization.merchandising.schemas import MAX_ADDRESS_LENGTH, MAX_TERM_LENGTH, MAX_TERMS
from personalization.merchandising.search_rules import MAX_ALTERNATIVES
from personalization.oscar.dashboard.product_lines import known_products, write_lines
from personalization.oscar.dashboard.screens import LongSelect, PlainSelects
from personalization.shop import named_objects, search_targets

Document = dict[str, Any]
TWO_WAYS, ONE_WAY = "both", "one_way"
FIELD_PREFIX = "rule"
"""Of the names of all fields."""
MAX_TEXT = MAX_TERMS * (MAX_TERM_LENGTH + 2)


def read_terms(text: str) -> list[str]:
    """The words and phrases of a text, one a line. ValidationError, which quotes it, for one that is too long, and for
    too many."""
    lines = list(dict.fromkeys(" ".join(line.split()) for line in text.splitlines() if line.strip()))
    if too_long := [line for line in lines if len(line) > MAX_TERM_LENGTH]:
        words = pgettext("personalization", "“%(words)s…” is longer than %(most)d characters.")
        raise forms.ValidationError(words % {"words": too_long[0][:20], "most": MAX_TERM_LENGTH})
    if len(lines) > MAX_TERMS:
        words = pgettext("personalization", "%(found)d lines; at most %(most)d.")
        raise forms.ValidationError(words % {"found": len(lines), "most": MAX_TERMS})
    return lines


class SearchRuleForm(PlainSelects):
    """What both forms share."""

    def add_document_errors(self, errors: Iterable[DocumentError]) -> None:
        """Shows each error of a document at its field."""
        for error in errors:
            self.add_error(self.field_of_part(error.path.partition(".")[0]), error.message)

    def field_of_part(self, part: str) -> str | None:
        """The field that a part of the document comes from."""
        return part if part in self.fields else None

    def document(self) -> Document:
        """The document that the form makes. Call it when the form is valid."""
        raise NotImplementedError


class SynonymForm(SearchRuleForm):
    """Words that shoppers use for one thing."""

    do = forms.ChoiceField(
        label=pgettext_lazy("personalization", "They count"),
        required=False,
        choices=[
            (TWO_WAYS, _("both ways: a search for one finds all the others")),
            (ONE_WAY, _("one way: a search for the first finds the second, too")),
        ],
    )
    terms = forms.CharField(
        label=pgettext_lazy("personalization", "Words and phrases"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("One a line, as shoppers write them. Capitals and accents make no difference."),
    )
    finds = forms.CharField(
        label=pgettext_lazy("personalization", "A search for them also finds"),
        required=False,
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line. Only for “one way”."),
    )

    def clean_terms(self) -> list[str]:
        """One a line."""
        return read_terms(self.cleaned_data["terms"])

    def clean_finds(self) -> list[str]:
        """One a line."""
        return read_terms(self.cleaned_data["finds"])

    def clean(self) -> dict[str, Any]:
        """With what is missing at its field."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("do") == ONE_WAY and not data.get("finds") and "finds" not in self.errors:
            self.add_error("finds", pgettext("personalization", "Say which."))
        if data.get("do") != ONE_WAY and data.get("finds"):
            self.add_error("do", _("Choose “one way”, or leave the second field empty."))
        return data

    def document(self) -> Document:
        """The document that the form makes. Call it when the form is valid."""
        data = self.cleaned_data
        return {"terms": data["terms"], **({"finds": data["finds"]} if data["finds"] else {})}


def synonym_initial(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a document."""
    finds = document.get("finds", [])
    return {
        "do": ONE_WAY if finds else TWO_WAYS,
        "terms": "\n".join(document.get("terms", [])),
        "finds": "\n".join(finds),
    }


def _range_choices() -> list[tuple[Any, str]]:
    return [("", ""), *search_targets.page_choices("range")]


def _offer_choices() -> list[tuple[Any, str]]:
    return [("", ""), *search_targets.page_choices("offer")]


class RedirectForm(SearchRuleForm):
    """Searches that lead to a page instead of to results."""

    offered: ClassVar = {"category": "categories"}
    searches = forms.CharField(
        label=pgettext_lazy("personalization", "Searches"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line, as shoppers write them. Capitals and accents make no difference."),
    )
    match = forms.ChoiceField(
        label=pgettext_lazy("personalization", "The search"),
        choices=[
            ("is", pgettext_lazy("personalization", "is one of these lines")),
            ("all", pgettext_lazy("personalization", "has all words of one of these lines")),
            ("starts", pgettext_lazy("personalization", "begins with one of these lines")),
        ],
    )
    target = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Leads to"),
        choices=[
            ("category", pgettext_lazy("personalization", "a category")),
            ("product", pgettext_lazy("personalization", "a product")),
            ("range", pgettext_lazy("personalization", "a Range")),
            ("offer", pgettext_lazy("personalization", "an offer")),
            ("path", pgettext_lazy("personalization", "another address of this shop")),
        ],
    )
    category = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Category"),
        coerce=int,
        empty_value=None,
        required=False,
        widget=LongSelect,
    )
    product = forms.CharField(
        label=pgettext_lazy("personalization", "Product"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 1}),
        help_text=_("UPC or SKU. Or search by title."),
    )
    range = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Range"),
        coerce=int,
        empty_value=None,
        required=False,
        choices=lazy(_range_choices, list),
        help_text=_("Ranges that are public have a page."),
    )
    offer = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Offer"),
        coerce=int,
        empty_value=None,
        required=False,
        choices=lazy(_offer_choices, list),
        help_text=_("Offers that are open now have a page."),
    )
    path = forms.CharField(
        label=pgettext_lazy("personalization", "Address"),
        required=False,
        max_length=MAX_ADDRESS_LENGTH,
        help_text=_("Begins with a slash, as in /returns/ or /search/?q=tea. Never one of another shop."),
    )

    def clean_searches(self) -> list[str]:
        """One a line."""
        return read_terms(self.cleaned_data["searches"])

    def clean_product(self) -> int | None:
        """The key of the one product."""
        keys = list(known_products(self.cleaned_data["product"]))
        if len(keys) > 1:
            raise forms.ValidationError(pgettext("personalization", "Expected one product."))
        return keys[0] if keys else None

    def clean(self) -> dict[str, Any]:
        """With what is missing at its field."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        chosen = data.get("target")
        if chosen and not data.get(chosen) and chosen not in self.errors:
            self.add_error(chosen, pgettext("personalization", "Say which."))
        return data

    def field_of_part(self, part: str) -> str | None:
        """The field that a part of the document comes from: of the page, the one that names it."""
        return str(self.cleaned_data["target"]) if part == "to" else "searches"

    def document(self) -> Document:
        """The document that the form makes. Call it when the form is valid."""
        data = self.cleaned_data
        searches = [{"text": text, "match": data["match"]} for text in data["searches"]]
        return {"words": searches, "to": {data["target"]: data[data["target"]]}}


def redirect_initial(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a document."""
    searches: list[Mapping[str, str]] = document.get("words", [])
    shown: dict[str, Any] = {
        "searches": "\n".join(one["text"] for one in searches),
        "match": searches[0]["match"] if searches else "is",
    }
    for kind, key in document.get("to", {}).items():
        shown |= {"target": kind, kind: key}
    if key := shown.get("product"):
        shown["product"] = write_lines([key], named_objects.names_of([("product", str(key))]))
    return shown


def alternatives_note() -> str:
    """How many of a group's words one search looks for, in words."""
    return pgettext("personalization", "A search looks for at most %(most)d of the others, the first ones first.") % {
        "most": MAX_ALTERNATIVES
    }
