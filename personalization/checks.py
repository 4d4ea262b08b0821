"""System checks: `manage.py check` names what is misconfigured, and what to change."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connection
from django.urls import NoReverseMatch, get_script_prefix, resolve, reverse
from django.utils.module_loading import import_string
from django.utils.translation import get_language, override
from django.views.generic import RedirectView

from personalization import conf, plugins, surfaces
from personalization.models.fail_open import fail_open
from personalization.oscar import class_loader, template_overrides
from personalization.shop import order_statuses

DATABASES = ("postgresql", "sqlite")
DJANGO_TEMPLATES = "django.template.backends.django.DjangoTemplates"
REQUEST_PROCESSOR = "django.template.context_processors.request"


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
    """E002: Oscar's templates would be found first, so that no row is shown."""
    names = [entry.split(".apps.")[0] for entry in settings.INSTALLED_APPS]
    oscar_apps = (index for index, name in enumerate(names) if name.split(".")[0] == "oscar")
    if names.index("personalization") < next(oscar_apps, len(names)):
        return []
    return [
        Error(
            "'personalization' is after Oscar in INSTALLED_APPS, so Oscar's templates hide its rows.",
            hint='Put it first: INSTALLED_APPS = ["personalization", *INSTALLED_APPS].',
            id="personalization.E002",
        )
    ]


