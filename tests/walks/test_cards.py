"""The cards of our rows: what they show, what they do, and that nothing of one visitor's stands on another's."""

import re
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from oscar.apps.catalogue.models import Option, Product
from oscar.apps.partner.models import StockRecord
from oscar.test.factories import ProductImageFactory, create_product

from personalization.collect.feedback import verify_feedback
from personalization.oscar import card_markup
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_cards(own_files):
    """None was made yet; their pictures lie in the test's own folder."""
    card_markup._card_cache.clear()


def card(client, product, **headers):
    """The card of this product on the home page."""
    found = client.get("/", **headers).content.decode()
    address = re.escape(product.get_absolute_url())
    (article,) = re.findall(rf'<article class="product_pod">(?:(?!</article>).)*?"{address}".*?</article>', found, re.S)
    return " ".join(re.sub(r"\w{64}", "token", article).split())


def test_a_card_shows_the_picture_the_title_and_the_price(client, milk):
    ProductImageFactory(product=milk)
    found = card(client, milk)
    assert re.search(
        r'<img class="img-thumbnail" src="/media/cache/[^"]+" width="\d+" height="\d+" alt="Milk" decoding="async">',
        found,
    )
    assert f'<h3><a href="{milk.get_absolute_url()}" title="Milk">Milk</a></h3>' in found
    assert '<p class="price_color">$3.50</p>' in found
    assert "availability" not in found


def test_a_picture_that_is_not_seen_at_once_is_loaded_late(client):
    sold = [shop.create_shop_product(title) for title in ("Milk", "Tea", "Jam")]
    later = [shop.create_shop_product(title, days_old=0) for title in ("Fresh", "Fresher", "Freshest")]
    milk, fresh = sold[0], later[0]
    for product in (milk, fresh):
        ProductImageFactory(product=product)
    from oscar.apps.analytics.models import ProductRecord

    for product in sold:
        ProductRecord.objects.create(product=product, num_purchases=5)
    assert "loading=" not in card(client, milk)
    assert 'loading="lazy"' in card(client, fresh)


def test_a_product_whose_picture_cannot_be_made_has_a_card_without(client, milk, monkeypatch, caplog):
    monkeypatch.setattr(card_markup, "get_thumbnailer", lambda: 1 / 0)
    assert "<img" not in card(client, milk)
    assert "Making a thumbnail failed" in caplog.text


def test_what_a_product_is_called_is_no_markup(client):
    product = shop.create_shop_product("""A "quoted" <b>& bold</b> one's own""")
    found = card(client, product)
    assert "<b>" not in found
    assert "&lt;b&gt;&amp; bold&lt;/b&gt;" in found


def test_what_staff_change_is_seen_at_once(client, milk):
    image = ProductImageFactory(product=milk)
    before = card(client, milk)
    assert card(client, milk) == before
    Product.objects.filter(pk=milk.pk).update(title="Cold milk")
    assert "Cold milk" in card(client, milk)
    StockRecord.objects.filter(product=milk).update(price="4.25")
    assert "$4.25" in card(client, milk)
    image.delete()
    ProductImageFactory(product=milk)
    assert re.search("<img[^>]+>", card(client, milk))[0] != re.search("<img[^>]+>", before)[0]
    milk.product_class.options.add(Option.objects.create(name="Size", code="size"))
    assert "View options" in card(client, milk)


def test_a_card_speaks_the_visitors_language(client, milk):
    assert "Add to basket" in card(client, milk)
    assert "Warenkorb" in card(client, milk, HTTP_ACCEPT_LANGUAGE="de")
    assert "Add to basket" in card(client, milk)


def test_one_click_puts_one_into_the_basket_and_leads_back(milk):
    client = Client(enforce_csrf_checks=True)
    found = client.get("/").content.decode()
    found = found[found.index(f'action="{reverse("basket:add", args=[milk.pk])}#') :].split("</form>")[0]
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', found))
    assert form["quantity"] == "1"
    answer = client.post(reverse("basket:add", args=[milk.pk]), form)
    assert (answer.status_code, answer.url) == (302, "/")
    assert [line.quantity for line in answer.wsgi_request.basket.all_lines()] == [1]


def test_nobody_is_given_the_token_of_another(milk):
    pages = [Client().get("/").content.decode() for _ in range(3)]
    address = reverse("basket:add", args=[milk.pk])
    tokens = {re.search(rf'{address}#.*?value="(\w{{64}})"', page, re.S)[1] for page in pages}
    assert len(tokens) == 3


def test_what_holds_a_place_in_a_kept_card_is_never_seen(client, milk):
    for _ in range(2):
        found = client.get("/?q=<script>").content.decode()
        assert not {card_markup.TOKEN_PLACEHOLDER, card_markup.NEXT_PLACEHOLDER} & set(re.findall(r"\w+", found))
        assert "<script>&" not in found and 'value="/?q=%3Cscript%3E"' in found


def test_where_there_is_something_to_choose_first_the_card_leads_there(client):
    parent = create_product(title="Shirt", structure="parent", product_class="Clothes")
    create_product(title="S", structure="child", parent=parent, price="9.00", num_in_stock=5)
    found = card(client, parent)
    assert "<form" not in found
    assert re.search(rf'<a class="[^"]+" href="{parent.get_absolute_url()}">View options</a>', found)
    assert "$9.00" in found


