"""What synonyms and redirects do to the shop's search, seen through the front doors."""

import re
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from haystack import connections
from haystack.query import SearchQuerySet
from oscar import VERSION as OSCAR_VERSION
from oscar.apps.analytics.models import UserSearch
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Category, Product
from oscar.apps.offer.models import Range

from personalization.decide import active_snapshot
from personalization.merchandising import publishing
from personalization.merchandising.search_rules import SearchRules, SynonymGroup
from personalization.oscar import search_engine
from personalization.oscar.previews import PARAMETER, Preview
from tests.api.api_client import ApiClient
from tests.merchandising.search_documents import redirect, synonyms
from tests.shops import factories as shop
from tests.shops.saved_shops import open_shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]

OLD_HAYSTACK_FAILS = pytest.mark.skipif(OSCAR_VERSION < (4, 2), reason="its search page fails at this without us, too")
TITLES = ("Lemon soft drink", "Orange soft drink", "Soda water", "Oat milk", "Drink of oats")


@pytest.fixture
def drinks():
    """The products of `build_drinks`."""
    return open_shop(build_drinks, with_index=True)


def build_drinks():
    """{title: product} of a shop with an index and a snapshot that knows its words."""
    drinks = create_from_breadcrumbs("Drinks")
    made = {title: shop.create_shop_product(title, drinks) for title in TITLES}
    call_command("personalization_train", verbosity=0)
    call_command("rebuild_index", interactive=False, verbosity=0)
    return made


def titles(response):
    return [hit.object.title for hit in response.context["page_obj"]]


def search(client, query, **more):
    return client.get("/search/", {"q": query, **more})


def test_a_search_finds_what_its_synonyms_find(client, drinks):
    assert titles(search(client, "pop")) == []
    synonyms("pop", "soda", "soft drink")
    assert sorted(titles(search(client, "pop"))) == ["Lemon soft drink", "Orange soft drink", "Soda water"]
    assert sorted(titles(search(client, "SODA"))) == ["Lemon soft drink", "Orange soft drink", "Soda water"]
    assert titles(search(client, "lemon pop")) == ["Lemon soft drink"]
    assert titles(search(client, "milk")) == ["Oat milk"]
    assert titles(search(client, '"pop"')) == [], "in quotation marks it means what it says"


def test_the_count_and_the_second_page_are_the_engines(client, drinks, settings):
    synonyms("pop", "soda", "soft drink")
    response = search(client, "pop")
    assert response.context["paginator"].count == 3
    assert search(client, "pop", page=2).status_code == 404


def test_one_way_widens_one_side_only(client, drinks):
    synonyms("pop", finds=("soda",))
    assert titles(search(client, "pop")) == ["Soda water"]
    assert titles(search(client, "soda")) == ["Soda water"]
    synonyms("soda", finds=("oat milk",))
    assert sorted(titles(search(client, "soda"))) == ["Oat milk", "Soda water"]
    assert titles(search(client, "milk")) == ["Oat milk"]
    assert titles(search(client, "pop")) == ["Soda water"], "synonyms of synonyms are not followed"


@pytest.mark.parametrize("setting", [("RERANK_STRENGTH", 0), ("RERANK_STRENGTH", 100)])
def test_they_act_whatever_orders_the_list(client, drinks, monkeypatch, settings, setting):
    monkeypatch.setitem(settings.PERSONALIZATION, *setting)
    synonyms("pop", "soft drink")
    expected = ["Lemon soft drink", "Orange soft drink"]
    assert sorted(titles(search(client, "pop"))) == expected
    assert titles(search(client, "pop", sort_by="title-asc")) == expected
    assert titles(search(client, "pop", sort_by="title-desc")) == expected[::-1]
    user = User.objects.create_user("anna", "anna@example.com", "x")
    shop.grant_consent(user)
    client.force_login(user)
    assert sorted(titles(search(client, "pop"))) == expected


