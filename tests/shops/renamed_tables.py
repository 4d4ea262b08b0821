"""Tables of ours that are not where they should be, as in a shop that forgot to migrate."""

from contextlib import contextmanager

from django.apps import apps
from django.db import connection

OURS = apps.get_app_config("personalization").get_models()
TABLES = sorted(model._meta.db_table for model in OURS if model._meta.managed)


@contextmanager
def renamed_table(table):
    """Renames the table for as long as the block runs."""
    rename(table, f"{table}_renamed")
    try:
        yield
    finally:
        rename(f"{table}_renamed", table)


def rename(old: str, new: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")
