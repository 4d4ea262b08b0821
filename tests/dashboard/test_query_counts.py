"""No screen makes more than twelve queries of its own, whatever it shows.

Besides them, every page of the dashboard makes those of Oscar's, measured here by one of Oscar's own pages: for a
superuser the session, the account, and how many notifications wait. Statements that open and close transactions are
not counted.
"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from oscar.apps.catalogue.models import Category
from oscar.apps.offer.models import Range

from personalization.decide.active_rules import read_rules_now
from personalization.merchandising import publishing
from personalization.models import (
    AuditAction,
    AuditEntry,
    Definition,
    JobSchedule,
    SensitiveCategory,
    ServerKey,
    Snapshot,
)
from personalization.oscar.dashboard.urls import urlpatterns
from tests.content.block_documents import block
from tests.lifecycle import alerts
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

MOST_QUERIES, OSCARS = 12, 3
OF_A_DRAFT = 3
"""What a draft means is looked up for the page that shows it: its products, a category, and what is below that."""
LOOK = 'FROM "personalization_snapshot"'
"""The look for a newer snapshot, which a thread of its own makes every few seconds; in a test, whoever comes first."""
CONTROL = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "SET", "SHOW", "SELECT set_config", "SELECT current_setting")
BACK_TESTS, OF_A_BACK_TEST = ("campaign-past", "row-past", "objectives-publish"), 45
"""What decides the pages of past orders anew, and how many queries that may take."""
PARTS = ("campaign-customers", "segment-count")
"""What is a part of a page only."""
WITHOUT_ANSWER = {"data/snapshots/<int:pk>/serve/", "experiments/<int:pk>/stop/", "segments/count/"}
"""What leads back, as the only snapshot serves already and no season runs; what is posted, although its view answers
other GETs."""
PATTERNS = sorted({(one.name.removeprefix("personalization-"), str(one.pattern)) for one in urlpatterns})
PAGES = ["/", "/catalogue/", "/search/?q=product", "/basket/", "category", "product"]


def address(name, *keys):
    return reverse(f"personalization:personalization-{name}", args=keys)


ARMS = {"plain": {"plain": True}, "usual": {}}


@pytest.fixture
def shop_of_rules(admin_user, trained_and_indexed, settings):
    """(customer with a profile, product, {kind: the key of a definition that is live and has a draft})."""
    users, products = trained_and_indexed
    category = products[0].categories.get().pk
    SensitiveCategory.objects.create(category=Category.add_root(name="Remedies"))
    Range.objects.create(name="All", includes_all_products=True)
    ServerKey.objects.create_key("till", ["events:write"])
    JobSchedule.objects.add_usual()
    segments = [_condition("orders", "at_least", number) for number in (1, 2, 3)]
    keys = {"segment": _define(admin_user, "segment", segments, _condition("orders", "at_least", 9))}
    campaigns = [_campaign(keys["segment"], category, product.pk) for product in products[:4]]
    keys["campaign"] = _define(admin_user, "campaign", campaigns, {**campaigns[0], "note": "changed"})
    rows = [{"titles": {"en": "Loved"}, "most": 5}]
    keys["row"] = _define(admin_user, "row", rows, {"titles": {"en": "Liked"}}, key="home/bestsellers")
    words = [{"terms": [f"a{number}", f"b{number}"]} for number in range(3)]
    keys["synonym"] = _define(admin_user, "synonym", words, {"terms": ["c", "d"]})
    leads = [{"words": [{"text": f"e{number}", "match": "is"}], "to": {"category": category}} for number in range(3)]
    keys["redirect"] = _define(
        admin_user, "redirect", leads, {"words": [{"text": "f", "match": "is"}], "to": {"category": category}}
    )
    alerts.switch_on(settings)
    message = {"kind": "back_in_stock", "who": {"out": [keys["segment"]]}}
    keys["message"] = _define(admin_user, "message", [message] * 3, {"kind": "back_in_stock"})
    arms = [{"key": key, "label": key, "share": 0.5, "does": does} for key, does in ARMS.items()]
    test = {"question": "Does it help?", "arms": arms, "primary": "conversion", "weeks": 4, "surfaces": ["home"]}
    experiment = publishing.publish(publishing.create("experiment", "Plain", test, admin_user), admin_user)
    keys["experiment"] = experiment.pk
    blocks = [block(f"Block {number}") for number in range(3)]
    keys["block"] = _define(admin_user, "block", blocks, block("Another"))
    surfaces = [{"surfaces": {"home": {"margin": number}}} for number in (1, 2, 3)]
    keys["objectives"] = _define(admin_user, "objectives", surfaces[:1], surfaces[2], key="shop")
    read_rules_now()
    shop.grant_consent(users[0])
    AuditEntry.objects.record(admin_user, AuditAction.VIEW_CUSTOMER, kind="customer", subject=users[0], note="letter")
    return users[0], products[1], keys


def _condition(field, op, value):
    return {"match": "all", "groups": [{"match": "all", "conditions": [{"field": field, "op": op, "value": value}]}]}


def _campaign(segment, category, product):
    return {
        "who": {"people": "customers", "in": [segment]},
        "where": [
            {"surface": "home"},
            {"surface": "category", "categories": [category], "below": True},
            {"surface": "search", "words": [{"text": "product", "match": "all"}]},
        ],
        "what": [
            {"do": "pin", "target": {"products": [product]}, "place": 1},
            {"do": "boost", "target": {"category": category, "below": True}, "strength": 2},
        ],
    }


def _define(user, kind, documents, draft, **more):
    """The key of the last of several that are live; it has a draft, too."""
    for number, document in enumerate(documents):
        definition = publishing.create(kind, f"{kind} {number}", document, user, **more)
        publishing.publish(definition, user)
    definition = Definition.objects.with_versions().get(pk=definition.pk)
    publishing.save_draft(definition, draft, user, base=definition.live.number)
    return definition.pk


def count_queries(client, target, data=None, **options):
    """(response, queries) once what a process remembers is there."""
    client.get(target, data, **options)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(target, data, **options)
        list(response.streaming_content if response.streaming else ())
    made = [one["sql"] for one in captured if not one["sql"].startswith(CONTROL)]
    return response, [sql for sql in made if LOOK not in sql]


def arguments(name, pattern, customer, product, keys):
    """What the variable parts of an address are."""
    if "<slug:surface>" in pattern:
        return ["home", "bestsellers"]
    if "<str:key>" in pattern:
        return [customer.pk]
    if "<slug:code>" in pattern:
        return ["clear_stock"]
    if "<int:pk>" not in pattern:
        return []
    others = {
        "product": product.pk,
        "snapshot": Snapshot.objects.get().pk,
        "key": 1,
        "sensitive": 1,
        "card": 1,
        "schedule": JobSchedule.objects.first().pk,
    }
    return [{**keys, **others}[name.partition("-")[0]]]


def test_a_page_of_oscars_dashboard_makes_three(admin_client):
    response, queries = count_queries(admin_client, reverse("dashboard:page-list"))
    assert response.status_code == 200
    tables = ("django_session", "auth_user", "communication_notification")
    assert [sum(f'FROM "{table}"' in one for one in queries) for table in tables] == [1, 1, 1] and len(tables) == OSCARS


def test_every_screen_makes_twelve_at_most(admin_client, shop_of_rules):
    customer, product, keys = shop_of_rules
    data = {
        "campaign-copy": {"chosen": keys["campaign"]},
        "segment-condition": {"prefix": "g0-0", "g0-0-field": "orders"},
        "search-trial": {"q": "a1"},
        "consent": {"q": "shop.example"},
        "product-finder": {"q": "Product"},
        "campaign-journey": {"customer": customer.pk},
        "products": {"q": "Product"},
    }
    found, answered = {}, {}
    for name, pattern in PATTERNS:
        target = address(name, *arguments(name, pattern, customer, product, keys))
        options = {"headers": {"HX-Request": "true"}} if name in PARTS else {}
        response, queries = count_queries(admin_client, target, data.get(name), **options)
        if response.status_code != 405:  # what only changes something
            found[name, pattern], answered[name, pattern] = len(queries) - OSCARS, response.status_code
    assert {pattern for (_name, pattern), status in answered.items() if status != 200} == WITHOUT_ANSWER
    most = {name: OF_A_BACK_TEST if name[0] in BACK_TESTS else MOST_QUERIES for name in found}
    assert len(found) > 45 and {name: count for name, count in found.items() if count > most[name]} == {}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("whom", ["a stranger", "a customer", "somebody in a segment, with a draft"])
def test_what_explains_a_page_makes_twelve_with_those_of_the_page(admin_client, shop_of_rules, page, whom):
    customer, product, keys = shop_of_rules
    chosen = {
        "page": {"category": product.categories.get(), "product": product}.get(page, page),
        "a stranger": {},
        "a customer": {"customer": customer.pk},
        "somebody in a segment, with a draft": {"segments": [keys["segment"]], "drafts": [keys["campaign"]]},
    }
    asked = chosen["page"] if isinstance(chosen["page"], str) else chosen["page"].get_absolute_url()
    for target in (address("preview"), address("product", product.pk)):
        response, queries = count_queries(admin_client, target, {"page": asked, **chosen[whom]})
        assert response.context.get("trace") or response.context.get("lines")
        most = MOST_QUERIES + (OF_A_DRAFT if "drafts" in chosen[whom] else 0)
        assert len(queries) - OSCARS <= most, "\n".join(queries)
