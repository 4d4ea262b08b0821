"""The rows of the files that exports read, as serializers: what a column holds, and what of it is in the shop."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

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


class Cell(serializers.Field):  # type: ignore[type-arg]  # generic in the stubs only
    """A cell of a column that has any of `column_names`.

    `parse` reads its text; ValueError says what is wrong. `existing` maps those of many values that are in the shop to
    what a row shall hold for them; without it, all values are good.
    """

    def __init__(
        self,
        *column_names: str,
        parse: Callable[[str], Any] = str,
        existing: Callable[[Iterable[Any]], Mapping[Any, Any]] | None = None,
        **options: Any,
    ) -> None:
        self.column_names, self.parse, self.existing = column_names, parse, existing
        super().__init__(error_messages={"null": "is empty", "required": "is missing"}, **options)

    def to_internal_value(self, cell: Any) -> Any:
        try:
            return self.parse(str(cell))
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None


def parse_integer(text: str) -> int:
    """The integer in a cell; some programs write 7 as 7.0."""
    if match := INTEGER.fullmatch(text):
        return int(match[1])
    raise ValueError(f"{text[:40]!r} is not a number")


def parse_label(text: str) -> int | str:
    """The name of a basket, list or query, which comes back as it is; an integer only when it is written as one."""
    return int(text) if PLAIN_INTEGER.fullmatch(text) else text


def parse_customer_key(text: str) -> Any:
    """A customer's primary key, by the type of the shop's keys."""
    return parse_integer(text) if visits.customers_are_numbered() else visits.customer_key(text)


def _customer_cell(**options: Any) -> Cell:
    """A customer's primary key; empty for an anonymous visitor."""
    return Cell(
        "customer_id",
        "customer",
        parse=parse_customer_key,
        existing=visits.existing_customers,
        allow_null=True,
        **options,
    )


def _product_cell(existing: Callable[[Iterable[int]], Mapping[int, tuple[int, int]]]) -> Cell:
    """A product's primary key, read as (that key, the key of the product that stands for it in lists)."""
    return Cell("product_id", "product", parse=parse_integer, existing=existing)


def _existing_products(keys: Iterable[int]) -> dict[int, tuple[int, int]]:
    return {key: (key, listed) for key, listed in visits.parent_of(keys).items()}


def _all_products(keys: Iterable[int]) -> dict[int, tuple[int, int]]:
    keys = list(keys)
    return {key: (key, key) for key in keys} | _existing_products(keys)


def _existing_categories(keys: Iterable[int]) -> dict[int, int]:
    return {key: key for key in catalogue.categories_by_id(keys)}


class RequestRow(serializers.Serializer):  # type: ignore[type-arg]  # generic in the stubs only
    """A row of a file. Its fields are the columns; one with a default may be absent."""

    @classmethod
    def read_rows(cls, table: Table, faults: FaultLog) -> Iterator[tuple[str, dict[str, Any]]]:
        """(location, values by field) of each valid row; None is the value of an empty or absent cell."""
        row = cls()
        for batch in batched(table.rows(cls.columns()), ROWS_PER_BATCH):
            yield from row._valid_rows(batch, faults)

    @classmethod
    def cells(cls) -> dict[str, Cell]:
        """The fields by name."""
        return cast(dict[str, Cell], cls._declared_fields)

    @classmethod
    def columns(cls) -> dict[str, Column]:
        """The columns by field."""
        return {name: Column(cell.column_names, cell.required) for name, cell in cls.cells().items()}

    def _valid_rows(self, batch: list[TableRow], faults: FaultLog) -> Iterator[tuple[str, dict[str, Any]]]:
        parsed = [self._parse(row) for row in batch]
        existing: dict[str, Mapping[Any, Any]] = {}
        for name, cell in self.cells().items():
            values = {row[name] for row, _ in parsed if row} - {None}
            existing[name] = cell.existing(values) if cell.existing else {value: value for value in values}
            existing[name] = {**existing[name], None: None}
        for source, (row, fault) in zip(batch, parsed, strict=True):
            unknown = (f"{name} {value} does not exist" for name, value in row.items() if value not in existing[name])
            if fault := fault or next(unknown, ""):
                faults.add(source.location, fault)
            else:
                yield source.location, {name: existing[name][value] for name, value in row.items()}

    def _parse(self, row: TableRow) -> tuple[dict[str, Any], str]:
        """(values by field, fault): one of them is empty."""
        if row.fault:
            return {}, row.fault
        try:
            return self.run_validation({key: None if cell == "" else cell for key, cell in row.cells.items()}), ""
        except serializers.ValidationError as error:
            name, messages = next(iter(cast(dict[str, list[str]], error.detail).items()))
            return {}, f"{name} {messages[0]}"


class BasketRow(RequestRow):
    """A product of a basket."""

    basket = Cell("basket_id", "basket", parse=parse_label)
    product = _product_cell(_existing_products)
    customer = _customer_cell(default=None)


class ListRow(RequestRow):
    """A product of a list that is to be reranked, in the shop or not."""

    list = Cell("list_id", "list", parse=parse_label)
    product = _product_cell(_all_products)
    customer = _customer_cell()


class CategoryPageRow(RequestRow):
    """A customer on a category page."""

    customer = _customer_cell()
    category = Cell("category_id", "category", parse=parse_integer, existing=_existing_categories)


class SearchPageRow(RequestRow):
    """A customer on a page of search results."""

    customer = _customer_cell()
    query = Cell("query")


class SearchRow(RequestRow):
    """A search, with an id of its own or without, by a customer or an anonymous visitor."""

    query = Cell("q", "search_term", "search", "query")
    qid = Cell("query_id", "qid", parse=parse_label, default=None)
    customer = _customer_cell(default=None)
