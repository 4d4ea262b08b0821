"""The forms of what a campaign does, to its actions and back."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from personalization.merchandising import campaign_words, documents
from personalization.merchandising.schemas import MAX_ACTIONS, MAX_PLACES
from personalization.oscar.dashboard.product_lines import known_products, write_lines
from personalization.oscar.dashboard.screens import LongSelect, PlainSelects
from personalization.shop import named_objects

Choices = list[tuple[Any, str]]


def _action_choices() -> Choices:
    return [("", "\N{EN DASH}"), *campaign_words.action_labels().items()]


class ActionForm(PlainSelects):
    """One thing that a campaign does."""

    offered: ClassVar = {
        "range": "ranges",
        "category": "categories",
        "product_class": "product_classes",
        "partner": "partners",
        "attribute": "attributes",
    }
    do = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Do"), required=False, choices=lazy(_action_choices, list)
    )
    target = forms.ChoiceField(
        label=pgettext_lazy("personalization", "With"),
        choices=[
            ("products", pgettext_lazy("personalization", "these products")),
            ("range", pgettext_lazy("personalization", "a Range")),
            ("category", pgettext_lazy("personalization", "a category and all below")),
            ("class", pgettext_lazy("personalization", "a product type")),
            ("attribute", pgettext_lazy("personalization", "an attribute")),
            ("partner", pgettext_lazy("personalization", "a partner")),
            ("on_offer", pgettext_lazy("personalization", "what is on offer")),
            ("price", pgettext_lazy("personalization", "a price from … to …")),
            ("stock", pgettext_lazy("personalization", "a stock from … to …")),
            ("newer", pgettext_lazy("personalization", "what is newer than … days")),
            ("rating", pgettext_lazy("personalization", "what is rated … stars or better")),
            ("like_category", pgettext_lazy("personalization", "the category of the product in view")),
            ("like_class", pgettext_lazy("personalization", "the product type in view")),
            ("like_price", pgettext_lazy("personalization", "… to … percent of the price in view")),
        ],
        required=False,
    )
    products = forms.CharField(
        label=pgettext_lazy("personalization", "Products"),
        required=False,
        max_length=40_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=pgettext_lazy(
            "personalization", "One UPC or SKU a line; for pins also “UPC;place”. Or search by title."
        ),
    )
    range = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Range"),
        coerce=int,
        empty_value=None,
        required=False,
    )
    category = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Category"),
        coerce=int,
        empty_value=None,
        required=False,
        widget=LongSelect,
    )
    product_class = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Product type"),
        coerce=int,
        empty_value=None,
        required=False,
    )
    partner = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Partner"),
        coerce=int,
        empty_value=None,
        required=False,
    )
    attribute = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Attribute"),
        required=False,
    )
    comparison = forms.ChoiceField(
        label=pgettext_lazy("personalization", "is"),
        required=False,
        choices=[
            ("is", pgettext_lazy("personalization", "is")),
            ("at_least", pgettext_lazy("personalization", "is at least")),
            ("at_most", pgettext_lazy("personalization", "is at most")),
        ],
    )
    value = forms.CharField(label=pgettext_lazy("personalization", "Value"), required=False, max_length=255)
    low = forms.FloatField(label=pgettext_lazy("personalization", "from"), required=False, min_value=0, max_value=1e9)
    high = forms.FloatField(label=pgettext_lazy("personalization", "to"), required=False, min_value=0, max_value=1e9)
    place = forms.IntegerField(
        label=pgettext_lazy("personalization", "at place"), required=False, min_value=1, max_value=MAX_PLACES
    )
    last_place = forms.IntegerField(
        label=pgettext_lazy("personalization", "up to place"), required=False, min_value=1, max_value=MAX_PLACES
    )
    strength = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "How much"),
        coerce=int,
        empty_value=None,
        required=False,
        choices=[
            (1, pgettext_lazy("personalization", "a little")),
            (2, pgettext_lazy("personalization", "clearly")),
            (3, pgettext_lazy("personalization", "to the top or end")),
        ],
    )
    soft = forms.BooleanField(label=pgettext_lazy("personalization", "here or better"), required=False)
    sold_out = forms.BooleanField(label=pgettext_lazy("personalization", "even when sold out"), required=False)
    sponsored = forms.BooleanField(label=pgettext_lazy("personalization", "sponsored"), required=False)
    narrows = forms.BooleanField(
        label=pgettext_lazy("personalization", "narrows the line above instead of acting itself"), required=False
    )

    def clean_products(self) -> dict[int, int]:
        """{product: its place, 0 for none}, in the order of the lines."""
        return known_products(self.cleaned_data["products"])

    def clean(self) -> dict[str, Any]:
        """With what is missing at its field."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not (data.get("do") or data.get("narrows")):
            return data
        needed = {"class": "product_class", "newer": "low", "rating": "low"}.get(data["target"], data["target"])
        if needed in self.fields and not data.get(needed) and needed not in self.errors:
            self.add_error(needed, pgettext("personalization", "Say which."))
        if data["target"] in ("price", "stock", "like_price"):
            self._clean_limits(data)
        if data["target"] == "attribute" and not data.get("value"):
            self.add_error("value", pgettext("personalization", "Say which."))
        if data["do"] == "pin":
            if data["target"] != "products":
                self.add_error("target", _("A pin needs products."))
            elif not data.get("place") and not any((data.get("products") or {}).values()):
                self.add_error("place", _("A pin needs a place."))
        if data["do"] == "slot" and not (data.get("place") and data.get("last_place")):
            self.add_error("place", _("Expected the first and the last place, at most ten places."))
        return data

    def _clean_limits(self, data: dict[str, Any]) -> None:
        low, high = data.get("low"), data.get("high")
        if low is None and high is None:
            self.add_error("low", pgettext("personalization", "Say which."))
        elif low is not None and high is not None and high < low:
            self.add_error("high", pgettext("personalization", "From must be below To."))

    def target_document(self) -> dict[str, Any]:
        """The target that the form names."""
        data = self.cleaned_data
        kind, low, high = data["target"], data["low"], data["high"]
        if kind in ("range", "category", "partner"):
            return {kind: data[kind]} | ({"below": True} if kind == "category" else {})
        if kind == "attribute":
            return {"attribute": data["attribute"], "op": data["comparison"] or "is", "value": data["value"]}
        if kind == "like_price":
            return {"like_viewed": "price", "like_price": [low or 0, high if high is not None else 10_000]}
        return {
            "products": lambda: {"products": list(data["products"])},
            "class": lambda: {"class": data["product_class"]},
            "on_offer": lambda: {"on_offer": True},
            "price": lambda: {"price": [low, high]},
            "stock": lambda: {"stock": [low, high]},
            "newer": lambda: {"newer": int(low)},
            "rating": lambda: {"rating": low},
            "like_category": lambda: {"like_viewed": "category"},
            "like_class": lambda: {"like_viewed": "class"},
        }[kind]()

    def actions(self) -> list[dict[str, Any]]:
        """The actions that the form stands for: one, or one for each line of a pin that names its place."""
        data = self.cleaned_data
        if data["do"] == "pin":
            return [self._pin(keys, place) for keys, place in self._pinned()]
        action: dict[str, Any] = {"do": data["do"], "target": self.target_document()}
        if data["do"] == "slot":
            action["place"] = [data["place"], data["last_place"]]
        if data["do"] in ("boost", "bury"):
            action["strength"] = data["strength"] or 2
        return [action]

    def _pin(self, product_ids: list[int], place: int) -> dict[str, Any]:
        flags = {name: True for name in ("soft", "sold_out", "sponsored") if self.cleaned_data[name]}
        return {"do": "pin", "target": {"products": product_ids}, "place": place} | flags

    def _pinned(self) -> list[tuple[list[int], int]]:
        named = {key: place for key, place in self.cleaned_data["products"].items() if place}
        others = [key for key in self.cleaned_data["products"] if key not in named]
        found = [([key], min(place, MAX_PLACES)) for key, place in named.items()]
        return found + ([(others, self.cleaned_data["place"] or 1)] if others else [])


