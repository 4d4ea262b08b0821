"""Search results, catalogue and category pages through the front doors: orders, a training run, a request, the chip."""

import re

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from oscar.apps.catalogue.models import Category

from personalization.models import Consent, Visitor
from personalization.privacy import cookies, sort_preference
from tests.shops import factories as shop
from tests.shops.saved_shops import open_shop
from tests.walks.known_visitors import identify_browser, store_event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

CHIP = re.compile(r'<button class="personalization-sort__chip"[^>]* aria-pressed="(true|false)">\s*(.+?)\s*</button>')
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


def chip(response):
    """(the words of the chip, whether it is pressed); None when there is none."""
    found = CHIP.findall(response.content.decode())
    assert len(found) <= 1
    return (found[0][1], found[0][0] == "true") if found else None


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
    assert chip(response) == ("Sorted for you", True)


def test_a_stranger_sees_first_what_sells(client, trained):
    _, products = trained
    response = client.get(category("Odd"))
    assert shown(response)[0] == products[39].pk
    assert chip(response) == ("Popular first", True)


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
    assert chip(client.get(page)) == ("Popular matches first", True)
    client.force_login(users[1])
    response = client.get(page)
    assert chip(response) == ("Sorted for you", True)
    assert sorted(shown(response) + shown(client.get(page + "&page=2"))) == [product.pk for product in products]


def test_an_explicit_sort_has_no_chip_and_is_everybodys(client, trained):
    users, _ = trained
    page = "/catalogue/?sort_by=title-asc"
    before = client.get(page)
    client.force_login(users[1])
    after = client.get(page)
    assert shown(after) == shown(before)
    assert chip(after) is None and chip(before) is None


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
    assert chip(off) == ("Popular first", False)
    assert client.cookies[cookies.SORT_COOKIE].value == "off"
    assert client.cookies[cookies.SORT_COOKIE]["httponly"] and client.cookies[cookies.SORT_COOKIE]["samesite"] == "Lax"
    assert cookies.VISITOR_COOKIE not in client.cookies
    assert not Visitor.objects.filter(user=None).exists()
    assert chip(press(client, page, "on")) == ("Popular first", True)
    assert client.cookies[cookies.SORT_COOKIE].value == ""


def test_a_customer_switches_it_off_on_every_device(client, trained):
    users, _ = trained
    client.force_login(users[1])
    page = category("Odd")
    before = client.get(page)
    off = press(client, page, "off")
    assert shown(off) == engines(client, page) != shown(before)
    assert chip(off) == ("Sorted for you", False)
    assert not client.cookies.get(cookies.SORT_COOKIE) or not client.cookies[cookies.SORT_COOKIE].value
    phone = Client()
    phone.force_login(users[1])
    assert chip(phone.get(page)) == ("Sorted for you", False)
    press(phone, page, "on")
    assert shown(client.get(page)) == shown(before)


def test_a_wish_for_the_shops_order_does_not_fade(client, trained):
    users, _ = trained
    Visitor.objects.get(user=users[1]).set_preference(
        sort_preference.PREFERENCE_TYPE, sort_preference.PREFERENCE_KEY, -1, 0.0
    )
    client.force_login(users[1])
    assert chip(client.get("/catalogue/")) == ("Sorted for you", False)


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
    assert chip(client.get("/catalogue/"))[1] is False


def test_somebody_who_withdrew_is_not_known_by_what_they_wished(client, trained):
    users, _ = trained
    client.force_login(users[1])
    press(client, "/catalogue/", "off")
    Visitor.objects.filter(user=users[1]).update(consent=Consent.WITHDRAWN)
    assert chip(client.get("/catalogue/")) == ("Popular first", True)
    press(client, "/catalogue/", "off")
    assert chip(client.get("/catalogue/")) == ("Popular first", False)
    assert client.cookies[cookies.SORT_COOKIE].value == "off"


def test_who_agreed_after_switching_it_off_still_has_it_off(client, trained):
    users, _ = trained
    press(client, "/catalogue/", "off")
    client.force_login(users[1])
    assert chip(client.get("/catalogue/"))[1] is False
    assert chip(press(client, "/catalogue/", "on")) == ("Sorted for you", True)


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "\\\\evil.example", "javascript:x", ""]
)
def test_the_chip_leads_nowhere_else(client, elsewhere):
    response = client.post(SWITCH, {"sort": "off", "next": elsewhere})
    assert (response.status_code, response.url) == (302, reverse("catalogue:index"))


def test_only_a_form_of_ours_switches_it():
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(SWITCH, {"sort": "off"}).status_code == 403
    assert strict.get(SWITCH).status_code == 405
    assert Client().post(SWITCH, {"sort": "sideways"}).status_code == 400
    assert cookies.SORT_COOKIE not in strict.cookies


def test_the_form_of_the_chip_works(trained):
    strict = Client(enforce_csrf_checks=True)
    page = "/catalogue/?page=2&q="
    text = strict.get(page).content.decode()
    form = text[text.index('<form class="personalization-sort"') :].partition("</form>")[0]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form.replace("&amp;", "&")))
    assert (fields["next"], fields["sort"]) == (page, "off")
    assert strict.post(SWITCH, fields, follow=True).redirect_chain == [(page, 302)]
    assert strict.cookies[cookies.SORT_COOKIE].value == "off"


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
    held = client.get(reverse("personalization:privacy_download")).json()
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
