"""One customer as staff see them: opened for a reason, without what is sensitive, downloaded and forgotten."""

import json
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils.timezone import now
from oscar import VERSION as OSCAR_VERSION
from oscar.apps.catalogue.models import Category, Product, ProductAttribute
from oscar.apps.order.models import Order

from personalization.merchandising import publishing
from personalization.models import (
    AuditEntry,
    ConsentRecord,
    CustomerFacts,
    Event,
    Genome,
    SensitiveCategory,
    Visitor,
)
from personalization.models.audit import hash_subject
from personalization.models.events import EventType
from personalization.profile import genome
from personalization.shop import orders
from tests.shops import factories as shop
from tests.walks.known_visitors import store_event

pytestmark = pytest.mark.django_db

ALL = ("view_customer", "export_customer", "erase_customer", "preview_as")


def address(name, *keys):
    return reverse(f"personalization:personalization-{name}", args=keys)


def sign_in(client, *codenames):
    user = User.objects.create_user("mia", "mia@shop.example", "secret-42", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


def opened(client, customer, reason="asked by telephone"):
    """The page of a customer, opened for a reason."""
    return client.post(address("customer", customer.pk), {"reason": reason}, follow=True)


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode()))


@pytest.fixture
def customer():
    """Bought Coffee on three days, thirty days apart, and Remedy once; allows a profile."""
    one = shop.create_customer("ann")
    coffee = shop.create_shop_product("Coffee", shop.create_from_breadcrumbs("Drinks > Hot"))
    remedy = shop.create_shop_product("Remedy", shop.create_from_breadcrumbs("Health > Pharmacy"))
    for days in (70, 40, 10):
        shop.create_past_order(one, [coffee], days_ago=days)
    shop.create_past_order(one, [remedy], days_ago=40)
    genome.refresh_genome([one.pk], now=now().timestamp())
    return one


def product(title):
    return Product.objects.get(title=title)


def visitor_of(customer):
    visitor = Visitor.objects.of_customer(customer.pk)
    assert visitor is not None
    return visitor


def test_a_reason_is_asked_for_first_and_nothing_is_shown_without(client, customer):
    sign_in(client, *ALL)
    asked = client.get(address("customer", customer.pk))
    assert "Why do you open this customer?" in text_of(asked) and "ann@example.com" not in asked.content.decode()
    for reason in ("", "   ", "x" * 101, "a\0b"):
        refused = client.post(address("customer", customer.pk), {"reason": reason})
        assert "personalization-error" in refused.content.decode() and "Coffee" not in text_of(refused)
    for name in ("customer-segments", "customer-timeline"):
        assert client.get(address(name, customer.pk)).status_code == 302
    assert client.post(address("customer-download", customer.pk)).status_code == 302
    assert client.post(address("customer-erase", customer.pk)).status_code == 302
    assert not AuditEntry.objects.exists() and Genome.objects.filter(user=customer).exists()


def test_each_opening_is_in_the_audit_and_is_over_after_a_quarter_of_an_hour(client, customer):
    mia = sign_in(client, *ALL)
    page = opened(client, customer)
    assert page.status_code == 200 and "Coffee" in text_of(page)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.kind, entry.by, entry.subject) == ("customer", "customer", mia, customer)
    assert entry.note == "asked by telephone"
    assert "Coffee" in text_of(client.get(address("customer", customer.pk)))
    assert AuditEntry.objects.count() == 1
    AuditEntry.objects.update(at=now() - timedelta(minutes=16))
    assert "Why do you open this customer?" in text_of(client.get(address("customer", customer.pk)))


def test_an_opening_counts_for_one_customer_and_one_member_of_staff(client, customer):
    sign_in(client, *ALL)
    opened(client, customer)
    other = shop.create_customer("bob")
    assert "Why do you open this customer?" in text_of(client.get(address("customer", other.pk)))
    client.force_login(User.objects.create_superuser("root", "root@shop.example", "secret-42"))
    assert "Why do you open this customer?" in text_of(client.get(address("customer", customer.pk)))


@pytest.mark.parametrize("key", ["987654", "0", "-1", "9" * 30, "nobody", "1.5", "<script>", "%00"])
def test_who_is_not_there_is_not_found(client, key):
    sign_in(client, *ALL)
    for name in ("customer", "customer-segments", "customer-timeline", "customer-erase"):
        assert client.get(address(name, key)).status_code == 404
    assert client.post(address("customer", key), {"reason": "x"}).status_code == 404
    assert not AuditEntry.objects.exists()


