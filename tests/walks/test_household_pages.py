"""What a household changes on pages: what the others buy counts, and no sentence says who bought it."""

import re
from dataclasses import replace

import pytest
from django.conf import settings
from django.test import Client
from django.utils.timezone import now

from personalization.decide import arms
from personalization.decide.preferences import apply_preferences
from personalization.decide.row_plan import _titled
from personalization.decide.visit import Visit
from personalization.models import Genome, Household, HouseholdMember, Visitor
from personalization.models.visitors import Preference
from personalization.privacy.household_exits import leave_households
from personalization.profile import genome
from personalization.rows.purchase_history import BECAUSE_YOU_BOUGHT
from personalization.surfaces.navigation import _category_reason
from tests.shops import factories as shop
from tests.walks.test_privacy_page import everybodys

pytestmark = pytest.mark.django_db
ABOUT_ONE = re.compile(r"\byou(r)?\b[^.<]*\b(bought|purchases?|buy)|last bought", re.IGNORECASE)
"""What a sentence says of one person's purchases; "your household" says it of nobody."""


@pytest.fixture(autouse=True)
def households_on(monkeypatch):
    monkeypatch.setitem(settings.PERSONALIZATION, "HOUSEHOLDS", True)


@pytest.fixture
def newcomer():
    """A customer who bought nothing yet."""
    return shop.create_customer("newcomer")


def live_together(*users):
    household = Household.objects.create()
    for visitor in Visitor.objects.filter(user__in=users):
        HouseholdMember.objects.create(household=household, visitor=visitor, since=now())
    genome.refresh_households([household.pk], now().timestamp())
    return household


def home_of(user):
    browser = Client()
    browser.force_login(user)
    return browser.get("/")


def seen(response):
    """The page without the tokens of its rows, which tell the second."""
    content, scripts = everybodys(response)
    return re.sub(r'data-slate="[^"]*"|value="[\w.:-]{60,}"', "", content), scripts


def sentences(response):
    """(product, what is said of it) and (None, what is said of a row)."""
    for row in response.context["slate"].rows:
        yield from ((None, text) for text in (row.title, row.explanation))
        yield from ((item.product_id, item.explanation) for item in row.items)


def says_who(text):
    return bool(ABOUT_ONE.search(text.replace("our household", "")))


@pytest.mark.usefixtures("rows_of_one_line")
def test_a_newcomer_sees_what_the_other_buys_and_no_sentence_says_who(trained, newcomer):
    users, products = trained
    assert any(says_who(text) for _, text in sentences(home_of(users[1])))  # who lives alone is told
    before = {item for item, _ in sentences(home_of(newcomer))}
    live_together(users[1], newcomer)
    page = home_of(newcomer)
    rows = {row.type: row for row in page.context["slate"].rows}
    bought = rows["buy_again"]
    assert (bought.title, bought.explanation) == ("For your household", "From what is bought in your household")
    assert {item.explanation for item in bought.items} == {"Bought in your household"}
    assert {item.product_id for item in bought.items} <= {product.pk for product in products[1::2]}
    assert not {item.product_id for item in bought.items} <= before
    assert rows["popular_in_category"].explanation == "Your household buys from this category"
    assert [text for _, text in sentences(page) if says_who(text)] == []
    content = page.content.decode().split('<div id="content_inner">')[1].split("<footer")[0]
    assert "bought it" not in content and "Last bought" not in content and users[1].username not in content


def test_of_what_they_bought_themselves_a_member_is_told_and_of_nothing_else(trained):
    users, products = trained
    even, odd = ({product.pk for product in products[first::2]} for first in (0, 1))
    live_together(users[0], users[1])
    for user, own, others in ((users[0], even, odd), (users[1], odd, even)):
        told = list(sentences(home_of(user)))
        shown = {product for product, _ in told}
        assert shown & own and shown & others
        assert {product for product, text in told if text.startswith("You last bought it")} <= own
        assert {text for product, text in told if product in others if says_who(text)} == set()
        assert [text for product, text in told if product is None and says_who(text)] == []


