"""The screens of rows, as a merchandiser uses them."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import localdate
from oscar.apps.offer.models import Range

from personalization.decide import active_rules
from personalization.merchandising import publishing
from personalization.merchandising.row_keys import row_key
from personalization.models import AuditEntry, DailyTotal, Definition, RulesState
from personalization.models.events import EventType
from personalization.oscar.previews import PARAMETER
from tests.merchandising.test_served_rows import codes, rows_of
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

LIST = reverse("personalization:personalization-rows")
NEW = reverse("personalization:personalization-row-create")


def address(name, surface="home", code="bestsellers"):
    return reverse(f"personalization:personalization-{name}", args=[surface, code])


def sign_in(client, *codenames):
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


@pytest.fixture
def merchandiser(client):
    """Signed in, may change rows and preview."""
    return sign_in(client, "change_rows", "preview_as")


@pytest.fixture
def chosen_range():
    found = Range.objects.create(name="Breakfast table")
    for number in range(4):
        found.add_product(shop.create_shop_product(f"Product {number}"))
    return found


def form_data(**changed):
    """What the form posts where nothing was changed."""
    return {"base": "0", "shown": "on", "people": "all", "zone": "UTC", **changed}


def own_data(chosen_range, **changed):
    """What the form posts for a row of the shop's own."""
    titles = {"title_en-gb": "Our breakfast", "title_de": "Unser Frühstück"}
    own = {"name": "Breakfast", "surface": "home", "source": "range", "range": str(chosen_range.pk)}
    return form_data(**titles, **own, **changed)


def order_of(page):
    """The codes of the home page's rows in the list."""
    return re.findall(r'id="row-home-(\w+)"', page)


def test_the_built_in_rows_are_there_though_nobody_set_anything(client, merchandiser):
    page = client.get(LIST, {"surface": "home"}).content.decode()
    assert order_of(page)[:2] == ["continue_shopping", "because_you_viewed"] and "latest" in order_of(page)
    assert "No row of your own here." in page and "Because you bought …" in page
    assert "row-basket" not in page and "row-basket" in client.get(LIST).content.decode()
    assert not Definition.objects.exists()


def test_settings_are_saved_published_and_undone(client, merchandiser):
    editor = address("row")
    data = form_data(**{"title_en-gb": "What all buy", "title_de": "Was alle kaufen", "most": "4", "fewest": "2"})
    assert "The draft of “Home page: Bestsellers” is saved." in client.post(editor, data, follow=True).content.decode()
    definition = Definition.objects.get()
    document = {"titles": {"en-gb": "What all buy", "de": "Was alle kaufen"}, "most": 4, "fewest": 2}
    assert (definition.key, definition.state, definition.draft.document) == ("home/bestsellers", "draft", document)
    assert active_rules.read_rules_now().rows == {}

    question = client.get(address("row-publish")).content.decode()
    assert "Publish “Home page: Bestsellers”?" in question and "titled “What all buy” (en-gb)" in question
    page = client.post(address("row-publish"), {"number": "1"}, follow=True).content.decode()
    assert "is live in up to 10 seconds." in page and "Undo" in page and "What all buy" in page
    assert active_rules.read_rules_now().rows["home"]["bestsellers"].most == 4

    client.post(address("row-state"), {"do": "undo"})
    assert active_rules.read_rules_now().rows == {}
    actions = ["create", "publish", "restore"]
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == actions


def test_the_form_shows_settings_as_they_were_written(client, merchandiser):
    document = {
        "titles": {"en-gb": "Best", "de": "Beste", "fr": "Le meilleur"},
        "most": 8,
        "fewest": 3,
        "leave_out": {"bought_days": 14, "below_price": 2.0, "above_price": 20.0, "not_on_offer": True},
        "who": {"people": "customers", "countries": ["DE"], "devices": ["phone"]},
        "when": {"zone": "Europe/Berlin", "from": "2030-03-01T08:00:00+01:00", "to": "2030-03-31T20:00:00+02:00"},
        "fallback": ["trending", "latest"],
        "weights": {"relevance": 60, "margin": 10, "stock": 20, "newness": 10},
        "fixed": True,
    }
    publishing.create("row", "Best", document, None, key="home/buy_again")
    form = client.get(address("row", code="buy_again")).context["form"]
    data = {name: field.value() for name in form.fields if (field := form[name]).value() not in (None, "", [], False)}
    data["starts"], data["ends"] = "2030-03-01T08:00", "2030-03-31T20:00"
    client.post(address("row", code="buy_again"), data | {"base": "1", "shown": "on", "most": "9"})
    newest = Definition.objects.get().newest
    assert newest.number == 2 and newest.document == document | {"most": 9}


