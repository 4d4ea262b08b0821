"""What we use of Oscar's classes, which a shop may replace by its own: a forked app needs these members and no more."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Protocol


class Price(Protocol):
    """What a product costs."""

    @property
    def exists(self) -> bool: ...
    @property
    def is_tax_known(self) -> bool: ...
    @property
    def excl_tax(self) -> Decimal | None: ...
    @property
    def incl_tax(self) -> Decimal | None: ...
    @property
    def currency(self) -> str: ...


class Availability(Protocol):
    """Whether a product can be bought."""

    @property
    def is_available_to_buy(self) -> bool: ...
    @property
    def code(self) -> str: ...
    def is_purchase_permitted(self, quantity: int) -> tuple[bool, str]: ...


class PurchaseInfo(Protocol):
    """What a strategy says of a product for one shopper."""

    @property
    def price(self) -> Price: ...
    @property
    def availability(self) -> Availability: ...


class OscarProduct(Protocol):
    """A product of the shop's catalogue."""

    pk: int
    parent_id: int | None

    @property
    def is_parent(self) -> bool: ...
    def get_title(self) -> str: ...
    def get_absolute_url(self) -> str: ...
    def get_public_children(self) -> Iterable["OscarProduct"]: ...


class Strategy(Protocol):
    """Oscar's strategy of prices and stock, chosen for a shopper."""

    def fetch_for_product(self, product: Any) -> PurchaseInfo: ...
    def fetch_for_parent(self, product: Any) -> PurchaseInfo: ...
