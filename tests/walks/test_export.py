"""`manage.py personalization_export`: ranked lists as a file."""

import csv
from datetime import timedelta
from io import StringIO
from itertools import groupby

import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from oscar.apps.catalogue.models import Category, Product
from oscar.apps.partner.models import StockRecord
from oscar.test.factories import create_product

from personalization.decide import active_snapshot
from personalization.exchange import tabular
from personalization.models import Genome, Snapshot
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def told():
    """What the commands of a test said on the standard error."""
    return StringIO()


@pytest.fixture
def exported(tmp_path, told):
    """Runs the command; gives the rows of its file. Text given for an option is the content of a file."""

    def run(name="lists.csv", **options):
        for option in {"baskets", "listings", "rerank"} & options.keys():
            given = tmp_path / f"{option}.csv"
            given.write_text(options[option])
            options[option] = str(given)
        call_command("personalization_export", str(tmp_path / name), **{"verbosity": 0, "stderr": told} | options)
        with open(tmp_path / name, newline="") as lines:
            return list(csv.DictReader(lines))

    return run


def column(rows, name):
    return [int(row[name]) for row in rows]


def lists(rows, about, what="product"):
    """The ranked keys by what they are about."""
    return {name: column(group, what) for name, group in groupby(rows, lambda row: row[about])}


# For each customer.


def test_everyone_who_ever_ordered_has_a_list_of_what_they_buy(trained, exported):
    users, products = trained
    User.objects.create_user("stranger")
    found = lists(exported(top=5), "customer")
    assert list(found) == [str(user.pk) for user in users]
    keys = [product.pk for product in products]
    assert {key: {keys.index(product) % 2 for product in found[key]} for key in found} == {
        str(user.pk): {n % 2} for n, user in enumerate(users)
    }


def test_a_row_says_where_a_product_stands_and_why(trained, exported):
    users, products = trained
    rows = exported(customers=str(users[3].pk), top=4)
    assert list(rows[0]) == ["customer", "rank", "product", "score", "code", "reason"]
    assert column(rows, "rank") == [0, 1, 2, 3]
    assert {row["code"] for row in rows} == {"bought_before"}
    assert set(column(rows, "product")[:2]) == {products[1].pk, products[3].pk}
    assert rows[0]["reason"].startswith("You bought it 6 times, most recently on ")
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_navigation_lists_categories(trained, exported):
    users, _ = trained
    rows = exported(surface="navigation", customers=str(users[3].pk))
    assert list(rows[0]) == ["customer", "rank", "category", "score", "code", "reason"]
    names = Category.objects.in_bulk(column(rows, "category"))
    assert [names[key].name for key in column(rows, "category")][:2] in (["Grocery", "Odd"], ["Odd", "Grocery"])


def test_new_only_leaves_out_all_that_the_customer_bought(trained, exported, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "GENOME_MAX_PRODUCTS": 2}
    users, _ = trained
    call_command("personalization_train", verbosity=0)
    rows = exported(customers=str(users[0].pk), new_only=True)
    bought = {line.product_id for order in users[0].orders.all() for line in order.lines.all()}
    assert rows and bought.isdisjoint(column(rows, "product"))
    assert column(rows, "rank") == list(range(len(rows)))


def test_what_cannot_be_bought_is_not_listed(trained, exported):
    users, products = trained
    StockRecord.objects.filter(product=products[0]).update(num_in_stock=0)
    found = column(exported(customers=str(users[0].pk)), "product")
    assert products[2].pk in found and products[0].pk not in found


def test_the_size_of_a_batch_changes_nothing(trained, exported, monkeypatch):
    from personalization.management.commands import personalization_export

    whole = exported()
    monkeypatch.setattr(personalization_export, "REQUESTS_PER_BATCH", 5)
    assert exported() == whole


def test_twice_the_customers_cost_no_more_queries(trained, exported):
    users, _ = trained

    def queries(customers):
        active_snapshot.get_active_snapshot()  # is looked for once in a while
        with CaptureQueriesContext(connection) as seen:
            exported(customers=",".join(str(user.pk) for user in customers))
        written = ("personalization_run", "SAVEPOINT")  # that it runs, at most once a second
        return sum(not any(word in query["sql"] for word in written) for query in seen.captured_queries)

    assert queries(users) == queries(users[:12]) == 7


def test_customers_are_asked_for_by_their_keys_and_unknown_ones_are_named(trained, exported, told):
    users, _ = trained
    rows = exported(customers=f"{users[5].pk},999999,{users[2].pk},{users[5].pk}", top=1)
    assert column(rows, "customer") == [users[5].pk, users[2].pk]
    assert told.getvalue() == "--customers, 999999: customer does not exist; skipped.\n"


