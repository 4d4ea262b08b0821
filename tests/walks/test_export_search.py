"""`manage.py personalization_export --surface search`: what fits the searches of a file."""

import csv
from datetime import timedelta
from io import StringIO
from itertools import groupby
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now
from oscar.apps.partner.models import StockRecord

from personalization.models import Consent, Event, OrderVisitor, Visitor
from tests.shops import factories as shop
from tests.shops.saved_shops import open_shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
HEADER = "event_name,timestamp,client,search_term,item_id"


def create_products():
    """Nothing in their titles says what people type to find them."""
    return [shop.create_shop_product(title) for title in ("Sencha", "Assam", "Oolong", "Hidden")]


@pytest.fixture
def products():
    return create_products()


@pytest.fixture
def told():
    return StringIO()


@pytest.fixture
def exported(tmp_path, told):
    """Runs the command over this text of a file; gives the rows of its answer."""

    def run(text, name="lists.csv", **options):
        (tmp_path / "searches.csv").write_text(text, newline="")
        given = {"queries": str(tmp_path / "searches.csv"), "verbosity": 0, "stderr": told}
        call_command("personalization_export", str(tmp_path / name), **given | options)
        with open(tmp_path / name, newline="") as lines:
            return list(csv.DictReader(lines))

    return run


def log(*choices):
    """Each choice (query, product, times) is made by so many browsers."""
    at = now() - timedelta(days=1)
    for query, product, times in choices:
        for _ in range(times):
            visitor = Visitor.objects.create(consent=Consent.GRANTED, consented_at=at)
            bought = shop.create_past_order(None, [product], days_ago=2)  # who never bought is not heard alone
            OrderVisitor.objects.record_order(bought.pk, visitor.pk, bought.date_placed)
            common = {"visitor": visitor, "occurred_at": at, "received_at": at}
            Event.objects.create(event_id=uuid4(), type="search", query=query, **common)
            Event.objects.create(event_id=uuid4(), type="select_item", product_id=product.pk, **common)


@pytest.fixture
def trained():
    """The four products, and what browsers searched for and chose."""
    return open_shop(build_searched_shop)


def build_searched_shop():
    products = create_products()
    sencha, assam, oolong, _ = products
    log(("green tea", sencha, 9), ("green tea", assam, 5), ("black tea", assam, 6), ("cake", oolong, 5))
    call_command("personalization_train", verbosity=0)
    return products


def lists(rows, about="query"):
    return {name: [int(row["product"]) for row in group] for name, group in groupby(rows, lambda row: row[about])}


def test_a_search_is_answered_by_what_others_chose_after_it_though_the_engine_finds_nothing(trained, exported):
    sencha, assam, oolong, hidden = (product.pk for product in trained)
    rows = exported("query\ngreen tea\nGRÉEN  TEA!\ntea green\ngren tea\ncake\n", surface="search")
    assert list(rows[0]) == ["query", "rank", "product", "score", "code", "reason"]
    found = lists(rows)
    assert list(found) == ["green tea", "GRÉEN  TEA!", "tea green", "gren tea", "cake"]
    assert found["green tea"][:2] == found["GRÉEN  TEA!"][:2] == found["tea green"][:2] == [sencha, assam]
    assert found["gren tea"][0] == sencha and found["cake"][0] == oolong
    assert all(hidden not in keys for keys in found.values())


def test_only_what_was_chosen_after_this_very_query_says_so(trained, exported):
    rows = exported("query\ngreen tea\ngren tea\n")
    said = {(row["query"], row["rank"]): (row["code"], row["reason"]) for row in rows}
    assert said["green tea", "0"] == ("chosen_after_search", "Often chosen after this search")
    assert said["gren tea", "0"][0] != "chosen_after_search"


def test_an_id_comes_back_in_the_place_of_its_search(trained, exported, told):
    sencha, _, oolong, _ = (product.pk for product in trained)
    rows = exported("search_term,qid\ngreen tea,7\ncake,a-1\ncake,7\ngreen tea,9\n", top=1)
    assert list(rows[0]) == ["qid", "rank", "product", "score", "code", "reason"]
    assert lists(rows, "qid") == {"7": [sencha], "a-1": [oolong], "9": [sencha]}
    assert told.getvalue().endswith("line 4: qid 7 is already used; skipped.\n")


