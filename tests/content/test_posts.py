"""Shoppable posts, seen through the shop's own pages."""

import cProfile
import pstats
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import localdate
from oscar.test import factories

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import publishing
from personalization.models import Definition
from tests.content.block_documents import block, publish, upload
from tests.content.post_documents import RIGHTS, post_parts, publish_post
from tests.shops import factories as shop
from tests.walks.known_visitors import identify_browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
SPOT = re.compile(r'<a class="personalization-post__spot" href="([^"]*)" aria-label="([^"]*)"')
PLACE = re.compile(r'<circle cx="(\d+)%" cy="(\d+)%" r="23">')
LINE = re.compile(r'<a class="personalization-post__name" href="[^"]*">([^<]*)</a>')


def count_calls(run):
    profile = cProfile.Profile()
    profile.runcall(run)
    return pstats.Stats(profile).total_calls


def home(client, **headers):
    page = client.get("/", **headers).content.decode()
    return page.partition('<section class="personalization-block')[2].partition("</section>")[0]


def test_a_post_has_its_products_in_the_picture_and_beside_it(client):
    tea, jam = shop.create_shop_product("Tea"), shop.create_shop_product("Jam <3")
    publish_post("Breakfast", (jam, 20, 35), (tea, 80, 60), origin="https://social.example/p/1", video="/v.mp4")
    page = home(client)
    price = str(tea.stockrecords.get().price)
    assert [label for _url, label in SPOT.findall(page)] == [f"1: Jam &lt;3, ${price}", f"2: Tea, ${price}"]
    assert [url for url, _label in SPOT.findall(page)] == [jam.get_absolute_url(), tea.get_absolute_url()]
    assert PLACE.findall(page) == [("20", "35"), ("80", "60")]
    assert LINE.findall(page) == ["Jam &lt;3", "Tea"]
    assert 'width="960" height="640" alt="A laid table"' in page and "style=" not in page
    assert "Picture: Anna Beispiel" in page and RIGHTS["permission"] not in page
    assert '<a href="https://social.example/p/1" rel="noopener nofollow">' in page and 'href="/v.mp4"' in page
    assert "<iframe" not in page and "<video" not in page and "<script" not in page


def test_one_click_puts_it_into_the_basket_and_comes_back_to_the_post(client):
    tea = shop.create_shop_product("Tea")
    found = publish_post("Breakfast", (tea, 20, 35))
    form = re.search(r'<form action="([^"]*)" method="post">(.*?)</form>', home(client), re.DOTALL)
    fields = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', form[2]))
    assert form[1].endswith(f"#personalization-post-{found.pk}") and fields["next"] == "/"
    answer = client.post(form[1].partition("#")[0], fields)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert "Tea" in client.get("/basket/").content.decode()


def test_a_post_whose_rights_are_over_is_served_nowhere(client):
    tea = shop.create_shop_product("Tea")
    publish("Everybody", kind="text", variant={"text": "Words"})
    today = localdate()
    publish_post("Over", (tea, 1, 1), until=str(today - timedelta(days=1)))
    publish_post("Today", (tea, 1, 1), until=str(today))
    assert "Today" in home(client)
    publishing.archive(Definition.objects.get(name="Today"), None)
    read_rules_now()
    assert "Everybody" in home(client)
    assert client.get("/personalization/api/v1/blocks/home-hero/").json()["block"]["title"] == "Everybody"


def test_a_post_with_an_end_is_no_default():
    tea = shop.create_shop_product("Tea")
    publish_post("Ends", (tea, 1, 1), until=str(localdate() + timedelta(days=9)))
    special = publishing.create("block", "Phones", block("Phones", who={"people": "all", "devices": ["phone"]}), None)
    with pytest.raises(publishing.NotPossibleError, match="some would see nothing"):
        publishing.publish(special, None)


def refused(**parts):
    with pytest.raises(publishing.InvalidDocumentError) as error:
        publishing.create("block", "One", block("One", **parts), None)
    return [one.path for one in error.value.errors]


