"""`manage.py personalization_evaluate --value`: how well it would have been known what customers order and spend."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from personalization.models import CustomerFacts, ValueRun
from tests.shops import factories as shop
from tests.train.test_customer_values import shop_with_habits

pytestmark = pytest.mark.django_db


def evaluate(**options):
    printed = StringIO()
    call_command("personalization_evaluate", value=True, stdout=printed, **options)
    return printed.getvalue()


def test_it_says_in_words_first_what_the_predicted_top_fifth_brought(tmp_path):
    shop_with_habits()
    printed = evaluate(json=tmp_path / "numbers.json")
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    share = round(100 * numbers["ways"]["forecast"]["top_fifth"])
    assert printed.startswith(
        f"Of the money that came in the last 90 days, your predicted top fifth brought {share} %. By points"
    )
    assert "“as many as in the last 90 days” by" in printed and "they know no season." in printed
    assert "MAE" not in printed and "Nothing is said of single customers" not in printed
    assert not ValueRun.objects.exists() and not CustomerFacts.objects.exists()


def test_a_data_scientist_sees_all_numbers_beside_the_simple_ways():
    shop_with_habits()
    printed = evaluate(verbosity=2)
    (head,) = (line for line in printed.splitlines() if "RFM, sum of fifths" in line)
    assert head.split()[:4] == ["forecast", "last", "90", "days"]
    row = next(line for line in printed.splitlines() if line.strip().startswith("orders MAE"))
    forecast, last, rfm, bgnbd = row.split()[2:]
    assert float(forecast) < 2 and float(bgnbd) < 3 and float(last) < 2 and rfm == "-"


def test_a_young_shop_is_told_what_it_takes():
    shop_with_habits(weeks=10, customers=5)
    assert evaluate().splitlines() == [
        "There is too little history to try a forecast on: it takes 120 days of orders, and customers who return.",
        "Nothing is said of single customers yet: that takes 150 days of orders (there are 70) and 50 customers who "
        "ordered within the last 90.",
    ]


def test_a_shop_without_orders_is_told_the_same():
    shop.create_customer("anna")
    assert evaluate().startswith("There is too little history")
