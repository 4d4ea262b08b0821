"""What the dashboard says of what was learned from what is shown: on the reports, and beside a preview."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from personalization.measure.outcomes import measure_outcomes
from personalization.models import RowDraw, RowOrderResult, Visitor
from personalization.privacy.retention import local_day
from tests.measure.orders import click
from tests.shops import factories as shop
from tests.walks.known_visitors import store_event
from tests.walks.test_row_order import draw

pytestmark = pytest.mark.django_db
REPORT, SCREEN, PRODUCT = "personalization-reports", "personalization-preview", "personalization-product"


def open_screen(client, name, *keys, **asked) -> str:
    answer = client.get(reverse(f"personalization:{name}", args=keys), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def panel(client) -> str:
    """The panel as text."""
    found = re.search(r'id="row-order">(.*?)</section>', open_screen(client, REPORT), re.S)[1]
    return " ".join(re.sub("<[^>]*>", " ", found).replace("\N{NO-BREAK SPACE}", " ").split())


def store_result(drawn: tuple[int, int], own: tuple[int, int]) -> None:
    names = ("drawn_clicks", "drawn_squares", "shop_clicks", "shop_squares")
    today = local_day(now())
    RowOrderResult.objects.store(
        today, counted_since=today - timedelta(days=20), **dict(zip(names, (*drawn, *own), strict=True))
    )


@pytest.mark.parametrize(
    ("drawn", "own", "number", "sentence"),
    [
        ((9_450, 40_000), (1_000, 4_000), "+5 % clicks in rows (± 14 % by chance)", "That is within chance"),
        ((13_500, 20_000), (1_000, 1_500), "+50 % clicks in rows (± 12 % by chance)", "is better than yours"),
        ((4_500, 6_000), (1_000, 1_500), "-50 % clicks in rows (± 4 % by chance)", "set ROW_ORDER_MAX_SHIFT to 0"),
        ((700, 900), (99, 120), "", "Too few yet: 99 of 100 clicks by the tenth"),
    ],
)
def test_the_reports_say_what_the_learned_order_is_worth(admin_client, drawn, own, number, sentence):
    store_result(drawn, own)
    text = panel(admin_client)
    assert number in text and sentence in text and "Counted from" in text
    assert bool(number) == ("by chance" in text)


def test_before_anything_moved_and_where_it_is_off_they_say_that(admin_client, settings):
    assert "Nothing was moved yet" in panel(admin_client)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_ORDER_MAX_SHIFT": 0}
    store_result((9_450, 40_000), (1_000, 4_000))
    assert "Off: rows stand in your order" in panel(admin_client) and "Counted" not in panel(admin_client)


def test_the_nightly_run_counts_it_since_the_first_click(admin_client):
    draw(["bestsellers", "trending"])
    visitor = Visitor.objects.create(consent="granted", consented_at=now() - timedelta(days=30))
    tea = shop.create_shop_product("Green tea")
    for arm, clicks in (("drawn", 900), ("shop", 110)):
        for number in range(clicks):
            click(visitor, tea, now() - timedelta(days=9, minutes=number % 60), arm=f"row-order={arm}")
    measure_outcomes()
    measure_outcomes()
    result = RowOrderResult.objects.get()
    assert (result.drawn_clicks, result.shop_clicks) == (900, 110)
    assert result.counted_since in {local_day(now() - timedelta(days=days)) for days in (9, 10)}
    assert "-9 % clicks in rows" in panel(admin_client)


def test_a_preview_says_by_how_many_places_a_row_was_moved(admin_client, trained_and_indexed):
    before = [row.type for row in admin_client.get("/").context["slate"].rows]
    assert "The learned order has it" not in open_screen(admin_client, SCREEN, page="/")
    draw(before)
    rows = re.split(r'<h3 class="personalization-strip">', open_screen(admin_client, SCREEN, page="/"))
    said = [re.search(r"The learned order has it (\d) places? (higher|lower) than yours\.", row) for row in rows]
    assert {found.group(1, 2) for found in said if found} == {("2", "higher"), ("2", "lower")}
    RowDraw.objects.replace([], now() + timedelta(days=1))


def test_a_preview_and_the_way_of_a_product_say_that_it_was_seen_too_often(admin_client, trained_and_indexed):
    customer = trained_and_indexed[0][0]
    shop.grant_consent(customer)
    visitor, asked = Visitor.objects.get(user=customer), {"page": "/", "customer": customer.pk}
    screen = admin_client.get(reverse(f"personalization:{SCREEN}"), asked)
    bought = {line.product_id for order in customer.orders.all() for line in order.lines.all()}
    cards = {card.product_id for strip in screen.context["trace"].strips for card in strip.cards}
    sentence = "Seen at least 5 times in 28 days, never touched: it stands behind the others of the row."
    unbought = sorted(cards - bought)
    assert unbought and sentence not in screen.content.decode()
    for key in unbought:
        for _ in range(5):
            store_event(visitor, "view_item_list", 5.0, items=[[key, 0, "popular"]], surface="home", row_key="any")
    preview = open_screen(admin_client, SCREEN, **asked)
    ways = [open_screen(admin_client, PRODUCT, key, **asked) for key in unbought]
    assert any(sentence in page for page in (preview, *ways))
