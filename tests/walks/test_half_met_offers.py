"""The basket page proposes what completes an offer, and what it says is what the basket comes to."""

import re
import time
from decimal import Decimal
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from oscar.apps.offer.models import Benefit, Condition, ConditionalOffer, Range
from oscar.apps.shipping.methods import FixedPrice, Free
from oscar.apps.shipping.repository import Repository

from personalization.collect.impression_tokens import verify_impression
from personalization.oscar import offer_rows
from tests.shops import tea
from tests.shops.breakfast import get_basket_page, put_into_basket
from tests.walks.known_visitors import identify_browser

pytestmark = pytest.mark.django_db

ROW = re.compile(r'<section class="personalization-row[^>]*data-row="half_met_offer".*?</section>', re.S)
BOTH = re.compile(r"With it your total rises by \D*([\d.]+) instead of \D*([\d.]+)")


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A machine that is busy with other tests needs longer."""
    monkeypatch.setattr(offer_rows, "TRY_SECONDS", 10.0)


@pytest.fixture
def products():
    return tea.trained()


def offer_on(products, names, condition=Condition.COUNT, amount=3, **fields):
    benefit, value = fields.pop("benefit", Benefit.PERCENTAGE), fields.pop("value", 20)
    related = Range.objects.create(name=f"range {Range.objects.count()}")
    for name in names:
        related.add_product(products[name])
    return ConditionalOffer.objects.create(
        name=fields.pop("name", "Tea for three"),
        condition=Condition.objects.create(range=related, type=condition, value=amount),
        benefit=Benefit.objects.create(range=related, type=benefit, value=value),
        **fields,
    )


def page_of(client):
    return unescape(get_basket_page(client).content.decode())


def offer_row(client):
    """(title, explanation, {product: sentence}) of the first row; None where there is none."""
    found = ROW.search(page_of(client))
    if found is None:
        return None
    title = re.search(r"<h2[^>]*>(.*?)</h2>", found[0], re.S)[1].strip()
    explanation = re.search(r'__explanation">(.*?)</p>', found[0])
    cards = re.findall(r'<h3>\s*<a [^>]*title="([^"]*)".*?__reason">(.*?)</p>', found[0], re.S)
    return title, explanation and explanation[1], dict(cards)


def total_of(client):
    response = get_basket_page(client)
    total = response.context["order_total"]
    return total.incl_tax if total.is_tax_known else total.excl_tax


def test_what_the_row_says_is_what_the_basket_then_comes_to(client, products):
    offer_on(products, tea.TEAS)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    title, explanation, cards = offer_row(client)
    assert title == "Almost there: Tea for three"
    assert explanation == "Buy 1 more product from range 0"
    assert cards and cards.keys() <= set(tea.TEAS[2:])
    before = total_of(client)
    name, sentence = next(iter(cards.items()))
    more, price = map(Decimal, BOTH.search(sentence).groups())
    put_into_basket(client, products[name])
    assert price == Decimal("3.00")
    assert total_of(client) - before == more
    assert offer_row(client) is None


def test_a_total_that_falls_is_said_to_fall(client, products):
    offer_on(products, tea.TEAS, value=50)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    _title, _explanation, cards = offer_row(client)
    before = total_of(client)
    name, sentence = next(iter(cards.items()))
    put_into_basket(client, products[name])
    assert sentence == "It costs $3.00, and with it your total falls by $1.50"
    assert before - total_of(client) == Decimal("1.50")


def test_nothing_stands_in_the_rows_of_two_offers(client, products):
    offer_on(products, tea.TEAS, name="Tea for three")
    offer_on(products, tea.TEAS, amount=4, name="Tea for four")
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    rows = ROW.findall(page_of(client))
    shown = [title for row in rows for title in re.findall(r'<h3>\s*<a [^>]*title="([^"]*)"', row)]
    assert shown and len(shown) == len(set(shown))


def test_an_offer_that_saves_nothing_proposes_nothing(client, products):
    offer_on(products, tea.TEAS, benefit=Benefit.FIXED, value=0)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    assert offer_row(client) is None
    assert "You could be missing out on offers!" in page_of(client)  # Oscar's own words


def test_an_exclusive_offer_that_the_new_piece_would_end_is_counted_in(client, products):
    """A better exclusive offer acts already; completing the other one changes nothing."""
    offer_on(products, tea.TEAS, amount=2, value=90, name="Nearly free", exclusive=True, priority=10)
    offer_on(products, tea.TEAS[1:], amount=2, value=10, name="A little", priority=1)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    row = offer_row(client)
    if row is not None:
        name, sentence = next(iter(row[2].items()))
        more = Decimal(BOTH.search(sentence)[1])
        before = total_of(client)
        put_into_basket(client, products[name])
        assert total_of(client) - before == more


def test_an_amount_is_reached_by_what_exceeds_it_least(client, products):
    offer_on(
        products, [*tea.TEAS, *tea.FINER, tea.DEAR], Condition.VALUE, 7, benefit=Benefit.FIXED, value=2, name="Spend"
    )
    put_into_basket(client, products[tea.TEAS[0]])  # 3.00: 4.00 are missing
    title, _explanation, cards = offer_row(client)
    assert title == "Almost there: Spend"
    assert next(iter(cards)) in tea.FINER  # 4.50, not 5.70
    before = total_of(client)
    name, sentence = next(iter(cards.items()))
    put_into_basket(client, products[name])
    assert total_of(client) - before == Decimal(BOTH.search(sentence)[1]) == Decimal("2.50")


def test_an_offer_that_lacks_two_different_products_proposes_nothing(client, products):
    offer_on(products, tea.TEAS, Condition.COVERAGE, 3)
    put_into_basket(client, products[tea.TEAS[0]])
    assert offer_row(client) is None


def test_several_pieces_of_one_product_say_so(client, products):
    offer_on(products, tea.TEAS)
    put_into_basket(client, products[tea.TEAS[0]])
    _title, _explanation, cards = offer_row(client)
    assert all(sentence.startswith("With 2 of it your total rises by ") for sentence in cards.values())
    name = next(iter(cards))
    before = total_of(client)
    put_into_basket(client, products[name], products[name])
    said = re.search(r"rises by \D*([\d.]+) instead of \D*([\d.]+)", cards[name])
    assert total_of(client) - before == Decimal(said[1])


def test_free_delivery_is_proposed_where_the_shop_sends_for_nothing_from_there(client, products, settings, monkeypatch):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "FREE_SHIPPING_FROM": 7}

    def available(self, basket, **kwargs):
        return [Free() if basket.total_incl_tax >= 7 else FixedPrice(Decimal("5.00"), Decimal("5.00"))]

    put_into_basket(client, products[tea.TEAS[0]], products[tea.CAKES[0]])  # 5.00
    assert offer_row(client) is None  # the shop's own method costs nothing, whatever the setting says
    monkeypatch.setattr(Repository, "get_available_shipping_methods", available)
    title, explanation, cards = offer_row(client)
    assert (title, explanation) == ("Almost there: free delivery", "$2.00 more for free delivery")
    before = total_of(client)
    name, sentence = next(iter(cards.items()))
    put_into_basket(client, products[name])
    assert total_of(client) < before
    assert "and with it your total falls by" in sentence


def test_it_is_in_german(client, products):
    offer_on(products, tea.TEAS)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    page = unescape(get_basket_page(client, headers={"accept-language": "de"}).content.decode())
    assert "Fast geschafft: Tea for three" in page
    assert re.search(r"Damit steigt die Summe um [^<]+ statt um [^<]+", page)


def test_a_basket_far_from_any_offer_costs_no_query(client, products):
    put_into_basket(client, products[tea.TEAS[0]])
    with CaptureQueriesContext(connection) as without:
        get_basket_page(client)
    offer_on(products, tea.CAKES)
    with CaptureQueriesContext(connection) as with_offer:
        assert offer_row(client) is None
    ours = [query["sql"] for query in with_offer.captured_queries if "offer_range" in query["sql"]]
    assert len(with_offer) - len(without) <= len(ours) + 1  # Oscar's own, for the offer that it looks at


def test_what_it_shows_is_reported_under_a_name_of_its_own(client, products):
    visitor = identify_browser(client)
    offer_on(products, tea.TEAS)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    row = ROW.search(get_basket_page(client).content.decode())[0]
    token = re.search(r'data-slate="([^"]+)"', row)[1]
    impression = verify_impression(token, visitor.pk, time.time())
    assert impression.row.startswith("half_met_offer:") and impression.surface == "basket"
    assert {item.item_id for item in impression.items} <= {products[name].pk for name in tea.TEAS}


def test_more_tries_than_there_is_time_for_are_not_made(client, products, monkeypatch):
    monkeypatch.setattr(offer_rows, "TRY_SECONDS", -1.0)
    offer_on(products, tea.TEAS)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    assert offer_row(client) is None


def test_a_calculation_that_fails_leaves_the_basket_page_as_it_is(client, products, monkeypatch):
    offer_on(products, tea.TEAS)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])

    def broken(*anything):
        raise RuntimeError("an offer of the shop's own")

    monkeypatch.setattr(offer_rows, "try_basket", broken)
    response = get_basket_page(client)
    assert response.status_code == 200 and "You could be missing out on offers!" in response.content.decode()


def product_page(client, product):
    response = client.get(product.get_absolute_url())
    found = re.search(r'<p class="personalization-offer">(.*?)</p>', unescape(response.content.decode()), re.S)
    return found and re.sub(r"<[^>]+>", "", found[1]).strip()


def test_a_products_page_says_how_far_the_basket_is_and_what_the_product_would_change(client, products):
    offer_on(products, tea.TEAS)
    assert product_page(client, products[tea.TEAS[2]]) is None
    put_into_basket(client, products[tea.TEAS[0]])
    two = "1 of 3 for “Tea for three” With 2 of it your total rises by $4.20 instead of $6.00"
    assert product_page(client, products[tea.TEAS[2]]) == two
    put_into_basket(client, products[tea.TEAS[1]])
    assert product_page(client, products[tea.CAKES[0]]) is None
    one = "2 of 3 for “Tea for three” With it your total rises by $1.20 instead of $3.00"
    assert product_page(client, products[tea.TEAS[1]]) == one, "one more of what lies in it counts, too"
    assert product_page(client, products[tea.TEAS[2]]) == one
    before = total_of(client)
    put_into_basket(client, products[tea.TEAS[1]])
    assert total_of(client) - before == Decimal("1.20")
    assert product_page(client, products[tea.TEAS[2]]) is None


def test_a_cached_product_page_gets_the_line_by_its_private_fragment(client, products, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CACHED_PAGES": True}
    offer_on(products, tea.TEAS)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    address = products[tea.TEAS[2]].get_absolute_url()
    page = client.get(address).content.decode()
    assert 'data-place="offer"' in page
    assert "Tea for three" not in page
    response = client.get("/personalization/fragments/", {"page": address, "place": "offer"})
    assert "private" in response["Cache-Control"]
    assert "2 of 3 for “Tea for three”" in response.json()["html"]


def test_a_distinct_condition_is_not_met_twice_by_one_product(client, products):
    offer_on(products, tea.TEAS, condition=Condition.COVERAGE)
    put_into_basket(client, products[tea.TEAS[0]], products[tea.TEAS[1]])
    assert product_page(client, products[tea.TEAS[1]]) is None
    assert product_page(client, products[tea.TEAS[2]]).startswith("2 of 3 for “Tea for three”")
