"""What is wrong with the database: tables and indexes that are not as this release wants them, its clock, its size."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from personalization.operations.findings import Finding, Severity

CLOCK_DIFFERENCE = timedelta(seconds=5)
SHORTEST_TIMEOUT = 60_000
"""Milliseconds: a training run has statements that take some ten seconds in a large shop."""
LARGE_TABLE = 100_000_000
"""Rows, above which a table was never measured."""
MIGRATE = "python manage.py migrate personalization"


def database_findings(moment: datetime) -> Iterator[Finding]:
    """Some queries about the tables, none of them on the rows."""
    yield from _missing_migrations()
    yield from _missing_indexes()
    yield from _clock_difference(moment)
    if connection.vendor == "postgresql":
        yield from _short_statement_timeout()
        yield from _large_tables()
    if connection.vendor == "sqlite":
        yield from _sqlite_journal()


def _missing_migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes("personalization"))
    missing = [migration.name for migration, _backwards in plan if migration.app_label == "personalization"]
    if missing:
        words = ngettext(
            "%(count)d migration is missing: %(names)s.", "%(count)d migrations are missing: %(names)s.", len(missing)
        )
        yield Finding(
            "migrations-missing",
            Severity.WRONG,
            words % {"count": len(missing), "names": ", ".join(missing[:5])},
            _("What needs the new tables and columns fails; pages go on without it."),
            MIGRATE,
        )


def _missing_indexes() -> Iterator[Finding]:
    missing: list[str] = []
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        for model in apps.get_app_config("personalization").get_models():
            if model._meta.db_table in there:
                found = connection.introspection.get_constraints(cursor, model._meta.db_table)
                missing += sorted(_declared_names(model) - found.keys())
        missing += _invalid_indexes(cursor)
    if missing:
        yield Finding(
            "indexes-missing",
            Severity.LATE,
            _("Indexes are missing or were never finished: %(names)s.") % {"names": ", ".join(missing[:5])},
            _("Questions that take a millisecond read whole tables, and pages go on without their answers."),
            _(
                "Someone dropped them, or building one was interrupted. Drop what is there of them, and "
                "run their CREATE INDEX lines of: %(line)s"
            )
            % {"line": "python manage.py sqlmigrate personalization 0001"},
        )


def _declared_names(model: type[Model]) -> set[str]:
    return {index.name for index in (*model._meta.indexes, *model._meta.constraints) if index.name}


def _invalid_indexes(cursor: Any) -> list[str]:
    if connection.vendor != "postgresql":
        return []
    cursor.execute(
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE NOT i.indisvalid AND c.relname LIKE 'personalization\\_%%' AND pg_table_is_visible(c.oid)",
        [],
    )
    return [name for (name,) in cursor.fetchall()]


def _clock_difference(moment: datetime) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        clock = "clock_timestamp()" if connection.vendor == "postgresql" else "strftime('%Y-%m-%dT%H:%M:%f', 'now')"
        cursor.execute(f"SELECT {clock}")
        told = cursor.fetchone()[0]
    database = told if isinstance(told, datetime) else datetime.fromisoformat(told).replace(tzinfo=UTC)
    difference = abs(database - moment)
    if difference > CLOCK_DIFFERENCE:
        yield Finding(
            "clock-differs",
            Severity.LATE,
            _("The clocks of this host and of the database differ by %(seconds)d seconds.")
            % {"seconds": difference.total_seconds()},
            _("The right to train runs out by one and is renewed by the other; messages and events get wrong times."),
            "timedatectl set-ntp true",
        )


def _short_statement_timeout() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'")
        milliseconds = cursor.fetchone()[0]
    if 0 < milliseconds < SHORTEST_TIMEOUT:
        yield Finding(
            "statement-timeout",
            Severity.LATE,
            _("Statements of this connection are cancelled after %(milliseconds)d ms.")
            % {"milliseconds": milliseconds},
            _(
                "Training and deleting may take longer. The app itself sets no such limit: a setting of the role does, "
                "or a part of the shop whose limit has leaked."
            ),
            "ALTER ROLE shop_worker SET statement_timeout = 0;",
        )


def _large_tables() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, reltuples::bigint, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND "
            "relname LIKE 'personalization\\_%%' AND reltuples > %s AND pg_table_is_visible(oid) ORDER BY 2 DESC",
            [LARGE_TABLE],
        )
        large = cursor.fetchall()
    for table, rows, size in large:
        yield Finding(
            "table-large",
            Severity.LATE,
            _("%(table)s has about %(rows)d million rows and takes %(size)d GB.")
            % {"table": table, "rows": rows // 10**6, "size": size // 10**9},
            _("Nobody has measured the app with so many; deleting what is old may not keep up."),
            _("Lower EVENT_RETENTION_DAYS or TOTAL_RETENTION_DAYS, and let personalization_apply_retention run daily."),
        )


def _journal_mode() -> str:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        return str(cursor.fetchone()[0])


def _sqlite_journal() -> Iterator[Finding]:
    mode = _journal_mode()
    if mode not in ("wal", "memory"):
        yield Finding(
            "sqlite-journal",
            Severity.LATE,
            _("The database is SQLite without a write-ahead log (journal_mode=%(mode)s).") % {"mode": mode},
            _("While one process writes, the others cannot read: pages wait, and events fail."),
            'DATABASES: "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"}',
        )
