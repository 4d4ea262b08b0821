"""What products cost, from a file: the form on the screen of what counts, and what came of it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_http_methods

from personalization.exchange.cost_import import CostImport, import_costs, import_sentence, open_cost_file
from personalization.exchange.tabular import TableError
from personalization.models import AuditAction, AuditEntry
from personalization.oscar.dashboard.screens import PlainSelects, show

MAX_COST_FILE_BYTES = 5_000_000
COSTS_KIND = "costs"
"""What the audit calls them."""


class CostFileForm(PlainSelects):
    """A table of costs."""

    file = forms.FileField(
        label=pgettext_lazy("personalization", "CSV file with the columns product and cost"),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
    )
    items = forms.ChoiceField(
        label=pgettext_lazy("personalization", "The products are named by"),
        choices=[
            ("sku", pgettext_lazy("personalization", "the SKU of a partner")),
            ("upc", pgettext_lazy("personalization", "the UPC")),
            ("id", pgettext_lazy("personalization", "the number in the catalogue")),
        ],
    )

    def clean_file(self) -> Any:
        """The file, unless it is too large to be read while somebody waits."""
        file = self.cleaned_data["file"]
        if file.size > MAX_COST_FILE_BYTES:
            raise forms.ValidationError(
                pgettext_lazy("personalization", "The file is larger than 5 MB; import it with the command.")
            )
        return file


@require_http_methods(["GET", "POST"])
def import_cost_file(request: HttpRequest) -> HttpResponse:
    """The form; posting it stores the costs of a file, and says of each row that was left out why."""
    form = CostFileForm(request.POST, request.FILES) if request.method == "POST" else CostFileForm()
    context: dict[str, Any] = {"cost_form": form}
    if form.is_valid():
        try:
            result = _import_upload(form.cleaned_data["file"], form.cleaned_data["items"])
        except TableError as error:
            form.add_error("file", str(error))
        else:
            note = f"{result.stored} stored, {result.left_out} left out"
            AuditEntry.objects.record(request.user, AuditAction.CHANGE, kind=COSTS_KIND, note=note)
            more = result.left_out - len(result.rejected)
            context |= {"result": result, "words": import_sentence(result), "more": more}
    return show(request, "costs", context, tab="objectives")


def _import_upload(upload: Any, items: str) -> CostImport:
    """The table that was sent, whatever the name of its file says."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "costs.csv"
        file.write_bytes(b"".join(upload.chunks()))
        with open_cost_file(file, name=upload.name) as rows:
            return import_costs(rows, items=items)