def test_what_a_post_may_not_say():
    tea = shop.create_shop_product("Tea")
    good = post_parts((tea, 1, 1))
    assert refused(**{**good, "kind": "hero"}) == ["kind"]
    assert refused(**{**good, "post": {"spots": good["post"]["spots"]}}) == ["post.rights.owner"]
    assert refused(**post_parts((tea, 1, 1), (tea, 2, 2))) == ["post.spots"]
    assert refused(**post_parts(until="2026-02-31")) == ["post.rights.until"]
    assert refused(**post_parts(origin="javascript:alert(1)")) == ["post.origin"]
    assert refused(**post_parts(video="//evil.example/")) == ["post.video"]
    assert refused(kind="post", post={"spots": good["post"]["spots"]}) == ["post.spots"]
    assert refused(**post_parts(*[(tea, 1, 1)] * 13)) == ["post.spots"]
    assert refused(**post_parts((tea, 101, 1))) == ["post.spots.0.x"]


def test_sold_out_spots_turn_into_alternatives_or_go_away(client, trained):
    _customers, products = trained
    first, second, gone = products[0], products[2], products[4]
    publish_post("Breakfast", (first, 10, 10), (second, 50, 50), (gone, 90, 90))
    assert LINE.findall(home(client)) == [first.title, second.title, gone.title]
    first.stockrecords.update(num_in_stock=0)
    gone.is_public = False
    gone.save()
    page = home(client)
    (instead, kept) = LINE.findall(page)
    assert kept == second.title and instead not in (first.title, second.title, gone.title)
    assert f"Instead of {first.title}, which is sold out" in page
    assert PLACE.findall(page) == [("10", "10"), ("50", "50")] and gone.title not in page
    alone = shop.create_shop_product("Unknown to the snapshot", stock=0)
    publish_post("Alone", (alone, 5, 5))
    assert SPOT.findall(home(client)) == []


def test_a_page_with_a_post_costs_two_queries_more(client, trained):
    _customers, products = trained
    identify_browser(client)
    products[0].stockrecords.update(num_in_stock=0)
    publish("Everybody", slot="elsewhere")
    counted = {}
    for count in (0, 3, 12):
        if count:
            publish_post(f"Post {count}", *[(one, 10 + at, 10) for at, one in enumerate(products[:count])])
        client.get("/")
        client.get("/")
        with CaptureQueriesContext(connection) as queries:
            page = home(client)
        needed = sum(query["sql"].startswith("SELECT") and "_snapshot" not in query["sql"] for query in queries)
        counted[count] = [needed, count_calls(lambda: client.get("/")), len(SPOT.findall(page))]
    assert counted[3][0] <= counted[0][0] + 2 and counted[12][0] <= counted[0][0] + 2
    assert counted[3][1] <= 1.25 * counted[0][1] and counted[12][1] <= 1.5 * counted[0][1]


def test_without_its_tables_the_page_stands(client, monkeypatch):
    publish_post("Breakfast", (shop.create_shop_product("Tea"), 1, 1))
    monkeypatch.setattr("personalization.serve_content.choose_spots", lambda *arguments: 1 / 0)
    page = home(client)
    assert "Breakfast" in page and SPOT.findall(page) == []
    assert Client().get("/").status_code == 200


@pytest.fixture
def owner(client):
    user = User.objects.create_superuser("owner", "owner@example.com", "x")
    client.force_login(user)
    return user


def address(name, *args):
    return reverse(f"personalization:personalization-block{name}", args=args)


def form(**fields):
    given = {"base": 0, "name": "Table", "slot": "home-hero", "kind": "post", "people": "all", "zone": "UTC"}
    words = {"title_en-gb": "Breakfast", "alt_en-gb": "A laid table"}
    return {**given, **words, "owner": "Anna", "permission": "Her mail", **fields}


