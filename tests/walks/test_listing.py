"""Search results, catalogue and category pages through the front doors: orders, a training run, a request, the sort
box."""

import json
import re
import time

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from oscar.apps.catalogue.models import Category

from personalization.decide.relative_dates import relative_date
from personalization.models import Consent, Visitor
from personalization.oscar import visits
from personalization.privacy import cookies, sort_preference
from tests.shops import factories as shop
from tests.shops.saved_shops import open_shop
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

SORT_BOX = re.compile(r'<select name="sort_by".*?</select>', re.DOTALL)
OPTION = re.compile(r'<option value="([^"]*)"( selected)?>([^<]*)</option>')
SWITCH = "/personalization/sort/"


@pytest.fixture
def trained(own_files):
    """Product 38 and Product 39 sell best, to guests."""
    return open_shop(build_with_best_sellers, with_index=True)


def build_with_best_sellers():
    users, products = shop.even_and_odd()
    for _ in range(60):
        shop.create_past_order(None, [products[39], products[38]], days_ago=3)
    call_command("personalization_train", verbosity=0)
    call_command("rebuild_index", interactive=False, verbosity=0)
    return users, products


def shown(response):
    return [hit.object.pk for hit in response.context["page_obj"]]


def sort_box(response):
    """(whether "Recommended" is offered, what the list is said to be sorted by)"""
    options = OPTION.findall(SORT_BOX.search(response.content.decode())[0])
    chosen = [label for _, selected, label in options if selected] or [options[0][2]]
    assert len(chosen) == 1
    return options[0] == ("", options[0][1], "Recommended"), chosen[0]


RECOMMENDED, SWITCHED_OFF, OSCARS = (True, "Recommended"), (True, "Relevancy"), (False, "Relevancy")


def press(client, page, order):
    return client.post(SWITCH, {"sort": order, "next": page}, follow=True)


def category(name):
    return Category.objects.get(name=name).get_absolute_url()


def engines(client, page):
    """The page in the engine's order."""
    other = Client()
    other.cookies[cookies.SORT_COOKIE] = "off"
    return shown(other.get(page))


def test_a_customer_sees_their_usual_products_first_in_their_category(client, trained):
    users, products = trained
    client.force_login(users[1])
    response = client.get(category("Odd"))
    assert shown(response)[:2] == [products[1].pk, products[3].pk]
    assert set(shown(response)) == {product.pk for product in products[1::2]}
    assert sort_box(response) == RECOMMENDED


def test_a_stranger_sees_first_what_sells(client, trained):
    _, products = trained
    response = client.get(category("Odd"))
    assert shown(response)[0] == products[39].pk
    assert sort_box(response) == RECOMMENDED


def test_two_customers_see_one_catalogue_in_two_orders(client, trained):
    users, products = trained
    seen = []
    for user in users[:2]:
        client.force_login(user)
        seen.append(shown(client.get("/catalogue/"))[:8])
    odd = {product.pk for product in products[1::2]}
    assert [len(odd.intersection(first)) for first in seen] == [0, 8]


def test_search_results_are_in_order_too_and_say_so(client, trained):
    users, products = trained
    page = "/search/?q=product"
    assert sort_box(client.get(page)) == RECOMMENDED
    client.force_login(users[1])
    response = client.get(page)
    assert sort_box(response) == RECOMMENDED
    assert sorted(shown(response) + shown(client.get(page + "&page=2"))) == [product.pk for product in products]


def test_an_explicit_sort_is_everybodys(client, trained):
    users, _ = trained
    page = "/catalogue/?sort_by=title-asc"
    before = client.get(page)
    client.force_login(users[1])
    after = client.get(page)
    assert shown(after) == shown(before)
    assert sort_box(after) == sort_box(before) == (True, "Title A to Z")


def test_what_happens_during_a_visit_does_not_change_the_order(client, trained):
    users, products = trained
    client.force_login(users[1])
    before = [shown(client.get("/catalogue/", {"page": page})) for page in (1, 2)]
    visitor = Visitor.objects.get(user=users[1])
    store_event(visitor, product_id=products[10].pk)
    client.get(products[12].get_absolute_url())
    client.get("/search/?q=product")
    client.post(reverse("basket:add", args=[products[14].pk]), {"quantity": 1})
    assert [shown(client.get("/catalogue/", {"page": page})) for page in (1, 2)] == before


