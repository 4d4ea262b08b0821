"""What a request says of a visit by itself."""

import sys
import time
from urllib.parse import quote

import pytest
from django.test import RequestFactory
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from personalization.collect import request_traits
from personalization.privacy.requester import requester_from_request
from personalization.rank.snapshot_arrays import DEVICES

GOOGLE, IRISH = "8.8.8.8", "2a00:1450:4001:800::1"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 "
    "Mobile/15E148 Safari/604.1"
)
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 {}Safari/537.36"


def asked(path="/", **environ):
    return RequestFactory().get(path, **environ)


@pytest.fixture
def behind_a_cdn(settings):
    settings.PERSONALIZATION = {"COUNTRY_HEADER": "CF-IPCountry"}


@pytest.mark.parametrize(("said", "found"), [("DE", "DE"), ("de", "DE"), (" fr ", "FR")])
def test_the_country_is_what_the_cdn_says(behind_a_cdn, said, found):
    assert request_traits.request_country(asked(HTTP_CF_IPCOUNTRY=said, REMOTE_ADDR=GOOGLE)) == found


@pytest.mark.parametrize(
    "said", ["", "XX", "T1", "ZZ", "D", "DEU", "D3", "É1", "ÉÈ", "ß", "\0\0", "<b", "DE, FR", "D" * 9_999]
)
def test_what_is_no_country_is_none(behind_a_cdn, said):
    assert request_traits.request_country(asked(HTTP_CF_IPCOUNTRY=said, REMOTE_ADDR="10.0.0.1")) == ""
    assert request_traits.request_country(asked(HTTP_CF_IPCOUNTRY=said, REMOTE_ADDR=GOOGLE)) == "US"


@pytest.mark.parametrize("name", ["CloudFront-Viewer-Country", "cloudfront-viewer-country", "X-Country"])
def test_the_shop_names_the_header(settings, name):
    settings.PERSONALIZATION = {"COUNTRY_HEADER": name}
    key = f"HTTP_{name.upper().replace('-', '_')}"
    assert request_traits.request_country(asked(REMOTE_ADDR=GOOGLE, **{key: "PT"})) == "PT"


def test_a_header_that_the_shop_does_not_name_says_nothing():
    assert request_traits.request_country(asked(HTTP_CF_IPCOUNTRY="DE", REMOTE_ADDR="10.0.0.1")) == ""


@pytest.mark.parametrize(
    ("address", "found"),
    [
        (GOOGLE, "US"),
        (IRISH, "IE"),
        (f"::ffff:{GOOGLE}", "US"),
        ("127.0.0.1", ""),
        ("10.1.2.3", ""),
        ("172.16.0.1", ""),
        ("192.168.1.1", ""),
        ("100.64.0.1", ""),
        ("169.254.1.1", ""),
        ("224.0.0.1", ""),
        ("255.255.255.255", ""),
        ("::1", ""),
        ("fe80::1", ""),
        ("fd00::1", ""),
        ("2001:db8::1", ""),
        ("no address", ""),
        ("", ""),
    ],
)
def test_without_a_header_the_address_tells_the_country(address, found):
    assert request_traits.request_country(asked(REMOTE_ADDR=address)) == found


@pytest.mark.parametrize(("proxies", "found"), [(0, ""), (1, "US"), (2, "IE")])
def test_behind_proxies_the_address_is_what_they_say_and_else_it_is_the_proxys(settings, proxies, found):
    settings.PERSONALIZATION = {"NUM_PROXIES": proxies}
    forwarded = asked(HTTP_X_FORWARDED_FOR=f"{IRISH}, {GOOGLE}", REMOTE_ADDR=GOOGLE)
    assert request_traits.request_country(forwarded) == found


