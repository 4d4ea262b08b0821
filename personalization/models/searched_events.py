"""What visitors searched for, and what they did then."""

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple, Self

from django.db.models import Count, Q
from django.db.models.functions import Lower, Trim

from personalization.models.visitors import Consent
from personalization.models.voices import VoiceQuerySet

FOLDED_QUERY = Trim(Lower("query"))
"""Words that differ in nothing else than case are the same search."""


class SearchStep(NamedTuple):
    """A search, a click on one of its hits, or what was put into a basket."""

    visitor_id: uuid.UUID
    type: str
    occurred_at: datetime
    folded_query: str
    """Of a search, folded."""
    hits: float | None
    """How many a search found; None where that is not known."""
    product_id: int | None
    position: int | None
    """Of a click, from 0, within the whole result."""


class SearchedEventQuerySet(VoiceQuerySet):
    """The questions about searches."""

    def searches(self) -> Self:
        """The searches."""
        return self.filter(type="search")

    def anonymous_searches(self, since: datetime) -> Self:
        """The searches since a moment of visitors without an account, as far as they are probably people."""
        rows = self.searches().filter(occurred_at__gte=since, is_suspected_bot=False, visitor__user=None)
        return rows.exclude(visitor__consent=Consent.WITHDRAWN)

    def searched_words(self, since: datetime, until: datetime, *, min_people: int, most: int) -> list[str]:
        """What at least so many visitors searched for between two moments, folded; at most so many words, those
        searched for most often."""
        rows = self._searching(since, until).filter(type="search").exclude(query="").annotate(folded_query=FOLDED_QUERY)
        counted = rows.values("folded_query").annotate(searches=Count("pk"), people=Count("visitor_id", distinct=True))
        often = counted.filter(people__gte=min_people).order_by("-searches", "folded_query")
        return list(often.values_list("folded_query", flat=True)[:most])

    def search_steps(
        self, since: datetime, until: datetime, visitor_ids: Iterable[uuid.UUID] | None = None
    ) -> Iterator[SearchStep]:
        """What visitors searched for, which hits they clicked on, and what they put into their baskets between two
        moments, of one visitor after the other, each in its order; of these visitors, or of all; streamed."""
        on_hit = Q(type="select_item", surface="search", row_key__startswith="results", product_id__isnull=False)
        wanted = Q(type="search") | on_hit | Q(type="add_to_cart", product_id__isnull=False)
        rows = self._searching(since, until).filter(wanted).annotate(folded_query=FOLDED_QUERY)
        if visitor_ids is not None:
            rows = rows.filter(visitor_id__in=list(visitor_ids))
        columns = ("visitor_id", "type", "occurred_at", "folded_query", "value", "product_id", "position")
        steps = rows.order_by("visitor_id", "occurred_at", "event_id").values_list(*columns)
        return (SearchStep(*row) for row in steps.iterator(chunk_size=2_000))

    def _searching(self, since: datetime, until: datetime) -> Self:
        """What was reported between two moments, of visitors who allow counting it and are no robots."""
        rows = self.filter(occurred_at__gte=since, occurred_at__lt=until, is_suspected_bot=False, item_kind="product")
        return rows.exclude(visitor__consent=Consent.WITHDRAWN).order_by()
