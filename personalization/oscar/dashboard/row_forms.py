"""The form of a row's settings, to its document and back."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from personalization.decide.slate import RowType
from personalization.merchandising import documents
from personalization.merchandising.compile_rows import COUNTED
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard.audience_forms import AudienceForm, audience_initial
from personalization.oscar.dashboard.row_words import fallback_choices, title_placeholders
from personalization.shop import named_objects, product_targets

MAX_TITLE = 80
MOST = 20
FALLBACKS = (1, 2, 3)
DEFAULT_BOUGHT_DAYS = 30
"""What a customer bought within so many days a new row of the shop's own leaves out, unless somebody says otherwise."""
SOURCES = [
    ("range", pgettext_lazy("personalization", "a Range")),
    ("newest", pgettext_lazy("personalization", "the newest products")),
    ("on_offer", pgettext_lazy("personalization", "what is on offer")),
]


class RowForm(AudienceForm):
    """How a row behaves. Its title has a field for each language of the shop.

    Parameters
    ----------
    row_type
        the built-in row type; None for a row of the shop's own, which has a name and a source.
    document
        what is edited: what the form has no field for stays as it is.
    """

    shown = forms.BooleanField(
        label=pgettext_lazy("personalization", "The page shows this row"), required=False, initial=True
    )
    most = forms.IntegerField(
        label=pgettext_lazy("personalization", "How many"), required=False, min_value=1, max_value=MOST
    )
    fewest = forms.IntegerField(
        label=pgettext_lazy("personalization", "Fewest"),
        required=False,
        min_value=1,
        max_value=MOST,
        help_text=pgettext_lazy("personalization", "With fewer products the row is not shown."),
    )
    bought_days = forms.IntegerField(
        label=pgettext_lazy("personalization", "Bought within so many days"), required=False, min_value=0, max_value=365
    )
    below_price = forms.FloatField(
        label=pgettext_lazy("personalization", "Below the price"), required=False, min_value=0, max_value=1e9
    )
    above_price = forms.FloatField(
        label=pgettext_lazy("personalization", "Above the price"), required=False, min_value=0, max_value=1e9
    )
    not_on_offer = forms.BooleanField(label=pgettext_lazy("personalization", "What is not on offer"), required=False)
    margin = forms.IntegerField(
        label=pgettext_lazy("personalization", "Margin (percent)"), required=False, min_value=0, max_value=100
    )
    stock = forms.IntegerField(
        label=pgettext_lazy("personalization", "Stock (percent)"), required=False, min_value=0, max_value=100
    )
    newness = forms.IntegerField(
        label=pgettext_lazy("personalization", "Newness (percent)"), required=False, min_value=0, max_value=100
    )
    fixed = forms.BooleanField(
        label=pgettext_lazy("personalization", "Keeps its place, whatever suits the visitor"), required=False
    )

    def __init__(self, *arguments: Any, row_type: RowType | None, document: Mapping[str, Any], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.row_type, self._document = row_type, document
        self.placeholders = title_placeholders(row_type)
        for language, label in settings.LANGUAGES:
            self.fields[f"title_{language}"] = forms.CharField(label=label, required=False, max_length=MAX_TITLE)
        choices = [("", "\N{EN DASH}"), *fallback_choices()]
        for number in FALLBACKS:
            self.fields[f"fallback_{number}"] = forms.ChoiceField(
                label=pgettext("personalization", "%(number)d.") % {"number": number}, required=False, choices=choices
            )
            self.fields[f"fallback_{number}"].widget.attrs["class"] = "no-widget-init"
        if row_type is None:
            self._add_own_fields()

    def _add_own_fields(self) -> None:
        self.fields["name"] = forms.CharField(
            label=pgettext("personalization", "Name"),
            max_length=MAX_NAME,
            help_text=pgettext("personalization", "For the dashboard; shoppers see the title."),
        )
        self.fields["source"] = forms.ChoiceField(label=pgettext("personalization", "Its products"), choices=SOURCES)
        ranges = [("", "\N{EN DASH}"), *named_objects.named_choices("range")]
        self.fields["range"] = forms.TypedChoiceField(
            label=pgettext("personalization", "Range"), coerce=int, empty_value=None, required=False, choices=ranges
        )
        for name in ("source", "range"):
            self.fields[name].widget.attrs["class"] = "no-widget-init"

    @property
    def title_fields(self) -> list[forms.BoundField]:
        """The fields of the title, one for each language."""
        return [self[f"title_{language}"] for language, _label in settings.LANGUAGES]

    @property
    def fallback_fields(self) -> list[forms.BoundField]:
        """The fields of what is shown instead."""
        return [self[f"fallback_{number}"] for number in FALLBACKS]

    def clean(self) -> dict[str, Any]:
        """With what is wrong between two fields at the field where it is mended."""
        data = super().clean()
        self._check_titles(data)
        most, fewest = data.get("most"), data.get("fewest")
        if most and fewest and fewest > most:
            words = _("'Fewest' (%(fewest)d) is more than 'How many' (%(most)d).")
            self.add_error("fewest", words % {"fewest": fewest, "most": most})
        low, high = data.get("below_price"), data.get("above_price")
        if low is not None and high is not None and high < low:
            self.add_error("above_price", pgettext("personalization", "From must be below To."))
        if sum(data.get(name) or 0 for name in COUNTED) > 100:
            self.add_error("newness", _("Margin, stock and newness are more than 100 percent together."))
        if self.row_type is None:
            self._check_source(data)
        return data

    def _check_titles(self, data: Mapping[str, Any]) -> None:
        """In no language, or in each; of the shop's own row in each. Only with placeholders that the row has."""
        titles = {language: data.get(f"title_{language}", "") for language, _label in settings.LANGUAGES}
        missing = [language for language, text in titles.items() if not text]
        if missing and (self.row_type is None or any(titles.values())):
            labels = [str(label) for language, label in settings.LANGUAGES if language in missing]
            words = _("A title is needed in every language of the shop (missing: %(languages)s).")
            self.add_error(f"title_{missing[0]}", words % {"languages": ", ".join(labels)})
        for language, text in titles.items():
            unknown = sorted(set(documents.PLACEHOLDER.findall(text)) - set(self.placeholders))
            if unknown:
                words = _("This row has no such placeholder: %(names)s")
                self.add_error(f"title_{language}", words % {"names": ", ".join(f"{{{name}}}" for name in unknown)})

    def _check_source(self, data: Mapping[str, Any]) -> None:
        if data.get("source") != "range" or "range" in self.errors:
            return
        if data.get("range") is None:
            self.add_error("range", _("Choose a Range."))
            return
        products = product_targets.products_of_range(data["range"])
        if products is None or not product_targets.public_parents(products[:1000].tolist()):
            self.add_error("range", _("This Range has no public product."))

    def document(self) -> dict[str, Any]:
        """The document that the form makes. Call it when the form is valid."""
        data = self.cleaned_data
        found: dict[str, Any] = {} if data["shown"] else {"shown": False}
        offered = {language.lower() for language, _label in settings.LANGUAGES}
        others = {
            language: text
            for language, text in self._document.get("titles", {}).items()
            if language.lower() not in offered
        }
        titles = {
            language: data[f"title_{language}"] for language, _label in settings.LANGUAGES if data[f"title_{language}"]
        }
        if titles:
            found["titles"] = others | titles
        if self.row_type is None:
            found["source"] = {"range": data["range"]} if data["source"] == "range" else {data["source"]: True}
        found.update({name: data[name] for name in ("most", "fewest") if data[name]})
        leave_out = {name: data[name] for name in ("below_price", "above_price") if data[name] is not None}
        leave_out.update({name: data[name] for name in ("bought_days", "not_on_offer") if data[name]})
        found.update({"leave_out": leave_out} if leave_out else {})
        found.update({"who": who} if (who := self.audience()) != {"people": "all"} else {})
        found.update({"when": when} if (when := self.schedule()).keys() != {"zone"} else {})
        fallback = [data[f"fallback_{number}"] for number in FALLBACKS if data[f"fallback_{number}"]]
        found.update({"fallback": list(dict.fromkeys(fallback))} if fallback else {})
        weights = {name: data[name] or 0 for name in COUNTED}
        if any(weights.values()):
            found["weights"] = {"relevance": 100 - sum(weights.values()), **weights}
        return found | ({"fixed": True} if data["fixed"] else {})


def row_initial(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a document."""
    leave_out, weights, source = (document.get(key, {}) for key in ("leave_out", "weights", "source"))
    titles = {language.lower(): text for language, text in document.get("titles", {}).items()}
    fallback = document.get("fallback", [])
    return {
        **audience_initial(document),
        **{f"title_{language}": titles.get(language.lower(), "") for language, _label in settings.LANGUAGES},
        **{f"fallback_{number}": code for number, code in zip(FALLBACKS, fallback, strict=False)},
        "name": name,
        "shown": document.get("shown", True),
        "source": next(iter(source), "range"),
        "range": source.get("range"),
        "most": document.get("most"),
        "fewest": document.get("fewest"),
        "bought_days": leave_out.get("bought_days"),
        "below_price": leave_out.get("below_price"),
        "above_price": leave_out.get("above_price"),
        "not_on_offer": leave_out.get("not_on_offer", False),
        **{name: weights.get(name) or None for name in COUNTED},
        "fixed": document.get("fixed", False),
    }
