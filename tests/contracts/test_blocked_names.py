"""Nothing that a shop serves of ours has a name that blockers refuse, whoever agreed to what.

The rules are of the kind that the common lists (EasyPrivacy, AdGuard's) apply to every site, in their notation. They
are meant for the trackers of others; a file or an address of the shop's own with such a name is refused all the same,
and nobody is told.
"""

import re
from pathlib import Path

import pytest
from django.urls import URLPattern, get_resolver

import example_shop
import personalization

RULES = """
/beacon.js /beacon.min.js .beacon.min.js /beacon? /beacon/event/* _beacon?
/analytics.js? /analytics/event /analytics/pageview /analytics/view /api/analytics/* _analytics.js? -analytics.
/collect?event= /collect/view? /collector/event /data/collect/* /collect-*/pageview| /events-collector. /stats-collect
/click-tracker /click_tracking /clickstream.js /event-log? /event-tracking/* /event/impression/* /event/visit?
/events/capture? /events/counter? /events/impression? /events/page-viewed /events/pixel/* /events/track/* /events/view?
/events?data= /ahoy/events /rum/events /relay/events| /tracking/events| /eventtracker.js /client-event.
/api/pageactivity
/impression? /impressions? /impression.js? /v1/impressions /sdk/impressions /rec-impression? /recommendtrack?
/report/click? /report/impression? /report_visit. /api/log? /js/logger? /log.gif? /activity_log. /activities/logger/*
/api/metrics /api/v1/metrics /api/v1/collector /api/v1/stat? /api/v1/track/* /v1/log_event /v1/page-hit
/page_view /pageview? /pageview.js /pageviews/* /stats/visitors /ping? /api/ping? /pixel? /pixel.js /pixel-events.
/tracker.js /tracker.min.js /tracker/events/* /track/event/* /track/view/* /tracking.js /js/tracking/* /trackevent.js?
/user-context?referrer= /usertracking.js /visit/record? /visit-tracker.js /visitor.js?key= /visitor.min.js
/visitor/identity? /visitor_info? /visitors/screencount? /cookie/visitor/* /telemetry/log/* /fingerprint.js
/segment/api/* /targeting/render. /js/targeting.js /audience.min.js /stat.js? /counter.js? /heatmap/js/*
"""
TELLING_NAMES = re.compile(
    r"(?:^|[/_.-])(?:ads?|adserver|analytics?|banner|beacons?|clicks?|collect|collector|counter|fingerprint|hits?"
    r"|impressions?"
    r"|logger|metrics?|pageviews?|pings?|pixels?|retarget|stats?|telemetry|track|tracker|tracking|trk)(?:[/_.-]|$)"
)
"""What such rules look for, so that the next one of them does not hit us either."""


def rule_pattern(rule):
    """What a rule of a block list matches in an address."""
    text = re.escape(rule).replace(r"\*", ".*").replace(r"\^", r"(?:[^\w.%-]|$)")
    return re.compile(re.sub(r"\\\|$", "$", text), re.IGNORECASE)


def static_addresses():
    for package in (personalization, example_shop):
        folder = Path(package.__path__[0]) / "static"
        for file in folder.rglob("*.*"):
            address = f"/static/{file.relative_to(folder)}"
            yield address
            yield address.replace(file.suffix, f".0123456789ab{file.suffix}")


def view_addresses(resolver=None, prefix=""):
    for pattern in (resolver or get_resolver("personalization.urls")).url_patterns:
        address = prefix + re.sub("<[^>]*>", "home", str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            yield f"/{address}"
        else:
            yield from view_addresses(pattern, address)


FOR_NO_BROWSER = {"/personalization/metrics/"}
"""What only Prometheus asks for, by the name that it expects."""
ADDRESSES = sorted({*static_addresses(), *view_addresses()} - FOR_NO_BROWSER)


def test_the_addresses_are_all_that_we_serve():
    assert {
        "/personalization/events/",
        "/personalization/api/v1/surfaces/home/",
        "/static/personalization/rows.css",
    } <= set(ADDRESSES)
    assert len(ADDRESSES) > 40


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_list_of_blockers_names_it(address):
    asked = [f"https://shop.example{address}", f"https://shop.example{address}?page=1"]
    assert [rule for rule in RULES.split() if any(rule_pattern(rule).search(text) for text in asked)] == []
    assert TELLING_NAMES.findall(address) == []


@pytest.mark.parametrize(
    "name", ["beacon.js", "tracker.min.js", "events/track/", "visitor.js?key=1", "collect-a/pageview"]
)
def test_a_name_that_is_refused_is_found(name):
    assert any(
        rule_pattern(rule).search(f"https://shop.example/static/personalization/{name}") for rule in RULES.split()
    )