def test_buying_of_one_moves_the_page_of_the_other_and_of_nobody_else(trained, newcomer):
    users, products = trained
    live_together(newcomer, users[3])
    unconcerned = seen(home_of(users[5])), seen(home_of(users[2]))
    shown = {row.key: [item.product_id for item in row.items] for row in home_of(newcomer).context["slate"].rows}
    for days in (1, 2, 3, 4):
        shop.create_past_order(users[3], products[0:12:2], days_ago=days)
    genome.refresh_genome([users[3].pk], now().timestamp())
    page = home_of(newcomer)
    assert {row.key: [item.product_id for item in row.items] for row in page.context["slate"].rows} != shown
    assert (seen(home_of(users[5])), seen(home_of(users[2]))) == unconcerned


@pytest.mark.parametrize("own", [False, True])
def test_the_page_of_who_left_is_that_of_who_never_joined(trained, newcomer, own):
    users, _ = trained
    user = users[0] if own else newcomer
    never = seen(home_of(user))
    live_together(users[1], user)
    assert seen(home_of(user)) != never
    leave_households([user.pk], now())
    assert seen(home_of(user)) == never


def test_what_a_member_without_consent_bought_moves_no_page(trained, newcomer):
    users, products = trained
    live_together(users[1], users[3], newcomer)
    Visitor.objects.filter(user=users[3]).update(consent="withdrawn")  # past all doors
    genome.refresh_genome([newcomer.pk], now().timestamp())
    before = seen(home_of(newcomer))
    shop.create_past_order(users[3], products[0:12:2])
    genome.refresh_genome([users[3].pk, newcomer.pk], now().timestamp())
    assert seen(home_of(newcomer)) == before
    assert not HouseholdMember.objects.filter(visitor__user=users[3]).exists()


def test_where_somebody_else_may_look_no_household_is_mentioned(trained, newcomer):
    users, _ = trained
    live_together(users[1], newcomer)
    browser = Client()
    browser.force_login(newcomer)
    session = browser.session
    session["personalization_signed_in"] = 0.0
    session.save()
    page = browser.get("/")
    assert page.context["slate"].rows and "ousehold" not in page.content.decode()


def test_cards_of_a_list_tell_of_the_own_purchases_only(trained_and_indexed, newcomer):
    users, _ = trained_and_indexed
    live_together(users[1], newcomer)
    browser = Client()
    browser.force_login(newcomer)
    assert "bought it" not in browser.get("/catalogue/").content.decode()
    browser.force_login(users[1])
    notes = re.findall(r'personalization-purchase-note">([^<]+)', browser.get("/catalogue/").content.decode())
    assert notes and all(note.startswith("You last bought it") for note in notes)


def test_who_is_held_back_sees_nothing_of_the_household(trained, newcomer):
    visit = Visit(0.0, None, genome=Genome(products=[[1, 1.0, 1, 0, 0]]), own_genome=Genome())
    plain = arms.plain_visit(visit)
    assert (plain.genome.products, plain.in_household) == ([], False)


def test_what_a_member_does_not_want_is_neither_theirs_nor_the_households():
    rows = [[1, 1.0, 1, 0, 0], [2, 1.0, 1, 0, 0]]
    visit = Visit(1e9, None, genome=Genome(products=rows), own_genome=Genome(products=rows[:1]))
    unwanted = replace(visit, preferences=(Preference("product", 1, -1, 1e9),))
    applied = apply_preferences(unwanted, None)
    assert (applied.genome.products, applied.own_purchases) == (rows[1:], [])


def test_a_title_of_the_shops_that_says_you_is_not_used_for_a_household():
    title = _titled(BECAUSE_YOU_BOUGHT.title, {"en": "You bought {product}"})
    assert title({"product": "Tea", "household": True}) == "Goes with Tea, bought in your household"


def test_a_category_of_the_menu_says_that_the_household_buys_there():
    assert _category_reason(3, 1.0, in_household=True).code == "household_category"
    assert _category_reason(3, 1.0, in_household=False).code == "bought_in_category"