@pytest.mark.parametrize(
    ("changed", "field", "message"),
    [
        (
            {"title_en-gb": "Best"},
            "title_de",
            "A title is needed in every language of the shop (missing: Deutsch).",
        ),
        ({"most": "6", "fewest": "8"}, "fewest", "'Fewest' (8) is more than 'How many' (6)."),
        ({"most": "21"}, "most", "Ensure this value is less than or equal to 20."),
        (
            {"title_en-gb": "In {category}", "title_de": "Hier"},
            "title_en-gb",
            "This row has no such placeholder: {category}",
        ),
        ({"below_price": "9", "above_price": "2"}, "above_price", "From must be below To."),
        (
            {"stock": "60", "newness": "60"},
            "newness",
            "Margin, stock and newness are more than 100 percent together.",
        ),
        ({"starts": "2030-02-01T00:00", "ends": "2030-01-01T00:00"}, "ends", "The end has to be after the start."),
        ({"fallback_1": "no_such_row"}, "fallback_1", None),
        ({"in_segments": ["987654"]}, "in_segments", None),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_stores_nothing(client, merchandiser, changed, field, message):
    response = client.post(address("row"), form_data(**changed))
    errors = response.context["form"].errors
    assert list(errors) == [field] and (message is None or errors[field] == [message])
    assert not Definition.objects.exists()


def test_a_row_of_the_shops_own_is_made_and_served(client, merchandiser, chosen_range):
    response = client.post(NEW, own_data(chosen_range, publish="1"), follow=True)
    assert "Publish “Breakfast”?" in response.content.decode() and "4 products now" in response.content.decode()
    client.post(address("row-publish", code="own_breakfast"), {"number": "1"})
    active_rules.read_rules_now()
    found = {code: title for code, title, _products in rows_of(client.get("/").content.decode())}
    assert found["own_breakfast"] == "Our breakfast"
    page = client.get(LIST, {"surface": "home"}).content.decode()
    assert "Our breakfast" in page and "yours" in page and "4 products now" in page
    client.post(address("row-state", code="own_breakfast"), {"do": "archive"})
    active_rules.read_rules_now()
    assert "own_breakfast" not in codes(client.get("/").content.decode())
    assert client.get(address("row", code="own_breakfast")).status_code == 404


def test_two_rows_of_one_name_and_a_range_without_a_product_are_refused(client, merchandiser, chosen_range):
    empty = Range.objects.create(name="Empty")
    response = client.post(NEW, own_data(chosen_range) | {"range": str(empty.pk)})
    assert response.context["form"].errors == {"range": ["This Range has no public product."]}
    response = client.post(NEW, own_data(chosen_range) | {"title_de": ""})
    assert "missing: Deutsch" in str(response.context["form"].errors)
    client.post(NEW, own_data(chosen_range))
    response = client.post(NEW, own_data(chosen_range) | {"name": "breakfast"})
    assert "There is another one of this name already." in str(response.context["form"].errors)
    assert Definition.objects.count() == 1


def test_rows_are_moved_by_number_and_stay_where_they_are_put(client, merchandiser):
    before = order_of(client.get(LIST, {"surface": "home"}).content.decode())
    move = address("row-move", code="new_in")
    page = client.post(move, {"place": "1"}, follow=True).content.decode()
    assert f"Moved “Home page: New in” to place 1 of {len(before)}." in page
    expected = ["new_in", *(code for code in before if code != "new_in")]
    assert order_of(page)[: len(before)] == expected
    client.post(address("row-move", code="trending"), {"place": "1"})
    client.post(address("row-move", code="new_in"), {"place": "1"})
    client.post(address("row-move", code="new_in"), {"place": "99"})
    order = order_of(client.get(LIST, {"surface": "home"}).content.decode())
    assert order[0] == "trending" and order[-1] == "new_in"
    others = [code for code in before if code not in ("trending", "new_in")]
    assert order[1:-1] == others


@pytest.mark.parametrize("place", ["", "0x1", "-1", "²", "9" * 40])
def test_a_place_that_is_none_moves_nothing(client, merchandiser, place):
    client.post(address("row-move"), {"place": place})
    assert not Definition.objects.exclude(place=0).exists() and not Definition.objects.exists()


def test_a_row_is_switched_off_and_on_without_losing_its_settings(client, merchandiser):
    definition = publishing.create("row", "Best", {"most": 4}, None, key=row_key("home", "bestsellers"))
    publishing.publish(definition, None)
    client.post(address("row-state"), {"do": "off"})
    settings = active_rules.read_rules_now().rows["home"]["bestsellers"]
    assert (settings.is_shown, settings.most) == (False, 4)
    client.post(address("row-state"), {"do": "on"})
    settings = active_rules.read_rules_now().rows["home"]["bestsellers"]
    assert (settings.is_shown, settings.most) == (True, 4)
    client.post(address("row-move"), {"place": "1"})
    client.post(address("row-state"), {"do": "reset"})
    settings = active_rules.read_rules_now().rows["home"]["bestsellers"]
    assert (settings.is_shown, settings.most, settings.place) == (True, None, 0)


def test_a_newer_draft_is_not_published_by_the_way(client, merchandiser):
    client.post(address("row"), form_data(most="4"))
    for do in ("off", "archive"):
        client.post(address("row-state"), {"do": do})
    client.post(address("row-move"), {"place": "1"})
    definition = Definition.objects.get()
    assert (definition.live, definition.place, definition.draft.number) == (None, 0, 1)
    assert active_rules.read_rules_now().rows == {}


def test_the_second_of_two_who_edit_is_shown_the_difference(client, merchandiser):
    definition = publishing.create("row", "Best", {"most": 4}, merchandiser, key=row_key("home", "bestsellers"))
    publishing.save_draft(definition, {"most": 9}, merchandiser, base=1)
    response = client.post(address("row"), form_data(base="1", most="5"))
    page = response.content.decode()
    assert response.status_code == 409
    assert "mia saved version 2" in page and "at most 9 products" in page and "at most 5 products" in page
    client.post(address("row"), form_data(base="2", most="5"))
    assert Definition.objects.get().draft.document == {"most": 5}


def test_two_who_set_a_row_for_the_first_time_do_not_overwrite_each_other(client, merchandiser):
    publishing.create("row", "Best", {"most": 4}, merchandiser, key=row_key("home", "bestsellers"))
    assert client.post(address("row"), form_data(base="0", most="5")).status_code == 409


def test_who_only_reads_is_offered_nothing_and_changes_nothing(client):
    sign_in(client)
    page = client.get(LIST).content.decode() + client.get(address("row")).content.decode()
    assert "Save the draft" not in page and "Switch off" not in page and "New row" not in page
    assert client.post(address("row"), form_data(most="4")).status_code == 200
    assert not Definition.objects.exists()


def test_what_is_written_is_seen_in_the_frame_and_nowhere_else(client, merchandiser):
    shop.trained_even_and_odd()
    data = form_data(**{"title_en-gb": "Draft title", "title_de": "Entwurf", "view-device": "phone"})
    part = client.post(address("row-preview"), data, headers={"HX-Request": "true"}).content.decode()
    frame = re.search(r'src="([^"#]+)', part)[1].replace("&amp;", "&")
    assert parse_qs(urlsplit(frame).query)[PARAMETER]
    assert "Draft title" in client.get(frame).content.decode()
    assert "Draft title" not in client.get("/").content.decode()
    assert not Definition.objects.exists() and RulesState.objects.number() == 0
    client.post(address("row-preview"), data)
    assert list(AuditEntry.objects.values_list("action", "note")) == [("preview", "rows/home/bestsellers")]
    client.logout()
    assert "Draft title" not in client.get(frame).content.decode()


def test_a_form_with_mistakes_and_an_address_too_long_show_no_frame(client, merchandiser):
    part = client.post(address("row-preview"), form_data(most="99")).content.decode()
    assert "<iframe" not in part and "As soon as the form is complete" in part


def test_rows_that_do_not_exist_are_not_found(client, merchandiser):
    for code, surface in (("nothing", "home"), ("bestsellers", "nowhere"), ("bestsellers", "search")):
        for name in ("row", "row-publish", "row-history"):
            assert client.get(address(name, surface, code)).status_code == 404
        for name in ("row-state", "row-move", "row-preview"):
            posted = client.post(address(name, surface, code), {"do": "off", "place": "1"})
            assert posted.status_code == 404 or (name, surface) == ("row-preview", "home")
    assert not Definition.objects.exists()


def test_hostile_titles_are_text_on_every_screen(client, merchandiser, chosen_range):
    hostile = '"><script>alert(1)</script>'
    titles = {"title_en-gb": hostile, "title_de": hostile}
    client.post(NEW, own_data(chosen_range, publish="1") | titles | {"name": hostile})
    code = Definition.objects.get().key.partition("/")[2]
    client.post(address("row-publish", code=code), {"number": "1"})
    for page in (LIST, address("row", code=code), address("row-history", code=code), "/"):
        assert "<script>alert(1)" not in client.get(page).content.decode()


def test_the_list_and_the_editor_cost_few_queries(client, merchandiser, chosen_range):
    client.post(NEW, own_data(chosen_range, publish="1"))
    client.post(address("row-publish", code="own_breakfast"), {"number": "1"})
    for code in ("bestsellers", "trending", "new_in", "latest"):
        client.post(address("row-move", code=code), {"place": "2"})
    client.get(LIST)
    for screen in (LIST, address("row"), address("row", code="own_breakfast"), address("row-history")):
        client.get(screen)
        with CaptureQueriesContext(connection) as queries:
            client.get(screen)
        asked = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
        assert len(asked) <= 12, "\n".join(asked)


def test_the_history_offers_older_versions(client, merchandiser):
    client.post(address("row"), form_data(most="4"))
    client.post(address("row-publish"), {"number": "1"})
    client.post(address("row"), form_data(base="1", most="5"))
    page = client.get(address("row-history")).content.decode()
    assert "at most 4 products" in page and "at most 5 products" in page and "Publish this version" in page


def test_the_list_says_what_came_of_each_row_lately(client, merchandiser):
    DailyTotal.objects.create(
        date=localdate() - timedelta(days=2),
        type=EventType.IMPRESSION,
        surface="home",
        row_code="bestsellers",
        event_count=1204,
        visitor_count=30,
    )
    page = client.get(LIST).content.decode()
    assert re.search(r'(?s)id="row-home-bestsellers".*?In the last 7 days: 1,204 cards seen · 0.0 % clicked', page)


def test_a_segment_says_which_row_uses_it_and_leads_there(client, merchandiser):
    condition = {"field": "orders", "op": "at_least", "value": 1}
    document = {"match": "all", "groups": [{"match": "all", "conditions": [condition]}]}
    segment = publishing.publish(publishing.create("segment", "Buyers", document, None), None)
    client.post(address("row"), form_data(in_segments=[str(segment.pk)]))
    page = client.get(reverse("personalization:personalization-segments")).content.decode()
    assert f'<a href="{address("row")}">Home page: Bestsellers</a>' in page


def test_undoing_twice_published_settings_does_not_bring_back_what_was_undone_before(client, merchandiser):
    for base, most in (("0", "4"), ("1", "5")):
        client.post(address("row"), form_data(base=base, most=most))
        client.post(address("row-publish"), {"number": str(int(base) + 1)})
        assert active_rules.read_rules_now().rows["home"]["bestsellers"].most == int(most)
        client.post(address("row-state"), {"do": "undo"})
        assert active_rules.read_rules_now().rows == {}
