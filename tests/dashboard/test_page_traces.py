"""Beside the frame of a preview stands what the framed page shows, in its order, and how it came to its place."""

import html
import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from oscar.apps.partner.models import StockRecord

from personalization.decide import merchandising
from personalization.decide.active_rules import read_rules_now
from personalization.decide.merchandising import ActionOutcome
from personalization.merchandising import documents, publishing
from personalization.models import Definition
from personalization.oscar.dashboard.page_words import PageWords, _outcome_words
from personalization.profile.genome import refresh_genome
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

SCREEN = reverse("personalization:personalization-preview")
CREATE = reverse("personalization:personalization-campaign-create")


@pytest.fixture
def products(trained_and_indexed):
    return trained_and_indexed[1]


@pytest.fixture
def buyer(trained_and_indexed):
    """An even customer, whose profile is of now."""
    user = trained_and_indexed[0][2]
    refresh_genome([user.pk], time.time())
    return user


def publish(user, surface, *actions, name="Week", **where):
    document = {"where": [{"surface": surface, **where}], "what": list(actions)}
    definition = publishing.create("campaign", name, document, user)
    publishing.publish(definition, user)
    read_rules_now()
    return definition


def pin(product, place=1, **more):
    return {"do": "pin", "target": {"products": [product.pk]}, "place": place, **more}


def preview(client, page, **chosen):
    response = client.get(SCREEN, {"page": page, **chosen})
    assert response.status_code == 200
    return response


def traced(response):
    """[(title of the row or list, titles of its products)] as they are printed beside the frame."""
    section = html.unescape(response.content.decode()).partition('class="personalization-trace"')[2]
    strips = re.split(r'<h3 class="personalization-strip">', section)[1:-1]
    return [
        (
            strip.partition("</h3>")[0],
            [one.strip() for one in re.findall(r"<summary>(.*?)(?: <span|</summary>)", strip.partition("</ol>")[0])],
        )
        for strip in strips
        if "<ol" in strip
    ]


def framed(client, response):
    """[(title, titles of its products)] of the rows of ours on the framed page, and of its list."""
    _title, address = response.context["frames"][0]
    page = client.get(address)
    body = html.unescape(page.content.decode())
    rows = [
        (
            re.sub(r"<[^>]*>", "", re.search(r"<h2[^>]*>(.*?)</h2>", row, re.S)[1]).strip(),
            re.findall(r'<h3[^>]*>\s*<a [^>]*title="([^"]*)"', row),
        )
        for row in re.findall(r'<section[^>]*class="personalization-row.*?</section>', body, re.S)
    ]
    listed = page.context.get("page_obj") if page.context else None
    return ([("The list", [hit.object.title for hit in listed])] if listed else []) + rows


def cards(response):
    """{title: card} of all that is traced."""
    return {card.title: card for strip in response.context["trace"].strips for card in strip.cards}


@pytest.mark.parametrize("as_customer", [False, True])
@pytest.mark.parametrize("page", ["home", "product", "catalogue", "second", "category", "search", "sorted", "basket"])
def test_the_trace_is_of_the_products_of_the_frame_in_their_order(admin_client, products, buyer, page, as_customer):
    admin_user = User.objects.get(username="admin")
    publish(admin_user, "home", pin(products[9], 2), {"do": "exclude", "target": {"products": [products[0].pk]}})
    StockRecord.objects.filter(product=products[11]).update(num_in_stock=0)
    for surface in ("catalogue", "search"):
        publish(admin_user, surface, pin(products[11]), pin(products[30], 3), name=surface)
    category = products[0].categories.get()
    address = {
        "home": "/",
        "product": products[4].get_absolute_url(),
        "catalogue": "/catalogue/",
        "second": "/catalogue/?page=2",
        "category": category.get_absolute_url(),
        "search": "/search/?q=Product",
        "sorted": "/search/?q=Product&sort_by=title-asc",
        "basket": "/basket/",
    }[page]
    response = preview(admin_client, address, customer=buyer.email if as_customer else "")
    shown = framed(admin_client, response)
    assert sum(len(titles) for _title, titles in shown) > 2
    assert traced(response) == shown


