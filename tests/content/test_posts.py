"""Shoppable posts, seen through the shop's own pages."""

import cProfile
import pstats
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.template.loader import get_template
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
HERO_SLOT = '{% personalized_block "home-hero" rows="home" %}'
ROW_ITEM = re.compile(r'<li class="personalization-row__item" data-product="(\d+)"')
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


def cost(client):
    """(queries, function calls) of the home page once its caches are warm."""
    client.get("/")
    client.get("/")
    with CaptureQueriesContext(connection) as queries:
        client.get("/")
    needed = sum(query["sql"].startswith("SELECT") and "_snapshot" not in query["sql"] for query in queries)
    return needed, min(count_calls(lambda: client.get("/")) for _ in range(3))  # sometimes it looks for a snapshot


@pytest.fixture
def two_slots(tmp_path, settings):
    """A home page with a slot for a hero and one for a post."""
    page = Path(get_template("personalization/home.html").origin.name).read_text()
    assert page.count(HERO_SLOT) == 1
    (tmp_path / "personalization").mkdir()
    changed = page.replace(HERO_SLOT, HERO_SLOT + '{% personalized_block "home-post" rows="home" %}')
    (tmp_path / "personalization" / "home.html").write_text(changed)
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path, *engine.get("DIRS", ())]}]


@pytest.mark.parametrize(
    ("spots", "in_rows", "ratio"), [(3, True, 1.05), (12, True, 1.05), (3, False, 1.065), (12, False, 1.12)]
)
@pytest.mark.usefixtures("two_slots")
def test_a_hero_and_a_post_cost_no_query_and_few_calls(client, trained, spots, in_rows, ratio):
    _customers, products = trained
    identify_browser(client)
    publish("Everybody", slot="elsewhere")
    own = products[1:] if in_rows else [shop.create_shop_product(f"Unknown {number}") for number in range(spots)]
    plain = cost(client)
    publish("Hero", kind="hero", image={"key": post_parts()["image"]["key"]}, variant={"title": "Hero", "alt": "x"})
    publish_post("Post", *[(one, 10 + at, 10) for at, one in enumerate(own[:spots])], slot="home-post")
    queries, calls = cost(client)
    page = client.get("/").content.decode()
    assert "Hero" in page and len(SPOT.findall(page)) == spots
    assert queries <= plain[0] and calls <= ratio * plain[1]


def test_rows_that_are_decided_ahead_are_the_same_rows(client, trained):
    _customers, products = trained
    identify_browser(client)
    publish("Hero")
    without = ROW_ITEM.findall(client.get("/").content.decode())
    publish_post("Post", *[(one, 10, 10) for one in products[:3]])
    assert ROW_ITEM.findall(client.get("/").content.decode()) == without != []


def test_a_printed_post_keeps_nothing_of_who_saw_it_first(trained):
    _customers, products = trained
    found = publish_post("Post", (products[0], 10, 10))
    first, second = Client(), Client()
    identify_browser(first)
    identify_browser(second)
    pages = [home(one, QUERY_STRING=query) for one in (first, second, Client()) for query in ("a=1", "a=2&b")]
    tokens = [re.findall(r'csrfmiddlewaretoken" value="([^"]+)"', page) for page in pages]
    assert all(len(one) == 1 for one in tokens) and len({one for (one,) in tokens}) == 6
    assert [re.search(r'name="next" value="([^"]*)"', page)[1] for page in pages] == ["/?a=1", "/?a=2&amp;b"] * 3
    reports = [re.findall(r'data-slate="([^"]+)"', page) for page in pages]
    assert [len(one) for one in reports] == [1, 1, 1, 1, 0, 0]
    products[0].title = "Renamed <b>"
    products[0].save()
    publishing.save_draft(found, block("New words", **post_parts((products[0], 10, 10))), None, base=1)
    publishing.publish(found, None)
    read_rules_now()
    page = home(first)
    assert "New words" in page and LINE.findall(page) == ["Renamed &lt;b&gt;"]


def test_a_shops_own_template_of_a_post_may_use_all_of_the_page(client, trained, tmp_path, settings):
    _customers, products = trained
    publish_post("Post", (products[0], 10, 10))
    folder = tmp_path / "personalization" / "partials"
    folder.mkdir(parents=True)
    (folder / "post_content.html").write_text("<p>{{ text.title }} at {{ next }}, {{ printed.spots.0.card.price }}</p>")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert "<p>Post at /?a=1, $" in client.get("/?a=1").content.decode()
    assert "<p>Post at /?a=2, $" in client.get("/?a=2").content.decode()


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
