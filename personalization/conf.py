"""All settings of the app: `PERSONALIZATION = {"NAME": value}` in the shop's settings."""

import math
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings

SETTING_CHOICES = {"EVENT_ITEM_ID_FIELD": ("id", "upc", "sku"), "TRAINING_ENGINE": ("local", "celery")}
"""The settings that take one of a few values."""
SETTING_BOUNDS: dict[str, tuple[int, float]] = {
    "ADD_ON_MIN_PROBABILITY": (0, 1),
    "DEMOTE_AFTER_VIEWS": (0, math.inf),
    "FREE_SHIPPING_FROM": (0, math.inf),
    "MAX_EVENT_TIME_SHARE": (0, math.inf),
    "MAX_INTEREST_QUESTIONS": (0, 3),
    "MENU_MAX_SHIFT": (0, math.inf),
    "MESSAGE_QUIET_FROM": (0, 23),
    "MESSAGE_QUIET_UNTIL": (0, 23),
    "NEWCOMER_SHARE": (0, 1),
    "NUM_PROXIES": (0, math.inf),
    "RERANK_STRENGTH": (0, 100),
    "ROW_ORDER_MAX_SHIFT": (0, math.inf),
    "STORE_PREFERENCE": (0, 20),
}
"""The smallest and the largest value; other numbers are at least 1."""
REQUIRED_MESSAGE_SETTINGS = ("MESSAGE_BASE_URL", "MESSAGE_ADDRESS_KEY", "MESSAGE_IMPRINT")
"""The settings without which no message is sent."""


