"""Which content block a page shows, seen through the shop's own pages."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from personalization.decide.active_rules import read_rules_now
from personalization.decide.arms import enter_experiments
from personalization.decide.visit import Visit
from personalization.merchandising import publishing, running_experiments
from personalization.models import Consent, Genome, Visitor
from personalization.serve_content import serve_block
from tests.content.block_documents import block, publish
from tests.walks.known_visitors import identify_browser
from tests.walks.test_cached_pages import fragment, html_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
TITLE = re.compile(r'class="personalization-block__title"[^>]*>(?:<a [^>]*>)?([^<]*)')


def titles(client, **headers):
    return TITLE.findall(client.get("/", **headers).content.decode())


def visit(**parts):
    return Visit(1_800_000_000.0, None, rules=read_rules_now(), **parts)


def segment_of_customers():
    condition = {"field": "orders", "op": "at_least", "value": 0}
    document = {"match": "all", "groups": [{"match": "all", "conditions": [condition]}]}
    return publishing.publish(publishing.create("segment", "Everyone known", document, None), None)


def test_a_slot_shows_what_is_published_and_nothing_before(client):
    assert titles(client) == []
    draft = publishing.create("block", "Draft", block("Not yet"), None)
    assert titles(client) == []
    publish("Good morning <b>", variant={"text": "a & b", "call": "Look", "link": "/catalogue/"})
    page = client.get("/").content.decode()
    assert TITLE.findall(page) == ["Good morning &lt;b&gt;"]
    assert "a &amp; b" in page and '<a class="personalization-block__call" href="/catalogue/">Look</a>' in page
    assert "data-slate" not in page.partition("personalization-block")[2].partition("</section>")[0]
    publishing.archive(draft, None)


def test_the_first_that_fits_is_shown_in_the_language_of_the_page(client):
    publish("Everybody", variant={}, kind="hero")
    german = block("Phones")
    german["variants"]["de"] = {"title": "Telefone"}
    german["who"] = {"people": "all", "devices": ["phone"]}
    publishing.publish(publishing.create("block", "Phones", german, None), None)
    phone = {"HTTP_USER_AGENT": "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/130.0 Mobile Safari/537.36"}
    read_rules_now()
    assert titles(client) == ["Everybody"]
    assert titles(client, **phone) == ["Phones"]
    assert titles(client, HTTP_ACCEPT_LANGUAGE="de", **phone) == ["Telefone"]


def test_by_taste_it_goes_to_who_buys_it_and_the_default_to_all_others():
    publish("Everybody")
    coffee = publish("Coffee", categories=[7], by_taste=True)
    publish("Tea", categories=[8], products=[80], by_taste=True)

    def shown(categories=(), products=(), **more):
        found = serve_block("home-hero", visit(genome=Genome(categories=categories, products=products), **more))
        return found.name

    assert shown() == "Everybody"
    assert shown([[7, 0.05, 1, 1]]) == "Everybody"
    assert shown([[7, 0.2, 1, 1]]) == "Coffee"
    assert shown([[7, 0.2, 1, 1], [8, 0.4, 1, 1]]) == "Tea"
    assert shown(products=[[80, 3.0, 1, 1, 1], [81, 1.0, 1, 1, 1]]) == "Tea"
    assert shown([[7, 0.9, 1, 1]], held_back=True) == "Everybody"
    publishing.pause(coffee, None)
    assert shown([[7, 0.9, 1, 1]]) == "Everybody"


def test_a_segment_sees_its_block_and_who_is_held_back_the_default():
    publish("Everybody")
    publish("Known", who={"people": "all", "in": [segment_of_customers().pk]})
    held = serve_block("home-hero", visit(held_back=True))
    assert held.name == "Everybody"
    broken = visit()
    broken = replace(broken, rules=replace(broken.rules, segments={}))
    assert serve_block("home-hero", broken).name == "Everybody"


def test_where_choosing_fails_the_default_is_shown():
    publish("Everybody")
    publish("Taste", categories=[7], by_taste=True)
    genome = SimpleNamespace(categories=None, products=None)
    assert serve_block("home-hero", visit(genome=genome)).name == "Everybody"


def test_a_slot_without_a_default_is_refused():
    special = publishing.create("block", "Phones", block("Phones", who={"people": "all", "devices": ["phone"]}), None)
    with pytest.raises(publishing.NotPossibleError, match=r"home-hero.*everybody"):
        publishing.publish(special, None)
    default = publish("Everybody")
    publishing.publish(special, None)
    for take_away in (publishing.pause, publishing.archive, publishing.undo):
        with pytest.raises(publishing.NotPossibleError, match="everybody"):
            take_away(default, None)
    default.refresh_from_db()
    assert default.state == "live"
    publishing.pause(special, None)
    publishing.pause(default, None)
    with pytest.raises(publishing.NotPossibleError, match="everybody"):
        publishing.resume(special, None)


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({"variant": {"link": "javascript:alert(1)"}}, "variants.en-gb.link"),
        ({"variant": {"link": "//evil.example/"}}, "variants.en-gb.link"),
        ({"variant": {"link": "https://user@evil.example/"}}, "variants.en-gb.link"),
        ({"variant": {"call": "Go"}}, "variants.en-gb.link"),
        ({"image": {"key": 1}}, "variants.en-gb.alt"),
        ({"by_taste": True}, "by_taste"),
        ({"kind": "text"}, "variants.en-gb.text"),
        ({"slot": "Home Hero"}, "slot"),
    ],
)
def test_what_a_block_may_not_say(parts, path):
    with pytest.raises(publishing.InvalidDocumentError) as refused:
        publishing.create("block", "One", block("One", **parts), None)
    assert [error.path for error in refused.value.errors] == [path]


def test_a_page_with_a_hero_costs_two_queries_at_most(client, trained):
    identify_browser(client)
    publish("Everybody", slot="elsewhere")  # the rules are there in both
    client.get("/")
    client.get("/")
    with CaptureQueriesContext(connection) as without:
        client.get("/")
    publish("Everybody here")
    publish("Taste", categories=[7], by_taste=True)
    with CaptureQueriesContext(connection) as with_hero:
        page = client.get("/").content.decode()
    assert TITLE.findall(page) == ["Everybody here"]
    counted = [sum("SAVEPOINT" not in query["sql"] for query in some) for some in (without, with_hero)]
    assert counted[1] <= counted[0] + 2


def test_a_page_for_everybody_shows_the_default_and_its_fragment_the_visitors_own(trained, settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "CACHED_PAGES": True}
    phone = {"HTTP_USER_AGENT": "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/130.0 Mobile Safari/537.36"}
    publish("Everybody")
    browser = Client(**phone)
    assert "block:" not in html_of(fragment(browser, "/", "block:home-hero"))
    publish("Phones", who={"people": "all", "devices": ["phone"]})
    page = Client().get("/").content.decode()
    assert 'data-place="block:home-hero"' in page
    assert TITLE.findall(page) == ["Everybody"]
    own = html_of(fragment(browser, "/", "block:home-hero"))
    assert TITLE.findall(own) == ["Phones"] and 'data-part="block:home-hero"' in own
    identify_browser(browser)
    assert 'data-kind="content"' in html_of(fragment(browser, "/", "block:home-hero", "block:elsewhere"))


def test_an_experiment_may_be_about_a_block():
    default = publish("Everybody")
    visitors = [Visitor.objects.create(consent=Consent.GRANTED, consented_at=now()) for _ in range(24)]
    other = block("Everybody, in other words")
    publishing.save_draft(default, other, None, base=1)
    arms = [
        {"key": "control", "share": 0.5, "does": {}},
        {"key": "variant", "share": 0.5, "does": {"version": {"definition": default.pk, "number": 2}}},
    ]
    document = {"arms": arms, "primary": "conversion", "weeks": 8}
    experiment = publishing.create("experiment", "Words", document, None)
    season = running_experiments.start(experiment, None, planned_visitors=1_000, revenue_cap=None)
    assert season.document["surfaces"] == ["content"]
    shown = {}
    for visitor in visitors:
        entered = enter_experiments(visit(visitor_id=visitor.pk, tracking_allowed=True), visitor.unit)
        found = serve_block("home-hero", entered)
        arm = entered.arms.exposures[season.pk]
        shown.setdefault(arm, set()).add(found.text_in("en-gb", "en-gb").title)
    assert shown == {"control": {"Everybody"}, "variant": {"Everybody, in other words"}}
