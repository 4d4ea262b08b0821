"""The menu of every page: a known visitor's own lines in it, and its top categories in their order."""

import re
from pathlib import Path
from time import time

import oscar
import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Category

from personalization import conf
from personalization.decide import active_snapshot
from personalization.decide.slate import Candidate, Reason, category_ref
from personalization.decide.visit import Visit
from personalization.models import Consent, Genome, SensitiveCategory, Snapshot, Visitor
from personalization.oscar import template_overrides, visits
from personalization.privacy import cookies
from personalization.profile.genome import refresh_genome
from personalization.serve import menu_shortcuts
from personalization.surfaces import navigation
from tests.shops import factories as shop
from tests.shops.saved_shops import open_shop
from tests.walks.known_visitors import identify_browser

pytestmark = pytest.mark.django_db

LINE = re.compile(
    r'<a href="([^"]+)">\s*<span class="personalization-shortcuts__name">([^<]+)</span>\s*<small>([^<]+)<'
)
ENTRY = re.compile(r'<a class="dropdown-item" href="/catalogue/category/[^"]+">([^<]+)</a>')
TEAS = ("Drinks > Tea > Green tea", "Drinks > Tea > Black tea")
OTHERS = ("Drinks > Coffee", "Bakery > Bread", "Bakery > Cake", "Dairy")


@pytest.fixture
def tea_shop():
    return open_shop(build_tea_shop)


@pytest.fixture
def shelves(tea_shop):
    """Three products on each shelf."""
    return tea_shop[0]


@pytest.fixture
def tea_drinker(tea_shop, client):
    """Bought green tea in four weeks, and bread in the first of them; signed in just now."""
    user = tea_shop[1]
    client.force_login(user)
    return user


def build_tea_shop():
    """(shelves, tea drinker), of which a training run knows."""
    shelves = build_shelves()
    user = shop.create_customer("tea")
    for week in range(4):
        bread = shelves["Bakery > Bread"][:1] if week == 0 else []
        shop.create_past_order(user, [*shelves[TEAS[0]], *bread], days_ago=2 + 7 * week)
    call_command("personalization_train", verbosity=0)
    return shelves, user


def build_shelves():
    """Three products on each shelf. Twelve customers buy of all of them twice; one buys tea and bread only."""
    found = {name: create_from_breadcrumbs(name) for name in (*TEAS, *OTHERS)}
    stock = {name: [shop.create_shop_product(f"{name} {n}", shelf) for n in range(3)] for name, shelf in found.items()}
    for n in range(12):
        user = shop.create_customer(f"customer{n}")
        for week in range(2):
            shop.create_past_order(user, [products[week] for products in stock.values()], days_ago=3 + 7 * week)
    return stock


def lines(response):
    """(name, why, address) of each line."""
    return [(name, why, url) for url, name, why in LINE.findall(response.content.decode())]


def names(response):
    return [name for name, _, _ in lines(response)]


def category(name):
    return Category.objects.get(name=name)


def test_a_known_customer_has_their_own_lines_each_with_its_reason_and_the_way_there(client, tea_drinker):
    found = lines(client.get(reverse("basket:summary")))
    green, bread = category("Green tea"), category("Bread")
    assert found[0] == ("Green tea", "You have bought from this category 12 times", green.get_absolute_url())
    assert ("Bread", "You have bought from this category 1 time", bread.get_absolute_url()) in found
    assert client.get(found[0][2]).status_code == 200


def test_they_are_five_at_most_and_none_lies_below_another(client, tea_drinker):
    found = [category(name) for name in names(client.get(reverse("basket:summary")))]
    assert 2 <= len(found) <= 5
    assert not any(one.is_descendant_of(other) for one in found for other in found)


def test_they_stand_on_every_page_of_the_shop(client, tea_drinker, shelves):
    product = shelves["Dairy"][0]
    pages = ["/", reverse("catalogue:index"), product.get_absolute_url(), category("Dairy").get_absolute_url()]
    assert {names(client.get(page))[0] for page in pages} == {"Green tea"}


