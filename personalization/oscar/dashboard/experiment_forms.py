"""The form of an experiment, to its document and back."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from personalization import conf
from personalization.measure.sample_size import MAX_WEEKS_PLANNED, MIN_WEEKS
from personalization.merchandising.arm_words import policy_labels
from personalization.merchandising.campaign_words import SURFACE_LABELS
from personalization.merchandising.documents import DocumentError
from personalization.merchandising.experiments import INTERLEAVE, LIST_SURFACES, is_interleaved
from personalization.merchandising.schemas import MAX_ARMS, POLICY_NUMBERS
from personalization.models import Definition, DefinitionKind, Version
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard.screens import PlainSelects

Document = dict[str, Any]
FIELD_PREFIX = "experiment"
"""Of the names of all fields."""
WITHOUT, VERSION, POLICY, PLAIN = "without", "version", "policy", "plain"
ENGINE_ORDER, STRANGER_ORDER, STRENGTH_ORDER = "engine", "stranger", "strength"
"""What the shop's order of a list can be interleaved with."""
"""What can be compared."""
CONTROL, VARIANT = "control", "variant"
"""The keys of the groups; further ones are numbered."""
DEFAULT_LIFT_PERCENT, DEFAULT_WEEKS, DEFAULT_WINDOW = 5, 4, 28
MAX_VERSION = 10**6
Effect = dict[str, Any]
"""What a group does."""


