"""The screens of segments, as a merchandiser uses them."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs

from personalization.decide.visit import Visit
from personalization.merchandising import publishing, segments
from personalization.merchandising.segment_catalogue import all_fields
from personalization.models import AuditEntry, CustomerFacts, Definition, SensitiveCategory
from personalization.profile import batch
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

LIST = reverse("personalization:personalization-segments")
NEW = reverse("personalization:personalization-segment-create")
COUNT = reverse("personalization:personalization-segment-count")


def sign_in(client, *codenames):
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


@pytest.fixture
def merchandiser(client):
    """Signed in, with the permission to change segments."""
    return sign_in(client, "change_segments")


@pytest.fixture
def tea_drinkers():
    """Three customers, of whom the first two bought tea."""
    tea = create_from_breadcrumbs("Drinks > Tea")
    green = shop.create_shop_product("Green tea", tea)
    users = [shop.create_customer(f"customer{number}") for number in range(3)]
    for user, days_ago in zip((users[0], users[1], users[0]), (90, 3, 100), strict=True):
        shop.create_past_order(user, [green], days_ago=days_ago)
    batch.refresh_all_genomes(now().timestamp())
    return users, tea


def form_data(*lines, **changed):
    """What the form posts for one group of these conditions."""
    data = {"base": "0", "name": "Tea drinkers", "match": "all", "g0-match": "all"}
    for number in range(5):
        data |= {f"g{number}-TOTAL_FORMS": "0", f"g{number}-INITIAL_FORMS": "0"}
    data["g0-TOTAL_FORMS"] = str(len(lines))
    for number, line in enumerate(lines):
        data |= {f"g0-{number}-{name}": value for name, value in line.items()}
    return data | changed


def document(*conditions):
    return {"match": "all", "groups": [{"match": "all", "conditions": list(conditions)}]}


ORDERED = {"field": "orders", "op": "at_least", "value": 1}


def publish(user, name, *conditions):
    made = publishing.create("segment", name, document(*(conditions or (ORDERED,))), user)
    publishing.publish(made, user)
    return made


def editor(segment):
    return reverse("personalization:personalization-segment", args=[segment.pk])


class _SegmentForm(HTMLParser):
    """Collects what a browser would post of the form on a page."""

    def __init__(self):
        super().__init__()
        self.data, self.is_inside, self.in_template = {}, False, False
        self.select = self.area = None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.is_inside = attrs.get("id") == "segment"
        if tag == "template":
            self.in_template = True
        if not self.is_inside or self.in_template:
            return
        name = attrs.get("name")
        is_choice = attrs.get("type") in ("checkbox", "radio")
        if tag == "input" and (not is_choice or "checked" in attrs):
            self.data.setdefault(name, []).append(attrs.get("value", "on" if is_choice else ""))
        if tag == "select":
            self.select, self.first, self.chosen = name, None, []
            self.is_multiple = "multiple" in attrs
        if tag == "option" and self.select:
            self.first = attrs["value"] if self.first is None else self.first
            self.chosen += [attrs["value"]] if "selected" in attrs else []
        if tag == "textarea":
            self.area, self.text = name, ""

    def handle_data(self, text):
        if self.area:
            self.text += text

    def handle_endtag(self, tag):
        if tag == "form":
            self.is_inside = False
        if tag == "template":
            self.in_template = False
        if tag == "select" and self.select:
            self.data[self.select] = self.chosen or ([] if self.is_multiple else [self.first])
            self.select = None
        if tag == "textarea" and self.area:
            self.data[self.area], self.area = [self.text.lstrip("\n")], None


def posted(page):
    """What a browser would post of the form on this page."""
    form = _SegmentForm()
    form.feed(page)
    return form.data


def test_a_segment_made_in_the_form_holds_exactly_the_customers_it_says(client, merchandiser, tea_drinkers):
    users, tea = tea_drinkers
    line = {"field": "bought_category", "do": "one_of", "keys": [str(tea.pk)], "times": "2"}
    response = client.post(NEW, form_data(line), follow=True)
    assert "“Tea drinkers” is live in up to 10 seconds." in response.content.decode()
    made = Definition.objects.get()
    assert (made.state, made.draft) == ("live", None)
    assert made.live.document == document(
        {"field": "bought_category", "op": "one_of", "value": {"keys": [tea.pk], "times": 2}}
    )
    segment = segments.parse_segment(made.live.document)[0]
    assert list(segments.compile_segment(segment).customers(now().timestamp())) == [users[0]]
    page = client.get(LIST).content.decode()
    assert "customers who bought Tea at least twice" in page and "not used" in page


def test_who_took_up_a_category_lately_is_counted_and_decided_alike(client, merchandiser):
    """The first was a customer for months and came to tea; the second always drank it; the third is new."""
    tea, coffee = create_from_breadcrumbs("Drinks > Tea"), create_from_breadcrumbs("Drinks > Coffee")
    green, black = shop.create_shop_product("Green tea", tea), shop.create_shop_product("Black", coffee)
    users = [shop.create_customer(f"customer{number}") for number in range(3)]
    for user, product, days_ago in (
        (users[0], black, 200), (users[0], green, 40), (users[0], green, 12),
        (users[1], green, 200), (users[1], green, 40), (users[1], green, 12),
        (users[2], black, 20), (users[2], green, 12), (users[2], green, 3),
    ):  # fmt: skip
        shop.create_past_order(user, [product], days_ago=days_ago)
    batch.refresh_all_genomes(now().timestamp())
    line = {"field": "took_up_category", "do": "one_of", "keys": [str(tea.pk)], "days": "60"}
    client.post(NEW, form_data(line), follow=True)
    segment = segments.compile_segment(segments.parse_segment(Definition.objects.get().live.document)[0])
    moment = now().timestamp()
    assert list(segment.customers(moment)) == [users[0]]
    facts = CustomerFacts.objects.of_customers([user.pk for user in users])
    visits = [Visit(timestamp=moment, strategy=None, facts=facts[user.pk], tracking_allowed=True) for user in users]
    assert [segment.holds(visit, moment) for visit in visits] == [True, False, False]
    assert "customers who bought Tea for the first time within the last 60 days" in client.get(LIST).content.decode()
    wrong = client.post(NEW, form_data({**line, "days": "366"})).content.decode()
    assert "Give a whole number from 1 to 365." in wrong and "at most 365 (empty: so many)" in wrong


def test_who_reached_the_best_tenth_lately_is_counted(client, merchandiser):
    users = [shop.create_customer(f"customer{number}") for number in range(3)]
    for user, tier, days in zip(users, (10, 10, 9), (5, 100, 5), strict=True):
        facts = CustomerFacts.objects.create(user=user, value_tier=tier, computed_at=now())
        CustomerFacts.objects.filter(pk=facts.pk).update(value_tier_since=now() - timedelta(days=days))
    lines = (
        {"field": "value_tier", "do": "is", "low": "10"},
        {"field": "value_tier_since", "do": "within", "days": "60"},
    )
    client.post(NEW, form_data(*lines), follow=True)
    segment = segments.compile_segment(segments.parse_segment(Definition.objects.get().live.document)[0])
    assert list(segment.customers(now().timestamp())) == [users[0]]
    assert "reached their tenth by kept revenue within the last 60 days" in client.get(LIST).content.decode()


def _every_condition(product, category, group, other):
    """One condition for every field and operator."""
    keys = {"product": product.pk, "category": category.pk, "group": group.pk}
    for code, known in all_fields().items():
        for op in known.operators:
            key = keys.get(known.kind, 7)
            tried = [
                {"keys": [key], "times": 2, "days": 20},
                {"keys": [key], "days": 20},
                {"keys": [key]},
                {"key": key, "percent": 30},
                {"texts": ["green tea"], "days": 3},
                {"number": 2, "days": 9},
                [1, 3],
                [2, 4.5],
                9.5,
                3,
                True,
                "returning",
                {"device": ["phone", "tablet"], "channel": ["email"], "language": ["de"]}.get(code, ["DE", "AT"]),
                None,
            ]
            for value in tried:
                condition = {"field": code, "op": op, "value": value}
                if segments.parse_segment(document(condition))[0] is not None:
                    yield condition
    yield from ({"field": "in_segment", "op": op, "value": other.pk} for op in ("is", "is_not"))


def test_the_form_shows_every_field_and_operator_as_it_was_written(client, merchandiser):
    tea = create_from_breadcrumbs("Drinks > Tea")
    product = shop.create_shop_product("Green tea", tea)
    other = publish(merchandiser, "Buyers")
    conditions = list(_every_condition(product, tea, Group.objects.create(name="Trade"), other))
    pairs = {(one["field"], one["op"]) for one in conditions}
    assert pairs == {(code, op) for code, known in all_fields().items() for op in known.operators} | {
        ("in_segment", "is"),
        ("in_segment", "is_not"),
    }
    made = publish(merchandiser, "Tried")
    for start in range(0, len(conditions), 20):
        part = conditions[start : start + 20]
        written = {
            "match": "any",
            "groups": [
                {"match": "any", "conditions": part[:7]},
                *([{"match": "all", "conditions": part[7:]}] if part[7:] else []),
            ],
        }
        made.refresh_from_db()
        version = publishing.save_draft(made, written, merchandiser, base=made.live.number)
        publishing.publish(made, merchandiser)
        data = posted(client.get(editor(made)).content.decode())
        response = client.post(editor(made), data | {"name": "Tried"})
        assert response.status_code == 302, response.content.decode()
        made = Definition.objects.get(pk=made.pk)
        assert made.live.document == written
        assert made.live.number == version.number


def test_what_is_wrong_is_said_at_its_input(client, merchandiser):
    lines = (
        {"field": "bought_category", "do": "one_of"},
        {"field": "orders", "do": "between", "low": "5", "high": "2"},
        {"field": "last_order", "do": "within"},
    )
    page = client.post(NEW, form_data(*lines)).content.decode()
    said = dict(re.findall(r'<p class="personalization-error" id="([^"]*)">([^<]*)</p>', page))
    assert said == {
        "id_g0-0-keys_error": "Choose at least one category.",
        "id_g0-1-low_error": "From must be below To.",
        "id_g0-2-days_error": "Give a whole number from 1 to 3650.",
    }
    assert not Definition.objects.exists()
    assert "Say at least one condition." in client.post(NEW, form_data()).content.decode()


def test_a_sensitive_category_is_not_offered_and_refused(client, merchandiser):
    wine = create_from_breadcrumbs("Drinks > Wine")
    create_from_breadcrumbs("Drinks > Tea")
    SensitiveCategory.objects.create(category=wine)
    address = reverse("personalization:personalization-segment-condition")
    line = client.get(address, {"prefix": "g0-0", "g0-0-field": "bought_category"}).content.decode()
    assert "Tea" in line and "Wine" not in line
    posted_line = {"field": "bought_category", "do": "one_of", "keys": [str(wine.pk)]}
    page = client.post(NEW, form_data(posted_line)).content.decode()
    assert "This category is marked as sensitive and cannot be used." in page
    assert not Definition.objects.exists()


def test_a_count_says_who_is_in_it_and_samples_need_a_permission(client, merchandiser, tea_drinkers):
    _, tea = tea_drinkers
    line = {"field": "bought_category", "do": "one_of", "keys": [str(tea.pk)]}
    part = client.post(COUNT, form_data(line)).content.decode()
    assert "2 customers (50 % of all)" in part and "customers who bought Tea" in part
    assert "they are not in the count." in part and "For instance" not in part
    phones = {"field": "device", "do": "one_of", "codes": ["phone"]}
    part = client.post(COUNT, form_data(line, phones)).content.decode()
    assert "at most 2 customers" in part and "only known while they shop" in part
    merchandiser.user_permissions.add(Permission.objects.get(codename="view_customer"))
    assert "customer1" in client.post(COUNT, form_data(line)).content.decode()
    page = client.post(NEW, form_data(line, count="1")).content.decode()
    assert "2 customers (50 % of all)" in page and not Definition.objects.exists()


def test_the_overlap_with_another_segment_is_counted(client, merchandiser, tea_drinkers):
    _, tea = tea_drinkers
    twice = publish(merchandiser, "Twice", {"field": "orders", "op": "at_least", "value": 2})
    line = {"field": "bought_category", "do": "one_of", "keys": [str(tea.pk)]}
    assert "<li>Twice: 1</li>" in client.post(COUNT, form_data(line, overlap=[str(twice.pk)])).content.decode()


def test_a_used_segment_is_not_archived_and_says_where_it_is_used(client, merchandiser):
    made = publish(merchandiser, "Buyers")
    campaign = publishing.create(
        "campaign",
        "Tea week",
        {
            "who": {"people": "all", "in": [made.pk]},
            "where": [{"surface": "home"}],
            "what": [{"do": "boost", "target": {"on_offer": True}, "strength": 2}],
        },
        merchandiser,
    )
    state = reverse("personalization:personalization-segment-state", args=[made.pk])
    response = client.post(state, {"do": "archive"})
    address = reverse("personalization:personalization-campaign", args=[campaign.pk])
    assert response.status_code == 409 and f'<a href="{address}">Tea week</a>' in response.content.decode()
    made.refresh_from_db()
    assert made.state == "live"
    publishing.archive(campaign, merchandiser)
    client.post(state, {"do": "archive"})
    made.refresh_from_db()
    assert made.state == "archived"


def test_a_change_of_a_segment_that_a_live_campaign_uses_asks_first(client, merchandiser):
    made = publish(merchandiser, "Buyers")
    campaign = publishing.create(
        "campaign",
        "Tea week",
        {
            "who": {"people": "all", "in": [made.pk]},
            "where": [{"surface": "home"}],
            "what": [{"do": "boost", "target": {"on_offer": True}, "strength": 2}],
        },
        merchandiser,
    )
    publishing.publish(campaign, merchandiser)
    line = {"field": "orders", "do": "at_least", "low": "3"}
    question = client.post(editor(made), form_data(line, base="1", name="Buyers"), follow=True).content.decode()
    assert "Publish “Buyers”?" in question and "Tea week" in question
    made.refresh_from_db()
    assert (made.live.number, made.draft.number) == (1, 2)
    client.post(reverse("personalization:personalization-segment-publish", args=[made.pk]))
    made.refresh_from_db()
    assert (made.live.number, made.draft) == (2, None)


def test_the_second_of_two_who_edit_is_shown_the_difference(client, merchandiser):
    made = publish(merchandiser, "Buyers")
    three, five = ({"field": "orders", "do": "at_least", "low": number} for number in ("3", "5"))
    client.post(editor(made), form_data(three, base="1", name="Buyers"))
    response = client.post(editor(made), form_data(five, base="1", name="Buyers"))
    page = response.content.decode()
    assert response.status_code == 409 and "mia saved version 2" in page
    assert "customers who have at least 3 orders" in page and "customers who have at least 5 orders" in page


def test_a_segment_may_not_use_itself(client, merchandiser):
    made = publish(merchandiser, "Buyers")
    line = {"field": "in_segment", "do": "is", "keys": str(made.pk)}
    page = client.post(editor(made), form_data(line, base="1", name="Buyers")).content.decode()
    assert "A segment may not use itself." in page


def test_members_are_exported_with_an_entry_in_the_audit(client, tea_drinkers):
    user = sign_in(client, "export_customer")
    User.objects.filter(username="customer1").update(first_name="=1+1")
    made = publish(user, "Buyers")
    address = reverse("personalization:personalization-segment-members", args=[made.pk])
    lines = b"".join(client.post(address).streaming_content).decode().splitlines()
    assert [line.split(",")[1] for line in lines] == ["name", "customer0", "'=1+1"]
    entry = AuditEntry.objects.get(action="export")
    assert (entry.by, entry.kind, entry.object_id) == (user, "segment", made.pk)
    user.user_permissions.clear()
    assert client.post(address).status_code == 403


def test_a_shop_without_segments_offers_three_and_one_click_makes_a_draft(client, merchandiser, tea_drinkers):
    page = client.get(LIST).content.decode()
    assert "Regulars of Tea: 1 customer" in page and page.count('name="suggestion"') == 3
    client.post(NEW, {"suggestion": "2"})
    assert Definition.objects.values_list("name", "state").get() == ("Regulars of Tea", "draft")


def test_a_page_of_many_segments_takes_as_many_queries_as_one_of_few(client, merchandiser):
    tea = create_from_breadcrumbs("Drinks > Tea")
    bought = {"field": "bought_category", "op": "one_of", "value": {"keys": [tea.pk]}}
    for number in range(2):
        publish(merchandiser, f"Segment {number}", bought)
    client.get(LIST)
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    for number in range(2, 12):
        publish(merchandiser, f"Segment {number}", bought)
    with CaptureQueriesContext(connection) as many:
        client.get(LIST)
    assert len(many) == len(few) <= 12


def test_who_may_not_change_segments_only_reads(client):
    user = sign_in(client)
    made = publish(user, "Buyers")
    assert client.get(LIST).status_code == 200 and client.get(editor(made)).status_code == 200
    assert client.get(NEW).status_code == 403
    line = {"field": "orders", "do": "at_least", "low": "3"}
    client.post(editor(made), form_data(line, base="1", name="Buyers"))
    assert Definition.objects.get().live.number == 1