@pytest.mark.parametrize("of", ["Green tea", "Tea"])
def test_a_category_of_which_they_want_less_is_not_there_nor_any_below_it(client, tea_drinker, of):
    Visitor.objects.get(user=tea_drinker).set_preference("category", category(of).pk, -1, time())
    assert "Green tea" not in names(client.get(reverse("basket:summary")))


def of(*categories, code="expected_in_category"):
    """Candidates with falling scores."""
    return [
        Candidate(category_ref(category.pk), 1 / place, Reason(code)) for place, category in enumerate(categories, 1)
    ]


def test_what_is_to_stay_away_keeps_what_lies_below_it_away():
    green, bread = create_from_breadcrumbs("Drinks > Tea > Green tea"), create_from_breadcrumbs("Bread")
    above = {category.pk for category in green.get_ancestors()}
    for away, left in (((), ["Green tea", "Bread"]), ({category("Drinks").pk}, ["Bread"]), ({bread.pk}, ["Green tea"])):
        found = navigation.select_shortcuts(of(green, bread), above, excluded=away, discreet=False)
        assert [shortcut.name for shortcut in found] == left


def test_of_more_than_five_the_five_with_the_highest_scores_are_shown():
    shelves = [create_from_breadcrumbs(f"Shelf {n}") for n in range(7)]
    found = navigation.select_shortcuts(of(*shelves)[::-1], (), excluded=(), discreet=False)
    assert [shortcut.key for shortcut in found] == [shelf.pk for shelf in shelves[:5]]


def test_one_that_they_named_and_one_below_it_are_both_shown():
    green = create_from_breadcrumbs("Tea > Green tea")
    tea = category("Tea")
    found = navigation.select_shortcuts(
        of(tea, code=navigation.STATED_INTEREST) + of(tea, green), {tea.pk}, excluded=(), discreet=False
    )
    assert [(shortcut.name, shortcut.explanation) for shortcut in found] == [
        ("Tea", "You said that you like this category"),
        ("Green tea", "Suggested for you"),
    ]


def test_a_category_that_they_named_stands_first_and_says_so(client, tea_drinker):
    Visitor.objects.get(user=tea_drinker).set_preference("interest", category("Dairy").pk, 1, time())
    name, why, _ = lines(client.get(reverse("basket:summary")))[0]
    assert (name, why) == ("Dairy", "You said that you like this category")


def test_a_browser_of_which_nothing_but_a_named_category_is_known_has_that(tea_drinker):
    client = Client()
    identify_browser(client).set_preference("interest", category("Dairy").pk, 1, time())
    assert names(client.get(reverse("basket:summary"))) == ["Dairy"]


@pytest.mark.parametrize("hide", ["hidden", "out of the menu", "sensitive"])
@pytest.mark.parametrize("of", ["Green tea", "Tea"])
def test_what_the_shop_does_not_show_or_name_is_not_there_nor_below_it(client, tea_drinker, of, hide):
    hidden = category(of)
    if hide == "sensitive":
        SensitiveCategory.objects.create(category=hidden)
    else:
        hidden.is_public, hidden.exclude_from_menu = hide != "hidden", hide == "out of the menu"
        hidden.save()
    found = names(client.get(reverse("basket:summary")))
    assert "Green tea" not in found
    assert "Bread" in found


def test_a_category_that_was_moved_below_another_waits_for_the_next_training(client, tea_drinker):
    category("Green tea").move(category("Dairy"), pos="last-child")
    assert "Green tea" not in names(client.get(reverse("basket:summary")))
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    found = lines(client.get(reverse("basket:summary")))
    assert found[0][0] == "Green tea" and "/dairy/green-tea_" in found[0][2]


def test_where_somebody_else_may_be_looking_no_line_tells_what_was_bought_or_said(client, tea_drinker):
    Visitor.objects.get(user=tea_drinker).set_preference("interest", category("Dairy").pk, 1, time())
    session = client.session
    session[visits.SIGNED_IN_KEY] = 0
    session.save()
    found = lines(client.get(reverse("basket:summary")))
    assert found
    assert {why for _, why, _ in found} <= {"Recommended for you", "Suggested for you"}