def test_the_value_is_that_of_the_orders_that_were_kept(client, customer):
    Order.objects.filter(user=customer).order_by("date_placed").update(status="Complete")
    shop.create_past_order(customer, [product("Coffee"), product("Remedy")], days_ago=1, status="Cancelled")
    sign_in(client, *ALL)
    text = text_of(opened(client, customer))
    assert "5 orders, 4 of them kept" in text
    assert "$14.00 of $21.00" in text and "33.3 % of all pieces" in text
    assert "about every 30 days, due on" in text


def test_of_very_many_orders_the_latest_are_summed_and_that_is_said(client, customer, monkeypatch):
    sign_in(client, *ALL)
    assert "Summed over" not in text_of(opened(client, customer))
    monkeypatch.setattr(orders, "MAX_SUMMED_ORDERS", 2)
    text = text_of(client.get(address("customer", customer.pk)))
    assert "2 orders, 2 of them kept" in text and "Summed over their last 2 orders." in text


def test_tastes_and_statements_are_said_by_name(client, customer):
    hot = Category.objects.get(name="Hot")
    visitor_of(customer).set_preference("interest", hot.pk, 1, now().timestamp())
    visitor_of(customer).set_preference("product", product("Coffee").pk, -1, now().timestamp())
    visitor_of(customer).set_preference("reason", "bestsellers", -1, now().timestamp() - 400 * 86400)
    sign_in(client, *ALL)
    text = text_of(opened(client, customer))
    assert "Wants to see more of “Hot”." in text and "Is not interested in “Coffee” until" in text
    assert "bestsellers" not in text
    assert re.search(r"Hot \d+ % of what they buy · on 3 days", text) and "Remedy" in text


def test_what_is_sensitive_is_left_out_and_that_is_not_said(client, customer):
    remedy, health = product("Remedy"), Category.objects.get(name="Health")
    store_event(visitor_of(customer), product_id=remedy.pk)
    store_event(visitor_of(customer), product_id=product("Coffee").pk)
    visitor_of(customer).set_preference("interest", Category.objects.get(name="Pharmacy").pk, 1, now().timestamp())
    visitor_of(customer).set_preference("product", remedy.pk, -1, now().timestamp())
    sign_in(client, *ALL)
    assert "Remedy" in text_of(opened(client, customer))
    assert "Remedy" in text_of(client.get(address("customer-timeline", customer.pk)))
    SensitiveCategory.objects.create(category=health)
    pages = [client.get(address(name, customer.pk)) for name in ("customer", "customer-timeline")]
    for page in pages:
        text = text_of(page)
        assert "Coffee" in text and not re.search("Remedy|Pharmacy|Health|left out|hidden", text)
        assert "ensitive" not in text.replace("Sensitive categories", "")


def live_segment(name, *conditions):
    document = {"match": "all", "groups": [{"match": "all", "conditions": list(conditions)}]}
    definition = publishing.create("segment", name, document, None)
    publishing.publish(definition, None)
    return definition


def test_segments_are_listed_with_the_sentence_that_matched(client, customer):
    hot = Category.objects.get(name="Hot")
    bought = {"field": "bought_category", "op": "one_of", "value": {"keys": [hot.pk], "times": 2}}
    live_segment("Coffee drinkers", bought)
    live_segment("Many orders", {"field": "orders", "op": "at_least", "value": 40})
    live_segment("On a phone", {"field": "device", "op": "one_of", "value": ["phone"]})
    sign_in(client, *ALL)
    opened(client, customer)
    part = client.get(address("customer-segments", customer.pk), headers={"HX-Request": "true"})
    text = text_of(part)
    assert "Coffee drinkers customers who bought Hot at least twice" in text
    assert "Many orders" not in text and "<html" not in part.content.decode()
    assert text.index("Of these only a page") < text.index("On a phone")
    whole = client.get(address("customer-segments", customer.pk))
    assert "<html" in whole.content.decode() and "Coffee drinkers" in text_of(whole)


