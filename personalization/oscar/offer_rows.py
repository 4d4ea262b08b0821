"""What completes an offer or a voucher code that a basket meets in part, each with both numbers, what it costs and by
how much the whole rises, as Oscar's own calculation says on a copy of the basket: rows of the basket page, a line on a
product's page, and one in a message about the basket.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import islice
from types import SimpleNamespace
from typing import Any

from django.utils.translation import pgettext
from oscar.core.loading import get_class
from oscar.templatetags.currency_filters import currency

from personalization import conf
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.slate import Reason, Row, Slate, SlateItem
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.oscar.entered_codes import codes_in_question
from personalization.oscar.offer_words import both_numbers, missing_for_code, progress_words
from personalization.oscar.previews import current_preview
from personalization.privacy.requester import is_shared_page
from personalization.serve import rank_for_basket
from personalization.shop import catalogue
from personalization.shop.offer_trials import (
    Applicator,
    MissingPart,
    RangeMembers,
    TooManyRanges,
    TriedBasket,
    basket_total,
    half_met_offers,
    missing_part,
    read_priced_basket,
    try_basket,
    with_voucher,
)

Repository = get_class("shipping.repository", "Repository")

Find = Callable[[], Any]
OFFER_ROW = "half_met_offer"
"""The type of these rows, under which what they show is reported on the surface of the basket."""
OFFER_PART = "offer"
"""The place of a product's line on a page that a cache hands to anybody."""
MAX_OFFERS, MAX_ROWS, MAX_CODE_OFFERS = 5, 2, 2
RANKED_PRODUCTS = 200
"""What completes an offer is looked for among so many products, the visitor's first ones."""
CANDIDATES_AN_OFFER, TRIES_AN_OFFER = 12, 3
MAX_PIECES = 3
"""Nobody is asked for more pieces of one product than this."""
TRY_SECONDS = 0.03
"""After so long nothing further is tried: Oscar's own words about the offer stand on the page anyway."""


@dataclass(frozen=True)
class _HalfMet:
    """What a basket is close to."""

    key: str
    title: str
    explanation: str
    offer_id: int = 0
    """Which has to act then; 0 for free delivery."""
    pieces: int = 0
    """So many more are missing; 0 where an amount is."""
    amount: Decimal = Decimal(0)
    products: Sequence[int] = ()
    """Those that count to it, the visitor's first one first."""
    code: str = ""
    """The voucher code that counts then; "" for an offer that needs none."""
    offers: Sequence[Any] = ()
    """With a code, all that may act on the basket with it."""

    def quantity(self, price: Decimal) -> int:
        """How many pieces of a product at this price are enough; 0 where that would be too many."""
        if self.pieces:
            return self.pieces if self.pieces <= MAX_PIECES else 0
        return next((count for count in (1, 2) if count * price >= self.amount), 0)


@dataclass(frozen=True)
class ReadyCode:
    """A voucher code that is not in the basket and would take something off."""

    code: str
    saving: str
    """So much less the whole would come to."""


@dataclass(frozen=True)
class BasketOffers:
    """What the page of a basket says of offers and codes that do not act yet."""

    slate: Slate
    visit: Visit | None = None
    """The one that the rows were decided for."""
    codes: Sequence[ReadyCode] = ()


def half_met_slate(request: Any, upsells: Iterable[dict[str, Any]], find_address: Find | None = None) -> BasketOffers:
    """The rows of what completes an offer or a voucher code, and the codes that would take something off as the basket
    is; none where nothing would be saved, and for visitors who are held back.

    Parameters: `upsells`, the offers that the basket meets in part with Oscar's words, as its basket page has them;
    `find_address`, a function that gives the address to which the basket would be sent, asked only where it is needed.
    """
    upsells = list(upsells)[:MAX_OFFERS]
    if request is not None and request.basket.id and not request.basket.is_empty:
        with fail_open("What completes an offer", whole_page=True):
            visit = visits.visit_from_request(request)
            vouchers = [] if _is_plain(visit) else codes_in_question(request, visit)
            if vouchers or ((upsells or conf.get_settings().FREE_SHIPPING_FROM) and not _is_plain(visit)):
                ranked, snapshot = rank_for_basket(visit, RANKED_PRODUCTS)
                trials = _BasketTrials(request.basket, visit, ranked, _Buyer(request.user, request, find_address))
                ready, missing = trials.try_codes(vouchers)
                rows = tuple(trials.rows([*missing, *trials.half_met(upsells)]))
                visits.mark_shown(request, (item.product_id for row in rows for item in row.items))
                return BasketOffers(Slate("basket", snapshot, rows), visit, ready)
    return BasketOffers(Slate("basket"))