@dataclass(frozen=True)
class Settings:
    """The settings in force. A field's name is its key; the string under it is its meaning."""

    # Snapshots
    SNAPSHOT_DIR: str = "personalization_snapshots"
    """Folder for snapshots, relative to BASE_DIR, or else to the working directory. It must not be served on the web.
    `STORAGES["personalization"]` is used instead when the shop defines it."""
    SNAPSHOT_POLL_SECONDS: int = 5
    """A web worker looks for a newer snapshot at most this often, with one query of one row."""
    SNAPSHOT_CACHE_DIR: str = ""
    """Folder on each web host, of this app's own, where its processes share one checked copy of the snapshot that
    serves, mapped into memory. Without it each process keeps its own copy in memory."""
    SNAPSHOTS_KEPT: int = 2
    """How many snapshots stay on disk after a training run, the active one included."""

    EXPORT_DIR: str = ""
    """Folder into which the job "export" writes the lists of all customers' home pages, as `home.csv`. It must not be
    served on the web. Empty: the job writes nothing."""

    # Training
    MIN_CUSTOMERS: int = 5
    """No product pair, popularity count or repurchase rate is learned from fewer customers. Lower it only for a small
    shop: a row may then reveal what a single customer bought."""
    PURCHASE_HALF_LIFE_DAYS: int = 112
    """The weight of a purchase in a customer's genome halves in this many days."""
    POPULARITY_WINDOW_DAYS: int = 28
    """Popularity is counted over this many days before the training run."""
    EVALUATION_DAYS: int = 28
    """The ranker is evaluated and fitted on the purchases of this many last days, which the recommenders do not see."""
    RANKER_REFIT_DAYS: int = 7
    """The ranker, the longest part of training, is fitted again when it is this many days old."""
    NEW_PRODUCT_DAYS: int = 60
    """A product is new for this many days after it was created."""
    MAX_ORDER_PRODUCTS: int = 100
    """Only the first products of a larger order are learned from: a wholesaler's order says little about taste."""
    NEIGHBOURS_PER_PRODUCT: int = 50
    """How many products are stored as bought together with each product."""
    GENOME_MAX_PRODUCTS: int = 500
    """How many products a customer's genome holds, the strongest first."""
    BRAND_ATTRIBUTE: str = "brand"
    """The code of the product attribute that holds the brand: an option, several options or a text."""

    TRAINING_ENGINE: str = "local"
    """Who does the blocks of the work: "local" for the training process alone, "celery" for the shop's workers with
    it. What is learned is the same, to the last byte."""
    CELERY_APP: str = ""
    """Dotted path of the shop's Celery app, "shop.celery.app" for instance, for the engine "celery". Without it, the
    app that the process has loaded, which a management command has not."""

    # Orders
    UNBOUGHT_ORDER_STATUSES: tuple[str, ...] | None = None
    """The statuses of orders, lines and shipping events that are no purchase. None: guessed from the shop's pipelines,
    with common words of many languages; `manage.py check` names those that it cannot tell."""
    BOUGHT_ORDER_STATUSES: tuple[str, ...] | None = None
    """The statuses that end an order which was bought. None: guessed likewise. Only `manage.py check` asks: all
    statuses that are not unbought count as purchases."""

    ORDER_SITES: tuple[int, ...] = ()
    """The primary keys of other sites whose orders count, too, where several sites share the database. Those of
    `SITE_ID` count, and those that name no site; without a `SITE_ID`, all do unless this says which."""

    # Time
    ROW_QUERY_MILLISECONDS: int = 50
    """A page waits so long for the database to answer one part of ours, a row for instance, and then goes on without
    it. On PostgreSQL."""
    PAGE_QUERY_MILLISECONDS: int = 150
    """A page loses at most so much time in waiting for parts of ours that the database did not answer."""

    # Rows
    ROW_SIZE: int = 6
    """How many products a row shows."""
    MAX_PERSONAL_ROWS: int = 3
    """At most this many personal rows are above the generic ones."""
    MAX_HOME_ROWS: int = 6
    """At most this many rows are on the home page."""
    MAX_PAGE_ROWS: int = 3
    """At most this many rows are added to one of Oscar's own pages."""
    ROW_ORDER_MAX_SHIFT: int = 2
    """The largest number of positions by which a row that is the same for all visitors moves from its place, by how
    often what it shows is put into baskets; 0 keeps the shop's order. A tenth of the visitors always see that order."""
    NEWCOMER_SHARE: float = 0.1
    """The part, 0 to 1, of the rows of bestsellers and of what is trending whose last place has a new product that few
    have seen yet; 0 for none. Of all cards in these rows they are 2 % at most."""
    DEMOTE_AFTER_VIEWS: int = 5
    """A product that a visitor saw so often in rows within 28 days, and neither clicked on nor bought, stands behind
    the others of its row on their home page; 0 for never."""
    CHOSEN_STORE_CALLABLE: str = ""
    """Dotted path of a function request -> the code of the store where this visitor fetches their orders, or None."""
    STORE_PREFERENCE: int = 10
    """How far rows move up what that store has, in percent of the candidates for five lines; at most 20, 0 for not."""
    ADD_ON_MIN_PROBABILITY: float = 0.12
    """The probability, 0 to 1, from which an add-on is shown in the basket and after the order. With a higher one fewer
    add-ons are shown, and more of them are bought."""
    MAX_INTEREST_QUESTIONS: int = 3
    """A customer of whom nothing is known yet is asked about at most this many categories, at most 3; 0 for none."""
    INTEREST_CATEGORIES: tuple[int, ...] = ()
    """The primary keys of the categories that they are asked about. Without any, the shop's largest, of different top
    categories as far as there are."""
    LEAVE_BAR: bool = False
    """Whether visitors who agreed to personalisation and are about to leave see a quiet bar at the bottom of the page:
    that their basket is kept, or the best alternative to the product in view."""

    PRODUCT_COST_CALLABLE: str = ""
    """Dotted path of a function keys of products -> {key: what a piece costs the shop, without tax, in its own
    currency} of those of which it is known; a variant has a key of its own. Without it, what was imported counts."""
    FREE_SHIPPING_FROM: float = 0
    """The value of a basket from which the shop sends it for nothing; then the basket page proposes what reaches it,
    where that is so by the shop's own shipping method. 0: it proposes nothing."""

    # Reranking of lists and of the menu
    RERANK_STRENGTH: int = 100
    """How far search results, catalogue and category pages move from the search engine's order to the visitor's, in
    percent; 0 turns reranking off."""
    RERANK_WINDOW: int = 200
    """How many of the first products of such a list are reranked; the others keep the engine's order."""
    MENU_MAX_SHIFT: int = 0
    """The largest number of positions by which a top category moves in the menu; 0 keeps the shop's order."""
    MENU_PINNED_CATEGORIES: tuple[int, ...] = ()
    """The primary keys of top categories that never move."""

    # Pages behind a shared cache
    CACHED_PAGES: bool = False
    """Whether pages that anybody may see are stored by a cache in front of the shop: they are then the same for all
    visitors, and what is personal is fetched for each of them once the page is there."""

    # Consent and identity
    CONSENT_CALLABLE: str = ""
    """Dotted path of a function that asks the shop's own consent tool: request -> True, False, or None for unknown.
    Without it, the answer to this app's own question counts."""
    CONSENT_VERSION: str = "1"
    """The version of the text that visitors agree to. With a new version, browsers are asked again."""
    IS_CHILD_CALLABLE: str = ""
    """Dotted path of a function customer -> bool that recognises the accounts of children: they have no profile."""
    PRIVATE_REASONS_HOURS: int = 24
    """For this many hours after signing in, rows may say what the customer bought; later they keep it to themselves."""
    CLEAR_RECENTLY_VIEWED_ON_LOGOUT: bool = True
    """Signing out also deletes Oscar's cookie of recently viewed products, which Oscar leaves to the next person."""
    COOKIE_SECURE: bool = True
    """This app's cookies are sent over HTTPS only, and cannot be planted; browsers make an exception for localhost."""
    VISITOR_COOKIE_DAYS: int = 390
    """A browser is recognised for at most this many days."""

    # Events
    EVENT_ITEM_ID_FIELD: str = "id"
    """What `item_id` is in an event of the shop's own data layer: "id" for the product's primary key, "upc" for its
    UPC, "sku" for a partner's SKU. This app's own script always sends primary keys."""
    MAX_VISITOR_EVENTS_PER_MINUTE: int = 120
    """The events of a faster visitor are marked as those of a suspected bot."""
    MAX_VISITOR_EVENTS_PER_DAY: int = 2000
    """As many events of one visitor are stored in a day (UTC), those of suspected bots too; the rest is refused."""
    MAX_EVENT_TIME_SHARE: float = 0.15
    """Of each second, as much as one process spends on storing what browsers report; what is above it is turned away,
    and browsers send it again. A burst of a second may be saved up. Pages go before events: more than 1 only for
    processes that serve nothing else."""
    MAX_NEW_VISITORS_PER_MINUTE: int = 20
    """As many browsers without an account become visitors from one address in a minute."""
    NUM_PROXIES: int = 0
    """The number of the shop's own proxies that add an entry to X-Forwarded-For, by which a visitor's address is told
    from a forged one. Behind a proxy that is not counted all visitors share its address and one rate limit."""
    COUNTRY_HEADER: str = ""
    """The header in which the shop's CDN sends the country of a request, for instance "CF-IPCountry". Without it the
    address tells the country, if the extra `country` is installed."""

    # Messages
    MESSAGE_BASE_URL: str = ""
    """Where links in a message begin: "https://shop.example". Nothing is sent without it."""
    MESSAGE_ADDRESS_KEY: str = ""
    """A long random text of its own, with which mail addresses are hashed. With another one, those who said that they
    want no messages are not recognised any more. Nothing is sent without it."""
    AUDIENCES: tuple[str, ...] | None = ()
    """The keys of the segments whose consented addresses the job "export" hands to AUDIENCE_CALLABLE."""
    AUDIENCE_CALLABLE: str = ""
    """The dotted path of a function of the shop's own that takes such an audience: the segment's key, and an iterator
    over rows with `audience_key` and `email`, which it passes on to the shop's mail or ad tool."""
    AUDIENCE_HASHED: bool = False
    """Whether these rows have `email_sha256`, of the lower-case address, in place of `email`."""
    MESSAGE_SENDER: str = ""
    """The address that messages come from; else Oscar's."""
    MESSAGE_IMPRINT: str = ""
    """Who writes, and their postal address: the last lines of each message. Nothing is sent without it."""
    MESSAGE_QUIET_FROM: int = 20
    """From this hour of the shop's TIME_ZONE on nobody is written to, ..."""
    MESSAGE_QUIET_UNTIL: int = 8
    """... until this one. Both the same: at any hour."""
    MESSAGES_PER_DAY: int = 1
    """As many messages that they did not ask for a person gets in 24 hours, ..."""
    MESSAGES_PER_WEEK: int = 3
    """... in 7 days, ..."""
    MESSAGES_PER_MONTH: int = 8
    """... and in 30 days."""
    ASK_TO_ALLOW_MESSAGES: bool = True
    """Whether customers are asked for permission to send reminders and offers where they register and after an order,
    by boxes that are not ticked."""
    MESSAGES_UNREAD: int = 3
    """As many notifications that they did not ask for a customer has in their account unread at a time."""
    MESSAGE_SOFT_COUNTRIES: tuple[str, ...] | None = ()
    """The countries, ["AT"] for instance, in which customers of a sale who did not object count as having allowed
    messages. Elsewhere only a yes counts."""
    MESSAGE_KINDS: tuple[str, ...] = ()
    """Dotted paths of the shop's own kinds of messages."""
    MESSAGE_RETENTION_DAYS: int = 390
    """What was sent to whom, and why something was not, is deleted after this many days."""

    # Stores
    CARD_NUMBER_KEY: str = ""
    """A long random text of its own, with which the numbers of loyalty cards are hashed. With another one no card is
    recognised any more. Without it cards in imported purchases are left out, and customers can link none."""
    CARD_NEEDS_RECEIPT: bool = True
    """To link a card, a customer also names a receipt that was bought with it: a number alone can be guessed."""
    KEEP_ERASED_PURCHASES: bool = False
    """When customers have their data deleted, what they bought in stores stays as nobody's instead of being deleted."""

    # Sizes
    SIZE_ATTRIBUTES: tuple[str, ...] | None = ("size",)
    """The codes of the attributes that say in which size a variant is: a customer's usual size is remembered for each
    product class that has one. None: sizes are not remembered, shown or asked for."""

    # Households
    HOUSEHOLDS: bool = False
    """Whether customers can join in households of up to 8, by invitation: what one of them buys then counts for the
    pages of all, without saying who bought it. Switched off, nothing of it is shown, read or used."""

    # Retention
    ERASURE_LOG: str = ""
    """A file outside of the database and of its backups, to which a keyed hash of everybody is added who had their data
    erased. After a backup was restored, `personalization_erase_again` erases them again. Without it none is noted."""
    PURCHASE_RETENTION_DAYS: int = 1095
    """Imported purchases are deleted after this many days."""
    EVENT_RETENTION_DAYS: int = 90
    """Events are deleted after this many days."""
    SEARCH_RETENTION_DAYS: int = 30
    """Searches are deleted after this many days."""
    TOTAL_RETENTION_DAYS: int = 390
    """Daily totals are deleted after this many days."""
    GENOME_RETENTION_MONTHS: int = 24
    """What was known of a customer in a month (tastes, tiers) is deleted after this many months."""
    DISMISSAL_DAYS: int = 60
    """A product or category that a visitor dismissed is not shown for this many days."""

    # Plug-ins
    RECOMMENDERS: tuple[str, ...] = ()
    """Dotted paths of the shop's own recommenders; see `personalization.plugins`."""
    SURFACES: tuple[str, ...] = ()
    """Dotted paths of the shop's own surfaces."""
    ROW_TYPES: tuple[str, ...] = ()
    """Dotted paths of the shop's own row types."""

    # Integration
    SERVER_KEY_REQUESTS_PER_MINUTE: int = 1200
    """The rate limit of the API for each server key."""
    METRICS_TOKEN: str = ""
    """A long random text: whoever sends it as `Authorization: Bearer ...` reads the metrics for Prometheus at
    `personalization/metrics/`. Without it, or without the extra `metrics`, there is no such page."""
    WRAPPED_CLASS_LOADER: str = ""
    """Dotted path of the shop's own class loader, which this app's loader then calls instead of Oscar's."""


