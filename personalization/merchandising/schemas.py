"""The closed JSON schemas of documents. A key that a schema does not name is refused."""

from typing import Any

MAX_PRODUCTS = 200
MAX_ACTIONS = 25
MAX_PLACES = 20
MAX_LIVE_CAMPAIGNS = 200
MAX_LIVE_SYNONYMS = 500
MAX_LIVE_REDIRECTS = 500
MAX_LIVE_BLOCKS = 200
MAX_TERMS = 20
"""In one group of synonyms, on both sides together."""
MAX_TERM_LENGTH = 100
MAX_ADDRESS_LENGTH = 500
MAX_SUBJECT = 150
MAX_MESSAGE_TEXT = 1_000
MAX_ARMS = 4
MAX_ARM_KEY = 20

SURFACES = (
    "home",
    "product",
    "basket",
    "order_confirmation",
    "zero_results",
    "search",
    "category",
    "catalogue",
    "navigation",
    "message",
)
"""Where a campaign may act. "catalogue" is the list of all products; "category" is the page of a category."""


def _closed(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any], most: int, fewest: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": most, "minItems": fewest}


def _text(most: int, fewest: int = 0) -> dict[str, Any]:
    return {"type": "string", "maxLength": most, "minLength": fewest}


def _integer(lowest: int, highest: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": lowest, "maximum": highest}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


KEY = _integer(1, 2**63 - 1)
NUMBER = {"type": "number", "minimum": 0, "maximum": 1e9}
BAND = {"type": "array", "prefixItems": [_or_null(NUMBER), _or_null(NUMBER)], "minItems": 2, "maxItems": 2}
"""From and to, both included; null for no limit."""
MOMENT = _or_null({"type": "string", "maxLength": 32})
"""ISO 8601 with its offset from UTC."""
FLAG = {"type": "boolean"}

SIMPLE_TARGET = _closed(
    {
        "products": _list(KEY, MAX_PRODUCTS, 1),
        "range": KEY,
        "category": KEY,
        "below": FLAG,
        "class": KEY,
        "attribute": _text(128, 1),
        "op": {"enum": ["is", "at_least", "at_most"]},
        "value": {"anyOf": [_text(255), {"type": "number"}, FLAG]},
        "partner": KEY,
        "on_offer": {"const": True},
        "price": BAND,
        "stock": BAND,
        "newer": _integer(1, 3650),
        "rating": {"type": "number", "minimum": 0, "maximum": 5},
        "like_viewed": {"enum": ["category", "class", "attribute", "price"]},
        "like_attribute": _text(128, 1),
        "like_price": {
            "type": "array",
            "items": {"type": "number", "minimum": 0, "maximum": 10_000},
            "minItems": 2,
            "maxItems": 2,
        },
    }
)
TARGET_KEYS = (
    "products",
    "range",
    "category",
    "class",
    "attribute",
    "partner",
    "on_offer",
    "price",
    "stock",
    "newer",
    "rating",
    "like_viewed",
    "all",
)
"""Exactly one of these says which kind of target it is; the others belong to it."""
COMPANIONS = {
    "category": {"below"},
    "attribute": {"op", "value"},
    "like_viewed": {"like_attribute", "like_price"},
}
TARGET = {
    **SIMPLE_TARGET,
    "properties": {**SIMPLE_TARGET["properties"], "all": _list(SIMPLE_TARGET, 5, 1)},
}

SEARCH_TERMS = _closed(
    {"text": _text(MAX_TERM_LENGTH, 1), "match": {"enum": ["is", "all", "starts"]}}, ("text", "match")
)
AUDIENCE = _closed(
    {
        "people": {"enum": ["all", "customers", "visitors"]},
        "in": _list(KEY, 10),
        "out": _list(KEY, 10),
        "countries": _list({"type": "string", "pattern": "^[A-Z]{2}$"}, 20),
        "devices": _list({"enum": ["phone", "tablet", "computer"]}, 3),
    }
)
PLACE = _closed(
    {
        "surface": {"enum": list(SURFACES)},
        "rows": {"anyOf": [{"const": "all"}, _list(_text(64, 1), 10)]},
        "categories": _list(KEY, 50),
        "below": FLAG,
        "words": _list(SEARCH_TERMS, 50),
        "seen": _or_null(SIMPLE_TARGET),
    },
    ("surface",),
)
SCHEDULE = _closed(
    {
        "from": MOMENT,
        "to": MOMENT,
        "zone": _text(64, 1),
        "days": _list(_integer(1, 7), 7),
        "hours": _or_null({"type": "array", "items": _integer(0, 24), "minItems": 2, "maxItems": 2}),
    }
)
ACTION = _closed(
    {
        "do": {"enum": ["pin", "slot", "boost", "bury", "exclude", "only"]},
        "target": TARGET,
        "place": {
            "anyOf": [
                _integer(1, MAX_PLACES),
                {"type": "array", "items": _integer(1, MAX_PLACES), "minItems": 2, "maxItems": 2},
            ]
        },
        "strength": _integer(1, 3),
        "soft": FLAG,
        "sold_out": FLAG,
        "sponsored": FLAG,
    },
    ("do", "target"),
)
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
MAX_CODES, MAX_CODE_DAYS = 100_000, 365
VOUCHER = _closed(
    {
        "percent": {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
        "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e6},
        "least": NUMBER,
        "range": KEY,
        "days": _integer(1, MAX_CODE_DAYS),
        "most": _integer(1, MAX_CODES),
    },
    ("days", "most"),
)
"""What a code takes off, as a share or as money, of which Range, from which value of the basket on; how many days it is
good, and how many codes are made at most."""
CAMPAIGN = _closed(
    {
        "voucher": VOUCHER,
        "hold_back": SHARE,
        "who": AUDIENCE,
        "where": _list(PLACE, 20, 1),
        "when": SCHEDULE,
        "what": _list(ACTION, MAX_ACTIONS, 1),
        "note": _text(300),
    },
    ("where", "what"),
)

WEIGHTS = _closed({name: _integer(0, 100) for name in ("relevance", "margin", "stock", "newness")})
LEAVE_OUT = _closed(
    {
        "bought_days": _integer(0, 365),
        "below_price": _or_null(NUMBER),
        "above_price": _or_null(NUMBER),
        "not_on_offer": FLAG,
    }
)
SOURCE = _closed({"type": _text(64, 1), "range": KEY, "newest": {"const": True}, "on_offer": {"const": True}})
ROW = _closed(
    {
        "shown": FLAG,
        "titles": {"type": "object", "additionalProperties": _text(80), "maxProperties": 50},
        "source": SOURCE,
        "most": _integer(1, 20),
        "fewest": _integer(1, 20),
        "leave_out": LEAVE_OUT,
        "who": AUDIENCE,
        "when": SCHEDULE,
        "fallback": _list(_text(64, 1), 3),
        "weights": WEIGHTS,
        "fixed": FLAG,
    }
)

TERMS = _list(_text(MAX_TERM_LENGTH, 1), MAX_TERMS)
SYNONYM = _closed({"terms": {**TERMS, "minItems": 1}, "finds": TERMS}, ("terms",))
"""A search for one of the terms finds the others, too; where `finds` is not empty, it finds these instead."""
REDIRECT_TARGET = _closed(
    {"category": KEY, "product": KEY, "range": KEY, "offer": KEY, "path": _text(MAX_ADDRESS_LENGTH, 1)}
)
"""Exactly one of them. A path is an address of this shop: it begins with one slash."""
REDIRECT = _closed({"words": _list(SEARCH_TERMS, MAX_TERMS, 1), "to": REDIRECT_TARGET}, ("words", "to"))

WORDING = _closed(
    {"subject": _text(MAX_SUBJECT), "opening": _text(MAX_MESSAGE_TEXT), "closing": _text(MAX_MESSAGE_TEXT)}
)
"""Of a message, in one language. What is missing or empty is said in our own words."""
MESSAGE = _closed(
    {
        "kind": {"type": "string", "pattern": "^[a-z0-9_]+$", "maxLength": 32, "minLength": 1},
        "who": _closed({"in": _list(KEY, 10), "out": _list(KEY, 10)}),
        "wording": {"type": "object", "additionalProperties": WORDING, "maxProperties": 50},
        "hold_back": {"type": "number", "minimum": 0, "maximum": 1},
        "channels": {**_list({"enum": ["email", "shop"]}, 2, 1), "uniqueItems": True},
        "first_in_shop": FLAG,
        "best_hour": FLAG,
        "when": _closed({"from": MOMENT, "to": MOMENT, "zone": _text(64, 1)}),
    },
    ("kind",),
)
"""`kind` is the name of a kind of message. `hold_back` is the part of the people who get none; that of the kind if it
is missing. It goes by mail only where `channels` is missing."""

POLICY_NUMBERS = {
    "rerank_strength": (0, 100),
    "row_size": (2, 20),
    "max_home_rows": (1, 12),
    "max_personal_rows": (0, 12),
}
"""What an arm may change: fields of `decide.policy.Policy`, each with its lowest and highest value."""
EFFECT = _closed(
    {
        "plain": {"const": True},
        "version": _closed({"definition": KEY, "number": _integer(1, 10**6)}, ("definition", "number")),
        "without": KEY,
        "policy": {
            **_closed({name: _integer(*bounds) for name, bounds in POLICY_NUMBERS.items()}),
            "minProperties": 1,
        },
    }
)
"""What an arm does: at most one of plain pages, a version of a campaign or of the settings of a row, no such campaign,
and other numbers. Nothing: the shop as it is."""
ARM = _closed(
    {
        "key": {"type": "string", "pattern": "^[a-z0-9_]+$", "maxLength": MAX_ARM_KEY, "minLength": 1},
        "label": _text(60, 1),
        "share": {"type": "number", "minimum": 0.01, "maximum": 0.99},
        "does": EFFECT,
    },
    ("key", "share", "does"),
)
"""Without a `label` a group is called by what it does, in the reader's language."""
EXPERIMENT = _closed(
    {
        "question": _text(200),
        "method": {"enum": ["groups", "interleave"]},
        "surfaces": _list({"enum": list(SURFACES)}, len(SURFACES)),
        "arms": _list(ARM, MAX_ARMS, 2),
        "primary": {"enum": ["conversion", "revenue"]},
        "smallest_lift": {"type": "number", "minimum": 0.01, "maximum": 0.5},
        "weeks": _integer(2, 13),
        "window_days": _integer(1, 56),
        "floor": _integer(30, 10_000),
    },
    ("arms", "primary", "weeks"),
)
"""`surfaces`, where an arm with plain pages has them, and of interleaved lists; elsewhere what the arms do says where
they differ. With the `method` "interleave" all visitors see the orders of both arms in one list."""

BLOCK_KINDS = ("hero", "banner", "text", "post")
MAX_BLOCK_TITLE, MAX_BLOCK_TEXT, MAX_CALL, MAX_ALT, MAX_SLOT = 80, 400, 24, 200, 40
MAX_BLOCK_CATEGORIES, MAX_BLOCK_PRODUCTS = 20, 12
SLOT_PATTERN = "^[a-z0-9]+(-[a-z0-9]+)*$"
BLOCK_VARIANT = _closed(
    {
        "title": _text(MAX_BLOCK_TITLE),
        "text": _text(MAX_BLOCK_TEXT),
        "call": _text(MAX_CALL),
        "link": _text(MAX_ADDRESS_LENGTH),
        "alt": _text(MAX_ALT),
    }
)
"""What a content block says in one language. `alt` says what its picture shows."""
BLOCK_IMAGE = _closed(
    {
        "key": KEY,
        "focus": {"type": "array", "items": _integer(0, 100), "minItems": 2, "maxItems": 2},
    },
    ("key",),
)
"""`focus`: which point of the picture stays in view where it is cut, in percent from the left and from the top."""
MAX_SPOTS, MAX_OWNER, MAX_PERMISSION = 12, 100, 200
SPOT = _closed({"product": KEY, "x": _integer(0, 100), "y": _integer(0, 100)}, ("product", "x", "y"))
"""A product in the picture of a post, in percent from the left and from the top."""
RIGHTS = _closed(
    {
        "owner": _text(MAX_OWNER, 1),
        "permission": _text(MAX_PERMISSION, 1),
        "until": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    },
    ("owner", "permission"),
)
"""Whose picture it is, how they allowed it, and the last day on which it may be shown."""
POST = _closed(
    {
        "spots": _list(SPOT, MAX_SPOTS),
        "rights": RIGHTS,
        "origin": _text(MAX_ADDRESS_LENGTH),
        "video": _text(MAX_ADDRESS_LENGTH),
    }
)
"""`spots` in reading order. `origin`, where it was posted first; `video`, of what the picture is the poster."""
BLOCK = _closed(
    {
        "slot": {"type": "string", "pattern": SLOT_PATTERN, "maxLength": MAX_SLOT, "minLength": 1},
        "kind": {"enum": list(BLOCK_KINDS)},
        "variants": {
            "type": "object",
            "additionalProperties": BLOCK_VARIANT,
            "maxProperties": 50,
            "minProperties": 1,
        },
        "image": BLOCK_IMAGE,
        "categories": _list(KEY, MAX_BLOCK_CATEGORIES),
        "products": _list(KEY, MAX_BLOCK_PRODUCTS),
        "by_taste": FLAG,
        "post": POST,
        "who": AUDIENCE,
        "when": SCHEDULE,
    },
    ("slot", "kind", "variants"),
)
"""`variants` by language. `categories` and `products` are what it is about: clicks on it are credited with purchases of
these, and `by_taste` shows it only to those who buy them."""

MAX_DIAL = 20
DIALS = _closed({name: _integer(0, MAX_DIAL) for name in ("margin", "clear", "protect", "newness", "value")})
"""Each in percent of the list by which it moves a product at most."""
COUNTING_SURFACES = tuple(name for name in SURFACES if name != "navigation")
OBJECTIVES = _closed(
    {
        "surfaces": _closed(dict.fromkeys(COUNTING_SURFACES, DIALS)),
        "slow_days": _integer(14, 1_000),
        "scarce_below": _integer(2, 1_000),
    }
)
"""What counts besides relevance. What the stock has for more than `slow_days` lies too long; a product of which fewer
than `scarce_below` are left is scarce."""

SCHEMAS = {
    "campaign": {1: CAMPAIGN},
    "row": {1: ROW},
    "synonym": {1: SYNONYM},
    "redirect": {1: REDIRECT},
    "experiment": {1: EXPERIMENT},
    "message": {1: MESSAGE},
    "block": {1: BLOCK},
    "objectives": {1: OBJECTIVES},
}
"""By kind, then by number. That of segments is kept by `merchandising.segments`, with their fields."""
