"""A draft tried on past orders: what the served page says is what the draft would have done to them."""

import html
import re
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.offer.models import Range
from oscar.apps.order.models import Line

from personalization.merchandising import publishing
from personalization.models import AuditEntry, Consent, Definition, Event, SensitiveCategory, Version, Visitor
from personalization.oscar.dashboard import back_test_screen
from personalization.shop import past_orders
from tests.dashboard.campaign_posts import form_data
from tests.measure.orders import click, see
from tests.shops import factories as shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

TRY = reverse("personalization:personalization-campaign-try")
NEW = reverse("personalization:personalization-campaign-create")
BUYERS = 6


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """The machine that tests may be slow."""
    monkeypatch.setattr(back_test_screen, "LIMIT_SECONDS", 60.0)


@pytest.fixture
def products(trained_and_indexed):
    """The even-and-odd shop, which has an index."""
    return trained_and_indexed[1]


@pytest.fixture
def shelf(products):
    """Six products of a category of their own, the last of which six customers bought two days ago. They are newer than
    what was learned, so that the engine's order of them stands."""
    category = create_from_breadcrumbs("Grocery > Shelf")
    found = [shop.create_shop_product(f"Jar {number}", category) for number in range(6)]
    call_command("rebuild_index", interactive=False, verbosity=0)
    for number in range(BUYERS):
        shop.create_past_order(shop.create_customer(f"buyer{number}"), [found[5]], days_ago=2)
    return found


def category_of(product):
    return product.categories.get()


def act(do, *products, strength="", place=""):
    keys = "\n".join(f"#{product.pk}" for product in products)
    return {"do": do, "target": "products", "products": keys, "strength": strength, "place": place}


def posted(surface, *actions, category=None, **changed):
    """What the form posts for a campaign on one surface, or on the page of one category."""
    lines = {f"what-{number}-{name}": value for number, one in enumerate(actions) for name, value in one.items()}
    categories = {"categories": [str(category.pk)]} if category else {}
    first = {"surfaces": [surface], "what-TOTAL_FORMS": str(len(actions)), **lines, **categories, **changed}
    return {key: value for key, value in (form_data(_Nothing) | first).items() if value != ""}


class _Nothing:
    pk = 0


def text_of(response):
    plain = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", html.unescape(plain))


def tried(client, data):
    return text_of(client.post(TRY, data, headers={"HX-Request": "true"}))


def test_a_pin_would_have_brought_later_purchases_to_the_top(client, merchandiser, shelf):
    category = category_of(shelf[0])
    client.logout()
    listed = [hit.object.pk for hit in client.get(category.get_absolute_url()).context["page_obj"]]
    assert listed.index(shelf[5].pk) == 5
    client.force_login(merchandiser)
    words = tried(client, posted("category", act("pin", shelf[5], place="1"), category=category))
    assert (
        "Lists of categories On 6 pages of 6 customers: 6 products would have moved. Of 6 later purchases, 6 would "
        "have stood higher and 0 lower. Those there before and after would have stood on average at place 1 instead "
        "of 6." in words
    )
    assert "Tried on 102 of 102 orders of the last 28 days of customers who allow it." in words
    assert "what nobody was shown, nobody bought" in words and "Only an experiment can tell that." in words


def test_what_is_never_shown_would_have_hidden_each_purchase_of_it(client, merchandiser, products):
    since = now() - timedelta(days=28)
    purchases = Line.objects.filter(product=products[0], order__date_placed__gte=since).count()
    words = tried(client, posted("category", act("exclude", products[0])))
    assert purchases == 48 and f"{purchases} later purchases would have been hidden." in words
    words = tried(client, posted("home", act("exclude", products[0])))
    assert (
        f"Rows of the home page On 96 pages of 24 customers: 26 products would have moved. {purchases} later" in words
    )
    assert f"{purchases} later purchases would no longer have been there." in words


