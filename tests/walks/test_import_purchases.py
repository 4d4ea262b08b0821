"""Purchases in stores come in from files of the tills."""

import csv
import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from personalization.exchange import purchase_import
from personalization.exchange.purchase_import import PurchaseOptions, import_purchases
from personalization.exchange.tabular import TableRow
from personalization.models import LoyaltyCard, Purchase, Store, Visitor
from personalization.privacy.loyalty_cards import hash_card_number
from personalization.privacy.retention import apply_retention
from tests.shops import factories as shop
from tests.shops.tills import buy_in_store

pytestmark = pytest.mark.django_db
TIME = (now() - timedelta(days=5)).replace(microsecond=0)
HEADER = "receipt,line,time,sku,quantity,price,currency,store,card,customer,returned,returned_receipt"
CARD = "2900 1234 5678"


@pytest.fixture(autouse=True)
def card_key(monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "CARD_NUMBER_KEY", "a key of the tests")


@pytest.fixture
def anna():
    return shop.create_customer("anna")


@pytest.fixture
def teas():
    """SKU by product."""
    products = [shop.create_shop_product(f"Tea {number}") for number in range(3)]
    return {product.stockrecords.get().partner_sku: product for product in products}


@pytest.fixture
def link(anna):
    """Anna's card."""
    return LoyaltyCard.objects.create(number_hash=hash_card_number(CARD), user=anna, since=now())


def write(path, *lines):
    file = path / "receipts.csv"
    file.write_text("\n".join([HEADER, *lines]) + "\n")
    return file


def run(file, *options):
    output = io.StringIO()
    call_command("personalization_import_purchases", str(file), *options, stdout=output)
    return output.getvalue().splitlines()


def stored():
    fields = [field.attname for field in Purchase._meta.concrete_fields if field.name not in ("id", "card", "store")]
    return sorted(Purchase.objects.values_list(*fields, "card__number_hash", "store__code"), key=str)


def test_a_line_becomes_a_purchase_of_the_card_that_a_customer_linked(tmp_path, anna, teas, link):
    sku = next(iter(teas))
    run(write(tmp_path, f"R1,1,{TIME.isoformat()},{sku},2,7.00,eur,main,2900-12345678,,,"))
    line = Purchase.objects.get()
    assert (line.user, line.card, line.product_id, line.store.name) == (anna, link, teas[sku].pk, "main")
    assert (line.quantity, line.price, line.currency, line.at) == (2, Decimal("7.00"), "EUR", TIME)


@pytest.mark.usefixtures("rows_of_one_line")
def test_what_was_bought_in_a_store_is_offered_to_buy_again(client, trained, tmp_path):
    users, products = trained
    LoyaltyCard.objects.create(number_hash=hash_card_number(CARD), user=users[1], since=now())
    even = products[0]
    sku = even.stockrecords.get().partner_sku
    run(
        write(
            tmp_path,
            *(f"R{n},1,{TIME - timedelta(days=7 * n):%Y-%m-%dT12:00},{sku},1,3.50,,,{CARD},,," for n in range(5)),
        )
    )
    client.force_login(users[1])
    page = client.get("/")
    (row,) = [row for row in page.context["slate"].rows if row.type == "buy_again"]
    (item,) = [item for item in row.items if item.product_id == even.pk]
    assert item.explanation.startswith("Last bought ") and item.explanation in page.content.decode()


def test_of_a_card_only_a_keyed_hash_is_stored(tmp_path, teas, monkeypatch):
    line = f"R1,1,{TIME.isoformat()},{next(iter(teas))},1,3.50,,,{CARD},,,"
    run(write(tmp_path, line))
    first = LoyaltyCard.objects.get().number_hash
    assert len(first) == 64 and "1234" not in str(stored()).replace(first, "")
    monkeypatch.setitem(settings.PERSONALIZATION, "CARD_NUMBER_KEY", "another key")
    run(write(tmp_path, line))
    assert LoyaltyCard.objects.count() == 2
    monkeypatch.setitem(settings.PERSONALIZATION, "CARD_NUMBER_KEY", "")
    assert "Cards are left out, as the setting CARD_NUMBER_KEY is empty." in run(write(tmp_path, line))
    assert Purchase.objects.get().card is None