@dataclass(frozen=True)
class ProductOffer:
    """What the product of a page does for an offer that the basket meets in part."""

    progress: str
    """How far the basket is, and for which offer."""
    url: str
    """Of the offer's own page; "" where it has none."""
    explanation: str
    """Both numbers."""


def offer_of_product(request: Any, product: Any) -> ProductOffer | None:
    """What this product would change about an offer that the visitor's basket meets in part, the one by which most is
    saved; None where it completes none, or nothing would be saved. No query for an empty basket."""
    if not request.basket.id or request.basket.is_empty or current_preview(request) is not None:
        return None
    with fail_open("What a product completes", whole_page=True):
        visit = visits.visit_from_request(request)
        if _is_plain(visit) or product.is_parent:
            return None
        page = get_class("basket.views", "BasketView")(request=request)
        buyer = _Buyer(request.user, request, page.get_default_shipping_address)
        return _BasketTrials(request.basket, visit, [product.pk], buyer).best_of_product(product)
    return None


def product_offer_context(request: Any, product: Any) -> dict[str, Any]:
    """What the page of a product prints of that: the place for it, where a cache hands the page to anybody."""
    if request is None:
        return {}
    return {"place": OFFER_PART} if is_shared_page(request) else {"offer": offer_of_product(request, product)}


@dataclass(frozen=True)
class BasketOffer:
    """What a message about a basket says of an offer that it meets in part."""

    title: str
    explanation: str
    product_id: int
    product: Any


def offer_of_basket(basket_id: int, user: Any, visit: Visit) -> BasketOffer | None:
    """The first product that completes an offer of a customer's basket as it is now, and what it changes; None where
    none does, nothing would be saved, or the customer is held back. In the language that is active."""
    if _is_plain(visit):
        return None
    with fail_open("What completes the offer of a basket", whole_page=True):
        basket = read_priced_basket(basket_id, user, visit.strategy)
        if basket is None:
            return None
        account = get_class("basket.views", "BasketView")(request=SimpleNamespace(user=user))
        ranked, _snapshot = rank_for_basket(visit, RANKED_PRODUCTS)
        trials = _BasketTrials(basket, visit, ranked, _Buyer(user, None, account.get_default_shipping_address))
        rows = trials.rows(trials.half_met({"offer": offer, "message": ""} for offer in trials.half_met_offers()))
        for row in rows[:1]:
            item = max(row.items, key=lambda item: item.score)
            return BasketOffer(row.title, item.explanation, item.product_id, item.product)
    return None


def _is_plain(visit: Visit) -> bool:
    """Whether the visitor is held back, or in an arm without personalisation on any surface."""
    return visit.held_back or (visit.arms is not None and visit.arms.is_plain_somewhere)


@dataclass(frozen=True)
class _Buyer:
    """Whose basket it is, as Oscar asks for it."""

    user: Any
    request: Any
    """None in a message."""
    find_address: Find | None
    """Gives the address to which the basket would be sent."""


