"""One condition of a segment as a line of a form: it shows only the inputs that fit its field."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import pgettext, pgettext_lazy

from personalization.merchandising import segment_values, segment_words
from personalization.merchandising.segment_catalogue import all_fields
from personalization.merchandising.segment_fields import (
    DateField,
    Field,
    NumberField,
    ShareField,
    StaffField,
    TierField,
)
from personalization.merchandising.segment_values import MAX_DAYS, MAX_EVENT_DAYS, MAX_NEW_DAYS
from personalization.merchandising.segment_visit_fields import (
    BasketItemsField,
    SearchedField,
    VisitorTypeField,
    VisitsField,
)
from personalization.merchandising.segments import IN_SEGMENT, IN_SEGMENT_OPERATORS, MAX_CONDITIONS
from personalization.oscar.dashboard.product_lines import known_products, write_lines
from personalization.oscar.dashboard.screens import PlainSelects

Choices = list[tuple[Any, str]]
ChoicesOf = Callable[[str], Choices]
"""(kind) -> what can be named of it; "segment" for other segments."""
FEW_CODES = {
    "device": ("phone", "tablet", "computer"),
    "channel": ("search", "social", "email", "ads", "link", "direct"),
}
INPUT_OF = {
    "times": "times",
    "days": "days",
    "percent": "percent",
    "number": "number",
    "texts": "texts",
    "key": "keys",
    "keys": "keys",
}
"""The input that shows a part of a value."""
DATES_WITH_DAYS = "within more_than in_next"


def operator_labels() -> dict[str, str]:
    """What each operator is called."""
    return {
        "at_least": pgettext("personalization: operator", "at least"),
        "at_most": pgettext("personalization: operator", "at most"),
        "between": pgettext("personalization: operator", "from … to …"),
        "is": pgettext("personalization: operator", "is"),
        "is_not": pgettext("personalization: operator", "is not"),
        "one_of": pgettext("personalization: operator", "one of"),
        "none_of": pgettext("personalization: operator", "none of"),
        "within": pgettext("personalization: operator", "within the last … days"),
        "more_than": pgettext("personalization: operator", "more than … days ago"),
        "in_next": pgettext("personalization: operator", "in the next … days"),
        "known": pgettext("personalization: operator", "is known"),
        "unknown": pgettext("personalization: operator", "is not known"),
    }


def _field_choices() -> list[Any]:
    counted = [(code, str(field.label)) for code, field in all_fields().items() if field.countable]
    shopping = [(code, str(field.label)) for code, field in all_fields().items() if not field.countable]
    return [
        ("", pgettext("personalization", "Choose …")),
        (pgettext("personalization", "Known of every customer"), counted),
        (pgettext("personalization", "Known while they shop"), shopping),
        (
            pgettext("personalization", "Segments"),
            [(IN_SEGMENT, pgettext("personalization", "Another segment"))],
        ),
    ]


class _Keys(forms.TypedMultipleChoiceField):
    """Things by their keys. Which of them may be named is for the document's own rules to say."""

    def valid_value(self, value: Any) -> bool:
        """Whether it is a key at all."""
        text = str(value)
        return text.isascii() and text.isdecimal() and len(text) < 20


class _Key(forms.TypedChoiceField):
    """One thing by its key."""

    def valid_value(self, value: Any) -> bool:
        """Whether it is a key at all."""
        text = str(value)
        return text.isascii() and text.isdecimal() and len(text) < 20


def _number(label: Any, high: int | None = None) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, max_value=high, widget=forms.NumberInput(attrs={"min": 0}))


