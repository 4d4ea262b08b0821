"""What `manage.py check` says."""

import pytest
from django.core.checks import run_checks

from personalization import conf


def ours(settings):
    return [(check.id, check.msg) for check in run_checks(tags=["personalization"])]


def test_the_example_shop_is_configured_well(settings):
    assert ours(settings) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"row_sise": 4},
            "PERSONALIZATION: unknown setting 'row_sise'; known are: basket_cap, child, clear_history, ",
        ),
        ({"row_size": "6"}, "PERSONALIZATION: 'row_size' is '6'; it takes a whole number from 1."),
        ({"row_size": 0}, "PERSONALIZATION: 'row_size' is 0; it takes a whole number from 1."),
        ({"row_size": True}, "PERSONALIZATION: 'row_size' is True; it takes a whole number from 1."),
        ({"snapshot_dir": 7}, "PERSONALIZATION: 'snapshot_dir' is 7; it takes a text."),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_its_default_used(settings, given, sentence):
    settings.PERSONALIZATION = given
    ((identity, message),) = ours(settings)
    assert identity == "personalization.E001"
    assert message.startswith(sentence)
    assert conf.current() == conf.Settings()


def test_an_app_that_stands_after_oscar_is_an_error(settings):
    settings.INSTALLED_APPS = [
        *(app for app in settings.INSTALLED_APPS if app != "personalization"),
        "personalization",
    ]
    assert [identity for identity, _ in ours(settings)] == ["personalization.E002"]


def test_the_simple_search_engine_is_warned_of(settings):
    settings.HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
    assert [identity for identity, _ in ours(settings)] == ["personalization.W001"]


def test_few_customers_behind_what_is_learned_are_warned_of(settings):
    settings.PERSONALIZATION = {"min_customers": 2}
    assert [identity for identity, _ in ours(settings)] == ["personalization.W002"]


@pytest.mark.parametrize("setting", ["consent", "child"])
@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("shop.no_such.thing", "which cannot be imported: No module named 'shop'."),
        ("tests.shop.PRODUCTS", "which is no function."),
    ],
)
def test_a_hook_that_is_not_there_is_named(settings, setting, path, sentence):
    settings.PERSONALIZATION = {setting: path}
    assert ours(settings) == [("personalization.E003", f"PERSONALIZATION: '{setting}' is '{path}', {sentence}")]