def test_a_customer_may_be_named_and_is_answered_each_by_themselves(trained, exported):
    sencha, assam, *_ = trained
    anna = shop.create_customer("anna")
    shop.create_past_order(anna, [assam])
    call_command("personalization_train", verbosity=0)
    rows = exported(f"q,customer_id\ngreen tea,{anna.pk}\ngreen tea,\ngreen tea,\n")
    assert list(rows[0]) == ["query", "customer", "rank", "product", "score", "code", "reason"]
    found = lists(rows, "customer")
    assert list(found) == [str(anna.pk), ""] and len(rows) == len(found[""]) + len(found[str(anna.pk)])
    assert found[""][:2] == found[str(anna.pk)][:2] == [sencha.pk, assam.pk]


def test_what_the_engine_finds_is_listed_too_and_what_nothing_is_known_of_at_the_end(trained, exported):
    new = shop.create_shop_product("Green tea, new")
    call_command("rebuild_index", interactive=False, verbosity=0)
    found = lists(exported("query\ngreen tea\nsencha\n"))
    assert found["green tea"][0] == trained[0].pk and found["green tea"][-1] == new.pk
    assert found["sencha"][0] == trained[0].pk


def test_what_cannot_be_bought_is_not_listed(trained, exported):
    StockRecord.objects.filter(product=trained[0]).update(num_in_stock=0)
    assert lists(exported("query\ngreen tea\n"))["green tea"][0] == trained[1].pk


def test_a_shop_without_searches_answers_with_what_its_engine_finds(products, exported):
    call_command("personalization_train", verbosity=0)
    call_command("rebuild_index", interactive=False, verbosity=0)
    assert lists(exported("query\nassam\nnonsense\n")) == {"assam": [products[1].pk]}


@pytest.mark.parametrize(
    "query",
    [
        "\0",
        "a\0b",
        "x" * 10_000,
        "tea " * 2_500,
        "🍵🍵",
        "שלום עולם",
        "\u202eaet\u202c",
        '"',
        "(((",
        "*:*",
        "AND OR NOT",
        "ﷺ" * 300,
    ],
)
def test_garbage_is_a_search_like_any_other(trained, exported, query):
    found = exported(f'query\n"{query.replace(chr(34), chr(34) * 2)}"\ncake\n')
    assert lists(found)["cake"][0] == trained[2].pk


@pytest.mark.parametrize(
    ("options", "text", "sentence"),
    [
        (
            {},
            "text\ntea\n",
            "search or query, query_id or qid .optional., customer_id or customer .optional.. Found",
        ),
        ({"surface": "home"}, "query\ntea\n", "--queries is for --surface search, not for home"),
        ({"queries": None, "surface": "search"}, "", "--surface search needs --queries IN.csv"),
    ],
)
def test_what_cannot_be_done_is_said(trained, exported, options, text, sentence):
    with pytest.raises(CommandError, match=sentence):
        exported(text, **options)


def test_a_public_log_of_buyers_is_imported_learned_and_asked(products, exported, tmp_path, settings):
    settings.PERSONALIZATION = {
        **settings.PERSONALIZATION,
        "EVENT_RETENTION_DAYS": 36_500,
        "SEARCH_RETENTION_DAYS": 36_500,
    }
    end = now().date() - timedelta(days=400)
    lines = []
    for session in range(6):
        for query, product in (("green tea", products[0]), ("cake", products[2])):
            day = f"{end - timedelta(days=20 - session)}T10:{session:02}"
            lines += [f"search,{day}:00Z,s{session},{query},", f"select_item,{day}:00Z,s{session},,{product.pk}"]
            if query == "green tea":
                lines[-2:] = [line.replace("T10", "T09") for line in lines[-2:]]
    (tmp_path / "log.csv").write_text("\n".join((HEADER, *lines)) + "\n")
    call_command("personalization_import_events", str(tmp_path / "log.csv"), anonymous=True, verbosity=0)
    for visitor in Visitor.objects.all():  # an import has no orders, and strangers alone teach nothing
        bought = shop.create_past_order(None, [products[3]], days_ago=402)
        OrderVisitor.objects.record_order(bought.pk, visitor.pk, bought.date_placed)
    call_command("personalization_train", as_of=str(end), verbosity=0)
    found = lists(exported("query\ngreen tea\ncake\n", as_of=str(end), top=1))
    assert found == {"green tea": [products[0].pk], "cake": [products[2].pk]}
