"""What our own version of Oscar's menu is made of; `personal_categories` is in `personalization_tags`, too."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.template import Context
from django.template.loader import get_template

from personalization import serve
from personalization.models.fail_open import failing_open
from personalization.oscar import visits

register = template.Library()


@register.simple_tag(takes_context=True)
def personal_categories(context: Context) -> str:
    """The visitor's own lines in the menu, each a category with its reason; nothing where nothing is known of them."""
    request = context.get("request")
    visit = visits.of_known(request) if request is not None else None
    shortcuts = serve.shortcuts(visit) if visit else []
    if shortcuts:
        with failing_open("Printing the visitor's lines in the menu", queries=False):
            return get_template("personalization/partials/shortcuts.html").render({"shortcuts": shortcuts})
    return ""


@register.simple_tag(takes_context=True)
def known_visitor(context: Context) -> bool:
    """Whether somebody is there who agreed to be known: of nobody else a page need ask for what is theirs alone."""
    request = context.get("request")
    return request is not None and visits.is_known(request)


@register.simple_tag(takes_context=True)
def wanted_categories(context: Context) -> Mapping[int, float]:
    """What puts the menu's top categories in this visitor's order; nothing where the shop lets none of them move."""
    request = context.get("request")
    visit = visits.of_known(request) if request is not None else None
    return serve.wanted_categories(visit) if visit else {}


@register.filter
def in_order_of(categories: Iterable[Any], wanted: Mapping[int, float]) -> list[Any]:
    """The entries of Oscar's category tree in that order, as far as the settings let them move."""
    with failing_open("Moving the menu's entries", queries=False):
        shown = {category.pk: category for category in categories}
        return [shown[key] for key in serve.in_menu_order(list(shown), wanted)]
    return list(categories)
