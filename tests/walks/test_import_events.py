"""Past events come in from files of another system."""

import csv
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Product

from personalization.exchange import event_files, event_import
from personalization.exchange.event_import import ImportOptions, browser_id, import_events
from personalization.models import ConsentRecord, DailyTotal, Event, SensitiveCategory, Visitor
from tests.shops.factories import create_shop_product

pytestmark = pytest.mark.django_db
TIME = (now() - timedelta(days=5)).replace(microsecond=0)
HEADER = "event_name,timestamp,user,item_id,search_term,quantity,event_id,client"


@pytest.fixture
def anna():
    return agreed(User.objects.create_user("anna", "Anna@Example.com", "x"))


@pytest.fixture
def tea():
    made = create_shop_product("Tea")
    Product.objects.filter(pk=made.pk).update(upc="0042")
    return made


def agreed(user: User) -> User:
    Visitor.objects.grant_all([user.pk], version="1", source="test", now=now())
    return user


def imported(capsys, file, *options: str) -> list[str]:
    call_command("personalization_import_events", str(file), *options)
    return capsys.readouterr().out.splitlines()


def rows(tmp_path, *lines: str, header: str = HEADER):
    file = tmp_path / "past.csv"
    file.write_text("\n".join((header, *lines)) + "\n")
    return file


def rejects(file) -> list[tuple[str, str]]:
    with file.with_name(f"{file.name}.rejects").open(newline="") as stream:
        return [(row["location"], row["code"]) for row in csv.DictReader(stream)]


def stored() -> list[tuple]:
    fields = ("type", "visitor__user", "product_id", "items", "query", "value")
    return list(Event.objects.order_by("occurred_at", "type", "id").values_list(*fields))


def test_views_searches_clicks_and_basket_adds_come_in(tmp_path, capsys, anna, tea):
    at = [(TIME + timedelta(minutes=n)).isoformat() for n in range(5)]
    file = rows(
        tmp_path,
        f"view_item,{at[0]},{anna.pk},{tea.pk},,,,",
        f"search,{at[1]},{anna.pk},,  green   tea ,,,",
        f"select_item,{at[2]},{anna.pk},{tea.pk},,,,",
        f"add_to_cart,{at[3]},{anna.pk},{tea.pk},,2,,",
        f"view_item_list,{at[4]},{anna.pk},{tea.pk},,,,",
    )
    assert imported(capsys, file) == ["5 rows: 5 stored, 0 already there, 0 rejected."]
    assert stored() == [
        ("view_item", anna.pk, tea.pk, [], "", None),
        ("search", anna.pk, None, [], "green tea", None),
        ("select_item", anna.pk, tea.pk, [], "", None),
        ("add_to_cart", anna.pk, tea.pk, [], "", 2.0),
        ("view_item_list", anna.pk, None, [[tea.pk, 0]], "", None),
    ]
    assert Event.objects.order_by("occurred_at").first().occurred_at == TIME
    assert not file.with_name("past.csv.rejects").exists()


def test_a_second_import_stores_nothing_new(tmp_path, capsys, anna, tea):
    line = f"view_item,{TIME.isoformat()},{anna.pk},{tea.pk},,,"
    file = rows(tmp_path, f"{line},", f"{line},", line.replace(f"{anna.pk},{tea.pk},,,", f"{anna.pk},{tea.pk},,,e-7,"))
    assert imported(capsys, file) == ["3 rows: 2 stored, 1 already there, 0 rejected."]
    assert imported(capsys, file) == ["3 rows: 0 stored, 3 already there, 0 rejected."]


def test_the_files_own_ids_are_kept(tmp_path, capsys, anna, tea):
    known = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    imported(capsys, rows(tmp_path, f"view_item,{TIME.isoformat()},{anna.pk},{tea.pk},,,{known},"))
    assert Event.objects.get().event_id == UUID(known)


