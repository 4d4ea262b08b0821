"""Defaults for settings of Oscar's, unless the shop sets them: its home page, and the cookies deleted on logout."""

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.functional import lazy
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
