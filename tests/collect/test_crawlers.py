"""Who is no shopper."""

import pytest

from personalization.collect import crawlers
from tests.collect.event_payloads import FIREFOX


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
        "python-requests/2.32",
        "curl/8.5",
        "",
        "   ",
    ],
)
def test_crawlers_programs_and_who_gives_no_name_are_automatic(agent):
    assert crawlers.is_crawler(agent)


@pytest.mark.parametrize(
    "agent",
    [
        FIREFOX,
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
        "Mobile/15E148 Safari/604.1",
    ],
)
def test_a_browser_is_not(agent):
    assert not crawlers.is_crawler(agent)


def test_a_name_that_would_take_minutes_to_compare_is_not_compared():
    assert crawlers.is_crawler("a" * 100_000)
