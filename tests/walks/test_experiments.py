"""Experiments as visitors meet them: which page they get, what it reports, and that nobody changes their arm."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from personalization.decide import active_rules, active_snapshot
from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import publishing, running_experiments
from personalization.merchandising.assignment import HELD_OUT, PERSONALIZED
from personalization.models import DefinitionKind, Event, Exposure, Visitor
from personalization.oscar import visits
from personalization.privacy import identity
from personalization.privacy.requester import requester_from_request
from tests.api.api_client import ApiClient, issue_visitor_token
from tests.collect.event_payloads import FIREFOX, delivery_body
from tests.decide import campaigns
from tests.walks.event_requests import HERE, post_events, rejection_codes
from tests.walks.known_visitors import identify_browser, store_event
from tests.walks.running import expose, put_into_arm, start, start_holdout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
EXPOSURE = re.compile(r'data-exposure="([^"]+)"')
SCRIPT = re.compile(r'<script src="[^"]*seen\.js"[^>]*>')


@pytest.fixture
def browser():
    """Firefox on a page of the shop."""
    return Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)


@pytest.fixture
def loyal(browser, trained):
    """A customer who bought every week, signed in."""
    user = trained[0][0]
    browser.force_login(user)
    return Visitor.objects.get(user=user)


def rows(response):
    return [row.type for row in response.context["slate"].rows]


def cards(response):
    return [(row.type, [item.product_id for item in row.items]) for row in response.context["slate"].rows]


def listed(response):
    return [hit.object.pk for hit in response.context["page_obj"]]


def token_of(response):
    found = EXPOSURE.search(response.content.decode())
    return found[1] if found else ""


def report(client, token):
    return post_events(client, delivery_body({"name": "exposure", "slate": token}))


def see(client, address="/"):
    """Opens a page and reports what it says of experiments, as its script does."""
    response = client.get(address)
    if token := token_of(response):
        assert report(client, token).json() == {"accepted": 1, "rejected": []}
    return response


def exposures():
    return {(one.visitor_id, one.arm): one.is_crossed for one in Exposure.objects.all()}


def test_who_is_held_out_sees_the_page_of_a_stranger_and_the_others_their_own(browser, loyal):
    own, stranger = browser.get("/"), Client(HTTP_USER_AGENT=FIREFOX).get("/")
    season = start_holdout()
    put_into_arm(loyal, season, HELD_OUT)
    held_out = see(browser)
    assert rows(own) != rows(stranger)
    assert cards(held_out) == cards(stranger)
    put_into_arm(loyal, season, PERSONALIZED)
    assert cards(browser.get("/")) == cards(own)


@pytest.mark.parametrize("arm", [HELD_OUT, PERSONALIZED])
def test_both_arms_report_with_the_same_script_and_as_often(browser, loyal, arm):
    season = start_holdout()
    put_into_arm(loyal, season, arm)
    for _ in range(3):
        page = see(browser).content.decode()
        assert len(EXPOSURE.findall(page)) == 1
        (script,) = SCRIPT.findall(page)
        assert re.sub(r'data-exposure="[^"]+"', "", script).count("data-") == 1  # where to report, and nothing else
    assert exposures() == {(loyal.pk, arm): False}
    assert 0 < Exposure.objects.get().page_milliseconds < 30_000


def test_the_page_of_who_is_held_out_costs_no_query_more_than_without_an_experiment(browser, loyal, monkeypatch):
    def cost():
        """Once what serves was looked for, which is no part of a page."""
        monkeypatch.setitem(settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS", 1)
        active_snapshot.reset_active_snapshot()
        browser.get("/")
        monkeypatch.setitem(settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS", 3_600)
        browser.get("/")
        with CaptureQueriesContext(connection) as captured:
            browser.get("/")
        return captured

    before = cost()
    season = start_holdout()
    put_into_arm(loyal, season, HELD_OUT)
    held_out = cost()
    put_into_arm(loyal, season, PERSONALIZED)
    personalized = cost()
    assert len(held_out) <= len(before) and len(personalized) <= len(before)


def test_a_search_of_who_is_held_out_is_not_in_their_own_order(browser, trained_and_indexed):
    user = trained_and_indexed[0][0]
    browser.force_login(user)
    loyal, season = Visitor.objects.get(user=user), start_holdout()
    put_into_arm(loyal, season, HELD_OUT)
    orders = [listed(see(client, "/search/?q=product")) for client in (browser, Client(HTTP_USER_AGENT=FIREFOX))]
    assert orders[0] == orders[1]
    put_into_arm(loyal, season, PERSONALIZED)
    assert listed(see(browser, "/search/?q=product")) != orders[0]


def test_what_they_refused_stays_away_from_the_page_of_who_is_held_out(browser, loyal):
    season = start_holdout()
    put_into_arm(loyal, season, HELD_OUT)
    first = cards(browser.get("/"))[0][1][0]
    loyal.set_preference("product", first, -1, now().timestamp())
    loyal.set_preference("interest", 1, 1, now().timestamp())
    assert all(first not in shown for _row, shown in cards(browser.get("/")))
    request = browser.get("/").wsgi_request
    assert [one.sign for one in visits.visit_read_before(request).preferences] == [-1]


@pytest.mark.parametrize("who", ["stranger", "staff", "robot", "objects"])
def test_some_are_in_no_arm(trained, who):
    season = start_holdout(0.9)
    client = Client(HTTP_USER_AGENT="Googlebot/2.1" if who == "robot" else FIREFOX, HTTP_ORIGIN=HERE)
    user = trained[0][0]
    if who == "staff":
        user.is_staff = True
        user.save()
    if who == "objects":
        client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_SEC_GPC="1")
    if who != "stranger":
        client.force_login(user)
        put_into_arm(Visitor.objects.get(user=user), season, HELD_OUT)
    response = client.get("/")
    assert token_of(response) == ""
    visit = visits.visit_read_before(response.wsgi_request)
    assert visit.arms is None and not visit.held_back


def test_a_preview_is_in_no_arm(admin_client, admin_user, loyal):
    from personalization.oscar.previews import PARAMETER, Preview

    season = start_holdout(0.9)
    put_into_arm(loyal, season, HELD_OUT)
    token = Preview(staff=str(admin_user.pk), customer=str(loyal.user_id)).sign()
    response = admin_client.get("/", {PARAMETER: token})
    assert token_of(response) == ""
    assert visits.visit_read_before(response.wsgi_request).arms is None


def test_an_exposure_is_believed_from_its_visitor_only(browser, loyal):
    season = start_holdout()
    put_into_arm(loyal, season, HELD_OUT)
    token = token_of(browser.get("/"))
    other = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE)
    identify_browser(other)
    assert rejection_codes(report(other, token)) == ["invalid_slate"]
    assert rejection_codes(report(browser, token + "x")) == ["invalid_slate"]
    assert rejection_codes(report(browser, "")) == ["invalid_slate"]
    assert rejection_codes(report(browser, 5)) == ["invalid_slate"]
    assert not Exposure.objects.exists() and not Event.objects.exists()


def test_of_a_season_that_is_over_nothing_is_stored_any_more(browser, loyal):
    season = start_holdout()
    put_into_arm(loyal, season, HELD_OUT)
    token = token_of(browser.get("/"))
    running_experiments.stop(season.definition, None)
    assert report(browser, token).json()["rejected"] == []
    assert not Exposure.objects.exists()
    read_rules_now()
    assert token_of(browser.get("/")) == ""


def test_a_browser_that_signs_in_for_the_first_time_keeps_its_arm(browser, trained):
    visitor = identify_browser(browser)
    browser.post(reverse("personalization:consent"), {"answer": "granted"})
    start_holdout()
    see(browser)
    ((_, arm),) = exposures()
    user = trained[0][0]
    Visitor.objects.filter(user=user).delete()
    browser.post(
        reverse("customer:login"),
        {
            "login-username": user.email,
            "login-password": "x",
            "login_submit": "1",
            "login-redirect_url": "/",
        },
    )
    account = Visitor.objects.get(user=user)
    assert account.unit == visitor.pk
    see(browser)
    assert exposures() == {(account.pk, arm): False}


@pytest.mark.parametrize(("hours", "crossed", "units"), [(1, True, 1), (30, False, 2)])
def test_an_account_that_was_in_another_arm_lately_is_left_out_as_crossed(browser, trained, hours, crossed, units):
    user, season = trained[0][0], start_holdout()
    account, stranger = Visitor.objects.get(user=user), identify_browser(browser)
    put_into_arm(account, season, PERSONALIZED)
    expose(season, account, PERSONALIZED, now() - timedelta(days=3))
    expose(season, stranger, HELD_OUT, now() - timedelta(hours=hours))
    request = browser.get("/").wsgi_request
    request.user = user
    requester = requester_from_request(request)
    requester = type(requester)(user=user, visitor_id=stranger.pk, choice=requester.choice)
    identity.merge_into_account(requester, now(), agreed_in_session=True)
    found = Exposure.objects.order_by("pk")
    assert len(found) == units
    assert (found[0].visitor_id, found[0].is_crossed) == (account.pk, crossed)
    assert all(one.visitor_id is None for one in found[1:])


def test_who_is_shown_another_arm_later_is_crossed(browser, loyal):
    season = start_holdout()
    for arm in (HELD_OUT, PERSONALIZED):
        put_into_arm(loyal, season, arm)
        see(browser)
    assert exposures() == {(loyal.pk, HELD_OUT): True}


def test_an_erased_visitor_leaves_a_unit_that_nobody_knows(browser, loyal):
    season = start_holdout()
    put_into_arm(loyal, season, HELD_OUT)
    see(browser)
    identity.erase_customer(loyal.user_id, now())
    assert exposures() == {(None, HELD_OUT): False}


@pytest.fixture
def pinned(trained):
    """A live campaign that pins a product on the home page, and its draft, which pins another one."""
    keys = [product.pk for product in trained[1]]

    def document(product):
        return {
            "where": [{"surface": "home", "rows": ["bestsellers"]}],
            "what": [{"do": "pin", "target": {"products": [product]}, "place": 1}],
        }

    campaign = publishing.create(DefinitionKind.CAMPAIGN, "Spring", document(keys[39]), None)
    publishing.publish(campaign, None)
    publishing.save_draft(campaign, document(keys[38]), None, base=1)
    read_rules_now()
    return campaign, keys[39], keys[38]


def bestsellers(response):
    return dict(cards(response)).get("bestsellers", [])


def test_an_arm_shows_a_draft_of_a_campaign_and_another_one_none(browser, pinned, trained):
    campaign, live, draft = pinned
    visitor = identify_browser(browser)
    store_event(visitor, product_id=trained[1][0].pk)
    season = start(
        {
            "live": (0.4, {}),
            "draft": (0.3, {"version": {"definition": campaign.pk, "number": 2}}),
            "none": (0.3, {"without": campaign.pk}),
        }
    )
    assert season.document["surfaces"] == ["home"]
    shown = {}
    for arm in ("live", "draft", "none"):
        put_into_arm(visitor, season, arm)
        response = browser.get("/")
        assert token_of(response)
        shown[arm] = bestsellers(response)[0]
    assert (shown["live"], shown["draft"]) == (live, draft)
    assert shown["none"] not in (live, draft)


def test_a_page_where_the_campaign_acts_for_nobody_is_no_exposure(browser, pinned, trained):
    campaign, *_ = pinned
    visitor = identify_browser(browser)
    season = start({"live": (0.5, {}), "none": (0.5, {"without": campaign.pk})})
    for arm in ("live", "none"):
        put_into_arm(visitor, season, arm)
        assert token_of(browser.get(trained[1][0].get_absolute_url())) == ""
        assert token_of(browser.get("/"))


def test_one_experiment_at_a_time_on_a_page(pinned):
    campaign, *_ = pinned
    start({"live": (0.5, {}), "none": (0.5, {"without": campaign.pk})}, name="First")
    with pytest.raises(publishing.NotPossibleError, match="First"):
        start({"as_it_is": (0.5, {}), "fewer": (0.5, {"policy": {"max_home_rows": 2}})}, name="Second")
    start({"as_it_is": (0.5, {}), "weak": (0.5, {"policy": {"rerank_strength": 20}})}, name="Third")


def test_an_arm_has_fewer_rows(browser, loyal):
    before = rows(browser.get("/"))
    season = start({"as_it_is": (0.5, {}), "fewer": (0.5, {"policy": {"max_home_rows": 1}})})
    put_into_arm(loyal, season, "fewer")
    assert len(rows(browser.get("/"))) == 1 < len(before)
    put_into_arm(loyal, season, "as_it_is")
    assert rows(browser.get("/")) == before


def test_an_arm_has_plain_pages_on_one_surface_only(browser, loyal, trained):
    own = cards(browser.get("/"))
    season = start({"as_it_is": (0.5, {}), "plain": (0.5, {"plain": True})}, surfaces=["home"])
    put_into_arm(loyal, season, "plain")
    assert cards(browser.get("/")) != own
    visit = visits.visit_read_before(browser.get(trained[1][0].get_absolute_url()).wsgi_request)
    assert visit.genome.products and not visit.held_back


def test_the_better_version_becomes_the_shop_s(browser, pinned):
    campaign, _live, draft = pinned
    season = start({"live": (0.5, {}), "draft": (0.5, {"version": {"definition": campaign.pk, "number": 2}})})
    with pytest.raises(publishing.NotPossibleError):
        running_experiments.make_it_so(season.definition, "draft", None)
    running_experiments.stop(season.definition, None)
    running_experiments.make_it_so(season.definition, "draft", None)
    read_rules_now()
    assert bestsellers(Client(HTTP_USER_AGENT=FIREFOX).get("/"))[0] == draft


def test_what_a_visitor_clicks_on_says_in_which_arm_it_was(browser, loyal):
    season = start_holdout()
    put_into_arm(loyal, season, PERSONALIZED)
    page = browser.get("/").content.decode()
    before, _, after = page.partition('data-product="')
    slate, product = re.findall(r'data-slate="([^"]+)"', before)[-1], after.partition('"')[0]
    post_events(browser, delivery_body({"name": "select_item", "slate": slate, "items": [{"item_id": product}]}))
    assert Event.objects.get().arm == "holdout-1=personalized"


def test_without_an_experiment_nobody_is_asked_anything(browser, loyal):
    campaigns.serve()
    assert active_rules.get_active_rules().experiments == ()
    assert token_of(browser.get("/")) == ""


def test_a_headless_shop_is_told_what_to_report(trained):
    app = ApiClient(Client(HTTP_USER_AGENT=FIREFOX), {"X-Personalization-Visitor": issue_visitor_token()})
    visitor = Visitor.objects.get(user=None)
    season = start_holdout()
    for arm in (HELD_OUT, PERSONALIZED):
        put_into_arm(visitor, season, arm)
        for path in ("surfaces/home/", "navigation/"):
            assert app.get(path).json()["exposure"]
    answer = app.get("surfaces/home/").json()
    body = {"events": [{"id": str(uuid4()), "name": "exposure", "params": {"slate": answer["exposure"]}}]}
    assert app.post("events/", body).json() == {"accepted": 1, "rejected": []}
    assert exposures() == {(visitor.pk, PERSONALIZED): False}


def test_a_campaign_that_is_paused_is_gone_from_every_arm(browser, pinned):
    campaign, live, draft = pinned
    visitor = identify_browser(browser)
    season = start({"live": (0.5, {}), "draft": (0.5, {"version": {"definition": campaign.pk, "number": 2}})})
    put_into_arm(visitor, season, "draft")
    assert bestsellers(browser.get("/"))[0] == draft
    publishing.pause(campaign, None)
    read_rules_now()
    for arm in ("live", "draft"):
        put_into_arm(visitor, season, arm)
        assert bestsellers(browser.get("/"))[0] not in (live, draft)
