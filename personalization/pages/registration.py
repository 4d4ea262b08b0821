"""Asks for permission to send messages where customers register: boxes that nobody has ticked for them.

Named by path in `oscar.class_loader`; works in a shop's fork of Oscar's form, too, as far as it is loaded by Oscar."""

from typing import Any

from django import forms
from django.utils.timezone import now

from personalization.lifecycle.permission_questions import REGISTRATION, allow_ticked, asked_purposes, question_words
from personalization.models.fail_open import fail_open

PREFIX = "allow_"


class AskForMessagesMixin:
    """For Oscar's form with which customers register."""

    fields: dict[str, Any]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        with fail_open("Asking for permission at registration"):
            for purpose in asked_purposes(now()):
                box = forms.BooleanField(label=question_words(purpose), required=False, initial=False)
                self.fields[f"{PREFIX}{purpose}"] = box

    def save(self, commit: bool = True) -> Any:
        """As Oscar's; what was ticked is stored with the account, if that is."""
        user = super().save(commit)  # type: ignore[misc]
        if commit and user.pk is not None:
            data = getattr(self, "cleaned_data", {})
            ticked = [name.removeprefix(PREFIX) for name in self.fields if name.startswith(PREFIX) and data.get(name)]
            with fail_open("Storing a permission at registration"):
                if ticked:
                    allow_ticked(user, ticked, REGISTRATION, now())
        return user
