"""Questions to customers of whom nothing is known: what they answer changes the page at once, and the page says so."""

import re
from datetime import timedelta

import numpy as np
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from personalization.decide.interest_questions import QUESTIONS_KEY, categories_to_ask, largest_distinct_categories
from personalization.decide.policy import Policy
from personalization.decide.visit import Visit
from personalization.models import SensitiveCategory, Visitor
from personalization.models.visitors import Preference
from personalization.oscar.previews import PARAMETER, Preview
from personalization.rank.snapshot_arrays import SnapshotArrays
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

PAGE = "/personalization/privacy/"
BLOCK = re.compile(r'<section class="personalization-questions".*?</section>', re.S)


@pytest.fixture
def newcomer(client, trained):
    """Consented, and bought nothing yet; in the trained shop of two categories."""
    user = shop.create_customer("newcomer")
    client.force_login(user)
    return user


def block(page):
    found = BLOCK.search(page.content.decode())
    return found.group() if found else ""


def asked(page):
    return re.findall(r'__name">([^<]*)<', block(page))


def submit(client, page, name, sign):
    """Presses a button of the block, as a browser without scripts does."""
    (form,) = [one for one in re.findall(r"<form.*?</form>", block(page), re.S) if f'__name">{name}<' in one]
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    action = re.search(r'action="([^"]*)"', form).group(1)
    return client.post(action, {**fields, "sign": sign}, follow=True)


def skip(client, page):
    token = re.search(r'name="token" value="([^"]*)"', block(page)).group(1)
    target = re.search(r'name="next" value="([^"]*)"', block(page)).group(1)
    return client.post(reverse("personalization:feedback"), {"token": token, "next": target}, follow=True)


def rows(page):
    return [(row.title, row.explanation) for row in page.context["slate"].rows]


def category(name):
    return shop.Category.objects.get(name=name)


def test_what_a_newcomer_chooses_changes_the_home_page_at_once_and_its_row_says_so(client, newcomer):
    home = client.get("/")
    assert asked(home) == ["Even", "Odd"]
    assert ("Popular in Odd", "You said that you like this category") not in rows(home)
    page = submit(client, home, "Odd", 1)
    assert page.redirect_chain == [("/", 302)]
    assert rows(page)[0] == ("Popular in Odd", "You said that you like this category")
    row = page.context["slate"].rows[0]
    odd = category("Odd")
    assert row.items and all(odd in item.product.get_categories() for item in row.items)
    body = page.content.decode()
    assert "Saved. This page goes by it already." in body
    assert "You said that you like this category" in body and "Popular in Odd" in body
    assert asked(page) == ["Even"]
    stored = Visitor.objects.get(user=newcomer).get_preferences()
    assert [(one.type, one.key, one.sign) for one in stored] == [("interest", odd.pk, 1)]
    assert "Added by you" in client.get(PAGE).content.decode()


def test_a_no_is_remembered_as_an_interest_that_was_removed(client, newcomer):
    page = submit(client, client.get("/"), "Odd", -1)
    assert asked(page) == ["Even"]
    assert not any(title == "Popular in Odd" for title, _ in rows(page))
    assert "Removed by you" in client.get(PAGE).content.decode()


def test_nothing_is_asked_once_all_is_answered(client, newcomer):
    page = client.get("/")
    for name in ("Even", "Odd"):
        page = submit(client, page, name, 1)
    assert block(page) == "" and block(client.get(PAGE)) == ""
    assert {title for title, _ in rows(page)} >= {"Popular in Even", "Popular in Odd"}


def test_skipping_is_remembered_said_and_can_be_undone(client, newcomer):
    page = skip(client, client.get("/"))
    body = page.content.decode()
    assert block(page) == "" and "We won&#x27;t ask this for 60 days." in body
    assert block(client.get("/")) == "" and block(client.get(PAGE)) == ""
    own = client.get(PAGE).content.decode()
    assert "Questions about what you like" in own
    client.post(reverse("personalization:privacy_preference"), {"kind": "reason", "key": QUESTIONS_KEY, "sign": 0})
    assert asked(client.get("/")) == ["Even", "Odd"]


def test_skipping_holds_for_as_long_as_was_said(client, newcomer):
    skip(client, client.get("/"))
    visitor = Visitor.objects.get(user=newcomer)
    for days, expected in ((59, []), (61, ["Even", "Odd"])):
        visitor.set_preference("reason", QUESTIONS_KEY, -1, (now() - timedelta(days=days)).timestamp())
        assert asked(client.get("/")) == expected


