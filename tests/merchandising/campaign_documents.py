"""Documents as they were written under each schema, never changed again, and strategies for made-up ones."""

from hypothesis import strategies as st

FROZEN = {
    ("campaign", 1): {
        "who": {"people": "customers", "in": [3], "out": [4], "countries": ["DE"], "devices": ["phone"]},
        "where": [
            {"surface": "home", "rows": ["bestsellers"]},
            {"surface": "category", "categories": [7], "below": True},
            {"surface": "search", "words": [{"text": "oat milk", "match": "all"}]},
            {"surface": "product", "seen": {"range": 2}},
        ],
        "when": {
            "from": "2026-03-01T00:00:00+01:00",
            "to": "2026-03-29T03:00:00+02:00",
            "zone": "Europe/Berlin",
            "days": [5],
            "hours": [22, 6],
        },
        "what": [
            {
                "do": "pin",
                "target": {"products": [1, 2]},
                "place": 1,
                "soft": True,
                "sold_out": True,
                "sponsored": True,
            },
            {"do": "slot", "target": {"range": 2}, "place": [3, 4]},
            {"do": "boost", "target": {"all": [{"class": 1}, {"price": [None, 5.0]}]}, "strength": 3},
            {"do": "bury", "target": {"attribute": "brand", "op": "is", "value": "Acme"}, "strength": 1},
            {"do": "exclude", "target": {"partner": 1}},
            {"do": "only", "target": {"like_viewed": "price", "like_price": [80, 120]}},
        ],
        "note": "spring",
    },
    ("segment", 1): {
        "match": "all",
        "groups": [
            {
                "match": "any",
                "conditions": [
                    {"field": "orders", "op": "at_least", "value": 2},
                    {"field": "last_order", "op": "more_than", "value": 60},
                ],
            }
        ],
    },
    ("experiment", 1): {
        "question": "Does the spring campaign sell more?",
        "arms": [
            {"key": "without", "label": "Without it", "share": 0.5, "does": {"without": 3}},
            {"key": "new", "label": "New version", "share": 0.5, "does": {"version": {"definition": 3, "number": 2}}},
        ],
        "primary": "conversion",
        "smallest_lift": 0.05,
        "weeks": 4,
        "window_days": 28,
        "floor": 30,
        "surfaces": ["home"],
    },
    ("row", 1): {
        "shown": True,
        "titles": {"en-gb": "Our favourites", "de": "Unsere Lieblinge"},
        "source": {"range": 2},
        "most": 8,
        "fewest": 3,
        "leave_out": {"bought_days": 30, "below_price": 2.0, "above_price": None, "not_on_offer": False},
        "who": {"people": "all"},
        "when": {"zone": "UTC"},
        "fallback": ["bestsellers"],
        "weights": {"relevance": 80, "margin": 0, "stock": 10, "newness": 10},
        "fixed": False,
    },
    ("synonym", 1): {"terms": ["soda", "pop"], "finds": ["soft drink", "cr\u00e8me soda"]},
    ("redirect", 1): {
        "words": [{"text": "returns", "match": "is"}, {"text": "send back", "match": "all"}],
        "to": {"path": "/returns/?from=search#how"},
    },
    ("message", 1): {
        "kind": "back_in_stock",
        "who": {"in": [3], "out": [4]},
        "wording": {"de": {"subject": "{product} ist da", "opening": "Hallo,\nes ist da.", "closing": "Ihr {shop}"}},
        "hold_back": 0.05,
        "when": {"from": "2026-05-01T08:00:00+02:00", "to": None, "zone": "Europe/Berlin"},
    },
    ("objectives", 1): {
        "surfaces": {
            "home": {"margin": 10, "clear": 5, "protect": 5, "newness": 0, "value": 20},
            "search": {"margin": 20},
        },
        "slow_days": 180,
        "scarce_below": 5,
    },
    ("block", 1): {
        "slot": "home-hero",
        "kind": "hero",
        "variants": {
            "de": {
                "title": "Grillen",
                "text": "Es wird warm.",
                "call": "Ansehen",
                "link": "/grillen/",
                "alt": "Ein Grill",
            }
        },
        "image": {"key": 7, "focus": [30, 60]},
        "categories": [7],
        "products": [1, 2],
        "by_taste": True,
        "who": {"people": "customers", "in": [3]},
        "when": {
            "from": "2026-05-01T08:00:00+02:00",
            "to": None,
            "zone": "Europe/Berlin",
            "days": [5],
            "hours": [9, 18],
        },
    },
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