def test_a_dry_run_stores_nothing_and_reports_in_words(tmp_path, teas, link):
    first, second, _ = teas
    moment = TIME.isoformat()
    file = write(
        tmp_path,
        f"R1,1,{moment},{first},1,3.50,,new,{CARD},,,",
        f"R1,2,{moment},gone,1,3.50,,,{CARD},,,",
        f"R2,1,{moment},{second},1,3.50,,,other card,,,",
        f"R3,1,{moment},{second},-1,3.50,,,,,,R2",
        f"R4,1,yesterday,{second},1,3.50,,,,,,",
    )
    words = run(file, "--dry-run")
    assert words == [
        f"5 lines: 4 would be stored, 0 already there, 1 rejected, in {file}.rejects.",
        "33 % of the products unknown: gone",
        "50 % of the lines with a card that we know, 25 % with a card that nobody linked, 0 % of a customer whom the "
        "source names; the others are nobody's.",
        "1 of the lines are returns.",
        "New stores: new. Say where they are.",
        "  1 invalid_time",
    ]
    assert not Purchase.objects.exists() and not Store.objects.exists() and LoyaltyCard.objects.count() == 1
    with open(f"{file}.rejects", newline="") as rejects:
        (rejected,) = csv.DictReader(rejects)
    assert (rejected["location"], rejected["code"]) == ("line 6", "invalid_time") and "R4" in rejected["row"]


def test_an_import_that_was_killed_and_is_repeated_ends_like_one_that_was_not(teas, link, monkeypatch):
    monkeypatch.setattr(purchase_import, "LINES_PER_BATCH", 10)
    skus = list(teas)
    cells = [
        {"receipt": f"R{n // 3}", "line": str(n % 3), "time": TIME.isoformat(), "sku": skus[n % 3], "price": "3.50"}
        | ({"card": CARD} if n % 2 else {})
        for n in range(45)
    ]
    rows = [TableRow(f"line {number}", each) for number, each in enumerate(cells)]

    def killed():
        yield from rows[:25]
        raise KeyboardInterrupt

    moment, reject = now(), pytest.fail
    import_purchases(rows, PurchaseOptions(), reject, moment)
    whole = stored()
    Purchase.objects.all().delete()
    with pytest.raises(KeyboardInterrupt):
        import_purchases(killed(), PurchaseOptions(), reject, moment)
    assert Purchase.objects.count() == 20  # whole batches
    result = import_purchases(rows, PurchaseOptions(), reject, moment)
    assert (result.stored, result.repeated, stored()) == (25, 20, whole)
    assert import_purchases(rows, PurchaseOptions(), reject, moment).stored == 0 and stored() == whole


def test_a_retry_within_a_file_counts_once(tmp_path, teas):
    line = f"R1,1,{TIME.isoformat()},{next(iter(teas))},1,3.50,,,,,,"
    assert run(write(tmp_path, line, line))[0] == "2 lines: 1 stored, 1 already there, 0 rejected."


def test_a_product_that_comes_later_is_found_by_the_next_import(tmp_path):
    file = write(tmp_path, f"R1,1,{TIME.isoformat()},4711,1,3.50,,,,,,")
    run(file)
    assert (Purchase.objects.get().product_id, Purchase.objects.get().sku) == (None, "4711")
    tea = shop.create_shop_product("Tea")
    tea.stockrecords.update(partner_sku="4711")
    run(file)
    assert Purchase.objects.get().product_id == tea.pk


def test_a_time_without_a_zone_is_by_the_clock_of_the_store(tmp_path, teas):
    Store.objects.create(code="tokyo", name="Tokyo", time_zone="Asia/Tokyo")
    day, sku = (now() - timedelta(days=3)).date(), next(iter(teas))
    run(write(tmp_path, *(f"R{n},1,{day}T09:30:00,{sku},1,1,,{code},,,," for n, code in enumerate(["tokyo", ""]))))
    tokyo, own = Purchase.objects.order_by("external_id")
    assert tokyo.at == datetime(day.year, day.month, day.day, 0, 30, tzinfo=UTC)
    assert own.at.astimezone().tzinfo and own.at != tokyo.at


