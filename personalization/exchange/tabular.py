"""Tables in files: CSV, JSON lines and, where pyarrow is installed, Parquet. Independent of the shop."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from math import isnan
from pathlib import Path
from typing import Any, BinaryIO

ROWS_PER_GROUP = 50_000
"""The rows in one group of a Parquet file, at most: bounds the memory of reading and writing."""
MAX_JSON_BYTES = 65_536
"""A longer line of JSON is skipped unread."""

RowWriter = Callable[[Iterable[Sequence[Any]]], None]
"""Appends rows to a table."""


class TableError(Exception):
    """A table cannot be read or written; the message says what was found and what would work."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column to read, by any of its names in lower case."""

    names: tuple[str, ...]
    required: bool = True

    def __str__(self) -> str:
        return " or ".join(self.names) + ("" if self.required else " (optional)")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table."""

    location: str
    """The line of a text file, where the header of CSV is line 1; the row of a Parquet file, from 1."""
    cells: Mapping[str, Any]
    """The values of the columns that are there: text, "" for an empty cell, but in JSON lines whatever JSON has."""
    fault: str = ""
    """What is wrong with a row that could not be read; it has no cells."""
    content: Sequence[Any] | bytes = ()
    """The whole row, as far as it could be read."""

    @property
    def text(self) -> str:
        """The whole row as one line of text."""
        if isinstance(self.content, bytes):
            return self.content.decode(errors="backslashreplace").strip()
        return json.dumps(self.content, ensure_ascii=False)


RowReader = Callable[[Mapping[str, tuple[str, ...]]], Iterator[TableRow]]
"""Reads the rows of a table with these columns, each by the names in the file that it may have."""


@dataclass(frozen=True)
class Table:
    """A file that is open for reading."""

    file: Path
    header: tuple[str, ...] | None
    """The names of its columns; None for JSON lines, whose rows may differ."""
    row_reader: RowReader

    def find_column(self, names: Sequence[str]) -> str | None:
        """The column with one of these names, as the header spells it; None when there is none."""
        found = [name for name in self.header or () if name.strip().lower() in names]
        if len(found) > 1:
            raise TableError(
                f"{self.file} has the columns {' and '.join(found)}, which mean the same; keep one of them."
            )
        return found[0] if found else None

    def rows(self, columns: Mapping[str, Column]) -> Iterator[TableRow]:
        """The rows, each with the cells of these columns under their keys. TableError when a required one is absent."""
        names = {key: column.names for key, column in columns.items()}
        if self.header is not None:
            found = {key: self.find_column(column.names) for key, column in columns.items()}
            if any(found[key] is None and column.required for key, column in columns.items()):
                raise self.missing_columns(", ".join(map(str, columns.values())))
            names = {key: (name,) for key, name in found.items() if name is not None}
        with _file_errors(self.file, "read"):
            yield from self.row_reader(names)

    def missing_columns(self, expected: str) -> TableError:
        """The error for a header that lacks columns."""
        found = ", ".join(self.header or ()) or "nothing"
        return TableError(f"{self.file} needs a header row with these columns: {expected}. Found: {found}.")


def check_writable(file: Path) -> None:
    """TableError when a table cannot be written to a file of this name."""
    if file.suffix.lower() not in (".csv", ".parquet"):
        raise TableError(f"{file} does not end in .csv or .parquet, the formats of an export.")
    if _is_parquet(file):
        _import_pyarrow(file)


def open_table(file: Path) -> AbstractContextManager[Table]:
    """Opens the table in a file: Parquet or JSON lines when its name ends so, else CSV."""
    if file.suffix.lower() in (".jsonl", ".ndjson"):
        return _open_json_lines(file)
    return _open_parquet(file) if _is_parquet(file) else _open_csv(file)


@contextmanager
def write_table(file: Path, columns: Mapping[str, type]) -> Iterator[RowWriter]:
    """Gives a function that appends rows. The file appears when it is complete; until then it has another name.

    A column's type is int, float or str.
    """
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        with _file_errors(file, "written"):
            with (_parquet_writer if _is_parquet(file) else _csv_writer)(unfinished, columns) as write:
                yield write
            os.replace(unfinished, file)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


@contextmanager
def _file_errors(file: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TableError(f"{file} could not be {verb}: {error}") from None


@contextmanager
def _open_csv(file: Path) -> Iterator[Table]:
    with _file_errors(file, "read"):  # a cell that is not UTF-8 costs its row only
        stream = file.open(newline="", encoding="utf-8-sig", errors="surrogateescape")
    with stream:
        with _file_errors(file, "read"):
            delimiter = _delimiter(stream.readline())
            stream.seek(0)
        reader = csv.reader(stream, delimiter=delimiter)
        header = tuple(next(_csv_lines(reader), (0, [], ""))[1])
        yield Table(file, header, lambda names: _csv_rows(reader, header, names))


def _delimiter(header: str) -> str:
    """A comma, or a semicolon, which spreadsheets write where the comma belongs to numbers."""
    return ";" if ";" in header and "," not in header else ","


def _csv_lines(reader: Any) -> Iterator[tuple[int, list[str], str]]:
    """(line number, cells, fault) of each row that is not blank."""
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


def _csv_rows(reader: Any, header: tuple[str, ...], names: Mapping[str, tuple[str, ...]]) -> Iterator[TableRow]:
    indices = {key: header.index(name) for key, (name,) in names.items()}
    for number, content, error in _csv_lines(reader):
        fault = error or _csv_fault(content, len(header))
        cells = {} if fault else {key: content[index].strip() for key, index in indices.items()}
        yield TableRow(f"line {number}", cells, fault, content)


def _csv_fault(cells: Sequence[str], width: int) -> str:
    if len(cells) < width or any(cells[width:]):
        return f"has {len(cells)} columns where the header has {width}"
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return "is not UTF-8 text"
    return ""


@contextmanager
def _csv_writer(file: Path, columns: Mapping[str, type]) -> Iterator[RowWriter]:
    with open(file, "w", newline="", encoding="utf-8") as output:
        writer = csv.writer(output)
        writer.writerow(columns)
        yield writer.writerows


@contextmanager
def _open_json_lines(file: Path) -> Iterator[Table]:
    with _file_errors(file, "read"):
        stream = file.open("rb")
    with stream:
        yield Table(file, None, lambda names: _json_rows(stream, names))


def _json_rows(stream: BinaryIO, names: Mapping[str, tuple[str, ...]]) -> Iterator[TableRow]:
    for number, line in enumerate(iter(lambda: stream.readline(MAX_JSON_BYTES + 1), b""), start=1):
        if len(line) > MAX_JSON_BYTES:
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = stream.readline(MAX_JSON_BYTES)
            yield TableRow(f"line {number}", {}, f"is longer than {MAX_JSON_BYTES} bytes", b"")
        elif line.strip():
            yield _json_row(f"line {number}", line, names)


def _json_row(location: str, line: bytes, names: Mapping[str, tuple[str, ...]]) -> TableRow:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return TableRow(location, {}, f"is not JSON: {error}"[:200], line)
    if not isinstance(value, dict):
        return TableRow(location, {}, "is not a JSON object", line)
    present = ((key, [value[name] for name in accepted if name in value]) for key, accepted in names.items())
    return TableRow(location, {key: found[0] for key, found in present if found}, content=line)


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() == ".parquet"


def _import_pyarrow(file: Path) -> Any:
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
def _open_parquet(file: Path) -> Iterator[Table]:
    arrow = _import_pyarrow(file)
    try:
        with _file_errors(file, "read"), arrow.parquet.ParquetFile(file) as source:
            yield Table(file, tuple(source.schema_arrow.names), lambda names: _parquet_rows(source, names))
    except arrow.ArrowException as error:
        raise TableError(f"{file} could not be read as a Parquet file: {error}") from None


def _parquet_rows(source: Any, names: Mapping[str, tuple[str, ...]]) -> Iterator[TableRow]:
    number = 0
    for group in source.iter_batches(batch_size=ROWS_PER_GROUP, columns=[name for (name,) in names.values()]):
        columns = [map(_cell_text, group.column(name).to_pylist()) for (name,) in names.values()]
        for content in zip(*columns, strict=True):
            number += 1
            yield TableRow(f"row {number}", dict(zip(names, content, strict=True)), content=content)


def _cell_text(value: Any) -> str:
    """The value as a CSV file would hold it; a whole number without a decimal point, whatever its column's type."""
    if isinstance(value, float):
        return "" if isnan(value) else f"{value:.0f}" if value.is_integer() else str(value)
    return "" if value is None else str(value).strip()


@contextmanager
def _parquet_writer(file: Path, columns: Mapping[str, type]) -> Iterator[RowWriter]:
    arrow = _import_pyarrow(file)
    arrow_types = {int: arrow.int64(), float: arrow.float64(), str: arrow.string()}
    types = [arrow_types[column_type] for column_type in columns.values()]
    schema = arrow.schema(list(zip(columns, types, strict=True)))
    waiting: list[Sequence[Any]] = []

    def write(rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            waiting.append(row)
            if len(waiting) == ROWS_PER_GROUP:
                finish_group()

    def finish_group() -> None:
        columns_and_types = zip(zip(*waiting, strict=True), types, strict=True)
        arrays = [arrow.array(values, arrow_type) for values, arrow_type in columns_and_types]
        output.write_table(arrow.table(arrays, schema=schema))
        waiting.clear()

    with arrow.parquet.ParquetWriter(file, schema) as output:
        yield write
        if waiting:
            finish_group()