class _BasketTrials:
    """One basket while it is looked for what would complete its offers."""

    def __init__(self, basket: Any, visit: Visit, ranked: Sequence[int], buyer: _Buyer) -> None:
        """`ranked`: the keys of the products among which is looked, best first."""
        self._basket, self._visit, self._ranked, self._buyer = basket, visit, ranked, buyer
        in_basket = [line.product_id for line in basket.all_lines()]
        self._ranges, self._seconds = RangeMembers({*ranked, *in_basket}), 0.0

    @cached_property
    def _offers(self) -> list[Any]:
        return list(Applicator().get_offers(self._basket, self._buyer.user, self._buyer.request))

    def half_met_offers(self) -> list[Any]:
        """The offers that the basket meets in part."""
        return half_met_offers(self._basket, self._ranges.tied_all(self._offers))[:MAX_OFFERS]

    def best_of_product(self, product: Any) -> ProductOffer | None:
        """What a product that is not in question otherwise does for an offer. TooManyRanges is nothing, too."""
        info = self._visit.strategy.fetch_for_product(product)
        price = catalogue.get_price_amount(info)
        if not price or not (self._offers or conf.get_settings().FREE_SHIPPING_FROM):
            return None
        in_basket = sum(line.quantity for line in self._basket.all_lines() if line.product_id == product.pk)
        until = time.monotonic() + TRY_SECONDS
        found: list[tuple[Decimal, ProductOffer]] = []
        try:
            offers = self._ranges.tied_all(self._offers)
            for progress, url, wanted in self._progress_of(product, in_basket):
                quantity = wanted.quantity(price)
                if not quantity or not info.availability.is_purchase_permitted(quantity + in_basket)[0]:
                    continue
                if len(found) == TRIES_AN_OFFER or time.monotonic() > until:
                    break
                tried = try_basket(self._basket, {product: quantity}, offers, self._shipping_charge)
                if _completes(wanted, tried):
                    words = both_numbers(tried, quantity, info.price.currency)
                    found.append((tried.saving, ProductOffer(progress, url, words)))
        except TooManyRanges:
            return None
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def _progress_of(self, product: Any, in_basket: int) -> Iterator[tuple[str, str, _HalfMet]]:
        """(how far the basket is, the offer's page, what is missing) of each offer that the product counts to."""
        for offer in self.half_met_offers():
            part = missing_part(offer, self._basket, self._ranges)
            half_met = self._half_met_offer({"offer": offer, "message": ""})
            if part is None or half_met is None or product.pk not in half_met.products:
                continue
            if not (part.is_distinct and in_basket):
                yield progress_words(offer, part, self._basket.currency), offer.get_absolute_url(), half_met
        if free := self._free_shipping():
            yield free.explanation, "", free

    def _try(self, added: dict[Any, int], offers: Sequence[Any]) -> TriedBasket | None:
        """What the basket comes to with these; None once all tries together took too long."""
        if self._seconds > TRY_SECONDS:
            return None
        begun = time.monotonic()
        tried = try_basket(self._basket, added, offers, self._shipping_charge)
        self._seconds += time.monotonic() - begun
        return tried

    def try_codes(self, vouchers: Iterable[Any]) -> tuple[list[ReadyCode], list[_HalfMet]]:
        """(which of these codes would take something off now, what is missing of the others)."""
        ready, missing = list[ReadyCode](), list[_HalfMet]()
        for voucher in vouchers:
            offers, own = self._offers_with(voucher)
            tried = self._try({}, offers) if own else None
            if tried is None:
                continue
            if tried.applied_offers.isdisjoint(offer.id for offer in own):
                found = (self._half_met_code(voucher, offer, offers) for offer in own)
                missing += [one for one in found if one is not None and one.products]
            elif tried.saving > 0:
                ready.append(ReadyCode(voucher.code, currency(tried.saving, self._basket.currency)))
        return ready, missing

    def _offers_with(self, voucher: Any) -> tuple[list[Any], list[Any]]:
        """(all offers that may act on the basket with a voucher, those that are the voucher's). Oscar decides whether
        this customer may use it."""
        basket, buyer = with_voucher(self._basket, voucher), self._buyer
        try:
            offers = self._ranges.tied_all(Applicator().get_offers(basket, buyer.user, buyer.request))
        except TooManyRanges:
            return [], []
        return offers, [offer for offer in offers if offer.get_voucher() == voucher][:MAX_CODE_OFFERS]

    def _half_met_code(self, voucher: Any, offer: Any, offers: Sequence[Any]) -> _HalfMet | None:
        part = missing_part(offer, self._basket, self._ranges)
        if part is None or (part.is_distinct and part.pieces > 1):
            return None
        title = pgettext("personalization", "Almost there: your code %(code)s") % {"code": voucher.code}
        words = missing_for_code(voucher.code, part, self._basket.currency)
        about = (f"{OFFER_ROW}:{offer.pk}", title, words, offer.pk, part.pieces, part.amount, self._first_of(part))
        return _HalfMet(*about, code=voucher.code, offers=offers)

    def half_met(self, upsells: Iterable[dict[str, Any]]) -> list[_HalfMet]:
        """What is missing of each of these offers, where that can be said; and of free delivery."""
        found = [*map(self._half_met_offer, upsells), self._free_shipping()]
        return [one for one in found if one is not None and one.products]

    def _half_met_offer(self, upsell: dict[str, Any]) -> _HalfMet | None:
        offer = upsell["offer"]
        part = missing_part(offer, self._basket, self._ranges)
        if part is None or (part.is_distinct and part.pieces > 1):  # one product does not complete it
            return None
        title = pgettext("personalization", "Almost there: %(offer)s") % {"offer": offer.name}
        key, products = f"{OFFER_ROW}:{offer.pk}", self._first_of(part)
        words = str(upsell["message"] or "")
        return _HalfMet(key, title, words, offer.pk, part.pieces, part.amount, products)

    def _first_of(self, part: MissingPart) -> list[int]:
        members = self._ranges.members(part.range)
        return list(islice((key for key in self._ranked if key in members), CANDIDATES_AN_OFFER))

    def _free_shipping(self) -> _HalfMet | None:
        threshold = Decimal(str(conf.get_settings().FREE_SHIPPING_FROM))
        missing = threshold - basket_total(self._basket)
        if not 0 < missing <= threshold / 2:
            return None
        title = pgettext("personalization", "Almost there: free delivery")
        words = pgettext("personalization", "%(amount)s more for free delivery")
        words %= {"amount": currency(missing, self._basket.currency)}
        products = self._ranked[:CANDIDATES_AN_OFFER]
        return _HalfMet(f"{OFFER_ROW}:shipping", title, words, amount=missing, products=products)

    def rows(self, wanted: Sequence[_HalfMet]) -> list[Row]:
        """A row for each of these that something completes, the one that saves most first."""
        keys = {key for one in wanted for key in one.products}
        if not keys:
            return []
        sellable = ProductLookup(look_up=catalogue.products_for_cards).sellable(keys, self._visit.strategy)
        found: list[Row] = []
        try:
            offers = [] if all(one.offers for one in wanted) else self._ranges.tied_all(self._offers)
            for one in wanted:
                items = tuple(self._items(one, sellable, one.offers or offers))
                if items:
                    for item in items:  # nothing stands twice on a page
                        sellable.pop(item.product_id)
                    found.append(Row(one.key, OFFER_ROW, one.title, Reason(OFFER_ROW), one.explanation, True, items))
        except TooManyRanges:
            return []
        return sorted(found, key=lambda row: -max(item.score for item in row.items))[:MAX_ROWS]

    def _items(
        self, wanted: _HalfMet, sellable: dict[int, catalogue.Offer], offers: Sequence[Any]
    ) -> Iterator[SlateItem]:
        position = 0
        for offer, quantity in islice(_choices(wanted, sellable), TRIES_AN_OFFER):
            tried = self._try({offer.product: quantity}, offers)
            if tried is None:
                return
            if _completes(wanted, tried):
                words = both_numbers(tried, quantity, offer.info.price.currency, wanted.code)
                about = (float(tried.saving), Reason(OFFER_ROW), words, offer.product, offer.info)
                yield SlateItem(offer.product.pk, position, *about)
                position += 1

    @cached_property
    def _address(self) -> Any:
        return self._buyer.find_address() if self._buyer.find_address else None

    def _shipping_charge(self, basket: Any) -> Decimal:
        """What sending it costs by the method that the basket page shows."""
        buyer = self._buyer
        method = Repository().get_default_shipping_method(
            basket=basket, user=buyer.user, request=buyer.request, shipping_addr=self._address
        )
        charge = method.calculate(basket)
        return Decimal(charge.incl_tax if charge.is_tax_known else charge.excl_tax)


def _choices(wanted: _HalfMet, sellable: dict[int, catalogue.Offer]) -> Iterator[tuple[catalogue.Offer, int]]:
    """(product, pieces) of what may complete it: where an amount is missing what exceeds it least, else as ranked."""
    found: list[tuple[Decimal, catalogue.Offer, int]] = []
    for offer in (sellable[key] for key in wanted.products if key in sellable):
        price = catalogue.get_price_amount(offer.info)
        quantity = wanted.quantity(price) if price and not offer.product.is_parent else 0
        if price and quantity and offer.info.availability.is_purchase_permitted(quantity)[0]:
            found.append((quantity * price, offer, quantity))
    if wanted.amount:
        found.sort(key=lambda choice: choice[0])
    return ((offer, quantity) for _cost, offer, quantity in found)


def _completes(wanted: _HalfMet, tried: TriedBasket) -> bool:
    """Whether something is saved, and by the offer that it is said of."""
    return tried.saving > 0 and (not wanted.offer_id or wanted.offer_id in tried.applied_offers)
