"""Pages as they are served under the published settings of rows."""

import re
import time
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape
from oscar.apps.offer.models import Range

from personalization import serve
from personalization.decide import active_rules
from personalization.merchandising import publishing
from personalization.merchandising.row_keys import row_key
from personalization.models import Definition, RulesState, Version
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def set_row(code, document, surface="home", place=0):
    """Publishes settings of a row, and has this process obey them."""
    definition = publishing.create("row", f"{surface} {code}", document, None, key=row_key(surface, code))
    if place:
        Definition.objects.filter(pk=definition.pk).update(place=place)
        definition.refresh_from_db()
    publishing.publish(definition, None)
    active_rules.read_rules_now()
    return definition


def page_of(client, address="/", **more):
    return client.get(address, **more).content.decode()


def rows_of(body):
    """[(code, title, products)] of each row of a page."""
    sections = re.findall(r'<section class="personalization-row.*?</section>', body, re.S)
    return [
        (
            re.search(r'data-row="([^"]+)"', section)[1],
            re.sub(r"</?(a|h2)\b[^>]*>", "", re.search(r"<h2.*?</h2>", section, re.S)[0]).strip(),
            re.findall(r'<h3>\s*<a [^>]*title="([^"]*)"', section),
        )
        for section in sections
    ]


def products_of(client):
    """{code: products} of the rows of the home page."""
    return {code: products for code, _title, products in rows_of(page_of(client))}


def codes(body):
    return [code for code, _title, _products in rows_of(body)]


@pytest.fixture
def learned():
    return shop.trained_even_and_odd()


@pytest.fixture
def own_range(learned):
    """A Range of four products, one of them as popular as nothing."""
    _users, products = learned
    found = Range.objects.create(name="Breakfast table")
    for product in products[4:8]:
        found.add_product(product)
    return found


def own(source, **more):
    return {"titles": {"en-gb": "From our range", "en": "From our range"}, "source": source, **more}


def test_settings_that_say_nothing_leave_the_page_as_it_was(client, learned):
    plain = rows_of(page_of(client))
    assert len(plain) > 1
    set_row("bestsellers", {})
    assert rows_of(page_of(client)) == plain


def test_a_row_that_is_switched_off_is_not_there(client, learned):
    first, *rest = codes(page_of(client))
    set_row(first, {"shown": False})
    assert first not in codes(page_of(client)) and set(rest) <= set(codes(page_of(client)))


def test_a_row_stands_at_the_place_that_it_was_given(client, learned):
    users, _products = learned
    client.force_login(users[0])
    before = codes(page_of(client))
    last = before[-1]
    assert before[0] != last
    set_row(last, {}, place=1)
    assert codes(page_of(client)) == [last, *before[:-1]]


def test_a_title_is_the_readers_or_the_built_in_one_and_is_no_markup(client, learned):
    code, built_in, _products = rows_of(page_of(client))[0]
    hostile = "<script>alert(1)</script> %(category)s {product"
    set_row(code, {"titles": {"en": hostile, "de": "Unser Stolz"}})
    assert rows_of(page_of(client))[0][1] == escape(hostile)
    german = rows_of(page_of(client, HTTP_ACCEPT_LANGUAGE="de"))[0][1]
    assert german == "Unser Stolz"
    definition = Definition.objects.get()
    publishing.save_draft(definition, {"titles": {"fr": "Notre fierté"}}, None, base=1)
    publishing.publish(definition, None)
    active_rules.read_rules_now()
    assert rows_of(page_of(client))[0][1] == built_in


def test_a_placeholder_is_the_name_and_one_that_the_row_lacks_leaves_the_built_in_title(client, learned):
    before = [title for _code, title, _products in rows_of(page_of(client))]
    assert {"Bestsellers", "Bestsellers in Even", "Bestsellers in Odd"} <= set(before)
    set_row("bestsellers_in_category", {"titles": {"en": "The best of {category}"}})
    set_row("bestsellers", {"titles": {"en": "Best of {category}"}})
    after = {title for _code, title, _products in rows_of(page_of(client))}
    assert {"Bestsellers", "The best of Even", "The best of Odd"} <= after