class ExperimentForm(PlainSelects):
    """What is compared with what, how large the groups are, and what decides."""

    name = forms.CharField(label=pgettext_lazy("personalization", "Name"), max_length=MAX_NAME)
    question = forms.CharField(
        label=pgettext_lazy("personalization", "Question"),
        required=False,
        max_length=200,
        help_text=gettext_lazy(
            "What you want to know, in a sentence: “Do more visitors buy with the coffee campaign?”"
        ),
    )
    do = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Compare"),
        choices=[
            (WITHOUT, gettext_lazy("a campaign, or the settings of a row: with and without it")),
            (VERSION, gettext_lazy("a campaign, or the settings of a row: what is live with its draft")),
            (POLICY, gettext_lazy("numbers: the strength of the personal order, the size of rows")),
            (PLAIN, gettext_lazy("plain pages with personal ones")),
            (INTERLEAVE, gettext_lazy("two orders of lists, in one list that everybody sees")),
        ],
    )
    order = forms.ChoiceField(
        label=pgettext_lazy("personalization", "The shop's order with"),
        required=False,
        choices=[
            (ENGINE_ORDER, gettext_lazy("the order of the search engine")),
            (STRANGER_ORDER, gettext_lazy("the order that a stranger gets: by what sells")),
            (STRENGTH_ORDER, gettext_lazy("the personal order at another strength")),
        ],
    )
    strength = forms.IntegerField(
        label=gettext_lazy("Strength of the personal order, in percent"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=gettext_lazy("Only for the personal order at another strength."),
    )
    lists = forms.MultipleChoiceField(
        label=pgettext_lazy("personalization", "Lists"),
        required=False,
        choices=[(surface, SURFACE_LABELS[surface]) for surface in LIST_SURFACES],
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "Each visitor sees one list, in which both orders take turns, and chooses. That says which order is chosen "
            "from more often, with far fewer visitors than two groups take, and never what it is worth in money."
        ),
    )
    subject = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Campaign or row"), required=False, coerce=int, empty_value=None
    )
    number = forms.IntegerField(
        label=pgettext_lazy("personalization", "Version"),
        required=False,
        min_value=1,
        max_value=MAX_VERSION,
        help_text=gettext_lazy("The number of an earlier version, from its history. Empty for the draft."),
    )
    policy = forms.ChoiceField(label=pgettext_lazy("personalization", "Number"), required=False)
    values = forms.CharField(
        label=pgettext_lazy("personalization", "Values"),
        required=False,
        max_length=40,
        help_text=gettext_lazy("One to three, each a group: “50, 0”. They are compared with the shop as it is."),
    )
    surfaces = forms.MultipleChoiceField(
        label=pgettext_lazy("personalization", "Pages"),
        required=False,
        choices=list(SURFACE_LABELS.items()),
        widget=forms.CheckboxSelectMultiple,
    )
    shares = forms.CharField(
        label=pgettext_lazy("personalization", "Size of the groups in percent"),
        required=False,
        max_length=40,
        help_text=gettext_lazy(
            "The group that the others are compared with comes first: “10, 90” leaves a tenth without. Empty for groups"
            " of one size, which find out soonest."
        ),
    )
    primary = forms.ChoiceField(
        label=pgettext_lazy("personalization", "What decides"),
        choices=[
            ("conversion", pgettext_lazy("personalization", "share of visitors who buy")),
            ("revenue", gettext_lazy("kept revenue per visitor (takes more than twice as many visitors)")),
        ],
    )
    smallest_lift = forms.IntegerField(
        label=gettext_lazy("Smallest difference worth having, in percent"),
        min_value=1,
        max_value=50,
        initial=DEFAULT_LIFT_PERCENT,
    )
    weeks = forms.IntegerField(
        label=pgettext_lazy("personalization", "Weeks"),
        min_value=MIN_WEEKS,
        max_value=MAX_WEEKS_PLANNED,
        initial=DEFAULT_WEEKS,
        help_text=gettext_lazy("It is looked at once a week; it may end sooner, when enough visitors came."),
    )
    window_days = forms.IntegerField(
        label=gettext_lazy("Days that count of each visitor"),
        min_value=1,
        max_value=56,
        initial=DEFAULT_WINDOW,
        help_text=gettext_lazy("From when they first saw a page on which the groups differ."),
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, prefix=FIELD_PREFIX, **options)
        subject, policy = self.fields["subject"], self.fields["policy"]
        assert isinstance(subject, forms.TypedChoiceField) and isinstance(policy, forms.ChoiceField)
        subject.choices = subject_choices()
        policy.choices = list(policy_labels().items())

    def clean_values(self) -> list[int]:
        """Whole numbers, each once."""
        numbers = _read_numbers(self.cleaned_data["values"])
        if len(numbers) >= MAX_ARMS:
            words = pgettext("personalization", "At most %(most)d values.")
            raise forms.ValidationError(words % {"most": MAX_ARMS - 1})
        if len(set(numbers)) < len(numbers):
            raise forms.ValidationError(pgettext("personalization", "A value is there twice."))
        return numbers

    def clean_shares(self) -> list[int]:
        """Percents, together at most 100."""
        shares = _read_numbers(self.cleaned_data["shares"])
        if any(not 1 <= share <= 99 for share in shares):
            raise forms.ValidationError(pgettext("personalization", "Each group has 1 to 99 percent."))
        if sum(shares) > 100:
            raise forms.ValidationError(pgettext("personalization", "That is more than 100 percent together."))
        return shares

    def clean(self) -> dict[str, Any]:
        """With what is missing at its field, and the groups that the choices make."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return data
        effects = {
            WITHOUT: self._with_and_without,
            VERSION: self._versions,
            POLICY: self._numbers,
            PLAIN: self._plain,
            INTERLEAVE: self._orders,
        }
        data["arms"] = effects[data["do"]]()
        if data["do"] == INTERLEAVE:
            data["shares"] = []
        if data["shares"] and data["arms"] and len(data["shares"]) != len(data["arms"]):
            words = pgettext("personalization", "Expected %(count)d numbers: there are so many groups.")
            self.add_error("shares", words % {"count": len(data["arms"])})
        return data

    def document(self, before: Mapping[str, Any] | None = None) -> Document:
        """The document that the form makes. Call it when the form is valid.

        Parameters: `before`, the one that is edited: what the form does not show stays.
        """
        data = self.cleaned_data
        arms: list[Effect] = data["arms"]
        shares = [share / 100 for share in data["shares"]] or [_equal_share(len(arms))] * len(arms)
        found: Document = {
            "question": data["question"],
            "arms": [
                {"key": _arm_key(place), "share": share, "does": does}
                for place, (does, share) in enumerate(zip(arms, shares, strict=True))
            ],
            "primary": data["primary"],
            "smallest_lift": data["smallest_lift"] / 100,
            "weeks": data["weeks"],
            "window_days": data["window_days"],
        }
        if data["do"] == PLAIN:
            found["surfaces"] = data["surfaces"]
        if data["do"] == INTERLEAVE:
            found |= {"method": INTERLEAVE, "surfaces": data["lists"], "primary": "conversion"}
        return found | ({"floor": before["floor"]} if before and "floor" in before else {})

    def add_document_errors(self, errors: Iterable[DocumentError]) -> None:
        """Shows each error of a document at its field."""
        for error in errors:
            part = error.path.partition(".")[0]
            self.add_error({"arms": "do"}.get(part, part if part in self.fields else None), error.message)

    def _with_and_without(self) -> list[Effect]:
        definition = self._subject()
        if definition is None:
            return []
        shown = definition.live or definition.draft
        if shown is None:
            raise ValueError(f"definition {definition.pk} has no version")
        version = {"definition": definition.pk, "number": shown.number}
        return [{"without": definition.pk}, {"version": version}]

    def _versions(self) -> list[Effect]:
        definition = self._subject()
        if definition is None:
            return []
        number = self.cleaned_data["number"] or (definition.draft.number if definition.draft else None)
        if definition.live is None:
            self.add_error("subject", _("Nothing of it is live: compare with and without it."))
        elif number is None:
            self.add_error("number", _("It has no draft: name an earlier version, or write a draft first."))
        elif number == definition.live.number:
            self.add_error("number", _("This version is the live one."))
        elif not Version.objects.of_definition(definition.pk).filter(number=number).exists():
            self.add_error("number", pgettext("personalization", "There is no such version."))
        else:
            numbers = (definition.live.number, number)
            return [{"version": {"definition": definition.pk, "number": one}} for one in numbers]
        return []

    def _numbers(self) -> list[Effect]:
        name, values = self.cleaned_data["policy"], self.cleaned_data["values"]
        if not name:
            self.add_error("policy", pgettext("personalization", "Say which."))
        elif not values:
            self.add_error("values", pgettext("personalization", "Say which."))
        else:
            lowest, highest = POLICY_NUMBERS[name]
            in_force = getattr(conf.get_settings(), name.upper())
            if any(not lowest <= value <= highest for value in values):
                words = pgettext("personalization", "Expected numbers from %(lowest)d to %(highest)d.")
                self.add_error("values", words % {"lowest": lowest, "highest": highest})
            elif in_force in values:
                words = pgettext("personalization", "%(number)d is what the shop has already.")
                self.add_error("values", words % {"number": in_force})
            else:
                return [{}, *({"policy": {name: value}} for value in values)]
        return []

    def _orders(self) -> list[Effect]:
        order, strength = self.cleaned_data["order"], self.cleaned_data["strength"]
        if not self.cleaned_data["lists"]:
            self.add_error("lists", pgettext("personalization", "Choose at least one."))
        elif order == STRANGER_ORDER:
            return [{}, {"plain": True}]
        elif not order:
            self.add_error("order", pgettext("personalization", "Say which."))
        elif order == STRENGTH_ORDER and strength is None:
            self.add_error("strength", pgettext("personalization", "Say which."))
        else:
            number = 0 if order == ENGINE_ORDER else strength
            if number != conf.get_settings().RERANK_STRENGTH:
                return [{}, {"policy": {"rerank_strength": number}}]
            self.add_error("order", _("This is the order that the shop has already."))
        return []

    def _plain(self) -> list[Effect]:
        if not self.cleaned_data["surfaces"]:
            self.add_error("surfaces", pgettext("personalization", "Choose at least one."))
            return []
        return [{"plain": True}, {}]

    def _subject(self) -> Definition | None:
        key = self.cleaned_data["subject"]
        found: Definition | None = Definition.objects.with_versions().present().filter(pk=key).first()
        if found is None:
            self.add_error("subject", pgettext("personalization", "Say which."))
        return found


def subject_choices() -> list[tuple[Any, Any]]:
    """Empty, then campaigns, rows and what counts, as far as they are not archived, by name. One query."""
    kinds = (DefinitionKind.CAMPAIGN, DefinitionKind.ROW, DefinitionKind.OBJECTIVES)
    rows = Definition.objects.of_kinds(kinds).present().order_by("name").values_list("kind", "pk", "name")
    found = list(rows)
    labels = (
        (DefinitionKind.CAMPAIGN, pgettext("personalization", "Campaigns")),
        (DefinitionKind.ROW, pgettext("personalization", "Rows")),
        (DefinitionKind.OBJECTIVES, pgettext("personalization", "What counts")),
    )
    groups = [(label, [(pk, name) for kind, pk, name in found if kind == wanted]) for wanted, label in labels]
    return [("", ""), *(group for group in groups if group[1])]


def experiment_initial(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a document; of groups that it cannot make, nothing."""
    arms = document.get("arms", [])
    shares = [round(100 * arm["share"]) for arm in arms]
    is_even = len({arm["share"] for arm in arms}) == 1
    return {
        "name": name,
        "question": document.get("question", ""),
        "shares": "" if is_even else ", ".join(map(str, shares)),
        "primary": document.get("primary", "conversion"),
        "smallest_lift": round(100 * document.get("smallest_lift", DEFAULT_LIFT_PERCENT / 100)),
        "weeks": document.get("weeks", DEFAULT_WEEKS),
        "window_days": document.get("window_days", DEFAULT_WINDOW),
        "surfaces": document.get("surfaces", []),
        **(_interleaved(document, arms[-1]["does"]) if is_interleaved(document) else _compared(arms)),
    }


