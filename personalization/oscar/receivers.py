"""Hears Oscar's signals. A receiver that raised would break the shop's page, or roll back a paid order."""

import time
from functools import partial
from typing import Any

from django.db import transaction
from oscar.core.loading import get_class

from personalization.models.savepoints import failing_open
from personalization.profile import genome


def connect() -> None:
    """Called once, when the apps are ready."""
    order_placed = get_class("order.signals", "order_placed")
    order_placed.connect(refresh_genome, dispatch_uid="personalization.refresh_genome")


def refresh_genome(sender: Any, order: Any, user: Any, **rest: Any) -> None:
    """Takes a new order into its customer's genome, once the order stands."""
    if user is not None and user.pk is not None:
        transaction.on_commit(partial(_refresh, user.pk), robust=True)


def _refresh(user_id: Any) -> None:
    with failing_open("Refreshing a genome after an order"):
        genome.refresh([user_id], now=time.time())
