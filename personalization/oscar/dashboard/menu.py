"""Our screens in the menu of Oscar's dashboard, and the script that they need, in a shop that names neither."""

from pathlib import Path
from typing import Any

import django_htmx
from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import pgettext_lazy
from oscar.views.decorators import check_permissions

from personalization.oscar.dashboard import access


def add_dashboard_menu() -> None:
    """Adds our screens to the menu of Oscar's dashboard, unless the shop has put one of them there itself."""
    menu = getattr(settings, "OSCAR_DASHBOARD_NAVIGATION", None)
    if menu is not None and not any(_leads_to_us(entry) for entry in menu):
        settings.OSCAR_DASHBOARD_NAVIGATION = [*menu, dashboard_menu()]


def dashboard_menu() -> dict[str, Any]:
    """Our entry in the menu of the dashboard."""
    children = [
        (pgettext_lazy("personalization", "Overview"), "overview"),
        (pgettext_lazy("personalization", "Campaigns"), "campaigns"),
        (pgettext_lazy("personalization", "Rows"), "rows"),
        (pgettext_lazy("personalization", "What counts"), "objectives"),
        (pgettext_lazy("personalization", "Content blocks"), "blocks"),
        (pgettext_lazy("personalization", "Segments"), "segments"),
        (pgettext_lazy("personalization", "Searches"), "searches"),
        (pgettext_lazy("personalization", "Messages"), "messages"),
        (pgettext_lazy("personalization", "Preview"), "preview"),
        (pgettext_lazy("personalization", "Products"), "product-finder"),
        (pgettext_lazy("personalization", "Reports"), "reports"),
        (pgettext_lazy("personalization", "Experiments"), "experiments"),
        (pgettext_lazy("personalization", "Data and jobs"), "data"),
        (pgettext_lazy("personalization", "Audit"), "audit"),
        (pgettext_lazy("personalization", "Customers and consent"), "consent"),
        (pgettext_lazy("personalization", "Keys of other servers"), "keys"),
        (pgettext_lazy("personalization", "Sensitive categories"), "sensitive"),
    ]
    return {
        "label": pgettext_lazy("personalization", "Personalisation"),
        "icon": "fas fa-user-check",
        "children": [
            {"label": label, "url_name": f"personalization:personalization-{name}", "access_fn": may_open}
            for label, name in children
        ],
    }


def may_open(user: Any, url_name: str, args: Any = None, kwargs: Any = None) -> bool:
    """Whether the menu shows one of our screens to this user; none in a shop that does not include our URLs, where
    Oscar's own question would break every page of its dashboard."""
    try:
        reverse(url_name, args=args, kwargs=kwargs)
    except NoReverseMatch:
        return False
    needed = access.PERMISSIONS.get(url_name.rpartition(":")[2], access.SUPERUSERS)
    return bool(check_permissions(user, needed))


def _leads_to_us(entry: dict[str, Any]) -> bool:
    names = [entry.get("url_name"), *(child.get("url_name") for child in entry.get("children", ()))]
    return any(str(name).startswith("personalization:") for name in names)


def add_htmx() -> None:
    """Lets Django find the htmx that django-htmx ships, without an entry in INSTALLED_APPS."""
    folder = Path(django_htmx.__file__).parent / "static" / "django_htmx"
    settings.STATICFILES_DIRS = [*settings.STATICFILES_DIRS, ("personalization/htmx", str(folder))]
