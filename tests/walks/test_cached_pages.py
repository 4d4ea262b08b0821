"""Pages behind a cache that knows nobody: the same for all; what is one visitor's own comes from a private address."""

import json
import re
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.template import RequestContext, Template
from django.test import Client
from django.urls import reverse

from personalization.api.surfaces import SurfaceEndpoint
from personalization.merchandising.assignment import HELD_OUT, PERSONALIZED
from personalization.models import Visitor
from personalization.oscar.previews import Preview
from personalization.pages.cache_control import cacheable_page, private_page
from personalization.privacy.requester import is_shared_page, keep_private
from tests.collect.event_payloads import FIREFOX, delivery_body
from tests.walks.event_requests import HERE, post_events
from tests.walks.known_visitors import identify_browser, store_event
from tests.walks.running import put_into_arm, start_holdout

pytestmark = pytest.mark.django_db
SLATE, TOKEN = re.compile(r'data-slate="([^"]+)"'), "csrfmiddlewaretoken"
INPUT = re.compile(rf'name="{TOKEN}" value="([^"]*)"')


@pytest.fixture
def cached(settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CACHED_PAGES": True, "ROW_SIZE": 3, "MAX_HOME_ROWS": 3}


@pytest.fixture
def loyal(trained, cached):
    """A customer who bought every week, signed in, and looked at a product."""
    users, products = trained
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    client.force_login(users[0])
    store_event(Visitor.objects.get_or_create_customer(users[0].pk), product_id=products[11].pk)
    return client


def fragment(client, page="/", *places, **more):
    query = urlencode({"page": page, "place": places or ("home",), **more}, doseq=True)
    return client.get(f"{reverse('personalization:fragments')}?{query}")


def html_of(response):
    assert response.status_code == 200
    return json.loads(response.content)["html"]


def public_pages(products):
    category = products[0].categories.first()
    return [
        "/",
        reverse("catalogue:index"),
        category.get_absolute_url(),
        products[0].get_absolute_url(),
        reverse("search:search") + "?q=product",
        reverse("offer:list"),
    ]


def test_every_public_page_is_the_strangers_whoever_asks(loyal, trained):
    for page in public_pages(trained[1])[:5]:
        theirs, nobodys = loyal.get(page), Client().get(page)
        assert theirs.status_code == 200
        assert theirs.content == nobodys.content
        for response in (theirs, nobodys):
            assert not response.cookies
            assert re.findall("private|no-store", response.headers.get("Cache-Control", "")) == []
            assert "Cookie" not in response.headers.get("Vary", "")
            assert set(INPUT.findall(response.content.decode())) <= {" "}
            assert "data-slate" not in response.content.decode()


def test_without_the_setting_they_stay_as_they_are(loyal, trained, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CACHED_PAGES": False}
    response = loyal.get("/")
    assert "no-store" in response["Cache-Control"]
    assert "Because you viewed" in response.content.decode()
    assert "data-place" not in response.content.decode()
    assert "fragments.js" not in response.content.decode()


def test_the_fragment_has_what_the_page_had(loyal, trained, settings):
    response = fragment(loyal)
    assert {"private", "no-store"} <= set(response["Cache-Control"].replace(" ", "").split(","))
    own = html_of(response)
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CACHED_PAGES": False}
    page = loyal.get("/").content.decode()
    titles = re.compile(r'<h2 class="personalization-row__title"[^>]*>(.*?)</h2>', re.DOTALL)
    assert titles.findall(own) == titles.findall(page) != []
    assert len(SLATE.findall(own)) == len(SLATE.findall(page))
    assert "seen.js" in own
    assert 'id="logout_link"' in own


def test_what_a_fragment_shows_is_reported(loyal):
    row = html_of(fragment(loyal)).partition("<section ")[2]
    token, item = SLATE.search(row)[1], re.search(r'data-product="(\d+)"', row)[1]
    event = {"name": "view_item_list", "slate": token, "items": [{"item_id": item, "index": 0}]}
    assert post_events(loyal, delivery_body(event)).json() == {"accepted": 1, "rejected": []}


def test_a_strangers_fragment_has_no_rows_and_asks_the_question(trained, cached):
    own = html_of(fragment(Client(), "/", "home", "consent"))
    assert "personalization-row" not in own
    assert "personalization-banner" in own
    assert "seen.js" not in own


def test_who_answered_is_not_asked_again(loyal, trained, cached):
    assert "personalization-banner" not in html_of(fragment(loyal, "/", "home", "consent"))
    browser = Client()
    identify_browser(browser)
    assert "personalization-banner" not in html_of(fragment(browser, "/", "home", "consent"))


def test_the_product_of_the_page_is_that_of_the_address(loyal, trained):
    product = trained[1][0]
    own = html_of(fragment(loyal, product.get_absolute_url(), "product"))
    assert "personalization-product-" in own
    assert f'data-product="{product.pk}"' in own.partition("seen.js")[2]
    assert f'<li class="personalization-row__item" data-product="{product.pk}"' not in own


def test_the_search_of_the_page_is_reported_with_its_hits(loyal):
    own = html_of(fragment(loyal, reverse("search:search") + "?q=tea", found="7"))
    assert 'data-search="tea" data-found="7"' in own


@pytest.mark.parametrize(
    "page",
    ["", "nothing", "/basket/", "/accounts/", "/dashboard/", "/no/such/page/", "//evil.example/", "\0", "http://[x"],
)
def test_only_a_page_for_everybody_has_fragments(page, loyal):
    expected = 200 if page in ("", "//evil.example/", "\0") else 404  # the path of these is the home page's
    assert fragment(loyal, page).status_code == expected


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_is_given_no_fragment(site, loyal):
    path = f"{reverse('personalization:fragments')}?page=/&place=home"
    assert loyal.get(path, headers={"Sec-Fetch-Site": site}).status_code == 404
    assert loyal.get(path, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_hostile_questions_are_answered(loyal, trained):
    for places in (["basket"], ["order_confirmation"], ["../x", "<b>"], ["home"] * 50, ["\0"]):
        assert fragment(loyal, "/", *places).status_code == 200
    gone = reverse("catalogue:detail", kwargs={"product_slug": "x", "pk": 10**17})
    assert fragment(loyal, gone, "product").status_code == 200
    assert fragment(loyal, "/?" + "q" * 10_000).status_code == 200


def test_a_hidden_product_has_no_fragment_of_its_own(loyal, trained):
    product = trained[1][0]
    product.is_public = False
    product.save()
    own = html_of(fragment(loyal, product.get_absolute_url(), "product"))
    assert product.title not in own


def test_who_is_held_out_sees_the_generic_rows_and_is_exposed_by_the_fragment(loyal, trained):
    user = trained[0][0]
    visitor, season = Visitor.objects.get(user=user), start_holdout()
    generic = re.findall(r'data-row="(\w+)"', loyal.get("/").content.decode())
    for arm in (HELD_OUT, PERSONALIZED):
        put_into_arm(visitor, season, arm)
        own = html_of(fragment(loyal))
        assert "data-exposure" in own
        assert (re.findall(r'data-row="(\w+)"', own) == generic) == (arm == HELD_OUT)
        assert "data-exposure" not in loyal.get("/").content.decode()


def test_basket_checkout_and_account_stay_the_customers(loyal, trained):
    loyal.post(reverse("basket:add", kwargs={"pk": trained[1][3].pk}), {"quantity": 1})
    assert trained[1][3].title in loyal.get(reverse("basket:summary")).content.decode()
    assert 'id="logout_link"' in loyal.get(reverse("customer:summary"), follow=True).content.decode()
    assert trained[1][3].title not in loyal.get("/").content.decode().partition("</header>")[0]
    assert trained[1][3].title in html_of(fragment(loyal))


def test_a_form_with_the_fragments_token_is_taken(loyal, trained):
    strict = Client(enforce_csrf_checks=True, HTTP_USER_AGENT=FIREFOX)
    strict.force_login(trained[0][0])
    add, page = reverse("basket:add", kwargs={"pk": trained[1][3].pk}), strict.get("/").content.decode()
    assert f'data-add="{add.rpartition("/add/")[0]}' in page
    assert strict.post(add, {"quantity": 1}).status_code == 403
    token = json.loads(fragment(strict).content)["token"]
    assert strict.post(add, {"quantity": 1, TOKEN: token}).status_code == 302


def test_a_preview_is_still_the_previewed_visitors(loyal, trained, admin_user):
    staff = Client()
    staff.force_login(admin_user)
    token = Preview(str(admin_user.pk), customer=str(trained[0][0].pk)).sign()
    response = staff.get("/", {"personalization_preview": token})
    assert "no-store" in response["Cache-Control"]
    assert "Because you viewed" in response.content.decode()
    assert "data-place" not in response.content.decode()


def test_the_shops_own_page_says_whether_it_is_everybodys(loyal):
    def view(request):
        template = Template('{% load personalization %}{% personalized "home" %}')
        return HttpResponse(template.render(RequestContext(request)))

    page = loyal.get("/").wsgi_request
    for decorated, is_theirs in ((cacheable_page(view), False), (private_page(view), True)):
        for name in [name for name in page.__dict__ if name.startswith("_personalization")]:
            delattr(page, name)
        assert ("Because you viewed" in decorated(page).content.decode()) == is_theirs


def test_the_api_answers_the_one_who_asks_wherever_it_is(loyal):
    request = loyal.get("/").wsgi_request
    for name in [name for name in request.__dict__ if name.startswith("_personalization")]:
        delattr(request, name)
    assert is_shared_page(request)
    answer = SurfaceEndpoint.as_view()(request, surface="home")  # under an address that says nothing of it
    assert {"private", "no-store"} <= set(answer["Cache-Control"].replace(" ", "").split(","))
    assert "Because you viewed" in answer.content.decode()


def test_a_middleware_that_asks_early_binds_nobody(loyal, rf):
    request = rf.get("/basket/")
    assert request.resolver_match is None
    assert is_shared_page(request)
    keep_private(request)
    assert not is_shared_page(request)
