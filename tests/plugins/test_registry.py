"""Which plug-ins a registry lists, in which sequence, and what it says of those that cannot be used."""

import pytest
from django.core.checks import run_checks

from personalization import conf, plugins, surfaces
from personalization.rank.features import FEATURES
from personalization.serve import serve_slate
from personalization.surfaces import registered_surfaces
from personalization.testing import example_snapshot
from tests.plugins.outside.recommenders import large_orders
from tests.plugins.outside.surfaces import account
from tests.test_signals import ANONYMOUS

ACCOUNT = "tests.plugins.outside.surfaces.account"
LARGE_ORDERS = "tests.plugins.outside.recommenders.large_orders"
BUILT_IN = [
    *("basket", "category", "home", "message", "navigation", "order_confirmation", "product", "search"),
    "zero_results",
]

not_a_surface = object()
twin = surfaces.Surface(name="home", ranking=account.ranking)
spelled_badly = surfaces.Surface(name="My page", ranking=account.ranking)
second = surfaces.Surface(name="another", ranking=account.ranking)


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    monkeypatch.setattr(plugins, "_registered", [])


@pytest.fixture
def add(settings):
    """Sets some keys of PERSONALIZATION."""

    def added(**keys):
        settings.PERSONALIZATION = {**settings.PERSONALIZATION, **keys}

    return added


def faults():
    return [(check.id, check.msg) for check in run_checks(tags=["personalization"])]


def test_ours_come_first_then_the_setting_s_then_the_registered_ones(add):
    plugins.register(surface=second)
    add(SURFACES=[ACCOUNT])
    assert list(registered_surfaces()) == [*BUILT_IN, "account", "another"]


def test_what_an_app_registers_twice_is_there_once():
    plugins.register(surface=second, recommender=large_orders)
    plugins.register(surface=second, recommender=LARGE_ORDERS)
    assert list(registered_surfaces()) == [*BUILT_IN, "another"]
    assert [one.reference for one in plugins.added_plugins("recommender")] == [large_orders, LARGE_ORDERS]


def test_another_value_of_the_setting_is_used_at_once(add):
    add(SURFACES=[ACCOUNT])
    assert "account" in registered_surfaces()
    add(SURFACES=())
    assert list(registered_surfaces()) == BUILT_IN


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        (
            "tests.plugins.outside.nowhere.surface",
            "cannot be imported: No module named 'tests.plugins.outside.nowhere'.",
        ),
        ("tests.plugins.outside.surfaces.sale", "cannot be imported: module 'tests.plugins.outside.surfaces' has no"),
        ("personalization.surfaces.Surface", "is a class; expected an instance of it."),
        ("tests.plugins.test_registry.not_a_surface", "is no surface: it is <object object at"),
        ("tests.plugins.test_registry.twin", "is called 'home', as another surface is; rename it."),
        (
            "tests.plugins.test_registry.spelled_badly",
            "is no surface: its name is 'My page'; expected at most 32 lower",
        ),
    ],
)
def test_check_names_a_surface_that_cannot_be_used_and_pages_go_on_without_it(add, path, fault):
    add(SURFACES=[path, ACCOUNT])
    ((identity, message),) = faults()
    assert identity == "personalization.E005"
    assert message.startswith(f'PERSONALIZATION["SURFACES"] names {path!r}, which {fault}')
    assert list(registered_surfaces()) == [*BUILT_IN, "account"]


@pytest.mark.django_db
def test_a_broken_plug_in_breaks_no_page(add):
    add(SURFACES=["tests.plugins.outside.nowhere.surface"], RECOMMENDERS=["nowhere.at_all"])
    assert serve_slate("home", ANONYMOUS).surface == "home"


class Nameless:
    name = "popular"

    def fit(self, history, limits):
        raise NotImplementedError


same_name_as_ours = Nameless()
no_fit = type("NoFit", (), {"name": "no_fit"})()
named_as_an_array = type("Product", (Nameless,), {"name": "product"})()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("same_name_as_ours", "is called 'popular', as another recommender is; rename it."),
        ("no_fit", "is no recommender: it has no method `fit(history, limits)`."),
        ("named_as_an_array", "is no recommender: its name is 'product', one of those that features and arrays have"),
    ],
)
def test_check_names_a_recommender_that_cannot_be_used_and_training_refuses(add, name, fault):
    add(RECOMMENDERS=[f"tests.plugins.test_registry.{name}"])
    ((_, message),) = faults()
    assert f"which {fault}" in message
    with pytest.raises(plugins.PluginError) as refused:
        plugins.registered_recommenders()
    assert str(refused.value) == message


def test_a_plug_in_that_an_app_registered_is_named_by_that_call():
    plugins.register(recommender=no_fit)
    ((_, message),) = faults()
    assert message.startswith("plugins.register(recommender=...) is no recommender: it has no method")


@pytest.mark.parametrize("value", ["shop.surface", ["surface"], [7], 7])
def test_the_settings_take_lists_of_dotted_paths(add, value):
    add(SURFACES=value)
    ((identity, message),) = faults()
    assert (identity, conf.get_settings().SURFACES) == ("personalization.E001", ())
    assert message.endswith("expected a list of dotted paths, ['shop.surfaces.sale'] for instance.")


def test_no_recommender_can_be_named_as_a_feature_or_an_array():
    recommenders = set(plugins.registered_recommenders())
    arrays = {name.split(".")[0] for name in example_snapshot().arrays} - recommenders
    searches = {"query", "search", "trigram", "ranker"}
    features = {feature.name.split(".")[0] for feature in FEATURES}
    assert arrays | searches | features <= plugins.RESERVED_NAMES
