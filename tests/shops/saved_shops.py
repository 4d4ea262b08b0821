"""Shops that are built and trained once in a process and then copied: their rows, their snapshot and their index.

A copy takes some twenty milliseconds, building a shop twenty to fifty times as long.
"""

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.management.color import no_style
from django.db import connection, transaction
from haystack import connections

from personalization.decide import active_snapshot

Built = TypeVar("Built")
ROWS_PER_INSERT = 500
ALWAYS_FILLED = {"auth_permission", "django_content_type", "django_site"}
"""Django fills these tables when it makes a database."""


@dataclass(frozen=True)
class SavedShop:
    """All that a builder left behind, and what it returned."""

    inserts: list[str]
    """SQL statements that fill the tables, with the keys that the rows had."""
    tables: list[str]
    files: Path
    """Copies of the folders of the snapshots and of the search index, as far as there are any."""
    returned: bytes


_saved: dict[tuple[Callable[..., Any], tuple[Hashable, ...]], SavedShop] = {}


def open_shop(build: Callable[..., Built], *arguments: Hashable, with_index: bool = False) -> Built:
    """The shop that `build` makes of these arguments, and what it returns: built once, copied at every later call.

    A shop can be saved and copied only where no other rows are; else it is built. So ask for it first in a test.
    The search index is copied only `with_index`: tests that do not fill it share one folder.
    """
    folders = _folders(with_index)
    key = (build, arguments)
    filled = _filled_tables() - ALWAYS_FILLED
    if filled:
        built = build(*arguments)
    elif key in _saved:
        built = _copy(_saved[key], folders)
    else:
        built = build(*arguments)
        _saved[key] = _save(built, folders)
    active_snapshot.reset_active_snapshot()
    return built


def delete_rows() -> list[str]:
    """Statements that empty all tables but those that Django fills when it makes a database."""
    return [f"DELETE FROM {connection.ops.quote_name(table)}" for table in sorted(_filled_tables() - ALWAYS_FILLED)]


def _save(built: object, folders: dict[str, Path]) -> SavedShop:
    tables = sorted(_filled_tables() - ALWAYS_FILLED)
    files = Path(tempfile.mkdtemp(dir=os.environ["SHOP_DATA"]))
    for name, folder in folders.items():
        if folder.exists():
            shutil.copytree(folder, files / name)
    inserts = [statement for table in tables for statement in _inserts(table)]
    return SavedShop(inserts, tables, files, pickle.dumps(built))


def _copy(shop: SavedShop, folders: dict[str, Path]) -> Any:
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in shop.inserts:
            cursor.execute(statement)
        for statement in connection.ops.sequence_reset_sql(no_style(), _models(shop.tables)):
            cursor.execute(statement)
    for name, folder in folders.items():
        if (shop.files / name).exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(shop.files / name, folder)
    if "index" in folders:
        connections.reload("default")
    return pickle.loads(shop.returned)


def _folders(with_index: bool) -> dict[str, Path]:
    folders = {"snapshots": Path(settings.PERSONALIZATION["SNAPSHOT_DIR"])}
    if with_index:
        folders["index"] = Path(connections.connections_info["default"]["PATH"])
    return folders


def _models(tables: list[str]) -> list[type]:
    known = connection.introspection.installed_models(tables)
    return sorted(known, key=lambda model: model._meta.db_table)


def _filled_tables() -> set[str]:
    """The names of the tables that hold any row."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    each = (f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {connection.ops.quote_name(name)})" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        return {name for (name,) in cursor.fetchall()}


def _inserts(table: str) -> list[str]:
    """Statements that insert the rows of the table again; the database itself writes the values as literals."""
    quoted = connection.ops.quote_name
    with connection.cursor() as cursor:
        names = [quoted(column.name) for column in connection.introspection.get_table_description(cursor, table)]
        literal = "quote_nullable({}::text)" if connection.vendor == "postgresql" else "quote({})"
        cursor.execute(f"SELECT {', '.join(literal.format(name) for name in names)} FROM {quoted(table)}")
        rows = [f"({', '.join(map(str, row))})" for row in cursor.fetchall()]
    start = f"INSERT INTO {quoted(table)} ({', '.join(names)}) VALUES "
    parts = (rows[at : at + ROWS_PER_INSERT] for at in range(0, len(rows), ROWS_PER_INSERT))
    return [start + ", ".join(part) for part in parts]
