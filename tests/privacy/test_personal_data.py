"""What visitors can take away is complete, and what is forgotten is gone from every table."""

import json
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import ForeignKey, ManyToManyField
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from personalization.models import (
    AuditAction,
    AuditEntry,
    CampaignCustomer,
    CardClaim,
    ChannelConsent,
    Consent,
    Credit,
    CustomerFacts,
    Definition,
    Delivery,
    Event,
    Exposure,
    Genome,
    GenomeMonth,
    Household,
    HouseholdInvitation,
    HouseholdMember,
    LoyaltyCard,
    MessageOutcome,
    OrderVisitor,
    ReminderAnswer,
    Season,
    Visitor,
)
from personalization.models.visitors import new_visitor_id
from personalization.privacy import data_export
from tests.shops import factories as shop
from tests.shops.tills import buy_in_store

pytestmark = pytest.mark.django_db

OURS = [model for model in apps.get_app_config("personalization").get_models() if model._meta.managed]
NOBODYS = {
    "BlockImage",
    "DailyTotal",
    "Household",
    "JobSchedule",
    "Newcomer",
    "PriceSeen",
    "ProductCost",
    "ProductWeek",
    "RowDraw",
    "RowOrderResult",
    "Run",
    "SearchTotal",
    "SensitiveCategory",
    "ServerKey",
    "Snapshot",
    "Store",
    "Suppression",
    "SweepTurn",
    "TrainingLease",
    "UncountedDay",
    "ValueRun",
}
"""The tables without a way to a person: counts and what is drawn from them, categories, stores, keys, learned files,
who trains, what was done when, days to count, prices, how far a sweep came, and the hashes of addresses that are never
written to, which outlive their owners' data. A household has no way to a person, its members have one to it: what it
holds is several people's, and nobody may take it away; of who leaves nothing remains in it
(tests/walks/test_households.py)."""
STAFFS = {"Definition", "Reference", "RulesState", "Season", "Version"}
"""The tables of what staff defined for everybody. That somebody wrote a version is no data about a customer."""
WITHHELD = {"by_id", "by_name"}
"""Who of the staff did something."""


def a_life(number):
    """A customer of whom every table of ours holds something, and what it holds besides keys."""
    user = User.objects.create_user(f"person{number}", f"person{number}@example.com", "x")
    tea = shop.create_shop_product(f"Tea {number}", shop.create_from_breadcrumbs(f"Drinks > Hot {number}"))
    shop.create_past_order(user, [tea])
    shop.grant_consent(user)
    visitor = Visitor.objects.get(user=user)
    visitor.set_preference("interest", tea.categories.get().pk, 1, 1.0)
    visitor.set_preference("reason", "bestsellers:", -1, 2.0)
    kept = {"visitor": visitor, "occurred_at": now(), "received_at": now()}
    Event.objects.create(event_id=uuid4(), type="view_item", product_id=tea.pk, **kept)
    Event.objects.create(event_id=uuid4(), type="search", query=f"search {number}", **kept)
    Event.objects.create(event_id=uuid4(), type="view_item_list", items=[[tea.pk, 0]], **kept)
    AuditEntry.objects.record(None, AuditAction.VIEW_CUSTOMER, subject=user, note="a question by telephone")
    OrderVisitor.objects.create(order_id=number, visitor=visitor, placed_at=now())
    Credit.objects.create(
        order_id=number,
        line_id=number,
        visitor=visitor,
        product_id=tea.pk,
        surface="home",
        touch="clicked",
        touched_at=now(),
        ordered_at=now(),
        currency="USD",
        quantity=1,
        gross=Decimal("3.50"),
    )
    season = Season.objects.create(
        definition=Definition.objects.create(kind="experiment", key=f"test{number}", name=f"Test {number}"),
        number=1,
        document={"arms": []},
        arms=[],
        started_at=now(),
        planned_units=1,
    )
    Exposure.objects.create(season=season, visitor=visitor, arm="a", first_at=now())
    message = {"user": user, "address_hash": str(number), "product_id": tea.pk}
    Delivery.objects.create(kind="back_in_stock", dedupe=f"stock:{number}", created_at=now(), due_at=now(), **message)
    ChannelConsent.objects.create(user=user, address_hash=str(number), purpose="asked_for", recorded_at=now())
    card = LoyaltyCard.objects.create(number_hash=f"card {number}", user=user, since=now())
    buy_in_store(user, [tea], receipt=f"Receipt {number}", card=card)
    household = Household.objects.create(computed_at=now())
    HouseholdMember.objects.create(household=household, visitor=visitor, since=now())
    HouseholdInvitation.objects.create(
        household=household, maker=visitor, code_hash=f"code {number}", expires_at=now() + timedelta(days=7)
    )
    CardClaim.objects.record(f"another card {number}", user.pk, now())
    ReminderAnswer.objects.answer(user.pk, tea.pk, None, now())
    MessageOutcome.objects.record("basket_left", user.pk, "treated", 0.1, now())
    campaign = Definition.objects.create(kind="campaign", key=f"campaign{number}", name=f"Campaign {number}")
    CampaignCustomer.objects.create(campaign=campaign, user=user, enrolled_at=now(), voucher_id=number)
    leaf = tea.categories.get().pk
    Genome.objects.create(
        user=user,
        products=[[tea.pk, 1.0, 1, 5, 5]],
        categories=[[leaf, 1.0, 1, 1.0]],
        neighbour_products=[],
        computed_at=now(),
    )
    bought = [["category", leaf, 1.0, 1, 5.0], ["product", tea.pk, 1.0, 1, 5.0]]
    CustomerFacts.objects.store([CustomerFacts(user=user, kept_orders=1, tastes=json.dumps(bought), computed_at=now())])
    GenomeMonth.objects.create(user=user, month=now().date().replace(day=1), tastes=f'[["category",{leaf},1.0]]')
    return user, visitor, tea


