"""What can be done from the list of campaigns: with several at once, copies, filters, order and remedies."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.offer.models import Benefit, Condition, ConditionalOffer, Range

from personalization.decide import active_rules
from personalization.merchandising import publishing
from personalization.models import AuditEntry, Definition, Version
from tests.dashboard.campaign_posts import form_data, pin
from tests.shops import factories as shop
from tests.shops import tea

pytestmark = pytest.mark.django_db

LIST = reverse("personalization:personalization-campaigns")
NEW = reverse("personalization:personalization-campaign-create")
BULK = reverse("personalization:personalization-campaign-bulk")
COPY = reverse("personalization:personalization-campaign-copy")


@pytest.fixture
def product():
    return shop.create_shop_product("Green tea")


def live(name, document, user):
    return publishing.publish(publishing.create("campaign", name, document, user), user)


def states():
    return dict(Definition.objects.filter(kind="campaign").values_list("name", "state"))


def names(response):
    return [line.definition.name for _band, _label, lines in response.context["blocks"] for line in lines]


def address(name, definition):
    return reverse(f"personalization:personalization-campaign-{name}", args=[definition.pk])


def test_several_are_paused_together_and_those_that_refuse_are_named(client, merchandiser, product):
    one, other = (live(name, pin(product), merchandiser) for name in ("Spring", "Summer"))
    draft = publishing.create("campaign", "Autumn", pin(product), merchandiser)
    chosen = {"chosen": [one.pk, other.pk, draft.pk]}
    page = client.post(BULK, {"do": "pause", **chosen}, follow=True).content.decode()
    assert "“Summer”, “Spring” are paused." in page and "“Autumn”: It is not live any more." in page
    assert states() == {"Spring": "paused", "Summer": "paused", "Autumn": "draft"}
    page = client.post(BULK, {"do": "resume", "chosen": [one.pk]}, follow=True).content.decode()
    assert "“Spring” is live again." in page
    client.post(BULK, {"do": "archive", **chosen})
    assert set(states().values()) == {"archived"}
    audited = AuditEntry.objects.exclude(action__in=["create", "publish"]).order_by("pk").values_list("action", "note")
    assert sorted(audited) == sorted(
        [("pause", "Spring"), ("pause", "Summer"), ("resume", "Spring")]
        + [("archive", name) for name in ("Spring", "Summer", "Autumn")]
    )


@pytest.mark.parametrize(
    "posted", [{"do": "pause"}, {"do": "erase", "chosen": ["1"]}, {"do": "pause", "chosen": ["x", "9" * 40, "987654"]}]
)
def test_nothing_is_done_with_nothing_chosen(client, merchandiser, product, posted):
    live("Spring", pin(product), merchandiser)
    assert "Choose at least one campaign." in client.post(BULK, posted, follow=True).content.decode()
    assert states() == {"Spring": "live"}


def test_segments_are_not_campaigns(client, merchandiser):
    segment = live_segment(merchandiser)
    client.post(BULK, {"do": "archive", "chosen": [segment.pk]})
    segment.refresh_from_db()
    assert segment.state == "live"


def live_segment(user, field="orders", value=1):
    conditions = [{"field": field, "op": "at_least", "value": value}]
    document = {"match": "all", "groups": [{"match": "all", "conditions": conditions}]}
    return publishing.publish(publishing.create("segment", "Buyers", document, user), user)


def test_a_copy_is_a_draft_that_does_it_elsewhere(client, merchandiser, product):
    coffee = create_from_breadcrumbs("Coffee")
    source = live("Spring", {**pin(product), "note": "for spring"}, merchandiser)
    page = client.post(COPY, {"begin": "1", "chosen": [source.pk]}).content.decode()
    assert "Each copy becomes a draft" in page and "pin “Green tea” at place 1" in page
    places = {"surfaces": ["category", "search"], "categories": [coffee.pk], "below": "on", "match": "all"}
    response = client.post(COPY, {"chosen": [source.pk], **places, "searches": "tea"}, follow=True)
    assert "“Spring (copy)” is a draft now." in response.content.decode()
    copy = Definition.objects.get(name="Spring (copy)")
    assert (copy.state, copy.live) == ("draft", None)
    assert copy.draft.document == {
        **pin(product),
        "note": "for spring",
        "where": [
            {"surface": "search", "words": [{"text": "tea", "match": "all"}]},
            {"surface": "category", "categories": [coffee.pk], "below": True},
        ][:: 1 if copy.draft.document["where"][0]["surface"] == "search" else -1],
    }
    client.post(COPY, {"chosen": [source.pk], "match": "all"})
    again = Definition.objects.get(name="Spring (copy 2)")
    assert again.draft.document == source.live.document
    assert AuditEntry.objects.filter(action="create", object_id=copy.pk).exists()


def test_a_copy_for_a_category_without_category_pages_is_refused_at_the_field(client, merchandiser, product):
    coffee = create_from_breadcrumbs("Coffee")
    source = live("Spring", pin(product), merchandiser)
    posted = {"chosen": [source.pk], "surfaces": ["home"], "categories": [coffee.pk], "match": "all"}
    assert "Choose category pages above, too." in client.post(COPY, posted).content.decode()
    assert Definition.objects.count() == 1
    assert client.get(COPY).headers["Location"] == LIST


def test_who_may_only_draft_copies_and_pauses_nothing(client, merchandiser, product):
    source = live("Spring", pin(product), merchandiser)
    merchandiser.user_permissions.remove(Permission.objects.get(codename="publish_campaigns"))
    page = client.get(LIST).content.decode()
    assert "Copy to" in page and 'value="pause"' not in page and 'name="step"' not in page
    assert client.post(BULK, {"do": "pause", "chosen": [source.pk]}).status_code in (302, 403)
    assert states() == {"Spring": "live"}


def test_the_filters_leave_what_acts_on_a_product_or_names_a_segment(client, merchandiser, product):
    category = create_from_breadcrumbs("Coffee")
    coffee = shop.create_shop_product("Coffee beans", category)
    segment = live_segment(merchandiser)
    live("Tea", pin(product), merchandiser)
    boost = [{"do": "boost", "target": {"category": category.pk, "below": True}, "strength": 1}]
    live("Coffee", {"where": [{"surface": "home"}], "what": boost}, merchandiser)
    live("Buyers only", pin(product) | {"who": {"people": "all", "in": [segment.pk]}}, merchandiser)
    publishing.create("campaign", "Drafted", pin(product, place=3), merchandiser)
    assert names(client.get(LIST, {"product": f"#{coffee.pk}"})) == ["Coffee"]
    assert sorted(names(client.get(LIST, {"product": f"#{product.pk}"}))) == ["Buyers only", "Drafted", "Tea"]
    assert names(client.get(LIST, {"segment": str(segment.pk)})) == ["Buyers only"]
    assert names(client.get(LIST, {"state": "draft"})) == ["Drafted"]
    assert names(client.get(LIST, {"surface": "search"})) == []
    assert sorted(names(client.get(LIST, {"state": "conflict"}))) == ["Tea"]
    page = client.get(LIST, {"product": "no such thing"}).content.decode()
    assert "No product has this UPC or SKU: no such thing" in page and "No campaign fits these filters." in page


def test_up_and_down_move_by_one_and_the_place_is_the_place(client, merchandiser, product):
    for name in ("Third", "Second", "First"):
        live(name, pin(product), merchandiser)
    draft = publishing.create("campaign", "Draft", pin(product), merchandiser)
    assert names(client.get(LIST)) == ["Draft", "First", "Second", "Third"]
    page = client.post(address("move", draft), {"step": "down"}, follow=True)
    assert names(page) == ["First", "Draft", "Second", "Third"]
    assert "Moved “Draft” to place 2 of 4." in page.content.decode()
    third = Definition.objects.get(name="Third")
    assert names(client.post(address("move", third), {"step": "up"}, follow=True)) == [
        "First",
        "Draft",
        "Third",
        "Second",
    ]
    first = Definition.objects.get(name="First")
    assert names(client.post(address("move", first), {"step": "up"}, follow=True))[0] == "First"
    positions = [line.position for _band, _label, lines in client.get(LIST).context["blocks"] for line in lines]
    assert positions == [1, 2, 3, 4]


def test_a_conflict_is_mended_from_the_list_and_from_the_page_that_publishes(client, merchandiser, product):
    other = shop.create_shop_product("Black tea")
    low = live("Low", pin(other), merchandiser)
    live("High", pin(product), merchandiser)
    active_rules.read_rules_now()
    assert "Move above “High”" in client.get(LIST).content.decode()
    high = Definition.objects.get(name="High")
    page = client.post(address("mend", low), {"remedy": f"above:{high.pk}"}, follow=True)
    assert names(page) == ["Low", "High"]
    assert "“Low” stands above “High” now." in page.content.decode()
    assert "High stands" not in client.get(LIST, {"state": "conflict"}).content.decode()

    publishing.save_draft(high, pin(product) | {"note": "again"}, merchandiser, base=1)
    question = client.get(address("publish", high)).content.decode()
    assert "Use place 2" in question and "Move above “Low”" in question
    page = client.post(address("mend", high), {"remedy": "place:0:2", "publish": "1"}, follow=True).content.decode()
    assert "A draft of “High” uses place 2." in page and "Publish “High”?" in page
    assert "It collides with no other campaign." in page
    high.refresh_from_db()
    assert high.draft.document["what"][0]["place"] == 2 and high.live.document["what"][0]["place"] == 1


@pytest.mark.parametrize("remedy", ["", "above", "above:x", "above:987654", "place:0", "sell:1", "place:-1:3"])
def test_a_remedy_that_is_none_does_nothing(client, merchandiser, product, remedy):
    campaign = live("Spring", pin(product), merchandiser)
    page = client.post(address("mend", campaign), {"remedy": remedy}, follow=True).content.decode()
    assert "That remedy is not possible any more." in page
    assert Version.objects.count() == 1 and AuditEntry.objects.count() == 2


def test_a_remedy_in_the_editor_keeps_what_is_written(client, merchandiser, product):
    other = shop.create_shop_product("Black tea")
    live("High", pin(product), merchandiser)
    low = publishing.create("campaign", "Low", pin(other), merchandiser)
    publishing.move(low, merchandiser, band=2, place=1)
    posted = form_data(other, name="Low, renamed", band="2", base="1")
    editor = reverse("personalization:personalization-campaign", args=[low.pk])
    shown = client.post(editor, {**posted, "look": "1"}).content.decode()
    assert "Use place 2" in shown and "Move above “High”" in shown
    page = client.post(editor, {**posted, "remedy": "place:0:2"})
    assert page.context["formset"].forms[0]["place"].value() == "2"
    assert 'value="Low, renamed"' in page.content.decode()
    assert "It collides with no other campaign." in page.content.decode()
    high = Definition.objects.get(name="High")
    page = client.post(editor, {**posted, "remedy": f"above:{high.pk}"})
    assert 'value="Low, renamed"' in page.content.decode()
    low.refresh_from_db()
    assert (low.band, low.place, low.name, Version.objects.count()) == (1, 1, "Low", 2)


def warnings(client, document, user, name="Warned"):
    campaign = publishing.create("campaign", name, document, user)
    return client.get(address("publish", campaign)).context["warnings"]


def test_more_than_half_of_a_row_is_warned_of(client, merchandiser):
    products = [shop.create_shop_product(f"Tea {number}") for number in range(4)]
    keys = [one.pk for one in products]
    what = [{"do": "pin", "target": {"products": keys}, "place": 1}]
    words = "It pins 4 of the 6 places of a row: little is left to the shopper's own."
    assert words in warnings(client, {"where": [{"surface": "home"}], "what": what}, merchandiser)
    for where, chosen in (("search", keys), ("home", keys[:3])):
        what = [{"do": "pin", "target": {"products": chosen}, "place": 1}]
        document = {"where": [{"surface": where}], "what": what}
        assert words not in warnings(client, document, merchandiser, f"{where} {len(chosen)}")


def test_pins_that_are_sold_out_are_warned_of(client, merchandiser, product):
    tea.sell_out(product)
    words = "1 pinned product is sold out and steps aside: “Green tea”."
    assert words in warnings(client, pin(product), merchandiser)
    anyway = pin(product)
    anyway["what"][0]["sold_out"] = True
    assert words not in warnings(client, anyway, merchandiser, "Anyway")


def test_a_small_audience_is_warned_of(client, merchandiser, product):
    segment = live_segment(merchandiser)
    active_rules.read_rules_now()
    found = warnings(client, pin(product) | {"who": {"people": "customers", "in": [segment.pk]}}, merchandiser)
    assert "It is for 0 customers only; below 50 hardly anybody sees it." in found
    visitors = pin(product) | {"who": {"people": "visitors"}}
    assert warnings(client, visitors, merchandiser, "Strangers") == []


def test_a_campaign_that_outlives_the_offer_of_its_range_is_warned_of(client, merchandiser, product):
    chosen = Range.objects.create(name="Teas")
    chosen.add_product(product)
    ends = now() + timedelta(days=3)
    offer = ConditionalOffer.objects.create(
        name="Tea days",
        offer_type=ConditionalOffer.SITE,
        condition=Condition.objects.create(range=chosen, type=Condition.COUNT, value=1),
        benefit=Benefit.objects.create(range=chosen, type=Benefit.PERCENTAGE, value=10),
        end_datetime=ends,
    )
    document = {"where": [{"surface": "home"}], "what": [{"do": "boost", "target": {"range": chosen.pk}}]}
    assert any(
        words.startswith("The offer “Tea days” on “Teas” ends on") for words in _big(client, document, merchandiser)
    )
    within = document | {"when": {"to": (ends - timedelta(days=1)).isoformat(), "zone": "UTC"}}
    assert _big(client, within, merchandiser) == []
    offer.end_datetime = None
    offer.save()
    assert _big(client, document, merchandiser) == []


def _big(client, document, user):
    """The warnings but that of the few customers of a test."""
    found = warnings(client, document, user, f"Number {Definition.objects.count()}")
    return [words for words in found if "hardly anybody" not in words]


def test_boosts_that_cancel_are_warned_of(client, merchandiser, product):
    def moving(*actions):
        target = {"products": [product.pk]}
        what = [{"do": do, "target": target, "strength": 2} for do in actions]
        return {"where": [{"surface": "home"}], "what": what}

    words = "It boosts and buries 1 product at once, so that it stays where it is or nearly so."
    assert _big(client, moving("boost", "bury"), merchandiser) == [words]
    live("Down", moving("bury"), merchandiser)
    campaign = publishing.create("campaign", "Up", moving("boost"), merchandiser)
    page = client.get(address("publish", campaign)).content.decode()
    assert "Home page: this and “Down” cancel each other for 1 product" in page


def test_customers_and_pages_are_counted(client, merchandiser, product):
    for number in range(3):
        shop.create_customer(f"customer{number}")
    segment = live_segment(merchandiser)
    create_from_breadcrumbs("Coffee")
    create_from_breadcrumbs("Tea")
    where = [{"surface": "home"}, {"surface": "category"}]
    campaign = live("Spring", pin(product) | {"where": where}, merchandiser)
    question = client.get(address("publish", campaign), {"number": "1"})
    reach = question.context["effect"].reach
    assert (reach.products, reach.pages, reach.customers.members, reach.percent) == (1, 3, 4, 100)
    counted = client.get(address("customers", campaign), headers={"HX-Request": "true"}).content.decode()
    assert "4 customers (100 % of all)" in counted and "fewer than 50" in counted
    assert client.get(address("customers", campaign)).status_code == 302
    out = live("Others", pin(product) | {"who": {"people": "all", "out": [segment.pk]}}, merchandiser)
    active_rules.read_rules_now()
    assert "4 customers" in client.get(address("customers", out), headers={"HX-Request": "true"}).content.decode()


def test_two_hundred_campaigns_take_no_more_queries(client, merchandiser, product, django_assert_max_num_queries):
    segment = live_segment(merchandiser)
    category = create_from_breadcrumbs("Coffee")
    for number in range(200):
        where = {"surface": "category"} if number % 2 else {"surface": "product"}
        document = pin(product, place=1 + number % 20) | {"where": [where]}
        document["what"].append({"do": "boost", "target": {"category": category.pk, "below": True}})
        if number % 3 == 0:
            document["who"] = {"people": "all", "in": [segment.pk]}
        live(f"Campaign {number}", document, merchandiser)
    Definition.objects.update(published_at=now() - timedelta(hours=1))
    client.get(LIST)
    with django_assert_max_num_queries(12):
        assert len(names(client.get(LIST))) == 200
