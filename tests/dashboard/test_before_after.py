"""The grid beside the editor shows what the shop will show: both sides are the shop's own decisions."""

import re

import pytest
from django.urls import reverse
from oscar.apps.catalogue.models import Category, Product

from personalization.decide import active_rules
from personalization.merchandising import publishing
from personalization.models import AuditEntry, Definition, Event
from personalization.oscar.dashboard import before_after
from tests.dashboard.campaign_posts import form_data
from tests.shops import tea

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

GRID = reverse("personalization:personalization-campaign-grid")
NEW = reverse("personalization:personalization-campaign-create")


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """The machine that tests may be slow; one test has the limit of a shop."""
    monkeypatch.setattr(before_after, "LIMIT_SECONDS", 60.0)


@pytest.fixture
def products(trained_and_indexed):
    """The keys of the products of the even-and-odd shop, which has an index."""
    return [product.pk for product in trained_and_indexed[1]]


def posted(surface, *actions, **changed):
    """What the form posts for a campaign on one surface; an action is what its line posts."""
    lines = {f"what-{number}-{name}": value for number, one in enumerate(actions) for name, value in one.items()}
    first = Product.objects.order_by("pk").first()
    return {
        **form_data(first, surfaces=[surface], **{"sample-visitor": "stranger"}),
        "what-TOTAL_FORMS": str(len(actions)),
        **lines,
        **changed,
    }


def pinned(key, place=1):
    return {"do": "pin", "target": "products", "products": f"#{key}", "place": str(place)}


def act(do, *keys, strength=""):
    return {"do": do, "target": "products", "products": "\n".join(f"#{key}" for key in keys), "strength": strength}


def grid(client, data, pk=None):
    address = reverse("personalization:personalization-campaign-grid", args=[pk]) if pk else GRID
    response = client.post(address, data, headers={"HX-Request": "true"})
    return response.context["sample"], response.content.decode()


def side(row, number):
    return [card.product for place in row.positions if (card := place[number])]


def publish_posted(client, data, user):
    client.post(NEW, data)
    published = publishing.publish(Definition.objects.latest("pk"), user)
    active_rules.read_rules_now()
    return published


def shown_rows(response):
    return {row.title: [item.product_id for item in row.items][:12] for row in response.context["slate"].rows}


def shown_list(response):
    return [hit.object.pk for hit in response.context["page_obj"]]


def test_after_on_the_home_page_is_what_is_served_once_it_is_published(client, merchandiser, products):
    data = posted("home", pinned(products[39]), act("exclude", products[0]), act("boost", products[5], strength="3"))
    sample, _ = grid(client, data)
    client.logout()
    live = shown_rows(client.get("/"))
    client.force_login(merchandiser)
    for row in sample.grid.rows:
        assert side(row, 1) == live.get(row.title, [])
    publish_posted(client, data, merchandiser)
    client.logout()
    served = shown_rows(client.get("/"))
    assert sample.grid.rows and sample.grid.is_changed
    for row in sample.grid.rows:
        assert side(row, 2) == served[row.title]
    assert sample.grid.unchanged_rows == len(served) - len(sample.grid.rows)


@pytest.mark.parametrize("surface", ["catalogue", "category", "search"])
def test_after_in_a_list_is_what_is_served_once_it_is_published(client, merchandiser, products, surface):
    even = Category.objects.get(name="Even")
    address = {
        "catalogue": "/catalogue/",
        "category": even.get_absolute_url(),
        "search": "/search/?q=product",
    }[surface]
    data = posted(
        surface,
        pinned(products[8], place=3),
        act("exclude", products[0]),
        act("boost", products[16], strength="2"),
        **{"sample-category": str(even.pk), "sample-query": "product"},
    )
    client.logout()
    live = shown_list(client.get(address))
    client.force_login(merchandiser)
    sample, _ = grid(client, data)
    (row,) = sample.grid.rows
    assert side(row, 1) == live[:12]
    publish_posted(client, data, merchandiser)
    client.logout()
    assert side(row, 2) == shown_list(client.get(address))[:12] != live[:12]