def test_a_draft_and_a_segment_are_traced_as_they_are_shown(admin_client, admin_user, products):
    draft = publishing.create(
        "campaign", "Draft", {"where": [{"surface": "home"}], "what": [pin(products[20])]}, admin_user
    )
    response = preview(admin_client, "/", drafts=[draft.pk])
    assert traced(response) == framed(admin_client, response)
    assert traced(response)[0][1][0] == products[20].title
    (sentence,) = cards(response)[products[20].title].campaigns
    assert (sentence.name, sentence.sentence) == ("Draft", "puts it at place 1.")
    assert f'href="{reverse("personalization:personalization-campaign", args=[draft.pk])}"' in response.content.decode()


def test_a_campaign_is_named_with_what_it_did(admin_client, admin_user, products):
    boost = {"do": "boost", "target": {"products": [products[7].pk]}, "strength": 3}
    publish(admin_user, "catalogue", boost)
    response = preview(admin_client, "/catalogue/")
    (sentence,) = cards(response)[products[7].title].campaigns
    assert re.fullmatch(r"moves it from place \d+ to place 1\.", sentence.sentence)
    assert cards(response)[products[7].title].place == 1


def test_a_score_says_what_spoke_for_it_and_what_would_be_without(admin_client, products, buyer):
    found = cards(preview(admin_client, "/catalogue/", customer=buyer.email))[products[0].title]
    assert found.scores[0].startswith("The search engine has it at place ")
    assert re.fullmatch(r"Place 1 of 40 by what they are likely to choose here\.", found.scores[1])
    assert "Speaks for it: that it is a habit of theirs. Were that ordinary, place 3." in found.scores
    stranger = preview(admin_client, "/catalogue/")
    assert "what most people buy: nothing else is known." in html.unescape(stranger.content.decode())


def test_rows_that_are_not_shown_say_why(admin_client, products):
    response = preview(admin_client, "/")
    assert ("New in", "too few products are left for it") in response.context["trace"].hidden


def test_the_links_fill_in_a_campaign_for_this_very_place(admin_client, products):
    category = products[0].categories.get()
    card = cards(preview(admin_client, category.get_absolute_url()))[products[2].title]
    query = parse_qs(urlsplit(card.pin_url).query)
    assert query == {
        "do": ["pin"],
        "product": [str(products[2].pk)],
        "surface": ["category"],
        "category": [str(category.pk)],
        "place": [str(card.place)],
    }
    form = admin_client.get(card.pin_url)
    posted = {**form_values(form), "band": "1"}
    admin_client.post(CREATE, posted)
    document = Definition.objects.get(name=f"Pin: {products[2].title}").draft.document
    assert document["where"] == [{"surface": "category", "categories": [category.pk], "below": False}]
    assert document["what"] == [{"do": "pin", "target": {"products": [products[2].pk]}, "place": card.place}]
    assert not documents.document_errors("campaign", document)


def form_values(response):
    """What the form of the editor would send as it was served."""
    form, formset = response.context["form"], response.context["formset"]
    values = {field.html_name: field.value() for bound in (form, *formset) for field in bound}
    values |= {field.html_name: field.value() for field in formset.management_form}
    return {name: value for name, value in values.items() if value not in (None, False)}


@pytest.mark.parametrize("page", ["/", "product", "/search/?q=Product"])
def test_exclude_here_fills_in_the_row_the_product_or_the_search(admin_client, products, page):
    address = products[4].get_absolute_url() if page == "product" else page
    response = preview(admin_client, address)
    card = next(iter(cards(response).values()))
    form = admin_client.get(card.exclude_url)
    admin_client.post(CREATE, {**form_values(form), "band": "1"})
    document = Definition.objects.get(name=f"Without: {card.title}").draft.document
    (place,) = document["where"]
    assert document["what"] == [{"do": "exclude", "target": {"products": [card.product_id]}}]
    if page == "/":
        assert place == {"surface": "home", "rows": ["bestsellers"]}
    elif page == "product":
        assert place == {"surface": "product", "rows": ["similar"], "seen": {"products": [products[4].pk]}}
    else:
        assert place == {"surface": "search", "words": [{"text": "Product", "match": "all"}]}


@pytest.mark.parametrize(
    "query",
    [
        "do=pin",
        "do=boost&product=1&surface=home",
        "do=pin&product=99999999999999999999&surface=home",
        "do=pin&product=987654&surface=home",
        "do=pin&product=x&surface=home",
        "do=pin&product=%00&surface=home",
        "do=pin&product=-1&surface=home",
        "do=pin&product=1&surface=evil",
    ],
)
def test_an_address_that_makes_no_sense_opens_an_empty_form(admin_client, products, query):
    response = admin_client.get(f"{CREATE}?{query}")
    assert response.status_code == 200 and not response.context["form"]["name"].value()


