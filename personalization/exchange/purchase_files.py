"""Lines of receipts from stores and tills, in files or as JSON: what each says, before the shop is asked for more."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import ROUND_UP, Decimal, InvalidOperation
from typing import Any

from django.conf import settings

from personalization.exchange.event_files import RejectedRow, cell_text, parse_timestamp
from personalization.exchange.tabular import Column, TableRow

PURCHASE_COLUMNS = {
    "receipt": Column(("receipt",)),
    "line": Column(("line",)),
    "time": Column(("time",)),
    "sku": Column(("sku",)),
    "quantity": Column(("quantity",), required=False),
    "price": Column(("price",)),
    "currency": Column(("currency",), required=False),
    "store": Column(("store",), required=False),
    "card": Column(("card",), required=False),
    "customer": Column(("customer",), required=False),
    "returned": Column(("returned",), required=False),
    "returned_receipt": Column(("returned_receipt",), required=False),
}
LENGTHS = {"receipt": 64, "returned_receipt": 64, "sku": 128, "store": 32, "currency": 3}
MAX_LINE = 2**31 - 1
MAX_QUANTITY = Decimal(100_000)
MAX_PRICE = Decimal(10) ** 9
CENT = Decimal("0.01")
YES, NO = ("1", "true", "yes", "y"), ("", "0", "false", "no", "n")


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A well-formed line."""

    receipt: str
    line: int
    time: str
    sku: str
    quantity: int
    price: Decimal
    currency: str
    store: str
    card: str
    customer: str
    returned: bool
    returned_receipt: str

    def bought_at(self, zone: tzinfo) -> datetime:
        """When it was bought, by the clock of a store in this zone where the time names none."""
        return parse_timestamp(self.time, "time", zone)


def parse_receipt_line(row: TableRow) -> ReceiptLine:
    """The line in a row. RejectedRow says why the row is not clear."""
    if row.fault:
        raise RejectedRow("invalid_row", row.fault)
    quantity = _read_pieces(row.cells.get("quantity"))
    price = _number("price", row.cells.get("price"), MAX_PRICE).quantize(CENT)
    return ReceiptLine(
        receipt=_required(row, "receipt"),
        line=_line_number(cell_text(row, "line")),
        time=_required(row, "time"),
        sku=_required(row, "sku"),
        quantity=quantity,
        price=-abs(price) if quantity < 0 else price,
        currency=_currency(_short(row, "currency")),
        store=_short(row, "store"),
        card=cell_text(row, "card"),
        customer=cell_text(row, "customer"),
        returned=_is_yes(row.cells.get("returned")),
        returned_receipt=_short(row, "returned_receipt"),
    )


def _required(row: TableRow, key: str) -> str:
    text = _short(row, key)
    if not text:
        raise RejectedRow("invalid_row", f"{key} is empty")
    return text


def _short(row: TableRow, key: str) -> str:
    text = cell_text(row, key)
    if len(text) > LENGTHS.get(key, len(text)):
        raise RejectedRow("invalid_row", f"{key} is longer than {LENGTHS[key]} characters")
    return text


def _line_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MAX_LINE):
        raise RejectedRow("invalid_row", f"line is {text[:40]!r}; expected a whole number")
    return int(text)


def _read_pieces(value: Any) -> int:
    """How many pieces; what is sold by weight is one piece for each unit that was begun."""
    number = _number("quantity", 1 if value in (None, "") else value, MAX_QUANTITY)
    if not number:
        raise RejectedRow("invalid_value", "quantity is 0; expected pieces, below 0 for a return")
    return int(number.to_integral_value(ROUND_UP))


def _number(key: str, value: Any, most: Decimal) -> Decimal:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        number = Decimal(str(value).strip())
        if number.is_finite() and abs(number) <= most:
            return number
    except (ValueError, InvalidOperation):
        pass
    raise RejectedRow("invalid_value", f"{key} is {str(value)[:40]!r}; expected a number up to {most:f}, 3.50 say")


def _currency(text: str) -> str:
    code = text.upper() or settings.OSCAR_DEFAULT_CURRENCY
    if len(code) != 3 or not code.isalpha():
        raise RejectedRow("invalid_value", f"currency is {text!r}; expected three letters, EUR say")
    return code


def _is_yes(value: Any) -> bool:
    text = "" if value is None else str(value)[:40].strip().lower()
    if text not in YES + NO:
        raise RejectedRow("invalid_value", f"returned is {text!r}; expected 1 or nothing")
    return text in YES
