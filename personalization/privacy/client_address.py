"""The address that a request comes from, by which limits are counted; and the log's word where proxies hide it."""

import hashlib
import ipaddress
import logging
import math
import time

from django.http import HttpRequest

from personalization import conf

logger = logging.getLogger("personalization")

UNKNOWN_ADDRESS = "unknown"
"""Of a request that nothing says an address of, as through a Unix socket without a proxy's header."""
FORWARDED_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED")
WARNING_PAUSE = 3600.0
"""Seconds in which a process writes the same warning once."""

_warned_at: dict[str, float] = {}


def client_address(request: HttpRequest) -> str:
    """The address that a request comes from: an IPv4 address, or the /64 network of an IPv6 one, which is what one
    customer gets.

    Behind proxies of the shop's own (setting `NUM_PROXIES`) each adds one entry on the right of X-Forwarded-For;
    anybody can write what stands further left. A port, brackets and quotes around an address are no part of it. An
    entry that is no address stands for itself, as "unread" and a digest: whoever is named so is limited like anybody,
    and uses up nobody else's limit.
    """
    text = _own_entry(request)
    try:
        return _network(_parse(text))
    except ValueError:
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]
        return f"unread {digest}" if text else UNKNOWN_ADDRESS


def is_forwarded_unasked(request: HttpRequest) -> bool:
    """Whether a proxy seems to stand before the shop that the setting `NUM_PROXIES` does not count: the address is
    then the proxy's."""
    return not conf.get_settings().NUM_PROXIES and any(name in request.META for name in FORWARDED_HEADERS)


def _own_entry(request: HttpRequest) -> str:
    """What the outermost of the shop's own proxies wrote of the client; without proxies, who connected."""
    if is_forwarded_unasked(request):
        _warn(
            "Requests arrive with X-Forwarded-For or Forwarded, but NUM_PROXIES is 0: if that is a proxy of yours, all "
            "visitors share its address and one rate limit. Set NUM_PROXIES to the number of your proxies"
        )
    proxies = conf.get_settings().NUM_PROXIES
    header = request.META.get("HTTP_X_FORWARDED_FOR", "") if proxies else ""
    entries = header.split(",") if header else []
    if len(entries) >= proxies > 0:
        return entries[-proxies].strip()
    if entries:
        _warn(
            "X-Forwarded-For has fewer entries than NUM_PROXIES says: such visitors share the address of a proxy and "
            "one rate limit. Set NUM_PROXIES to the number of proxies that add an entry"
        )
    return request.META.get("REMOTE_ADDR", "").strip()


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address in an entry: 1.2.3.4, 1.2.3.4:5678, 2001:db8::1, [2001:db8::1]:80, each perhaps in quotes."""
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return ipaddress.ip_address(text)


def _network(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Address(int(address) >> 64 << 64))
        address = address.ipv4_mapped
    return str(address)


def _warn(warning: str) -> None:
    """Writes it to the log, unless it was written within the hour; without the address, which is personal."""
    now = time.monotonic()
    if now >= _warned_at.get(warning, -math.inf) + WARNING_PAUSE:
        _warned_at[warning] = now
        logger.warning(warning)


def reset_warnings() -> None:
    """Starts to warn anew, as a new process does."""
    _warned_at.clear()