class ConditionForm(PlainSelects):
    """One condition. Its inputs are those of the field that is chosen in it."""

    field = forms.ChoiceField(label=pgettext_lazy("personalization", "Field"), required=False)

    def __init__(self, *arguments: Any, choices_of: ChoicesOf = lambda kind: [], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["field"].choices = _field_choices()  # type: ignore[attr-defined]
        code = (self.data.get(self.add_prefix("field")) if self.is_bound else self.initial.get("field")) or ""
        self.known: Field | None = all_fields().get(code)
        self.code = code if self.known or code == IN_SEGMENT else ""
        if self.code:
            operators = self.known.operators if self.known else IN_SEGMENT_OPERATORS
            labels = operator_labels()
            self.fields["do"] = forms.ChoiceField(
                label=pgettext("personalization", "Comparison"),
                choices=[(each, labels[each]) for each in operators],
                required=False,
            )
            self._add_inputs(choices_of)
        for each in self.fields.values():
            if isinstance(each.widget, forms.Select) and not each.widget.allow_multiple_selected:
                each.widget.attrs["class"] = "no-widget-init"

    def _add_inputs(self, choices_of: ChoicesOf) -> None:
        """Adds the inputs of the field."""
        known = self.known
        if known is None or isinstance(known, ShareField):
            self._add_key(choices_of("segment" if known is None else known.kind))
        if isinstance(known, ShareField):
            self.fields["percent"] = _number(pgettext("personalization", "at least so many percent"))
        elif isinstance(known, DateField):
            self._add("days", pgettext("personalization", "Days"), shown_for=DATES_WITH_DAYS)
        elif isinstance(known, NumberField | BasketItemsField):
            self._add_numbers(known)
        elif isinstance(known, StaffField | VisitorTypeField):
            self._add_choice(known)
        elif isinstance(known, VisitsField):
            self.fields["number"] = _number(pgettext("personalization", "Visits"))
            self._add("days", pgettext("personalization", "within so many days"))
        elif isinstance(known, SearchedField):
            self._add_lines(
                "texts", pgettext("personalization", "Searches"), pgettext("personalization", "One a line.")
            )
            self._add("days", pgettext("personalization", "within so many days (empty: ever)"))
        elif known is not None and known.kind:
            self._add_things(known, choices_of)
        elif known is not None:
            self._add_codes(known)

    def _add(self, name: str, label: str, shown_for: str = "") -> None:
        self.fields[name] = _number(label)
        if shown_for:
            self.fields[name].shown_for = shown_for  # type: ignore[attr-defined]

    def _add_key(self, offered: Choices) -> None:
        chosen = self.initial.get("keys")
        if chosen and str(chosen) not in {str(key) for key, _ in offered}:
            offered = [*offered, (chosen, f"#{chosen}")]
        none: Choices = [("", pgettext("personalization", "Choose …"))]
        self.fields["keys"] = _Key(
            label=pgettext("personalization", "Which"), coerce=int, empty_value=None, required=False,
            choices=none + offered,
        )  # fmt: skip

    def _add_numbers(self, known: Field) -> None:
        is_tier = isinstance(known, TierField)
        number = forms.DecimalField if known.form is segment_values.MONEY else forms.IntegerField
        for name, label, shown_for in (
            ("low", pgettext("personalization", "Number, or from"), "at_least at_most is between"),
            ("high", pgettext("personalization", "to"), "between"),
        ):
            self.fields[name] = number(label=label, required=False)
            self.fields[name].shown_for = shown_for  # type: ignore[attr-defined]
        if is_tier:
            highest = {"value_tier": 10, "expected_tier": 3}.get(known.code, 5)
            self.fields["tiers"] = forms.TypedMultipleChoiceField(
                label=pgettext("personalization", "These"), coerce=int, required=False,
                widget=forms.CheckboxSelectMultiple, choices=[(n, str(n)) for n in range(1, highest + 1)],
            )  # fmt: skip
            self.fields["tiers"].shown_for = "one_of"  # type: ignore[attr-defined]

    def _add_choice(self, known: Field) -> None:
        offered: Choices = (
            [("yes", pgettext("personalization", "yes")), ("no", pgettext("personalization", "no"))]
            if isinstance(known, StaffField)
            else [
                ("new", pgettext("personalization", "here for the first time")),
                ("returning", pgettext("personalization", "was here before, bought nothing")),
                ("customer", pgettext("personalization", "bought before")),
            ]
        )
        self.fields["choice"] = forms.ChoiceField(
            label=pgettext("personalization", "Which"), required=False, choices=offered
        )

    def _add_lines(self, name: str, label: str, hint: str) -> None:
        area = forms.Textarea(attrs={"rows": 2})
        self.fields[name] = forms.CharField(label=label, required=False, max_length=40_000, widget=area, help_text=hint)

    def _add_things(self, known: Field, choices_of: ChoicesOf) -> None:
        if known.kind == "product":
            hint = pgettext("personalization", "One UPC or SKU a line. Or search by title.")
            self._add_lines("products", pgettext("personalization", "Products"), hint)
        else:
            offered = choices_of(known.kind)
            there = {str(key) for key, _ in offered}
            gone = [(key, f"#{key}") for key in self.initial.get("keys") or () if str(key) not in there]
            self.fields["keys"] = _Keys(
                label=pgettext("personalization", "Which"), coerce=int, required=False, choices=offered + gone
            )
        if known.form in (segment_values.BOUGHT, segment_values.BOUGHT_CATEGORY):
            self._add("times", pgettext("personalization", "at least so many times (empty: once)"))
        if known.form is segment_values.TOOK_UP:
            label = pgettext("personalization", "within so many days, at most %(most)s (empty: so many)")
            self._add("days", label % {"most": MAX_NEW_DAYS})
        elif known.form not in (segment_values.CHOSEN, segment_values.CHOSEN_CATEGORY):
            most = MAX_EVENT_DAYS if known.form is segment_values.LOOKED_AT else MAX_DAYS
            label = pgettext("personalization", "within so many days, at most %(most)s (empty: ever)")
            self._add("days", label % {"most": most})

    def _add_codes(self, known: Field) -> None:
        label = pgettext("personalization", "Which")
        if few := FEW_CODES.get(known.code):
            self.fields["codes"] = forms.MultipleChoiceField(
                label=label, required=False, widget=forms.CheckboxSelectMultiple,
                choices=[(code, segment_words.code_name(code)) for code in few],
            )  # fmt: skip
        else:
            hint = (
                pgettext("personalization", "Codes with spaces between, as in en de pt-br.")
                if known.code == "language"
                else pgettext("personalization", "Two letters each, as in DE AT CH.")
            )
            self.fields["codes"] = forms.CharField(label=label, required=False, max_length=2000, help_text=hint)

    def clean_products(self) -> list[int]:
        """The keys of the products."""
        return list(known_products(self.cleaned_data["products"]))

    def clean_codes(self) -> list[str]:
        """The codes: of countries in capitals, of languages in small letters."""
        given = self.cleaned_data["codes"]
        if isinstance(given, list):
            return given
        text = given.replace(",", " ")
        return (text.lower() if self.code == "language" else text.upper()).split()

    def inputs(self) -> Iterator[Any]:
        """The bound fields of the value."""
        return (self[name] for name in self.fields if name not in ("field", "do", "DELETE"))

    def is_used(self) -> bool:
        """Whether it stands for a condition. Call it when the form was validated."""
        return bool(self.code) and not self.cleaned_data.get("DELETE")

    def condition(self) -> dict[str, Any]:
        """The condition as it stands in a document; what is missing in it, the document's own rules say."""
        operators = self.known.operators if self.known else IN_SEGMENT_OPERATORS
        op = self.cleaned_data.get("do") or operators[0]
        return {"field": self.code, "op": op, "value": self._value(op)}

    def _value(self, op: str) -> Any:
        data, known = self.cleaned_data, self.known
        if isinstance(known, DateField):
            return data.get("days") if op in DATES_WITH_DAYS.split() else None
        if isinstance(known, NumberField | BasketItemsField):
            return self._numbers(op)
        if isinstance(known, StaffField | VisitorTypeField):
            choice = data.get("choice")
            return choice == "yes" if isinstance(known, StaffField) else choice
        if known is not None and not known.kind and not isinstance(known, VisitsField | SearchedField):
            return data.get("codes")
        return data.get("keys") if known is None else self._object(known)

    def _object(self, known: Field) -> dict[str, Any]:
        data = self.cleaned_data
        if isinstance(known, ShareField):
            return {"key": data.get("keys"), "percent": data.get("percent")}
        if isinstance(known, VisitsField):
            return {"number": data.get("number"), "days": data.get("days")}
        if isinstance(known, SearchedField):
            texts = [line.strip() for line in (data.get("texts") or "").splitlines() if line.strip()]
            return {"texts": texts} | self._filled_in("days")
        keys = data.get("products" if known.kind == "product" else "keys")
        return {"keys": keys or []} | self._filled_in("times", "days")

    def _numbers(self, op: str) -> Any:
        low, high = (_plain(self.cleaned_data.get(name)) for name in ("low", "high"))
        if op == "one_of":
            return self.cleaned_data.get("tiers")
        return [low, high] if op == "between" else low

    def _filled_in(self, *names: str) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name) is not None}

    def add_message(self, path: list[str], message: str) -> None:
        """Puts what is wrong with the condition to the input where it is mended.

        Parameters: `path`, the place within the condition, as in ["value", "keys"].
        """
        named = "do" if path[:1] == ["op"] else INPUT_OF.get(path[1], "") if len(path) > 1 else ""
        if path[1:2] == ["1"]:
            named = "high"
        mains: tuple[str, ...] = ("keys", "products", "codes", "texts", "low", "days", "number", "choice")
        if self.cleaned_data.get("do") == "one_of" and "tiers" in self.fields:
            mains = ("tiers",)
        found = next((name for name in (named, *mains, "field") if name in self.fields), None)
        if named == "keys" and "products" in self.fields:
            found = "products"
        if found is not None and message not in self.errors.get(found, ()):
            self.add_error(found, message)


