"""Who is welcomed how on the home page: nobody new is welcomed back."""

import re
from datetime import timedelta

import pytest
from django.utils import translation
from django.utils.timezone import now

from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def greeting(client, language="en-gb"):
    with translation.override(language):
        page = client.get("/", headers={"Accept-Language": language}).content.decode()
    (headline,) = re.findall(r"<h1>\s*(.*?)\s*</h1>", page, re.DOTALL)
    return headline


def sign_in(client, *, name, joined_days_ago):
    customer = shop.create_customer("anna")
    customer.first_name, customer.date_joined = name, now() - timedelta(days=joined_days_ago)
    customer.save()
    client.force_login(customer)


def test_a_stranger_is_welcomed_to_the_shop(client):
    assert greeting(client) == "Welcome to Corner Shop"
    assert greeting(client, "de") == "Willkommen bei Corner Shop"


@pytest.mark.parametrize(("name", "expected"), [("Anna", "Welcome, Anna"), ("", "Welcome to Corner Shop")])
def test_a_customer_who_just_registered_is_not_welcomed_back(client, name, expected):
    sign_in(client, name=name, joined_days_ago=0)
    assert greeting(client) == expected


@pytest.mark.parametrize(("name", "expected"), [("Anna", "Welcome back, Anna"), ("", "Welcome back")])
def test_a_customer_of_a_year_is_welcomed_back(client, name, expected):
    sign_in(client, name=name, joined_days_ago=365)
    assert greeting(client) == expected


def test_one_who_registers_in_the_shop_is_not_welcomed_back(client):
    email, password = "new@example.com", "a long pass phrase 7"
    form = {
        "registration-email": email,
        "registration-password1": password,
        "registration-password2": password,
        "registration_submit": "1",
    }
    assert client.post("/accounts/login/", form).status_code == 302
    assert "_auth_user_id" in client.session
    assert greeting(client) == "Welcome to Corner Shop"
