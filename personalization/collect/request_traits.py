"""Traits that a request carries: country, language, kind of device, the channel it came by; and what its browser holds.

A client may forge all of them, which changes its own page only. No query, no network; any bytes give an answer, and ""
where a trait is missing or makes no sense.
"""

from collections.abc import Callable, Collection
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.utils.translation import get_language

from personalization import conf
from personalization.collect import crawlers
from personalization.privacy.client_address import client_address, is_forwarded_unasked
from personalization.privacy.requester import ClientType, Requester, requester_from_request

NO_COUNTRY = ("AP", "EU", "XX", "ZZ")
"""What some say for "somewhere"."""

NEITHER = ("tv", "bravia", "playstation", "xbox", "nintendo")
TABLETS = ("ipad", "tablet;", "playbook")
PHONES = ("mobile", "iphone", "ipod", "opera mini", "windows phone")
COMPUTERS = ("windows nt", "macintosh", "x11", "cros")
"""Words in a browser's name that tell the kind of device, asked in this order. Before the last come all other devices
with Android, which are tablets."""

URL_READ = 512
"""The characters of an address that are read; a host has 253 at most."""
WORD_READ = 64
ADVERTISED = {"ad", "ads", "banner", "cpa", "cpc", "cpm", "cpv", "display", "paid", "paidsearch", "paidsocial", "ppc"}
SOCIAL_SITES = {"bsky", "facebook", "instagram", "linkedin", "lnkd", "mastodon", "pinterest", "reddit", "snapchat"}
SOCIAL_SITES |= {"telegram", "threads", "tiktok", "tumblr", "twitter", "vk", "weibo", "whatsapp", "youtu", "youtube"}
SEARCH_SITES = {"baidu", "bing", "duckduckgo", "ecosia", "google", "kagi", "naver", "qwant", "seznam", "startpage"}
SEARCH_SITES |= {"yahoo", "yandex"}
MAIL_SITES = {"mail", "outlook", "webmail"}
HOSTS = {
    "t.co": "social",
    "t.me": "social",
    "x.com": "social",
    "com.google.android.gm": "email",
    "com.google.android.googlequicksearchbox": "search",
}
"""Whole hosts; the last ones as apps on Android have them."""
CAMPAIGNS = (
    ("ads", ADVERTISED),
    ("email", MAIL_SITES | {"email", "newsletter"}),
    ("social", SOCIAL_SITES | {"fb", "ig", "social"}),
    ("search", SEARCH_SITES | {"organic", "search"}),
)
"""Words of campaigns that tell a channel, asked in this order: paid search is an advertisement."""
CLICKS = {
    "ads": ("gclid", "gbraid", "wbraid", "dclid", "msclkid", "yclid", "twclid", "ttclid"),
    "social": ("fbclid", "igshid"),
    "email": ("mc_eid",),
}
"""Parameters that others add to links; Facebook to all of them, the first ones to those of advertisements only."""
WITHOUT_REFERER = {"": "direct", "none": "direct", "cross-site": "link", "same-site": "link"}
"""By what a browser mentions of the site: a link that hides where it stood is one."""
BETWEEN_WORDS = str.maketrans(dict.fromkeys("-. +", "_"))


class RequestTraits(NamedTuple):
    """What is known of every visit; the fields are those of `Visit`."""

    country: str
    language: str
    device: str
    channel: str


def request_traits(request: HttpRequest) -> RequestTraits:
    """The traits of this request; of a page for everybody the language alone."""
    requester = requester_from_request(request)
    if requester.client == ClientType.EVERYBODY:
        return RequestTraits("", get_language() or "", "", "")
    device = device_type(requester)
    return RequestTraits(request_country(request), get_language() or "", device, arrival_channel(request))


def request_country(request: HttpRequest) -> str:
    """Where the request comes from: as the shop's CDN mentions, else by the address."""
    header = conf.get_settings().COUNTRY_HEADER
    return (_country_code(request.headers.get(header, "")) if header else "") or _country_of_address(request)


def _country_code(text: str) -> str:
    code = text[:WORD_READ].strip()
    letters = len(code) == 2 and code.isascii() and code.isalpha()
    return code.upper() if letters and code.upper() not in NO_COUNTRY else ""


def _country_of_address(request: HttpRequest) -> str:
    """ "" also behind a proxy of which the shop does not say that it is there: the address would be the proxy's."""
    look_up = _country_lookup()
    if look_up is None or is_forwarded_unasked(request):
        return ""
    return _country_code(look_up(client_address(request)) or "")


@cache
def _country_lookup() -> Callable[[str], str | None] | None:
    """What knows the country of an address; None when the extra `country` is not installed."""
    try:
        from iptocc import country_code  # noqa: PLC0415 - optional, and not loaded by a shop that never gets here
    except ImportError:
        return None
    return country_code


def device_type(requester: Requester) -> str:
    """The kind of device, by the browser's User-Agent and the hint that it sends unasked; "" for a program's."""
    if crawlers.is_crawler(requester.user_agent):
        return ""
    return _device(requester.user_agent.lower(), requester.mobile_hint)


def _device(agent: str, mobile: bool) -> str:
    def mentions(words: Collection[str]) -> bool:
        return any(word in agent for word in words)

    if mentions(NEITHER):
        return ""
    if mentions(TABLETS):
        return "tablet"
    if mobile or mentions(PHONES):
        return "phone"
    if "android" in agent:
        return "tablet"
    return "computer" if mentions(COMPUTERS) else ""


def arrival_channel(request: HttpRequest) -> str:
    """What led to this page: what the link mentions of itself, else where it stood; "" for links of the shop itself."""
    site, referer = (request.META.get(name, "") for name in ("HTTP_SEC_FETCH_SITE", "HTTP_REFERER"))
    host = _host(referer)
    if site == "same-origin" or (host and host == _own_host(request)):
        return ""
    named = _channel_of_link(request)
    if named or referer:
        return named or (_channel_of_host(host) if host else "")
    return WITHOUT_REFERER.get(site, "")


def _channel_of_link(request: HttpRequest) -> str:
    try:
        given = request.GET
    except (SuspiciousOperation, ValueError):  # more parameters than Django reads, or no text
        return ""
    medium, source = (given.get(name, "")[:WORD_READ].lower() for name in ("utm_medium", "utm_source"))
    clicked = (kind for kind, names in CLICKS.items() if any(name in given for name in names))
    return (
        _channel_of_campaign(medium)
        or next(clicked, "")
        or _channel_of_campaign(source)
        or ("link" if medium or source else "")
    )


def _channel_of_campaign(text: str) -> str:
    words = text.translate(BETWEEN_WORDS).split("_")
    return next((kind for kind, known in CAMPAIGNS if not known.isdisjoint(words)), "")


def _channel_of_host(host: str) -> str:
    """Only the start of a name tells a search: accounts.google.com is where people sign in."""
    site = host.removeprefix("www.").removeprefix("m.").split(".")[:-1]
    if host in HOSTS:
        return HOSTS[host]
    if not MAIL_SITES.isdisjoint(site):
        return "email"
    if not SOCIAL_SITES.isdisjoint(site):
        return "social"
    return "search" if SEARCH_SITES.intersection(site[:1]) or "search" in site else "link"


def _own_host(request: HttpRequest) -> str:
    try:
        return _host(f"//{request.get_host()}")
    except SuspiciousOperation:
        return ""


def _host(address: str) -> str:
    """The host of a URL, in small letters; "" for what is none."""
    try:
        return urlsplit(address[:URL_READ]).hostname or ""
    except ValueError:
        return ""