def test_a_draft_that_does_nothing_says_so(client, merchandiser, shelf):
    data = posted("category", act("bury", shelf[5], strength="3"), category=category_of(shelf[0]))
    assert "On 6 pages of 6 customers: nothing would have moved." in tried(client, data)
    elsewhere = create_from_breadcrumbs("Grocery > Empty")
    words = tried(client, posted("category", act("pin", shelf[5], place="1"), category=elsewhere))
    assert "It would have acted on no page on which anything of these orders stands." in words
    assert "Cannot be tried: Menu." in tried(client, posted("navigation", act("boost", shelf[5], strength="1")))


def test_of_fewer_than_five_customers_nothing_is_said(client, merchandiser, shelf):
    data = posted("category", act("pin", shelf[5], place="1"), category=category_of(shelf[0]))
    Visitor.objects.filter(user__username="buyer0").update(consent=Consent.WITHDRAWN)
    assert "On 5 pages of 5 customers" in tried(client, data)
    Visitor.objects.filter(user__username="buyer1").update(erased_at=now())
    words = tried(client, data)
    assert "Too few yet: 4 of at least 5 customers chose anything there." in words
    assert "Tried on 100 of 100 orders" in words and "would have" not in words.split("What this cannot say")[0]


def test_purchases_of_what_became_sensitive_count_nowhere(client, merchandiser, shelf):
    category = category_of(shelf[0])
    SensitiveCategory.objects.create(category=category)
    words = tried(client, posted("category", act("pin", shelf[5], place="1"), category=category))
    assert "It would have acted on no page" in words


def test_a_campaign_that_begins_later_is_tried_as_though_it_had_begun(client, merchandiser, shelf):
    category, pinned = category_of(shelf[0]), act("pin", shelf[5], place="1")
    later = {"starts": "2099-01-01T00:00", "ends": "2099-02-01T00:00"}
    assert "place 1 instead of 6" in tried(client, posted("category", pinned, category=category, **later))
    ended = {
        "where": [{"surface": "category", "categories": [category.pk]}],
        "what": [{"do": "pin", "target": {"products": [shelf[5].pk]}, "place": 1}],
        "when": {"from": "2020-01-01T00:00:00+00:00", "to": "2021-01-01T00:00:00+00:00", "zone": "UTC"},
    }
    old = publishing.create("campaign", "Long ago", ended, merchandiser)
    Definition.objects.filter(pk=old.pk).update(live=old.draft, draft=None, state="live")
    assert "place 1 instead of 6" in tried(client, posted("category", pinned, category=category))


def test_it_is_tried_on_the_pages_of_those_whom_it_is_for(client, merchandiser, shelf):
    group = {"match": "all", "conditions": [{"field": "orders", "op": "at_least", "value": 2}]}
    segment = publishing.create("segment", "Loyal", {"match": "all", "groups": [group]}, merchandiser)
    publishing.publish(segment, merchandiser)
    call_command("personalization_train", verbosity=0)
    for_loyal = {"in_segments": [str(segment.pk)], "people": "customers"}
    words = tried(client, posted("category", act("pin", shelf[5], place="1"), **for_loyal))
    assert "On 96 pages of 24 customers" in words


def test_searches_are_what_customers_searched_for_or_else_the_words_of_the_campaign(client, merchandiser, shelf):
    pinned, words = act("pin", shelf[5], place="1"), {"searches": "jar"}
    said = tried(client, posted("search", pinned, **words))
    assert "Lists of searches On 6 pages of 6 customers: 6 products would have moved." in said
    ordered = now() - timedelta(days=2, hours=1)
    for visitor in Visitor.objects.filter(user__username__startswith="buyer"):
        searched = {"visitor": visitor, "type": "search", "query": "product", "received_at": ordered}
        Event.objects.create(event_id=visitor.pk, occurred_at=ordered, **searched)
    assert "It would have acted on no page" in tried(client, posted("search", pinned, **words))


