"""While what is stored about a visitor cannot be read, pages about them say so: nobody is asked for consent again, and
nobody is told that nothing is stored."""

import pytest
from django.test import Client

from personalization.models import Event, Visitor
from tests.shops import factories as shop
from tests.shops.renamed_tables import TABLES, renamed_table
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = "/personalization/"
QUESTION = "May we personalise this shop for you?"
SAYING = {
    "en": "At the moment we can neither read nor change what is stored for you.",
    "de": "Im Moment können wir weder lesen noch ändern, was für Sie gespeichert ist.",
}


@pytest.fixture
def milk(db):
    """A product, so that the shop has a page."""
    return shop.create_shop_product("Milk")


@pytest.fixture(params=["customer", "browser"])
def person(request, milk):
    """The client of somebody who consented and did something, and the visitor that they are."""
    client = Client()
    if request.param == "browser":
        visitor = identify_browser(client)
    else:
        customer = shop.create_customer("anna")
        client.force_login(customer)
        visitor = Visitor.objects.get(user=customer)
    store_event(visitor, product_id=milk.pk)
    return client, visitor


def is_unreadable(answer, language="en"):
    content = answer.content.decode()
    assert answer.status_code == 503 and SAYING[language] in content
    assert "Browse store" in content or language != "en"  # inside the shop's page
    assert answer["Cache-Control"] == "private, no-store"
    assert QUESTION not in content and "personalization_visitor" not in answer.cookies
    return True


def without_keys(answer):
    """What a page says, without what is new each time: tokens, and the minute."""
    new = ("csrfmiddlewaretoken", '<meta name="created"')
    return [line for line in answer.content.decode().splitlines() if not any(word in line for word in new)]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("page", ["privacy/", "privacy/erase/"])  # a download that fails is in test_data_download
def test_without_a_table_a_page_about_a_visitor_is_what_it_was_or_says_that_it_cannot_be_read(person, table, page):
    client, _ = person
    before = client.get(ROOT + page)
    assert before.status_code == 200
    with renamed_table(table):
        answer = client.get(ROOT + page)
    if answer.status_code == 200:
        assert without_keys(answer) == without_keys(before)
    else:
        assert is_unreadable(answer)


@pytest.mark.parametrize("page", ["privacy/", "privacy/erase/", "privacy/download/"])
def test_without_the_visitor_nothing_about_them_is_shown(person, page):
    client, _ = person
    with renamed_table("personalization_visitor"):
        assert is_unreadable(client.get(ROOT + page))


def test_it_is_said_in_german_too(person):
    client, _ = person
    with renamed_table("personalization_visitor"):
        assert is_unreadable(client.get(ROOT + "privacy/", headers={"Accept-Language": "de"}), "de")


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        ("privacy/erase/confirmed/", {}),
        ("privacy/recent/", {"all": "views"}),
        ("privacy/preference/", {"kind": "interest", "key": "1", "sign": "0"}),
        ("consent/", {"answer": "refused"}),
        ("sort/", {"sort": "off"}),
    ],
)
def test_what_cannot_be_changed_is_not_and_the_page_says_so(person, page, fields):
    client, visitor = person
    cookies = {name: cookie.value for name, cookie in client.cookies.items()}
    with renamed_table("personalization_visitor"):
        assert is_unreadable(client.post(ROOT + page, fields))
    assert {name: cookie.value for name, cookie in client.cookies.items()}.items() >= cookies.items()
    assert Visitor.objects.get(pk=visitor.pk).consent == "granted" and Event.objects.count() == 1


def test_a_customer_whose_answer_cannot_be_read_is_not_asked_for_it_again(milk):
    client = Client()
    client.force_login(shop.create_customer("anna"))
    assert QUESTION not in client.get("/").content.decode()
    with renamed_table("personalization_visitor"):
        answer = client.get("/catalogue/")
    assert answer.status_code == 200 and QUESTION not in answer.content.decode()


def test_a_stranger_of_whom_nothing_can_be_stored_sees_the_usual_page(client, milk):
    with renamed_table("personalization_visitor"):
        answer = client.get(ROOT + "privacy/")
    assert answer.status_code == 200 and QUESTION in answer.content.decode()


def test_the_page_of_a_row_is_everybodys_while_the_visitor_cannot_be_read(person):
    client, _ = person
    with renamed_table("personalization_visitor"):
        assert client.get(ROOT + "rows/home/latest/").status_code == 200
        assert is_unreadable(client.get(ROOT + "rows/home/buy_again/"))
    assert client.get(ROOT + "rows/home/buy_again/").status_code == 404


def test_a_browser_that_cannot_be_read_stays_recognised(milk):
    client = Client()
    identify_browser(client)
    with renamed_table("personalization_visitor"):
        answer = client.get("/")
    assert answer.status_code == 200 and "personalization_visitor" not in answer.cookies
