"""What the app asks others for: the cache, the mail server, the search engine; and what it turned away."""

import secrets
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.core.cache import cache
from django.core.mail import get_connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from personalization.cache_access import PATIENT_SECONDS, ask_cache, cache_is_paused
from personalization.models import query_limits
from personalization.operations.findings import Finding, Severity
from personalization.rate_limits import dropped_today
from personalization.shop import search_index

LATE_MESSAGES = timedelta(hours=1)
MAIL_SECONDS = 5
MANY_DROPPED = 1_000
MISSING_IN_INDEX = 0.05
"""The index lacks so many of the products that can be found, or has so many too many."""


def process_findings(moment: datetime) -> Iterator[Finding]:
    """Of this process and the cache, without a query."""
    paused = [*query_limits.paused_names(), *(["cache"] if cache_is_paused() else [])]
    if paused:
        yield Finding(
            "breakers-open",
            Severity.LATE,
            _("This process asks some things less often, as they failed or were late: %(names)s.")
            % {"names": ", ".join(sorted(paused))},
            _("Pages go on without what these would have given."),
            _("Look for locks and slow queries in the database, and whether the cache answers."),
        )
    dropped = dropped_today(moment)
    if dropped >= MANY_DROPPED:
        words = ngettext(
            "%(count)d event was turned away today; one that is sent again counts each time.",
            "%(count)d events were turned away today; one that is sent again counts each time.",
            dropped,
        )
        yield Finding(
            "events-dropped",
            Severity.LATE,
            words % {"count": dropped},
            _("What is learned and reported lacks what visitors did then; browsers send most of it again."),
            _("The log says why, once a minute: grep 'Events that were dropped'. In a burst add processes."),
        )


def cache_findings() -> Iterator[Finding]:
    """Whether what one writes to the cache can be read again."""
    key, value, begun = f"personalization:doctor:{secrets.token_hex(4)}", secrets.token_hex(8), time.monotonic()
    stored = ask_cache(lambda: cache.add(key, value, 30), PATIENT_SECONDS)
    if not stored or ask_cache(lambda: cache.get(key), PATIENT_SECONDS) != value:
        yield Finding(
            "cache-silent",
            Severity.WRONG,
            _("The cache does not answer (%(seconds).2f s).") % {"seconds": time.monotonic() - begun},
            _("Each process counts visitors' limits by itself, and cards wait for no thumbnail."),
            _("Look at the LOCATION in CACHES, and whether that server runs: redis-cli ping"),
        )


def message_findings(oldest: datetime | None, moment: datetime) -> Iterator[Finding]:
    """Without a query. Parameters: `oldest`, since when the oldest message is due."""
    if oldest is not None and moment - oldest > LATE_MESSAGES:
        yield Finding(
            "outbox-late",
            Severity.WRONG,
            _("A message is due for %(hours)d h.") % {"hours": (moment - oldest) // timedelta(hours=1)},
            _("What is due too long is not sent any more."),
            "python manage.py personalization_messages",
        )


def mail_findings() -> Iterator[Finding]:
    """Whether the mail server takes a connection; nothing is sent."""
    connection = get_connection()
    if hasattr(connection, "timeout"):
        connection.timeout = connection.timeout or MAIL_SECONDS
    try:
        connection.open()
        connection.close()
    except Exception as fault:  # each backend has its own
        yield Finding(
            "mail-refused",
            Severity.WRONG,
            _("The mail server cannot be reached: %(fault)s.") % {"fault": type(fault).__name__},
            _("No message is sent, and none of the shop's other mails."),
            _("Look at EMAIL_HOST, EMAIL_PORT and EMAIL_HOST_USER: python manage.py sendtestemail you@shop.example"),
        )


def search_findings() -> Iterator[Finding]:
    """Two counts: of the index and of the catalogue."""
    products, found = search_index.count_browsable(), search_index.count_indexed()
    if found is None or (products and not found):
        yield Finding(
            "search-empty",
            Severity.WRONG,
            _("The search index has no products, or does not answer."),
            _("Search and category pages are empty, whatever we would put first."),
            "python manage.py rebuild_index",
        )
    elif products and abs(products - found) > max(MISSING_IN_INDEX * products, 1):
        yield Finding(
            "search-outdated",
            Severity.LATE,
            _("The search index has %(found)d products, the catalogue %(products)d.")
            % {"found": found, "products": products},
            _("What it lacks cannot be found, and what is gone leaves gaps."),
            "python manage.py update_index --remove",
        )
