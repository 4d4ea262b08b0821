"""The form of what counts besides relevance, to its document and back."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import pgettext, pgettext_lazy

from personalization.merchandising.campaign_words import surface_labels
from personalization.merchandising.compile_objectives import SCARCE_BELOW, SLOW_DAYS
from personalization.merchandising.compiled_objectives import Objective
from personalization.merchandising.objective_words import objective_labels
from personalization.merchandising.schemas import COUNTING_SURFACES, MAX_DIAL


class ObjectivesForm(forms.Form):
    """A dial for each objective on each surface, in percent of the list.

    Parameters: `has_costs`, whether the cost of any product is known; else margin cannot be turned up.
    """

    slow_days = forms.IntegerField(
        label=pgettext_lazy("personalization", "Too long in stock: after so many days"), min_value=14, max_value=1000
    )
    scarce_below = forms.IntegerField(
        label=pgettext_lazy("personalization", "Few are left: fewer than so many pieces"), min_value=2, max_value=1000
    )

    def __init__(self, *arguments: Any, has_costs: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        surfaces, labels = surface_labels(), objective_labels()
        for surface in COUNTING_SURFACES:
            for objective in Objective:
                name = _field_name(surface, objective)
                label = pgettext("personalization", "%(page)s: %(objective)s")
                field = forms.IntegerField(
                    label=label % {"page": surfaces[surface], "objective": labels[objective]},
                    required=False,
                    min_value=0,
                    max_value=MAX_DIAL,
                )
                field.widget.attrs["aria-label"] = field.label
                field.disabled = objective is Objective.MARGIN and not has_costs and not self.initial.get(name)
                self.fields[name] = field

    @property
    def lines(self) -> Iterator[tuple[str, list[tuple[str, forms.BoundField]]]]:
        """(surface in words, [(objective in words, its field)])"""
        surfaces, labels = surface_labels(), objective_labels()
        for surface in COUNTING_SURFACES:
            fields = [(labels[objective], self[_field_name(surface, objective)]) for objective in Objective]
            yield surfaces[surface], fields

    def document(self) -> dict[str, Any]:
        """The document that the form makes. Call it when the form is valid."""
        data = self.cleaned_data
        surfaces: dict[str, dict[str, int]] = {}
        for surface in COUNTING_SURFACES:
            dials = {str(one): data[_field_name(surface, one)] for one in Objective if data[_field_name(surface, one)]}
            if dials:
                surfaces[surface] = dials
        return {"surfaces": surfaces, "slow_days": data["slow_days"], "scarce_below": data["scarce_below"]}


def objectives_initial(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a document."""
    surfaces = document.get("surfaces", {})
    return {
        "slow_days": document.get("slow_days", SLOW_DAYS),
        "scarce_below": document.get("scarce_below", SCARCE_BELOW),
        **{
            _field_name(surface, objective): surfaces.get(surface, {}).get(objective, 0)
            for surface in COUNTING_SURFACES
            for objective in Objective
        },
    }


def _field_name(surface: str, objective: Objective) -> str:
    return f"{surface}-{objective}"
