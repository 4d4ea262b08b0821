"""What `manage.py check` says."""

import sys
from types import ModuleType

import pytest
from django.apps import apps
from django.conf.urls.i18n import i18n_patterns
from django.core.checks import run_checks
from django.template.loaders.base import Loader
from django.urls import include, path
from django.views import View
from oscar.core import loading
from oscar.core.loading import default_class_loader

from personalization import conf
from personalization.oscar import class_loader
from personalization.oscar.class_loader import load_classes


@pytest.fixture
def oscar_asks(settings):
    """Makes Oscar ask another class loader from now on."""

    def become(path):
        settings.OSCAR_DYNAMIC_CLASS_LOADER = path
        loading.get_class_loader.cache_clear()

    yield become
    loading.get_class_loader.cache_clear()


def ours(settings):
    return [(check.id, check.msg) for check in run_checks(tags=["personalization"])]


def test_the_example_shop_is_configured_well(settings):
    assert ours(settings) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"row_sise": 4},
            "PERSONALIZATION: unknown setting 'row_sise'; expected one of: ",
        ),
        ({"ROW_SIZE": "6"}, "PERSONALIZATION: 'ROW_SIZE' is '6'; expected an integer >= 1."),
        ({"ROW_SIZE": 0}, "PERSONALIZATION: 'ROW_SIZE' is 0; expected an integer >= 1."),
        ({"ROW_SIZE": True}, "PERSONALIZATION: 'ROW_SIZE' is True; expected an integer >= 1."),
        ({"SNAPSHOT_DIR": 7}, "PERSONALIZATION: 'SNAPSHOT_DIR' is 7; expected a string."),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_its_default_used(settings, given, sentence):
    settings.PERSONALIZATION = given
    ((identity, message),) = ours(settings)
    assert identity == "personalization.E001"
    assert message.startswith(sentence)
    assert conf.get_settings() == conf.Settings()


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
    settings.PERSONALIZATION = {"MIN_CUSTOMERS": 2}
    assert [identity for identity, _ in ours(settings)] == ["personalization.W002"]


@pytest.mark.parametrize("setting", ["CONSENT_CALLABLE", "IS_CHILD_CALLABLE"])
@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("shop.no_such.item", "which cannot be imported: No module named 'shop'."),
        ("tests.shops.factories.PRODUCTS", "which is not callable."),
    ],
)
def test_a_hook_that_is_not_there_is_named(settings, setting, path, sentence):
    settings.PERSONALIZATION = {setting: path}
    assert ours(settings) == [("personalization.E003", f"PERSONALIZATION: '{setting}' is '{path}', {sentence}")]


def test_oscars_own_class_loader_is_named_with_the_line_to_paste(settings, oscar_asks):
    oscar_asks("oscar.core.loading.default_class_loader")
    (warning,) = run_checks(tags=["personalization"])
    assert (warning.id, warning.msg) == (
        "personalization.W003",
        "OSCAR_DYNAMIC_CLASS_LOADER is 'oscar.core.loading.default_class_loader': "
        "search, catalogue and category pages are not reranked.",
    )
    assert warning.hint == (
        'Paste into the settings: OSCAR_DYNAMIC_CLASS_LOADER = "personalization.oscar.class_loader.load_classes".'
    )


def own_loader(*args):
    return default_class_loader(*args)


def loader_on_top_of_ours(*args):
    return load_classes(*args)


def test_a_shop_with_a_class_loader_of_its_own_is_told_how_to_keep_it(oscar_asks):
    oscar_asks(f"{__name__}.own_loader")
    (warning,) = run_checks(tags=["personalization"])
    assert warning.hint == (
        "Paste into the settings: "
        'OSCAR_DYNAMIC_CLASS_LOADER = "personalization.oscar.class_loader.load_classes", '
        f'and let it call your own: PERSONALIZATION = {{"WRAPPED_CLASS_LOADER": "{__name__}.own_loader"}}.'
    )


def test_a_class_loader_that_asks_ours_is_as_good(settings, oscar_asks):
    oscar_asks(f"{__name__}.loader_on_top_of_ours")
    assert ours(settings) == []


def test_our_class_loader_that_fails_points_to_the_log(monkeypatch):
    monkeypatch.setattr(class_loader, "is_active", lambda: False)
    (warning,) = run_checks(tags=["personalization"])
    assert warning.hint == "It is the right one, but it failed; the log says why."


@pytest.fixture
def urls(settings):
    """Gives the shop these URLs."""
    module = ModuleType("urls_of_a_shop")
    sys.modules[module.__name__] = module

    def become(*patterns):
        module.urlpatterns = [*patterns]
        settings.ROOT_URLCONF = module.__name__

    yield become
    del sys.modules[module.__name__]


def oscars():
    return path("", include(apps.get_app_config("oscar").urls[0]))


def test_urls_without_ours_are_an_error(urls):
    urls(oscars())
    (error,) = run_checks(tags=["personalization"])
    assert (error.id, error.msg, error.hint) == (
        "personalization.E006",
        "The shop's URLs lack the app's: there is no personalised home page, and nobody can give consent.",
        'Paste into the URLs, before Oscar\'s own include: path("", include("personalization.urls")).',
    )