def _interleaved(document: Mapping[str, Any], second: Effect) -> dict[str, Any]:
    strength = second.get("policy", {}).get("rerank_strength")
    order = STRANGER_ORDER if strength is None else STRENGTH_ORDER if strength else ENGINE_ORDER
    return {
        "do": INTERLEAVE,
        "order": order,
        "strength": strength or None,
        "lists": document["surfaces"],
        "surfaces": [],
    }


def _compared(arms: list[Mapping[str, Any]]) -> dict[str, Any]:
    does = [arm["does"] for arm in arms]
    if without := next((one["without"] for one in does if "without" in one), None):
        return {"do": WITHOUT, "subject": without}
    versions = [one["version"] for one in does if "version" in one]
    if versions:
        return {"do": VERSION, "subject": versions[-1]["definition"], "number": versions[-1]["number"]}
    numbers = [one["policy"] for one in does if "policy" in one]
    if numbers:
        name = next(iter(numbers[0]))
        return {"do": POLICY, "policy": name, "values": ", ".join(str(one.get(name, "")) for one in numbers)}
    return {"do": PLAIN} if does else {"do": WITHOUT}


def _arm_key(place: int) -> str:
    return {0: CONTROL, 1: VARIANT}.get(place, f"{VARIANT}_{place}")


def _equal_share(count: int) -> float:
    """Rounded down to a bucket, so that all fit."""
    return 10_000 // count / 10_000


def _read_numbers(text: str) -> list[int]:
    """Whole numbers between commas, semicolons, colons, slashes, signs of percent or spaces."""
    parts = text.translate(str.maketrans(",;:/%", "     ")).split()
    if any(not (part.isascii() and part.isdigit() and len(part) < 7) for part in parts):
        raise forms.ValidationError(pgettext("personalization", "Expected whole numbers with commas between them."))
    return [int(part) for part in parts]
