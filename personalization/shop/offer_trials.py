"""What the shop's offers would take off if something more were in the basket: Oscar's own calculation, on a copy of the
basket that nobody saves.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from oscar.core.loading import get_class, get_model

Applicator = get_class("offer.applicator", "Applicator")
OfferApplications = get_class("offer.results", "OfferApplications")
unit_price = get_class("offer.utils", "unit_price")
Basket = get_model("basket", "Basket")
BasketLine = get_model("basket", "Line")
Condition = get_model("offer", "Condition")

MAX_RANGES = 12
"""More different Ranges than this are not asked: each costs some queries."""


class TooManyRanges(Exception):
    """The shop's offers are about more Ranges than can be asked on a page."""


@dataclass(frozen=True)
class MissingPart:
    """What a basket lacks of an offer's condition."""

    range: Any
    """The products that count to it."""
    pieces: int = 0
    """So many more of them; 0 where an amount is missing."""
    needed: int = 0
    """So many pieces in all; 0 where an amount is missing."""
    amount: Decimal = Decimal(0)
    """So much more is to be spent on them."""
    is_distinct: bool = False
    """Whether each piece has to be another product."""


@dataclass(frozen=True)
class TriedBasket:
    """What a basket comes to with something added."""

    price: Decimal
    """What the added pieces cost by themselves."""
    more: Decimal
    """By how much the whole, with what sending it costs, rises; below 0 where it falls."""
    applied_offers: frozenset[int] = frozenset()
    """The keys of the offers that then act on it."""

    @property
    def saving(self) -> Decimal:
        """How much of their price does not have to be paid."""
        return self.price - self.more


class RangeMembers:
    """Which of some products are in which Range: asked once a Range, where Oscar asks for each line, offer and try."""

    def __init__(self, product_ids: Iterable[int]) -> None:
        self._asked = set(product_ids)
        self._members: dict[int, set[int]] = {}
        self._ranges: dict[int, Any] = {}

    def members(self, one: Any) -> set[int]:
        """Those of the products that are in this Range. Some queries for each Range, once."""
        if one.pk not in self._members:
            found = one.all_products().filter(pk__in=self._asked).values_list("pk", flat=True)
            self._members[one.pk] = set(found)
        return self._members[one.pk]

    def tied_all(self, offers: Iterable[Any]) -> list[Any]:
        """`tied` for all offers that may act on a basket. TooManyRanges for more Ranges than can be asked."""
        tied = [self.tied(offer) for offer in offers]
        if len({part.range_id for one in tied for part in (one.condition, one.benefit)} - {None}) > MAX_RANGES:
            raise TooManyRanges
        return tied

    def tied(self, offer: Any) -> Any:
        """A copy of an offer whose condition and benefit ask here for the members of their Ranges. As in Oscar they are
        made anew each time that they are used: they remember what they counted."""
        tied = copy.copy(offer)
        tied.condition, tied.benefit = self._tied_part(offer.condition), self._tied_part(offer.benefit)
        return tied

    def _tied_part(self, part: Any) -> Any:
        tied = copy.copy(part)
        tied.proxy = lambda: self._fresh(part)
        return tied

    def _fresh(self, part: Any) -> Any:
        fresh = part.proxy()
        if fresh is part:  # of a class of the shop's own
            fresh = copy.copy(part)
        if part.range_id is not None:
            fresh.range = self._range_of(part)
        return fresh

    def _range_of(self, part: Any) -> Any:
        if part.range_id not in self._ranges:
            one = copy.copy(part.range)
            if not one.proxy_class:
                one.contains_product = self._remembering(one, one.contains_product)
            self._ranges[part.range_id] = one
        return self._ranges[part.range_id]

    def _remembering(self, one: Any, contains: Callable[[Any], bool]) -> Callable[[Any], bool]:
        return lambda product: product.id in self.members(one) if product.id in self._asked else contains(product)


