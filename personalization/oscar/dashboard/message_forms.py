"""The form of a message, to its document and back."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.functional import cached_property, lazy
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from personalization.lifecycle.kinds import BY_MAIL, MessageKind, registered_kinds
from personalization.merchandising import documents
from personalization.merchandising.documents import DocumentError
from personalization.merchandising.schemas import MAX_MESSAGE_TEXT, MAX_SUBJECT
from personalization.models.definitions import MAX_NAME
from personalization.models.message_permissions import Channel
from personalization.oscar.dashboard.audience_forms import AudienceForm, audience_initial

Document = dict[str, Any]
NOT_FOR_MAILS = ("people", "countries", "devices", "days", "from_hour", "to_hour")
"""What nobody knows who is not on a page, and what quiet hours decide."""
TEXTS = ("subject", "opening", "closing")


def message_label(kind: MessageKind) -> str:
    """What the dashboard calls a kind of message."""
    return str(kind.label or kind.name)


def _kind_choices() -> list[tuple[Any, str]]:
    return [(name, message_label(kind)) for name, kind in registered_kinds().items()]


class MessageForm(AudienceForm):
    """A message: of which kind, for whom, when, in which words, and how many are held back."""

    name = forms.CharField(label=pgettext_lazy("personalization", "Name"), max_length=MAX_NAME)
    kind = forms.ChoiceField(label=pgettext_lazy("personalization", "Kind"), choices=lazy(_kind_choices, list))
    channels = forms.MultipleChoiceField(
        label=pgettext_lazy("personalization", "By which way"),
        choices=Channel.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_(
            "In the shop: a notification in the customer's account. Guests have none. Nothing chosen: by e-mail."
        ),
    )
    first_in_shop = forms.BooleanField(
        label=pgettext_lazy("personalization", "In the shop first"),
        required=False,
        help_text=_(
            "Of a message that goes both ways: who comes at least weekly is mailed only what they have not read in the "
            "shop after two of their usual pauses."
        ),
    )
    best_hour = forms.BooleanField(
        label=pgettext_lazy("personalization", "At the best hour"),
        required=False,
        help_text=_(
            "A mail waits, for a day at most, for the hour at which the customer, or most others, are in the shop."
        ),
    )
    hold_back = forms.FloatField(
        label=pgettext_lazy("personalization", "Held back, in percent"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=_("Always the same people, to compare the others with. Empty: as is usual for this kind."),
    )

    def __init__(self, *arguments: Any, kind: str = "", is_part: bool = False, **options: Any) -> None:
        """`kind`: of a message that is stored already, which keeps it; `is_part`, of a campaign."""
        super().__init__(*arguments, **options)
        for name in NOT_FOR_MAILS:
            del self.fields[name]
        if is_part:
            self.follow_campaign()
            del self.fields["hold_back"]
        if kind:
            self.fields["kind"].disabled = True
            self.initial["kind"] = kind
        for code, _name in settings.LANGUAGES:
            limits = zip(TEXTS, (MAX_SUBJECT, MAX_MESSAGE_TEXT, MAX_MESSAGE_TEXT), _text_labels(), strict=True)
            for part, most, label in limits:
                widget = forms.TextInput() if part == "subject" else forms.Textarea(attrs={"rows": 3})
                field = forms.CharField(label=label, max_length=most, required=False, widget=widget)
                self.fields[f"{part}_{code}"] = field

    @cached_property
    def wordings(self) -> list[dict[str, Any]]:
        """By language: its name, its fields, and whether one of them is filled in or wrong."""
        found = []
        for code, name in settings.LANGUAGES:
            fields = [self[f"{part}_{code}"] for part in TEXTS]
            is_open = any(field.value() or field.errors for field in fields)
            found.append({"name": name, "fields": fields, "is_open": is_open})
        return found

    @property
    def chosen_kind(self) -> MessageKind | None:
        """The kind that is chosen."""
        kinds = registered_kinds()
        return kinds.get(str(self["kind"].value() or next(iter(kinds), "")))

    def clean(self) -> dict[str, Any]:
        """With what is wrong in the wording at its field."""
        data = super().clean()
        kind = registered_kinds().get(data.get("kind", ""))
        if kind is not None:
            errors = documents.wording_errors({"wording": self._wording(data)}, self.placeholders(kind))
            self.add_document_errors(errors)
        return data

    def placeholders(self, kind: MessageKind) -> tuple[str, ...]:
        """What its words may hold in braces."""
        return (*kind.placeholders, *documents.CODE_PLACEHOLDERS) if self.follows_campaign else kind.placeholders

    def add_document_errors(self, errors: Iterable[DocumentError]) -> None:
        """Shows each error of a document at its field."""
        for error in errors:
            first, _dot, rest = error.path.partition(".")
            if first == "wording":
                language, _dot, part = rest.rpartition(".")
                name = f"{part}_{language}"
            else:
                name = {"when.to": "ends", "when.from": "starts", "when.zone": "zone"}.get(error.path, first)
            self.add_error(name if name in self.fields else None, error.message)

    def document(self) -> Document:
        """The document that the form makes. Call it when the form is valid."""
        data = self.cleaned_data
        parts: dict[str, Any] = {"who": self.audience(), "wording": self._wording(data), "when": self.schedule()}
        if data.get("hold_back") is not None:
            parts["hold_back"] = data["hold_back"] / 100
        if data["channels"] and tuple(data["channels"]) != BY_MAIL:
            parts["channels"] = data["channels"]
        parts |= {name: True for name in ("first_in_shop", "best_hour") if data[name]}
        return {"kind": data["kind"], **{name: part for name, part in parts.items() if part != {}}}

    def _wording(self, data: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        found = {
            code: {part: text for part in TEXTS if (text := _plain_words(data.get(f"{part}_{code}", "")))}
            for code, _name in settings.LANGUAGES
        }
        return {code: texts for code, texts in found.items() if texts}


def _plain_words(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _text_labels() -> tuple[str, str, str]:
    return (
        pgettext("personalization", "Subject"),
        pgettext("personalization", "Opening"),
        pgettext("personalization", "Closing"),
    )


def message_initial(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a document."""
    share = document.get("hold_back")
    initial = {
        **audience_initial(document),
        "name": name,
        "kind": document.get("kind", ""),
        "first_in_shop": document.get("first_in_shop", False),
        "best_hour": document.get("best_hour", False),
        "channels": list(document.get("channels", BY_MAIL)),
        "hold_back": None if share is None else round(share * 100, 6),
    }
    for code, texts in document.get("wording", {}).items():
        initial |= {f"{part}_{code}": text for part, text in texts.items()}
    return initial


def placeholder_note(kind: MessageKind | None, names_in_braces: Iterable[str] = ()) -> str:
    """What the words of a message may hold in braces."""
    if kind is None:
        return ""
    names = " ".join(f"{{{name}}}" for name in names_in_braces)
    words = gettext("Plain text. Empty: our own words. In it may stand: %(names)s")
    return words % {"names": names}