def test_without_the_optional_package_only_the_header_tells(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "iptocc", None)  # what Python itself does with a module that is not there
    request_traits._country_lookup.cache_clear()
    assert request_traits.request_country(asked(REMOTE_ADDR=GOOGLE)) == ""
    settings.PERSONALIZATION = {"COUNTRY_HEADER": "CF-IPCountry"}
    assert request_traits.request_country(asked(REMOTE_ADDR=GOOGLE, HTTP_CF_IPCOUNTRY="DE")) == "DE"
    request_traits._country_lookup.cache_clear()


@pytest.mark.parametrize(
    ("agent", "found"),
    [
        (CHROME, "computer"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.6 Safari/605.1.15",
            "computer",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", "computer"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36", "computer"),
        (IPHONE, "phone"),
        (ANDROID.format("Mobile "), "phone"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0", "phone"),
        ("Opera/9.80 (J2ME/MIDP; Opera Mini/9.80 (S60; SymbOS)) Presto/2.12 Version/12.16", "phone"),
        (ANDROID.format(""), "tablet"),
        ("Mozilla/5.0 (Android 15; Tablet; rv:144.0) Gecko/144.0 Firefox/144.0", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 Version/12.1 Mobile/15E148", "tablet"),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 Chrome/76.0 TV Safari/537.36", ""),
        ("Mozilla/5.0 (PlayStation; PlayStation 5/9.00) AppleWebKit/605.1.15 (KHTML, like Gecko)", ""),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 Edge/44.18363", ""),
        (
            "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) Chrome/142 Mobile Safari/537.36 (compatible; Googlebot/2.1)",
            "",
        ),
        ("curl/8.5.0", ""),
        ("something else", ""),
        ("", ""),
        (IPHONE + "x" * 9_999, ""),
    ],
)
def test_the_name_of_a_browser_tells_its_kind_of_device(agent, found):
    assert request_traits.device_type(requester_from_request(asked(HTTP_USER_AGENT=agent))) == found


@pytest.mark.parametrize(("hint", "found"), [("?1", "phone"), ("?0", "tablet"), ("yes", "tablet"), ("", "tablet")])
def test_a_hint_that_it_is_a_phone_counts(hint, found):
    assert (
        request_traits.device_type(
            requester_from_request(asked(HTTP_USER_AGENT=ANDROID.format(""), HTTP_SEC_CH_UA_MOBILE=hint))
        )
        == found
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("utm_medium=cpc&utm_source=google", "ads"),
        ("utm_medium=paid-social&utm_source=facebook", "ads"),
        ("utm_medium=E-Mail", "email"),
        ("utm_source=newsletter", "email"),
        ("utm_medium=organic_social", "social"),
        ("utm_medium=referral&utm_source=instagram", "social"),
        ("utm_medium=organic", "search"),
        ("utm_source=chatgpt.com", "link"),
        ("utm_medium=affiliate", "link"),
        ("gclid=abc", "ads"),
        ("msclkid=", "ads"),
        ("fbclid=abc", "social"),
        ("mc_eid=abc", "email"),
        ("utm_medium=email&gclid=abc", "email"),
        ("utm_medium=&utm_source=", "direct"),
        ("utm_medium=" + "cpc " * 9_999, "ads"),
        ("q=tea", "direct"),
    ],
)
def test_a_link_tells_by_what_campaign_somebody_came(query, found):
    assert request_traits.arrival_channel(asked(f"/?{query}")) == found