def test_after_on_a_product_page_is_what_is_served_once_it_is_published(client, merchandiser, products):
    data = posted("product", act("exclude", products[0]), **{"sample-product": f"#{products[4]}"})
    sample, _ = grid(client, data)
    publish_posted(client, data, merchandiser)
    client.logout()
    served = shown_rows(client.get(Product.objects.get(pk=products[4]).get_absolute_url()))
    assert sample.grid.is_changed
    assert {row.title: side(row, 2) for row in sample.grid.rows}.items() <= served.items()


def test_after_in_the_basket_is_what_is_served_once_it_is_published(client, merchandiser, products):
    data = posted("basket", pinned(products[39]), **{"sample-product": f"#{products[4]}"})
    sample, _ = grid(client, data)
    publish_posted(client, data, merchandiser)
    client.logout()
    chosen = Product.objects.get(pk=products[4])
    client.post(reverse("basket:add", args=[chosen.pk]), {"quantity": 1})
    served = shown_rows(client.get(reverse("basket:summary")))
    assert {row.title: side(row, 2) for row in sample.grid.rows} == served


def test_cards_say_what_moved_them_and_what_took_them_away(client, merchandiser, products):
    usual = shown_list(client.get("/catalogue/"))
    data = posted(
        "catalogue",
        pinned(usual[9]),
        act("boost", usual[9], strength="1"),
        act("boost", usual[19], strength="3"),
        act("exclude", usual[1], usual[2]),
    )
    sample, page = grid(client, data)
    (row,) = sample.grid.rows
    names = dict(Product.objects.values_list("pk", "title"))
    first, second, third = (place[2] for place in row.positions[:3])
    assert (first.product, first.mark, first.screen_reader_mark, first.cause) == (usual[9], "▲9", "up 9 places", "Pin")
    assert (second.product, second.mark) == (usual[19], "▲18")
    assert second.cause == f"Boost “{names[usual[19]]}”"
    assert (third.product, third.mark, third.cause) == (usual[0], "▼2", "")
    gone = [card for _, card, _ in row.positions if card.mark == "drops out"]
    assert [card.product for card in gone][:2] == [usual[1], usual[2]]
    assert gone[0].cause == f"Never show “{names[usual[1]]}”, “{names[usual[2]]}”"
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "▲9 up 9 places Pin" in text and "Before After" in text


def test_a_pin_that_is_sold_out_says_so(client, merchandiser, trained_and_indexed):
    gone = trained_and_indexed[1][39]
    tea.sell_out(gone)
    for surface in ("home", "catalogue"):
        sample, page = grid(client, posted(surface, pinned(gone.pk)))
        assert sample.grid.notes == ("“Product 39” is sold out, so it is not pinned; what follows it keeps its place.",)
        assert "is sold out" in page and "Nothing changes here for this visitor." in page


def test_a_place_that_another_campaign_has_is_said_with_the_place_that_is_left(client, merchandiser, products):
    must = {
        "where": [{"surface": "catalogue"}],
        "what": [{"do": "pin", "target": {"products": [products[3]]}, "place": 1}],
    }
    higher = publishing.create("campaign", "Brand week", must, merchandiser)
    publishing.move(higher, merchandiser, band=0, place=1)
    publishing.publish(higher, merchandiser)
    active_rules.read_rules_now()
    sample, _ = grid(client, posted("catalogue", pinned(products[7])))
    assert sample.grid.notes == ("Place 1 is taken by “Brand week”; “Product 7” stands at 2.",)
    assert side(sample.grid.rows[0], 2)[:2] == [products[3], products[7]]


def test_it_is_shown_for_those_whom_it_is_for_and_not_for_others(client, merchandiser, products):
    document = {
        "match": "all",
        "groups": [{"match": "all", "conditions": [{"field": "orders", "op": "at_least", "value": 1}]}],
    }
    segment = publishing.publish(publishing.create("segment", "Buyers", document, merchandiser), merchandiser)
    data = posted("catalogue", pinned(products[30]), in_segments=[str(segment.pk)], people="customers")
    for visitor, changed in (("", True), (str(segment.pk), True), ("stranger", False), ("account", False)):
        sample, _ = grid(client, {**data, "sample-visitor": visitor})
        assert (visitor, sample.grid.is_changed) == (visitor, changed)


