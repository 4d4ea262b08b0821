"""What a page says of itself to the browser's report: everything where the visitor agreed, nothing else."""

import re
import time

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import connection
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from personalization.collect import impression_tokens
from personalization.models import Consent, Visitor
from personalization.privacy import cookies
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def agreeing(word="granted") -> Client:
    """A browser that answered."""
    browser = Client()
    browser.cookies[cookies.CONSENT_COOKIE] = f"{word}.1.{int(time.time()) - 60}"
    return browser


def markup(response) -> str:
    """The page's rows and all below them, without what differs each time."""
    text = response.content.decode()
    rows = text[text.index('<section class="personalization-row') :]
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", rows)


def beacon(response) -> dict[str, str]:
    """The data of the page's beacon."""
    (script,) = re.findall(r"<script src=\"[^\"]*seen\.js\" defer ([^>]*)></script>", response.content.decode())
    return dict(re.findall(r'data-(\w+)="([^"]*)"', script))


def test_each_row_carries_what_it_shows(trained):
    users, _ = trained
    browser = Client()
    browser.force_login(users[1])
    response = browser.get("/")
    visitor = Visitor.objects.get(user=users[1])
    tokens = re.findall(r'data-slate="([^"]+)" aria-', response.content.decode())  # not those of the menu
    read = [impression_tokens.verify_impression(token, visitor.pk, time.time()) for token in tokens]
    rows = response.context["slate"].rows
    assert [shown.row for shown in read] == [row.key for row in rows]
    assert [[item[:3] for item in shown.items] for shown in read] == [
        [(item.product_id, item.position, item.reason.code) for item in row.items] for row in rows
    ]
    assert len({shown.slate_id for shown in read}) == 1 and read[0].slate_id is not None
    assert {shown.surface for shown in read} == {"home"}
    assert {shown.snapshot for shown in read} == {response.context["slate"].snapshot_name}


def test_each_card_carries_its_product(trained):
    response = agreeing().get("/")
    shown = [item.product_id for row in response.context["slate"].rows for item in row.items]
    assert [int(key) for key in re.findall(r'data-product="(\d+)"', response.content.decode())] == shown


@pytest.mark.usefixtures("rows_of_one_line")
@pytest.mark.usefixtures("rows_of_one_line")
def test_every_product_can_be_sent_away_and_every_personal_row(trained):
    users, _ = trained
    browser = Client()
    browser.force_login(users[1])
    response = browser.get("/")
    rows = response.context["slate"].rows
    text = response.content.decode()
    of_categories = sum(len(row.items) for row in rows if row.subject_category)
    assert text.count("Hide this row") == sum(row.personal for row in rows) > 0
    assert text.count("Not interested in products from ") == of_categories > 0
    assert text.count('<details class="personalization-menu"') == sum(len(row.items) for row in rows)
    assert "personalization-menu" not in Client().get("/").content.decode()


@pytest.mark.parametrize("how", ["refused", "signal", "old text", "withdrawn"])
def test_without_consent_the_page_is_the_one_of_an_unknown_visitor(trained, settings, how):
    plain = markup(Client().get("/"))
    browser = agreeing("refused" if how == "refused" else "granted")
    headers = {"Sec-GPC": "1"} if how == "signal" else {}
    if how == "old text":
        settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CONSENT_VERSION": "2"}
    if how == "withdrawn":
        browser = Client()
    page = browser.get("/", headers=headers)
    assert markup(page) == plain
    assert not any(word in plain for word in ("data-slate", "data-product", "seen.js", "personalization-menu"))


def test_a_customer_who_withdrew_has_nothing_reported(trained):
    users, _ = trained
    Visitor.objects.filter(user=users[1]).update(consent=Consent.WITHDRAWN)
    browser = agreeing()
    browser.force_login(users[1])
    text = browser.get("/").content.decode()
    assert not any(word in text for word in ("data-slate", "data-product", "seen.js", "personalization-menu"))


def test_the_page_of_a_product_says_which(trained):
    _, products = trained
    data = beacon(agreeing().get(products[3].get_absolute_url()))
    assert data == {"to": "/personalization/events/", "product": str(products[3].pk)}


def test_the_page_of_a_variant_speaks_of_its_parent(trained):
    parent = shop.create_product(title="Shirt", structure="parent", product_class="Grocery")
    child = shop.create_product(title="S", structure="child", parent=parent, price="9.00", num_in_stock=5)
    assert beacon(agreeing().get(child.get_absolute_url()))["product"] == str(parent.pk)


@pytest.mark.usefixtures("own_files")
def test_the_page_of_a_search_says_what_was_searched_for_once():
    for n in range(50):
        shop.create_shop_product(f"Milk & <b>honey</b> {n}")
    call_command("rebuild_index", interactive=False, verbosity=0)
    browser = agreeing()
    assert beacon(browser.get("/search/", {"q": ' milk "&<honey '}))["search"] == "milk &quot;&amp;&lt;honey"
    assert "search" not in beacon(browser.get("/search/", {"q": "milk", "page": 2}))
    assert "search" not in beacon(browser.get("/search/", {"q": ""}))


def test_other_pages_say_nothing_of_themselves(trained):
    assert beacon(agreeing().get("/basket/")) == {"to": "/personalization/events/"}


def printed(user=None, cookies=()) -> str:
    """What the tag prints for a request to the basket's page."""
    request = RequestFactory().get("/basket/")
    request.user, request.COOKIES = user or AnonymousUser(), dict(cookies)
    request.resolver_match = resolve("/basket/")
    page = Template("{% load personalization %}{% personalization_beacon %}")
    return page.render(Context({"request": request}))


def test_the_beacon_costs_a_visitor_who_said_nothing_not_even_a_savepoint(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert printed() == ""


def test_the_beacon_reads_a_customer_in_one_query(trained):
    with CaptureQueriesContext(connection) as asked:
        assert "seen.js" in printed(trained[0][1])
    assert [query["sql"].split()[0] for query in asked if "SAVEPOINT" not in query["sql"]] == ["SELECT"]


def test_a_browser_that_agreed_costs_the_home_page_no_query_more(trained):
    counts = []
    for word in ("refused", "granted"):
        agreeing(word).get("/")
        with CaptureQueriesContext(connection) as asked:
            agreeing(word).get("/")
        counts.append(sum("FROM " in query["sql"] and "snapshot" not in query["sql"] for query in asked))
    assert counts[0] == counts[1]


def test_the_page_stands_when_the_table_of_visitors_is_gone(trained):
    users, _ = trained
    browser = Client()
    browser.force_login(users[1])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE personalization_visitor RENAME TO gone")
    response = browser.get("/basket/")
    assert response.status_code == 200
    assert b"seen.js" not in response.content


def test_the_page_stands_when_its_scripts_cannot_be_found(trained, monkeypatch):
    def missing(path):
        raise ValueError(f"no manifest entry for {path}")

    monkeypatch.setattr("personalization.templatetags.personalization.get_template", missing)
    response = agreeing().get("/basket/")
    assert response.status_code == 200
    assert b"seen.js" not in response.content


def test_a_sentence_that_all_cards_share_stands_once_in_place_of_the_rows(trained):
    """Two sentences that say nearly the same would read double."""
    users, _ = trained
    browser = Client()
    browser.force_login(users[1])
    texts = re.findall(r'row__explanation">(.*?)</p>', browser.get("/").content.decode())
    assert texts and not any("·" in text for text in texts)
