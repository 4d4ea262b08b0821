"""Segments as they are stored: read, and ready to be asked."""

from collections.abc import Iterable

from personalization.merchandising import segments
from personalization.merchandising.segments import CompiledSegment, Segment, Sensitive, compile_segment, parse_segment
from personalization.models import Definition, DefinitionKind

NOTHING_SENSITIVE = Sensitive()
"""For reading what is stored: what became sensitive since is left out when it is compiled."""


def stored_segment(definition: Definition) -> Segment | None:
    """What the definition says now: what is live, or else the draft; None where a newer release wrote it."""
    shown = definition.live or definition.draft
    return parse_segment(shown.document, NOTHING_SENSITIVE)[0] if shown else None


def compiled_segment(segment: Segment) -> CompiledSegment:
    """The segment ready to be asked, with those that it names."""
    keys = [key for kind, key in segments.referenced(segment) if kind == "segment"]
    return compile_segment(segment, read_segments(keys) if keys else {})


def read_segments(keys: Iterable[int]) -> dict[int, Segment]:
    """The segments of these keys that are live."""
    rows = Definition.objects.live_documents().filter(kind=DefinitionKind.SEGMENT, pk__in=list(keys))
    found = ((one.pk, stored_segment(one)) for one in rows)
    return {key: segment for key, segment in found if segment is not None}