def test_a_row_holds_as_many_as_its_settings_say(client, learned):
    code, _title, products = rows_of(page_of(client))[0]
    set_row(code, {"most": 2})
    assert rows_of(page_of(client))[0][2] == products[:2]
    publishing.save_draft(definition := Definition.objects.get(), {"most": 9}, None, base=1)
    publishing.publish(definition, None)
    active_rules.read_rules_now()
    assert len(rows_of(page_of(client))[0][2]) == 9 > len(products)


def test_too_few_products_and_another_row_is_shown_in_its_place(client, learned):
    before = codes(page_of(client))
    assert before[:2] == ["bestsellers", "trending"] and "latest" not in before
    set_row("bestsellers", {"leave_out": {"not_on_offer": True}, "fallback": ["new_in", "trending", "latest"]})
    now = codes(page_of(client))
    assert now[0] == "trending" and now.count("trending") == 1 and "bestsellers" not in now


def test_a_row_that_is_off_asks_for_no_other_and_one_that_another_replaces_may_be_off(client, learned):
    set_row("trending", {"shown": False})
    set_row("bestsellers", {"leave_out": {"not_on_offer": True}, "fallback": ["trending"]})
    assert codes(page_of(client))[0] == "trending"
    publishing.save_draft(definition := Definition.objects.get(key="home/bestsellers"), {"shown": False}, None, base=1)
    publishing.publish(definition, None)
    active_rules.read_rules_now()
    assert not {"bestsellers", "trending"} & set(codes(page_of(client)))


def test_what_is_left_out_does_not_stand(client, learned):
    users, products = learned
    client.force_login(users[0])
    bought = {"buy_again"} & set(codes(page_of(client)))
    assert bought
    set_row("buy_again", {"leave_out": {"bought_days": 365}, "fewest": 1})
    assert "buy_again" not in codes(page_of(client))
    shown = products_of(client)["bestsellers"]
    dear = next(product for product in products if product.title == shown[0])
    dear.stockrecords.update(price="99.00")
    set_row("bestsellers", {"leave_out": {"above_price": 50}})
    now = products_of(client)["bestsellers"]
    assert dear.title not in now and set(shown[1:]) <= set(now)


def test_a_row_of_the_shops_own_shows_its_range_and_each_product_once(client, own_range):
    set_row("own_table", own({"range": own_range.pk}))
    found = {code: (title, products) for code, title, products in rows_of(page_of(client))}
    title, products = found["own_table"]
    assert title == "From our range"
    assert set(products) == {product.title for product in own_range.all_products()}
    everything = [name for _t, names in found.values() for name in names]
    assert len(everything) == len(set(everything))


def test_an_own_row_is_there_before_anything_was_learned(client):
    products = [shop.create_shop_product(f"Product {number}") for number in range(8)]
    chosen = Range.objects.create(name="Chosen")
    for product in products[:4]:
        chosen.add_product(product)
    set_row("own_table", own({"range": chosen.pk}))
    found = {code: names for code, _title, names in rows_of(page_of(client))}
    assert found["own_table"] == ["Product 3", "Product 2", "Product 1", "Product 0"]
    assert "latest" in found


def test_the_newest_row_shows_the_newest_first(client, learned):
    for number in range(4):
        shop.create_shop_product(f"Novelty {number}", days_old=10 - number)
    set_row("own_new", own({"newest": True}))
    found = {code: names for code, _title, names in rows_of(page_of(client))}
    assert found["own_new"][:4] == ["Novelty 3", "Novelty 2", "Novelty 1", "Novelty 0"]