@register("personalization")
def check_time_zones(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E007: moments without a time zone: nothing is learned, and no event is stored."""
    if settings.USE_TZ:
        return []
    return [
        Error(
            "USE_TZ is False: events are not stored, and training, export and import fail.",
            hint="Paste into the settings: USE_TZ = True. What the database holds is then read as of TIME_ZONE: see "
            "Django's documentation, Time zones, before you change it in a shop with orders.",
            id="personalization.E007",
        )
    ]


@register("personalization")
def check_database(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E008: a database on which the app's own statements do not run."""
    if connection.vendor in DATABASES:
        return []
    return [
        Error(
            f"The database is {connection.vendor}: events, genomes and training need statements that it does not have.",
            hint="Use PostgreSQL; SQLite serves a small shop.",
            id="personalization.E008",
        )
    ]


@register("personalization")
def check_context_processors(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E009: templates do not know the request, so that no row is shown."""
    engines: list[dict[str, Any]] = [one for one in settings.TEMPLATES if one["BACKEND"] == DJANGO_TEMPLATES]
    if any(REQUEST_PROCESSOR in one.get("OPTIONS", {}).get("context_processors", []) for one in engines):
        return []
    return [
        Error(
            "Templates do not know the request, so that the app's tags show nothing.",
            hint=f'Add to the "context_processors" of TEMPLATES: "{REQUEST_PROCESSOR}".',
            id="personalization.E009",
        )
    ]


WITHOUT_CALLABLE = {
    "CONSENT_CALLABLE": "no visitor is personalised",
    "IS_CHILD_CALLABLE": "no visitor is personalised",
    "PRODUCT_COST_CALLABLE": "no cost is known, and margin counts nowhere",
    "CHOSEN_STORE_CALLABLE": "no row prefers what a store has",
    "AUDIENCE_CALLABLE": "no audience is handed over",
}
"""What comes of a path that leads nowhere."""


@register("personalization")
def check_callables(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E003: a setting names a function that cannot be imported or called, so that no visitor has consent, or nobody's
    store is known."""
    return [error for name in WITHOUT_CALLABLE if (error := _callable_error(name))]


def _callable_error(name: str) -> CheckMessage | None:
    path = getattr(conf.get_settings(), name)
    try:
        if not path or callable(import_string(path)):
            return None
        fault = "which is not callable"
    except ImportError as error:
        fault = f"which cannot be imported: {error}"
    return Error(
        f"PERSONALIZATION: {name!r} is {path!r}, {fault}.",
        hint=f"Expected the dotted path of a function. Until then {WITHOUT_CALLABLE[name]}.",
        id="personalization.E003",
    )


@register("personalization")
def check_plugins(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E005: the shop adds a recommender, a surface, a row type or a kind of message that cannot be used, or that
    nothing shows."""
    hint = "Expected an object that keeps the contract, or its dotted path; see docs/reference.md, Plug-ins."
    faults = [fault for registry in plugins.REGISTRIES.values() for fault in registry.errors()]
    faults += surfaces.unknown_surface_errors()
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
    """W002: where few customers are behind what is learned, a row can reveal what one of them bought."""
    configured, default = conf.get_settings().MIN_CUSTOMERS, conf.Settings.MIN_CUSTOMERS
    if configured >= default:
        return []
    return [
        Warning(
            f"MIN_CUSTOMERS is {configured}: rows may reveal what a single customer bought.",
            hint=f"Keep it at {default} or more unless the shop is very small.",
            id="personalization.W002",
        )
    ]


@register("personalization")
def check_messages(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E010: some of the settings are there without which no message can be sent, and others are not."""
    missing = conf.missing_message_settings()
    present = [name for name in conf.REQUIRED_MESSAGE_SETTINGS if name not in missing]
    return [
        Error(
            f"PERSONALIZATION: {present[0]} is set, and {name} is not: no message can be sent.",
            hint=f"Set {name} in PERSONALIZATION; see docs/how-to-messages.md.",
            id="personalization.E010",
        )
        for name in missing
        if present
    ]


@register("personalization")
def check_alert_sender(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W011: Oscar writes to those who wait for a product, also once a message of the app does."""
    if conf.missing_message_settings() or class_loader.is_alert_sender_quiet():
        return []
    return [
        Warning(
            "Oscar's own sender of product alerts stays active: customers get two mails once ours is live.",
            hint=_loader_hint(settings.OSCAR_DYNAMIC_CLASS_LOADER),
            id="personalization.W011",
        )
    ]


OUR_LOADER = "personalization.oscar.class_loader.load_classes"
OSCAR_LOADER = "oscar.core.loading.default_class_loader"


@register("personalization")
def check_class_loader(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W003: Oscar's class loader, or the shop's own, is used, so that listing pages are not reranked."""
    if class_loader.is_active():
        return []
    loader = settings.OSCAR_DYNAMIC_CLASS_LOADER
    return [
        Warning(
            f"OSCAR_DYNAMIC_CLASS_LOADER is {loader!r}: search, catalogue and category pages are not reranked.",
            hint=_loader_hint(loader),
            id="personalization.W003",
        )
    ]


def _loader_hint(loader: str) -> str:
    if loader == OUR_LOADER:
        return "It is the right one, but it failed; the log says why."
    line = f'Paste into the settings: OSCAR_DYNAMIC_CLASS_LOADER = "{OUR_LOADER}"'
    if loader == OSCAR_LOADER:
        return f"{line}."
    return f'{line}, and let it call your own: PERSONALIZATION = {{"WRAPPED_CLASS_LOADER": "{loader}"}}.'


PAGE_CACHE = "django.middleware.cache.UpdateCacheMiddleware"


@register("personalization")
def check_page_cache(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W012: Django's page cache is there and stores nearly nothing, as pages are made for their visitors; or pages are
    to be everybody's, and Oscar's are not."""
    if conf.get_settings().CACHED_PAGES:
        fault = (
            "CACHED_PAGES is on, and OSCAR_DYNAMIC_CLASS_LOADER is not the app's: Oscar's pages stay their visitors'."
        )
        hint = _loader_hint(settings.OSCAR_DYNAMIC_CLASS_LOADER)
        return [] if class_loader.is_active() else [Warning(fault, hint=hint, id="personalization.W012")]
    if PAGE_CACHE not in settings.MIDDLEWARE:
        return []
    return [
        Warning(
            "MIDDLEWARE has Django's page cache, and CACHED_PAGES is off: pages with rows are private, never cached.",
            hint='Paste into the settings: PERSONALIZATION = {"CACHED_PAGES": True}; see docs/how-to-cache.md.',
            id="personalization.W012",
        )
    ]


URLS = 'path("", include("personalization.urls"))'


@register("personalization")
def check_urls(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """E006: the app's URLs are missing, so that visitors cannot give consent. E004: they are after Oscar's, so that
    Oscar's home page redirects to itself."""
    try:
        view = resolve(reverse("personalization:home")).func
    except NoReverseMatch:
        return [
            Error(
                "The shop's URLs lack the app's: there is no personalised home page, and nobody can give consent.",
                hint=f"Paste into the URLs, before Oscar's own include: {URLS}.",
                id="personalization.E006",
            )
        ]
    if getattr(view, "view_class", None) is not RedirectView:
        return []
    return [
        Error(
            "The shop's URLs include the app's after Oscar's, whose home page now redirects to itself.",
            hint=f"Put it before Oscar's own include: {URLS}.",
            id="personalization.E004",
        )
    ]


@register("personalization")
def check_language_prefix(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W008: the shop's addresses begin with the language and the app's do not, so that its home page forgets it."""
    languages = [code for code, _ in settings.LANGUAGES if _has_language_prefix("catalogue:index", code)]
    if not languages or all(_has_language_prefix("personalization:home", code) for code in languages):
        return []
    return [
        Warning(
            f"The shop's addresses begin with the language, as /{languages[0]}/, and the app's do not: pages lose it.",
            hint=f"Put the app's line into i18n_patterns too, before Oscar's own include: {URLS}.",
            id="personalization.W008",
        )
    ]


def _has_language_prefix(view_name: str, language: str) -> bool:
    try:
        with override(language):
            return reverse(view_name).startswith(f"{get_script_prefix()}{get_language()}/")
    except NoReverseMatch:
        return False


@register("personalization")
def check_templates(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W005: a template of the shop hides one of the app's and does not extend it."""
    with fail_open("Reading the shop's templates"):
        return [_lost_template(lost) for lost in template_overrides.lost_overrides()]
    return []


def _lost_template(lost: template_overrides.LostOverride) -> CheckMessage:
    fault = f"fills the block {lost.block!r} without {{{{ block.super }}}}" if lost.block else "does not extend it"
    remedy = "Add that" if lost.block else f'Start it with {{% extends "{lost.template}" %}}'
    return Warning(
        f"{lost.file} replaces {lost.template} and {fault}: the app's additions to that page are lost.",
        hint=f"{remedy}, or paste where they should be: {lost.tag}",
        id="personalization.W005",
    )


@register("personalization")
def check_order_statuses(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W007: the shop's pipeline ends orders with a status of which nobody knows whether it is a purchase."""
    return [
        Warning(
            f"Orders or order lines can end as {status!r}. Does that count as bought? For now it does.",
            hint="Name it in PERSONALIZATION, in the list BOUGHT_ORDER_STATUSES or UNBOUGHT_ORDER_STATUSES.",
            id="personalization.W007",
        )
        for status in order_statuses.undecided_statuses()
    ]


@register("personalization", deploy=True)
def check_cache(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W006: the processes of a live shop do not share their counters."""
    backend = settings.CACHES["default"].get("BACKEND", "")
    if settings.DEBUG or not backend.endswith((".LocMemCache", ".DummyCache")):
        return []
    return [
        Warning(
            f"CACHES uses {backend}, which processes do not share: each process limits visitors' rates by itself.",
            hint="With more than one process use Redis, Memcached or the database as the default cache.",
            id="personalization.W006",
        )
    ]


@register("personalization", deploy=True)
def check_sqlite_transactions(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W010: on SQLite a transaction that reads before it writes fails at once when another one writes."""
    mode = connection.settings_dict["OPTIONS"].get("transaction_mode")
    if connection.vendor != "sqlite" or mode in ("IMMEDIATE", "EXCLUSIVE"):
        return []
    return [
        Warning(
            "The database is SQLite, whose transactions fail ('database is locked') while another one writes.",
            hint='Use PostgreSQL, or set in DATABASES: "OPTIONS": {"transaction_mode": "IMMEDIATE", '
            '"init_command": "PRAGMA journal_mode=WAL;"}.',
            id="personalization.W010",
        )
    ]


@register("personalization", deploy=True)
def check_proxies(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """W009: nobody has said whether a live shop is behind proxies, where all visitors would share one rate limit."""
    if "NUM_PROXIES" in getattr(settings, "PERSONALIZATION", {}):
        return []
    return [
        Warning(
            "NUM_PROXIES is not set: behind a proxy or a load balancer all visitors share its address and one limit.",
            hint=(
                "Name in PERSONALIZATION how many proxies of yours add an entry to X-Forwarded-For, "
                '{"NUM_PROXIES": 1} for instance; 0 where browsers reach the shop itself.'
            ),
            id="personalization.W009",
        )
    ]