def test_more_orders_take_no_more_queries(client, merchandiser, shelf, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS": 60}
    data = posted("category", act("pin", shelf[5], place="1"), category=category_of(shelf[0]))
    _queries(client, data)  # which fills what a process remembers
    few = _queries(client, data)
    for number in range(BUYERS):
        buyer = User.objects.get(username=f"buyer{number}")
        shop.create_past_order(buyer, [shelf[5], shelf[number]], days_ago=3)
    assert few == _queries(client, data) < 60


def _queries(client, data):
    with CaptureQueriesContext(connection) as captured:
        client.post(TRY, data)
    return len(captured)


def test_it_stores_nothing_and_fetches_nothing_that_it_does_not_say(client, merchandiser, shelf):
    data = posted("category", act("pin", shelf[5], place="1"))
    stored = [model.objects.count() for model in (Definition, Version, AuditEntry, Event)]
    with CaptureQueriesContext(connection) as captured:
        tried(client, data)
        client.post(NEW, {**data, "past": "1"})
    assert [model.objects.count() for model in (Definition, Version, AuditEntry, Event)] == stored
    assert not [one["sql"] for one in captured if re.match("INSERT|UPDATE|DELETE", one["sql"])]


def test_it_ends_when_its_time_is_over_and_says_so(client, merchandiser, shelf, monkeypatch):
    monkeypatch.setattr(back_test_screen, "LIMIT_SECONDS", 0.0)
    words = tried(client, posted("category", act("pin", shelf[5], place="1")))
    assert "Tried on 0 of 102 orders" in words


def test_of_very_many_orders_it_says_that_the_latest_are_meant(client, merchandiser, shelf, monkeypatch):
    for module in (past_orders, back_test_screen):
        monkeypatch.setattr(module, "MAX_LISTED", 50)
    words = tried(client, posted("category", act("pin", shelf[5], place="1")))
    assert "Tried on 50 of the latest 50 orders of customers who allow it." in words


def test_without_a_script_the_editor_shows_it_and_keeps_what_was_written(client, merchandiser, shelf):
    data = posted("category", act("pin", shelf[5], place="1"), category=category_of(shelf[0]), name="Jars first")
    response = client.post(NEW, {**data, "past": "1"})
    assert "place 1 instead of 6" in text_of(response)
    assert 'value="Jars first"' in response.content.decode()
    assert "The form is not complete yet." in text_of(client.post(NEW, {**data, "name": "", "past": "1"}))
    assert not Definition.objects.exists()


def test_a_stored_draft_has_a_page_of_its_own_to_which_publishing_leads(client, merchandiser, shelf):
    data = posted("category", act("pin", shelf[5], place="1"), category=category_of(shelf[0]), name="Jars first")
    client.post(NEW, data)
    key = Definition.objects.get().pk
    address = reverse("personalization:personalization-campaign-past", args=[key])
    publish = client.get(reverse("personalization:personalization-campaign-publish", args=[key]))
    assert f'href="{address}"' in publish.content.decode()
    page = text_of(client.get(address))
    assert "“Jars first” on the past" in page and "place 1 instead of 6" in page
    printed = StringIO()
    call_command("personalization_backtest", campaign=key, stdout=printed)
    assert "6 products would have moved. Of 6 later purchases, 6 would have stood higher" in printed.getvalue()


def test_what_is_live_already_is_compared_with_its_new_version(client, merchandiser, shelf):
    category = category_of(shelf[0])
    data = posted("category", act("pin", shelf[5], place="1"), category=category, name="Jars first")
    client.post(NEW, data)
    live = publishing.publish(Definition.objects.get(), merchandiser)
    again = reverse("personalization:personalization-campaign-try", args=[live.pk])
    assert "nothing would have moved" in text_of(client.post(again, data))
    lower = posted("category", act("pin", shelf[5], place="3"), category=category, name="Jars first")
    assert "6 lower. Those there before and after would have stood on average at place 3 instead of 1." in text_of(
        client.post(again, lower)
    )


def test_rows_and_lists_that_were_shown_are_told_by_clicks_and_purchases(client, merchandiser, shelf):
    seen_at = now() - timedelta(days=4)
    for visitor in Visitor.objects.filter(user__username__startswith="buyer"):
        slate = see(visitor, shelf, seen_at, row="bestsellers")
        click(visitor, shelf[1], seen_at, row="bestsellers", slate_id=slate.slate_id)
    words = tried(client, posted("home", act("exclude", shelf[1])))
    assert (
        "Rows and lists that were really shown On 6 pages of 6 customers: 5 products would have moved. "
        "6 products that were clicked on or bought afterwards would not have been there. Of 12 that were clicked on or "
        "bought, 6 would have stood higher and 0 lower." in words
    )
    elsewhere = tried(client, posted("home", act("exclude", shelf[1]), rows=["latest"]))
    assert "really shown" not in elsewhere


@pytest.fixture
def row_maker(client):
    user = User.objects.create_user("ria", "ria@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["change_rows", "preview_as"]))
    client.force_login(user)
    return user


def row_data(**changed):
    return {"base": "0", "people": "all", "zone": "UTC", **changed}


def test_settings_of_a_row_are_tried_in_its_editor(client, row_maker, products):
    address = reverse("personalization:personalization-row-try", args=["home", "bestsellers"])
    shown = text_of(client.post(address, row_data(shown="on")))
    assert "Rows of the home page On 96 pages of 24 customers: nothing would have moved." in shown
    hidden = text_of(client.post(address, row_data()))
    assert re.search(r"[\d]+ later purchases would no longer have been there", hidden)
    editor = reverse("personalization:personalization-row", args=["home", "bestsellers"])
    assert "would no longer have been there" in text_of(client.post(editor, row_data(past="1")))
    assert not Definition.objects.exists()


def test_a_new_row_is_tried_before_it_is_stored(client, row_maker, products):
    chosen = Range.objects.create(name="Jars")
    for product in products[:20]:
        chosen.add_product(product)
    titles = {"title_en-gb": "Jars", "title_de": "Gläser"}
    own = row_data(shown="on", name="Jars", surface="home", source="range", range=str(chosen.pk), **titles)
    words = text_of(client.post(reverse("personalization:personalization-row-try"), own))
    assert re.search(r"Rows of the home page On 96 pages of 24 customers: \d+ products would have moved", words)
    assert "would have moved" in text_of(
        client.post(reverse("personalization:personalization-row-create"), {**own, "past": "1"})
    )
    assert not Definition.objects.exists()


def test_a_stored_row_has_a_page_and_a_command(client, row_maker, products):
    document = {"shown": False}
    publishing.create("row", "Bestsellers", document, row_maker, key="home/bestsellers")
    address = reverse("personalization:personalization-row-past", args=["home", "bestsellers"])
    words = text_of(client.get(address))
    assert "would no longer have been there" in words
    printed = StringIO()
    call_command("personalization_backtest", row="home/bestsellers", stdout=printed)
    sentence = re.search(r"On 96 pages of 24 customers: .*? instead of \d+\.", words).group()
    assert sentence in re.sub(r"\s+", " ", printed.getvalue())


def test_another_policy_is_tried_by_the_command(products):
    printed = StringIO()
    call_command("personalization_backtest", policy=["rerank_strength=0"], stdout=printed)
    assert "Lists of categories\n  On 96 pages of 24 customers: " in printed.getvalue()
    assert "products would have moved" in printed.getvalue()
    printed = StringIO()
    call_command("personalization_backtest", policy=["rerank_strength=100"], stdout=printed)
    assert "nothing would have moved" in printed.getvalue()
    for wrong in ("rerank_strength=many", "menu_pinned_categories=1", "nothing=1"):
        with pytest.raises(CommandError):
            call_command("personalization_backtest", policy=[wrong])
    with pytest.raises(CommandError, match="no campaign"):
        call_command("personalization_backtest", campaign=4711)
    with pytest.raises(CommandError, match="Nobody ever set"):
        call_command("personalization_backtest", row="home/bestsellers")