def _plain(number: Any) -> Any:
    """A number as JSON has it."""
    if number is None or isinstance(number, int):
        return number
    return int(number) if number == int(number) else float(number)


ConditionFormSet = forms.formset_factory(
    ConditionForm, extra=1, can_delete=True, max_num=MAX_CONDITIONS, absolute_max=MAX_CONDITIONS + 1
)


def condition_initial(condition: Mapping[str, Any], titles: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """What a line shows of a condition."""
    code, op, value = condition["field"], condition["op"], condition["value"]
    shown: dict[str, Any] = {"field": code, "do": op}
    known = all_fields().get(code)
    if known is None:
        return shown | {"keys": value}
    if isinstance(value, dict):
        shown |= {INPUT_OF[name]: part for name, part in value.items()}
        if known.kind == "product":
            shown["products"] = write_lines(shown.pop("keys"), titles)
        if "texts" in shown:
            shown["texts"] = "\n".join(shown["texts"])
    elif isinstance(known, DateField):
        shown["days"] = value
    elif isinstance(known, NumberField | BasketItemsField):
        shown |= _numbers_initial(op, value)
    elif isinstance(known, StaffField):
        shown["choice"] = "yes" if value else "no"
    elif isinstance(known, VisitorTypeField):
        shown["choice"] = value
    else:
        shown["codes"] = value if code in FEW_CODES else " ".join(value)
    return shown


def _numbers_initial(op: str, value: Any) -> dict[str, Any]:
    if op == "one_of":
        return {"tiers": value}
    return {"low": value[0], "high": value[1]} if op == "between" else {"low": value}