def test_every_table_with_a_way_to_a_person_is_in_the_export():
    """A walk of its own, over every reference that a table has: whoever adds one is told here."""
    people = {Visitor, get_user_model()}

    def leads_to_a_person(model, passed=()):
        fields = [field for field in model._meta.get_fields() if field.concrete]
        targets = {field.related_model for field in fields if isinstance(field, ForeignKey | ManyToManyField)}
        ours = [target for target in targets if target in OURS and target not in passed]
        if model.__name__ in STAFFS:
            return False
        return bool(targets & people) or any(leads_to_a_person(each, (*passed, model)) for each in ours)

    personal = {model._meta.label for model in OURS if model is Visitor or leads_to_a_person(model)}
    assert {model.__name__ for model in OURS if model._meta.label not in personal} == NOBODYS | STAFFS
    user, visitor, _ = a_life(1)
    assert set(data_export.visitor_tables(user.pk, visitor)) == personal
    assert all(data_export.visitor_tables(user.pk, visitor).values())


def test_no_table_of_ours_names_a_person_in_another_way():
    """A key without a reference would be missed by the export and by deletion alike."""
    for model in OURS:
        names = {field.name for field in model._meta.concrete_fields if not field.is_relation} - {"visitor_count"}
        assert not any("user" in name or "visitor" in name or "email" in name for name in names), model


def test_the_export_holds_each_field_of_each_row_with_names_beside_keys():
    user, visitor, tea = a_life(1)
    tables = data_export.visitor_tables(user.pk, visitor)
    assert {label: len(rows) for label, rows in tables.items()} == {
        "personalization.AuditEntry": 1,
        "personalization.CampaignCustomer": 1,
        "personalization.CardClaim": 1,
        "personalization.ChannelConsent": 1,
        "personalization.ConsentRecord": 1,
        "personalization.Credit": 1,
        "personalization.CustomerFacts": 1,
        "personalization.CustomerTaste": 2,
        "personalization.Delivery": 1,
        "personalization.Event": 3,
        "personalization.Exposure": 1,
        "personalization.Genome": 1,
        "personalization.GenomeMonth": 1,
        "personalization.HouseholdInvitation": 1,
        "personalization.HouseholdMember": 1,
        "personalization.LoyaltyCard": 1,
        "personalization.MessageOutcome": 1,
        "personalization.OrderVisitor": 1,
        "personalization.Purchase": 1,
        "personalization.ReminderAnswer": 1,
        "personalization.Visitor": 1,
    }
    for label, rows in tables.items():
        columns = {field.attname for field in apps.get_model(label)._meta.concrete_fields}
        assert all(columns - WITHHELD <= set(row) and not WITHHELD & set(row) for row in rows)
    viewed, searched, seen = tables["personalization.Event"]
    assert (viewed["product_id"], viewed["product_name"]) == (tea.pk, "Tea 1")
    assert searched["query"] == "search 1"
    assert seen["items"] == [[tea.pk, "Tea 1", 0]]
    leaf = tea.categories.get().pk
    (genome,) = tables["personalization.Genome"]
    assert genome["products"] == [[tea.pk, "Tea 1", 1.0, 1, 5, 5]]
    assert genome["categories"] == [[leaf, "Hot 1", 1.0, 1, 1.0]]
    category, product = tables["personalization.CustomerTaste"]
    assert (category["key"], category["key_name"]) == (leaf, "Hot 1")
    assert (product["key"], product["key_name"]) == (tea.pk, "Tea 1")
    (month,) = tables["personalization.GenomeMonth"]
    assert month["tastes"] == [["category", leaf, "Hot 1", 1.0]]
    (own,) = tables["personalization.Visitor"]
    assert own["preferences"] == [["interest", leaf, "Hot 1", 1, 1.0], ["reason", "bestsellers:", None, -1, 2.0]]


