"""What the demo's merchandiser has defined already: segments with members, campaigns, a conflict, three drafts,
synonyms, a redirect, content blocks, made-up costs with a draft of what counts, and the drafts of a whole campaign."""

from typing import Any

from oscar.core.loading import get_model

from example_shop.journey.blocks import demo_blocks, demo_posts
from example_shop.journey.costs import make_up_costs
from example_shop.journey.load import ADMIN, User
from personalization.merchandising import publishing
from personalization.merchandising.ready_campaigns import CampaignSettings, make_ready_campaign, ready_campaigns
from personalization.merchandising.search_rule_words import search_rule_name
from personalization.models import Definition

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")

Range = get_model("offer", "Range")

BREAKFAST = "Breakfast table"
Document = dict[str, Any]


def are_defined() -> bool:
    """Whether the demo's definitions were made; that somebody archived one since makes no difference."""
    return Definition.objects.filter(is_demo=True).exists()


def define() -> None:
    """Makes and publishes them, in the name of the shop's owner."""
    owner = User.objects.get(email=ADMIN)
    keys = {name: _publish("segment", name, document, owner) for name, document in _segments().items()}
    campaigns = {name: _publish("campaign", name, document, owner) for name, document in _campaigns(keys).items()}
    publishing.create("campaign", "Christmas baking", _christmas_baking(), owner, is_demo=True)
    publishing.create("row", BREAKFAST, _breakfast_row(), owner, key="home/own_breakfast_table", is_demo=True)
    make_up_costs()
    counting = {"surfaces": {"home": {"margin": 10}, "category": {"margin": 10, "newness": 5}}, "slow_days": 60}
    publishing.create("objectives", "What counts", counting, owner, key="shop", is_demo=True)
    coffee_week = _coffee_experiment(campaigns["Coffee week"])
    publishing.create("experiment", "With and without Coffee week", coffee_week, owner, is_demo=True)
    for kind, document in (*(("synonym", one) for one in _synonyms()), ("redirect", _redirect())):
        _publish(kind, search_rule_name(kind, document), document, owner)
    for name, document in demo_blocks(_category("Coffee")).items():
        _publish("block", name, document, owner)
    for name, document in demo_posts(_breakfast_products()).items():
        _publish("block", name, document, owner)
    voucher = {"percent": 10, "least": 20, "days": 14, "most": 1_000}
    make_ready_campaign(ready_campaigns()["win_back"], CampaignSettings(voucher=voucher), owner, is_demo=True)


def _publish(kind: str, name: str, document: Document, owner: Any) -> int:
    definition = publishing.create(kind, name, document, owner, is_demo=True)
    return publishing.publish(definition, owner).pk


def _segments() -> dict[str, Document]:
    coffee, fruit = _category("Coffee"), _category("Fruit & vegetables")
    return {
        "Regulars": _all(_condition("orders", "at_least", 30), _condition("last_order", "within", 30)),
        "Silent for a month": _all(_condition("orders", "at_least", 2), _condition("last_order", "more_than", 30)),
        "Best tenth": _all(_condition("value_tier", "is", 10)),
        "Coffee drinkers": _all(_condition("bought_category", "one_of", {"keys": [coffee], "times": 3})),
        "Much fresh produce": _all(_condition("share_category", "at_least", {"key": fruit, "percent": 20})),
        "Small baskets": _all(_condition("average_order", "at_most", 20), _condition("orders", "at_least", 5)),
    }


