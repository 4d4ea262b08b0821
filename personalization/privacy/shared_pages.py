"""Pages that a cache in front of the shop may hand to anybody: which ones they are. See docs/how-to-cache.md."""

from django.http import HttpRequest
from django.urls import ResolverMatch

from personalization import conf

PRIVATE_ATTRIBUTE = "_personalization_private"
"""The attribute by which a request says that its response is for the requester alone."""
PRIVATE_AREAS = {"basket", "checkout", "customer", "dashboard", "personalization", "admin"}
"""The applications whose pages belong to the one who opens them, by the names that Oscar, Django and we give them."""
HOME = "personalization:home"
"""The only page of ours that is everybody's."""


def is_for_everybody(request: HttpRequest) -> bool:
    """Whether the response to this request may be handed to others, as far as its address tells: the shop has such
    pages, somebody only looks, and the page is in no private area. Before it is known what is asked for, it may be."""
    if not conf.get_settings().CACHED_PAGES or request.method not in ("GET", "HEAD"):
        return False
    return not hasattr(request, PRIVATE_ATTRIBUTE) and is_public_view(request.resolver_match)


def is_public_view(match: ResolverMatch | None) -> bool:
    """Whether what an address leads to is the same page for all who open it."""
    if match is None or match.view_name == HOME:
        return True
    return PRIVATE_AREAS.isdisjoint([*match.app_names, *match.namespaces])


def mark_private(request: HttpRequest) -> None:
    """Says that the response to this request is for the requester alone, whatever its address is."""
    setattr(request, PRIVATE_ATTRIBUTE, True)
