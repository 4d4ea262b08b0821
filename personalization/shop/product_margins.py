"""What the shop earns with a piece of each product: its price less its cost, both without tax.

The price is that of the stock records in the shop's own currency, before the strategy adds a tax. A parent earns what
its variants earn on average, as far as that is known; what it costs itself is the cost of variants that have none.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Min
from django.utils.module_loading import import_string
from django.utils.timezone import localdate
from oscar.core.loading import get_model

from personalization import conf
from personalization.models import ProductCost
from personalization.shop.customers import MAX_KEY_DIGITS

Product = get_model("catalogue", "Product")

logger = logging.getLogger("personalization")


@dataclass(frozen=True)
class CostCoverage:
    """Of how many products it is known what they cost."""

    products: int
    """That are public and have a price, without variants."""
    with_margin: int
    """Those of them that have a margin."""
    from_shop: bool
    """Whether the shop's own function says so, and not what was imported."""
    of_demo: int
    """How many costs were made up for the demo."""


def product_margins() -> list[tuple[int, float]]:
    """(product, what a piece of it earns) of those of which it is known, without variants. Two queries."""
    prices = _stock_prices()
    costs = _product_costs(sorted({key for own, parent, _price in prices for key in (own, parent)}))
    found: dict[int, list[float]] = {}
    for key, parent, price in prices:
        cost = costs.get(key, costs.get(parent))
        if cost is not None:
            found.setdefault(parent, []).append(price - cost)
    return [(key, sum(some) / len(some)) for key, some in found.items()]


def cost_coverage() -> CostCoverage:
    """Of how many products the costs are known."""
    priced = {parent for _key, parent, _price in _stock_prices()}
    public = set(Product.objects.filter(parent=None, is_public=True).values_list("pk", flat=True)) & priced
    known = {key for key, _margin in product_margins()}
    from_shop = bool(conf.get_settings().PRODUCT_COST_CALLABLE)
    of_demo = 0 if from_shop else ProductCost.objects.of_demo().count()
    return CostCoverage(len(public), len(public & known), from_shop, of_demo)


def _stock_prices() -> list[tuple[int, int, float]]:
    """(product or variant, what stands for it on lists, its lowest price)"""
    rows = Product.objects.filter(stockrecords__price_currency=settings.OSCAR_DEFAULT_CURRENCY)
    priced = rows.order_by().values_list("pk", "parent_id").annotate(price=Min("stockrecords__price"))
    return [(key, parent or key, float(price)) for key, parent, price in priced if price is not None]


def _product_costs(product_ids: Collection[int]) -> Mapping[int, float]:
    """None is known where the shop's own function fails: then the log says so, and margin counts nowhere."""
    path = conf.get_settings().PRODUCT_COST_CALLABLE
    if not path:
        return ProductCost.objects.in_force(localdate(), settings.OSCAR_DEFAULT_CURRENCY)
    try:
        answers = import_string(path)(product_ids)
        return {int(key): float(cost) for key, cost in answers.items() if cost is not None}
    except Exception:  # the shop's own code: it keeps no other rule from serving
        logger.exception("PRODUCT_COST_CALLABLE failed; no cost is known")
        return {}


def products_by_code(codes: Collection[str], items: str) -> dict[str, list[int]]:
    """The products and variants, hidden ones too, that each of these codes names. Parameters: `items`, what the codes
    are: "sku", "upc" or "id"."""
    column = {"sku": "stockrecords__partner_sku", "upc": "upc", "id": "pk"}[items]
    wanted = [
        code for code in codes if items != "id" or (code.isascii() and code.isdigit() and len(code) <= MAX_KEY_DIGITS)
    ]
    rows = Product.objects.order_by().filter(**{f"{column}__in": wanted}).values_list(column, "pk").distinct()
    found: dict[str, list[int]] = {}
    for code, key in rows:
        found.setdefault(str(code), []).append(key)
    return found