def test_from_the_form_to_the_page_and_back(client, owner):
    tea, jam = shop.create_shop_product("Tea"), shop.create_shop_product("Jam")
    lines = f"#{jam.pk}; 20; 35\n#{tea.pk}\t80%;60 · whatever"
    until = str(localdate() + timedelta(days=3))
    fields = form(upload=upload(), spots=lines, until=until, origin="https://social.example/p/1")
    answer = client.post(address("-create"), fields, follow=True)
    assert "The draft of “Table” is saved." in answer.content.decode()
    table = Definition.objects.get(name="Table")
    assert table.draft.document["post"] == {
        "spots": [{"product": jam.pk, "x": 20, "y": 35}, {"product": tea.pk, "x": 80, "y": 60}],
        "rights": {"owner": "Anna", "permission": "Her mail", "until": until},
        "origin": "https://social.example/p/1",
    }
    page = client.get(address("", table.pk)).content.decode()
    assert f"; 20; 35 · {jam.title}" in page and f'value="{until}"' in page
    asked = client.get(address("-publish", table.pk)).content.decode()
    assert f"picture of Anna (Her mail) · allowed until {until}" in asked and len(SPOT.findall(asked)) == 2
    client.post(address("-publish", table.pk), {"number": 1})
    read_rules_now()
    assert LINE.findall(home(client)) == ["Jam", "Tea"]
    again = client.post(address("", table.pk), {**form(spots=lines, until=until), "base": 1, "image": image_of(table)})
    assert again.status_code == 302


def image_of(definition):
    return definition.versions.get(number=1).document["image"]["key"]


def test_the_preview_has_the_spots_of_the_form(client, owner):
    tea = shop.create_shop_product("Tea")
    image = post_parts()["image"]["key"]
    seen = client.post(address("-preview"), form(spots=f"#{tea.pk}", image=image)).content.decode()
    assert PLACE.findall(seen) == [("50", "50")] and LINE.findall(seen) == ["Tea"] and "<form" not in seen


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"spots": "nothing; 1; 2"}, "No product has this UPC or SKU"),
        ({"spots": "{tea}; 1"}, "This is no “UPC or SKU"),
        ({"spots": "{tea}; 1; 101"}, "This is no “UPC or SKU"),
        ({"spots": "{tea}; -1; 0"}, "This is no “UPC or SKU"),
        ({"spots": "{tea}; 1; 1\n{tea}; 2; 2"}, "A product is in it twice."),
        ({"spots": "{tea}; 1; 1"}, "Products in a picture need a picture."),
        ({"owner": "", "upload": upload}, "Say whose picture it is"),
        ({"permission": "", "upload": upload}, "how they allowed you to show it"),
        ({"until": "2026-02-31"}, "Enter a valid date."),
        ({"origin": "javascript:alert(1)"}, "begins with one slash"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(client, owner, fields, words):
    tea = shop.create_shop_product("Tea")
    given = {key: value() if callable(value) else value.replace("{tea}", f"#{tea.pk}") for key, value in fields.items()}
    answer = client.post(address("-create"), form(**given)).content.decode()
    assert words in answer and "Not saved yet" in answer
    assert not Definition.objects.filter(kind="block").exists()


def test_a_post_whose_rights_are_over_cannot_go_live(client, owner):
    client.post(address("-create"), form(upload=upload(), until=str(localdate() - timedelta(days=1))))
    table = Definition.objects.get(name="Table")
    asked = client.get(address("-publish", table.pk)).content.decode()
    assert "The rights to its picture are over." in asked and "not shown any more: the rights are over" in asked
    client.post(address("-publish", table.pk), {"number": 1})
    table.refresh_from_db()
    assert table.state == "draft"


def test_a_page_for_everybody_has_links_that_a_script_makes_forms_of(trained, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CACHED_PAGES": True}
    _customers, products = trained
    publish_post("Breakfast", (products[0], 20, 35))
    page = home(Client())
    assert "<form" not in page and "csrf" not in page
    added = reverse("basket:add", args=[products[0].pk])
    assert f'data-add="{added}" data-label="Add to basket"' in page and LINE.findall(page) == [products[0].title]


def test_the_price_is_what_the_shopper_pays(client, trained, monkeypatch):
    _customers, products = trained
    publish_post("Breakfast", (products[0], 20, 35))
    products[0].stockrecords.update(price="1234.50")
    assert "$1,234.50" in home(client)
    products[0].stockrecords.update(price="0")
    assert ", Free" in SPOT.findall(home(client))[0][1]


def test_a_product_with_variants_leads_to_its_options(client):
    parent = factories.create_product(structure="parent", title="Shirt")
    child = factories.create_product(structure="child", parent=parent, title="Shirt M")
    factories.create_stockrecord(child, price=Decimal("9.00"), num_in_stock=5)
    publish_post("Wardrobe", (parent, 20, 35))
    page = home(client)
    assert LINE.findall(page) == ["Shirt"] and "View options" in page and "<form" not in page
