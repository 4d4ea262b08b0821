"""What other apps may listen to.

A signal is sent after the transaction in which the thing happened is committed, so a receiver never hears of what was
undone and never spoils the transaction of an order or a page. A receiver that raises is logged and harms nothing.

    from personalization.signals import consent_changed

    @receiver(consent_changed)
    def tell_newsletter(sender, visitor_id, user_id, state, **kwargs): ...

Accept `**kwargs`: arguments may be added.
"""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal

consent_changed = Signal()
"""A visitor granted or withdrew consent, here or in a list that the shop imported. Arguments: `visitor_id` (UUID),
`user_id` (the customer's primary key; None for a browser), `state` ("granted" or "withdrawn"), `source` (text),
`changed_at` (datetime). The sender is `models.Visitor`."""
visitor_merged = Signal()
"""A browser signed in, and what it did is its account's now. Arguments: `visitor_id` (UUID, the account's), `user_id`,
`merged_visitor_id` (UUID, the browser's, which is no more). The sender is `models.Visitor`."""
visitor_erased = Signal()
"""All that was known of a visitor was deleted on request: delete what you keep of them, too. Arguments: `visitor_id`
(UUID, which is no more), `user_id` (None for a browser). The sender is `models.Visitor`."""
snapshot_published = Signal()
"""A training run published a snapshot. Arguments: `snapshot` (`models.Snapshot`). The sender is its class."""
slate_served = Signal()
"""A surface was decided for a visit; whether its rows were seen, impressions say. Arguments: `slate`
(`decide.slate.Slate`), `visit` (`decide.visit.Visit`). The sender is the slate's class."""
event_recorded = Signal()
"""Events of one visitor were stored: what one delivery brought. Arguments: `visitor_id` (UUID), `events` (a tuple of
`models.events.EventData`; one that came before is stored once and sent again). The sender is `models.Event`."""


def send_on_commit(signal: Signal, sender: Any, **arguments: Any) -> None:
    """Sends a signal once the transaction is committed, at once when there is none."""
    if signal.has_listeners(sender):
        transaction.on_commit(partial(signal.send_robust, sender, **arguments), robust=True)
