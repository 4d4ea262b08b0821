"""The first places of a page before and after a campaign: what moves, and which of its actions moves it.

Both sides are the shop's own decision for the page, once under the rules that serve and once with the campaign.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.http import HttpRequest
from django.utils.translation import npgettext, pgettext

from personalization.decide import merchandising as outcomes
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.merchandising import campaign_words
from personalization.merchandising.campaign_words import Names
from personalization.oscar.dashboard.decided_pages import DecidedRow, SamplePage, decide_page
from personalization.oscar.dashboard.draft_rules import DraftRules
from personalization.oscar.dashboard.outcome_words import outcome_sentences
from personalization.oscar.previews import Preview

FIRST_PLACES = 12
MOST_ROWS = 3
LIMIT_SECONDS = 0.5
"""While somebody types, the second side is not begun after this time."""


class Change(StrEnum):
    """What happens to a product in a place."""

    SAME = "same"
    UP = "up"
    DOWN = "down"
    NEW = "new"
    LEAVING = "gone"


@dataclass(frozen=True)
class GridCard:
    """A product in a place, and what the campaign does to it."""

    product: int
    title: str
    change: Change = Change.SAME
    steps: int = 0
    """By how many places it moves."""
    cause: str = ""
    """The action that does it, in words; "" where it only gives way."""

    @property
    def mark(self) -> str:
        """The change as a sign."""
        return {
            Change.UP: f"\N{BLACK UP-POINTING TRIANGLE}{self.steps}",
            Change.DOWN: f"\N{BLACK DOWN-POINTING TRIANGLE}{self.steps}",
            Change.NEW: pgettext("personalization", "new"),
            Change.LEAVING: pgettext("personalization", "drops out"),
        }.get(self.change, "")

    @property
    def screen_reader_mark(self) -> str:
        """The change as it is read out."""
        if self.change is Change.UP:
            return npgettext("personalization", "up %(steps)d place", "up %(steps)d places", self.steps) % {
                "steps": self.steps
            }
        if self.change is Change.DOWN:
            return npgettext("personalization", "down %(steps)d place", "down %(steps)d places", self.steps) % {
                "steps": self.steps
            }
        return self.mark


@dataclass(frozen=True)
class GridRow:
    """The first places of a row or list."""

    title: str
    positions: tuple[tuple[int, GridCard | None, GridCard | None], ...]
    """(place, what stands there before, what stands there after)."""
    change: Change = Change.SAME
    """NEW or LEAVING for a row that is shown on one side only."""
    is_changed: bool = False
    """Whether the campaign moves anything in it, or places what stands there anyway."""


@dataclass(frozen=True)
class BeforeAfter:
    """A page before and after a campaign."""

    rows: tuple[GridRow, ...] = ()
    """Those that change, or else the first one."""
    is_changed: bool = False
    unchanged_rows: int = 0
    """How many other rows of the page stay as they are."""
    notes: tuple[str, ...] = ()
    """What the campaign wants and does not get there."""
    seconds: float = 0.0
    is_late: bool = False
    """Whether it took too long, so that there are no rows."""


def compare_page(
    request: HttpRequest, preview: Preview, rules: DraftRules, page: SamplePage, names: Names, *, may_wait: bool
) -> BeforeAfter | None:
    """The page for the visitor of this preview before and after the campaign; None where the shop has no such page.

    Parameters: `may_wait`, whether it is finished however long it takes; `names`, of what the document refers to.
    """
    started, snapshot = time.monotonic(), get_active_snapshot()
    before = decide_page(request, preview, rules.before, page)
    if before is None:
        return None
    if not may_wait and time.monotonic() - started > LIMIT_SECONDS:
        return BeforeAfter(seconds=time.monotonic() - started, is_late=True)
    after = decide_page(request, preview, rules.after, page) or []
    if get_active_snapshot() is not snapshot:  # another one began to serve, which may move everything
        before = decide_page(request, preview, rules.before, page) or []
    actions = _ActionLabels(rules, names)
    rows = list(_grid_rows(before, after, actions))
    changed = [row for row in rows if row.is_changed]
    shown = (changed or rows)[: MOST_ROWS if changed else 1]
    titles = {key: title for row in (*before, *after) for key, title in row.titles.items()}
    notes = outcome_sentences(rules, after, titles, names)
    seconds = time.monotonic() - started
    return BeforeAfter(tuple(shown), bool(changed), len(rows) - len(changed), tuple(notes), seconds)


class _ActionLabels:
    """The actions of a campaign in words, and which of them moved a product."""

    def __init__(self, rules: DraftRules, names: Names) -> None:
        self._campaign, self._document, self._names = rules.campaign, rules.document, names

    def label(self, number: int) -> str:
        """The action of this number as a card names it."""
        action: Mapping[str, Any] = self._document["what"][number]
        label = campaign_words.action_labels()[action["do"]]
        if action["do"] == "pin":
            return label
        return f"{label} {campaign_words.describe_target(action['target'], self._names)}"

    def why_moved(self, product: int, row: DecidedRow, steps: int) -> str:
        """What placed a product of this row, or else moved it so many steps up; "" where nothing of this campaign
        did, or another power sent it the other way."""
        own = [one for one in row.outcomes if one.campaign == self._campaign.id]
        for one in own:
            if one.product == product and one.outcome in (outcomes.PLACED, outcomes.PLACE_TAKEN):
                return self.label(one.action)
        for one in own:
            percent = one.facts["percent"].get(product, 0) if one.outcome == outcomes.MOVED else 0
            if percent and percent * steps >= 0:
                return self.label(one.action)
        return ""

    def why_gone(self, product: int, row: DecidedRow | None) -> str:
        """What took a product out of a row; "" where it only gave way."""
        removal = row.removed.get(product) if row else None
        if removal is not None and removal.campaign != self._campaign.id:
            return ""
        for number, action in enumerate(self._campaign.actions):
            if action.do in ("exclude", "only"):
                is_meant = product in action.target.matching([product], None)
                if is_meant == (action.do == "exclude"):
                    return self.label(number)
        return ""


def _grid_rows(before: Sequence[DecidedRow], after: Sequence[DecidedRow], actions: _ActionLabels) -> Iterator[GridRow]:
    later = {row.key: row for row in after}
    earlier = {row.key: row for row in before}
    for row in after:
        yield _grid_row(earlier.get(row.key), row, actions)
    for row in before:
        if row.key not in later:
            yield _grid_row(row, None, actions)


def _grid_row(before: DecidedRow | None, after: DecidedRow | None, actions: _ActionLabels) -> GridRow:
    old, new = list(before.titles if before else ()), list(after.titles if after else ())
    left = [_card_before(key, before, new, after, actions) for key in old[:FIRST_PLACES]] if before else []
    right = [_card_after(key, after, old, actions) for key in new[:FIRST_PLACES]] if after else []
    positions = tuple(
        (place + 1, left[place] if place < len(left) else None, right[place] if place < len(right) else None)
        for place in range(max(len(left), len(right)))
    )
    change = Change.NEW if before is None else Change.LEAVING if after is None else Change.SAME
    shown, is_changed = after or before, True
    if before and after:
        is_changed = old[:FIRST_PLACES] != new[:FIRST_PLACES] or _placed_in(before) != _placed_in(after)
    return GridRow(shown.title if shown else "", positions, change, is_changed)


def _placed_in(row: DecidedRow) -> dict[int, int]:
    """{product: the campaign that placed it} of the first places."""
    first = list(row.titles)[:FIRST_PLACES]
    return {key: one.campaign for key, one in row.placements.items() if key in first}


def _card_before(
    key: int, row: DecidedRow, new: list[int], after: DecidedRow | None, actions: _ActionLabels
) -> GridCard:
    if after is None or key in new:
        return GridCard(key, row.titles[key])
    return GridCard(key, row.titles[key], Change.LEAVING, 0, actions.why_gone(key, after))


def _card_after(key: int, row: DecidedRow, old: list[int], actions: _ActionLabels) -> GridCard:
    title = row.titles[key]
    if key not in old:
        return GridCard(key, title, Change.NEW, 0, actions.why_moved(key, row, 0))
    steps = old.index(key) - list(row.titles).index(key)
    change = Change.UP if steps > 0 else Change.DOWN if steps < 0 else Change.SAME
    return GridCard(key, title, change, abs(steps), actions.why_moved(key, row, steps))
