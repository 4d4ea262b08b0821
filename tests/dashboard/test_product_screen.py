"""The product screen says of each of eight steps whether the product passes it, in a sentence, and what mends it."""

import html
import re
import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.basket.models import Basket
from oscar.apps.catalogue.models import Product
from oscar.apps.customer.models import ProductAlert
from oscar.apps.partner.models import StockRecord
from oscar.apps.wishlists.models import WishList
from oscar.core.loading import get_class
from oscar.test.factories import create_product

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import publishing
from personalization.models import AuditEntry, Event, SensitiveCategory, Visitor
from personalization.profile.genome import refresh_genome
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

Selector = get_class("partner.strategy", "Selector")
STEPS = [
    "Public",
    "Stands for itself",
    "Can be bought",
    "Known to the engine",
    "A candidate",
    "Allowed by campaigns",
    "Wanted by the visitor",
    "Has a place",
]


def address(name, *keys):
    return reverse(f"personalization:personalization-{name}", args=keys)


def open_screen(client, product, page="/", **chosen):
    response = client.get(address("product", product.pk), {"page": page, **chosen})
    assert response.status_code == 200
    return response


def open_around(client, product):
    """What stands below the steps: a part of the screen, to which it leads those without a script."""
    target = links(open_screen(client, product))["What it is shown with, what touches it, and who waits for it"]
    response = client.get(target)
    part = client.get(target, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and 'id="touching"' in part and response.status_code == 200
    return response


def steps(response):
    """{title: (passed, sentence)} as the served page prints them."""
    body = html.unescape(response.content.decode())
    found = re.findall(
        r'funnel__mark" aria-hidden="true">(.)</span>\s*<div><strong>(.*?)</strong>.*?<p>(.*?)(?:<a |</p>)', body, re.S
    )
    marks = {"✓": True, "✗": False, "\N{EN DASH}": None}
    return {title: (marks[mark], " ".join(sentence.split())) for mark, title, sentence in found}


def links(response):
    """{label: address} of the whole page."""
    body = html.unescape(response.content.decode())
    return {" ".join(label.split()): target for target, label in re.findall(r'<a href="([^"]*)">([^<]*)</a>', body)}


def publish(user, document, name="Rule"):
    definition = publishing.create("campaign", name, document, user)
    publishing.publish(definition, user)
    read_rules_now()
    return definition


def exclude(product, surface="home"):
    return {
        "where": [{"surface": surface}],
        "what": [{"do": "exclude", "target": {"products": [product.pk]}}],
    }


@pytest.fixture
def products(trained_and_indexed):
    return trained_and_indexed[1]


@pytest.fixture
def buyer(trained_and_indexed):
    """An even customer."""
    return trained_and_indexed[0][2]


def test_all_eight_steps_are_there_and_a_bestseller_passes_them(admin_client, products):
    found = steps(open_screen(admin_client, products[0]))
    assert list(found) == STEPS
    assert all(passed for passed, _sentence in found.values())
    assert found["A candidate"][1].startswith("A candidate for “Bestsellers”")
    assert found["A candidate"][1].endswith("12 customers bought it; 5 are enough.")
    assert found["Has a place"][1] == "In “Bestsellers” at place 1."


def test_without_a_question_it_is_asked_for_a_stranger_on_the_home_page(admin_client, products):
    response = admin_client.get(address("product", products[0].pk))
    assert "Asked for a stranger on the page <code>/</code>" in response.content.decode()
    assert steps(response) == steps(open_screen(admin_client, products[0]))


def test_step_one_is_whether_it_is_public(admin_client, products):
    Product.objects.filter(pk=products[0].pk).update(is_public=False)
    response = open_screen(admin_client, products[0])
    assert steps(response)["Public"] == (False, "It is not public: no shopper sees it.")
    assert links(response)["Make it public"] == reverse("dashboard:catalogue-product", kwargs={"pk": products[0].pk})


def test_step_two_sends_from_a_variant_to_its_parent(admin_client, products):
    parent = create_product(structure="parent", title="Shirt", product_class="Clothes")
    child = create_product(structure="child", title="Shirt, red", parent=parent, price=10, num_in_stock=5)
    response = open_screen(admin_client, child)
    passed, sentence = steps(response)["Stands for itself"]
    assert (passed, sentence) == (
        False,
        "It is a variant: rows and lists show “Shirt” instead. All below is said of that one.",
    )
    assert links(response)["Ask about the parent"].startswith(address("product", parent.pk))
    found = steps(open_screen(admin_client, parent))
    assert found["Stands for itself"] == (True, "It stands for its variants.")
    assert found["Can be bought"][0] is True


def test_step_three_is_stock_and_price(admin_client, products):
    StockRecord.objects.filter(product=products[0]).update(num_in_stock=0)
    StockRecord.objects.filter(product=products[1]).update(price=None)
    response = open_screen(admin_client, products[0])
    assert steps(response)["Can be bought"] == (False, "It is sold out: no row shows it.")
    assert links(response)["Stock and price"].endswith("#product_stock")
    found = steps(open_screen(admin_client, products[1]))
    assert found["Can be bought"] == (False, "It has no price for this visitor: no row shows it.")


def test_a_list_shows_what_is_sold_out_and_the_screen_says_so(admin_client, products):
    StockRecord.objects.filter(product=products[0]).update(num_in_stock=0)
    found = steps(open_screen(admin_client, products[0], "/catalogue/"))
    assert found["Can be bought"] == (None, "It is sold out; lists show it all the same.")
    assert found["Has a place"][0] is True


def test_step_four_is_whether_the_training_knows_it(admin_client, products):
    new = shop.create_shop_product("Brand new", days_old=-1)
    response = open_screen(admin_client, new)
    passed, sentence = steps(response)["Known to the engine"]
    assert passed is False and sentence.startswith("It is newer than the last training (")
    assert links(response)["Data and jobs"] == address("data")
    old = shop.create_shop_product("Was hidden")
    assert steps(open_screen(admin_client, old))["Known to the engine"][1].startswith("It was not public, or not there")


def test_a_shop_that_never_trained_says_what_its_rows_come_from(admin_client):
    product = shop.create_shop_product("First of all")
    found = steps(open_screen(admin_client, product))
    assert found["Known to the engine"] == (
        None,
        "Nothing has been learned yet: rows come from the shop's own counts, and from what is new.",
    )
    assert len(found) == 8


def test_step_five_counts_the_customers_up_to_the_floor(admin_client, trained_and_indexed):
    users, products = trained_and_indexed
    new = shop.create_shop_product("Hardly bought")
    for user in users[:3]:
        shop.create_past_order(user, [new])
    page = products[1].get_absolute_url()
    response = open_screen(admin_client, new, page)
    passed, sentence = steps(response)["A candidate"]
    assert passed is False and sentence.startswith("3 customers bought it; rows need at least 5.")
    assert "MIN_CUSTOMERS" in sentence
    assert "do=pin" in links(response)["Pin here"]
    nothing = shop.create_shop_product("Never bought")
    assert steps(open_screen(admin_client, nothing, page))["A candidate"][1].startswith("No customer with an account")


def test_of_what_enough_bought_and_no_row_proposes_better_ones_are_the_reason(admin_client, products):
    found = steps(open_screen(admin_client, products[0], products[1].get_absolute_url()))
    assert found["A candidate"] == (
        False,
        "12 customers bought it; 5 are enough. The 3 rows proposed for this page have better ones.",
    )
    assert found["Has a place"] == (None, "Not asked: it is no candidate here.")


def test_in_a_list_the_candidates_are_what_the_engine_finds(admin_client, products):
    found = steps(open_screen(admin_client, products[0], "/search/?q=Product"))
    assert found["A candidate"] == (True, "The search engine finds it here, among 40 products.")
    other = products[0].categories.get()
    found = steps(open_screen(admin_client, products[1], other.get_absolute_url()))
    assert found["A candidate"] == (False, "The search engine does not find it on this page.")


def test_step_six_names_the_campaign_that_keeps_it_out(admin_client, admin_user, products):
    recall = publish(admin_user, exclude(products[0]), "Recall")
    response = open_screen(admin_client, products[0])
    assert steps(response)["Allowed by campaigns"] == (False, "Kept out by “Recall”.")
    assert links(response)["Recall"] == address("campaign", recall.pk)
    assert steps(open_screen(admin_client, products[1]))["Allowed by campaigns"] == (
        True,
        "No campaign keeps it out.",
    )


def test_what_a_campaign_limits_a_page_to_keeps_others_out(admin_client, admin_user, products):
    only = {"do": "only", "target": {"products": [product.pk for product in products[:4]]}}
    publish(admin_user, {"where": [{"surface": "home"}], "what": [only]}, "Few things")
    found = steps(open_screen(admin_client, products[6]))
    assert found["Allowed by campaigns"] == (False, "“Few things”: only other products are shown.")


def test_in_a_list_a_campaign_keeps_it_out_of_the_search(admin_client, admin_user, products):
    publish(admin_user, exclude(products[0], "catalogue"), "Recall")
    found = steps(open_screen(admin_client, products[0], "/catalogue/"))
    assert found["A candidate"] == (None, "A campaign keeps it out of the search, so it is not found here.")
    assert found["Allowed by campaigns"] == (False, "Kept out by “Recall”.")


def test_step_seven_is_what_the_visitor_has_and_wants(admin_client, products, buyer):
    refresh_genome([buyer.pk], time.time())
    chosen = {"customer": buyer.email}
    passed, sentence = steps(open_screen(admin_client, products[0], **chosen))["Wanted by the visitor"]
    assert passed and re.match("They bought it (today|1 day ago)", sentence)
    basket = Basket.objects.create(owner=buyer, status=Basket.OPEN)
    basket.strategy = Selector().strategy(user=buyer)
    basket.add_product(products[1])
    found = steps(open_screen(admin_client, products[1], **chosen))
    assert found["Wanted by the visitor"] == (False, "It is in their basket: no row shows it again.")
    Visitor.objects.get(user=buyer).set_preference("product", products[3].pk, -1, time.time())
    found = steps(open_screen(admin_client, products[3], **chosen))
    assert found["Wanted by the visitor"] == (False, "They said that they are not interested in it.")
    assert steps(open_screen(admin_client, products[3]))["Wanted by the visitor"][1].startswith("Asked for a stranger")


def test_step_eight_is_taken_by_a_row_above_or_beyond_the_end_of_one(admin_client, products):
    response = admin_client.get(address("preview"), {"page": "/"})
    shown = [[card.product_id for card in strip.cards] for strip in response.context["trace"].strips]
    sentences = {product.pk: steps(open_screen(admin_client, product))["Has a place"] for product in products[:20]}
    assert all(sentences[key][0] for strip in shown for key in strip if key in sentences)
    beyond = [(passed, text) for passed, text in sentences.values() if not passed]
    assert beyond and all(passed is False for passed, _text in beyond)
    assert any(re.fullmatch(r"Place \d+ of \d+ in “.+”; the row shows 6\.", text) for _passed, text in beyond)


def test_a_place_on_a_later_page_of_a_list_is_told(admin_client, products, settings):
    found = [steps(open_screen(admin_client, product, "/catalogue/"))["Has a place"] for product in products]
    assert sum(passed for passed, _text in found) == settings.OSCAR_PRODUCTS_PER_PAGE
    later = [text for passed, text in found if not passed]
    assert all(re.fullmatch(r"In the list at place \d+ of 40: that is page 2\.", text) for text in later) and later


def test_a_row_above_that_has_it_is_named(admin_client, trained_and_indexed, buyer):
    _users, products = trained_and_indexed
    refresh_genome([buyer.pk], time.time())
    found = [steps(open_screen(admin_client, one, customer=buyer.email)) for one in products[:12:2]]
    assert any(text.startswith("In “Buy again” at place") for _passed, text in (one["Has a place"] for one in found))


def test_a_sensitive_product_is_said_nothing_personal_of(admin_client, products, buyer):
    SensitiveCategory.objects.create(category=products[0].categories.get())
    refresh_genome([buyer.pk], time.time())
    response = open_screen(admin_client, products[0], customer=buyer.email)
    found = steps(response)
    assert found["Wanted by the visitor"] == (
        None,
        "It is in a sensitive category: nothing of a person is said or used.",
    )
    body = response.content.decode() + open_around(admin_client, products[0]).content.decode()
    assert "They bought it" not in body and "Goes with it" not in body and "Searches that lead" not in body


def test_a_pin_that_a_campaign_gives_is_named_as_its_place(admin_client, admin_user, products):
    new = shop.create_shop_product("Brand new thing")
    pin = {"do": "pin", "target": {"products": [new.pk]}, "place": 2}
    publish(admin_user, {"where": [{"surface": "home", "rows": ["bestsellers"]}], "what": [pin]}, "Week")
    response = open_screen(admin_client, new)
    assert steps(response)["Has a place"] == (True, "In “Bestsellers” at place 2.")
    assert "Week" in links(open_around(admin_client, new))


def test_what_it_is_shown_with_waits_for_it_and_touches_it(admin_client, admin_user, products, buyer):
    publishing.create("campaign", "Only drafted", exclude(products[1]), admin_user)
    publish(
        admin_user,
        {"where": [{"surface": "home"}], "what": [{"do": "boost", "target": {"price": [1, None]}, "strength": 1}]},
        "Everything up",
    )
    ProductAlert.objects.create(user=buyer, product=products[1], status=ProductAlert.ACTIVE)
    WishList.objects.create(owner=buyer).add(products[1])
    response = open_around(admin_client, products[1])
    body = html.unescape(response.content.decode())
    assert {"Only drafted", "Everything up"} <= links(response).keys()
    assert "1 person wants to be told when it is there." in body and "It is on 1 wish list." in body
    assert "Alternatives" in body and products[3].title in body
    assert "Nobody waits for it." in open_around(admin_client, products[2]).content.decode()


def test_a_named_customer_takes_two_permissions_and_is_audited(client, products, buyer):
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=True)
    client.force_login(user)
    assert len(steps(open_screen(client, products[0]))) == 8 and not AuditEntry.objects.exists()
    for held in ([], ["preview_as"], ["view_customer"]):
        user.user_permissions.set(Permission.objects.filter(codename__in=held))
        response = open_screen(client, products[0], customer=buyer.email)
        assert "You may not look at customers." in response.content.decode() and not steps(response)
    assert not AuditEntry.objects.exists()
    user.user_permissions.set(Permission.objects.filter(codename__in=["preview_as", "view_customer"]))
    assert len(steps(open_screen(client, products[0], customer=buyer.email))) == 8
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.by, entry.subject) == ("preview", user, buyer)