# For baskets.


def test_a_basket_is_completed_with_what_goes_with_it(trained, exported):
    _, products = trained
    even, odd = [product.pk for product in products[0::2]], [product.pk for product in products[1::2]]
    text = f"product_id,basket_id\n{even[0]},20\n{odd[0]},3\n{even[1]},20\n"  # its rows need not stand together
    rows = exported(baskets=text, top=6)
    assert list(rows[0]) == ["basket", "rank", "product", "score", "code", "reason"]
    found = lists(rows, "basket")
    assert list(found) == ["20", "3"]
    assert set(found["20"]) <= set(even[2:]) and set(found["3"]) <= set(odd[1:])
    assert {row["code"] for row in rows} == {"bought_together_with_basket"}


def test_a_basket_knows_its_customer_when_any_of_its_rows_says_so(trained, exported):
    users, products = trained
    customer = users[1].pk
    text = f"basket,product,customer\n1,{products[0].pk},\n1,{products[2].pk},{customer}\n2,{products[0].pk},\n"
    codes = {
        name: {row["code"] for row in rows} for name, rows in groupby(exported(baskets=text), lambda r: r["basket"])
    }
    assert "bought_before" in codes["1"] and "bought_before" not in codes["2"]


def test_a_child_in_a_basket_counts_as_its_parent(trained, exported):
    _, products = trained
    child = create_product(structure="child", parent=products[0], title="Small")
    Product.objects.filter(pk=products[0].pk).update(structure="parent")
    whole = exported(baskets=f"basket,product\n1,{products[0].pk}\n")
    assert exported(baskets=f"basket,product\n1,{child.pk}\n") == whole != []


def test_the_names_of_baskets_come_back_as_they_were_given(trained, exported):
    _, products = trained
    text = "basket,product\n" + "".join(f"{name},{products[0].pk}\n" for name in ("B-7", "007", "7", '"a,b"'))
    assert list(lists(exported(baskets=text, top=1), "basket")) == ["B-7", "007", "7", "a,b"]


# For category pages and searches.


def test_a_category_page_comes_in_the_order_of_the_customer(trained, exported):
    users, products = trained
    even = Category.objects.get(name="Even")
    rows = exported(listings=f"customer,category\n{users[0].pk},{even.pk}\n,{even.pk}\n{users[0].pk},{even.pk}\n")
    assert list(rows[0]) == ["customer", "category", "rank", "product", "score", "code", "reason"]
    found = lists(rows, "customer")
    assert list(found) == [str(users[0].pk), ""]
    assert set(found[""]) == set(found[str(users[0].pk)]) == {product.pk for product in products[0::2]}
    assert set(found[str(users[0].pk)][:2]) == {products[0].pk, products[2].pk}


@pytest.mark.usefixtures("own_files")
def test_a_search_comes_in_the_order_of_the_customer_with_what_is_new_at_its_end(trained, exported):
    users, products = trained
    new, sold_out = (
        shop.create_shop_product("Product of today"),
        shop.create_shop_product("Product of yesterday", stock=0),
    )
    call_command("rebuild_index", interactive=False, verbosity=0)
    rows = exported(listings=f"customer_id,query\n{users[0].pk},product\n{users[1].pk},Product 1\n,nonsense\n")
    assert list(rows[0]) == ["customer", "query", "rank", "product", "score", "code", "reason"]
    found = lists(rows, "query")
    assert set(found["product"]) == {product.pk for product in [*products, new]} - {sold_out.pk}
    assert set(found["product"][:2]) == {products[0].pk, products[2].pk}
    assert found["product"][-1] == new.pk
    assert [(row["score"], row["code"]) for row in rows if int(row["product"]) == new.pk] == [("", "")] * 2
    assert "nonsense" not in found


# For lists that somebody else made.


def test_a_list_comes_back_whole_in_the_order_of_its_customer(trained, exported):
    users, products = trained
    StockRecord.objects.filter(product=products[4]).update(num_in_stock=0)
    given = [products[n].pk for n in (4, 39, 7, 0)] + [999_999, products[2].pk]
    text = "list_id,customer_id,product_id\n" + "".join(f"a,{users[0].pk},{key}\n" for key in given)
    rows = exported(rerank=text)
    assert list(rows[0]) == ["list", "rank", "product", "score", "code", "reason"]
    found = column(rows, "product")
    assert sorted(found) == sorted(given)
    assert set(found[:2]) == {products[0].pk, products[2].pk}
    assert found[-2:] == [products[4].pk, 999_999]
    assert [(row["score"], row["code"], row["reason"]) for row in rows[-2:]] == [("", "", "")] * 2