def test_bad_rows_are_kept_aside_with_their_line_and_reason_and_the_rest_comes_in(tmp_path, capsys, anna, tea):
    ben = User.objects.create_user("ben")
    adult = create_from_breadcrumbs("Adults > Wine")
    SensitiveCategory.objects.create(category=adult.get_parent())
    wine = create_shop_product("Wine", adult)
    at, old = TIME.isoformat(), (now() - timedelta(days=91)).isoformat()
    ahead, month = (now() + timedelta(hours=1)).isoformat(), (now() - timedelta(days=31)).isoformat()
    cases = {
        f"purchase,{at},{anna.pk},{tea.pk},,,,": "purchases_not_accepted",
        f"page_view,{at},{anna.pk},{tea.pk},,,,": "unknown_event",
        f"view_item,yesterday,{anna.pk},{tea.pk},,,,": "invalid_time",
        f"view_item,99999-01-01,{anna.pk},{tea.pk},,,,": "invalid_time",
        f"view_item,0001-01-01T00:00+14:00,{anna.pk},{tea.pk},,,,": "invalid_time",
        f"view_item,{ahead},{anna.pk},{tea.pk},,,,": "in_future",
        f"view_item,{old},{anna.pk},{tea.pk},,,,": "too_old",
        f"search,{month},{anna.pk},,tea,,,": "too_old",
        f"search,{at},{anna.pk},,,,,": "missing_search_term",
        f"view_item,{at},{anna.pk},,,,,": "missing_item",
        f"view_item,{at},{anna.pk},987654,,,,": "unknown_product",
        f"view_item,{at},{anna.pk},{'9' * 40},,,,": "unknown_product",
        f"view_item,{at},{anna.pk},{wine.pk},,,,": "sensitive_product",
        f"add_to_cart,{at},{anna.pk},{tea.pk},,nan,,": "invalid_value",
        f"add_to_cart,{at},{anna.pk},{tea.pk},,-1,,": "invalid_value",
        f"view_item,{at},987654,{tea.pk},,,,": "unknown_user",
        f"view_item,{at},anna,{tea.pk},,,,": "unknown_user",
        f"view_item,{at},{'9' * 40},{tea.pk},,,,": "unknown_user",
        f"view_item,{at},,{tea.pk},,,,": "no_user",
        f"view_item,{at},,{tea.pk},,,,browser-1": "no_user",
        f"view_item,{at},{ben.pk},{tea.pk},,,,": "no_consent",
        f"view_item,{at},{anna.pk}": "invalid_row",
        f"view_item,{at},{anna.pk},\0,,,,": "invalid_row",
    }
    file = rows(tmp_path, *cases, f"view_item,{at},{anna.pk},{tea.pk},,,,")
    said = imported(capsys, file)
    assert said[0] == f"24 rows: 1 stored, 0 already there, 23 rejected, in {file}.rejects."
    assert rejects(file) == [(f"line {line}", code) for line, code in enumerate(cases.values(), start=2)]
    assert stored() == [("view_item", anna.pk, tea.pk, [], "", None)]