def test_what_makes_no_sense_beside_a_product_is_left_out(admin_client, products):
    query = f"do=pin&product={products[0].pk}&surface=home&row=evil&place=99999&category=x&seen=y&words={'w' * 500}"
    response = admin_client.get(f"{CREATE}?{query}")
    assert response.context["form"]["rows"].value() == []
    assert response.context["formset"][0]["place"].value() == 20


def test_who_may_not_change_campaigns_sees_no_button(client, products):
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="preview_as"))
    client.force_login(user)
    body = preview(client, "/").content.decode()
    assert "Its way here, step by step" in body and "do=pin" not in body and "do=exclude" not in body


def test_why_not_another_product_is_asked_for_the_visit_of_the_frame(admin_client, products, buyer):
    body = html.unescape(preview(admin_client, "/catalogue/", customer=buyer.email).content.decode())
    form = body.partition('action="' + reverse("personalization:personalization-product-finder"))[2].partition(
        "</form>"
    )[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    assert hidden == {"page": "/catalogue/", "customer": buyer.email}
    found = admin_client.get(reverse("personalization:personalization-product-finder"), {"q": "Product 1", **hidden})
    assert "customer=customer2%40example.com" in found.content.decode()


@pytest.mark.parametrize(
    "page", ["/nope/", "/dashboard/", "/catalogue/?page=99", "/catalogue/x_99999/", "/search/?q=%00"]
)
def test_a_page_without_anything_of_ours_is_no_error(admin_client, products, page):
    response = preview(admin_client, page)
    assert "personalization-trace" in response.content.decode()


def test_the_dashboard_keeps_its_own_language_and_its_own_visitor(admin_client, products, buyer):
    response = admin_client.get(SCREEN, {"page": "/", "customer": buyer.email, "language": "de"})
    body = response.content.decode()
    assert "What stands on it, and why" in body and 'lang="en' in body
    assert traced(response) == framed(admin_client, response)
    assert traced(response)[0][0] != traced(preview(admin_client, "/", customer=buyer.email))[0][0]


def test_every_outcome_has_words(products):
    codes = [
        value
        for name, value in vars(merchandising).items()
        if name.isupper() and isinstance(value, str) and name not in ("MATCHED_NOTHING",)
    ]
    known = {*_outcome_words(), merchandising.MOVED, merchandising.MAY_NOT_STAND}
    assert {code for code in codes if code not in known} <= {"product", "category", "content"}


@pytest.mark.parametrize(
    ("outcome", "facts", "sentence"),
    [
        ("placed", {"place": 2}, "puts it at place 2."),
        (
            "place_taken",
            {"place": 3, "wanted": 1, "by": 7},
            "wants it at place 1, which “a campaign” holds; it stands at place 3.",
        ),
        ("moved", {"products": {5: (9, 2)}}, "moves it from place 9 to place 2."),
        ("moved", {"products": {5: (2, 2)}}, "would move it; it stays at place 2."),
        ("pinned_already", {"by": 7}, "wants to place it; “a campaign” did so already."),
        ("may_not_stand", {"cause": "not_buyable"}, "wants to place it; it cannot be bought."),
        ("half_of_row", {}, "wants to place it; half of this personal row is pinned already."),
    ],
)
def test_an_outcome_in_words(outcome, facts, sentence):
    words = PageWords.__new__(PageWords)
    words._campaigns, words._rows = {}, {}
    (found,) = words.campaign_sentences([ActionOutcome(7, 0, outcome, 5, facts)], 5)
    assert found.sentence == sentence


def count_queries(client, page, **chosen):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        preview(client, page, **chosen)
    return sum("SAVEPOINT" not in query["sql"] for query in queries)


def test_the_queries_of_a_preview_do_not_grow(admin_client, admin_user, trained_and_indexed):
    users, products = trained_and_indexed
    pages = ["/", "/catalogue/", products[4].get_absolute_url()]
    before = [count_queries(admin_client, page) for page in pages]
    assert max(before) <= 12
    for number in range(6):
        publish(admin_user, "home", pin(products[number]), name=f"Rule {number}")
        shop.create_past_order(users[number], [shop.create_shop_product(f"More {number}")])
    count_queries(admin_client, "/")
    after = [count_queries(admin_client, page) for page in pages]
    assert sum(after) <= sum(before) + 1  # one looks for newer rules