def get_settings() -> Settings:
    """The settings in force now. Wrong ones have their default; `manage.py check` names them."""
    configured = _shop_settings()
    try:
        return _cached_settings(*configured, *configured.values())
    except TypeError:  # a list among the values cannot be a key of the cache
        return _valid_settings(configured)


def missing_message_settings() -> list[str]:
    """The settings without which no message can be sent, and that the shop does not have."""
    settings = get_settings()
    return [name for name in REQUIRED_MESSAGE_SETTINGS if not getattr(settings, name)]


@lru_cache(16, typed=True)
def _cached_settings(*keys_and_values: Any) -> Settings:
    """The settings of all keys followed by all values: a page asks often, and they hardly ever change."""
    half = len(keys_and_values) // 2
    return _valid_settings(dict(zip(keys_and_values[:half], keys_and_values[half:], strict=True)))


def _valid_settings(configured: dict[str, Any]) -> Settings:
    return Settings(**{name: value for name, value in configured.items() if setting_error(name, value) is None})


def setting_errors() -> list[str]:
    """One sentence for each key of PERSONALIZATION that is unknown or has a wrong value."""
    return [sentence for name, value in _shop_settings().items() if (sentence := setting_error(name, value))]


def setting_error(name: str, value: Any) -> str | None:
    """What is wrong with this setting, or None."""
    types = _setting_types()
    if name not in types:
        return f"unknown setting {name!r}; expected one of: {', '.join(sorted(types))}"
    expected = _expected_value(types[name], value, *SETTING_BOUNDS.get(name, (1, math.inf)))
    if not expected and name in SETTING_CHOICES and value not in SETTING_CHOICES[name]:
        expected = f"one of: {', '.join(map(repr, SETTING_CHOICES[name]))}"
    return f"{name!r} is {value!r}; expected {expected}" if expected else None


