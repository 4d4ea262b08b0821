"""What the shop's own words say of an order: a purchase, none, or nothing that can be told."""

import pytest
from django.core.checks import run_checks
from oscar.apps.order.models import Line, Order

from personalization.shop import order_statuses, orders
from tests.shops import factories as shop

UNBOUGHT = """
Cancelled, canceled, Order cancelled, Cancelled by customer, auto-cancelled, Refunded, Returned, Void, Payment failed,
Declined, Expired, Storniert, Abgebrochen, Rückerstattet, Zurückgegeben, Zahlung fehlgeschlagen, Annulée, ANNULÉE,
Remboursée, Anulado, Cancelado, Reembolsado, Devuelto, Estornado, Annullato, Rimborsato, Geannuleerd, Terugbetaald,
Anulowane, Zwrócone, Zrušeno, Annulleret, Kansellert, Återbetald, Peruttu, Törölve, Отменён, ОТМЕНЁН, Возврат,
Скасовано, Ακυρώθηκε, İptal edildi, 已取消, キャンセル, 취소됨
"""
BOUGHT = """
Complete, Being processed, Shipped, Dispatched, Delivered, Paid, Abgeschlossen, Versandt, Livrée, Terminée, Entregado,
Spedito, Verzonden, Zrealizowane, Leverert, Toimitettu, Доставлен, 完成
"""
UNDECIDED = "Closed, On hold, Not delivered, Refund requested, Partially refunded"


def split(words):
    return [word.strip() for word in words.split(",")]


@pytest.fixture
def end_with(monkeypatch):
    """Gives the shop a pipeline that ends orders with these statuses."""

    def become(*statuses):
        monkeypatch.setattr(Order, "pipeline", {"Pending": tuple(statuses)})
        monkeypatch.setattr(Line, "pipeline", {})

    return become


@pytest.mark.parametrize("status", split(UNBOUGHT))
def test_an_unbought_status_of_the_pipeline_is_known_in_many_languages(end_with, status):
    end_with(status)
    assert order_statuses.is_unbought(status)
    assert order_statuses.undecided_statuses() == []


@pytest.mark.parametrize("status", split(BOUGHT))
def test_what_ends_a_purchase_counts_and_is_not_asked_about(end_with, status):
    end_with(status)
    assert not order_statuses.is_unbought(status)
    assert order_statuses.undecided_statuses() == []


@pytest.mark.parametrize("status", split(UNDECIDED))
def test_what_may_be_either_counts_as_a_purchase_and_check_names_it(end_with, status, settings):
    end_with(status)
    assert not order_statuses.is_unbought(status)
    (warning,) = run_checks(tags=["personalization"])
    assert (warning.id, repr(status) in warning.msg) == ("personalization.W007", True)
    settings.PERSONALIZATION = {"BOUGHT_ORDER_STATUSES": [status]}
    assert run_checks(tags=["personalization"]) == []
    settings.PERSONALIZATION = {"UNBOUGHT_ORDER_STATUSES": [status]}
    assert run_checks(tags=["personalization"]) == []
    assert order_statuses.is_unbought(status)


def test_a_list_of_the_shops_own_replaces_what_is_guessed(end_with, settings):
    end_with("Cancelled", "Closed")
    settings.PERSONALIZATION = {"UNBOUGHT_ORDER_STATUSES": ["Closed"]}
    assert not order_statuses.is_unbought("Cancelled")
    assert order_statuses.undecided_statuses() == ["Cancelled"]


def test_a_status_that_leads_on_is_not_asked_about(monkeypatch):
    monkeypatch.setattr(Order, "pipeline", {"On hold": ("Complete",), "Complete": ()})
    assert order_statuses.undecided_statuses() == []


def test_the_pipeline_of_lines_counts_too(monkeypatch):
    monkeypatch.setattr(Line, "pipeline", {"Pending": ("Parked",)})
    assert order_statuses.undecided_statuses() == ["Parked"]


@pytest.mark.parametrize("status", split(UNBOUGHT))
@pytest.mark.django_db
def test_no_line_of_such_an_order_is_a_purchase_on_any_database(end_with, status):
    end_with(status)
    product = shop.create_shop_product("Tea")
    for spelling in {status, status.upper(), status.lower()}:
        shop.create_past_order(None, [product], status=spelling)
    assert list(orders.bought_lines()) == []


@pytest.mark.parametrize("status", ["Storniert", "ANNULÉE", "annulée", "Void", "Payment failed", "Отменён"])
@pytest.mark.django_db
def test_common_words_are_known_where_a_shop_has_no_pipeline(monkeypatch, status):
    monkeypatch.setattr(Order, "pipeline", {})
    shop.create_past_order(None, [shop.create_shop_product("Tea")], status=status)
    assert list(orders.bought_lines()) == []


@pytest.mark.parametrize("value", ["Cancelled", [3], {"Cancelled"}])
def test_a_wrong_list_is_named(settings, value):
    settings.PERSONALIZATION = {"UNBOUGHT_ORDER_STATUSES": value}
    (error,) = run_checks(tags=["personalization"])
    assert error.id == "personalization.E001"