def test_a_stranger_switches_it_off_and_on_and_the_browser_keeps_no_id(client, trained):
    page = category("Odd")
    off = press(client, page, "off")
    assert off.redirect_chain == [(page, 302)]
    assert shown(off) == engines(client, page)
    assert sort_box(off) == SWITCHED_OFF
    assert client.cookies[cookies.SORT_COOKIE].value == "off"
    assert client.cookies[cookies.SORT_COOKIE]["httponly"] and client.cookies[cookies.SORT_COOKIE]["samesite"] == "Lax"
    assert cookies.VISITOR_COOKIE not in client.cookies
    assert not Visitor.objects.filter(user=None).exists()
    assert sort_box(press(client, page, "on")) == RECOMMENDED
    assert client.cookies[cookies.SORT_COOKIE].value == ""


def test_a_customer_switches_it_off_on_every_device(client, trained):
    users, _ = trained
    client.force_login(users[1])
    page = category("Odd")
    before = client.get(page)
    off = press(client, page, "off")
    assert shown(off) == engines(client, page) != shown(before)
    assert sort_box(off) == SWITCHED_OFF
    assert not client.cookies.get(cookies.SORT_COOKIE) or not client.cookies[cookies.SORT_COOKIE].value
    phone = Client()
    phone.force_login(users[1])
    assert sort_box(phone.get(page)) == SWITCHED_OFF
    press(phone, page, "on")
    assert shown(client.get(page)) == shown(before)


def test_a_wish_for_the_shops_order_does_not_fade(client, trained):
    users, _ = trained
    Visitor.objects.get(user=users[1]).set_preference(
        sort_preference.PREFERENCE_TYPE, sort_preference.PREFERENCE_KEY, -1, 0.0
    )
    client.force_login(users[1])
    assert sort_box(client.get("/catalogue/")) == SWITCHED_OFF


def test_a_known_browser_has_it_with_its_visitor_and_takes_it_into_the_account(client, trained):
    users, _ = trained
    visitor = identify_browser(client)
    press(client, "/catalogue/", "off")
    visitor.refresh_from_db()
    assert [wish[:3] for wish in visitor.preferences] == [
        [sort_preference.PREFERENCE_TYPE, sort_preference.PREFERENCE_KEY, -1]
    ]
    client.post(reverse("customer:login"), {
        "login-username": users[1].email, "login-password": "x", "login_submit": "1",
    })  # fmt: skip
    assert sort_box(client.get("/catalogue/")) == SWITCHED_OFF


def test_somebody_who_withdrew_is_not_known_by_what_they_wished(client, trained):
    users, _ = trained
    client.force_login(users[1])
    press(client, "/catalogue/", "off")
    Visitor.objects.filter(user=users[1]).update(consent=Consent.WITHDRAWN)
    assert sort_box(client.get("/catalogue/")) == RECOMMENDED
    press(client, "/catalogue/", "off")
    assert sort_box(client.get("/catalogue/")) == SWITCHED_OFF
    assert client.cookies[cookies.SORT_COOKIE].value == "off"


def test_who_agreed_after_switching_it_off_still_has_it_off(client, trained):
    users, _ = trained
    press(client, "/catalogue/", "off")
    client.force_login(users[1])
    assert sort_box(client.get("/catalogue/")) == SWITCHED_OFF
    assert sort_box(press(client, "/catalogue/", "on")) == RECOMMENDED


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "\\\\evil.example", "javascript:x", ""]
)
def test_the_switch_leads_nowhere_else(client, elsewhere):
    response = client.post(SWITCH, {"sort": "off", "next": elsewhere})
    assert (response.status_code, response.url) == (302, reverse("catalogue:index"))


def test_only_a_form_of_ours_switches_it():
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(SWITCH, {"sort": "off"}).status_code == 403
    assert strict.get(SWITCH).status_code == 405
    assert Client().post(SWITCH, {"sort": "sideways"}).status_code == 400
    assert cookies.SORT_COOKIE not in strict.cookies


def test_the_form_of_the_switch_works(trained):
    strict = Client(enforce_csrf_checks=True)
    page = reverse("personalization:privacy")
    text = strict.get(page).content.decode()
    form = text[text.index(f'action="{SWITCH}"') :].partition("</form>")[0]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    assert (fields["next"], fields["sort"]) == (page, "off")
    answer = strict.post(SWITCH, fields, follow=True)
    assert answer.redirect_chain == [(page, 302)]
    assert "Recommended products first: off" in answer.content.decode()
    assert strict.cookies[cookies.SORT_COOKIE].value == "off"


def test_a_list_is_sorted_as_its_sort_box_says(client, trained):
    page = category("Odd")
    recommended, relevancy = (shown(client.get(page, {"sort_by": value})) for value in ("", "relevancy"))
    assert recommended == shown(client.get(page)) != relevancy == engines(client, page)
    assert sort_box(client.get(page, {"sort_by": "relevancy"})) == (True, "Relevancy")
    client.cookies[cookies.SORT_COOKIE] = "off"
    chosen = client.get(page, {"sort_by": ""})
    assert (shown(chosen), sort_box(chosen)) == (recommended, RECOMMENDED)


