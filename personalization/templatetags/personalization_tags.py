"""{% load personalization_tags %}{% personalized "home" %}"""

from typing import Any

from django import template
from django.template import Context

from personalization.oscar.visits import from_request
from personalization.serve import serve

register = template.Library()


@register.inclusion_tag("personalization/partials/slate.html", takes_context=True)
def personalized(context: Context, surface: str) -> dict[str, Any]:
    """The rows of a surface for whoever looks at the page."""
    slate = serve(surface, from_request(context["request"]))
    return {**context.flatten(), "slate": slate}