def test_a_return_counts_below_zero_and_takes_back_what_its_receipt_sold(tmp_path, teas):
    first, second, _ = teas
    moment = TIME.isoformat()
    run(
        write(
            tmp_path,
            f"R1,1,{moment},{first},1,3.50,,,,,,",
            f"R1,2,{moment},{second},1,3.50,,,,,,",
            f"R9,1,{moment},{first},-1,3.50,,,,,,R1",
        )
    )
    assert [line.product_id for line in Purchase.objects.bought()] == [teas[second].pk]
    assert Purchase.objects.get(external_id="R9").price == Decimal("-3.50")
    run(write(tmp_path, f"R1,2,{moment},{second},1,3.50,,,,,1,"))
    assert not Purchase.objects.bought().exists()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (",1,{time},x,1,1,,,,,,", "invalid_row"),
        ("R,one,{time},x,1,1,,,,,,", "invalid_row"),
        ("R,1,{time},x,0,1,,,,,,", "invalid_value"),
        ("R,1,{time},x,1,NaN,,,,,,", "invalid_value"),
        ("R,1,{time},x,1,1e99,,,,,,", "invalid_value"),
        ("R,1,{time},x,1,1,euro,,,,,", "invalid_row"),
        ("R,1,{time},x,1,1,,,,,maybe,", "invalid_value"),
        ("R,1,{time},x,1,1,,,,nobody,,", "unknown_customer"),
        ("R,1,2999-01-01,x,1,1,,,,,,", "in_future"),
        ("R,1,1999-01-01,x,1,1,,,,,,", "too_old"),
        ("R,1", "invalid_row"),
        ("R" * 65 + ",1,{time},x,1,1,,,,,,", "invalid_row"),
    ],
)
def test_a_line_that_cannot_be_used_is_rejected_alone(tmp_path, line, code):
    good = f"G,1,{TIME.isoformat()},x,1,1,,,,,,"
    words = run(write(tmp_path, line.format(time=TIME.isoformat()), good))
    assert words[-1] == f"  1 {code}" and Purchase.objects.get().external_id == "G"


def test_what_a_customer_had_deleted_does_not_become_theirs_again(tmp_path, anna, teas):
    line = f"R1,1,{TIME.isoformat()},{next(iter(teas))},1,3.50,,,,{anna.pk},,"
    run(write(tmp_path, line))
    assert Purchase.objects.get().user == anna
    Visitor.objects.filter(user=anna).update(erased_at=now())
    run(write(tmp_path, line))
    assert Purchase.objects.get().user is None


def test_a_file_of_too_many_lines_is_refused_before_anything_is_stored(tmp_path, monkeypatch):
    monkeypatch.setattr("personalization.management.commands.personalization_import_purchases.MAX_LINES", 2)
    with pytest.raises(CommandError, match="has 3 lines; split it into files of at most 2"):
        run(write(tmp_path, *(f"R{n},1,{TIME.isoformat()},x,1,1,,,,,," for n in range(3))))
    assert not Purchase.objects.exists()


def test_memory_does_not_grow_with_the_file(teas):
    skus = list(teas)

    def rows(count):
        for n in range(count):
            yield TableRow(
                f"line {n}",
                {"receipt": f"R{n}", "line": "1", "time": TIME.isoformat(), "sku": skus[n % 3], "price": "1"},
            )

    def peak(count):
        tracemalloc.start()
        import_purchases(rows(count), PurchaseOptions(), pytest.fail, now())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    few = peak(2_000)
    assert peak(8_000) < 1.3 * few


def test_old_purchases_are_deleted(anna):
    tea = shop.create_shop_product("Tea")
    (recent,) = buy_in_store(anna, [tea], days_ago=1000)
    buy_in_store(anna, [tea], days_ago=1100)
    assert apply_retention(now()).purchases == 1 and Purchase.objects.get() == recent


def test_stores_are_listed_and_get_their_time_zone(capsys):
    Store.objects.add_codes(["main"])
    call_command("personalization_stores", "main", "--name", "Main street", "--time-zone", "Asia/Tokyo")
    call_command("personalization_stores", "north", "--click-and-collect", "--country", "DE")
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "main  Main street  Asia/Tokyo",
        "north  north  DE  UTC  click and collect",
    ]
    with pytest.raises(CommandError, match="There is no such time zone: Mars"):
        call_command("personalization_stores", "main", "--time-zone", "Mars")