def test_children_and_repetitions_in_a_list_stand_together_where_their_product_does(trained, exported):
    users, products = trained
    Product.objects.filter(pk=products[0].pk).update(structure="parent")
    small, large = (create_product(structure="child", parent=products[0], price=3, num_in_stock=5) for _ in range(2))
    given = [products[1].pk, small.pk, products[3].pk, large.pk, small.pk]
    rows = exported(rerank="list,customer,product\n" + "".join(f"1,{users[0].pk},{key}\n" for key in given))
    assert column(rows, "product")[:3] == [small.pk, large.pk, small.pk]
    assert set(column(rows, "product")[3:]) == {products[1].pk, products[3].pk}


# As of an earlier day.


def test_as_of_a_day_nothing_of_later_is_known(trained, exported):
    users, products = trained
    then = now() - timedelta(days=10)
    before = exported(as_of=then.isoformat(), top=10)
    serving = Snapshot.objects.active().get().name
    shop.create_past_order(users[0], products[1::2], days_ago=1)
    call_command("personalization_train", verbosity=0)
    genomes = list(Genome.objects.values())
    assert exported(as_of=then.isoformat(), top=10) == before != exported(top=10)
    assert list(Genome.objects.values()) == genomes
    assert Snapshot.objects.active().get().name != serving


def test_as_of_a_day_who_ordered_later_has_no_list_yet(trained, exported):
    _, products = trained
    late = User.objects.create_user("late")
    shop.create_past_order(late, products[:3], days_ago=2)
    day = (now() - timedelta(days=4)).date().isoformat()
    assert str(late.pk) not in lists(exported(as_of=day, top=1), "customer")


def test_new_only_as_of_a_day_lists_what_was_bought_later(trained, exported):
    users, _ = trained
    then = now() - timedelta(days=30)
    rows = exported(customers=str(users[0].pk), new_only=True, as_of=then.isoformat())
    bought = {
        line.product_id: line.order.date_placed
        for order in users[0].orders.order_by("-date_placed")
        for line in order.lines.all()
    }
    first = [bought[key] for key in column(rows, "product") if key in bought]
    assert first and min(first) > then


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "", "1"])
def test_a_date_that_is_none_is_refused_with_an_example(exported, text):
    with pytest.raises(CommandError, match=rf"--as-of is '{text}'; expected a date such as 2026-"):
        exported(as_of=text)


def test_a_date_without_a_zone_is_in_the_shops_own(settings):
    from personalization.management.options import parse_moment

    settings.TIME_ZONE = "America/New_York"
    assert parse_moment("2026-01-01") == parse_moment("2026-01-01T00:00-05:00") == parse_moment("2026-01-01T05:00Z")


# Files.


def test_a_parquet_file_holds_the_same_with_types(trained, exported, tmp_path):
    users, _ = trained
    rows = exported(customers=str(users[0].pk))
    call_command("personalization_export", str(tmp_path / "a.parquet"), customers=str(users[0].pk), verbosity=0)
    table = pq.read_table(tmp_path / "a.parquet")
    assert [str(kind) for kind in table.schema.types] == ["int64", "int64", "int64", "double", "string", "string"]
    assert [{name: str(value) for name, value in row.items()} for row in table.to_pylist()] == rows


def test_what_is_asked_for_may_stand_in_a_parquet_file(trained, exported, tmp_path):
    users, products = trained
    text = f"basket_id,product_id,customer_id\n1,{products[0].pk},\n2,{products[2].pk},{users[0].pk}\n"
    rows = exported(baskets=text)
    with tabular.write_table(tmp_path / "in.parquet", {"basket": int, "product": int, "customer": float}) as write:
        write([(1, products[0].pk, None), (2, products[2].pk, float(users[0].pk))])
    call_command("personalization_export", str(tmp_path / "b.csv"), baskets=tmp_path / "in.parquet", verbosity=0)
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "lists.csv").read_bytes() and rows