def test_nobody_else_has_any(tea_drinker):
    refused, customer = Client(), Client()
    refused.cookies[cookies.CONSENT_COOKIE] = "refused.1.1700000000"
    customer.force_login(tea_drinker)
    Visitor.objects.filter(user=tea_drinker).update(consent=Consent.WITHDRAWN)
    agreeing = Client()
    identify_browser(agreeing)
    for client in (Client(), refused, customer, agreeing):
        text = client.get(reverse("basket:summary")).content.decode()
        assert "personalization-shortcuts" not in text
        assert "navigation.css" not in text


def test_a_shop_that_learned_nothing_has_none(client, tea_drinker):
    Snapshot.objects.all().delete()
    active_snapshot.reset_active_snapshot()
    assert names(client.get(reverse("basket:summary"))) == []


def test_a_page_with_them_varies_by_who_asks(client, tea_drinker):
    assert "Cookie" in client.get(reverse("basket:summary"))["Vary"]


def test_a_shop_prints_them_where_it_likes(tea_drinker):
    request = RequestFactory().get("/")
    request.user, request.strategy = tea_drinker, None
    request.session = {}
    page = Template("{% load personalization %}<aside>{% personal_categories %}</aside>")
    text = page.render(Context({"request": request}))
    assert "Green tea" in text
    assert page.render(Context()) == "<aside></aside>"


def test_without_a_script_they_are_a_list_in_a_named_group(client, tea_drinker):
    text = client.get(reverse("basket:summary")).content.decode()
    part = text[text.index("<details") : text.index("</details>")]
    assert '<summary class="nav-link">For you</summary>' in part
    assert 'role="group" aria-label="For you"' in part
    assert part.count("<li>") == part.count("</li>") == len(LINE.findall(text))
    assert "style=" not in part and "<script" not in part.replace('<script src="', "")


# What it costs.


@pytest.fixture
def oscars_menu(tmp_path, settings):
    """Takes our menu away: pages then have Oscar's own."""
    name = "oscar/partials/nav_primary.html"

    def taken_away():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text((Path(oscar.__path__[0]) / "templates" / name).read_text())
        settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]

    return taken_away


def queries(client, path):
    """What a page asks the database when all that is remembered is; without looking for a newer snapshot."""
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in asked if "personalization_snapshot" not in query["sql"]]


def questions(client, path):
    """The same without savepoints."""
    return sum("FROM " in sql for sql in queries(client, path))


def opted_out(user):
    client = Client()
    client.force_login(user)
    Visitor.objects.filter(user=user).update(consent=Consent.WITHDRAWN)
    return client


@pytest.mark.parametrize("moves", [0, 2])
def test_a_stranger_and_who_opted_out_pay_no_query_not_even_a_savepoint(tea_drinker, settings, oscars_menu, moves):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MENU_MAX_SHIFT": moves, "SNAPSHOT_POLL_SECONDS": 9_999}
    clients = [Client(), opted_out(tea_drinker)]
    pages = [reverse("basket:summary"), reverse("catalogue:index"), "/"]
    counts = [len(queries(client, page)) for client in clients for page in pages]
    oscars_menu()
    assert [len(queries(client, page)) for client in clients for page in pages] == counts


@pytest.mark.parametrize("moves", [0, 2])
def test_a_page_of_a_known_visitor_asks_one_question_more(client, tea_drinker, settings, oscars_menu, moves):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MENU_MAX_SHIFT": moves, "SNAPSHOT_POLL_SECONDS": 9_999}
    pages = [reverse("catalogue:index"), "/"]
    asked = [questions(client, page) for page in pages]
    oscars_menu()
    assert [questions(client, page) + 1 for page in pages] == asked


