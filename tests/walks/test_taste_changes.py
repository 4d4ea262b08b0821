"""What changed in what a customer buys, on their own page and on that of staff: true, and more than noise."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime, now

from personalization.models import CustomerFacts, GenomeMonth, SensitiveCategory, Visitor
from personalization.privacy import identity
from personalization.profile import batch
from personalization.profile.genome_months import month_of, store_genome_months
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

PAGE = "/personalization/privacy/"
THEN = localtime().replace(day=1) - timedelta(days=40)
"""A moment of the month before last."""
MONTH = date_format(THEN.date(), "YEAR_MONTH_FORMAT")
AGO = (now() - THEN).total_seconds() / 86400


@pytest.fixture
def products():
    paths = {"Coffee": "Drinks > Coffee", "Tea": "Drinks > Tea", "Food": "Pets > Dog food", "Soap": "Home > Bath"}
    return {title: shop.create_shop_product(title, shop.create_from_breadcrumbs(path)) for title, path in paths.items()}


def bought(user, products, *titles, days_ago):
    shop.create_past_order(user, [products[title] for title in titles], days_ago=days_ago)


def swept(moment):
    batch.refresh_all_genomes(moment.timestamp())
    store_genome_months(moment.timestamp())


@pytest.fixture
def changed(products):
    """Bought tea until THEN; since then coffee and dog food, and hardly any tea."""
    user = shop.create_customer("changed")
    for days in (90, 60, 30):
        bought(user, products, "Tea", days_ago=AGO + days)
    swept(THEN)
    for days in (20, 10):
        bought(user, products, "Coffee", "Food", days_ago=days)
    bought(user, products, "Food", days_ago=5)
    swept(now())
    return user


def section(page, heading):
    """The text of the section with this id of its heading."""
    found = re.search(rf'<section[^>]*aria-labelledby="{heading}".*?</section>', page.content.decode(), re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found.group())).strip() if found else None


def own_page(client, user):
    client.force_login(user)
    return section(client.get(PAGE), "personalization-changes")


def staff_page(client, user):
    mia = shop.User.objects.create_user("mia", "mia@shop.example", "x", is_staff=True)
    mia.user_permissions.set(Permission.objects.filter(codename="view_customer"))
    client.force_login(mia)
    address = reverse("personalization:personalization-customer", args=[user.pk])
    return section(client.post(address, {"reason": "asked"}, follow=True), "changed")


def test_the_shopper_reads_what_is_new_and_what_became_less(client, changed):
    text = own_page(client, changed)
    assert f"New since {MONTH}: Dog food · Coffee" in text
    assert re.search(rf"A smaller part than in {MONTH}: Tea \(100 %, now \d+ %\)", text)
    assert "Pets" not in text and "Drinks" not in text.replace("Drinks (100 %", "")
    assert "A larger part" not in text  # what is new is not said twice


def test_the_numbers_are_those_of_the_tastes(client, changed, products):
    text = own_page(client, changed)
    tea = products["Tea"].categories.get().pk
    share = next(t.share for t in CustomerFacts.objects.get(user=changed).read_tastes() if t[:2] == ("category", tea))
    assert f"Tea (100 %, now {round(100 * share)} %)" in text


def test_staff_read_it_too_with_the_tenth_and_the_floor(client, changed):
    GenomeMonth.objects.filter(user=changed, month=month_of(THEN.timestamp())).update(value_tier=9)
    CustomerFacts.objects.filter(user=changed).update(value_tier=3)
    text = staff_page(client, changed)
    assert f"New since {MONTH}: Dog food · Coffee" in text and "Tea (100 %" in text
    assert f"in tenth 3 of all customers, in {MONTH} in tenth 9" in text
    assert "two kept orders before and two since" in text


def test_who_goes_on_as_before_reads_nothing_and_staff_that_nothing_changed(client, products):
    user = shop.create_customer("steady")
    for days in (AGO + 60, AGO + 30, 20, 10):
        bought(user, products, "Tea", "Coffee", days_ago=days)
        if days == AGO + 30:
            swept(THEN)
    swept(now())
    assert own_page(client, user) is None
    assert f"Nothing that is more than chance in what they buy since {MONTH}." in staff_page(client, user)


@pytest.mark.parametrize("noise", ["one order since", "a present", "one order before"])
def test_noise_is_not_said(client, products, noise):
    user = shop.create_customer("quiet")
    for days in (AGO + 30,) if noise == "one order before" else (AGO + 60, AGO + 30):
        bought(user, products, "Tea", days_ago=days)
    swept(THEN)
    if noise == "one order since":
        bought(user, products, "Soap", "Food", days_ago=10)
    elif noise == "a present":
        for days in (22, 17, 12, 10):
            bought(user, products, "Tea", *(["Soap"] if days == 10 else []), days_ago=days)
    else:
        bought(user, products, "Soap", days_ago=AGO + 29)
        bought(user, products, "Soap", days_ago=AGO + 28)
        GenomeMonth.objects.filter(user=user).update(orders=1)
    swept(now())
    assert own_page(client, user) is None


def test_without_an_earlier_month_nothing_is_said_and_staff_read_why(client, products):
    user = shop.create_customer("young")
    for days in (90, 60, 10, 5):
        bought(user, products, "Tea" if days > 50 else "Coffee", days_ago=days)
    swept(now())
    assert own_page(client, user) is None
    assert "There is nothing to compare with yet" in staff_page(client, user)


def test_what_is_sensitive_left_the_shop_or_was_removed_is_not_said(client, changed, products):
    pets, coffee = products["Food"].categories.get(), products["Coffee"].categories.get()
    SensitiveCategory.objects.create(category=pets.get_parent())
    type(coffee).objects.filter(pk=coffee.pk).update(is_public=False)
    tea = products["Tea"].categories.get()
    Visitor.objects.get(user=changed).set_preference("interest", tea.pk, -1, now().timestamp())
    text = own_page(client, changed) or ""
    assert "Dog food" not in text and "Pets" not in text and "Coffee" not in text and "Tea" not in text
    assert "Tea (" in staff_page(client, changed)


def test_who_turns_it_off_or_erases_it_reads_nothing(client, changed):
    assert own_page(client, changed)
    identity.erase_customer(changed.pk, now())
    assert own_page(client, changed) is None
    assert not GenomeMonth.objects.exists()


def test_the_months_are_mentioned_where_it_says_what_is_used(client, changed):
    client.force_login(changed)
    assert "A note is stored for 24 months." in client.get(PAGE).content.decode()
    client.logout()
    assert "month by month, for 24 months" in client.get(PAGE).content.decode()
