"""A page reads what segments ask of a customer with the customer, and of nobody who did not agree."""

import pytest
from django.test import RequestFactory
from django.utils.timezone import now

from personalization.merchandising import segments
from personalization.merchandising.segments import Sensitive
from personalization.models import Consent, Visitor
from personalization.oscar import visits
from personalization.profile import batch
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def visit_of(client):
    """A function from a customer to the visit of the page that they open."""

    def open_page(user):
        client.force_login(user)
        request = RequestFactory().get("/", headers={"user-agent": "Mozilla/5.0 Firefox/143.0"})
        request.user, request.session = user, client.session
        request.strategy = visits.Selector().strategy(request=request, user=user)
        return visits.visit_without_basket(request)

    return open_page


def bought_once():
    condition = {"field": "orders", "op": "at_least", "value": 1}
    document = {"match": "all", "groups": [{"match": "all", "conditions": [condition]}]}
    segment, errors = segments.parse_segment(document, Sensitive())
    assert errors == []
    return segments.compile_segment(segment, {}, Sensitive())


def test_a_visit_holds_the_facts_and_segments_ask_for_no_query(visit_of, django_assert_num_queries):
    shopper = shop.create_customer("shopper")
    shop.create_past_order(shopper, [shop.create_shop_product("Tea")])
    batch.refresh_all_genomes(now().timestamp())
    visit = visit_of(shopper)
    with django_assert_num_queries(0):
        assert visit.facts.kept_orders == 1
        assert bought_once().holds(visit, visit.timestamp)


def test_facts_of_a_customer_who_withdrew_are_not_in_their_visit(visit_of):
    shopper = shop.create_customer("shopper")
    shop.create_past_order(shopper, [shop.create_shop_product("Tea")])
    batch.refresh_all_genomes(now().timestamp())
    Visitor.objects.filter(user=shopper).update(consent=Consent.WITHDRAWN)
    visit = visit_of(shopper)
    assert (visit.facts, visit.tracking_allowed) == (None, False)
    assert not bought_once().holds(visit, visit.timestamp)
