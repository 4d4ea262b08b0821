"""What an event may hold is said once, for reports, files and the API."""

import pytest

from personalization.api.events import EventRequest
from personalization.collect.event_rules import EVENT_RULES, EXPOSURE
from personalization.collect.payload import InvalidEvent, read_event
from personalization.exchange.event_files import RejectedRow, parse_row
from personalization.exchange.tabular import TableRow
from personalization.models.events import EventType


def test_every_type_of_event_has_a_rule_and_the_api_names_them_all():
    names = set(EventRequest().fields["name"].choices)
    assert set(EVENT_RULES) == set(EventType) == names - {EXPOSURE}


def error_in_report(event_type, items):
    event = {"name": event_type, "items": items, "search_term": "tea", "value": 1, "engagement_time_msec": 1}
    try:
        return read_event(event, 0, "id") and ""
    except InvalidEvent as error:
        return error.code


def error_in_file(event_type, items):
    cells = {"event_name": event_type, "timestamp": "2026-11-22", "items": items, "search_term": "tea"}
    try:
        return parse_row(TableRow("line 1", cells)) and ""
    except RejectedRow as rejection:
        return rejection.args[0]


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("event_type", EVENT_RULES)
def test_reports_and_files_take_the_same_number_of_items(event_type, count):
    rule, items = EVENT_RULES[event_type], [{"item_id": str(n)} for n in range(count)]
    expected = rule.item_count_error(count)
    assert error_in_report(event_type, items) == expected
    assert error_in_file(event_type, items) == (expected if rule.is_imported else "unknown_event")


@pytest.mark.parametrize("name", ["purchase", "refund", "ecommerce_purchase", "in_app_purchase"])
def test_purchases_are_refused_by_name_wherever_they_come_from(name):
    assert error_in_report(name, []) == error_in_file(name, []) == "purchases_not_accepted"
