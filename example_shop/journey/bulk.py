"""Writes many rows of a model at once: COPY on PostgreSQL, a prepared insert elsewhere. No signal is sent."""

from collections.abc import Callable, Iterator
from itertools import repeat

import pandas as pd
from django.core.management.color import no_style
from django.db import connection, models
from django.utils import timezone

BATCH = 50_000


def ignore_progress(count: int) -> None:
    """The default of `report_progress`: does nothing."""


def bulk_insert(
    model: type[models.Model], rows: pd.DataFrame, report_progress: Callable[[int], object] = ignore_progress
) -> pd.Series:
    """Adds the rows and returns their primary keys, by the index of `rows`.

    A column is a field's `attname` ("product_id"); a field without a column takes its default, as in `Model()`.
    `report_progress` gets the size of each batch.
    """
    key = model._meta.pk.attname
    if key not in rows:
        first = (model.objects.aggregate(last=models.Max("pk"))["last"] or 0) + 1
        rows = rows.assign(**{key: range(first, first + len(rows))})
    fields = model._meta.concrete_fields
    present = [field for field in fields if field.attname in rows]
    constants = {field.column: _prepared(field, _default(field)) for field in fields if field not in present}
    insert = _copy if connection.vendor == "postgresql" else _insert
    for start in range(0, len(rows), BATCH):
        batch = rows.iloc[start : start + BATCH]
        insert(model._meta.db_table, {field.column: _stored(field, batch) for field in present}, constants)
        report_progress(len(batch))
    _reset_sequences(model)
    return rows[key]


def _default(field: models.Field) -> object:
    is_now = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return timezone.now() if is_now else field.get_default()


def _prepared(field: models.Field, value: object) -> object:
    return field.get_db_prep_save(value, connection)


def _stored(field: models.Field, rows: pd.DataFrame) -> list:
    """A column as the database stores it. Each distinct value is prepared once: a million prices are a thousand."""
    values = rows[field.attname]
    if pd.api.types.is_integer_dtype(values):
        return values.tolist()
    codes, distinct = pd.factorize(values)
    if isinstance(distinct, pd.DatetimeIndex):
        distinct = distinct.to_pydatetime()
    prepared = [_prepared(field, value) for value in distinct]
    prepared.append(None)  # missing values have the code -1
    return [prepared[code] for code in codes]


def _insert(table: str, columns: dict[str, list], constants: dict[str, object]) -> None:
    into = _quoted(table, [*columns, *constants])
    places = ", ".join(["%s"] * (len(columns) + len(constants)))
    rows = zip(*columns.values(), *map(repeat, constants.values()), strict=False)
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {into} VALUES ({places})", rows)


def _copy(table: str, columns: dict[str, list], constants: dict[str, object]) -> None:
    into = _quoted(table, [*columns, *constants])
    with connection.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
        copy.write("".join(_copy_lines(columns, constants)))


def _quoted(table: str, columns: list[str]) -> str:
    quote = connection.ops.quote_name
    return f"{quote(table)} ({', '.join(map(quote, columns))})"


def _copy_lines(columns: dict[str, list], constants: dict[str, object]) -> Iterator[str]:
    """Rows in PostgreSQL's text format; every line ends with the constants."""
    end = "".join(f"\t{_copy_text(value)}" for value in constants.values()) + "\n"
    for row in zip(*(map(_copy_text, column) for column in columns.values()), strict=True):
        yield "\t".join(row) + end


def _copy_text(value: object) -> str:
    if value is None:
        return r"\N"
    text = str(value)
    if isinstance(value, str):
        for plain, escaped in (("\\", r"\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r")):
            text = text.replace(plain, escaped)
    return text


def _reset_sequences(model: type[models.Model]) -> None:
    """Lets the next row that the shop adds get a new key."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)
