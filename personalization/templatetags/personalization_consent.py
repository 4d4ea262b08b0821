"""{% load personalization_consent %}{% personalization_consent %}: the question whether a visitor wants to be known."""

from typing import Any

from django import template
from django.http import HttpRequest
from django.template import Context

from personalization import conf
from personalization.models.fail_open import fail_open
from personalization.privacy import consent, identity
from personalization.privacy.requester import requester_from_request

register = template.Library()

PAGES_WITH_OWN_QUESTION = "personalization:privacy"
"""The page that has the same question in its midst."""


@register.inclusion_tag("personalization/partials/banner.html", takes_context=True)
def personalization_consent(context: Context) -> dict[str, Any]:
    """The banner, for whoever has not answered yet; nothing for anybody else."""
    request = context.get("request")
    asked = request is not None and _should_ask(request)
    back = request.get_full_path() if asked and request.method == "GET" else ""
    days = conf.get_settings().EVENT_RETENTION_DAYS
    return {"asked": asked, "back": back, "days": days, "csrf_token": context.get("csrf_token") if asked else None}


def _should_ask(request: HttpRequest) -> bool:
    """Reads the database for customers only whose browser does not remember an answer."""
    here = request.resolver_match.view_name if request.resolver_match else ""
    requester = requester_from_request(request)
    if here == PAGES_WITH_OWN_QUESTION or requester.choice is not None:
        return False
    if not requester.is_signed_in:
        return consent.should_ask(requester, None)
    with fail_open("Looking whether a customer answered"):
        return consent.should_ask(requester, identity.get_visitor(requester))
    return False
