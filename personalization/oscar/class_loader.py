"""`OSCAR_DYNAMIC_CLASS_LOADER`: adds our mixins to Oscar's views, for sorted lists and for pages with rows.

Oscar loads classes while models are being loaded, so nothing of ours that needs models is imported here at the top.
"""

import logging
from collections.abc import Callable, Sequence
from functools import cache

from django.utils.module_loading import import_string
from oscar.core.exceptions import AppNotFoundError
from oscar.core.loading import default_class_loader, get_class

from personalization import conf

logger = logging.getLogger(__name__)

LISTING_VIEW = ("search.views.base", "BaseSearchView")
"""The base class of Oscar's search, catalogue and category views, and of a shop's fork of them."""

ALERT_SENDER = ("customer.alerts.utils", "AlertsDispatcher")
LIST_MIXIN, PRIVATE_PAGE_MIXIN, QUIET_ALERTS_MIXIN, ASKING_MIXIN = (
    "personalization.oscar.listing_views.PersonalListMixin",
    "personalization.oscar.private_pages.PrivatePageMixin",
    "personalization.oscar.alert_sender.QuietAlertsMixin",
    "personalization.pages.registration.AskForMessagesMixin",
)
"""Named by path, as importing them may be what fails."""
MIXIN_PATHS = {
    LISTING_VIEW: LIST_MIXIN,
    ("catalogue.views", "ProductDetailView"): PRIVATE_PAGE_MIXIN,
    ("basket.views", "BasketView"): PRIVATE_PAGE_MIXIN,
    ("checkout.views", "ThankYouView"): PRIVATE_PAGE_MIXIN,
    ALERT_SENDER: QUIET_ALERTS_MIXIN,
    ("customer.forms", "EmailUserCreationForm"): ASKING_MIXIN,
}


def load_classes(module_label: str, classnames: Sequence[str], module_prefix: str) -> list[type]:
    """The classes that the wrapped loader finds, those of MIXIN_PATHS with our mixin in front."""
    loaded = wrapped_loader()(module_label, classnames, module_prefix)
    names = [(module_label, name) for name in classnames]
    if not MIXIN_PATHS.keys() & set(names):
        return loaded
    return [
        with_mixin(view, MIXIN_PATHS[name]) if name in MIXIN_PATHS else view
        for name, view in zip(names, loaded, strict=True)
    ]


def wrapped_loader() -> Callable[[str, Sequence[str], str], list[type]]:
    """The class loader that the shop names, else Oscar's. A wrong path stops the shop, as it does in Oscar."""
    path = conf.get_settings().WRAPPED_CLASS_LOADER
    return import_string(path) if path else default_class_loader


def with_mixin(view: type, mixin: str) -> type:
    """This view with the mixin of that path in front; the view itself when that fails."""
    try:
        return _mixed_class(view, mixin)
    except Exception:
        logger.exception("%s stays Oscar's own, without %s", view, mixin)
        return view


@cache
def _mixed_class(view: type, mixin: str) -> type:
    """One class for each view, however often it is loaded."""
    mixin_class = import_string(mixin)
    if issubclass(view, mixin_class):
        return view
    return type(view.__name__, (mixin_class, view), {"__module__": view.__module__, "__doc__": view.__doc__})


def is_active() -> bool:
    """Whether Oscar's listing views have our mixin; True in a shop that has no such views."""
    return _has_mixin(LISTING_VIEW, LIST_MIXIN)


def is_alert_sender_quiet() -> bool:
    """Whether Oscar's sender of product alerts has our mixin; True in a shop that has no such sender."""
    return _has_mixin(ALERT_SENDER, QUIET_ALERTS_MIXIN)


def _has_mixin(name: tuple[str, str], mixin: str) -> bool:
    try:
        loaded = get_class(*name)
    except AppNotFoundError:
        return True
    return any(f"{ancestor.__module__}.{ancestor.__qualname__}" == mixin for ancestor in loaded.__mro__)