def test_it_holds_nothing_of_anybody_else():
    a_life(1)
    user, visitor, _ = a_life(2)
    text = json.dumps(data_export.visitor_tables(user.pk, visitor), cls=DjangoJSONEncoder)
    assert "Tea 2" in text and "Tea 1" not in text and "search 1" not in text


def test_of_a_browser_it_holds_what_its_visitor_has_and_of_nobody_nothing():
    a_life(1)
    browser = Visitor.objects.create(consent=Consent.GRANTED, consented_at=now())
    assert {label: len(rows) for label, rows in data_export.visitor_tables(None, browser).items() if rows} == {
        "personalization.Visitor": 1
    }
    assert not any(data_export.visitor_tables(None, None).values())


def test_what_left_the_shop_has_no_name_any_more():
    user, visitor, tea = a_life(1)
    type(tea).objects.filter(pk=tea.pk).update(is_public=False)
    assert data_export.visitor_tables(user.pk, visitor)["personalization.Event"][0]["product_name"] is None


def test_the_items_of_a_menu_have_the_names_of_categories():
    user, visitor, tea = a_life(1)
    leaf, at = tea.categories.get(), now()
    seen = Event(event_id=uuid4(), visitor=visitor, type="select_item", item_kind="category", items=[[leaf.pk, 2, ""]])
    seen.occurred_at = seen.received_at = at
    seen.save()
    *_, told = data_export.visitor_tables(user.pk, visitor)["personalization.Event"]
    assert told["items"] == [[leaf.pk, "Hot 1", 2, ""]]


def test_it_costs_a_fixed_number_of_queries(django_assert_max_num_queries):
    user, visitor, tea = a_life(1)
    Event.objects.bulk_create(
        Event(
            event_id=new_visitor_id(),
            visitor=visitor,
            type="view_item",
            product_id=tea.pk,
            occurred_at=now(),
            received_at=now(),
        )
        for _ in range(50)
    )
    with django_assert_max_num_queries(23):
        data_export.visitor_tables(user.pk, visitor)


def traces(*keys):
    """Where in any table of ours one of these keys is written."""
    texts = {str(key).replace("-", "") for key in keys}
    return [
        (model.__name__, name)
        for model in OURS
        for row in model._base_manager.values()
        for name, value in row.items()
        if name in ("user_id", "visitor_id") or (name == "id" and model is Visitor)
        if str(value).replace("-", "") in texts
    ]


def by_the_profile_page(user):
    client = Client()
    client.force_login(user)
    assert client.post(reverse("customer:profile-delete"), {"password": "x"}).status_code == 302


def by_the_admin(user):
    staff = User.objects.create_superuser("boss", "boss@example.com", "x")
    client = Client()
    client.force_login(staff)
    asked = client.get(reverse("admin:auth_user_delete", args=[user.pk]))
    assert b"Yes, I" in asked.content
    assert client.post(reverse("admin:auth_user_delete", args=[user.pk]), {"post": "yes"}).status_code == 302


def by_the_admins_list(user):
    staff = User.objects.create_superuser("boss", "boss@example.com", "x")
    client = Client()
    client.force_login(staff)
    chosen = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
    assert client.post(reverse("admin:auth_user_changelist"), chosen).status_code == 302


def by_a_queryset(user):
    User.objects.filter(pk=user.pk).delete()


@pytest.mark.parametrize("way", [by_the_profile_page, by_the_admin, by_the_admins_list, by_a_queryset])
def test_nothing_is_left_of_a_deleted_user_whichever_way_and_all_of_everybody_else(way):
    other, others_visitor, _ = a_life(1)
    user, visitor, _ = a_life(2)
    way(user)
    assert not User.objects.filter(pk=user.pk).exists()
    assert traces(user.pk, visitor.pk) == []
    assert Event.objects.filter(visitor=others_visitor).count() == 3 and Genome.objects.filter(user=other).exists()


def test_no_page_of_the_admin_changes_what_the_dashboard_manages():
    assert [model for model in admin.site._registry if model._meta.app_label == Visitor._meta.app_label] == []