def _campaigns(segments: dict[str, int]) -> dict[str, Document]:
    """The last one stands on top. "Coffee from abroad" and "Coffee week" want one place of one page."""
    coffee = _category("Coffee")
    first, second = _products(coffee)
    page = [{"surface": "category", "categories": [coffee], "below": True}]
    juice = {"do": "boost", "target": {"category": _category("Chilled juice"), "below": True}, "strength": 1}
    return {
        "Fresh juice in summer": {
            "where": [{"surface": "category", "categories": [_category("Drinks")], "below": False}],
            "when": {"from": "2030-06-01T00:00:00+00:00", "to": "2030-09-01T00:00:00+00:00", "zone": "UTC"},
            "what": [juice],
        },
        "Coffee from abroad": {"where": page, "what": [_pin(second)], "note": "Collides with Coffee week."},
        "Coffee week": {
            "who": {"people": "all"},
            "where": page,
            "what": [_pin(first), {"do": "boost", "target": {"price": [None, 8]}, "strength": 1}],
        },
        "Come back for coffee": {
            "who": {"people": "customers", "in": [segments["Silent for a month"]]},
            "where": [{"surface": "search", "words": [{"text": "coffee", "match": "all"}]}],
            "what": [{"do": "boost", "target": {"category": coffee, "below": True}, "strength": 3}],
        },
    }


def _christmas_baking() -> Document:
    return {
        "where": [{"surface": "home"}],
        "when": {"to": "2030-12-25T00:00:00+00:00", "zone": "UTC"},
        "what": [{"do": "boost", "target": {"category": _category("Bakery"), "below": True}, "strength": 2}],
    }


def _coffee_experiment(campaign: int) -> Document:
    arms = [
        {"key": "control", "label": "without it", "share": 0.5, "does": {"without": campaign}},
        {
            "key": "variant",
            "label": "with it",
            "share": 0.5,
            "does": {"version": {"definition": campaign, "number": 1}},
        },
    ]
    return {
        "question": "Do more visitors buy with “Coffee week”?",
        "arms": arms,
        "primary": "conversion",
        "smallest_lift": 0.2,
        "weeks": 8,
    }


def _breakfast_row() -> Document:
    """A row of the shop's own, from a Range that is made for it."""
    breakfast, _is_new = Range.objects.get_or_create(name=BREAKFAST)
    for name in ("Bakery", "Coffee", "Chilled juice"):
        for product in _products(_category(name)):
            breakfast.add_product(Product.objects.get(pk=product))
    return {
        "titles": {"en-gb": "For the breakfast table", "de": "Für den Frühstückstisch"},
        "source": {"range": breakfast.pk},
        "most": 6,
        "fewest": 3,
    }


def _breakfast_products() -> list[int]:
    """What is in the pictures of the posts: something baked, coffee, yogurt, and another coffee."""
    bread, coffee, yogurt = (_products(_category(name)) for name in ("Bakery", "Coffee", "Yogurt"))
    return list(dict.fromkeys([bread[0], coffee[0], yogurt[0], coffee[1]]))


def _synonyms() -> list[Document]:
    """Without them "coke" is taken for "cake", and "loo roll" finds nothing."""
    return [
        {"terms": ["soda", "cola", "coke", "fizzy drink"]},
        {"terms": ["toilet paper", "loo roll", "bathroom tissue"]},
    ]


def _redirect() -> Document:
    """No title has the word, so that the search finds nothing."""
    searches = [{"text": text, "match": "is"} for text in ("dairy", "dairy products")]
    return {"words": searches, "to": {"category": _category("Dairy & eggs")}}


def _condition(field: str, op: str, value: Any) -> Document:
    return {"field": field, "op": op, "value": value}


def _all(*conditions: Document) -> Document:
    return {"match": "all", "groups": [{"match": "all", "conditions": list(conditions)}]}


def _pin(product: int) -> Document:
    return {"do": "pin", "target": {"products": [product]}, "place": 1}


def _category(name: str) -> int:
    """The key of the category of this name; of the first one in a shop that has none, as a cut of the journey may."""
    keys = Category.objects.order_by("path").values_list("pk", flat=True)
    key: int = keys.filter(name=name).first() or keys[0]
    return key


def _products(category: int) -> list[int]:
    below = Category.objects.get(pk=category).get_descendants_and_self()
    inside = Product.objects.filter(categories__in=below).order_by("pk").values_list("pk", flat=True)
    first, *others = [*inside[:2], *Product.objects.browsable().order_by("pk").values_list("pk", flat=True)[:2]]
    return [first, next(key for key in others if key != first)]
