"""The forms of a segment, to its document and back."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django import forms
from django.utils.translation import pgettext, pgettext_lazy

from personalization.merchandising.segments import MAX_GROUPS
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard.condition_forms import (
    Choices,
    ChoicesOf,
    ConditionForm,
    ConditionFormSet,
    condition_initial,
)
from personalization.oscar.dashboard.screens import PlainSelects


def _match_choices() -> Choices:
    return [
        ("all", pgettext("personalization", "ALL of these hold")),
        ("any", pgettext("personalization", "ANY of these holds")),
    ]


class SegmentForm(PlainSelects):
    """The name, and how the groups are joined; the conditions are formsets of `ConditionForm`."""

    name = forms.CharField(label=pgettext_lazy("personalization", "Name"), max_length=MAX_NAME)
    match = forms.ChoiceField(label=pgettext_lazy("personalization", "Of the groups"))

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["match"].choices = _match_choices()  # type: ignore[attr-defined]


class GroupForm(PlainSelects):
    """How the conditions of one group are joined."""

    match = forms.ChoiceField(label=pgettext_lazy("personalization", "In this group"), required=False)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["match"].choices = _match_choices()  # type: ignore[attr-defined]


class GroupForms:
    """One group: how it is joined, and its conditions."""

    def __init__(self, number: int, data: Any, group: Mapping[str, Any], titles: Any, choices_of: ChoicesOf) -> None:
        self.number = number
        prefix = f"g{number}"
        options: dict[str, Any] = {"prefix": prefix, "form_kwargs": {"choices_of": choices_of}}
        if data is None:
            initial = [condition_initial(each, titles) for each in group.get("conditions", ())]
            self.form = GroupForm(initial={"match": group.get("match", "all")}, prefix=prefix)
            self.formset = ConditionFormSet(initial=initial, **options)
        else:
            self.form = GroupForm(data, prefix=prefix)
            self.formset = ConditionFormSet(data, **options)
        self.is_shown = number == 0 or any(form.code for form in self.formset)
        """Whether it has conditions, or is the first."""

    def used(self) -> list[ConditionForm]:
        """The forms that stand for conditions. Call it when they were validated."""
        return [form for form in self.formset if form.is_used()]


class SegmentForms:
    """All forms of one segment."""

    def __init__(self, data: Any, name: str, document: Mapping[str, Any], titles: Any, choices_of: ChoicesOf) -> None:
        first = {"name": name, "match": document.get("match", "all")}
        self.form = SegmentForm(initial=first) if data is None else SegmentForm(data)
        groups = [*document.get("groups", ()), *[{}] * MAX_GROUPS][:MAX_GROUPS]
        make = partial(GroupForms, data=data, titles=titles, choices_of=choices_of)
        self.groups = [make(number, group=group) for number, group in enumerate(groups)]

    def is_valid(self) -> bool:
        """Whether each input holds something that can be read."""
        parts = [self.form, *(part for group in self.groups for part in (group.form, group.formset))]
        is_each_valid = [part.is_valid() for part in parts]  # each says its errors
        return all(is_each_valid)

    def can_be_read(self) -> bool:
        """As `is_valid`, whether or not there is a name."""
        self.is_valid()
        return set(self.form.errors) <= {"name"} and not any(group.formset.total_error_count() for group in self.groups)

    def document(self) -> dict[str, Any]:
        """The document that the forms make. Call it when they were validated."""
        return {
            "match": self.form.cleaned_data.get("match", "all"),
            "groups": [
                {
                    "match": group.form.cleaned_data.get("match") or "all",
                    "conditions": [form.condition() for form in group.used()],
                }
                for group in self._used_groups()
            ],
        }

    def _used_groups(self) -> list[GroupForms]:
        return [group for group in self.groups if group.used()]

    def add_message(self, path: str, message: str) -> None:
        """Puts what is wrong with the document to the input where it is mended."""
        parts = path.split(".")
        if len(parts) > 3 and parts[0] == "groups" and parts[2] == "conditions":
            self._used_groups()[int(parts[1])].used()[int(parts[3])].add_message(parts[4:], message)
        elif path == "groups" and not self._used_groups():
            self.form.add_error(None, pgettext("personalization", "Say at least one condition."))
        else:
            self.form.add_error(None, message)

    @property
    def has_errors(self) -> bool:
        """Whether anything is marked."""
        return bool(self.form.errors) or any(
            group.form.errors or group.formset.total_error_count() for group in self.groups
        )
