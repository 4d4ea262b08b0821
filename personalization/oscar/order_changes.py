"""What is worked out anew where orders changed: genomes, and the money that credits count. Once the change is
committed, and once for all its parts."""

import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from django.db import transaction

from personalization import conf
from personalization.measure import credit
from personalization.models import Genome, Household, query_limits
from personalization.models.fail_open import fail_open
from personalization.profile import genome

MAX_PURCHASES_AT_ONCE = 5_000
"""The genome of a customer who bought more often than that, a large business perhaps, waits for the nightly sweep: to
work it out takes longer than an order may."""
_serial = count()


class AfterCommit(threading.local):
    """Does one thing about an object when the transaction is committed. Never raises.

    A change of many rows, as when an order's status cascades to its lines, does it once.
    """

    def __init__(self, what: str, work: Callable[[Any], object]) -> None:
        self._what, self._work = what, work
        self._last_key: Any = None
        self._last_at = -1

    def __call__(self, key: Any) -> None:
        """Nothing for None."""
        if key is not None:
            transaction.on_commit(partial(self._run, key, next(_serial)), robust=True)

    def _run(self, key: Any, changed_at: int) -> None:
        """Nothing where it was done just now, after the change: the same commit held several of this object."""
        if self._last_key == key and self._last_at > changed_at:
            return
        with fail_open(self._what, whole_page=True):
            self._last_key, self._last_at = key, next(_serial)
            self._work(key)


def _refresh_genome(user_id: Any) -> None:
    if not (query_limits.in_request() and _is_large(user_id)):
        genome.refresh_genome([user_id], now=time.time())


def _is_large(user_id: Any) -> bool:
    """Whether it takes long to work out what the customer, or their household, bought."""
    if Genome.objects.is_large(user_id, MAX_PURCHASES_AT_ONCE):
        return True
    return conf.get_settings().HOUSEHOLDS and Household.objects.is_large_for(user_id, MAX_PURCHASES_AT_ONCE)


def _correct_credits(order_id: int) -> None:
    credit.update_losses([order_id])


refresh_after_commit = AfterCommit("Refreshing a genome after a change of orders", _refresh_genome)
"""Works out the genome of a customer, by their key."""
correct_credits_after_commit = AfterCommit("Correcting what an order was worth", _correct_credits)
"""Corrects the credits of an order, by its key."""