def test_urls_of_ours_behind_oscars_are_an_error(urls):
    urls(oscars(), path("", include("personalization.urls")))
    (error,) = run_checks(tags=["personalization"])
    assert (error.id, error.msg) == (
        "personalization.E004",
        "The shop's URLs include the app's after Oscar's, whose home page now redirects to itself.",
    )


OURS = path("", include("personalization.urls"))


def test_urls_of_ours_outside_of_i18n_patterns_are_warned_of(urls):
    urls(OURS, *i18n_patterns(oscars()))
    (warning,) = run_checks(tags=["personalization"])
    assert (warning.id, warning.msg) == (
        "personalization.W008",
        "The shop's addresses begin with the language, as /en-gb/, and the app's do not: pages lose it.",
    )


@pytest.mark.parametrize("prefix_default", [True, False])
def test_urls_of_ours_within_i18n_patterns_keep_the_language(urls, prefix_default):
    urls(*i18n_patterns(OURS, oscars(), prefix_default_language=prefix_default))
    assert run_checks(tags=["personalization"]) == []


@pytest.mark.django_db
def test_the_home_page_of_a_language_is_ours_in_that_language(urls, client):
    urls(path("i18n/", include("django.conf.urls.i18n")), *i18n_patterns(OURS, oscars()))
    page = client.get("/de/")
    assert page.status_code == 200 and '<html lang="de"' in page.content.decode()
    assert page.context["homepage_url"] == "/de/"


def test_a_shop_may_keep_its_own_home_page(settings, urls):
    urls(path("", View.as_view()), path("", include("personalization.urls")), oscars())
    assert ours(settings) == []


def test_a_copied_template_is_named_with_the_tag_to_paste(settings, tmp_path):
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    footer = tmp_path / "oscar" / "partials" / "footer.html"
    footer.parent.mkdir(parents=True)
    footer.write_text("<footer></footer>")
    (warning,) = run_checks(tags=["personalization"])
    assert (warning.id, warning.msg, warning.hint) == (
        "personalization.W005",
        f"{footer} replaces oscar/partials/footer.html and does not extend it: "
        "the app's additions to that page are lost.",
        'Start it with {% extends "oscar/partials/footer.html" %}, or paste where they should be: '
        '{% include "personalization/partials/footer_link.html" %}',
    )
    footer.write_text('{% extends "oscar/partials/footer.html" %}{% block footer %}{% endblock %}')
    (warning,) = run_checks(tags=["personalization"])
    assert (warning.msg, warning.hint) == (
        f"{footer} replaces oscar/partials/footer.html and fills the block 'footer' without "
        "{{ block.super }}: the app's additions to that page are lost.",
        'Add that, or paste where they should be: {% include "personalization/partials/footer_link.html" %}',
    )
    footer.write_text('<footer>{% include "personalization/partials/footer_link.html" %}</footer>')
    assert ours(settings) == []


def test_templates_that_cannot_be_read_stop_no_check(settings):
    settings.TEMPLATES = [
        {
            **settings.TEMPLATES[0],
            "APP_DIRS": False,
            "OPTIONS": {**settings.TEMPLATES[0]["OPTIONS"], "loaders": [f"{__name__}.BrokenLoader"]},
        }
    ]
    assert ours(settings) == []


class BrokenLoader(Loader):
    def get_template_sources(self, template_name):
        raise OSError("no such disk")


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache"])
def test_a_cache_that_processes_do_not_share_is_warned_of_when_a_shop_goes_live(settings, backend):
    settings.CACHES = {"default": {"BACKEND": f"django.core.cache.backends.{backend}"}}
    settings.PERSONALIZATION = {"NUM_PROXIES": 0}
    (warning,) = run_checks(tags=["personalization"], include_deployment_checks=True)
    assert (warning.id, warning.msg) == (
        "personalization.W006",
        f"CACHES uses django.core.cache.backends.{backend}, which processes do not share: "
        "each process limits visitors' rates by itself.",
    )
    assert ours(settings) == []


@pytest.mark.parametrize(("given", "warned"), [({}, True), ({"NUM_PROXIES": 0}, False), ({"NUM_PROXIES": 2}, False)])
def test_a_shop_that_goes_live_says_how_many_proxies_it_has(settings, given, warned):
    settings.PERSONALIZATION = given
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
    found = run_checks(tags=["personalization"], include_deployment_checks=True)
    assert [check.id for check in found] == ["personalization.W009"] * warned
    assert ours(settings) == []


PAGE_CACHE = "django.middleware.cache.UpdateCacheMiddleware"


def test_a_page_cache_without_the_setting_stores_hardly_a_page(settings):
    settings.MIDDLEWARE = [PAGE_CACHE, *settings.MIDDLEWARE]
    assert ours(settings) == [
        (
            "personalization.W012",
            "MIDDLEWARE has Django's page cache, and CACHED_PAGES is off: pages with rows are private, never cached.",
        )
    ]
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CACHED_PAGES": True}
    assert ours(settings) == []


def test_pages_cannot_be_everybodys_without_our_class_loader(settings, oscar_asks):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CACHED_PAGES": True}
    oscar_asks("oscar.core.loading.default_class_loader")
    assert "personalization.W012" in [check for check, _ in ours(settings)]