def test_links_that_change_something_are_for_those_who_may(client, products):
    client.force_login(User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=True))
    response = open_screen(client, products[0], products[1].get_absolute_url())
    assert "do=pin" not in response.content.decode() and "do=exclude" not in response.content.decode()


def test_asking_records_nothing(admin_client, products, buyer):
    from oscar.apps.analytics.models import UserProductView, UserSearch

    before = Event.objects.count(), Visitor.objects.count(), Basket.objects.count()
    for page in ("/", "/search/?q=Product", products[1].get_absolute_url(), "/basket/", "/catalogue/"):
        response = open_screen(admin_client, products[0], page, customer=buyer.email)
        assert len(steps(response)) == 8
        assert not [name for name in response.cookies if "oscar_history" in name or "personalization" in name]
    assert (Event.objects.count(), Visitor.objects.count(), Basket.objects.count()) == before
    assert not UserSearch.objects.exists() and not UserProductView.objects.exists()


@pytest.mark.parametrize(
    "page",
    [
        "//evil.example/",
        "javascript:alert(1)",
        "/nope/",
        "/dashboard/",
        "/%00",
        "/catalogue/x_99999999/",
        "/" + "x" * 600,
        "/search/?q=%00",
        "/catalogue/?page=999",
        "/\\evil",
    ],
)
def test_an_address_that_is_no_page_of_ours_is_answered_in_words(admin_client, products, page):
    response = open_screen(admin_client, products[0], page)
    body = response.content.decode()
    assert len(steps(response)) == 8 or "There is no such page" in body or "personalization-error" in body


