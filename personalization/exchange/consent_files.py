"""Files of customers who gave or withdrew consent elsewhere."""

from pathlib import Path
from typing import Any

from personalization.batching import batched
from personalization.exchange.tabular import Column, TableError, open_table
from personalization.shop import customers

CUSTOMERS_PER_BATCH = 500
CUSTOMER_COLUMNS = ("user", "user_id", "customer", "customer_id")
MAX_REPORTED_ROWS = 5


def read_customers(file: Path, by: str) -> list[Any]:
    """The primary keys of the customers in a file, one in each row: in a column of a usual name, or in the only column,
    which needs no header. TableError when any row is unclear, so that nothing is recorded of half a list."""
    names: tuple[str, ...] = (*CUSTOMER_COLUMNS, by)
    cells: dict[str, str | None] = {}
    with open_table(file) as table:
        header = table.header
        if header and len(header) == 1 and table.find_column(names) is None:  # it is a customer, not a header
            names, cells = (header[0].strip().lower(),), {"line 1": header[0].strip()}
        for row in table.rows({"customer": Column(names)}) if header != () else ():
            cells[row.location] = None if row.fault else str(row.cells.get("customer", ""))
    cells = {location: cell for location, cell in cells.items() if cell != ""}
    if not cells:
        raise TableError(f"{file} names no customer; expected one in each row.")
    return _existing_customers(file, cells, by)


def _existing_customers(file: Path, cells: dict[str, str | None], by: str) -> list[Any]:
    """The customers of these cells by location; None stands for a row that could not be read."""
    keys: dict[str, Any] = {}
    for batch in batched(filter(None, cells.values()), CUSTOMERS_PER_BATCH):
        keys.update(customers.customers_by_field(batch, by))
    unclear = [location for location, cell in cells.items() if cell is None or keys.get(cell) is None]
    if unclear:
        locations = ", ".join(unclear[:MAX_REPORTED_ROWS]) + (", ..." if len(unclear) > MAX_REPORTED_ROWS else "")
        fault = f"{len(unclear)} rows match no customer or several by their {by}: {locations}"
        raise TableError(f"{file}: {fault}. Nothing was recorded.")
    return list(dict.fromkeys(keys[cell] for cell in cells.values() if cell is not None))
