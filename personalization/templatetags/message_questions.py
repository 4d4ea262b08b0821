"""{% load message_questions %}{% ask_for_messages %}: asks who has ordered for permission to send messages."""

from typing import Any

from django import template
from django.template import Context
from django.utils.timezone import now

from personalization.lifecycle.permission_questions import open_questions, question_words
from personalization.models.fail_open import fail_open

register = template.Library()


@register.inclusion_tag("personalization/partials/ask_for_messages.html", takes_context=True)
def ask_for_messages(context: Context) -> dict[str, Any]:
    """A box for each purpose that the customer never answered; nothing for strangers."""
    user, request = getattr(context.get("request"), "user", None), context.get("request")
    questions: list[tuple[str, str]] = []
    if user is not None and user.is_authenticated:
        with fail_open("Asking for permission after an order"):
            questions = [(purpose, question_words(purpose)) for purpose in open_questions(user, now())]
    return {"questions": questions, "request": request, "csrf_token": context.get("csrf_token")}
