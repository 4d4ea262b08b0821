"""`manage.py check` says what is misconfigured, and how to mend it."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.module_loading import import_string

from personalization import conf


@register("personalization")
def settings_are_understood(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E001: a key of PERSONALIZATION is unknown or has a wrong value."""
    return [
        Error(
            f"PERSONALIZATION: {fault}.",
            hint="See docs/reference.md for all settings.",
            id="personalization.E001",
        )
        for fault in conf.faults()
    ]


@register("personalization")
def app_stands_before_oscar(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E002: Oscar's templates would be found first, and every row would be lost without a word."""
    names = [entry.split(".apps.")[0] for entry in settings.INSTALLED_APPS]
    first_of_oscar = next((place for place, name in enumerate(names) if name.startswith("oscar")), len(names))
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
def hooks_can_be_called(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E003: a function of the shop's own that a setting names is not there; nobody would be known."""
    return [error for name in ("consent", "child") if (error := _fault_of_hook(name))]


def _fault_of_hook(name: str) -> CheckMessage | None:
    path = getattr(conf.current(), name)
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
def search_engine_knows_filters(app_configs: Any, **options: Any) -> list[CheckMessage]:
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
def enough_customers_stand_behind_a_pair(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W002: with few customers behind what is learned, a row can tell what one of them bought."""
    allowed, usual = conf.current().min_customers, conf.Settings.min_customers
    if allowed >= usual:
        return []
    return [
        Warning(
            f"min_customers is {allowed}: rows may let someone guess what a single customer bought.",
            hint=f"Keep it at {usual} or more unless the shop is very small.",
            id="personalization.W002",
        )
    ]