def test_a_reject_file_holds_the_row_and_the_reason_in_words(tmp_path, capsys, anna):
    file = rows(tmp_path, f"view_item,{TIME.isoformat()},{anna.pk},no-such,,,,")
    imported(capsys, file, "--rejects", str(tmp_path / "left.csv"))
    with (tmp_path / "left.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["message"] == "no public product has this id"
    assert json.loads(row["row"]) == ["view_item", TIME.isoformat(), str(anna.pk), "no-such", "", "", "", ""]


def test_what_is_not_utf8_costs_its_row_only(tmp_path, capsys, anna, tea):
    file = rows(tmp_path, f"view_item,{TIME.isoformat()},{anna.pk},{tea.pk},,,,")
    file.write_bytes(file.read_bytes() + b"search,2026-11-01,1,,caf\xe9,,,\n")
    assert imported(capsys, file)[0].startswith("2 rows: 1 stored, 0 already there, 1 rejected")
    assert b"caf\xe9" in (tmp_path / "past.csv.rejects").read_bytes()


@pytest.mark.parametrize("named", [("email", "anna@example.COM"), ("username", "anna")])
def test_customers_may_be_named_otherwise(tmp_path, capsys, anna, tea, named):
    by, user = named
    imported(capsys, rows(tmp_path, f"view_item,{TIME.isoformat()},{user},{tea.pk},,,,"), "--users", by)
    assert stored() == [("view_item", anna.pk, tea.pk, [], "", None)]


def test_an_address_of_two_customers_is_nobodys(tmp_path, capsys, anna, tea):
    User.objects.create_user("other", "ANNA@example.com")
    file = rows(tmp_path, f"view_item,{TIME.isoformat()},anna@example.com,{tea.pk},,,,")
    imported(capsys, file, "--users", "email")
    assert rejects(file) == [("line 2", "ambiguous_user")]


def test_products_may_be_named_otherwise_and_a_child_counts_as_its_parent(tmp_path, capsys, anna, tea):
    sku = tea.stockrecords.get().partner_sku
    line = f"view_item,{TIME.isoformat()},{anna.pk}"
    imported(capsys, rows(tmp_path, f"{line},0042,,,,"), "--items", "upc")
    imported(capsys, rows(tmp_path, f"{line},{sku},,,,"), "--items", "sku")
    small = Product.objects.create(structure=Product.CHILD, parent=tea, title="Small")
    imported(capsys, rows(tmp_path, f"{line},{small.pk},,,,"))
    assert stored() == [("view_item", anna.pk, tea.pk, [], "", None)] * 3


def test_a_setting_says_what_item_ids_are(tmp_path, capsys, anna, tea, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "EVENT_ITEM_ID_FIELD", "upc")
    imported(capsys, rows(tmp_path, f"view_item,{TIME.isoformat()},{anna.pk},0042,,,,"))
    assert stored() == [("view_item", anna.pk, tea.pk, [], "", None)]


def test_browsers_that_agreed_elsewhere_are_kept_when_asked(tmp_path, capsys, tea):
    file = rows(tmp_path, f"view_item,{TIME.isoformat()},,{tea.pk},,,,GA1.2.3", f"search,{TIME.isoformat()},,,tea,,,")
    assert imported(capsys, file, "--anonymous")[0].startswith("2 rows: 1 stored, 0 already there, 1 rejected")
    assert imported(capsys, file, "--anonymous")[0].startswith("2 rows: 0 stored, 1 already there, 1 rejected")
    browser = Visitor.objects.get()
    assert (browser.pk, browser.user, browser.consent) == (browser_id("GA1.2.3"), None, "granted")
    assert ConsentRecord.objects.values_list("state", "source").get() == ("granted", "import")


def test_nothing_is_kept_of_a_browser_whose_rows_are_all_rejected(tmp_path, capsys):
    imported(capsys, rows(tmp_path, f"view_item,{TIME.isoformat()},,987654,,,,GA1.2.3"), "--anonymous")
    assert not Visitor.objects.exists()


def test_nothing_from_before_a_customer_was_forgotten_comes_back(tmp_path, capsys, anna, tea):
    Visitor.objects.update(erased_at=TIME)
    at, later = TIME.isoformat(), (TIME + timedelta(seconds=1)).isoformat()
    file = rows(tmp_path, f"view_item,{at},{anna.pk},{tea.pk},,,,", f"view_item,{later},{anna.pk},{tea.pk},,,,")
    imported(capsys, file)
    assert rejects(file) == [("line 2", "erased_later")]
    assert Event.objects.count() == 1


def test_nothing_from_while_a_customer_had_withdrawn_comes_in(tmp_path, capsys, anna, tea):
    visitor = Visitor.objects.get()
    visitor.change_consent("withdrawn", version="1", source="account", now=TIME)
    line = f",{anna.pk},{tea.pk},,,,"
    file = rows(tmp_path, f"view_item,{(TIME + timedelta(hours=1)).isoformat()}{line}")
    imported(capsys, file)
    assert rejects(file) == [("line 2", "no_consent")]
    visitor.change_consent("granted", version="1", source="account", now=TIME + timedelta(hours=2))
    imported(capsys, file)
    assert rejects(file) == [("line 2", "no_consent")]
    imported(capsys, rows(tmp_path, f"view_item,{(TIME + timedelta(hours=3)).isoformat()}{line}"))
    assert Event.objects.count() == 1


def test_a_childs_past_stays_away(tmp_path, capsys, anna, tea, monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "IS_CHILD_CALLABLE", "tests.walks.test_import_events.is_anna")
    file = rows(tmp_path, f"view_item,{TIME.isoformat()},{anna.pk},{tea.pk},,,,")
    imported(capsys, file)
    assert rejects(file) == [("line 2", "no_consent")]


def is_anna(user: User) -> bool:
    return user.username == "anna"


def test_a_dry_run_says_what_would_be_and_changes_nothing(tmp_path, capsys, anna, tea):
    at = TIME.isoformat()
    file = rows(tmp_path, f"view_item,{at},{anna.pk},{tea.pk},,,,", f"view_item,{at},,{tea.pk},,,,b", f"x,{at},,,,,,")
    said = imported(capsys, file, "--dry-run", "--anonymous")
    assert said == [f"3 rows: 2 would be stored, 0 already there, 1 rejected, in {file}.rejects.", "  1 unknown_event"]
    assert not Event.objects.exists() and not DailyTotal.objects.exists() and Visitor.objects.count() == 1


def test_json_lines_of_ga4s_export_come_in(tmp_path, capsys, anna, tea):
    other = create_shop_product("Milk")
    micros = int(TIME.timestamp() * 1_000_000)
    said = [
        {"event_name": "view_item", "event_timestamp": micros, "user_id": str(anna.pk), "user_pseudo_id": "x"},
        {"event_name": "view_item_list", "event_timestamp": str(micros), "user_id": anna.pk},
        {"event_name": "search", "timestamp": TIME.isoformat(), "user": anna.pk},
        {"event_name": "add_to_cart", "timestamp": int(TIME.timestamp() * 1000), "user": anna.pk},
    ]
    said[0]["items"] = [{"item_id": str(tea.pk), "price": 3.5}]
    said[1]["items"] = [{"item_id": str(tea.pk)}, {"item_id": "gone"}, {"item_id": other.pk}]
    said[2]["event_params"] = [{"key": "search_term", "value": {"string_value": "tea"}}]
    said[3]["items"] = [{"item_id": tea.pk, "quantity": 3}]
    file = tmp_path / "past.jsonl"
    file.write_text("\n".join(map(json.dumps, said)))
    assert imported(capsys, file) == ["4 rows: 4 stored, 0 already there, 0 rejected."]
    assert set(Event.objects.values_list("occurred_at", flat=True)) == {TIME}
    assert sorted(stored(), key=lambda row: row[0]) == [
        ("add_to_cart", anna.pk, tea.pk, [], "", 3.0),
        ("search", anna.pk, None, [], "tea", None),
        ("view_item", anna.pk, tea.pk, [], "", None),
        ("view_item_list", anna.pk, None, [[tea.pk, 0], [other.pk, 1]], "", None),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[1]",
        b"nonsense",
        b"[" * 60_000,
        b'{"event_name": "search", "timestamp": "2026-11-01", "user": {"a": 1}}',
        b'{"event_name": ["search"], "timestamp": "2026-11-01"}',
        b'{"event_name": "view_item", "timestamp": "2026-11-01", "user": "a\\u0000b", "item_id": 1}',
        b'{"event_name": "view_item", "timestamp": "2026-11-01", "user": "\\ud800", "item_id": 1}',
        b'{"event_name": "view_item", "timestamp": "2026-11-01", "user": 1, "items": 7}',
        b'{"event_name": "view_item", "timestamp": "2026-11-01", "user": 1, "items": [7]}',
        b'{"event_name": "view_item", "timestamp": "2026-11-01", "user": 1, "item_id": true}',
        b'{"event_name": "view_item", "timestamp": "2026-11-01", "user": ' + b"9" * 5_000 + b"}",
        b'{"event_name": "\xff\xfe"}',
        b'"' + b"x" * 70_000 + b'"',
    ],
)
def test_no_line_of_json_stops_the_others(tmp_path, capsys, anna, tea, line):
    good = {"event_name": "view_item", "timestamp": TIME.isoformat(), "user": anna.pk, "item_id": tea.pk}
    file = tmp_path / "past.jsonl"
    file.write_bytes(line + b"\n\n" + json.dumps(good).encode())
    assert imported(capsys, file)[0].startswith("2 rows: 1 stored, 0 already there, 1 rejected")
    assert rejects(file) == [("line 1", "invalid_row")]