def test_on_their_own_page_it_leads_back_there(client, newcomer):
    page = submit(client, client.get(PAGE), "Even", 1)
    assert page.redirect_chain == [(PAGE, 302)] and asked(page) == ["Odd"]


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_it_leads_nowhere_else(client, newcomer, next_page):
    fields = {"kind": "interest", "key": category("Even").pk, "sign": 1, "next": next_page}
    assert client.post(reverse("personalization:privacy_preference"), fields)["Location"] == PAGE


def test_who_bought_something_is_not_asked_on_the_home_page(client, trained):
    client.force_login(trained[0][1])
    assert client.get("/").context["slate"].rows and block(client.get("/")) == ""
    assert asked(client.get(PAGE)) == ["Even"]  # buys from Odd


def test_nobody_without_an_account_or_consent_is_asked(client, trained):
    assert block(Client().get("/")) == "" and block(Client().get(PAGE)) == ""
    silent = shop.User.objects.create_user("silent", "silent@example.com", "x")
    client.force_login(silent)
    assert block(client.get("/")) == "" and block(client.get(PAGE)) == ""


def test_the_shop_chooses_the_categories_their_number_or_none(client, newcomer, settings):
    even, odd = category("Even"), category("Odd")
    own = settings.PERSONALIZATION
    settings.PERSONALIZATION = {**own, "INTEREST_CATEGORIES": (odd.pk, 10**9, even.pk, odd.get_parent().pk)}
    assert asked(client.get("/")) == ["Odd", "Even"]
    settings.PERSONALIZATION = {**own, "MAX_INTEREST_QUESTIONS": 1}
    assert asked(client.get("/")) == ["Even"]
    settings.PERSONALIZATION = {**own, "MAX_INTEREST_QUESTIONS": 0}
    assert block(client.get("/")) == ""


def test_a_sensitive_category_is_never_asked_about(client, newcomer):
    SensitiveCategory.objects.create(category=category("Even"))
    cache.clear()
    assert asked(client.get("/")) == ["Odd"]


def test_in_a_preview_the_questions_are_seen_and_cannot_be_answered(client, newcomer):
    staff = shop.User.objects.create_superuser("root", "root@shop.example", "x")
    client.force_login(staff)
    page = client.get("/", {PARAMETER: Preview(staff=str(staff.pk), customer=str(newcomer.pk)).sign()})
    assert asked(page) == ["Even", "Odd"] and "<fieldset disabled>" in block(page)


def test_who_is_not_asked_costs_no_query(client, trained, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS": 60}
    client.force_login(trained[0][1])

    def cost(questions):
        settings.PERSONALIZATION = {**settings.PERSONALIZATION, "MAX_INTEREST_QUESTIONS": questions}
        client.get("/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/")
        return len(queries)

    assert cost(3) == cost(0)
    client.force_login(shop.create_customer("newcomer"))
    assert cost(3) - cost(0) == 2


def visit_with(*stated, **policy):
    preferences = tuple(Preference("interest", key, sign, 0.0) for key, sign in stated)
    return Visit(timestamp=1.0, strategy=None, preferences=preferences, policy=Policy(**policy))


def test_nobody_is_asked_more_than_three_times_whatever_the_shop_changes():
    first = visit_with(interest_categories=(1, 2, 3, 4, 5))
    assert categories_to_ask(first, None) == [1, 2, 3]
    assert categories_to_ask(visit_with((1, 1), (2, -1), interest_categories=(1, 2, 3, 4, 5)), None) == [3]
    assert categories_to_ask(visit_with((1, 1), (2, -1), (3, 1), interest_categories=(7, 8)), None) == []
    assert categories_to_ask(visit_with(), None) == []


def test_the_largest_categories_are_of_different_kinds_first():
    arrays = {
        "category.id": np.array([1, 11, 12, 13, 2, 21]),
        "category.depth": np.array([1, 2, 2, 2, 1, 2]),
        "category.share": np.array([0.9, 0.5, 0.3, 0.0, 0.1, 0.1]),
        "category.parent": np.array([0, 1, 1, 1, 0, 2]),
    }
    assert largest_distinct_categories(SnapshotArrays(arrays)) == [11, 21, 12]
    flat = {**arrays, "category.depth": np.ones(6, int)}
    assert largest_distinct_categories(SnapshotArrays(flat)) == [1, 11, 12, 2, 21]