def test_a_hit_by_a_synonym_counts_as_a_match_of_the_words(client, drinks):
    """The ranker's features see no match between "pop" and any title."""
    synonyms("pop", "soft drink")
    listed = [drinks[title].pk for title in ("Oat milk", "Lemon soft drink", "Soda water")]
    ranked = ApiClient(client).post("rank/", {"products": listed, "query": "pop"}).json()
    assert ranked["products"][0] == drinks["Lemon soft drink"].pk
    publishing.pause(publishing.Definition.objects.get(), None)
    active_snapshot.look_for_newer()
    ranked = ApiClient(client).post("rank/", {"products": listed, "query": "pop"}).json()
    assert ranked["products"][0] == drinks["Oat milk"].pk


def test_a_word_that_is_only_a_synonym_is_not_corrected(client, drinks):
    assert search(client, "sodo").context["corrected_query"] == "soda"
    synonyms("sodo", "milk")
    response = search(client, "sodo")
    assert response.context["corrected_query"] is None
    assert titles(response) == ["Oat milk"]
    response = search(client, "sodo lemn")
    assert "soda" not in (response.context["corrected_query"] or "")


def test_a_corrected_search_has_synonyms_too(client, drinks):
    synonyms("soda", "soft drink")
    response = search(client, "sodda")
    assert response.context["corrected_query"] == "soda"
    assert sorted(titles(response)) == ["Lemon soft drink", "Orange soft drink", "Soda water"]


def test_without_synonyms_the_engines_query_is_untouched():
    found = search_engine.base_sqs()
    assert search_engine.with_synonyms(found, SearchRules()) is found


def test_with_synonyms_a_query_set_of_the_shops_own_stays_one():
    class OwnQuerySet(SearchQuerySet):
        pass

    rules = SearchRules((SynonymGroup(1, ("pop", "soda")),))
    found = search_engine.with_synonyms(OwnQuerySet(), rules).filter(is_public="true").auto_query("pop")
    assert isinstance(found, OwnQuerySet)
    assert "soda" in str(found.query.build_query()) and "pop" in str(found.query.build_query())


def test_no_search_costs_a_further_query(client, drinks, monkeypatch, settings):
    monkeypatch.setitem(settings.PERSONALIZATION, "SNAPSHOT_POLL_SECONDS", 3600)  # the look for what serves is a query
    search(client, "soft drink")
    with CaptureQueriesContext(connection) as usual:
        assert len(titles(search(client, "soft drink"))) == 2
    synonyms("pop", "soft drink")
    redirect("refund", {"path": "/catalogue/"})
    search(client, "pop")
    with CaptureQueriesContext(connection) as other_word:
        assert len(titles(search(client, "soft drink"))) == 2
    with CaptureQueriesContext(connection) as own_word:
        assert len(titles(search(client, "pop"))) == 2
    assert len(other_word) == len(usual) and len(own_word) == len(usual)


@pytest.fixture
def simple_engine(own_files, drinks, monkeypatch):
    """Haystack's engine for tests, which looks into the tables and knows no "or"."""
    with monkeypatch.context() as patched:
        engine = {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}
        patched.setitem(connections.connections_info, "default", engine)
        connections.reload("default")
        yield
    connections.reload("default")


def test_the_simple_engine_finds_what_the_first_synonym_finds_that_finds_anything(client, simple_engine):
    assert titles(search(client, "pop")) == []
    synonyms("pop", "fizz", "soda", "milk")
    assert titles(search(client, "pop")) == ["Soda water"]
    assert titles(search(client, "milk")) == ["Oat milk"]


def test_a_redirected_search_leads_to_its_page(client, drinks):
    category, product = Category.objects.get(), drinks["Oat milk"]
    chosen = Range.objects.create(name="Chosen", is_public=True)
    redirect("drinks", {"category": category.pk})
    redirect("the oat", {"product": product.pk}, "all")
    redirect("cho", {"range": chosen.pk}, "starts")
    redirect("send it back", {"path": "/catalogue/?page=1"})
    for query, address in (
        ("Drinks", category.get_absolute_url()),
        ("oat  the very", product.get_absolute_url()),
        ("Chosen ones", chosen.get_absolute_url()),
        ("SEND IT BACK", "/catalogue/?page=1"),
    ):
        response = search(client, query, page=3, sort_by="newest")
        assert (response.status_code, response["Location"]) == (302, address)
        assert "no-store" in response["Cache-Control"] and "private" in response["Cache-Control"]
        assert client.get(address).status_code == 200
    assert search(client, "drinks now").status_code == 200