def test_days_on_which_something_happened_are_counted_anew(tmp_path, capsys, anna, tea):
    at = datetime.combine((now() - timedelta(days=60)).date(), datetime.min.time(), UTC) + timedelta(hours=12)
    file = rows(tmp_path, f"view_item,{at.isoformat()},{anna.pk},{tea.pk},,,,")
    imported(capsys, file)
    columns = ("date", "type", "product_id", "event_count")
    assert list(DailyTotal.objects.order_by("product_id").values_list(*columns)) == [
        (at.date(), "view_item", 0, 1),
        (at.date(), "view_item", tea.pk, 1),
    ]


def test_an_interrupted_import_is_begun_again(tmp_path, capsys, anna, tea, monkeypatch):
    monkeypatch.setattr(event_import, "ROWS_PER_BATCH", 10)
    lines = (f"view_item,{(TIME + timedelta(seconds=n)).isoformat()},{anna.pk},{tea.pk},,,," for n in range(35))
    file = rows(tmp_path, *lines)
    with event_files.open_event_file(file) as there, pytest.raises(KeyboardInterrupt):
        import_events(interrupted_after(25, there), ImportOptions(), print, now())
    assert Event.objects.count() == 20
    assert imported(capsys, file) == ["35 rows: 15 stored, 20 already there, 0 rejected."]
    assert DailyTotal.objects.get(product_id=tea.pk).event_count == 35


