"""The products that a decision looks at: looked up together, remembered with their titles."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from personalization.shop import catalogue
from personalization.shop.card_columns import SENSITIVE
from personalization.shop.types import PurchaseInfo

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
        self._infos: dict[int, PurchaseInfo] = {}
        """The price and availability by the strategy that asked last: rows and posts of a page ask for the same."""
        self._strategy: Any = None

    def expect(self, product_ids: Iterable[int]) -> None:
        """Has these read with the next products for which a visitor is asked about."""
        self._referenced.update(product_ids)

    def has_read(self, product_ids: set[int]) -> bool:
        """Whether none of these needs a query."""
        return product_ids <= self._requested.keys()

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
            self._infos.pop(key, None)

    def sellable(self, product_ids: set[int], strategy: Any) -> dict[int, catalogue.Offer]:
        """Those of the products that can be bought now, by the strategy of a visitor, without what is in a sensitive
        category by now: the snapshot may be older than the flag, or than the tree."""
        self.prefetch(product_ids | self._referenced)
        self._referenced = set()
        return {
            key: offer
            for key, offer in self._offers(product_ids, strategy)
            if offer.info.availability.is_available_to_buy and catalogue.get_price_amount(offer.info) is not None
        }

    def sold_out(self, product_ids: set[int], strategy: Any) -> dict[int, catalogue.Offer]:
        """Those of the products, looked up before, that have a price and cannot be bought now, by the strategy of a
        visitor, without what is in a sensitive category by now."""
        return {
            key: offer
            for key, offer in self._offers(product_ids, strategy)
            if not offer.info.availability.is_available_to_buy and catalogue.get_price_amount(offer.info) is not None
        }

    def _offers(self, product_ids: set[int], strategy: Any) -> Iterator[tuple[int, catalogue.Offer]]:
        """Those of the products that were looked up and are in no sensitive category, each at its price."""
        if strategy is not self._strategy:
            self._strategy, self._infos = strategy, {}
        for key in product_ids & self._products.keys():
            product = self._products[key]
            if product.exclusion != SENSITIVE:
                if key not in self._infos:
                    self._infos[key] = catalogue.purchase_info(product, strategy)
                yield key, catalogue.Offer(product, self._infos[key])

    def get(self, product_id: int | None) -> Any | None:
        """This product, if it was looked up and may be browsed."""
        return self._products.get(product_id) if product_id is not None else None

    def titles(self, product_ids: set[int]) -> dict[int, str]:
        """The titles of these products, without those that may not be browsed and those that are sensitive by now."""
        self.prefetch(product_ids)
        found = ((key, self._products[key]) for key in product_ids & self._products.keys())
        return {key: product.get_title() for key, product in found if product.exclusion != SENSITIVE}