def test_a_cache_that_lost_the_addresses_costs_no_question(client, tea_drinker, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS": 9_999}
    genome = Genome.objects.of_customer(tea_drinker.pk)
    visit = Visit(time(), None, genome=genome)
    menu_shortcuts(visit)
    for language in ("en-gb", "de"):
        cache.clear()
        with override(language), CaptureQueriesContext(connection) as asked:
            assert len(menu_shortcuts(visit)) >= 2
        assert sum("FROM " in query["sql"] for query in asked) == 1


# The menu's top categories.


def entries(response):
    return ENTRY.findall(response.content.decode())


def allow(settings, **named):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, **named}


def test_the_menu_that_people_have_learned_stays_unless_the_shop_allows_more(client, tea_drinker, oscars_menu):
    page = reverse("basket:summary")
    ours = entries(client.get(page))
    assert ours == ["Drinks", "Bakery", "Dairy"]
    oscars_menu()
    assert entries(client.get(page)) == ours


def test_what_somebody_needs_comes_forward_as_far_as_the_shop_allows(client, tea_drinker, shelves, settings):
    dairy = shop.create_customer("dairy")
    for week in range(4):
        shop.create_past_order(dairy, shelves["Dairy"], days_ago=2 + 7 * week)
    refresh_genome([dairy.pk], time())
    client.force_login(dairy)
    page = reverse("basket:summary")
    found = []
    for moves in (0, 1, 2):
        allow(settings, MENU_MAX_SHIFT=moves)
        found.append(entries(client.get(page)))
    assert found == [["Drinks", "Bakery", "Dairy"], ["Drinks", "Dairy", "Bakery"], ["Dairy", "Drinks", "Bakery"]]
    allow(settings, MENU_MAX_SHIFT=2, MENU_PINNED_CATEGORIES=[category("Drinks").pk])
    assert entries(client.get(page)) == ["Drinks", "Dairy", "Bakery"]
    assert entries(Client().get(page)) == ["Drinks", "Bakery", "Dairy"]


def test_what_a_shop_put_into_oscars_menu_is_still_there(client, tea_drinker, settings, tmp_path):
    name = "oscar/partials/nav_primary.html"
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(
        '{% extends "oscar/partials/nav_primary.html" %}{% block browse_store_text %}All our shelves{% endblock %}'
        "{% block nav_dropdown_extra_items %}Our story{{ block.super }}{% endblock %}"
    )
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    for moves in (0, 2):
        allow(settings, MENU_MAX_SHIFT=moves)
        text = client.get(reverse("basket:summary")).content.decode()
        assert text.count("All our shelves") == text.count("Our story") == text.count(reverse("offer:list")) == 1
        assert "Green tea" in text
    assert template_overrides.lost_overrides() == []


@pytest.mark.parametrize("broken", ["shortcuts.html", "snapshot"])
def test_whatever_fails_oscars_menu_is_there(client, tea_drinker, settings, tmp_path, broken):
    allow(settings, MENU_MAX_SHIFT=2)
    if broken == "snapshot":
        del active_snapshot.get_active_snapshot().arrays["category.share"]
    else:
        (tmp_path / "personalization/partials").mkdir(parents=True)
        (tmp_path / "personalization/partials/shortcuts.html").write_text("{% wrong %}")
        settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]
    page = client.get(reverse("basket:summary"))
    assert page.status_code == 200
    assert sorted(entries(page)) == ["Bakery", "Dairy", "Drinks"]
    assert names(page) == []


@pytest.mark.parametrize("value", [3, "3", [True], ["tea"], None])
def test_what_is_no_list_of_categories_is_said_to_be_none(value):
    assert conf.setting_error("MENU_PINNED_CATEGORIES", value) == (
        f"'MENU_PINNED_CATEGORIES' is {value!r}; expected a tuple of primary keys, (3, 7) for instance"
    )


def test_zero_moves_and_lists_are_understood():
    assert (
        conf.setting_error("MENU_MAX_SHIFT", 0)
        is conf.setting_error("MENU_PINNED_CATEGORIES", [3, 7])
        is conf.setting_error("MENU_PINNED_CATEGORIES", ())
        is None
    )
    assert conf.setting_error("MENU_MAX_SHIFT", -1) == "'MENU_MAX_SHIFT' is -1; expected an integer >= 0"