def test_newness_moves_a_product_by_a_fifth_of_the_row_at_most(client, own_range):
    set_row("own_table", own({"range": own_range.pk}))
    before = products_of(client)["own_table"]
    newest = own_range.all_products().get(title=before[-1])
    type(newest).objects.filter(pk=newest.pk).update(date_created=datetime.now(UTC))
    definition = Definition.objects.get()
    document = own({"range": own_range.pk}, weights={"relevance": 0, "margin": 0, "stock": 0, "newness": 100})
    publishing.save_draft(definition, document, None, base=1)
    publishing.publish(definition, None)
    settings = active_rules.read_rules_now().rows["home"]["own_table"]
    keys = [own_range.all_products().get(title=name).pk for name in before]
    percents = settings.percents(keys)
    assert percents[newest.pk] == 10 and all(-10 <= percent <= 10 for percent in percents.values())
    after = products_of(client)["own_table"]
    assert abs(after.index(newest.title) - before.index(newest.title)) <= max(1, len(before) // 5)


def test_a_row_for_a_segment_is_shown_to_its_members_alone(client, learned, own_range):
    condition = {"field": "orders", "op": "at_least", "value": 1}
    document = {"match": "all", "groups": [{"match": "all", "conditions": [condition]}]}
    segment = publishing.publish(publishing.create("segment", "Buyers", document, None), None)
    set_row("own_table", own({"range": own_range.pk}, who={"people": "customers", "in": [segment.pk]}), place=1)
    assert "own_table" not in codes(page_of(client))
    response = client.get("/")
    assert "private" in response["Cache-Control"]
    client.force_login(learned[0][0])
    assert "own_table" in codes(page_of(client))


@pytest.mark.parametrize(("start", "end", "there"), [(-9, 9, True), (-9, -1, False), (1, 9, False)])
def test_a_row_with_a_window_is_there_within_it(client, own_range, start, end, there):
    moments = [datetime.fromtimestamp(time.time() + 3600 * hours, UTC).isoformat() for hours in (start, end)]
    when = {"from": moments[0], "to": moments[1], "zone": "Europe/Berlin"}
    set_row("own_table", own({"range": own_range.pk}, when=when))
    assert ("own_table" in codes(page_of(client))) is there


def test_a_document_that_cannot_be_read_leaves_the_page_as_it_was(client, learned, caplog):
    plain = rows_of(page_of(client))
    definition = set_row("bestsellers", {"shown": False})
    Version.objects.filter(pk=definition.live_id or Definition.objects.get().live_id).update(document=["nonsense"])
    RulesState.objects.count_change(datetime.now(UTC))
    rules = active_rules.read_rules_now()
    assert rows_of(page_of(client)) == plain
    assert "cannot be read" in str(rules.problems[definition.pk][0])


def test_a_range_that_was_deleted_makes_the_row_silent(client, own_range):
    definition = set_row("own_table", own({"range": own_range.pk}))
    own_range.delete()
    RulesState.objects.count_change(datetime.now(UTC))
    rules = active_rules.read_rules_now()
    assert "own_table" not in codes(page_of(client))
    assert "was deleted" in str(rules.problems[definition.pk][0])


def test_settings_cost_no_query_of_their_own(client, own_range):
    page_of(client)
    with CaptureQueriesContext(connection) as plain:
        page_of(client)
    set_row(
        "own_table", own({"range": own_range.pk}, weights={"relevance": 50, "margin": 0, "stock": 50, "newness": 0})
    )
    set_row("bestsellers", {"titles": {"en": "What all buy"}, "most": 4})
    page_of(client)
    with CaptureQueriesContext(connection) as with_settings:
        assert "own_table" in codes(page_of(client))
    assert len(with_settings) == len(plain)


def test_all_products_of_an_own_row_are_on_a_page_of_their_own(client, own_range):
    set_row("own_table", own({"range": own_range.pk}, most=2))
    body = page_of(client, "/personalization/rows/home/own_table/")
    assert all(escape(product.title) in body for product in own_range.all_products())


def test_the_door_answers_though_a_setting_fails(client, learned, monkeypatch):
    plain = rows_of(page_of(client))
    set_row("bestsellers", {"most": 3})
    monkeypatch.setattr(serve, "plan_page", lambda *some, **more: 1 / 0)
    assert rows_of(page_of(client)) == plain
