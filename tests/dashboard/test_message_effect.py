"""What a kind of message earned, as its screen says it."""

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils.html import strip_tags

from personalization.measure.message_effect import count_message_outcomes
from personalization.models import MessageOutcome
from tests.lifecycle import alerts
from tests.measure.drawn_people import NOW, buy, drawn, people
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea():
    return shop.create_shop_product("Tea", stock=5)


@pytest.fixture
def groups(client, settings):
    """400 who were due for a reminder of their basket, and 200 who were held back; staff is signed in."""
    alerts.switch_on(settings)
    user = User.objects.create_user("mara", "mara@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["change_messages", "send_messages"]))
    client.force_login(user)
    users = people(600)
    drawn(users[:400], "treated")
    drawn(users[400:], "held_back")
    return users[:400], users[400:]


def earned(client, kind="basket_left"):
    """What the served page says of a kind."""
    count_message_outcomes(NOW)
    page = client.get(reverse("personalization:personalization-messages")).content.decode()
    section = page.partition(f'<section aria-labelledby="kind-{kind}">')[2].partition("</section>")[0]
    words = section.partition("Earned")[2]
    return " ".join(strip_tags(words.partition("</dd>")[0]).split())


def test_where_both_groups_buy_alike_there_is_no_difference(client, groups, tea):
    treated, held_back = groups
    buy([*treated[:240], *held_back[:120]], tea, 20)
    said = earned(client)
    assert said.startswith("No difference found so far: if there is one, it lies between -$")
    assert "(400 and 200 people). Ended messages: 0 of 400 who were due, 0 of 200 held back." in said


def test_a_real_difference_is_said_in_money_per_person(client, groups, tea):
    treated, held_back = groups
    buy([*treated[:350], *held_back[:110]], tea, 20)
    MessageOutcome.objects.filter(user__in=treated[:3]).update(withdrew=True)
    said = earned(client)
    low, high = (
        float(one.partition("$")[2].split()[0]) for one in (said.partition("between")[2], said.partition("and ")[2])
    )
    assert 0 < low < 20 * (350 / 400 - 110 / 200) < high
    assert "more per person than who was held back (400 and 200 people)" in said
    assert "Ended messages: 3 of 400 who were due, 0 of 200 held back." in said


def test_a_message_that_does_harm_is_called_so(client, groups, tea):
    treated, held_back = groups
    buy([*treated[:110], *held_back[:190]], tea, 20)
    assert "less per person than who was held back" in earned(client) and "-$" not in earned(client)


def test_with_too_few_orders_only_that_is_said(client, groups, tea, settings):
    treated, held_back = groups
    buy([*treated, *held_back[:12]], tea, 20)
    assert earned(client).startswith(
        "Too few yet: 12 of 100 orders in the smaller group (400 people were due for it, 200 were held back)."
    )
    assert earned(client, "looked") == ""
    alerts.switch_on(settings)
    for kind in ("looked", "back_in_stock"):
        alerts.publish_message(kind)
    assert earned(client, "back_in_stock") == "", "nobody is held back from what they asked for"
    assert earned(client, "looked") == (
        "Too few yet: it takes people who were due and others who were held back, two weeks ago or earlier."
    )


def test_the_page_says_who_is_compared_and_never_speaks_of_clicks(client, groups):
    page = client.get(reverse("personalization:personalization-messages")).content.decode()
    assert "also where the mail then failed" in page and "guests are left out" in page
    assert "of the last 390 days, whatever the period above" in page
    assert "clicked" not in page