def test_bad_rows_are_named_by_line_and_skipped(trained, exported, told, capsys):
    users, products = trained
    user, good = users[0].pk, products[0].pk
    text = (
        f"basket_id,customer_id,product_id\n1,,{good}\n1,,x1\n1,{user},\n1,999999,{good}\n1,a,{good}\n1,,999999\n2,7\n"
        f",,{good}\n1,{users[1].pk},{good}\n1,{user},{good}\n3,,99999999999999999999\n"
    )
    rows = exported(baskets=text, verbosity=1)
    assert set(lists(rows, "basket")) == {"1"}
    assert [line.partition(", ")[2] for line in told.getvalue().splitlines()] == [
        "line 3: product 'x1' is not a number; skipped.",
        "line 4: product is empty; skipped.",
        "line 5: customer 999999 does not exist; skipped.",
        "line 6: customer 'a' is not a number; skipped.",
        "line 7: product 999999 does not exist; skipped.",
        "line 8: has 2 columns where the header has 3; skipped.",
        "line 9: basket is empty; skipped.",
        f"line 11: basket 1 belongs to customer {users[1].pk}, not {user}; skipped.",
        "line 12: product '99999999999999999999' is not a number; skipped.",
    ]
    assert capsys.readouterr().out.endswith("the basket lists of 1 baskets. 9 were skipped.\n")


def test_after_twenty_bad_rows_only_their_number_is_told(trained, exported, told):
    assert exported(listings="customer,category\n" + ",x\n" * 30) == []
    lines = told.getvalue().splitlines()
    assert len(lines) == 21 and lines[19].endswith("line 21: category 'x' is not a number; skipped.")
    assert lines[20].endswith("listings.csv: 30 rows skipped; the first 20 are named above.")


def test_a_category_that_is_not_public_is_unknown(trained, exported, told):
    even = Category.objects.get(name="Even")
    Category.objects.filter(pk=even.pk).update(is_public=False)
    assert exported(listings=f"customer,category\n,{even.pk}\n") == []
    assert f"line 2: category {even.pk} does not exist; skipped." in told.getvalue()


@pytest.mark.parametrize(
    ("option", "header", "sentence"),
    [
        (
            "baskets",
            "basket,item",
            "basket_id or basket, product_id or product, customer_id or customer .optional.. Found: basket, item.",
        ),
        ("baskets", "", "Found: nothing."),
        (
            "rerank",
            "list,product",
            "list_id or list, product_id or product, customer_id or customer. Found: list, prod",
        ),
        (
            "listings",
            "customer",
            "customer_id or customer, and either category_id or category or query. Found: cust",
        ),
        (
            "listings",
            "customer,category,query",
            "and either category_id or category or query. Found: customer, cat",
        ),
        ("listings", "category", "customer_id or customer, category_id or category. Found: category"),
    ],
)
def test_a_header_that_does_not_fit_is_told_with_what_would(exported, option, header, sentence):
    with pytest.raises(CommandError, match=sentence):
        exported(**{option: header})


@pytest.mark.parametrize(
    ("file", "options", "sentence"),
    [
        ("lists.txt", {}, "does not end in .csv or .parquet"),
        ("lists.csv", {"top": 0}, "--top is 0; expected an integer >= 1"),
        ("lists.csv", {"customers": "7,x"}, "--customers is '7,x'; expected primary keys separated by commas, or all"),
        (
            "lists.csv",
            {"surface": "cellar"},
            "--surface is 'cellar'; expected one of: home, navigation, basket, category",
        ),
        ("lists.csv", {"surface": "basket"}, "--surface basket needs --baskets IN.csv"),
        ("lists.csv", {"surface": "category"}, "--surface category needs --listings IN.csv"),
        ("lists.csv", {"surface": "home", "rerank": "no.csv"}, "--rerank is for --surface category, not for home"),
        ("lists.csv", {"baskets": "no.csv", "rerank": "no.csv"}, "--baskets and --rerank are two exports"),
        ("lists.csv", {"baskets": "no.csv", "customers": "all"}, "--customers has no effect with --baskets"),
        ("lists.csv", {"rerank": "no.csv", "new_only": True}, "--new-only leaves products out, and --rerank keeps all"),
        ("lists.csv", {"surface": "navigation", "new_only": True}, "--new-only is about products"),
        ("lists.csv", {"baskets": "no.csv"}, "no.csv could not be read: "),
        ("no/such/folder/lists.csv", {}, "could not be written"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_no_file(tmp_path, file, options, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("personalization_export", str(tmp_path / file), verbosity=0, **options)
    assert list(tmp_path.rglob("lists*")) == []


def test_before_the_first_training_it_says_what_to_do(tmp_path):
    with pytest.raises(CommandError, match=r"No snapshot is active; `manage.py personalization_train` learns one"):
        call_command("personalization_export", str(tmp_path / "lists.csv"), verbosity=0)
    assert list(tmp_path.iterdir()) == []


def test_verbosity_0_says_nothing(trained, tmp_path, capsys):
    call_command("personalization_export", str(tmp_path / "lists.csv"), verbosity=0)
    assert capsys.readouterr() == ("", "")
