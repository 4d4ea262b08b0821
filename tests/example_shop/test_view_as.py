"""The picker of the demo: only its people, only in DEBUG, never staff."""

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.test import Client
from oscar.apps.basket.models import Basket
from oscar.apps.partner.models import StockRecord

from example_shop.view_as import VISITOR, Person, list_people, save_people
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

BABY = Person("baby@example.com", "Household 1", "baby food, diapers")
CATS = Person("cats@example.com", "Household 2", "cat food, soft drinks")
OWNER = Person("owner@example.com", "Owner", "listed by mistake")


@pytest.fixture
def demo(own_files, settings):
    settings.DEBUG = True
    for person in (BABY, CATS):
        User.objects.create_user(person.email, person.email, "demo")
    User.objects.create_user("stranger", "stranger@example.com", "demo")
    User.objects.create_superuser(OWNER.email, OWNER.email, "demo")
    save_people([BABY, CATS, OWNER, VISITOR], "small")


def viewer(client):
    return getattr(get_user(client), "email", "")


def choose(client, email):
    return client.post("/view-as/", {"email": email})


def test_one_can_look_at_the_shop_as_one_person_and_then_as_another(client, demo):
    response = choose(client, BABY.email)
    assert (response.status_code, response["Location"], viewer(client)) == (302, "/", BABY.email)
    choose(client, CATS.email)
    assert viewer(client) == CATS.email


def test_the_anonymous_visitor_is_signed_out(client, demo):
    choose(client, BABY.email)
    choose(client, VISITOR.email)
    assert viewer(client) == ""


@pytest.mark.parametrize("email", ["stranger@example.com", OWNER.email, "nobody@example.com"])
def test_nobody_who_is_not_listed_and_no_staff_can_be_chosen(client, demo, email):
    assert choose(client, email).status_code == 404
    assert viewer(client) == ""


def test_nothing_is_changed_by_a_get_or_without_a_choice(client, demo):
    choose(client, BABY.email)
    assert client.get("/view-as/", {"email": CATS.email}).status_code == 405
    assert client.post("/view-as/").status_code == 404
    assert viewer(client) == BABY.email


def test_a_form_of_another_site_changes_nothing(demo):
    client = Client(enforce_csrf_checks=True)
    assert choose(client, BABY.email).status_code == 403


def test_without_debug_there_is_no_bar_and_nobody_to_choose(client, demo, settings):
    settings.DEBUG = False
    assert list_people() == []
    assert choose(client, BABY.email).status_code == 404
    assert "view-as" not in client.get("/").content.decode()


@pytest.mark.parametrize("page", ["/", "/catalogue/", "/basket/", "/accounts/login/"])
def test_the_bar_says_whom_one_looks_as_and_offers_the_others(client, demo, page):
    html = client.get(page).content.decode()
    assert f"<strong>{VISITOR.name}</strong>" in html
    assert [f'value="{person.email}"' in html for person in list_people()] == [True] * 4
    assert html.count('aria-current="true"') == 1


def test_the_bar_names_someone_who_signed_in_without_it(client, demo):
    client.force_login(User.objects.get(username="stranger"))
    assert "<strong>stranger@example.com</strong>" in client.get("/").content.decode()


def test_a_visitors_basket_does_not_follow_into_a_households(client, demo):
    shop.create_shop_product("Milk")
    milk = StockRecord.objects.get().product
    client.post(f"/basket/add/{milk.pk}/", {"quantity": 1})
    assert Basket.objects.get().num_items == 1
    choose(client, BABY.email)
    assert client.get("/basket/").context["basket"].num_items == 0


def test_a_households_basket_waits_for_it(client, demo):
    milk = shop.create_shop_product("Milk")
    choose(client, BABY.email)
    client.post(f"/basket/add/{milk.pk}/", {"quantity": 1})
    choose(client, CATS.email)
    assert client.get("/basket/").context["basket"].num_items == 0
    choose(client, BABY.email)
    assert client.get("/basket/").context["basket"].num_items == 1