def test_the_shops_log_keeps_a_search_that_was_redirected(client, drinks):
    client.force_login(User.objects.create_user("anna", "anna@example.com", "x"))
    redirect("refund", {"path": "/catalogue/"})
    search(client, "refund")
    assert list(UserSearch.objects.values_list("query", flat=True)) == ["refund"]


def test_a_redirect_to_what_was_deleted_or_hidden_is_silent_and_a_search_again(client, drinks):
    product = drinks["Oat milk"]
    definition = redirect("milk", {"product": product.pk})
    assert search(client, "milk").status_code == 302
    Product.objects.filter(pk=product.pk).update(is_public=False)
    assert search(client, "milk").status_code == 200, "at once, before anything is compiled anew"
    publishing.pause(definition, None)
    publishing.resume(definition, None)
    active_snapshot.look_for_newer()
    rules = active_snapshot_rules()
    assert rules.search.redirects == () and "not public" in str(rules.problems[definition.pk][0])


def active_snapshot_rules():
    from personalization.decide.active_rules import get_active_rules

    return get_active_rules()


def test_redirects_do_not_lead_to_one_another(client, drinks):
    redirect("refund", {"path": "/search/?q=returns"})
    with pytest.raises(publishing.NotPossibleError, match="leads to a search that this one redirects"):
        redirect("returns", {"path": "/catalogue/"})
    redirect("tea", {"path": "/catalogue/"})
    with pytest.raises(publishing.NotPossibleError, match="It leads to a search"):
        redirect("chai", {"path": "/search/?sort_by=newest&q=Tea"})
    with pytest.raises(publishing.InvalidDocumentError, match="same words"):
        redirect("coffee", {"path": "/search/?q=best+coffee"}, "all")


def test_a_chain_that_two_resumed_ones_make_is_cut(client, drinks):
    first = redirect("refund", {"path": "/search/?q=returns"})
    publishing.pause(first, None)
    redirect("returns", {"path": "/catalogue/"})
    publishing.resume(first, None)
    active_snapshot.look_for_newer()
    assert search(client, "refund").status_code == 200
    assert "redirected itself" in str(active_snapshot_rules().problems[first.pk][0])


def test_a_preview_shows_drafts_of_both_and_stays_one(client, drinks):
    staff = User.objects.create_superuser("mia", "mia@shop.example", "x")
    client.force_login(staff)
    group = publishing.create("synonym", "pop", {"terms": ["pop", "soda"]}, staff)
    sent = publishing.create(
        "redirect", "r", {"words": [{"text": "refund", "match": "is"}], "to": {"path": "/catalogue/?a=1#top"}}, staff
    )
    token = Preview(staff=str(staff.pk), drafts=(group.pk, sent.pk)).sign()
    assert titles(search(client, "pop")) == []
    assert titles(search(client, "pop", **{PARAMETER: token})) == ["Soda water"]
    response = search(client, "refund", **{PARAMETER: token})
    assert response["Location"] == f"/catalogue/?a=1&{urlencode({PARAMETER: token})}#top"
    plain = Preview(staff=str(staff.pk), drafts=(group.pk,), without_campaigns=True).sign()
    assert titles(search(client, "pop", **{PARAMETER: plain})) == ["Soda water"], "a synonym is no campaign"


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("pop\x00", marks=OLD_HAYSTACK_FAILS),
        "pop AND (",
        "-pop",
        "pop -water",
        '"pop',
        "pop*",
        "(pop",
        "pop " * 60,
        "\ud800".encode("utf-8", "replace").decode(),
    ],
)
def test_a_strange_search_does_no_harm(client, drinks, query):
    synonyms("pop", "soda", "rock & roll (live)", "AND", "a*b")
    assert search(client, query).status_code == 200


def test_a_search_without_results_proposes_what_has_synonyms(client, drinks):
    synonyms("pop", "soft drink")
    page = search(client, "pop xyzzy").content.decode()
    assert not re.search(r"Traceback", page)


def test_what_is_left_of_a_search_is_taken_up_where_only_a_synonym_finds_it(drinks):
    assert search_engine.queries_without_results(["pop", "milk"]) == ["pop"]
    rules = SearchRules((SynonymGroup(1, ("pop", "soda")),))
    assert search_engine.queries_without_results(["pop", "milk"], rules) == []
