"""What our own version of Oscar's menu is made of; `personal_categories` is in `personalization_tags`, too."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.template import Context
from django.template.loader import get_template

from personalization import serve
from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.surfaces.navigation import MenuOrder

register = template.Library()


@register.simple_tag(takes_context=True)
def personal_categories(context: Context) -> str:
    """The visitor's own lines in the menu, each a category with its reason; nothing where nothing is known of them."""
    request = context.get("request")
    visit = visits.consented_visit(request) if request is not None else None
    shortcuts = serve.menu_shortcuts(visit) if visit else []
    if shortcuts:
        with fail_open("Printing the visitor's lines in the menu", queries=False):
            return get_template("personalization/partials/shortcuts.html").render({"shortcuts": shortcuts})
    return ""


@register.simple_tag(takes_context=True)
def has_consent(context: Context) -> bool:
    """Whether somebody is there who agreed to be known: of nobody else a page need ask for what is theirs alone."""
    request = context.get("request")
    return request is not None and visits.has_consent(request)


@register.simple_tag(takes_context=True)
def category_scores(context: Context) -> MenuOrder:
    """The order of the menu's top categories for this visitor; false where the shop lets none of them move."""
    request = context.get("request")
    visit = visits.consented_visit(request) if request is not None else None
    return serve.menu_order(visit) if visit else MenuOrder()


@register.filter
def sort_by_score(categories: Iterable[Any], order: MenuOrder) -> list[Any]:
    """The entries of Oscar's category tree in that order."""
    with fail_open("Moving the menu's entries", queries=False):
        shown = {category.pk: category for category in categories}
        return [shown[key] for key in order.sort(list(shown))]
    return list(categories)
