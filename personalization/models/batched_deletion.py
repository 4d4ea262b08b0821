"""Deletes many rows a batch at a time, so that no transaction is long and nobody waits for it."""

from collections.abc import Iterator

from django.db import models

DELETE_BATCH_SIZE = 5_000
"""The number of rows that are deleted in one transaction."""


def delete_in_batches(rows: models.QuerySet) -> Iterator[int]:
    """Deletes these rows in their order; how many went with each batch, which is a transaction of its own.

    Without signals: one listener to all models (Haystack has one) would have Django load and send every row.
    """
    while batch := list(rows.values_list("pk", flat=True)[:DELETE_BATCH_SIZE]):
        rows.model._base_manager.using(rows.db).filter(pk__in=batch)._raw_delete(rows.db)
        yield len(batch)
