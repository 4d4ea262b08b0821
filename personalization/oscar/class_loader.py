"""`OSCAR_DYNAMIC_CLASS_LOADER`: Oscar's classes, with our order in what search, catalogue and category pages build on,
and its pages that hold rows of ours kept out of shared caches.

Oscar asks for classes while models are loaded, so nothing of ours is imported here before it is asked for.
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
"""What the views of Oscar's search, catalogue and category pages build on, and a shop's fork of them, too."""

LIST_MIXIN, PRIVATE_PAGE_MIXIN = (
    "personalization.oscar.listing_views.PersonalListMixin",
    "personalization.oscar.private_pages.PrivatePageMixin",
)
"""What is mixed in; it may be the very thing that cannot be imported."""
MIXIN_PATHS = {
    LISTING_VIEW: LIST_MIXIN,
    ("catalogue.views", "ProductDetailView"): PRIVATE_PAGE_MIXIN,
    ("basket.views", "BasketView"): PRIVATE_PAGE_MIXIN,
    ("checkout.views", "ThankYouView"): PRIVATE_PAGE_MIXIN,
}


def load_classes(module_label: str, classnames: Sequence[str], module_prefix: str) -> list[type]:
    """The classes that the loader underneath finds, those of MIXED with ours in front."""
    found = wrapped_loader()(module_label, classnames, module_prefix)
    names = [(module_label, name) for name in classnames]
    if not MIXIN_PATHS.keys() & set(names):
        return found
    return [
        with_mixin(made, MIXIN_PATHS[name]) if name in MIXIN_PATHS else made
        for name, made in zip(names, found, strict=True)
    ]


def wrapped_loader() -> Callable[[str, Sequence[str], str], list[type]]:
    """The shop's own class loader where it names one, else Oscar's. A wrong name stops the shop, as in Oscar."""
    path = conf.get_settings().WRAPPED_CLASS_LOADER
    return import_string(path) if path else default_class_loader


def with_mixin(view: type, mixin: str) -> type:
    """This view with the mixin of that path in front; or, when that cannot be had, the very view."""
    try:
        return _mixed_class(view, mixin)
    except Exception:
        logger.exception("%s stays Oscar's own, without %s", view, mixin)
        return view


@cache
def _mixed_class(view: type, mixin: str) -> type:
    """One class for each view, so that whoever asks twice gets the same."""
    ours = import_string(mixin)
    if issubclass(view, ours):
        return view
    return type(view.__name__, (ours, view), {"__module__": view.__module__, "__doc__": view.__doc__})


def is_active() -> bool:
    """Whether Oscar's listing pages are in the visitor's order; also in a shop that has none of them."""
    try:
        view = get_class(*LISTING_VIEW)
    except AppNotFoundError:
        return True
    return any(f"{ancestor.__module__}.{ancestor.__qualname__}" == LIST_MIXIN for ancestor in view.__mro__)
