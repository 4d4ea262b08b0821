"""Which campaigns act for a visit: their schedule, their place in the shop, and whom they are for."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.db import DatabaseError

from personalization.decide.merchandising import ActingCampaign
from personalization.decide.visit import LazySequence, Visit
from personalization.merchandising.assignment import is_left_out
from personalization.merchandising.compiled import (
    ANYWHERE,
    Audience,
    IndexedPlace,
    People,
    Place,
    PlaceKey,
    Schedule,
)
from personalization.merchandising.search_words import fold_words
from personalization.models.fail_open import log_fault
from personalization.models.recent_activity import RecentEvent

SEARCH, CATEGORY, CATALOGUE = "search", "category", "catalogue"
"""The surfaces of lists that a search engine found: of a search, of a category, and of neither."""
WITH_PRODUCTS_IN_VIEW = ("basket", "order_confirmation", "message")
"""The surfaces where the products of the basket, or of the order, are in view."""


def acting_campaigns(visit: Visit, surface: str, row_code: str | None = None) -> tuple[ActingCampaign, ...]:
    """The campaigns that act for this visit on a surface, the one that counts most first, each once.

    Parameters: `row_code`, the code of a row's type; None for the list of the surface.
    """
    return tuple(one for one in campaigns_on_page(visit, surface) if one.acts_in(row_code))


def campaigns_on_page(visit: Visit, surface: str) -> tuple[ActingCampaign, ...]:
    """The campaigns that act for this visit on a surface, in whichever of its rows, the one that counts most first."""
    if surface not in visit.rules.places_by_surface:
        return ()
    return visit.remember(("acting", surface), partial(_acting_on_surface, visit, surface))


def list_surface(visit: Visit) -> str:
    """What campaigns call the list of this visit's page."""
    return list_surface_name(visit.query, visit.category is not None)


def list_surface_name(query: str, in_category: bool) -> str:
    """What campaigns call the list of a page with this search, of a category or not."""
    return SEARCH if query else CATEGORY if in_category else CATALOGUE


def _acting_on_surface(visit: Visit, surface: str) -> tuple[ActingCampaign, ...]:
    in_view = _products_in_view(visit, surface)
    acting: dict[int, ActingCampaign] = {}
    refused: set[int] = set()
    for one in _places_of_page(visit, surface, in_view):
        if one.order in refused:
            continue
        if one.order not in acting and not (
            is_scheduled(one.campaign.schedule, visit.timestamp) and is_for(one.campaign.audience, visit)
        ):
            refused.add(one.order)
            continue
        seen = _seen_there(one.place, in_view)
        row_codes = one.place.row_codes
        here = ActingCampaign(one.campaign, seen, row_codes, row_codes is None, one.order)
        acting[one.order] = _joined(acting[one.order], here) if one.order in acting else here
    return tuple(acting[order] for order in sorted(acting))


def _joined(one: ActingCampaign, other: ActingCampaign) -> ActingCampaign:
    """A campaign that acts by two of its places."""
    rows = None if one.row_codes is None or other.row_codes is None else one.row_codes | other.row_codes
    seen = tuple(sorted({*one.seen, *other.seen}))
    return ActingCampaign(one.campaign, seen, rows, one.in_list or other.in_list, one.order)


def _products_in_view(visit: Visit, surface: str) -> tuple[int, ...]:
    page = {visit.product} if visit.product is not None else set()
    return tuple(sorted(page | visit.basket if surface in WITH_PRODUCTS_IN_VIEW else page))


def _places_of_page(visit: Visit, surface: str, in_view: tuple[int, ...]) -> Iterator[IndexedPlace]:
    """The places of this surface that match the page, each as often as it is found."""
    places = visit.rules.places_by_surface.get(surface, {})
    words = fold_words(visit.query) if visit.query else ()
    keys: set[PlaceKey] = {ANYWHERE, *(("word", word) for word in words), *(("product", key) for key in in_view)}
    if visit.category is not None:
        keys.add(("category", visit.category))
    for key in keys & places.keys():
        for one in places[key]:
            if _matches_page(one.place, visit, words, in_view):
                yield one


