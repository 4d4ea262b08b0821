"""Imports what products cost the shop from a table: each row by itself, so that a bad one loses no other."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from django.db import transaction
from django.utils.formats import number_format
from django.utils.timezone import localdate, now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.batching import batched
from personalization.exchange.event_files import RejectedRow, cell_text
from personalization.exchange.tabular import Column, TableError, TableRow, open_table
from personalization.merchandising.publishing import changing_rules
from personalization.models import ProductCost, RulesState
from personalization.shop import product_margins
from personalization.shop.currencies import own_currency

COST_COLUMNS = {
    "product": Column(("product", "sku", "upc", "id")),
    "cost": Column(("cost",)),
    "currency": Column(("currency",), required=False),
    "since": Column(("since",), required=False),
}
COST_ITEMS = ("sku", "upc", "id")
"""What may stand in the column `product`."""
COSTS_PER_BATCH = 1_000
MAX_COST_ROWS = 100_000
MAX_PIECE_COST = Decimal(10) ** 7
COST_DIGITS = Decimal("0.0001")
NAMED_ROWS = 50
"""So many rows that were left out are shown with their reasons."""


class UnusableCost(Exception):
    """What is wrong with a row, in words."""


@dataclass(frozen=True)
class CostRow:
    """A well-formed row."""

    product: str
    cost: Decimal
    since: date


@dataclass
class CostImport:
    """What came of a table."""

    rows: int = 0
    stored: int = 0
    """Costs that are as the table says now."""
    rejected: list[tuple[str, str]] = field(default_factory=list)
    """(where, why) of the first rows that were left out; what was stored for their products stays."""

    @property
    def left_out(self) -> int:
        """How many rows were left out."""
        return self.rows - self.stored

    def reject(self, location: str, words: str) -> None:
        """Notes a row that is left out."""
        if len(self.rejected) < NAMED_ROWS:
            self.rejected.append((location, words))


@contextmanager
def open_cost_file(file: Path, name: str = "") -> Iterator[Iterator[TableRow]]:
    """The rows of a file; TableError says why it cannot be read. Parameters: `name`, what errors call the file."""
    with open_table(file) as table:
        yield replace(table, file=Path(name or file)).rows(COST_COLUMNS)


def import_costs(rows: Iterable[TableRow], *, items: str, dry_run: bool = False) -> CostImport:
    """Stores the costs of a table, all at once; one of the same product and day is written over.

    Parameters: `items`, what stands in the column `product`: one of `COST_ITEMS`.
    """
    result = CostImport()
    with transaction.atomic():
        for batch in batched(rows, COSTS_PER_BATCH):
            result.rows += len(batch)
            if result.rows > MAX_COST_ROWS:
                raise TableError(_("It has more than %(most)d rows; split it.") % {"most": MAX_COST_ROWS})
            _store_costs(batch, items, result)
        if result.stored:
            with changing_rules():
                RulesState.objects.count_change(now())  # so that margins are worked out anew within seconds
        transaction.set_rollback(dry_run)
    return result


def _store_costs(batch: list[TableRow], items: str, result: CostImport) -> None:
    parsed = [(row.location, _parse_or_fault(row)) for row in batch]
    known = product_margins.products_by_code({one.product for _at, one in parsed if isinstance(one, CostRow)}, items)
    found: dict[tuple[int, date], ProductCost] = {}
    for location, one in parsed:
        keys = known.get(one.product, []) if isinstance(one, CostRow) else []
        if isinstance(one, CostRow) and len(keys) == 1:
            cost = ProductCost(product_id=keys[0], cost=one.cost, currency=own_currency(), since=one.since)
            found[keys[0], one.since] = cost  # of two for one day the last one
            result.stored += 1
        else:
            result.reject(location, one if isinstance(one, str) else _not_one_product(one.product, items, len(keys)))
    ProductCost.objects.store(found.values())


def _parse_or_fault(row: TableRow) -> CostRow | str:
    """A row, or what is wrong with it."""
    try:
        return _parse_cost(row)
    except RejectedRow as rejection:
        return str(rejection.args[-1])
    except UnusableCost as fault:
        return str(fault)


def _not_one_product(code: str, items: str, count: int) -> str:
    words = (
        _("No product has the %(kind)s %(code)s.") if not count else _("Several products have the %(kind)s %(code)s.")
    )
    return words % {"kind": items.upper(), "code": code[:60]}


def _parse_cost(row: TableRow) -> CostRow:
    if row.fault:
        raise UnusableCost(_("It cannot be read: %(fault)s.") % {"fault": row.fault})
    product = cell_text(row, "product")
    if not product:
        raise UnusableCost(_("It names no product."))
    currency = cell_text(row, "currency").upper()
    if currency and currency != own_currency():
        words = _("The currency is %(found)s; prices are in %(expected)s.")
        raise UnusableCost(words % {"found": currency[:12], "expected": own_currency()})
    return CostRow(product, _parse_piece_cost(str(row.cells.get("cost", ""))), _parse_cost_day(cell_text(row, "since")))


def _parse_piece_cost(text: str) -> Decimal:
    """An amount with a decimal point, or with a comma in its place where that cannot mean thousands."""
    written = text.strip()
    whole, comma, decimals = written.partition(",")
    if comma and "." not in written and "," not in decimals:
        if len(decimals) == 3:
            words = _("The cost %(text)s may mean thousands or decimals; write it without a comma.")
            raise UnusableCost(words % {"text": written[:40]})
        written = f"{whole}.{decimals}"
    try:
        amount = Decimal(written)
    except InvalidOperation:
        raise UnusableCost(_("The cost is “%(text)s”; expected a number such as 3.50.") % {"text": text[:40]}) from None
    if not amount.is_finite() or not 0 <= amount <= MAX_PIECE_COST:
        raise UnusableCost(_("The cost is “%(text)s”; expected a number such as 3.50.") % {"text": text[:40]})
    return amount.quantize(COST_DIGITS)


def _parse_cost_day(text: str) -> date:
    if not text:
        return localdate()
    try:
        return date.fromisoformat(text)
    except ValueError:
        words = _("The day is “%(text)s”; expected one such as 2026-03-01.")
        raise UnusableCost(words % {"text": text[:40]}) from None


def import_sentence(result: CostImport) -> str:
    """What came of it."""
    words = pgettext("personalization", "Costs stored: %(stored)s; rows left out: %(left_out)s.")
    counts = (number_format(count, force_grouping=True) for count in (result.stored, result.left_out))
    return words % dict(zip(("stored", "left_out"), counts, strict=True))