@pytest.mark.parametrize(
    ("referer", "found"),
    [
        ("https://www.google.com/", "search"),
        ("https://www.google.co.uk/search?q=tea", "search"),
        ("https://m.baidu.com/", "search"),
        ("https://de.search.yahoo.com/", "search"),
        ("https://search.brave.com/", "search"),
        ("https://DuckDuckGo.com:443/", "search"),
        ("android-app://com.google.android.googlequicksearchbox/", "search"),
        ("https://accounts.google.com/", "link"),
        ("https://mail.google.com/", "email"),
        ("https://outlook.live.com/mail/0/", "email"),
        ("android-app://com.google.android.gm/", "email"),
        ("https://l.facebook.com/l.php?u=x", "social"),
        ("https://t.co/abc", "social"),
        ("android-app://com.twitter.android/", "social"),
        ("https://organic-food.example/mail/google", "link"),
        ("https://google.com@blog.example/", "link"),
        ("https://testserver/catalogue/", ""),
        ("http://TESTSERVER:8000/", ""),
        ("https://testserver.example/", "link"),
        ("", "direct"),
        ("about:blank", ""),
        ("http://[", ""),
        ("\0", ""),
        ("http://\xff\xfe/", "link"),
    ],
)
def test_where_a_link_stood_tells_what_led_here(referer, found):
    assert request_traits.arrival_channel(asked(HTTP_REFERER=referer)) == found


@pytest.mark.parametrize(
    ("site", "found"), [("none", "direct"), ("cross-site", "link"), ("same-origin", ""), ("?", "")]
)
def test_a_browser_that_hides_where_it_comes_from_tells_at_least_whether_it_does(site, found):
    assert request_traits.arrival_channel(asked(HTTP_SEC_FETCH_SITE=site)) == found


def test_a_link_of_the_shop_itself_leads_from_nowhere_whatever_it_says():
    assert request_traits.arrival_channel(asked("/?utm_medium=cpc", HTTP_REFERER="http://testserver/")) == ""


def test_more_parameters_than_django_reads_say_nothing():
    assert request_traits.arrival_channel(asked("/?" + "&".join(["utm_medium=cpc"] * 2_000))) == "direct"


def test_a_host_that_is_not_the_shops_says_nothing():
    assert request_traits.arrival_channel(asked(HTTP_HOST="evil host/", HTTP_REFERER="http://evil host/")) == "link"


def test_the_language_is_that_of_the_page():
    with translation.override("de"):
        assert request_traits.request_traits(asked()).language == "de"
    with translation.override(None):
        assert request_traits.request_traits(asked()).language == ""


CHANNELS = ("search", "social", "email", "ads", "link", "direct", "")
HEADERS = ("CF_IPCOUNTRY", "USER_AGENT", "SEC_CH_UA_MOBILE", "REFERER", "SEC_FETCH_SITE", "X_FORWARDED_FOR", "HOST")
raw = st.binary(max_size=300).map(lambda some: some.decode("latin-1"))
telling = st.sampled_from(
    [
        "http://[",
        "//",
        "@",
        ":99999",
        "Android",
        "utm_medium",
        "%ff",
        "?1",
        "xn--a",
        "\u2100".encode().decode("latin-1"),
    ]
)
some_text = st.lists(raw | telling, max_size=6).map("".join)


@given(headers=st.dictionaries(st.sampled_from(HEADERS), some_text), query=some_text, address=some_text)
def test_whatever_a_request_says_comes_to_an_answer(headers, query, address):
    environ = {f"HTTP_{name}": value for name, value in headers.items()}
    request = asked(QUERY_STRING=query, REMOTE_ADDR=address, **environ)
    found = request_traits.request_traits(request)
    assert found.device in (*DEVICES, "")
    assert found.channel in CHANNELS
    assert found.country == "" or (len(found.country) == 2 and found.country.isascii() and found.country.isupper())


@pytest.mark.parametrize("part", ["a", "/", ":", "@", ".", "[", "%", "\xff", "a.", "google.", "http://", "?a=b&"])
def test_ten_thousand_letters_take_a_millisecond_at_most(part):
    referer = f"https://{part * (10_000 // len(part))}"
    found = []
    for number in range(20):
        request = asked(HTTP_REFERER=f"{referer}{number}", QUERY_STRING=f"utm_medium={quote(part)}")
        before = time.perf_counter()
        request_traits.arrival_channel(request)
        found.append(time.perf_counter() - before)
    assert min(found) < 0.001
