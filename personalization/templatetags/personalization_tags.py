"""{% load personalization_tags %}{% personalized "home" %}"""

from typing import Any

from django import template
from django.template import Context

from personalization.decide.slate import Slate
from personalization.models.savepoints import failing_open
from personalization.oscar.visits import from_request
from personalization.serve import serve

register = template.Library()


@register.inclusion_tag("personalization/partials/slate.html", takes_context=True)
def personalized(context: Context, surface: str) -> dict[str, Any]:
    """The rows of a surface for whoever looks at the page; none where the page has no request, or no strategy on it."""
    visit = None
    with failing_open("Reading the visit"):
        visit = from_request(context["request"])
    slate = serve(surface, visit) if visit else Slate(surface)
    return {**context.flatten(), "slate": slate}
