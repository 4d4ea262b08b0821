"""`manage.py check` says what is misconfigured, and how to mend it."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.urls import NoReverseMatch, resolve, reverse
from django.utils.module_loading import import_string
from django.views.generic import RedirectView

from personalization import conf, plugins, surfaces  # noqa: F401 - each folder of plug-ins has a registry
from personalization.models.fail_open import fail_open
from personalization.oscar import class_loader, template_overrides


@register("personalization")
def check_settings(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E001: a key of PERSONALIZATION is unknown or has a wrong value."""
    return [
        Error(
            f"PERSONALIZATION: {fault}.",
            hint="See docs/reference.md for all settings.",
            id="personalization.E001",
        )
        for fault in conf.setting_errors()
    ]


@register("personalization")
def check_app_order(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E002: Oscar's templates would be found first, and every row would be lost without a word."""
    names = [entry.split(".apps.")[0] for entry in settings.INSTALLED_APPS]
    oscars = (place for place, name in enumerate(names) if name.split(".")[0] == "oscar")
    first_of_oscar = next(oscars, len(names))
    if names.index("personalization") < first_of_oscar:
        return []
    return [
        Error(
            "'personalization' stands after Oscar in INSTALLED_APPS, so Oscar's templates hide its rows.",
            hint='Put it first: INSTALLED_APPS = ["personalization", *INSTALLED_APPS].',
            id="personalization.E002",
        )
    ]


@register("personalization")
def check_callables(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E003: a function of the shop's own that a setting names is not there; nobody would be known."""
    return [error for name in ("CONSENT_CALLABLE", "IS_CHILD_CALLABLE") if (error := _callable_error(name))]


def _callable_error(name: str) -> CheckMessage | None:
    path = getattr(conf.get_settings(), name)
    try:
        found = import_string(path) if path else callable
    except ImportError as fault:
        return Error(
            f"PERSONALIZATION: {name!r} is {path!r}, which cannot be imported: {fault}.",
            hint="It takes the dotted path of a function. Until it is right, nobody is known.",
            id="personalization.E003",
        )
    if callable(found):
        return None
    return Error(
        f"PERSONALIZATION: {name!r} is {path!r}, which is no function.",
        hint="It takes the dotted path of a function. Until it is right, nobody is known.",
        id="personalization.E003",
    )


@register("personalization")
def check_plugins(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E005: the shop adds a recommender, a surface or a row type that cannot be used."""
    hint = "Expected an object that keeps the contract, or its dotted path; see docs/reference.md, Plug-ins."
    faults = [fault for registry in plugins.REGISTRIES.values() for fault in registry.errors()]
    return [Error(fault, hint=hint, id="personalization.E005") for fault in faults]


@register("personalization")
def check_search_engine(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W001: Haystack's SimpleEngine ignores filters: hidden products are found, category pages are empty."""
    engine = getattr(settings, "HAYSTACK_CONNECTIONS", {}).get("default", {}).get("ENGINE", "")
    if not engine.endswith("SimpleEngine"):
        return []
    return [
        Warning(
            "HAYSTACK_CONNECTIONS uses SimpleEngine, which ignores filters: category pages are empty.",
            hint="Use Whoosh for a small shop, Solr or Elasticsearch for a large one.",
            id="personalization.W001",
        )
    ]


@register("personalization")
def check_min_customers(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W002: with few customers behind what is learned, a row can tell what one of them bought."""
    allowed, usual = conf.get_settings().MIN_CUSTOMERS, conf.Settings.MIN_CUSTOMERS
    if allowed >= usual:
        return []
    return [
        Warning(
            f"min_customers is {allowed}: rows may let someone guess what a single customer bought.",
            hint=f"Keep it at {usual} or more unless the shop is very small.",
            id="personalization.W002",
        )
    ]


OUR_LOADER = "personalization.oscar.class_loader.load_classes"
OSCAR_LOADER = "oscar.core.loading.default_class_loader"


@register("personalization")
def check_class_loader(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W003: Oscar's class loader, or the shop's own, gives listing pages without our order."""
    if class_loader.is_active():
        return []
    found = settings.OSCAR_DYNAMIC_CLASS_LOADER
    return [
        Warning(
            f"OSCAR_DYNAMIC_CLASS_LOADER is {found!r}: "
            "search, catalogue and category pages stay in the search engine's order.",
            hint=_loader_to_paste(found),
            id="personalization.W003",
        )
    ]


def _loader_to_paste(found: str) -> str:
    if found == OUR_LOADER:
        return "It is ours, and could not do its work: the log says why."
    line = f'Paste into the settings: OSCAR_DYNAMIC_CLASS_LOADER = "{OUR_LOADER}"'
    if found == OSCAR_LOADER:
        return f"{line}."
    return f'{line}, and let it ask your own: PERSONALIZATION = {{"WRAPPED_CLASS_LOADER": "{found}"}}.'


URLS = 'path("", include("personalization.urls"))'


@register("personalization")
def check_urls(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W004: nobody can answer our question, nothing is reported. E004: they are hidden by Oscar's, whose home page
    would lead to itself."""
    try:
        view = resolve(reverse("personalization:home")).func
    except NoReverseMatch:
        return [
            Warning(
                "The shop's URLs leave ours out: no personal home page, and nobody can say whether to be known.",
                hint=f"Paste into the URLs, before Oscar's own include: {URLS}.",
                id="personalization.W004",
            )
        ]
    if getattr(view, "view_class", None) is not RedirectView:
        return []
    return [
        Error(
            "The shop's URLs name ours after Oscar's, whose home page now leads to itself.",
            hint=f"Put it before Oscar's own include: {URLS}.",
            id="personalization.E004",
        )
    ]


@register("personalization")
def check_templates(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W005: the shop has a template of its own that never reaches ours of the same name."""
    with fail_open("Reading the shop's templates"):
        return [_lost_template(lost) for lost in template_overrides.lost_overrides()]
    return []


def _lost_template(lost: template_overrides.LostOverride) -> CheckMessage:
    how = f"fills the block {lost.block!r} without {{{{ block.super }}}}" if lost.block else "does not extend it"
    mend = "Add that" if lost.block else f'Let it begin with {{% extends "{lost.template}" %}}'
    return Warning(
        f"{lost.file} stands in for {lost.template} and {how}: what we add to that page is lost.",
        hint=f"{mend}, or paste where it should stand: {lost.tag}",
        id="personalization.W005",
    )


@register("personalization", deploy=True)
def check_cache(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W006: what one process counts, another does not know. Only a shop that goes live has several."""
    backend = settings.CACHES["default"].get("BACKEND", "")
    if settings.DEBUG or not backend.endswith((".LocMemCache", ".DummyCache")):
        return []
    return [
        Warning(
            f"CACHES uses {backend}, which processes do not share: each counts by itself how much a visitor does.",
            hint="With more than one process use Redis, Memcached or the database as the default cache.",
            id="personalization.W006",
        )
    ]