def test_a_campaign_of_the_future_is_shown_at_the_moment_at_which_it_begins(client, merchandiser, products):
    data = posted("catalogue", pinned(products[30]), starts="2031-03-01T08:00", zone="UTC")
    sample, page = grid(client, data)
    assert sample.grid.is_changed and sample.moment.isoformat() == "2031-03-01T08:00:00+00:00"
    assert "as on " in page and "2031" in page


def test_a_live_campaign_is_compared_with_itself_as_it_serves(client, merchandiser, products):
    data = posted("catalogue", pinned(products[30]))
    campaign = publish_posted(client, data, merchandiser)
    assert not grid(client, data, campaign.pk)[0].grid.is_changed
    sample, _ = grid(client, {**data, "what-0-place": "2"}, campaign.pk)
    assert side(sample.grid.rows[0], 1)[0] == side(sample.grid.rows[0], 2)[1] == products[30]


def test_looking_stores_nothing(client, merchandiser, products):
    from oscar.apps.analytics.models import UserSearch

    counts = Definition.objects.count(), Event.objects.count(), AuditEntry.objects.count()
    grid(client, posted("search", pinned(products[3]), **{"sample-query": "product"}))
    page = client.post(NEW, {**posted("home", pinned(products[39])), "look": "1"}).content.decode()
    assert (Definition.objects.count(), Event.objects.count(), AuditEntry.objects.count()) == counts
    assert not UserSearch.objects.exists()
    assert "Touches 1 product now" in page and "Before" in page and 'value="Tea week"' in page


def test_without_a_script_the_button_shows_it_and_keeps_what_is_written(client, merchandiser, products):
    data = {**posted("home", pinned(products[39])), "look": "1", "name": "Half written", "sample-visitor": ""}
    page = client.post(NEW, data).content.decode()
    assert 'value="Half written"' in page and "personalization-grid" in page and not Definition.objects.exists()
    data |= {"what-0-products": "no such thing"}
    page = client.post(NEW, data).content.decode()
    assert "No product has this UPC or SKU: no such thing" in page and "As soon as the form is complete" in page


def test_a_page_that_takes_too_long_says_so_and_the_button_waits(client, merchandiser, products, monkeypatch):
    monkeypatch.setattr(before_after, "LIMIT_SECONDS", 0.0)
    data = posted("home", pinned(products[39]))
    sample, page = grid(client, data)
    assert sample.grid.is_late and "took too long" in page and not sample.grid.rows
    assert "personalization-grid__card" in client.post(NEW, {**data, "look": "1"}).content.decode()


def test_a_pin_outside_the_prices_of_its_row_says_so(client, merchandiser, products):
    sample, _ = grid(client, posted("product", pinned(products[39]), **{"sample-product": f"#{products[4]}"}))
    assert sample.grid.notes == ("“Product 39” is not pinned where prices have to be alike.",)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sample-page": "navigation"}, "The menu holds no products."),
        ({"sample-page": "message"}, "What a message shows is chosen for its reader when it is sent."),
        ({"sample-page": "search"}, "Say what is searched for, to see its results."),
        ({"sample-page": "search", "sample-query": "zzzzzz"}, "Nothing is found there."),
        ({"sample-page": "elsewhere"}, "As soon as the form is complete"),
        ({"sample-product": "no such thing"}, "As soon as the form is complete"),
        ({"sample-visitor": "987654"}, "As soon as the form is complete"),
        ({"sample-page": "category", "sample-category": "987654"}, "As soon as the form is complete"),
    ],
)
def test_what_cannot_be_shown_is_said(client, merchandiser, products, changed, words):
    assert words in grid(client, posted("home", pinned(products[39]), **changed))[1]


def test_the_grid_takes_as_many_queries_with_more_campaigns(
    client, merchandiser, products, django_assert_max_num_queries
):
    data = posted("home", pinned(products[39]))
    for number in range(6):
        publish_posted(client, {**data, "name": f"Week {number}"}, merchandiser)
    grid(client, data)
    with django_assert_max_num_queries(60):
        grid(client, data)
