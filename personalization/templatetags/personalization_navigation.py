"""What our own version of Oscar's menu is made of; `personal_categories` is in `personalization_tags`, too."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template
from django.template import Context
from django.template.loader import get_template

from personalization import serve
from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.oscar.list_slates import ListSlate, list_slate

register = template.Library()

MENU_REASON = "personal_order"
"""The code of the reason why the menu's entries stand where they do."""


@register.simple_tag(takes_context=True)
def personal_categories(context: Context) -> str:
    """The visitor's own lines in the menu, each a category with its reason; nothing where nothing is known of them."""
    request = context.get("request")
    visit = visits.consented_visit(request) if request is not None else None
    shortcuts = serve.menu_shortcuts(visit) if visit else []
    if shortcuts:
        with fail_open("Printing the visitor's lines in the menu", queries=False):
            items, reasons = [(one.key, one.url) for one in shortcuts], [one.reason.code for one in shortcuts]
            slate = list_slate(request, "navigation", "shortcuts", items, reasons=reasons, item_kind="category")
            told = {"shortcuts": shortcuts, "list_slate": slate}
            return get_template("personalization/partials/shortcuts.html").render(told)
    return ""


@register.simple_tag(takes_context=True)
def menu_slate(context: Context, categories: Sequence[Any]) -> ListSlate | None:
    """What is reported of the menu's entries in the visitor's order; None for visitors who are not reported."""
    with fail_open("Signing the menu", queries=False):
        items = [(category.pk, category.get_absolute_url()) for category in categories]
        reasons = [MENU_REASON] * len(items)
        return list_slate(context["request"], "navigation", "menu", items, reasons=reasons, item_kind="category")
    return None


@register.simple_tag(takes_context=True)
def has_consent(context: Context) -> bool:
    """Whether somebody is there who agreed to be known: of nobody else a page need ask for what is theirs alone."""
    request = context.get("request")
    return request is not None and visits.has_consent(request)


@register.simple_tag(takes_context=True)
def category_scores(context: Context) -> Mapping[int, float]:
    """What puts the menu's top categories in this visitor's order; nothing where the shop lets none of them move."""
    request = context.get("request")
    visit = visits.consented_visit(request) if request is not None else None
    return serve.category_scores(visit) if visit else {}


@register.filter
def sort_by_score(categories: Iterable[Any], wanted: Mapping[int, float]) -> list[Any]:
    """The entries of Oscar's category tree in that order, as far as the settings let them move."""
    with fail_open("Moving the menu's entries", queries=False):
        shown = {category.pk: category for category in categories}
        return [shown[key] for key in serve.sort_menu(list(shown), wanted)]
    return list(categories)
