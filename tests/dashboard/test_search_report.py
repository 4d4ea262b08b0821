"""The report about searches, as staff see it: what was searched for, clicked on, put into baskets and kept."""

import csv
import io
import re
from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse
from django.utils.timezone import get_default_timezone, localdate, now

from personalization.decide import active_rules
from personalization.measure.outcomes import measure_outcomes
from personalization.measure.search_outcomes import count_searches
from personalization.merchandising import publishing
from personalization.models import Event, SearchTotal, Visitor
from personalization.privacy.retention import apply_retention
from tests.measure.orders import _store, click, place_order
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db
TOO_FEW = "\N{EN DASH}"
MINUTE = timedelta(minutes=1)
REPORT, FILE = (reverse(f"personalization:personalization-{name}") for name in ("search-report", "search-report-csv"))
ALL = {"Times", "Without a hit %", "Clicked %", "Place clicked", "To a basket %", "Lines bought", "Kept"}


def noon(days_ago: int) -> datetime:
    return datetime.combine(localdate() - timedelta(days=days_ago), time(12), get_default_timezone())


def search(visitor, words: str, at: datetime, hits: int | None = 12) -> None:
    _store(visitor, "search", at, query=words, value=hits)


def click_hit(visitor, product, at: datetime, place: int = 1) -> None:
    click(visitor, product, at, row="results", surface="search", reason="personal_order", position=place - 1)


def people(count: int, name: str = "searcher") -> list[Visitor]:
    return [Visitor.objects.get(user=shop.create_customer(f"{name}{number}")) for number in range(count)]


def line(page: str, words: str) -> dict[str, str]:
    """{column: text} of the line of these words."""
    for row in re.findall(r"<tr>.*?</tr>", page, re.S):
        if re.search(rf'<th scope="row">{re.escape(words)}\s*<', row):
            cells = re.findall(r'data-label="([^"]*)">(.*?)</td>', row, re.S)
            return {label: re.sub("<.*?>", "", text).strip() for label, text in cells if label in ALL}
    raise AssertionError(f"no line {words!r}")


def words_on(page: str) -> list[str]:
    return re.findall(r'<th scope="row">([^<]*?)\s*<', page)


@pytest.fixture
def tea_searches(db):
    """24 visitors search for tea: twelve click on the third hit, six put it into a basket, four buy it for 10.00; one
    of the orders is cancelled. 21 search for "samovar", which finds nothing, 20 for "gift", which nobody clicks on, and
    four for what may name one of them."""
    tea = shop.create_shop_product("Green tea", stock=1_000)
    visitors = people(24)
    for number, visitor in enumerate(visitors):
        search(visitor, "Tea", noon(5))
        search(visitor, "tea ", noon(5) + 10 * MINUTE)  # the page again
        if number < 12:
            click_hit(visitor, tea, noon(5) + 12 * MINUTE, place=3)
        if number < 6:
            _store(visitor, "add_to_cart", noon(5) + 60 * MINUTE, product_id=tea.pk)
        if number < 4:
            status = "Cancelled" if number == 3 else "Pending"
            place_order(visitor, [(tea, 1, "10.00")], noon(5) + 90 * MINUTE, status)
        if number < 21:
            search(visitor, "samovar", noon(4), hits=0)
        if number < 20:
            search(visitor, "gift", noon(3))
        if number < 4:
            search(visitor, "anna smith", noon(3))
    measure_outcomes()
    return tea, visitors


def test_the_page_says_what_came_of_a_search(admin_client, tea_searches):
    page = admin_client.get(REPORT).content.decode()
    assert line(page, "tea") == {
        "Times": "24",
        "Without a hit %": "0.0",
        "Clicked %": "50.0",
        "Place clicked": "3",
        "To a basket %": "25.0",
        "Lines bought": "4",
        "Kept": "$30.00",
    }
    assert line(page, "samovar")["Without a hit %"] == "100.0"
    assert words_on(page) == ["tea", "samovar", "gift"]
    assert 'aria-current="page">Searches</strong>' in page


def test_the_numbers_are_those_of_an_independent_count(admin_client, tea_searches):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(DISTINCT visitor_id) FROM personalization_event WHERE type = 'search' AND "
            "lower(trim(query)) = 'tea'"
        )
        (searches,) = cursor.fetchone()
        cursor.execute("SELECT SUM(gross - lost_amount) FROM personalization_credit WHERE surface = 'search'")
        (kept,) = cursor.fetchone()
    found = line(admin_client.get(REPORT).content.decode(), "tea")
    assert (found["Times"], found["Kept"]) == (str(searches), f"${Decimal(kept):.2f}")


