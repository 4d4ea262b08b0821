"""Tables in files: CSV everywhere, Parquet where pyarrow is installed. Knows nothing of shops."""

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from math import isnan
from pathlib import Path
from typing import Any

ROWS_AT_ONCE = 50_000
"""The rows of one group of a Parquet file, at most: bounds the memory of reading and writing."""


class TableError(Exception):
    """A table cannot be read or written; the message says what was found and what would work."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table that is read."""

    place: str
    """Where somebody finds it: the line of a CSV file, the header being line 1; the row of a Parquet file, from 1."""
    cells: tuple[str, ...] = ()
    """What stands in the columns that were asked for; "" where nothing does."""
    fault: str = ""
    """What is wrong with a row that has no cells."""
    found: tuple[str, ...] = ()
    """All that stands in such a row, as far as it can be told apart."""


@dataclass(frozen=True)
class Table:
    """A file that is being read."""

    file: Path
    header: tuple[str, ...]
    rows_of: Callable[[Sequence[int]], Iterator[TableRow]]

    def column(self, names: Sequence[str]) -> int | None:
        """Where the column with one of these names is, in capitals or not; None when there is none."""
        places = [place for place, name in enumerate(self.header) if name.strip().lower() in names]
        if len(places) > 1:
            found = " and ".join(self.header[place] for place in places)
            raise TableError(f"{self.file} has the columns {found}, which mean the same; it takes one of them.")
        return places[0] if places else None

    def rows(self, places: Sequence[int]) -> Iterator[TableRow]:
        """The rows, with the cells of these columns only."""
        with _missing_columns(self.file, "read"):
            yield from self.rows_of(places)


def check_columns(file: Path) -> None:
    """TableError when files of this name cannot be written."""
    if file.suffix.lower() not in (".csv", ".parquet"):
        raise TableError(f"{file} does not end in .csv or .parquet; an export is a file of one of these kinds.")
    if _is_parquet(file):
        _pyarrow(file)


@contextmanager
def open_table(file: Path) -> Iterator[Table]:
    """The table in a file: Parquet when its name ends so, else CSV."""
    with (_parquet_table if _is_parquet(file) else _csv_table)(file) as table:
        yield table


@contextmanager
def write_table(file: Path, columns: Mapping[str, type]) -> Iterator[Callable[[Iterable[Sequence[Any]]], None]]:
    """Gives a function that adds rows. The file is there when all of them are: until then it has another name.

    A column's type is int, float or str.
    """
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        with _missing_columns(file, "written"):
            with (_parquet_writer if _is_parquet(file) else _csv_writer)(unfinished, columns) as write:
                yield write
            os.replace(unfinished, file)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


@contextmanager
def _missing_columns(file: Path, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TableError(f"{file} could not be {done}: {error}") from None


@contextmanager
def _csv_table(file: Path) -> Iterator[Table]:
    with _missing_columns(file, "read"):  # what is not UTF-8 costs its rows only
        lines = file.open(newline="", encoding="utf-8-sig", errors="surrogateescape")
    with lines:
        reader = csv.reader(lines)
        header = next(_csv_lines(reader), (0, [], ""))[1]
        yield Table(file, tuple(header), lambda places: _csv_rows(reader, len(header), places))


def _csv_lines(reader: Any) -> Iterator[tuple[int, list[str], str]]:
    """(line, cells, what is wrong) of each row that is not blank."""
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, [], str(error)
        else:
            if cells:
                yield reader.line_num, cells, ""


def _csv_rows(reader: Any, width: int, places: Sequence[int]) -> Iterator[TableRow]:
    for number, cells, broken in _csv_lines(reader):
        if fault := broken or _csv_fault(cells, width):
            yield TableRow(f"line {number}", fault=fault, found=tuple(cells))
        else:
            yield TableRow(f"line {number}", tuple(cells[place].strip() for place in places))


def _csv_fault(cells: Sequence[str], width: int) -> str:
    if len(cells) < width or any(cells[width:]):
        return f"has {len(cells)} columns where the header has {width}"
    return "" if _is_text(cells) else "is not UTF-8 text"


def _is_text(cells: Sequence[str]) -> bool:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _csv_writer(file: Path, columns: Mapping[str, type]) -> Iterator[Callable[[Iterable[Sequence[Any]]], None]]:
    with open(file, "w", newline="", encoding="utf-8") as output:
        writer = csv.writer(output)
        writer.writerow(columns)
        yield writer.writerows


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() == ".parquet"


def _pyarrow(file: Path) -> Any:
    """pyarrow, with its module for Parquet."""
    try:
        import_module("pyarrow.parquet")
    except ImportError:
        raise TableError(
            f"{file} needs pyarrow, which is not installed: pip install 'django-oscar-personalization[parquet]', "
            "or use a .csv file."
        ) from None
    return import_module("pyarrow")


@contextmanager
def _parquet_table(file: Path) -> Iterator[Table]:
    arrow = _pyarrow(file)
    try:
        with _missing_columns(file, "read"), arrow.parquet.ParquetFile(file) as source:
            header = tuple(source.schema_arrow.names)
            yield Table(file, header, lambda places: _parquet_rows(source, places))
    except arrow.ArrowException as error:
        raise TableError(f"{file} could not be read as a Parquet file: {error}") from None


def _parquet_rows(source: Any, places: Sequence[int]) -> Iterator[TableRow]:
    names = [source.schema_arrow.names[place] for place in places]
    number = 0
    for batch in source.iter_batches(batch_size=ROWS_AT_ONCE, columns=names):
        columns = [map(_as_text, batch.column(name).to_pylist()) for name in names]
        for cells in zip(*columns, strict=True):
            number += 1
            yield TableRow(f"row {number}", cells)


def _as_text(value: Any) -> str:
    """As a CSV file would hold it; a whole number as one, whatever its column is made for."""
    if isinstance(value, float):
        return "" if isnan(value) else f"{value:.0f}" if value.is_integer() else str(value)
    return "" if value is None else str(value).strip()


@contextmanager
def _parquet_writer(file: Path, columns: Mapping[str, type]) -> Iterator[Callable[[Iterable[Sequence[Any]]], None]]:
    arrow = _pyarrow(file)
    types = {int: arrow.int64(), float: arrow.float64(), str: arrow.string()}
    kinds = [types[kind] for kind in columns.values()]
    schema = arrow.schema(list(zip(columns, kinds, strict=True)))
    waiting: list[Sequence[Any]] = []

    def write(rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            waiting.append(row)
            if len(waiting) == ROWS_AT_ONCE:
                finish_group()

    def finish_group() -> None:
        arrays = [arrow.array(values, kind) for values, kind in zip(zip(*waiting, strict=True), kinds, strict=True)]
        output.write_table(arrow.table(arrays, schema=schema))
        waiting.clear()

    with arrow.parquet.ParquetWriter(file, schema) as output:
        yield write
        if waiting:
            finish_group()