def _expected_value(setting_type: Any, value: Any, minimum: int, maximum: float) -> str:
    """What a setting of this type expects, when the value is wrong; else ""."""
    if setting_type is int and (type(value) is not int or not minimum <= value <= maximum):
        return f"an integer >= {minimum}" + (f" and <= {maximum}" if maximum < math.inf else "")
    if setting_type is float and (type(value) not in (int, float) or not minimum <= value <= maximum):
        return f"a number from {minimum} to {maximum}"
    if error := _expected_list(setting_type, value):
        return error
    if setting_type is bool and not isinstance(value, bool):
        return "True or False"
    return "a string" if setting_type is str and not isinstance(value, str | Path) else ""


def _expected_list(setting_type: Any, value: Any) -> str:
    if setting_type == tuple[int, ...] and not _is_key_list(value):
        return "a tuple of primary keys, (3, 7) for instance"
    if setting_type == tuple[str, ...] and not _is_path_list(value):
        return "a list of dotted paths, ['shop.surfaces.sale'] for instance"
    if setting_type == tuple[str, ...] | None and not _is_text_list(value):
        return "None, or a list of strings, ['Cancelled', 'Refunded'] for instance"
    return ""


@cache
def _setting_types() -> dict[str, Any]:
    return {field.name: field.type for field in fields(Settings)}


def _is_key_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(type(key) is int for key in value)


def _is_text_list(value: Any) -> bool:
    return value is None or (isinstance(value, list | tuple) and all(isinstance(text, str) for text in value))


def _is_path_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(path, str) and "." in path.strip(".") for path in value)


def _shop_settings() -> dict[str, Any]:
    return getattr(django_settings, "PERSONALIZATION", {})
