"""Imports purchases made in stores: a batch at a time, each line as often as it is sent, and stored once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.timezone import get_default_timezone

from personalization.batching import batched
from personalization.exchange.event_files import RejectedRow
from personalization.exchange.event_import import RejectWriter
from personalization.exchange.purchase_files import ReceiptLine, parse_receipt_line
from personalization.exchange.tabular import TableRow
from personalization.models import LoyaltyCard, Purchase, Store, Visitor
from personalization.models.purchases import receipt_number
from personalization.privacy import retention
from personalization.privacy.loyalty_cards import hash_card_number
from personalization.profile import genome
from personalization.shop import catalogue, customers

MAX_LINES = 100_000
"""Of one file."""
LINES_PER_BATCH = 1_000
"""Lines are looked up and stored together, each batch in one transaction."""
GENOMES_PER_BATCH = 250
CLOCK_TOLERANCE = timedelta(hours=1)
"""The clock of a till may be so far ahead."""
DEFAULT_SOURCE = "store"
NO_CARD_KEY = "Cards are left out, as the setting CARD_NUMBER_KEY is empty."
NAMED_PRODUCTS = 10
"""The report names as many unknown products."""


@dataclass(frozen=True)
class PurchaseOptions:
    """How lines are to be understood."""

    source: str = DEFAULT_SOURCE
    """The system that they come from: receipts of two sources may have one number."""
    items: str = "sku"
    """What `sku` is: sku, upc or id."""
    users: str = "id"
    """What `customer` is: id, email or username."""
    dry_run: bool = False


@dataclass
class PurchaseImportResult:
    """The counts so far."""

    lines: int = 0
    stored: int = 0
    """Those that were not there yet."""
    repeated: int = 0
    """Those that were there, and have what they say now."""
    rejected: int = 0
    returns: int = 0
    with_known_card: int = 0
    """With a card that a customer linked."""
    with_other_card: int = 0
    with_card_left_out: int = 0
    """With a card, in a shop that has no key for their numbers."""
    with_customer: int = 0
    """Whom the source names, with no card that anybody linked."""
    products: set[str] = field(default_factory=set)
    unknown_products: dict[str, int] = field(default_factory=dict)
    """How many lines name each."""
    new_stores: set[str] = field(default_factory=set)
    users: set[Any] = field(default_factory=set)
    """The customers whose lines they are."""


def import_purchases(
    rows: Iterable[TableRow], options: PurchaseOptions, reject: RejectWriter, now: datetime
) -> PurchaseImportResult:
    """1. Parses a batch of lines. 2. Looks up their products, customers, cards and stores. 3. Stores them.
    4. Works out the genomes of the customers whose they are.

    A line that cannot be used is rejected alone; one whose product the shop does not have is stored with its SKU, and
    imported again it gets its product. An interrupted import is simply started again.
    """
    result = PurchaseImportResult()
    for batch in batched(rows, LINES_PER_BATCH):
        result.lines += len(batch)
        with transaction.atomic():
            _import_lines(batch, options, reject, now, result)
            transaction.set_rollback(options.dry_run)
    if not options.dry_run:
        for users in batched(sorted(result.users), GENOMES_PER_BATCH):
            genome.refresh_genome(users, now.timestamp())
    return result


def _import_lines(
    rows: list[TableRow], options: PurchaseOptions, reject: RejectWriter, now: datetime, result: PurchaseImportResult
) -> None:
    parsed: list[tuple[TableRow, ReceiptLine]] = []
    for row in rows:
        try:
            parsed.append((row, parse_receipt_line(row)))
        except RejectedRow as rejection:
            _reject(row, rejection, reject, result)
    batch = _PurchaseBatch([line for _, line in parsed], options, now)
    built: dict[tuple[str, int], tuple[ReceiptLine, Purchase]] = {}
    for row, line in parsed:
        try:
            built[line.receipt, line.line] = line, batch.build_purchase(line)  # of two with one key the last one
        except RejectedRow as rejection:
            _reject(row, rejection, reject, result)
        else:
            result.repeated += 1
    batch.count(built.values(), result)
    new = len(built.keys() - Purchase.objects.existing_lines(options.source, {receipt for receipt, _ in built}))
    result.stored += new
    result.repeated -= new
    Purchase.objects.store(purchase for _, (_, purchase) in sorted(built.items()))


def _reject(row: TableRow, rejection: RejectedRow, reject: RejectWriter, result: PurchaseImportResult) -> None:
    result.rejected += 1
    reject(row, *rejection.args)


class _PurchaseBatch:
    """Some lines, with what the shop has of their products, customers, cards and stores. The cards and customers are
    locked, so that none is unlinked or erased before the lines are stored."""

    def __init__(self, lines: list[ReceiptLine], options: PurchaseOptions, now: datetime) -> None:
        self.options, self.now = options, now
        self.oldest = retention.retention_cutoffs(now).purchases
        self.products = catalogue.resolve_product_ids({(options.items, line.sku) for line in lines})
        self.customers = customers.customers_by_field({line.customer for line in lines if line.customer}, options.users)
        self.hashes = {line.card: hash_card_number(line.card) for line in lines if line.card}
        self.visitors = Visitor.objects.lock_for({key for key in self.customers.values() if key is not None})
        self.cards = LoyaltyCard.objects.lock_all(filter(None, self.hashes.values()))
        self._read_stores({line.store for line in lines if line.store})

    def _read_stores(self, codes: set[str]) -> None:
        found = Store.objects.by_code(codes)
        self.new_stores = codes - found.keys()
        if self.new_stores:
            Store.objects.add_codes(self.new_stores)
            found = Store.objects.by_code(codes)
        self.stores = found

    def build_purchase(self, line: ReceiptLine) -> Purchase:
        """The line to store. RejectedRow says why there is none."""
        store, card = self.stores.get(line.store), self.cards.get(self.hashes.get(line.card, ""))
        at = line.bought_at(store.zone if store else get_default_timezone())
        if at > self.now + CLOCK_TOLERANCE:
            raise RejectedRow("in_future", f"{at.isoformat()} is in the future")
        if at < self.oldest:
            raise RejectedRow("too_old", "older than the setting PURCHASE_RETENTION_DAYS allows")
        return Purchase(
            source=self.options.source,
            external_id=line.receipt,
            line=line.line,
            receipt=receipt_number(self.options.source, line.returned_receipt or line.receipt),
            store=store,
            user_id=card.user_id if card is not None and card.user_id is not None else self._customer(line, at),
            card=card,
            product_id=self.products.get((self.options.items, line.sku)),
            sku=line.sku,
            quantity=line.quantity,
            price=line.price,
            currency=line.currency,
            at=at,
            returned=line.returned,
        )

    def _customer(self, line: ReceiptLine, at: datetime) -> Any:
        """Whose a line is that names a customer; nobody's, where they had their data deleted since."""
        if not line.customer:
            return None
        if line.customer not in self.customers:
            raise RejectedRow("unknown_customer", f"no customer has this {self.options.users}")
        key = self.customers[line.customer]
        if key is None:
            raise RejectedRow("ambiguous_customer", f"several customers have this {self.options.users}")
        visitor = self.visitors.get(key)
        return None if visitor is not None and visitor.erased_at and at <= visitor.erased_at else key

    def count(self, built: Iterable[tuple[ReceiptLine, Purchase]], result: PurchaseImportResult) -> None:
        """Adds what the lines say to the result."""
        result.new_stores |= self.new_stores
        for line, purchase in built:
            result.products.add(line.sku)
            result.returns += purchase.quantity < 0
            if purchase.product_id is None:
                result.unknown_products[line.sku] = result.unknown_products.get(line.sku, 0) + 1
            if purchase.card is not None and purchase.card.user_id is not None:
                result.with_known_card += 1
            elif purchase.card is not None:
                result.with_other_card += 1
            elif purchase.user_id is not None:
                result.with_customer += 1
            result.with_card_left_out += bool(line.card) and purchase.card is None
            if purchase.user_id is not None:
                result.users.add(purchase.user_id)


def report_sentences(result: PurchaseImportResult) -> list[str]:
    """What an import found, in sentences."""
    used = result.stored + result.repeated
    if not used:
        return ["No line can be used."]
    return [
        _unknown_sentence(result),
        f"{_percent(result.with_known_card, used)} of the lines with a card that we know, "
        f"{_percent(result.with_other_card, used)} with a card that nobody linked, "
        f"{_percent(result.with_customer, used)} of a customer whom the source names; the others are nobody's.",
        *([NO_CARD_KEY] if result.with_card_left_out else []),
        *([f"{result.returns} of the lines are returns."] if result.returns else []),
        *([f"New stores: {', '.join(sorted(result.new_stores))}. Say where they are."] if result.new_stores else []),
    ]


def _unknown_sentence(result: PurchaseImportResult) -> str:
    unknown = sorted(result.unknown_products, key=lambda sku: (-result.unknown_products[sku], sku))
    if not unknown:
        return f"All {len(result.products)} products are known."
    named = ", ".join(unknown[:NAMED_PRODUCTS]) + (", …" if len(unknown) > NAMED_PRODUCTS else "")
    return f"{_percent(len(unknown), len(result.products))} of the products unknown: {named}"


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 1 or not part else "less than 1 %"