def test_without_a_profile_there_are_orders_and_the_proof_only(client, customer):
    store_event(visitor_of(customer), EventType.SEARCH, query="herbal tea")
    CustomerFacts.objects.filter(user=customer).update(next_due=now())
    Visitor.objects.filter(user=customer).update(consent="withdrawn")
    live_segment("Everybody with an order", {"field": "orders", "op": "at_least", "value": 1})
    sign_in(client, *ALL)
    text = text_of(opened(client, customer))
    assert "This customer allows no profile. Orders only." in text and "4 orders, 4 of them kept" in text
    assert not re.search("Tastes|Segments of|Coffee|about every|Preview the shop", text) and "Has withdrawn." in text
    timeline = text_of(client.get(address("customer-timeline", customer.pk) + "?kind=searches"))
    assert "Order 00000" in timeline and "herbal tea" not in timeline
    segments = text_of(client.get(address("customer-segments", customer.pk)))
    assert "Orders only" in segments and "Everybody with an order" not in segments


def test_who_was_never_asked_has_no_profile_either(client):
    one = User.objects.create_user("eve", "eve@example.com", "x")
    sign_in(client, *ALL)
    text = text_of(opened(client, one))
    assert "This customer allows no profile." in text and "Has not answered." in text and "No order yet." in text


def test_a_child_has_no_profile(client, customer, settings):
    settings.PERSONALIZATION = {"IS_CHILD_CALLABLE": "tests.dashboard.test_customer.is_a_child"}
    sign_in(client, *ALL)
    assert "This customer allows no profile." in text_of(opened(client, customer))


def is_a_child(user):
    return user.username == "ann"


def test_the_timeline_is_narrowed_to_a_kind(client, customer):
    visitor = visitor_of(customer)
    store_event(visitor, EventType.SEARCH, query="<b>milk</b>", minutes_ago=5)
    store_event(visitor, product_id=product("Coffee").pk, minutes_ago=3)
    sign_in(client, *ALL)
    opened(client, customer)

    def shown(kind):
        page = client.get(address("customer-timeline", customer.pk), {"kind": kind})
        return [entry.sentence for entry in page.context["entries"]], page.content.decode()

    everything, body = shown("")
    assert everything == ["Looked at “Coffee”", "Searched for “<b>milk</b>”", *["Ordered"] * 4]
    assert "<b>milk" not in body and "&lt;b&gt;milk" in body
    assert shown("searches")[0] == ["Searched for “<b>milk</b>”"]
    assert shown("views")[0] == ["Looked at “Coffee”"]
    assert shown("orders")[0] == ["Ordered"] * 4
    assert shown("rows")[0] == [] and shown("nonsense")[0] == everything


@pytest.mark.parametrize("event_type", EventType.values)
def test_each_event_has_a_sentence(client, customer, event_type):
    store_event(visitor_of(customer), event_type, product_id=product("Coffee").pk)
    sign_in(client, *ALL)
    opened(client, customer)
    entry = client.get(address("customer-timeline", customer.pk)).context["entries"][0]
    assert len(entry.sentence) > 10 and "%(" not in entry.sentence


def test_the_download_is_the_customers_own_file_and_is_in_the_audit(client, customer):
    sign_in(client, "view_customer", "export_customer")
    opened(client, customer, "letter of 3 May")
    response = client.post(address("customer-download", customer.pk))
    assert response["Content-Type"] == "application/json" and "no-store" in response["Cache-Control"]
    data = json.loads(b"".join(response.streaming_content))
    assert data["tables"]["personalization.Visitor"][0]["user_id"] == customer.pk
    assert {row["user_id"] for row in data["tables"]["personalization.Genome"]} == {customer.pk}
    assert data["shop"][0]["count"] == 4
    entry = AuditEntry.objects.get(action="export")
    assert (entry.kind, entry.subject, entry.note) == ("customer", customer, "letter of 3 May")
    assert client.get(address("customer-download", customer.pk)).status_code == 405


