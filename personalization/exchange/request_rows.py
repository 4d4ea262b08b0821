"""The rows of the files that exports read, as serializers: what a column holds, and what of it is in the shop."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rest_framework import serializers

from personalization.batching import batched
from personalization.exchange.tabular import Column, Table, TableRow
from personalization.oscar import visits
from personalization.shop import catalogue

ROWS_PER_BATCH = 2_000
"""Rows whose customers and products are looked up together."""
MAX_REPORTED_FAULTS = 20
"""Further faults of a file are only counted."""
INTEGER = re.compile(r"(-?\d{1,18})(\.0*)?", re.ASCII)
PLAIN_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)


class FaultLog:
    """Reports what is wrong with a source, and counts."""

    def __init__(self, source: object, report: Callable[[str], Any]) -> None:
        self.source, self.report, self.count = source, report, 0

    def add(self, location: str, fault: str) -> None:
        """Reports that a row is skipped, and why."""
        self.count += 1
        if self.count <= MAX_REPORTED_FAULTS:
            self.report(f"{self.source}, {location}: {fault}; skipped.")

    def finish(self) -> int:
        """The number of faults; reports it when not all of them were reported."""
        if self.count > MAX_REPORTED_FAULTS:
            self.report(f"{self.source}: {self.count} rows skipped; the first {MAX_REPORTED_FAULTS} are named above.")
        return self.count


class CellField(serializers.Field):
    """A cell of a column that may have any of `column_names`, the shortest last."""

    column_names: tuple[str, ...] = ()
    default_error_messages = {  # noqa: RUF012 - as REST framework wants it
        "null": "is empty",
        "required": "is missing",
        "not_a_number": "{cell!r} is not a number",
        "not_a_key": "{cell!r} is not a primary key",
    }

    def to_internal_value(self, cell: Any) -> Any:
        """The cell as text."""
        return str(cell)

    def existing(self, values: Iterable[Any]) -> Mapping[Any, Any]:
        """Those of these values that are in the shop, each with what a row shall hold for it."""
        return {value: value for value in values}


class IntegerCell(CellField):
    """An integer; some programs write 7 as 7.0."""

    def to_internal_value(self, cell: Any) -> int:
        """The integer in a cell."""
        match = INTEGER.fullmatch(str(cell))
        return int(match[1]) if match else self.fail("not_a_number", cell=str(cell)[:40])


class LabelCell(CellField):
    """A name of a basket, list or query that comes back as it is; an integer only when it is written as one."""

    def __init__(self, *column_names: str, **options: Any) -> None:
        self.column_names = column_names
        super().__init__(**options)

    def to_internal_value(self, cell: Any) -> int | str:
        """The label in a cell."""
        return int(cell) if PLAIN_INTEGER.fullmatch(str(cell)) else str(cell)


class CustomerCell(IntegerCell):
    """A customer's primary key; empty for an anonymous visitor."""

    column_names = ("customer_id", "customer")

    def to_internal_value(self, cell: Any) -> Any:
        """The key in a cell, by the type of the shop's customer keys."""
        if visits.customers_are_numbered():
            return super().to_internal_value(cell)
        try:
            return visits.customer_key(str(cell))
        except ValueError:
            return self.fail("not_a_key", cell=str(cell)[:40])

    def existing(self, values: Iterable[Any]) -> Mapping[Any, Any]:
        """The customers who have an account."""
        return visits.existing_customers(values)


class ProductCell(IntegerCell):
    """A product's primary key, read as (that key, the key of the product that stands for it in lists)."""

    column_names = ("product_id", "product")

    def existing(self, values: Iterable[int]) -> Mapping[int, tuple[int, int]]:
        """The products in the shop."""
        return {key: (key, listed) for key, listed in visits.parent_of(values).items()}


class AnyProductCell(ProductCell):
    """A primary key of a product, in the shop or not."""

    def existing(self, values: Iterable[int]) -> Mapping[int, tuple[int, int]]:
        """All of them."""
        return {key: (key, key) for key in values} | dict(super().existing(values))


class CategoryCell(IntegerCell):
    """The primary key of a public category."""

    column_names = ("category_id", "category")

    def existing(self, values: Iterable[int]) -> Mapping[int, int]:
        """The categories that a shopper may browse."""
        return {key: key for key in catalogue.categories_by_id(values)}


class QueryCell(CellField):
    """What was searched for."""

    column_names: tuple[str, ...] = ("query",)


class SearchTermCell(QueryCell):
    """What was searched for, under the names that search logs use."""

    column_names = ("q", "search_term", "search", "query")


class RequestRow(serializers.Serializer):
    """A row of a file. Its fields are the columns; one with a default may be absent."""

    @classmethod
    def read(cls, table: Table, faults: FaultLog) -> Iterator[tuple[str, dict[str, Any]]]:
        """(location, values by field) of each valid row; None is the value of an empty or absent cell."""
        row = cls()
        columns = {name: Column(field.column_names, field.required) for name, field in row.fields.items()}
        for batch in batched(table.rows(columns), ROWS_PER_BATCH):
            yield from row._valid_rows(batch, faults)

    def _valid_rows(self, batch: list[TableRow], faults: FaultLog) -> Iterator[tuple[str, dict[str, Any]]]:
        parsed = [self._parse(row) for row in batch]
        existing = {
            name: field.existing({values[name] for values, _ in parsed if values and values[name] is not None})
            for name, field in self.fields.items()
        }
        for row, (values, fault) in zip(batch, parsed, strict=True):
            unknown = [name for name, value in values.items() if value is not None and value not in existing[name]]
            if fault or unknown:
                faults.add(row.location, fault or f"{unknown[0]} {values[unknown[0]]} does not exist")
            else:
                found = {name: None if value is None else existing[name][value] for name, value in values.items()}
                yield row.location, found

    def _parse(self, row: TableRow) -> tuple[dict[str, Any], str]:
        """(values by field, fault): one of them is empty."""
        if row.fault:
            return {}, row.fault
        try:
            return self.run_validation({key: None if cell == "" else cell for key, cell in row.cells.items()}), ""
        except serializers.ValidationError as error:
            name, messages = next(iter(error.detail.items()))
            return {}, f"{name} {messages[0]}"


class BasketRow(RequestRow):
    """A product of a basket."""

    basket = LabelCell("basket_id", "basket")
    product = ProductCell()
    customer = CustomerCell(allow_null=True, default=None)


class ListRow(RequestRow):
    """A product of a list that is to be reranked."""

    list = LabelCell("list_id", "list")
    product = AnyProductCell()
    customer = CustomerCell(allow_null=True)


class CategoryPageRow(RequestRow):
    """A customer on a category page."""

    customer = CustomerCell(allow_null=True)
    category = CategoryCell()


class SearchPageRow(RequestRow):
    """A customer on a page of search results."""

    customer = CustomerCell(allow_null=True)
    query = QueryCell()


class SearchRow(RequestRow):
    """A search, with an id of its own or without, by a customer or an anonymous visitor."""

    query = SearchTermCell()
    qid = LabelCell("query_id", "qid", default=None)
    customer = CustomerCell(allow_null=True, default=None)