def missing_part(offer: Any, basket: Any, ranges: RangeMembers) -> MissingPart | None:
    """What is missing of a condition that a basket meets in part; None where nothing is, or where it is of a kind of
    the shop's own, of which nobody can say what would help."""
    condition = ranges.tied(offer).condition.proxy()
    if condition.proxy_class or condition.range is None or not condition.is_partially_satisfied(offer, basket):
        return None
    lines = [(line, line.quantity_available_for_offer(offer)) for line in basket.all_lines()]
    lines = [(line, free) for line, free in lines if free > 0 and condition.can_apply_condition(line)]
    if condition.type == Condition.COUNT:
        needed = int(condition.value)
        return MissingPart(condition.range, needed - sum(free for _line, free in lines), needed)
    if condition.type == Condition.COVERAGE:
        covered = {line.product_id for line, _free in lines}
        needed = int(condition.value)
        return MissingPart(condition.range, needed - len(covered), needed, is_distinct=True)
    if condition.type == Condition.VALUE:
        spent = sum(unit_price(offer, line) * int(free) for line, free in lines)
        return MissingPart(condition.range, amount=condition.value - spent)
    return None


def basket_total(basket: Any) -> Decimal:
    """What its lines come to after discounts, with tax where it is known."""
    return Decimal(basket.total_incl_tax if basket.is_tax_known else basket.total_excl_tax)


def copy_basket(basket: Any, added: Mapping[Any, int]) -> tuple[Any, Decimal]:
    """A copy of a basket from which nothing is taken off yet, with so many pieces added of these products, as the shop
    adds them; and what those cost by themselves. Nothing is saved, and the basket stays as it is."""
    trial = copy.copy(basket)
    rows, price = [], Decimal(0)
    for line in basket.all_lines():
        own = copy.copy(line)
        own.basket = trial
        own.clear_discount()
        rows.append(own)
    by_reference = {line.line_reference: line for line in rows}
    for product, quantity in added.items():
        new = _new_line(trial, product, quantity)
        price += new.line_price_incl_tax if new.is_tax_known else new.line_price_excl_tax
        if same := by_reference.get(new.line_reference):
            same.quantity += quantity
        else:
            rows.append(new)
    lines = basket.lines.all()
    lines._result_cache = rows  # as if they had been read; Oscar asks for nothing but a count and the lines
    trial._lines, trial.offer_applications = lines, OfferApplications()
    return trial, price


def _new_line(basket: Any, product: Any, quantity: int) -> Any:
    info = basket.strategy.fetch_for_product(product)
    price = info.price
    return BasketLine(
        basket=basket,
        product=product,
        stockrecord=info.stockrecord,
        line_reference=basket._create_line_reference(product, info.stockrecord, None),
        quantity=quantity,
        price_currency=price.currency,
        price_excl_tax=price.excl_tax,
        price_incl_tax=price.incl_tax if price.is_tax_known else None,
        tax_code=price.tax_code,
    )


def try_basket(
    basket: Any, added: Mapping[Any, int], offers: Iterable[Any], shipping_charge: Callable[[Any], Decimal]
) -> TriedBasket:
    """What a basket comes to with so many pieces of these products added, by Oscar's own calculation.

    Parameters: `offers`, all that may act on it, tied to Ranges that were asked; `shipping_charge`, what sending a
    basket costs once offers were applied to it.
    """
    trial, price = copy_basket(basket, added)
    Applicator().apply_offers(trial, offers)
    before = basket_total(basket) + shipping_charge(basket)
    more = basket_total(trial) + shipping_charge(trial) - before
    return TriedBasket(price, more, frozenset(trial.offer_applications.offers))


def with_voucher(basket: Any, voucher: Any) -> Any:
    """The basket as though it had this voucher, too, so that Oscar says which offers may act on it then. Nothing is
    saved."""
    trial, rows = copy.copy(basket), [*basket.vouchers.all(), voucher]
    vouchers = basket.vouchers.all().all()  # a list of its own, also where the basket's was prefetched
    vouchers._result_cache = sorted(rows, key=lambda one: one.date_created, reverse=True)  # as Oscar orders them
    vouchers._prefetch_done = True
    trial._prefetched_objects_cache = {"vouchers": vouchers}
    return trial


def half_met_offers(basket: Any, offers: Iterable[Any]) -> list[Any]:
    """Those of the offers that a basket meets in part and that do not act on it, as Oscar's basket page names them."""
    applied = basket.offer_applications.offers
    return [offer for offer in offers if offer.id not in applied and offer.is_condition_partially_satisfied(basket)]


def read_priced_basket(basket_id: int, owner: Any, strategy: Any) -> Any:
    """A customer's open basket as their next page has it, with all offers applied; None when there is none. Some
    queries for each offer."""
    basket = Basket.objects.filter(pk=basket_id, owner=owner, status=Basket.OPEN).first()
    if basket is not None:
        basket.strategy = strategy
        Applicator().apply(basket, owner, None)
    return basket