def _matches_page(place: Place, visit: Visit, words: tuple[str, ...], in_view: tuple[int, ...]) -> bool:
    if place.categories is not None and visit.category not in place.categories:
        return False
    if place.searches and not any(one.matches(words) for one in place.searches):
        return False
    return place.seen is None or bool(_seen_there(place, in_view))


def _seen_there(place: Place, in_view: tuple[int, ...]) -> tuple[int, ...]:
    """The products in view that the place means."""
    if place.seen is None or not in_view:
        return in_view
    meant = place.seen.matching(in_view, None)
    return tuple(key for key in in_view if key in meant)


def is_scheduled(schedule: Schedule, now: float) -> bool:
    """Whether a campaign acts, or a row is there, at this moment, in seconds since 1970."""
    if not schedule.starts <= now < schedule.ends:
        return False
    if not schedule.days and schedule.hours is None:
        return True
    local = datetime.fromtimestamp(now, schedule.zone)
    if schedule.hours is not None and schedule.hours[0] != schedule.hours[1]:
        first, until = schedule.hours
        if first < until and not first <= local.hour < until:
            return False
        if first > until:
            if until <= local.hour < first:
                return False
            if local.hour < until:  # the night began the day before
                local -= timedelta(days=1)
    return not schedule.days or local.isoweekday() in schedule.days


def is_for(audience: Audience, visit: Visit) -> bool:
    """Whether the visitor is among those who are meant."""
    if audience.people is not People.ALL and (audience.people is People.CUSTOMERS) != (visit.user_id is not None):
        return False
    if (audience.countries and visit.country not in audience.countries) or (
        audience.devices and visit.device not in audience.devices
    ):
        return False
    if _is_in_holdout(audience, visit):
        return False
    if not audience.names_segments:
        return True
    if visit.held_back or _any_holds(audience.out_segments, visit):
        return False
    return not audience.in_segments or _any_holds(audience.in_segments, visit)


def _is_in_holdout(audience: Audience, visit: Visit) -> bool:
    """Whether the campaign holds the visitor back, to compare the others with. A preview shows what the others see."""
    if not audience.hold_back or visit.is_preview:
        return False
    person = visit.visitor_id if visit.user_id is None else visit.user_id
    return is_left_out(audience.campaign, audience.hold_back, person)


def segments_of(visit: Visit) -> tuple[int, ...]:
    """The keys of the live segments that a visitor is in, as campaigns see it on this page; none for who is held back.

    No query: of a segment that asks what they did lately, where nothing on the page has read that, it says that they
    are not in it.
    """
    if visit.held_back or visit.visitor_id is None or not visit.rules.segments:
        return ()
    return visit.remember(("segments_of", ""), partial(_known_segments, visit))


def _known_segments(visit: Visit) -> tuple[int, ...]:
    events = visit.recent_events
    is_unread = isinstance(events, LazySequence) and not events.is_read
    asked = replace(visit, recent_events=LazySequence(_refuse)) if is_unread else visit
    members = {**visit.remember(("segments", ""), dict)}
    for segment in visit.rules.segments:
        if segment not in members:
            with suppress(_UnreadEvents):
                members[segment] = _holds(segment, asked)
    return tuple(sorted(segment for segment, is_in in members.items() if is_in))


class _UnreadEvents(DatabaseError):
    """What a visitor did lately was not read on this page."""


def _refuse() -> Iterator[RecentEvent]:
    raise _UnreadEvents


def _any_holds(segments: Iterable[int], visit: Visit) -> bool:
    members: dict[int, bool] = visit.remember(("segments", ""), dict)
    for segment in segments:
        if segment not in members:
            members[segment] = _holds(segment, visit)
        if members[segment]:
            return True
    return False


def _holds(segment: int, visit: Visit) -> bool:
    """Whether the visitor is in the segment; not where it is missing, or fails. A database error is raised again: it
    has spoiled the transaction, and the caller knows the way out."""
    try:
        return bool(visit.rules.segments[segment].holds(visit, visit.timestamp))
    except DatabaseError:
        raise
    except Exception as error:
        log_fault(f"Asking the segment {segment}", error)
        return False
