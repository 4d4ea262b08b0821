"""Costs from files: each good row is stored, each bad one named with its reason, and nothing that was there is lost."""

from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils.timezone import localdate
from oscar.apps.catalogue.models import Product
from oscar.apps.partner.models import Partner, StockRecord
from oscar.test.factories import create_product

from personalization.models import AuditEntry, ProductCost, RulesState
from personalization.shop import product_margins
from tests.objectives.counting_shop import count, earn
from tests.objectives.test_screen import text_of
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

SCREEN = reverse("personalization:personalization-objectives-costs")


@pytest.fixture
def teas():
    """Three products, with the SKUs tea0 to tea2."""
    found = [shop.create_shop_product(f"Tea {number}") for number in range(3)]
    for number, product in enumerate(found):
        StockRecord.objects.filter(product=product).update(partner_sku=f"tea{number}")
    return found


def run(folder, text, name="costs.csv", **options):
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    out = StringIO()
    call_command("personalization_import_costs", file, stdout=out, **options)
    return out.getvalue().splitlines()


def costs():
    return {(one.product.title, one.since): one.cost for one in ProductCost.objects.select_related("product")}


def test_good_rows_are_stored_and_bad_ones_named(teas, tmp_path):
    earn({teas[2]: 1})
    lines = run(
        tmp_path,
        "sku,cost,currency,since\n"
        "tea0,1.25,USD,2026-01-01\n"
        "tea1,much,,\n"
        "nothing,1,,\n"
        "tea1,2,EUR,\n"
        "tea1,-1,,\n"
        'tea1,"1,234",,\n'
        ",1,,\n"
        "tea1,1,,01.02.2026\n"
        "tea1,nan,,\n"
        "tea1\n"
        'tea1,"2,75",,\n',
    )
    today = localdate()
    assert costs() == {
        ("Tea 0", date(2026, 1, 1)): Decimal("1.25"),
        ("Tea 1", today): Decimal("2.75"),
        ("Tea 2", date(2020, 1, 1)): Decimal("2.5"),
    }
    assert lines == [
        "Costs stored: 2; rows left out: 9.",
        "  line 3: The cost is “much”; expected a number such as 3.50.",
        "  line 4: No product has the SKU nothing.",
        "  line 5: The currency is EUR; prices are in USD.",
        "  line 6: The cost is “-1”; expected a number such as 3.50.",
        "  line 7: The cost 1,234 may mean thousands or decimals; write it without a comma.",
        "  line 8: It names no product.",
        "  line 9: The day is “01.02.2026”; expected one such as 2026-03-01.",
        "  line 10: The cost is “nan”; expected a number such as 3.50.",
        "  line 11: It cannot be read: has 1 columns where the header has 4.",
    ]


def test_a_file_is_imported_again_and_a_later_cost_counts_from_its_day(teas, tmp_path):
    text = f"product;cost;since\ntea0;1,50;2026-01-01\ntea0;2,00;{localdate() + timedelta(days=1)}\n"
    for _ in range(2):
        run(tmp_path, text)
    assert len(costs()) == 2
    assert dict(product_margins.product_margins()) == {teas[0].pk: pytest.approx(2.0)}
    run(tmp_path, f"product,cost,since\ntea0,3,{localdate()}\n")
    assert dict(product_margins.product_margins()) == {teas[0].pk: pytest.approx(0.5)}


def test_a_trial_stores_nothing_and_a_bad_file_says_why(teas, tmp_path):
    assert run(tmp_path, "sku,cost\ntea0,1\n", dry_run=True) == [
        "Nothing was stored. Costs stored: 1; rows left out: 0."
    ]
    assert not costs()
    for text, words in (("", "Found: nothing"), ("sku,price\ntea0,1\n", "Found: sku, price"), (b"\xff\xfe", "Found")):
        with pytest.raises(CommandError, match=words):
            run(tmp_path, text)


def test_a_code_of_several_products_names_none(teas, tmp_path):
    StockRecord.objects.create(
        product=teas[1], partner=Partner.objects.create(name="Other"), partner_sku="tea0", price=3, num_in_stock=1
    )
    assert run(tmp_path, "sku,cost\ntea0,1\n")[1:] == ["  line 2: Several products have the SKU tea0."]
    assert run(tmp_path, f"id,cost\n{teas[0].pk},1\n{10**30},1\n", items="id")[0].startswith("Costs stored: 1")


def test_a_parent_earns_what_its_variants_do_and_lends_them_its_cost():
    parent = create_product(structure="parent", title="Shirt", product_class="Clothes")
    small, large = (create_product(structure="child", parent=parent, price=Decimal(price)) for price in (10, 20))
    earn({})
    ProductCost.objects.create(product=small, cost=4, currency="USD", since=date(2020, 1, 1))
    assert dict(product_margins.product_margins()) == {parent.pk: 6}
    ProductCost.objects.create(product=parent, cost=8, currency="USD", since=date(2020, 1, 1))
    assert dict(product_margins.product_margins()) == {parent.pk: 9}
    assert Product.objects.get(pk=large.pk).parent_id == parent.pk


def fixed_costs(product_ids):
    """What a shop's own function answers."""
    return {key: 1.5 for key in product_ids if key % 2} | {-1: 3, 2: None}


def broken_costs(product_ids):
    """One that fails."""
    raise RuntimeError("no connection")


def test_the_shops_own_function_answers_for_all_products_at_once(teas, settings, caplog):
    earn(dict.fromkeys(teas, 3))
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "PRODUCT_COST_CALLABLE": f"{__name__}.fixed_costs"}
    expected = {product.pk: 2.0 for product in teas if product.pk % 2}
    assert dict(product_margins.product_margins()) == expected
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "PRODUCT_COST_CALLABLE": f"{__name__}.broken_costs"}
    live = count({"home": {"margin": 20}})
    assert live.live is not None and "PRODUCT_COST_CALLABLE failed" in caplog.text


def upload(client, text, **data):
    file = SimpleUploadedFile("my costs.csv", text.encode(), content_type="text/csv")
    return client.post(SCREEN, {"file": file, "items": "sku", **data})


def test_the_screen_imports_and_names_bad_rows(admin_client, admin_user, teas):
    number = RulesState.objects.number()
    page = text_of(upload(admin_client, "sku,cost\ntea0,1\ntea9,1\n"))
    assert "Costs stored: 1; rows left out: 1." in page and "line 3: No product has the SKU tea9." in page
    assert list(costs().values()) == [Decimal(1)] and RulesState.objects.number() > number
    entry = AuditEntry.objects.get(kind="costs")
    assert (entry.by, entry.note) == (admin_user, "1 stored, 1 left out")
    page = text_of(upload(admin_client, "sku,price\ntea0,1\n"))
    assert "my costs.csv needs a header row with these columns" in page and "/tmp" not in page
    assert "This field is required" in text_of(admin_client.post(SCREEN, {"items": "sku"}))
    assert len(costs()) == 1


def test_more_rows_than_are_named_are_counted(admin_client, teas):
    page = text_of(upload(admin_client, "sku,cost\n" + "".join(f"x{number},1\n" for number in range(60))))
    assert "rows left out: 60." in page and "and 10 more" in page
