"""For whom and when: from a document to what a decision reads."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from personalization.merchandising import documents
from personalization.merchandising.compiled import Audience, People, Schedule


def compile_audience(document: Mapping[str, Any]) -> Audience:
    """Who is meant by the `who` of a document."""
    return Audience(
        people=People(document.get("people", "all")),
        in_segments=tuple(document.get("in", ())),
        out_segments=tuple(document.get("out", ())),
        countries=frozenset(document.get("countries", ())),
        devices=frozenset(document.get("devices", ())),
        campaign=document.get("campaign", 0),
        hold_back=document.get("hold_back", 0.0),
    )


def compile_schedule(document: Mapping[str, Any]) -> Schedule:
    """When is meant by the `when` of a document."""
    starts, ends = documents.moment(document.get("from")), documents.moment(document.get("to"))
    hours = document.get("hours")
    return Schedule(
        starts=starts.timestamp() if starts else float("-inf"),
        ends=ends.timestamp() if ends else float("inf"),
        zone=ZoneInfo(document.get("zone", "UTC")),
        days=frozenset(document.get("days", ())),
        hours=(hours[0], hours[1]) if hours else None,
    )
