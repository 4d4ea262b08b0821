"""What the buttons of a screen do with a definition: publish, pause, resume, archive, undo."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import pgettext

from personalization.merchandising import publishing
from personalization.models import Definition, Version
from personalization.oscar.dashboard.screens import say_refusal


def publish_by_button(request: HttpRequest, definition: Definition, version: Version) -> bool:
    """Makes a version live, and tells the person that it is, or why not; whether it is."""
    try:
        publishing.publish(definition, request.user, number=version.number)
    except (publishing.NotPossibleError, publishing.InvalidDocumentError) as error:
        say_refusal(request, publishing.NotPossibleError(str(error)))
        return False
    words = pgettext("personalization", "“%(name)s” is live in up to 10 seconds.")
    messages.success(request, words % {"name": definition.name})
    return True


def change_by_button(request: HttpRequest, definition: Definition, after: str) -> None:
    """Does what the posted button says, and tells the person what was done, or why not.

    Parameters: `after`, the sentence that follows, about when the shop does as it was told.
    """
    changes: dict[str, tuple[Callable[[Definition, Any], object], str]] = {
        "pause": (publishing.pause, pgettext("personalization", "“%(name)s” is paused.")),
        "resume": (publishing.resume, pgettext("personalization", "“%(name)s” is live again.")),
        "archive": (publishing.archive, pgettext("personalization", "“%(name)s” is archived.")),
        "undo": (publishing.undo, pgettext("personalization", "Undone: “%(name)s” is as before.")),
    }
    if request.POST.get("do") not in changes:
        return
    change, words = changes[request.POST["do"]]
    try:
        change(definition, request.user)
    except publishing.NotPossibleError as error:
        say_refusal(request, error)
    except publishing.InvalidDocumentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{words % {'name': definition.name}} {after}".rstrip())
