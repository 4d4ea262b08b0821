"""A query that is compiled once. On each page of a signed-in customer Django spends more time on writing the statement
that reads who they are than the database on answering it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import connections, models
from django.db.models.query import get_related_populators  # type: ignore[attr-defined]  # it is private


class _Statement(NamedTuple):
    """What Django's compiler made of the query, for one database."""

    sql: str
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]
    """By column: what makes Python's values of the database's, and the expression that it is called with."""
    model: type[models.Model]
    names: list[str]
    """The attributes that the model's own columns fill, which are the first ones."""
    related: list[Any]
    """What makes the related rows of the other columns."""


class CompiledQuery:
    """The row of a query with one parameter, as the query itself returns it, at a third of its cost.

    For models of ours alone, and only with what does not change within a process: what a shop's own managers add may
    depend on the time or the language, and must be asked anew.

    Parameters: `build`, makes the query of a value; `parameter`, the field that the value is compared with.
    """

    def __init__(self, build: Callable[[Any], models.QuerySet[Any]], parameter: "models.Field[Any, Any]") -> None:
        self._build, self._parameter = build, parameter
        self._statements: dict[str, _Statement] = {}

    def first(self, value: Any, using: str) -> Any:
        """The first row for this value in this database; None where there is none. One query."""
        connection = connections[using]
        prepared = self._parameter.get_db_prep_value(value, connection)
        statement = self._statements.get(using)
        if statement is None:
            statement = self._statements[using] = self._compile(value, prepared, using)
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, [prepared])
            found = cursor.fetchone()
        return None if found is None else _instance(statement, list(found), using)

    def _compile(self, value: Any, prepared: Any, using: str) -> _Statement:
        compiler = self._build(value)[:1].query.get_compiler(using)
        sql, parameters = compiler.as_sql()
        if list(parameters) != [prepared]:
            raise ValueError(f"expected a query with this one parameter, got {len(parameters)} parameters")
        described = compiler.klass_info
        own = [column.target.attname for column, *_ in (compiler.select[n] for n in described["select_fields"])]
        related = get_related_populators(described, compiler.select, using)
        converters = compiler.get_converters([column for column, *_ in compiler.select])
        return _Statement(sql, converters, described["model"], own, related)


def _instance(statement: _Statement, row: list[Any], using: str) -> Any:
    for place, (functions, expression) in statement.converters.items():
        for convert in functions:
            row[place] = convert(row[place], expression, connections[using])
    instance = statement.model.from_db(using, statement.names, row[: len(statement.names)])
    for populator in statement.related:
        populator.populate(row, instance)
    return instance