def interrupted_after(rows: int, stream):
    for number, line in enumerate(stream):
        if number == rows:
            raise KeyboardInterrupt
        yield line


def test_customers_and_products_are_looked_up_together(tmp_path, capsys, anna, tea, django_assert_max_num_queries):
    lines = [f"view_item,{(TIME + timedelta(seconds=n)).isoformat()},{anna.pk},{tea.pk},,,," for n in range(1_000)]
    with event_files.open_event_file(rows(tmp_path, *lines)) as there, django_assert_max_num_queries(36):
        event_import._import_batch(
            list(there), event_import._ImportBatch(ImportOptions(), now()), print, event_import.ImportResult()
        )


def test_memory_does_not_grow_with_the_file(tmp_path, anna, tea):
    assert peak(tmp_path, anna, tea, 8_000) < 1.25 * peak(tmp_path, anna, tea, 2_000)


def peak(tmp_path, anna, tea, count: int) -> int:
    lines = (f"view_item,{TIME.timestamp() + n / 100:.2f},{anna.pk},{tea.pk},,,," for n in range(count))
    file = rows(tmp_path, *lines)
    tracemalloc.start()
    try:
        with event_files.open_event_file(file) as there:
            assert import_events(there, ImportOptions(), print, now()).rows == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        Event.objects.all().delete()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("past.txt", "", "past.txt does not end in .csv or .jsonl, the formats of past events."),
        (
            "past.csv",
            "a,b\n",
            "past.csv needs a header row with these columns: event_name, timestamp or event_timestamp, user or user_id",
        ),
        ("past.csv", None, "past.csv could not be read: [Errno 2] No such file or directory"),
        ("past.jsonl", None, "past.jsonl could not be read: [Errno 2] No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, name, content, said):
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    with pytest.raises(CommandError) as error:
        call_command("personalization_import_events", str(file))
    assert str(error.value).startswith(f"{tmp_path}/{said}")
