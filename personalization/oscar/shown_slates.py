"""What a change would have done to rows and lists that were really shown, and from which something was chosen.

Only what was reported is there: the products of a row, or of one page of a list. So a campaign acts on these alone: it
hides and moves them, and brings nothing new.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from personalization.decide.audience import CATALOGUE, CATEGORY, acting_campaigns, is_for
from personalization.decide.merchandising import resolve
from personalization.decide.visit import Visit
from personalization.measure.back_test import ReplayedPage
from personalization.models import Event
from personalization.models.events import EventType
from personalization.models.shown_events import ShownEvent
from personalization.oscar.past_visits import PastVisits
from personalization.oscar.replayed_pages import ALL_PLACES, RuleChange
from personalization.recommenders import DAY
from personalization.rows import registered_row_types

BOUGHT_WITHIN = 7 * DAY
"""Seconds: what is bought so long after it was seen counts as chosen there."""
MAX_SHOWN = 3_000
"""Of the customers of a batch of orders so many rows and lists are read, the latest."""
LIST_KEY = "results"
"""What the key of a list begins with; a category's key may follow."""


class SlateReplay:
    """Decides rows and lists anew that were shown. Each customer is looked at once."""

    def __init__(self, change: RuleChange, since: datetime, until: datetime) -> None:
        self._change, self._since, self._until = change, since, until
        own = [one for one in change.after.campaigns if one.id == change.campaign]
        self._rules = replace(change.after, campaigns=tuple(own), rows={})
        self._done: set[Any] = set()

    def pages(self, past: PastVisits) -> Iterator[ReplayedPage]:
        """What was shown to the customers of these visits. Two queries."""
        visits = {one.visit.visitor_id: one.visit for one in past.visits if one.visit.visitor_id not in self._done}
        self._done |= visits.keys()
        if not visits or not (self._rules.campaigns or self._change.row):
            return
        clicks: dict[tuple[Any, ...], set[int]] = {}
        for event in self._read_events(visits, EventType.CLICK):
            if event.product_id is not None:
                clicks.setdefault(_slate_key(event), set()).add(event.product_id)
        for event in self._read_events(visits, EventType.IMPRESSION):
            visit, shown = visits[event.visitor_id], tuple(item[0] for item in event.items)
            at = event.occurred_at.timestamp()
            bought = past.history.bought_between(visit.user_id, at, at + BOUGHT_WITHIN)
            chosen = (clicks.get(_slate_key(event), set()) | bought).intersection(shown)
            after = self._changed(event, shown, replace(visit, timestamp=at)) if chosen else None
            if after is not None:
                yield ReplayedPage(visit.user_id, shown, after, frozenset(chosen), ALL_PLACES)

    def _read_events(self, visitor_ids: Iterable[Any], event_type: str) -> list[ShownEvent]:
        return Event.objects.latest_shown(visitor_ids, event_type, self._since, self._until, MAX_SHOWN)

    def _changed(self, event: ShownEvent, shown: tuple[int, ...], visit: Visit) -> tuple[int, ...] | None:
        """The products after the change; None where it does not act, or acted already."""
        if self._change.row is not None:
            return self._after_row_settings(event, shown, visit)
        if any(len(item) > 3 and _is_version_of(item[3], self._change.campaign) for item in event.items):
            return None
        code, surface = event.row_key.partition(":")[0], event.surface
        visit = replace(visit, rules=self._rules, device=event.device or self._change.device)
        if code == LIST_KEY:
            category = event.row_key.partition(":")[2]
            visit = replace(visit, category=int(category)) if category.isdecimal() else visit
            surface = CATALOGUE if surface == CATEGORY and visit.category is None else surface
        acting = acting_campaigns(visit, surface, None if code == LIST_KEY else code)
        if not acting:
            return None
        row_type = registered_row_types().get(code)
        return resolve(shown, acting, personal=bool(row_type and row_type.personal), trace=False).order

    def _after_row_settings(self, event: ShownEvent, shown: tuple[int, ...], visit: Visit) -> tuple[int, ...] | None:
        surface, code = self._change.row or ("", "")
        settings = self._change.after.rows.get(surface, {}).get(code)
        if settings is None or (event.surface, event.row_key.partition(":")[0]) != (surface, code):
            return None
        visit = replace(visit, rules=self._change.after, device=event.device or self._change.device)
        if not settings.is_shown or not is_for(settings.audience, visit):
            return ()
        allowed = set(shown) if settings.only is None else settings.only.matching(shown, None)
        rest = tuple(key for key in shown if key in allowed)[: settings.most]
        return rest if len(rest) >= (settings.fewest or 1) else ()


def _slate_key(event: ShownEvent) -> tuple[Any, ...]:
    return event.visitor_id, event.slate_id, event.row_key


def _is_version_of(placed_by: Any, campaign: int | None) -> bool:
    return isinstance(placed_by, str) and placed_by.partition(":")[0] == str(campaign)