def test_a_product_that_does_not_exist_is_not_found(admin_client):
    assert admin_client.get(address("product", 987654)).status_code == 404
    assert admin_client.get(address("product", 10**17)).status_code == 404


def test_a_title_is_printed_as_text(admin_client, products):
    Product.objects.filter(pk=products[0].pk).update(title="<script>alert(1)</script>")
    assert "<script>alert(1)" not in open_screen(admin_client, products[0]).content.decode()


def test_a_customer_without_consent_is_shown_the_plain_page(admin_client, products):
    user = User.objects.create_user("plain", "plain@shop.example", "x")
    response = open_screen(admin_client, products[0], customer=user.email)
    assert "This customer allows no profile" in response.content.decode() and len(steps(response)) == 8


def test_the_finder_lists_links_that_keep_the_question(admin_client, products):
    page = admin_client.get(address("product-finder"), {"q": "Product 1", "page": "/catalogue/", "evil": "1"})
    body = html.unescape(page.content.decode())
    assert f'{address("product", products[1].pk)}?page=%2Fcatalogue%2F"' in body and "evil" not in body
    part = admin_client.get(address("product-finder"), {"q": "Product 1"}, headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode() and address("product", products[1].pk) in part.content.decode()
    assert admin_client.get(address("product-finder"), {"q": "zzz"}).context["products"] == []


def test_oscars_page_of_a_product_leads_here_for_staff_only(admin_client, client, products):
    page = admin_client.get(reverse("dashboard:catalogue-product", kwargs={"pk": products[0].pk}))
    assert address("product", products[0].pk) in page.content.decode()
    partner_user = User.objects.create_user("pat", "pat@shop.example", "secret-42")
    partner_user.user_permissions.add(Permission.objects.get(codename="dashboard_access"))
    products[0].stockrecords.get().partner.users.add(partner_user)
    client.force_login(partner_user)
    page = client.get(reverse("dashboard:catalogue-product", kwargs={"pk": products[0].pk}))
    assert page.status_code == 200 and address("product", products[0].pk) not in page.content.decode()


def count_queries(client, product, page, **chosen):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        open_screen(client, product, page, **chosen)
    return sum("SAVEPOINT" not in query["sql"] for query in queries)


def test_the_queries_do_not_grow_with_products_customers_or_campaigns(admin_client, admin_user, trained_and_indexed):
    users, products = trained_and_indexed
    pages = ("/", "/catalogue/")
    before = [count_queries(admin_client, products[0], page) for page in pages]
    assert max(before) <= 12  # with those of the page that it decides
    for number in range(8):
        publish(admin_user, exclude(products[number + 1]), f"Rule {number}")
        shop.create_past_order(users[number], [shop.create_shop_product(f"More {number}"), products[0]])
    count_queries(admin_client, products[0], "/")
    after = [count_queries(admin_client, products[0], page) for page in pages]
    assert sum(after) <= sum(before) + 1  # one looks for newer rules


def test_a_moment_ahead_is_asked_of_what_acts_then(admin_client, admin_user, products):
    starts = (now() + timedelta(days=2)).isoformat()
    publish(admin_user, {**exclude(products[0]), "when": {"from": starts, "zone": "UTC"}}, "Soon")
    assert steps(open_screen(admin_client, products[0]))["Allowed by campaigns"][0] is True
    later = f"{now() + timedelta(days=3):%Y-%m-%dT%H:%M}"
    found = steps(open_screen(admin_client, products[0], moment=later))
    assert found["Allowed by campaigns"] == (False, "Kept out by “Soon”.")
