"""Whose an order is: kept from Oscar's checkout for visitors who allow it, guests too, and gone with them."""

import pytest
from django.contrib.auth import get_user
from django.db import connection, transaction
from django.http import HttpResponseRedirect
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.checkout.mixins import OrderPlacementMixin

from personalization.models import OrderVisitor, Visitor
from personalization.privacy import cookies, identity
from tests.collect.event_payloads import FIREFOX
from tests.shops import factories as shop
from tests.walks.event_requests import consented_client, raise_disk_full
from tests.walks.known_visitors import identify_browser

pytestmark = pytest.mark.django_db


def check_out(client, order):
    """Sends what Oscar sends once an order is placed, with a request of this browser."""
    request = RequestFactory(**{"HTTP_USER_AGENT": FIREFOX, **client.defaults}).get("/checkout/preview/")
    request.COOKIES = {name: morsel.value for name, morsel in client.cookies.items()}
    request.session = client.session
    request.user = get_user(request)
    OrderPlacementMixin().send_signal(request, HttpResponseRedirect("/"), order)
    request.session.save()


def stored():
    return list(OrderVisitor.objects.order_by("order_id").values_list("order_id", "visitor"))


def test_a_guests_order_is_known_to_be_their_browsers(client, milk):
    visitor, order = identify_browser(client), shop.create_past_order(None, [milk])
    check_out(client, order)
    assert stored() == [(order.pk, visitor.pk)]
    assert OrderVisitor.objects.get().placed_at == order.date_placed


def test_an_accounts_order_is_known_to_be_its_visitors(client, milk, anna):
    order = shop.create_past_order(anna, [milk])
    check_out(client, order)
    assert stored() == [(order.pk, Visitor.objects.get(user=anna).pk)]


def test_the_same_order_twice_is_kept_once(client, milk):
    visitor, order = identify_browser(client), shop.create_past_order(None, [milk])
    check_out(client, order)
    check_out(client, order)
    assert stored() == [(order.pk, visitor.pk)]


@pytest.mark.parametrize("who", ["stranger", "not known yet", "refused", "signal"])
def test_without_consent_and_a_known_visitor_nothing_is_kept_nor_made(client, milk, who):
    if who == "not known yet":
        client = consented_client()
    if who in ("refused", "signal"):
        identify_browser(client)
    if who == "refused":
        client.cookies[cookies.CONSENT_COOKIE] = f"refused.1.{int(now().timestamp())}"
    if who == "signal":
        client.defaults["HTTP_SEC_GPC"] = "1"
    before = Visitor.objects.count()
    check_out(client, shop.create_past_order(None, [milk]))
    assert (stored(), Visitor.objects.count()) == ([], before)


def test_a_customer_who_withdrew_has_no_order_tied_to_them(client, milk, anna):
    visitor = Visitor.objects.get(user=anna)
    visitor.change_consent("withdrawn", version="1", source="test", now=now())
    check_out(client, shop.create_past_order(anna, [milk]))
    assert stored() == []


def test_nothing_of_ours_breaks_a_placed_order(client, milk, monkeypatch, caplog):
    identify_browser(client)
    order = shop.create_past_order(None, [milk])
    monkeypatch.setattr(OrderVisitor.objects.__class__, "record_order", raise_disk_full)
    with transaction.atomic():
        check_out(client, order)
        order.set_status(order.status)  # the transaction is sound
    assert type(order).objects.filter(pk=order.pk).exists()
    assert stored() == []
    assert "Storing who placed an order failed" in caplog.text


def test_an_order_that_is_rolled_back_leaves_no_trace(client, milk):
    identify_browser(client)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        check_out(client, shop.create_past_order(None, [milk]))
        assert len(stored()) == 1
        raise ZeroDivisionError
    assert stored() == []


def test_a_visitor_who_was_erased_at_this_moment_does_not_fail_the_order(milk):
    order = shop.create_past_order(None, [milk])
    gone = Visitor.objects.create()
    key = gone.pk
    gone.delete()
    assert OrderVisitor.objects.record_order(order.pk, key, order.date_placed) is False
    connection.check_constraints()
    assert stored() == []


def test_a_browsers_orders_become_the_accounts_when_it_signs_in(client, milk, anna):
    client = Client(HTTP_USER_AGENT=FIREFOX)
    identify_browser(client)
    order = shop.create_past_order(None, [milk], days_ago=0)
    check_out(client, order)
    form = {"login-username": anna.email, "login-password": "x", "login_submit": "1"}
    assert client.post(reverse("customer:login"), form).status_code == 302
    assert stored() == [(order.pk, Visitor.objects.get(user=anna).pk)]


@pytest.mark.parametrize("who", ["browser", "account"])
def test_it_goes_when_the_visitor_is_erased(client, milk, anna, who):
    if who == "browser":
        client = Client(HTTP_USER_AGENT=FIREFOX)
        visitor = identify_browser(client)
        check_out(client, shop.create_past_order(None, [milk]))
        Visitor.objects.filter(user=None).erase([visitor.pk])
    else:
        check_out(client, shop.create_past_order(anna, [milk]))
        assert len(stored()) == 1
        identity.erase_customer(anna.pk, now())
    assert stored() == []


def test_it_goes_with_the_account(client, milk, anna):
    check_out(client, shop.create_past_order(anna, [milk]))
    anna.delete()
    assert stored() == []
