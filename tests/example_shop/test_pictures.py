"""Pictures that people can tell apart."""

import io

import pytest
from PIL import Image, ImageFont

from example_shop.journey import pictures
from tests.shops.journey_slice import read_whole

MILK = ("White milk, 1 gal (own brand)", "Dairy & eggs", "Milk & cream", "White milk", "Private", "1 gal")
BANANAS = ("Bananas", "Fruit & vegetables", "Bananas & tropical fruit", "Bananas", "National", "")


@pytest.fixture(scope="module")
def drawn():
    """The first 200 products of the shop and their pictures."""
    products = read_whole("small").products.head(200)
    columns = ["title", "department", "category", "type", "brand", "size"]
    return [pictures.draw(*product) for product in products[columns].itertuples(index=False, name=None)]


def test_a_picture_is_a_small_square_png(drawn):
    for content in drawn:
        picture = Image.open(io.BytesIO(content))
        assert (picture.format, picture.size) == ("PNG", (400, 400))
        assert len(content) <= 8 * 1024


def test_different_products_have_different_pictures(drawn):
    assert len(set(drawn)) == len(drawn)


def test_a_picture_is_the_same_every_time():
    assert pictures.draw(*MILK) == pictures.draw(*MILK)


def test_the_own_brand_looks_different():
    title, department, category, type_, _, size = MILK
    assert pictures.draw(title, department, category, type_, "National", size) != pictures.draw(*MILK)


@pytest.mark.parametrize(
    ("department", "category", "type_", "pack"),
    [
        ("Drinks", "Soft drinks", "Soda bottle", "bottle"),
        ("Drinks", "Soft drinks", "Soda, pack of cans", "can pack"),
        ("Dairy & eggs", "Milk & cream", "White milk", "jug"),
        ("Dairy & eggs", "Eggs", "Large eggs", "egg box"),
        ("Bakery", "Bread & buns", "White bread", "loaf"),
        ("Fruit & vegetables", "Bananas & tropical fruit", "Bananas", "banana"),
        ("Fruit & vegetables", "Grapes", "Red grapes", "cluster"),
        ("Meat & seafood", "Beef", "Ground beef", "tray"),
        ("Pantry", "Canned vegetables", "Canned peas", "can"),
        ("Household", "Toilet paper", "Toilet paper", "roll"),
        ("Home & leisure", "Magazines", "Puzzle magazine", "page"),
    ],
)
def test_the_pack_fits_the_product(department, category, type_, pack):
    assert pictures._kind(department, category, type_)[0] == pack


def test_what_has_a_size_wears_it_as_a_badge():
    assert pictures.draw(*BANANAS[:5], "") != pictures.draw(*BANANAS[:5], "1 lb")


def test_a_long_name_is_broken_where_it_is_most_even():
    assert pictures._lines("Deli American cheese, sliced to order") == (
        "Deli American cheese,",
        "sliced to order",
    )


def test_every_symbol_is_in_the_font():
    font = ImageFont.truetype(str(pictures._SYMBOLS), 40)
    missing = font.getmask("\U0010fffd").getbbox(), bytes(font.getmask("\U0010fffd"))
    for symbol in {*pictures.SYMBOLS.values(), pictures.ANY_SYMBOL}:
        assert (font.getmask(symbol).getbbox(), bytes(font.getmask(symbol))) != missing, hex(ord(symbol))


def test_every_pack_of_the_tables_can_be_drawn():
    assert {*pictures.PACKS.values(), *pictures.PACK_OF_DEPARTMENT.values()} <= set(pictures.SHAPES)