def test_a_page_that_depends_on_who_looks_is_kept_out_of_shared_caches(client, trained):
    users, _ = trained
    client.force_login(users[1])
    for page in ("/catalogue/", category("Odd"), "/search/?q=product"):
        response = client.get(page)
        assert {"private", "no-store"} <= set(response["Cache-Control"].replace(" ", "").split(","))
        assert "Cookie" in response["Vary"]


def test_a_page_that_was_switched_off_is_nobody_elses(client, trained):
    press(client, "/catalogue/", "off")
    assert "no-store" in client.get("/catalogue/")["Cache-Control"]


def test_a_strangers_page_stays_as_cacheable_as_oscars(client, trained, settings):
    ours = client.get("/catalogue/")
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "RERANK_STRENGTH": 0}
    oscars = client.get("/catalogue/")
    assert ours.get("Cache-Control") == oscars.get("Cache-Control")
    assert ours["Vary"] == oscars["Vary"]


def test_what_is_known_of_somebody_holds_the_switch_and_does_not_call_it_a_product(client, trained):
    users, _ = trained
    client.force_login(users[1])
    press(client, "/catalogue/", "off")
    privacy = client.get(reverse("personalization:privacy"))
    assert privacy.context["overview"].dismissals == []
    held = json.loads(client.get(reverse("personalization:privacy_download")).getvalue())
    assert held["tables"]["personalization.Visitor"][0]["preferences"][0][:4] == [
        sort_preference.PREFERENCE_TYPE,
        sort_preference.PREFERENCE_KEY,
        None,
        -1,
    ]


def test_what_is_not_wanted_stands_last(client, trained):
    users, _ = trained
    client.force_login(users[1])
    page = category("Odd")
    favourite = shown(client.get(page))[0]
    Visitor.objects.get(user=users[1]).set_preference("product", favourite, -1, 9e9)
    assert shown(client.get(page))[-1] == favourite


def test_a_misspelt_search_shows_what_was_meant_and_says_so(client, trained):
    meant, typo = client.get("/search/?q=product"), client.get("/search/?q=pruduct")
    assert shown(typo) == shown(meant) != []
    text = " ".join(re.sub(r"<[^>]+>", "", typo.content.decode()).split())
    assert "Showing results for product . Search instead for pruduct" in text.replace("product.", "product .")
    assert "Showing results for" not in meant.content.decode()
    assert shown(client.get("/search/?q=pruduct&page=2")) == shown(client.get("/search/?q=product&page=2"))


def test_a_search_is_not_corrected_where_the_visitor_says_so_or_nothing_is_like_it(client, trained):
    link = re.search(r'href="([^"]*spelling=off)"', client.get("/search/?q=pruduct").content.decode())[1]
    for page in (link.replace("&amp;", "&"), "/search/?q=xylophone"):
        response = client.get(page)
        assert shown(response) == [] and "Showing results for" not in response.content.decode()


def test_what_was_typed_is_shown_as_text(client, trained):
    response = client.get("/search/", {"q": 'pruduct "><script>alert(1)</script>'})
    assert "<script>alert" not in response.content.decode()


def notes(response):
    """By product key, what its card says of purchases."""
    cards = re.findall(r'<article class="product_pod">.*?</article>', response.content.decode(), re.DOTALL)
    said = {}
    for card in cards:
        note = re.search(r'<p class="personalization-purchase-note">(.*?)</p>', card)
        if note:
            said[int(re.search(r'href="[^"]*_(\d+)/"', card)[1])] = note[1]
    return said


def test_the_cards_of_a_list_say_what_the_customer_bought_and_when(client, trained):
    users, _ = trained
    client.force_login(users[1])
    response = client.get(category("Odd"))
    genome = {row[0]: row for row in Visitor.objects.get(user=users[1]).genome().products}
    said = notes(response)
    assert said.keys() == genome.keys() & set(shown(response)) != set()
    for key, note in said.items():
        assert note == f"Last bought {relative_date(genome[key][3], time.time())}"


def test_the_cards_say_nothing_to_strangers_and_nothing_where_somebody_else_may_look(client, trained):
    users, _ = trained
    assert notes(client.get(category("Odd"))) == {}
    client.force_login(users[1])
    assert notes(client.get(category("Odd"))) != {}
    session = client.session
    session[visits.SIGNED_IN_KEY] = 0
    session.save()
    assert notes(client.get(category("Odd"))) == {}
