"""Two who count the same totals at once: the second one waits until the first has written its own."""

from django.db import connections

LOCK_KEY = 7_203_685_548
"""An arbitrary number that is ours among the advisory locks of a PostgreSQL database."""


def wait_for_turn(database: str) -> None:
    """Makes a second one wait until this transaction ends; elsewhere than on PostgreSQL the first write does."""
    connection = connections[database]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
