"""The lists that an export writes: for each customer, or for each basket, category page, search or list in a file."""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from personalization.batching import batched
from personalization.exchange import request_rows, tabular
from personalization.exchange.request_rows import FaultLog, RequestRow
from personalization.oscar import visits

Report = Callable[[str], Any]
"""Prints a sentence about a row that is skipped."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One list to write."""

    labels: tuple[Any, ...]
    """The first columns of its rows."""
    customer: Any = None
    """None for an anonymous visitor."""
    original_products: tuple[int, ...] = ()
    """The products of a basket, or of a list to rerank, as the file names them."""
    products: tuple[int, ...] = ()
    """The products that stand for these in the shop's lists: parents for children."""
    category: int | None = None
    query: str = ""


@dataclass(frozen=True)
class ExportRequests:
    """All lists of one export."""

    surface: str
    columns: Mapping[str, type]
    """The first columns of the export, which hold the labels of the requests."""
    count: int
    requests: Iterable[ExportRequest]
    unit: str
    """What the requests are, as a word: "customers"."""
    skipped: int = 0
    """The rows of the file, or the customers, that cannot be used."""


def requests_for_everyone(surface: str, until: float) -> ExportRequests:
    """A request for each customer who ordered by this moment, in seconds since 1970."""
    return _customer_requests(surface, list(visits.customers_who_ordered(until)))


def requests_for_customers(surface: str, keys: str, report: Report) -> ExportRequests:
    """A request for each of these customers. ValueError when `keys` are not primary keys, separated by commas."""
    faults = FaultLog("--customers", report)
    requested = list(dict.fromkeys(request_rows.parse_customer_key(key.strip()) for key in keys.split(",")))
    batches = batched(requested, request_rows.ROWS_PER_BATCH)
    existing = {key for batch in batches for key in visits.existing_customers(batch)}
    for key in requested:
        if key not in existing:
            faults.add(str(key), "customer does not exist")
    return _customer_requests(surface, [key for key in requested if key in existing], faults.finish())


def _customer_requests(surface: str, keys: Sequence[Any], skipped: int = 0) -> ExportRequests:
    requests = (ExportRequest((key,), key) for key in keys)
    return ExportRequests(surface, {"customer": _customer_type()}, len(keys), requests, "customers", skipped)


def basket_requests(file: Path, report: Report) -> ExportRequests:
    """A request for each basket of a file with a row for each product."""
    return _grouped_requests(file, report, "basket", "basket", request_rows.BasketRow)


def rerank_requests(file: Path, report: Report) -> ExportRequests:
    """A request for each list of a file with a row for each product, whether it is in the shop or not."""
    return _grouped_requests(file, report, "category", "list", request_rows.ListRow)


@dataclass(slots=True)
class _ProductGroup:
    """A basket or a list, whose rows may be anywhere in the file. Any of them may name its customer."""

    customer: Any = None
    original_products: "array[int]" = field(
        default_factory=lambda: array("q")
    )  # as C integers: a file may hold millions
    products: "array[int]" = field(default_factory=lambda: array("q"))


def _grouped_requests(
    file: Path, report: Report, surface: str, unit: str, row_type: type[RequestRow]
) -> ExportRequests:
    faults, groups = FaultLog(file, report), dict[int | str, _ProductGroup]()
    with tabular.open_table(file) as table:
        for location, row in row_type.read_rows(table, faults):
            label, customer, (original, listed) = row[unit], row["customer"], row["product"]
            group = groups.setdefault(label, _ProductGroup())
            if None not in (customer, group.customer) and customer != group.customer:
                faults.add(location, f"{unit} {label} belongs to customer {group.customer}, not {customer}")
                continue
            group.customer = customer if group.customer is None else group.customer
            group.original_products.append(original)
            group.products.append(listed)
    label_type = int if all(isinstance(label, int) for label in groups) else str
    requests = (
        ExportRequest((label_type(label),), group.customer, tuple(group.original_products), tuple(group.products))
        for label, group in groups.items()
    )
    return ExportRequests(surface, {unit: label_type}, len(groups), requests, f"{unit}s", faults.finish())


def listing_requests(file: Path, report: Report) -> ExportRequests:
    """A request for each customer and category page, or each customer and search, of a file; each once."""
    faults = FaultLog(file, report)
    row_types: dict[str, type[RequestRow]] = {
        "category": request_rows.CategoryPageRow,
        "query": request_rows.SearchPageRow,
    }
    with tabular.open_table(file) as table:
        present = [name for name, row_type in row_types.items() if table.find_column(row_type.columns()[name].names)]
        if len(present) != 1:
            raise table.missing_columns("customer_id or customer, and either category_id or category or query")
        subject = present[0]
        rows = row_types[subject].read_rows(table, faults)
        pairs = dict.fromkeys((row["customer"], row[subject]) for _, row in rows)
    columns = {"customer": _customer_type(), subject: str if subject == "query" else int}
    requests = (ExportRequest((customer, value), customer, **{subject: value}) for customer, value in pairs)
    return ExportRequests("category", columns, len(pairs), requests, "listings", faults.finish())


def search_requests(file: Path, report: Report) -> ExportRequests:
    """A request for each row of a file of searches with ids; without ids, one for each search, or each search and
    customer."""
    faults, requests = FaultLog(file, report), dict[tuple[Any, ...], ExportRequest]()
    columns = request_rows.SearchRow.columns()
    with tabular.open_table(file) as table:
        has_ids, has_customers = (table.find_column(columns[name].names) is not None for name in ("qid", "customer"))
        for location, row in request_rows.SearchRow.read_rows(table, faults):
            by_content = (row["query"], row["customer"]) if has_customers else (row["query"],)
            labels = (row["qid"],) if has_ids else by_content
            if has_ids and labels in requests:
                faults.add(location, f"qid {row['qid']} is already used")
            requests.setdefault(labels, ExportRequest(labels, row["customer"], query=row["query"]))
    label_types: dict[str, type] = {"query": str, **({"customer": _customer_type()} if has_customers else {})}
    if has_ids:
        label_types = {"qid": int if all(isinstance(qid, int) for (qid,) in requests) else str}
    return ExportRequests("search", label_types, len(requests), requests.values(), "searches", faults.finish())


def _customer_type() -> type:
    return int if visits.customers_are_numbered() else str