def test_forgetting_asks_first_deletes_all_and_leaves_only_a_hash(client, customer):
    store_event(visitor_of(customer), product_id=product("Coffee").pk)
    sign_in(client, "view_customer", "erase_customer")
    opened(client, customer, "letter of 3 May")
    asked = client.get(address("customer-erase", customer.pk))
    assert "Deleted at once and for ever" in text_of(asked) and Event.objects.exists()
    done = client.post(address("customer-erase", customer.pk), follow=True)
    assert f"What was stored of customer {customer.pk} is deleted." in text_of(done)
    assert not Event.objects.exists() and not Genome.objects.exists() and not CustomerFacts.objects.exists()
    visitor = visitor_of(customer)
    assert visitor.consent == "withdrawn" and visitor.erased_at is not None
    assert [record.source for record in ConsentRecord.objects.filter(visitor=visitor)] == ["erasure"]
    entries = list(AuditEntry.objects.order_by("pk"))
    assert [entry.action for entry in entries] == ["customer", "erase"]
    assert {(entry.subject_id, entry.subject_hash) for entry in entries} == {(None, hash_subject(customer.pk))}
    assert "Why do you open this customer?" in text_of(client.get(address("customer", customer.pk)))
    assert Order.objects.filter(user=customer).count() == 4


def test_buttons_are_for_those_who_may(client, customer):
    sign_in(client, "view_customer")
    body = opened(client, customer).content.decode()
    for name in ("customer-download", "customer-erase"):
        assert address(name, customer.pk) not in body
    assert "Preview the shop" not in body
    assert client.post(address("customer-download", customer.pk)).status_code == 403
    assert client.post(address("customer-erase", customer.pk)).status_code == 403
    assert Genome.objects.filter(user=customer).exists()


def test_the_preview_is_of_this_customer_and_names_no_address(client, customer):
    sign_in(client, *ALL)
    body = opened(client, customer).content.decode()
    (link,) = re.findall(r'href="([^"]*preview/\?[^"]*)"', body)
    assert "@" not in link
    page = client.get(link.replace("&amp;", "&"))
    assert len(page.context["frames"]) == 1
    assert AuditEntry.objects.get(action="preview").subject == customer


@pytest.mark.skipif(OSCAR_VERSION < (4, 2), reason="its pages of users take other permissions")
def test_oscars_page_of_a_user_leads_to_the_customer_for_those_who_may(client, customer):
    page = reverse("dashboard:user-detail", args=[customer.pk])
    mia = sign_in(client, "view_user")
    assert address("customer", customer.pk) not in client.get(page).content.decode()
    mia.user_permissions.add(Permission.objects.get(codename="view_customer"))
    assert address("customer", customer.pk) in client.get(page).content.decode()


def test_a_customer_is_found_by_part_of_the_name(client):
    anna = User.objects.create_user("a1", "anna@one.example", "x", first_name="Anna", last_name="Berg")
    User.objects.create_user("a2", "hanna@two.example", "x", first_name="Hanna", last_name="Tal")
    sign_in(client, *ALL)

    def search(text, reason="letter"):
        return client.post(address("consent"), {"customer": text, "reason": reason})

    several = search("anna")
    assert "Who is meant?" in text_of(several) and not AuditEntry.objects.exists()
    assert [user.email for user, _name in several.context["matches"]] == ["hanna@two.example", "anna@one.example"]
    assert urlsplit(search("BERG anna")["Location"]).path == address("customer", anna.pk)
    assert urlsplit(search(str(anna.pk))["Location"]).path == address("customer", anna.pk)
    assert AuditEntry.objects.filter(subject=anna, note="letter").count() == 2
    for text in ("nobody at all", "%", "_", "\\", "' OR 1=1 --", "9" * 30):
        assert "No customer has this name" in text_of(search(text))
    assert "This field is required." in text_of(search("anna", reason=""))


def test_the_page_and_its_parts_take_thirteen_queries(admin_client, customer, django_assert_max_num_queries):
    coffee = product("Coffee")
    ProductAttribute.objects.create(product_class=coffee.product_class, name="Brand", code="brand", type="text")
    coffee.attr.brand = "Arabica & Sons"
    coffee.save()
    genome.refresh_genome([customer.pk], now=now().timestamp())
    live_segment("Regulars", {"field": "orders", "op": "at_least", "value": 2})
    for number in range(30):
        store_event(visitor_of(customer), product_id=coffee.pk, minutes_ago=number)
    assert "Arabica &amp; Sons" in opened(admin_client, customer).content.decode()
    admin_client.get(address("customer-segments", customer.pk))
    savepoints = {"customer": 6, "customer-segments": 1, "customer-timeline": 1}  # two statements each, in a test
    for name, number in savepoints.items():
        with django_assert_max_num_queries(13 + 2 * number):
            assert admin_client.get(address(name, customer.pk)).status_code == 200
