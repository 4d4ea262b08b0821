"""Lists of products as people paste them, and as spreadsheets save them."""

import pytest
from django import forms

from personalization.oscar.dashboard.product_lines import known_products
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def products():
    """Two products with the UPCs 111 and 222."""
    found = [shop.create_shop_product(f"Tea, {number}") for number in (1, 2)]
    for product, upc in zip(found, ("111", "222"), strict=True):
        product.upc = upc
        product.save()
    return found


@pytest.mark.parametrize(
    "text",
    [
        "111;3\n222;4",
        "111;3\r\n222;4\r\n",
        "111,3\n222,4",
        "111\t3\n222\t4",
        '\ufeff"111";"3"\r\n"222";"4"\r\n',
        "UPC;place\n111;3\n222;4",
        '"upc","place"\r\n"111","3"\r\n"222","4"',
        '="111";3\n="222";4',
        " 111 ; 3 \n\n222 ;4;\n",
        "111;3 · Tea, 1\n222;4 · Tea, 2",
    ],
)
def test_a_file_of_a_spreadsheet_is_read_however_it_was_saved(products, text):
    assert known_products(text) == {products[0].pk: 3, products[1].pk: 4}


def test_a_line_may_name_no_place_and_a_code_may_hold_a_comma(products):
    products[1].upc = "AB,12"
    products[1].save()
    assert known_products(f"111\nAB,12\n#{products[0].pk} · Tea, 1") == {products[0].pk: 0, products[1].pk: 0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("111;3\nnothing;4\n222\nTea, 12 oz", "nothing;4 (line 2), Tea, 12 oz (line 4)"),
        ("111;0", "A place is a number from 1 to 20: 111;0 (line 1)"),
        ("111;1\n222;21", "A place is a number from 1 to 20: 222;21 (line 2)"),
        ("111;first", "111;first (line 1)"),
        ("111;" + "9" * 5000, "A place is a number from 1 to 20"),
    ],
)
def test_what_cannot_be_read_is_said_by_line(products, text, words):
    with pytest.raises(forms.ValidationError) as error:
        known_products(text)
    assert words in str(error.value.messages[0])