@pytest.mark.parametrize(
    ("kind", "words"), [("", ["tea", "samovar", "gift"]), ("nothing", ["samovar"]), ("not-clicked", ["gift"])]
)
def test_it_lists_what_finds_nothing_and_what_nobody_clicks_on(admin_client, tea_searches, kind, words):
    page = admin_client.get(REPORT, {"days": "28", "show": kind}).content.decode()
    assert words_on(page) == words
    assert [row["query"] for row in file_rows(admin_client, show=kind)] == words


def file_rows(client, **asked):
    return list(csv.DictReader(io.StringIO(client.get(FILE, {"days": "28", **asked}).getvalue().decode())))


def test_the_file_has_the_same_numbers(admin_client, tea_searches):
    (tea,) = [row for row in file_rows(admin_client) if row["query"] == "tea"]
    assert tea == {
        "query": "tea",
        "searches": "24",
        "known_hits": "24",
        "without_hits": "0",
        "clicked": "12",
        "added": "6",
        "place": "3",
        "currency": "USD",
        "lines": "4",
        "gross": "40.00",
        "lost_amount": "10.00",
        "kept_amount": "30.00",
    }


def test_what_fewer_than_five_visitors_searched_for_is_nowhere(admin_client, tea_searches):
    _tea, visitors = tea_searches
    for _ in range(20):
        search(visitors[0], "anna smith", noon(2))
    measure_outcomes()
    assert not SearchTotal.objects.filter(query__contains="anna").exists()
    assert "anna" not in admin_client.get(REPORT).content.decode()
    search(visitors[10], "Anna Smith", noon(1))
    measure_outcomes()
    assert line(admin_client.get(REPORT).content.decode(), "anna smith")["Times"] == "6"


def test_words_of_five_visitors_are_not_shown_of_days_on_which_fewer_searched(admin_client, tea_searches):
    asked = {"days": "own", "first": f"{noon(6):%Y-%m-%d}", "last": f"{noon(6):%Y-%m-%d}"}
    for visitor in tea_searches[1][:3]:
        search(visitor, "tea", noon(6))
    measure_outcomes()
    assert "No words were searched for by 5 visitors" in admin_client.get(REPORT, asked).content.decode()


def test_too_few_searches_have_no_shares(admin_client):
    for visitor in people(6):
        search(visitor, "coffee", noon(2), hits=None)
        click_hit(visitor, shop.create_shop_product("Coffee"), noon(2) + MINUTE)
    measure_outcomes()
    found = line(admin_client.get(REPORT).content.decode(), "coffee")
    assert {label: text for label, text in found.items() if text == TOO_FEW}.keys() == ALL - {"Times", "Lines bought"}


def test_a_click_belongs_to_the_search_before_it(tea_searches):
    tea, (visitor, *_others) = tea_searches
    search(visitor, "gift", noon(2))
    search(visitor, "tea", noon(2) + MINUTE)
    click_hit(visitor, tea, noon(2) + 2 * MINUTE)
    click_hit(visitor, tea, noon(2) + 60 * MINUTE)  # half an hour is over
    measure_outcomes()
    clicked = SearchTotal.objects.filter(date=noon(2).date(), currency="").values_list(
        "query", "clicked", "clicked_places"
    )
    assert {query: (count, places) for query, count, places in clicked} == {
        "gift": (0, []),
        "tea": (1, [[1, 1]]),
    }


def test_counting_twice_is_counting_once_and_days_that_are_over_stay(tea_searches, settings):
    fields = ("date", "query", "currency", "searches", "people", "clicked", "added", "clicked_places", "lines", "gross")
    before = sorted(SearchTotal.objects.values_list(*fields))
    count_searches(now())
    assert sorted(SearchTotal.objects.values_list(*fields)) == before
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SEARCH_RETENTION_DAYS": 2}
    apply_retention()
    measure_outcomes()
    assert not Event.objects.searches().exists()
    assert sorted(SearchTotal.objects.values_list(*fields)) == before


def test_a_forgotten_visitor_leaves_days_that_are_over(admin_client, tea_searches, settings):
    """What is counted holds nobody, and where five are left, what they searched for."""
    Event.objects.filter(visitor=tea_searches[1][23]).delete()
    measure_outcomes()
    assert line(admin_client.get(REPORT).content.decode(), "tea")["Times"] == "23"


