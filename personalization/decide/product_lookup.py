"""The products that a decision looks at: looked up together, remembered with their titles."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from personalization.shop import catalogue
from personalization.shop.card_columns import SENSITIVE

MAX_CACHED_PRODUCTS = 40_000
"""More products than this are not remembered at once: it bounds the memory of an export. Those that were asked for
longest ago are forgotten first, ..."""
FORGOTTEN_SHARE = 0.1
"""... this part of them at once, or as many as it takes."""


class ProductLookup:
    """The products that were looked up. Those that reasons have `referenced` are looked up with the first of them."""

    def __init__(
        self,
        referenced: Iterable[int] = (),
        look_up: Callable[[set[int]], dict[int, Any]] = catalogue.products_with_stock,
    ) -> None:
        self._referenced = set(referenced)
        self._read = look_up
        self._products: dict[int, Any] = {}
        self._requested: dict[int, None] = {}
        """Those asked for longest ago come first."""

    def prefetch(self, product_ids: set[int]) -> None:
        """Reads all of these that were not read yet, at once."""
        missing = product_ids - self._requested.keys()
        if not missing:
            return
        known = product_ids & self._requested.keys()
        for key in known:
            self._requested[key] = self._requested.pop(key)
        excess = len(self._requested) + len(missing) - MAX_CACHED_PRODUCTS
        if excess > 0:
            several = max(excess, int(FORGOTTEN_SHARE * MAX_CACHED_PRODUCTS))
            self._forget(min(several, len(self._requested) - len(known)))
        self._products.update(self._read(missing))
        self._requested.update(dict.fromkeys(missing))

    def _forget(self, count: int) -> None:
        for key in list(islice(self._requested, count)):
            del self._requested[key]
            self._products.pop(key, None)

    def sellable(self, product_ids: set[int], strategy: Any) -> dict[int, catalogue.Offer]:
        """Those of the products that can be bought now, by the strategy of a visitor, without what is in a sensitive
        category by now: the snapshot may be older than the flag, or than the tree."""
        self.prefetch(product_ids | self._referenced)
        self._referenced = set()
        found = ((key, self._products[key]) for key in product_ids & self._products.keys())
        offers = {
            key: catalogue.get_offer(product, strategy) for key, product in found if product.exclusion != SENSITIVE
        }
        return {key: offer for key, offer in offers.items() if offer is not None}

    def sold_out(self, product_ids: set[int], strategy: Any) -> dict[int, catalogue.Offer]:
        """Those of the products, looked up before, that have a price and cannot be bought now, by the strategy of a
        visitor, without what is in a sensitive category by now."""
        found = {key: self._products[key] for key in product_ids & self._products.keys()}
        infos = {
            key: catalogue.purchase_info(product, strategy)
            for key, product in found.items()
            if product.exclusion != SENSITIVE
        }
        return {
            key: catalogue.Offer(found[key], info)
            for key, info in infos.items()
            if catalogue.get_price_amount(info) is not None and not info.availability.is_available_to_buy
        }

    def get(self, product_id: int | None) -> Any | None:
        """This product, if it was looked up and may be browsed."""
        return self._products.get(product_id) if product_id is not None else None

    def titles(self, product_ids: set[int]) -> dict[int, str]:
        """The titles of these products, without those that may not be browsed and those that are sensitive by now."""
        self.prefetch(product_ids)
        found = ((key, self._products[key]) for key in product_ids & self._products.keys())
        return {key: product.get_title() for key, product in found if product.exclusion != SENSITIVE}