class BaseActionFormSet(forms.BaseFormSet):
    """All that a campaign does."""

    def clean(self) -> None:
        """At least one action."""
        if not any(self.errors) and not self.actions():
            raise forms.ValidationError(pgettext("personalization", "Say what the campaign does."))

    @property
    def sorted_forms(self) -> list[Any]:
        """The lines in the order that their numbers say; those without one last."""
        numbers = [getattr(form, "cleaned_data", {}).get("ORDER") for form in self.forms]
        ranked = sorted(enumerate(self.forms), key=lambda one: (numbers[one[0]] is None, numbers[one[0]] or 0))
        return [form for _index, form in ranked]

    def add_fields(self, form: Any, index: int | None) -> None:
        """With the number by which a line is moved."""
        super().add_fields(form, index)
        form.fields["ORDER"].label = pgettext("personalization", "Place among the lines")

    def actions(self) -> list[dict[str, Any]]:
        """The actions of all lines; a line that narrows the one above becomes a part of its target."""
        found: list[dict[str, Any]] = []
        for form in self.sorted_forms:
            data = getattr(form, "cleaned_data", {})
            if data.get("DELETE") or not (data.get("do") or data.get("narrows")):
                continue
            if data["narrows"] and found:
                target = found[-1]["target"]
                parts = target.get("all", [target])
                found[-1]["target"] = {"all": [*parts, form.target_document()]}
            elif data["do"]:
                found += form.actions()
        return found


ActionFormSet = forms.formset_factory(
    ActionForm,
    formset=BaseActionFormSet,
    extra=1,
    can_delete=True,
    can_order=True,
    max_num=MAX_ACTIONS,
    absolute_max=MAX_ACTIONS + 1,
)


def action_initials(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What the lines of the formset show of a document's actions."""
    actions = document.get("what", [])
    named = documents.references("campaign", document)
    titles = named_objects.names_of(pair for pair in named if pair[0] == "product")
    found: list[dict[str, Any]] = []
    for action in actions:
        place = action.get("place")
        first, last = place if isinstance(place, list) else (place, None)
        targets = action["target"].get("all", [action["target"]])
        shown = {key: action.get(key, False) for key in ("soft", "sold_out", "sponsored")}
        shown |= {"do": action["do"], "place": first, "last_place": last, "strength": action.get("strength", 2)}
        found.append(shown | _target_initial(targets[0], titles))
        found += [{"narrows": True} | _target_initial(target, titles) for target in targets[1:]]
    return found


def _target_initial(target: Mapping[str, Any], titles: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    kind = documents.target_kind(target)
    if kind == "like_viewed":
        low, high = target.get("like_price", (None, None))
        return {"target": f"like_{target['like_viewed']}", "low": low, "high": high}
    shown: dict[str, Any] = {"target": kind}
    if kind == "products":
        shown["products"] = write_lines(target["products"], titles)
    elif kind in ("price", "stock"):
        shown["low"], shown["high"] = target[kind]
    elif kind in ("newer", "rating"):
        shown["low"] = target[kind]
    elif kind == "attribute":
        shown |= {"attribute": target["attribute"], "comparison": target["op"], "value": target["value"]}
    elif kind == "class":
        shown["product_class"] = target["class"]
    elif kind != "on_offer":
        shown[kind] = target[kind]
    return shown
