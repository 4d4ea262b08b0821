"""Names that a shopper can read."""

import pytest

from example_shop.journey import titles
from tests.shops.journey_slice import read_whole


@pytest.mark.parametrize(
    ("raw", "readable"),
    [
        ("2 L", "2 L"),
        ("16 OZ", "16 oz"),
        ("1/2 GAL", "1/2 gal"),
        ("HALF GAL", "1/2 gal"),
        ("1 GA", "1 gal"),
        ("PT", "1 pint"),
        ("12.0 OZ", "12 oz"),
        (".75 OZ", "0.75 oz"),
        ("8 1/2 OZ", "8.5 oz"),
        ("3/4 OZ", "0.75 oz"),
        ("16 OZS.", "16 oz"),
        ("10/6.75 OZ", "10 x 6.75 oz"),
        ("12 PK/12 OZ", "12 x 12 oz"),
        ("12 OZ/12 PK", "12 x 12 oz"),
        ("12 PK/300 OZ", "12-pack"),
        ("405.6 OZ", "24 x 16.9 oz"),
        ("6 PK", "6-pack"),
        ("1 DZ", "12 ct"),
        ("18 CT", "18 ct"),
        ("1 LB", "16 oz"),
        ("5 LB BAG", "5 lb"),
        ("(600) 4 LB", "4 lb"),
        ("L      8 OZ", "8 oz"),
        ("32 LOAD", "32 loads"),
        ("83.5 SQ FT", "83.5 sq ft"),
        ("1 CT", ""),
        ("974246  PK", ""),
        ("QUEEN", ""),
        ("", ""),
    ],
)
def test_a_size_reads_as_on_the_shelf(raw, readable):
    assert titles.size("GROCERY", "ANY", raw) == readable


def test_the_crate_is_not_the_size_of_loose_fruit():
    assert titles.size("PRODUCE", "BANANAS", "40 LB") == ""
    assert titles.size("PRODUCE", "GARLIC WHOLE CLOVES", "10 LB") == ""
    assert titles.size("PRODUCE", "CUCUMBERS", "36 CT") == ""
    assert titles.size("PRODUCE", "POTATOES RUSSET (BULK&BAG)", "5 LB") == "5 lb"


def test_a_shelf_name_is_found_for_the_source_name():
    soda = titles.name("GROCERY", "SOFT DRINKS", "SFT DRNK 2 LITER BTL CARB INCL")
    assert soda == titles.Name("Drinks", "Soft drinks", "Soda bottle")


def test_one_source_type_is_named_by_its_category():
    assert titles.name("GROCERY", "ICE CREAM/MILK/SHERBTS", "PREMIUM").type == "Premium ice cream"
    assert titles.name("MEAT-PCKGD", "BACON", "PREMIUM").type == "Premium bacon"
    assert titles.name("GROCERY", "PASTA SAUCE", "PREMIUM").type == "Premium pasta sauce"


@pytest.mark.parametrize(
    ("department", "category", "type_"),
    [
        ("FUEL", "FUEL", "GASOLINE-REG UNLEADED"),
        ("MISCELLANEOUS", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED"),
        ("COUPON", "COUPONS/STORE & MFG", "COUPONS/STORE & MFG"),
        ("CNTRL/STORE SUP", "COUPON/MISC ITEMS", "MISC SALES TRANS"),
        ("POSTAL CENTER", "CANDY - PACKAGED", "CHEWING GUM"),
        ("TRAVEL & LEISURE", "APPLES", "APPLES OTHER (BULK&BAG)"),
        ("GROCERY", "BOTTLE DEPOSITS", "BOTTLE DEPOSITS"),
        ("DRUG GM", "PREPAID WIRELESS&ACCESSORIES", "PREPAID WIRELESS CARDS"),
        ("MISCELLANEOUS", "", ""),
    ],
)
def test_what_is_no_product_has_no_name(department, category, type_):
    assert titles.name(department, category, type_) is None


@pytest.mark.parametrize(
    ("raw", "readable"),
    [
        ("FRZN DNR ROLLS (BULK)", "Frozen dinner rolls"),
        ("CANDY BARS (SINGLES)(INCLUDING", "Candy bars"),
        ("AUTOMOBILE-MAGAZINE", "Automobile magazine"),
        ("PEARS OTHER", "Assorted pears"),
        ("WREATHS/TINSEL/GARLAND", "Wreaths, tinsel & garland"),
        ("MENS BASIC SPORT SOCKS", "Men's basic sport socks"),
        ("MEDITERRANEAN/GREEK FOODS", "Mediterranean & Greek foods"),
    ],
)
def test_an_unwritten_name_is_spelled_out(raw, readable):
    assert titles.spelled_out(raw) == readable


def test_a_word_that_says_too_little_stands_beside_its_category():
    assert titles.name("MEAT", "TURKEY", "COOKED").type == "Turkey, cooked"


def test_a_title_says_what_how_much_and_whose():
    assert titles.title("White milk", "Private", "1 gal") == "White milk, 1 gal (own brand)"
    assert titles.title("Bananas", "National", "") == "Bananas"


def test_no_type_of_small_is_left_in_the_words_of_the_source():
    types = read_whole("small").products["type"]
    shouting = types[types.str.contains(r"\b(?:[A-Z]{3,}|[Ff]rzn|[Mm]isc|[Bb]tl|[Pp]kg|[Ss]ngl)\b|[(:]")]
    assert shouting.to_list() == []