def test_words_lead_to_their_synonyms_and_their_redirect(admin_client, tea_searches):
    synonyms = publishing.create("synonym", "Tea", {"terms": ["tea", "cha"]}, None)
    redirect = publishing.create(
        "redirect", "Gifts", {"words": [{"text": "gift", "match": "is"}], "to": {"path": "/gifts/"}}, None
    )
    for one in (synonyms, redirect):
        publishing.publish(one, None)
    active_rules.read_rules_now()
    page = admin_client.get(REPORT).content.decode()
    rows = {words: re.search(rf'<th scope="row">{words}\s*<.*?</tr>', page, re.S)[0] for words in ("tea", "gift")}
    assert f'href="{reverse("personalization:personalization-synonym", args=[synonyms.pk])}"' in rows["tea"]
    assert f'href="{reverse("personalization:personalization-redirect", args=[redirect.pk])}"' in rows["gift"]
    assert reverse("personalization:personalization-synonym-create") + "?word=gift" in rows["gift"]


def test_what_was_kept_in_another_currency_has_a_line_of_its_own(admin_client, tea_searches):
    tea, visitors = tea_searches
    for visitor in visitors[:4]:
        search(visitor, "gift", noon(2))
        click(
            visitor, tea, noon(2) + MINUTE / 2, row="results", surface="search", reason="x", position=0, currency="EUR"
        )
        order = place_order(visitor, [(tea, 1, "7.00")], noon(2) + MINUTE)
        type(order).objects.filter(pk=order.pk).update(currency="EUR")
    measure_outcomes()
    page = admin_client.get(REPORT).content.decode()
    rows = re.findall(r'<th scope="row">gift\s*<.*?</tr>', page, re.S)
    assert [re.findall(r"<strong>(.*?)</strong>", row) for row in rows] == [[TOO_FEW], ["€28.00"]]
    assert [row["currency"] for row in file_rows(admin_client) if row["query"] == "gift"] == ["USD", "EUR"]


def test_an_empty_shop_is_told_how_it_begins(admin_client):
    page = admin_client.get(REPORT).content.decode()
    assert "No words were searched for by 5 visitors" in page and "personalization_apply_retention" in page


def test_it_takes_as_many_queries_for_many_words(admin_client, tea_searches, django_assert_max_num_queries):
    SearchTotal.objects.bulk_create(
        SearchTotal(date=noon(day).date(), query=f"word {number}", searches=50, people=40, clicked_places=[[2, 30]])
        for day in range(1, 20)
        for number in range(250)
    )
    with django_assert_max_num_queries(3 + 6 + 2):  # Oscar's three, and the savepoints of the look for newer rules
        page = admin_client.get(REPORT).content.decode()
    assert "and 53 more, which are in the file." in page and len(words_on(page)) == 200


@pytest.mark.parametrize("asked", [{"days": "own"}, {"show": "everything"}, {"days": "own", "first": "x"}])
def test_what_cannot_be_asked_is_said_at_its_field(admin_client, asked):
    for address in (REPORT, FILE):
        answer = admin_client.get(address, asked)
        assert answer.status_code == 400 and "personalization-error" in answer.content.decode()


def test_a_search_page_reports_how_much_it_found(client, trained_and_indexed):
    """From the page through the door to the table."""
    users, _products = trained_and_indexed
    shop.grant_consent(users[0])
    client.force_login(users[0])
    found = {}
    for words in ("product", "zzzzzz"):
        page = client.get(reverse("search:search"), {"q": words}).content.decode()
        script = re.search(r'seen\.js" defer data-to="([^"]+)" data-search="([^"]+)" data-found="(\d+)"', page)
        event = {"name": "search", "search_term": script[2], "value": script[3]}
        answer = client.post(
            script[1], {"events": [event]}, content_type="application/json", HTTP_ORIGIN="http://testserver"
        )
        assert answer.json()["accepted"] == 1
        found[words] = Event.objects.get(query=words).value
    assert found["product"] > 0 and found["zzzzzz"] == 0


@pytest.mark.parametrize(("value", "stored"), [("12", 12.0), (None, None), ("many", None), (-1, None), (True, None)])
def test_what_is_no_number_of_hits_is_not_believed(client, value, stored):
    user = shop.create_customer("anna")
    shop.grant_consent(user)
    client.force_login(user)
    event = {"name": "search", "search_term": "tea", "value": value}
    answer = client.post(
        reverse("personalization:events"),
        {"events": [event]},
        content_type="application/json",
        HTTP_ORIGIN="http://testserver",
    )
    assert answer.json()["accepted"] == 1 and Event.objects.get().value == stored