def info(code="instock", excl_tax=1, **more):
    price = {"exists": True, "currency": "USD", "excl_tax": excl_tax, "is_tax_known": False, **more}
    availability = SimpleNamespace(code=code, short_message="In two weeks", is_available_to_buy=True)
    return SimpleNamespace(price=SimpleNamespace(**price), availability=availability)


def test_how_available_it_is_is_said_when_it_is_not_simply_there(milk):
    assert card_markup.card_context(milk, info()).availability == ""
    assert card_markup.card_context(milk, info("backorder")).availability == "In two weeks"


@translation.override("en-gb")
def test_the_price_is_the_one_that_the_shop_shows(milk):
    assert card_markup.card_context(milk, info(excl_tax=2)).price == "$2.00"
    assert card_markup.card_context(milk, info(excl_tax=2, is_tax_known=True, incl_tax=3)).price == "$3.00"
    assert card_markup.card_context(milk, info(excl_tax=0)).price == "Free"


def test_no_more_cards_are_kept_than_fit(client, monkeypatch):
    monkeypatch.setattr(card_markup, "MAX_CACHED_CARDS", 3)
    for number in range(5):
        shop.create_shop_product(f"Product {number}")
    assert client.get("/").content.decode().count("product_pod") == 5
    assert len(card_markup._card_cache) <= 3


def queries(client):
    with CaptureQueriesContext(connection) as captured:
        client.get("/")
    return [one["sql"] for one in captured if re.search("catalogue_product|partner_|thumbnail", one["sql"])]


@pytest.mark.parametrize(("made_before", "expected"), [(False, 3), (True, 2)])
def test_cards_cost_the_same_queries_for_5_and_for_40(client, settings, made_before, expected):
    shop.even_and_odd()
    from tests.shops.tea import train

    train()
    counts = {}
    for row_size in (5, 40):
        more = {"ROW_SIZE": row_size, "MAX_HOME_ROWS": 1, "SNAPSHOT_POLL_SECONDS": 3_600}
        settings.PERSONALIZATION = {**settings.PERSONALIZATION, **more}
        client.get("/")
        if not made_before:
            card_markup._card_cache.clear()
        counts[row_size] = len(queries(client))
    assert counts == {5: expected, 40: expected}


@pytest.fixture
def own_card(settings, tmp_path):
    """The shop has a card of its own, and says so in one line."""
    folder = tmp_path / "templates" / "personalization" / "partials"
    folder.mkdir(parents=True)
    (folder / "card.html").write_text("{% load product_tags %}{% render_product item.product %}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path / "templates"]}]


@pytest.mark.usefixtures("own_card")
def test_a_shop_may_have_a_card_of_its_own_at_no_query_more(client, settings):
    for number in range(6):
        ProductImageFactory(product=shop.create_shop_product(f"Product {number}"))
    assert client.get("/").content.decode().count("star-rating") == 6
    many = besides_options(client)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "ROW_SIZE": 2}
    client.get("/")
    assert besides_options(client) == many


def besides_options(client):
    """How many queries, without those for the options of each card: Oscar 4.1's own card asks for them."""
    return sum('FROM "catalogue_option"' not in sql for sql in queries(client))


def test_a_page_has_the_stylesheet_of_the_rows_once(client, milk):
    for address in ("/", milk.get_absolute_url(), reverse("basket:summary"), "/catalogue/"):
        assert client.get(address).content.decode().count("personalization/rows.css") == 1, address


def test_sizes_of_a_product_stand_as_one_card_that_says_so(client):
    _users, products = shop.even_and_odd()
    for product, size in zip((products[1], products[3], products[5]), ("8 oz", "16 oz", "32 oz"), strict=True):
        Product.objects.filter(pk=product.pk).update(title=f"Peach jam, {size}", slug="peach-jam")
    call_command("personalization_train", verbosity=0)
    found = client.get("/").content.decode()
    assert re.findall(r'<p class="personalization-sizes">([^<]+)</p>', found) == ["3 sizes"]
    in_rows = [row.count('title="Peach jam, ') for row in found.split('class="personalization-row"')]
    assert max(in_rows) == 1


def test_the_menu_of_a_card_is_that_of_its_row_language_and_product(trained, client):
    """It is kept in this process: whatever it says is in the key."""
    user = trained[0][0]
    shop.grant_consent(user)
    client.force_login(user)
    pages = {}
    for language in ("en", "de", "en", "de"):
        page = client.get("/", headers={"accept-language": language}).content.decode()
        rows = re.findall(r'<section class="personalization-row.*?</section>', page, re.DOTALL)
        menus = []
        for row in rows:
            anchor = re.search(r'id="([^"]+)"', row)[1]
            for key, menu in re.findall(r'data-product="(\d+)".*?(<details.*?</details>)', row, re.DOTALL):
                assert f'form="{anchor}-feedback"' in menu
                assert verify_feedback(re.search(r'value="([^"]+)"', menu)[1]) == ("product", int(key))
                menus.append(menu)
        assert len(menus) > 5 and pages.setdefault(language, menus) == menus
    assert pages["de"] != pages["en"]
