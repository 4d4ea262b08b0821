"""Makes the shop's home link lead to the personal home page."""

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.functional import lazy
from oscar import defaults


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
