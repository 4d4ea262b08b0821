"""What the app sets in the shop's settings: defaults of Oscar's, the dashboard's menu, and where htmx lies."""

from pathlib import Path
from typing import Any

import django_htmx
from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.functional import lazy
from django.utils.translation import pgettext_lazy
from oscar import defaults

from personalization import conf


def set_homepage() -> None:
    """Points OSCAR_HOMEPAGE to our home page, unless the shop has set it or does not include our URLs.

    The logo, breadcrumbs, "continue shopping" and the sign-out page all link to OSCAR_HOMEPAGE, and Oscar's default
    is the catalogue. A shop that has not set it holds the very object of Oscar's defaults.
    """
    if settings.OSCAR_HOMEPAGE is defaults.OSCAR_HOMEPAGE:
        settings.OSCAR_HOMEPAGE = lazy(_homepage_url, str)()


def _homepage_url() -> str:
    try:
        return reverse("personalization:home")
    except NoReverseMatch:
        return reverse("catalogue:index")


def clear_history_on_logout() -> None:
    """Adds the cookie of recently viewed products to those that Oscar deletes on logout.

    Oscar's own list has the name of a cookie that does not exist.
    """
    name = settings.OSCAR_RECENTLY_VIEWED_COOKIE_NAME
    if conf.get_settings().CLEAR_RECENTLY_VIEWED_ON_LOGOUT and name not in settings.OSCAR_COOKIES_DELETE_ON_LOGOUT:
        settings.OSCAR_COOKIES_DELETE_ON_LOGOUT = [*settings.OSCAR_COOKIES_DELETE_ON_LOGOUT, name]


def add_dashboard_menu() -> None:
    """Adds our screens to the menu of Oscar's dashboard, unless the shop has put one of them there itself."""
    menu = settings.OSCAR_DASHBOARD_NAVIGATION
    if not any(_leads_to_us(entry) for entry in menu):
        settings.OSCAR_DASHBOARD_NAVIGATION = [*menu, dashboard_menu()]


def dashboard_menu() -> dict[str, Any]:
    """Our entry in the menu of the dashboard."""
    children = [
        (pgettext_lazy("personalization", "Overview"), "overview"),
        (pgettext_lazy("personalization", "Campaigns"), "campaigns"),
        (pgettext_lazy("personalization", "Segments"), "segments"),
        (pgettext_lazy("personalization", "Preview"), "preview"),
        (pgettext_lazy("personalization", "Data and jobs"), "data"),
        (pgettext_lazy("personalization", "Audit"), "audit"),
        (pgettext_lazy("personalization", "Consent"), "consent"),
        (pgettext_lazy("personalization", "Keys of other servers"), "keys"),
        (pgettext_lazy("personalization", "Sensitive categories"), "sensitive"),
    ]
    return {
        "label": pgettext_lazy("personalization", "Personalisation"),
        "icon": "fas fa-user-check",
        "children": [
            {"label": label, "url_name": f"personalization:personalization-{name}"} for label, name in children
        ],
    }


def _leads_to_us(entry: dict[str, Any]) -> bool:
    names = [entry.get("url_name"), *(child.get("url_name") for child in entry.get("children", ()))]
    return any(str(name).startswith("personalization:") for name in names)


def add_htmx() -> None:
    """Lets Django find the htmx that django-htmx ships, without an entry in INSTALLED_APPS."""
    folder = Path(django_htmx.__file__).parent / "static" / "django_htmx"
    settings.STATICFILES_DIRS = [*settings.STATICFILES_DIRS, ("personalization/htmx", str(folder))]
