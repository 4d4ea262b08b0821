"""What is believed of what browsers report, and stored."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from oscar.test.factories import create_product

from personalization.collect import impression_tokens, ingestion
from personalization.collect.impression_tokens import Impression, ShownItem
from personalization.models import Event, SensitiveCategory, Visitor
from personalization.models.events import EventData
from personalization.shop import catalogue
from tests.collect.event_payloads import NOW, consented_browser, event_payload, store_payloads, to_milliseconds
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor():
    return consented_browser()


@pytest.fixture
def milk():
    return product("Milk")


def product(title):
    made = shop.create_shop_product(title)
    made.upc = f"UPC {title}"
    made.save()
    return made


SLATE_ID = UUID(int=7)


def token(visitor, *keys, surface="home", row="bestsellers", at=NOW, browser_key="", **more):
    """Of a slate with these items, each with what else a test wants it to say."""
    items = tuple(key if isinstance(key, ShownItem) else ShownItem(key, place) for place, key in enumerate(keys))
    shown = Impression(surface, row, "s1", items, at.timestamp(), SLATE_ID, **more)
    return impression_tokens.sign_impression(shown, visitor and visitor.pk, browser_key)


def stored(*fields):
    return list(Event.objects.order_by("id").values_list(*fields))


def test_a_view_is_stored_as_it_was_reported(visitor, milk):
    told = event_payload(product=milk.pk, at=to_milliseconds(NOW - timedelta(hours=2)))
    assert store_payloads(visitor, told) == []
    kept = Event.objects.get()
    assert (str(kept.event_id), kept.visitor, kept.type, kept.product_id) == (told["id"], visitor, "view_item", milk.pk)
    assert (kept.occurred_at, kept.received_at, kept.is_suspected_bot) == (NOW - timedelta(hours=2), NOW, False)
    assert (kept.items, kept.query, kept.surface, kept.row_key, kept.value) == ([], "", "", "", None)


def test_what_belongs_to_each_name_is_stored(visitor, milk):
    told = [
        event_payload("user_engagement", milk.pk, engagement_time_msec=2500),
        event_payload("search", search_term="  oat milk "),
        {**event_payload("add_to_cart"), "items": [{"item_id": milk.pk, "quantity": 3}]},
        {**event_payload("remove_from_cart"), "items": [{"item_id": str(milk.pk)}]},
        event_payload("item_feedback", milk.pk, value=-1),
        event_payload("view_cart"),
        event_payload("begin_checkout"),
        event_payload("add_to_wishlist", milk.pk),
    ]
    assert store_payloads(visitor, *told) == []
    assert set(stored("type", "product_id", "query", "value")) == {
        ("user_engagement", milk.pk, "", 2.5),
        ("search", None, "oat milk", None),
        ("add_to_cart", milk.pk, "", 3.0),
        ("remove_from_cart", milk.pk, "", 1.0),
        ("item_feedback", milk.pk, "", -1.0),
        ("view_cart", None, "", None),
        ("begin_checkout", None, "", None),
        ("add_to_wishlist", milk.pk, "", None),
    }


def test_a_push_to_a_ga4_data_layer_passes_unchanged(visitor, milk):
    bread = product("Bread")
    push = {
        "event": "view_item_list",
        "gtm.uniqueEventId": 7,
        "ecommerce": {
            "item_list_id": "related_products",
            "item_list_name": "Related products",
            "currency": "USD",
            "value": 30.03,
            "items": [
                {"item_id": bread.upc, "item_name": "Bread", "index": 4, "price": 10.01, "quantity": "1"},
                {"item_id": milk.upc, "item_name": "Milk", "coupon": None, "discount": 2.22},
            ],
        },
    }
    assert store_payloads(visitor, push, EVENT_ITEM_ID_FIELD="upc") == []
    assert stored("type", "product_id", "items", "surface", "row_key") == [
        ("view_item_list", None, [[bread.pk, 4], [milk.pk, 1]], "", "")
    ]


def test_fields_may_stand_at_the_top_or_in_the_parameters(visitor, milk):
    items = [{"item_id": milk.pk}]
    told = [
        {"event": "view_item", "items": items},
        {"event": "select_item", "params": {"items": items}},
        {"name": "add_to_wishlist", "ecommerce": {"items": items}},
        {"name": "search", "params": {"search_term": "milk"}},
    ]
    assert store_payloads(visitor, *told) == []
    assert len(stored("pk")) == 4


def test_an_event_without_an_id_is_known_again_when_it_is_sent_again(visitor, milk):
    told = {"event": "view_item", "at": to_milliseconds(NOW), "ecommerce": {"items": [{"item_id": milk.pk}]}}
    store_payloads(visitor, told)
    store_payloads(visitor, told, now=NOW + timedelta(hours=1))
    assert len(stored("pk")) == 1
    store_payloads(visitor, {**told, "at": to_milliseconds(NOW) - 1}, {**told, "event": "add_to_cart"})
    store_payloads(consented_browser(), told)
    assert len(stored("pk")) == 4


@pytest.mark.parametrize(("kind", "column"), [("id", "pk"), ("upc", "upc"), ("sku", "sku")])
def test_what_an_item_id_means_in_the_data_layer_is_a_setting(visitor, milk, kind, column):
    keys = {"pk": milk.pk, "upc": milk.upc, "sku": milk.stockrecords.get().partner_sku}
    pushed = {"event": "view_item", "items": [{"item_id": keys[column]}]}
    assert store_payloads(visitor, pushed, event_payload(product=milk.pk), EVENT_ITEM_ID_FIELD=kind) == []
    assert stored("product_id") == [(milk.pk,), (milk.pk,)]


def test_a_child_counts_for_its_parent(visitor):
    parent = create_product(structure="parent", title="Shirt")
    child = create_product(structure="child", parent=parent, title="Shirt S")
    assert store_payloads(visitor, event_payload(product=child.pk), event_payload(product=parent.pk)) == []
    assert stored("product_id") == [(parent.pk,)] * 2


def test_products_that_the_shop_does_not_show_are_refused_and_never_made(visitor, milk):
    hidden = create_product(title="Hidden")
    parent = create_product(structure="parent", title="Hidden")
    child = create_product(structure="child", parent=parent, title="Of a hidden one")
    type(hidden).objects.filter(pk__in=[hidden.pk, parent.pk]).update(is_public=False)
    keys = [hidden.pk, parent.pk, child.pk, 999_999, "10" * 30, "-1", "milk", "²"]
    assert store_payloads(visitor, *(event_payload(product=key) for key in keys)) == [
        (n, "unknown_product") for n in range(8)
    ]
    both = event_payload("view_item_list", items=[{"item_id": hidden.pk}, {"item_id": milk.pk}])
    assert store_payloads(visitor, both) == []
    assert stored("items") == [([[milk.pk, 1]],)]


def test_nothing_is_kept_of_products_in_a_sensitive_category_or_below_it(visitor, milk):
    top = shop.create_from_breadcrumbs("Pharmacy")
    tests = shop.create_from_breadcrumbs("Pharmacy > Tests")
    parent = create_product(structure="parent", title="Test")
    parent.categories.add(tests)
    child = create_product(structure="child", parent=parent, title="Test for two")
    SensitiveCategory.objects.create(category=top)
    told = [event_payload(product=parent.pk), event_payload(product=child.pk), event_payload(product=milk.pk)]
    assert store_payloads(visitor, *told) == [(0, "sensitive_product"), (1, "sensitive_product")]
    assert stored("product_id") == [(milk.pk,)]
    assert catalogue.sensitive_categories() == {top.pk, tests.pk}
    assert catalogue.sensitive_products([parent.pk, child.pk, milk.pk]) == {parent.pk, child.pk}


def test_while_no_category_is_sensitive_it_costs_one_query(milk, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert catalogue.sensitive_products([milk.pk]) == set()
    with django_assert_num_queries(0):
        assert catalogue.sensitive_products([]) == set()


def test_all_products_of_a_delivery_are_looked_up_in_one_query(django_assert_num_queries):
    made = [product(f"Product {n}") for n in range(5)]
    sku = made[2].stockrecords.get().partner_sku
    keys = {("id", str(made[0].pk)): made[0].pk, ("upc", made[1].upc): made[1].pk, ("sku", sku): made[2].pk}
    with django_assert_num_queries(1):
        assert catalogue.resolve_product_ids(keys) == keys


def test_where_a_product_was_seen_is_what_the_slate_says(visitor, milk):
    bread = shop.create_shop_product("Bread")
    slate = token(visitor, bread.pk, milk.pk, row="bestsellers_in_category:7")
    forged = {"surface": "search", "row": "mine"}
    told = [
        event_payload("view_item_list", items=[{"item_id": milk.pk, "index": 0}], slate=slate, **forged),
        event_payload("select_item", milk.pk, slate=slate, **forged),
        event_payload("select_item", milk.pk, **forged),
    ]
    assert store_payloads(visitor, *told) == []
    kept = {(name, row): rest for name, row, *rest in stored("type", "row_key", "surface", "product_id", "items")}
    assert kept == {
        ("view_item_list", "bestsellers_in_category:7"): ["home", None, [[milk.pk, 1, ""]]],
        ("select_item", "bestsellers_in_category:7"): ["home", milk.pk, []],
        ("select_item", ""): ["", milk.pk, []],
    }


def test_a_click_on_a_product_that_was_not_shown_is_refused(visitor, milk):
    slate = token(visitor, shop.create_shop_product("Bread").pk)
    assert store_payloads(visitor, event_payload("select_item", milk.pk, slate=slate)) == [(0, "not_on_slate")]
    assert stored("pk") == []


def test_a_slate_that_is_forged_changed_stale_or_somebody_elses_is_refused(visitor, milk):
    own = token(visitor, milk.pk)
    bad = [
        "forged",
        own[:-1] + ("a" if own[-1] != "a" else "b"),
        token(visitor, milk.pk, at=NOW - timedelta(days=7, seconds=2)),
        token(consented_browser(), milk.pk),
        "ümlaut:ü:ü",
        "x" * 8_000,
    ]
    told = [event_payload("select_item", milk.pk, slate=slate) for slate in bad]
    assert store_payloads(visitor, *told) == [(n, "invalid_slate") for n in range(len(bad))]


def test_a_slate_made_before_there_was_a_visitor_is_believed_from_its_browser_only(visitor, milk):
    told = event_payload("select_item", milk.pk, slate=token(None, milk.pk, browser_key="csrf:a"))
    assert (
        store_payloads(visitor, told, browser_key="csrf:b") == store_payloads(visitor, told) == [(0, "invalid_slate")]
    )
    assert store_payloads(visitor, told, browser_key="csrf:a") == []


def test_a_click_keeps_all_that_the_slate_said_of_it(visitor, milk):
    items = (ShownItem(milk.pk + 1, 3, "popular"), ShownItem(milk.pk, 4, "bought_together", "spring", 0.25))
    shown = NOW - timedelta(minutes=5)
    slate = token(visitor, *items, at=shown, arms={"size": "large", "holdout": "in"})
    assert store_payloads(visitor, event_payload("select_item", milk.pk, slate=slate)) == []
    click = Event.objects.get()
    assert (click.product_id, click.items, click.item_kind) == (milk.pk, [], "product")
    assert (click.slate_id, click.snapshot, click.position) == (SLATE_ID, "s1", 4)
    assert (click.reason, click.campaign, click.propensity) == ("bought_together", "spring", 0.25)
    assert (click.arm, click.shown_at) == ("holdout=in,size=large", shown)


def test_an_impression_keeps_what_the_slate_said_of_each_item(visitor, milk):
    bread = product("Bread")
    items = (ShownItem(bread.pk, 20, "popular"), ShownItem(milk.pk, 21, "bought_together", None, 0.1))
    reported = [{"item_id": str(milk.pk), "index": 0}, {"item_id": str(bread.pk), "index": 1}]
    slate = token(visitor, *items)
    assert store_payloads(visitor, event_payload("view_item_list", items=reported, slate=slate)) == []
    seen = Event.objects.get()
    assert seen.items == [[milk.pk, 21, "bought_together", None, 0.1], [bread.pk, 20, "popular"]]
    assert (seen.slate_id, seen.snapshot, seen.shown_at) == (SLATE_ID, "s1", NOW)
    assert (seen.position, seen.reason, seen.campaign, seen.propensity, seen.arm) == (None,) * 5


def test_what_did_not_come_from_a_slate_says_so(visitor, milk):
    assert store_payloads(visitor, event_payload(product=milk.pk)) == []
    kept = stored("slate_id", "snapshot", "position", "reason", "campaign", "propensity", "arm", "shown_at")
    assert kept == [(None,) * 8]


def test_a_place_further_down_than_can_be_stored_does_not_lose_the_delivery(visitor, milk):
    slate = token(visitor, ShownItem(milk.pk, 100_000))
    assert store_payloads(visitor, event_payload("select_item", milk.pk, slate=slate)) == []
    assert stored("position") == [(ingestion.MAX_POSITION,)]


def test_the_entries_of_a_menu_are_categories_and_no_products(visitor, milk):
    slate = token(visitor, milk.pk, 902, surface="navigation", row="menu", item_kind="category")
    told = [
        event_payload("view_item_list", items=[{"item_id": str(milk.pk)}, {"item_id": "902"}], slate=slate),
        event_payload("select_item", 902, slate=slate),
        event_payload("select_item", 903, slate=slate),
        event_payload("select_item", "x", slate=slate),
    ]
    assert store_payloads(visitor, *told) == [(2, "not_on_slate"), (3, "not_on_slate")]
    assert sorted(stored("type", "product_id", "item_kind", "items", "position")) == [
        ("select_item", None, "category", [[902, 1, ""]], 1),
        ("view_item_list", None, "category", [[milk.pk, 0, ""], [902, 1, ""]], None),
    ]


def test_nothing_is_kept_of_a_sensitive_category_in_the_menu(visitor):
    shelf = shop.create_from_breadcrumbs("Pharmacy")
    SensitiveCategory.objects.create(category=shelf)
    slate = token(visitor, shelf.pk, surface="navigation", row="menu", item_kind="category")
    assert store_payloads(visitor, event_payload("select_item", shelf.pk, slate=slate)) == [(0, "sensitive_product")]


def test_nothing_comes_back_from_before_the_visitor_agreed(milk):
    visitor = consented_browser(agreed=NOW - timedelta(hours=1))
    told = [event_payload(product=milk.pk, at=to_milliseconds(NOW - timedelta(minutes=ago))) for ago in (61, 60)]
    assert store_payloads(visitor, *told) == [(0, "before_consent")]


def test_late_events_do_not_bring_a_forgotten_visitor_back(visitor, milk):
    Visitor.objects.filter(pk=visitor.pk).delete()
    told = [event_payload(product=milk.pk), event_payload("purchase")]
    assert store_payloads(visitor, *told) == [(0, "no_consent"), (1, "purchases_not_accepted")]
    assert stored("pk") == []
    connection.check_constraints()


def test_the_same_again_is_stored_once_and_the_first_one_counts(visitor, milk):
    first = event_payload(product=milk.pk)
    other = {**first, "name": "add_to_wishlist"}
    assert (
        store_payloads(visitor, first, other)
        == store_payloads(visitor, other)
        == store_payloads(consented_browser(), first)
        == []
    )
    assert stored("type", "visitor") == [("view_item", visitor.pk)]


def test_a_poisoned_event_is_dropped_alone(visitor, milk):
    poison = [
        event_payload(product=milk.pk, id="\0" * 36),
        event_payload("search", search_term="a\0b"),
        event_payload("search", search_term="\ud800"),
        event_payload("search", search_term="a" * 257),
        {**event_payload(), "items": [{"item_id": 2**63}]},
        event_payload(product=milk.pk, at="9999-99-99"),
        "nonsense",
        None,
        event_payload(product=milk.pk, more=[[[[[1]]]]]),
        event_payload(product=milk.pk, more=float("nan")),
        event_payload(product=milk.pk, more={"\0": 1}),
    ]
    codes = (
        "invalid_text invalid_text invalid_text invalid_text invalid_number invalid_time invalid_event invalid_event "
        "nesting_too_deep invalid_number invalid_text"
    )
    good = [event_payload(product=milk.pk) for _ in range(20)]
    assert store_payloads(visitor, *poison, *good) == list(enumerate(codes.split()))
    assert len(stored("pk")) == 20


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"name": "purchase"}, "purchases_not_accepted"),
        ({"event": "refund"}, "purchases_not_accepted"),
        ({"name": "page_view"}, "unknown_event"),
        ({"name": None}, "unknown_event"),
        ({"name": ["search"]}, "unknown_event"),
        ({}, "unknown_event"),
        ({"name": "view_cart", "id": "7"}, "invalid_id"),
        ({"name": "view_cart", "id": 7}, "invalid_id"),
        ({"name": "view_cart", "id": {}}, "invalid_id"),
        ({"name": "view_cart", "at": True}, "invalid_time"),
        ({"name": "view_cart", "at": []}, "invalid_time"),
        ({"name": "view_cart", "params": []}, "invalid_event"),
        ({"name": "view_cart", "ecommerce": 1}, "invalid_event"),
        ({"name": "view_cart", "items": {}}, "invalid_items"),
        ({"name": "view_cart", "items": [1]}, "invalid_items"),
        ({"name": "view_cart", "items": [{"item_id": True}]}, "invalid_items"),
        ({"name": "view_cart", "items": [{"item_id": " "}]}, "invalid_items"),
        ({"name": "view_cart", "items": [{"item_id": 1}] * 201}, "invalid_items"),
        ({"name": "view_item"}, "missing_item"),
        ({"name": "add_to_cart", "items": []}, "missing_item"),
        ({"name": "select_item", "items": [{"item_id": 1}, {"item_id": 2}]}, "too_many_items"),
        ({"name": "view_cart", "slate": 7}, "invalid_slate"),
        ({"name": "search"}, "missing_search_term"),
        ({"name": "search", "search_term": " "}, "missing_search_term"),
        ({"name": "search", "search_term": 7}, "missing_search_term"),
        ({"name": "user_engagement", "items": [{"item_id": 1}]}, "invalid_value"),
        ({"name": "user_engagement", "items": [{"item_id": 1}], "engagement_time_msec": -1}, "invalid_value"),
        ({"name": "user_engagement", "items": [{"item_id": 1}], "engagement_time_msec": "nan"}, "invalid_value"),
        ({"name": "add_to_cart", "items": [{"item_id": 1, "quantity": True}]}, "invalid_value"),
        ({"name": "add_to_cart", "items": [{"item_id": 1, "quantity": [1]}]}, "invalid_value"),
        ({"name": "item_feedback", "items": [{"item_id": 1}], "value": 101}, "invalid_value"),
        ({"name": "view_cart", "at": to_milliseconds(NOW - timedelta(days=7, minutes=1))}, "too_old"),
    ],
)
def test_each_fault_has_a_code(visitor, told, code):
    assert store_payloads(visitor, told) == [(0, code)]


def test_a_forgotten_visitor_and_a_repeated_event_are_told_apart(visitor):
    again = EventData(uuid4(), "view_cart", NOW)
    assert [Event.objects.store_events(visitor.pk, [again], received_at=NOW) for _ in range(2)] == [True, True]
    Visitor.objects.all().delete()
    assert not Event.objects.store_events(visitor.pk, [again], received_at=NOW)


def test_a_delivery_is_stored_in_one_statement(visitor, django_assert_num_queries):
    many = [EventData(uuid4(), "view_cart", NOW) for _ in range(50)]
    with django_assert_num_queries(1):
        assert Event.objects.store_events(visitor.pk, many, received_at=NOW, is_suspected_bot=True)
    assert Event.objects.filter(is_suspected_bot=True).count() == 50


def test_any_letters_come_out_as_they_went_in(visitor):
    words = "Ünïcödé 漢字 🥛 ' \" \\ % %s {0} $1 \u2028 <b>"
    assert store_payloads(visitor, event_payload("search", search_term=words)) == []
    assert stored("query") == [(words,)]


def test_what_the_shop_itself_saw_is_stored(visitor, milk):
    assert ingestion.record_server_event(visitor, "add_to_cart", milk.pk, NOW)
    assert stored("type", "product_id", "value", "occurred_at") == [("add_to_cart", milk.pk, 1.0, NOW)]


def test_a_database_that_is_neither_is_written_to_by_django(visitor, monkeypatch):
    monkeypatch.setattr("personalization.models.event_insert_sql.STATEMENTS", {})
    many = [EventData(uuid4(), "view_cart", NOW) for _ in range(3)]
    assert Event.objects.store_events(visitor.pk, many, received_at=NOW, is_suspected_bot=True)
    assert stored("type", "is_suspected_bot") == [("view_cart", True)] * 3
    Visitor.objects.all().delete()
    assert not Event.objects.store_events(visitor.pk, many, received_at=NOW)


def test_a_clock_that_is_a_little_slow_does_not_cost_the_first_events(milk):
    visitor = consented_browser(agreed=NOW - timedelta(seconds=5))
    slow = timedelta(seconds=60)
    early = event_payload(product=milk.pk, at=to_milliseconds(NOW - slow - timedelta(seconds=9)))
    late = event_payload(product=milk.pk, at=to_milliseconds(NOW - slow - timedelta(seconds=2)))
    assert store_payloads(visitor, early, late, sent_at=to_milliseconds(NOW - slow)) == [(0, "before_consent")]
    assert [stored.occurred_at for stored in Event.objects.all()] == [visitor.consented_at]
