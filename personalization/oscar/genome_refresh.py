"""Refreshes the genomes of customers whose orders changed: once the change is committed, and once for all its parts."""

import threading
import time
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from django.db import transaction

from personalization.models import Genome, query_limits
from personalization.models.fail_open import fail_open
from personalization.profile import genome

MAX_PURCHASES_AT_ONCE = 5_000
"""The genome of a customer who bought more often than that, a large business perhaps, waits for the nightly sweep: to
work it out takes longer than an order may."""
_serial = count()


@dataclass
class _LastRefresh(threading.local):
    """The last refresh in this thread: whose, and when in the sequence of all changes."""

    user_id: Any = None
    at: int = -1


_last_refresh = _LastRefresh()


def refresh_after_commit(user_id: Any) -> None:
    """Refreshes the genome of this customer when the transaction is committed; nothing for a guest's None.

    Never raises. A change of many rows of one order, as when a status cascades to its lines, refreshes once.
    """
    if user_id is not None:
        transaction.on_commit(partial(_refresh_unless_done, user_id, next(_serial)), robust=True)


def _refresh_unless_done(user_id: Any, changed_at: int) -> None:
    """Nothing when this customer was refreshed just now, after the change: the same commit held several of theirs."""
    if _last_refresh.user_id == user_id and _last_refresh.at > changed_at:
        return
    with fail_open("Refreshing a genome after a change of orders", whole_page=True):
        _last_refresh.user_id, _last_refresh.at = user_id, next(_serial)
        if not (query_limits.in_request() and Genome.objects.is_large(user_id, MAX_PURCHASES_AT_ONCE)):
            genome.refresh_genome([user_id], now=time.time())
