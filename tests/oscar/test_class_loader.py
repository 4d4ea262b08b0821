"""Oscar's class loader with ours on top."""

import subprocess
import sys

import pytest
from oscar.apps.search.views.base import BaseSearchView
from oscar.core.loading import default_class_loader

from personalization.oscar import class_loader
from personalization.oscar.class_loader import load_classes
from personalization.oscar.listing_views import PersonalListMixin
from personalization.oscar.private_pages import PrivatePageMixin

LABEL, PREFIX = "search.views.base", "oscar.apps"


def test_the_listing_view_is_oscars_with_our_order_on_top():
    (view,) = load_classes(LABEL, ["BaseSearchView"], PREFIX)
    assert view.__bases__ == (PersonalListMixin, BaseSearchView)
    assert (view.__module__, view.__name__) == ("oscar.apps.search.views.base", "BaseSearchView")


def test_whoever_asks_twice_gets_the_same_class():
    assert load_classes(LABEL, ["BaseSearchView"], PREFIX) == load_classes(LABEL, ["BaseSearchView"], PREFIX)


def test_a_view_that_has_our_order_is_left_as_it_is(caplog):
    (view,) = load_classes(LABEL, ["BaseSearchView"], PREFIX)
    assert class_loader.with_mixin(view, class_loader.LIST_MIXIN) is view
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("search.views", ["FacetedSearchView"]),
        ("search.facets", ["FacetMunger", "base_sqs"]),
        ("catalogue.reviews.views", ["CreateProductReview"]),
    ],
)
def test_every_other_class_is_what_oscar_finds(label, names):
    assert load_classes(label, names, PREFIX) == default_class_loader(label, names, PREFIX)


def test_oscars_pages_of_products_are_in_our_order():
    for label, name in [
        ("search.views", "FacetedSearchView"),
        ("search.views.catalogue", "CatalogueView"),
        ("search.views.catalogue", "ProductCategoryView"),
    ]:
        (view,) = load_classes(label, [name], PREFIX)
        assert issubclass(view, PersonalListMixin)


@pytest.mark.parametrize(
    ("label", "name"),
    [("catalogue.views", "ProductDetailView"), ("basket.views", "BasketView"), ("checkout.views", "ThankYouView")],
)
def test_oscars_pages_with_rows_are_kept_from_shared_caches(label, name):
    (view,) = load_classes(label, [name], PREFIX)
    assert view.__bases__ == (PrivatePageMixin, *default_class_loader(label, [name], PREFIX))


def test_what_cannot_be_mixed_stays_oscars_own(monkeypatch, caplog):
    class Odd(BaseSearchView):
        def __init_subclass__(cls):
            raise TypeError("nobody builds on this")

    assert class_loader.with_mixin(Odd, class_loader.LIST_MIXIN) is Odd
    assert "stays Oscar's own" in caplog.text


def test_where_our_order_cannot_be_imported_the_view_is_oscars_own(monkeypatch, caplog):
    class_loader._mixed_class.cache_clear()
    monkeypatch.setitem(sys.modules, "personalization.oscar.listing_views", None)
    assert load_classes(LABEL, ["BaseSearchView"], PREFIX) == [BaseSearchView]
    assert "stays Oscar's own" in caplog.text


class OwnBaseSearchView(BaseSearchView):
    pass


def own_loader(module_label, classnames, module_prefix):
    if (module_label, classnames) == (LABEL, ["BaseSearchView"]):
        return [OwnBaseSearchView]
    return ["own", *classnames]


def test_the_shops_own_loader_is_asked_for_every_class(settings):
    settings.PERSONALIZATION = {"WRAPPED_CLASS_LOADER": f"{__name__}.own_loader"}
    (view,) = load_classes(LABEL, ["BaseSearchView"], PREFIX)
    assert view.__bases__ == (PersonalListMixin, OwnBaseSearchView)
    assert load_classes("basket.forms", ["AddToBasketForm"], PREFIX) == ["own", "AddToBasketForm"]


def test_a_wrong_name_of_the_shops_own_loader_is_not_passed_over(settings):
    settings.PERSONALIZATION = {"WRAPPED_CLASS_LOADER": "shop.no_such.item"}
    with pytest.raises(ModuleNotFoundError, match="No module named 'shop'"):
        load_classes(LABEL, ["BaseSearchView"], PREFIX)


def test_the_loader_brings_nothing_of_ours_along():
    imports = (
        "import sys, personalization.oscar.class_loader; print(sorted(n for n in sys.modules if 'personaliz' in n))"
    )
    printed = subprocess.run([sys.executable, "-c", imports], capture_output=True, text=True, check=True).stdout.strip()
    assert printed == str(
        ["personalization", "personalization.conf", "personalization.oscar", "personalization.oscar.class_loader"]
    )
