"""The screens of campaigns, as a merchandiser uses them."""

import pytest
from django.urls import reverse

from personalization.merchandising import publishing
from personalization.models import AuditEntry, Definition, RulesState
from personalization.oscar.dashboard.campaign_forms import CampaignForms
from tests.dashboard.campaign_posts import form_data, pin
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db

LIST = reverse("personalization:personalization-campaigns")
NEW = reverse("personalization:personalization-campaign-create")


def test_a_shop_without_campaigns_offers_three_beginnings(client, merchandiser):
    page = client.get(LIST).content.decode()
    assert "No campaign yet. Without one, the shop orders by itself." in page
    assert page.count("?template=") == 3


def test_a_draft_is_saved_then_published_and_undone(client, merchandiser):
    product = shop.create_shop_product("Green tea")
    response = client.post(NEW, form_data(product), follow=True)
    assert "The draft of “Tea week” is saved." in response.content.decode()
    campaign = Definition.objects.get()
    assert (campaign.state, campaign.live, campaign.draft.document["what"]) == (
        "draft",
        None,
        [{"do": "pin", "target": {"products": [product.pk]}, "place": 1}],
    )

    number = RulesState.objects.number()
    publish = reverse("personalization:personalization-campaign-publish", args=[campaign.pk])
    question = client.get(publish).content.decode()
    assert "Publish “Tea week”?" in question and "Touches 1 product now" in question
    page = client.post(publish, {"number": "1"}, follow=True).content.decode()
    assert "“Tea week” is live in up to 10 seconds." in page and "Undo" in page
    campaign.refresh_from_db()
    assert (campaign.state, campaign.live.number, campaign.draft, campaign.place) == ("live", 1, None, 1)
    assert RulesState.objects.number() == number + 1

    client.post(reverse("personalization:personalization-campaign-state", args=[campaign.pk]), {"do": "undo"})
    campaign.refresh_from_db()
    assert (campaign.state, campaign.live, campaign.draft.number) == ("draft", None, 1)
    assert list(AuditEntry.objects.order_by("pk").values_list("action", "by_name")) == [
        ("create", "mia"),
        ("publish", "mia"),
        ("restore", "mia"),
    ]


def test_the_form_shows_a_document_as_it_was_written(client, merchandiser):
    product = shop.create_shop_product("Green tea")
    data = form_data(
        product,
        **{
            "surfaces": ["search", "category", "product"],
            "searches": "Tea\ngreen tea",
            "match": "starts",
            "starts": "2030-03-01T08:00",
            "ends": "2030-03-31T20:00",
            "zone": "Europe/Berlin",
            "days": ["1", "5"],
            "from_hour": "22",
            "to_hour": "6",
            "countries": "de at",
            "devices": ["phone"],
            "note": "for spring",
            "seen_products": f"#{product.pk}",
            "what-TOTAL_FORMS": "3",
            "what-1-do": "boost",
            "what-1-target": "price",
            "what-1-low": "2",
            "what-1-high": "9.5",
            "what-1-strength": "3",
            "what-2-narrows": "on",
            "what-2-target": "newer",
            "what-2-low": "30",
        },
    )
    client.post(NEW, data)
    campaign = Definition.objects.get()
    document = campaign.draft.document
    assert document["when"] == {
        "zone": "Europe/Berlin",
        "from": "2030-03-01T08:00:00+01:00",
        "to": "2030-03-31T20:00:00+02:00",
        "days": [1, 5],
        "hours": [22, 6],
    }
    assert document["what"][1] == {
        "do": "boost",
        "target": {"all": [{"price": [2.0, 9.5]}, {"newer": 30}]},
        "strength": 3,
    }
    address = reverse("personalization:personalization-campaign", args=[campaign.pk])
    shown = client.get(address).context
    posted = {"base": "1", "what-TOTAL_FORMS": "3", "what-INITIAL_FORMS": "3"}
    for form in (shown["form"], *shown["formset"].forms[:3]):
        for field in form:
            value = field.value()
            if value not in (None, False, "", []):
                posted[field.html_name] = (
                    "on" if value is True else value if isinstance(value, list) else field.field.prepare_value(value)
                )
    posted |= {"starts": "2030-03-01T08:00", "ends": "2030-03-31T20:00"}
    client.post(address, posted)
    campaign.refresh_from_db()
    assert campaign.draft.document == document and campaign.draft.number == 1


def test_what_has_ended_or_matches_nothing_is_not_published_even_when_it_is_posted(client, merchandiser):
    product = shop.create_shop_product("Green tea")
    over = {"when": {"to": "2020-01-01T00:00:00+00:00", "zone": "UTC"}}
    nothing = {"where": [{"surface": "home"}], "what": [{"do": "boost", "target": {"newer": 1}}]}
    for name, document, why in (("Over", pin(product, **over), "Its end"), ("None", nothing, "It matches no product.")):
        campaign = publishing.create("campaign", name, document, merchandiser)
        address = reverse("personalization:personalization-campaign-publish", args=[campaign.pk])
        assert why in client.post(address, {"number": "1"}).content.decode()
        campaign.refresh_from_db()
        assert (campaign.state, campaign.live) == ("draft", None)


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"surfaces": []}, "surfaces", "Choose at least one place."),
        ({"what-0-products": "nothing like it"}, "what-0-products", "No product has this UPC or SKU: nothing like it"),
        ({"what-0-place": ""}, "what-0-place", "A pin needs a place."),
        ({"searches": "tea"}, "searches", "Only a search has words."),
        ({"starts": "2030-01-02T00:00", "ends": "2030-01-01T00:00"}, "ends", "The end has to be after the start."),
        ({"countries": "Germany"}, "countries", "found GERMANY"),
        ({"what-0-do": ""}, "what", "Say what the campaign does."),
    ],
)
def test_a_mistake_is_told_at_its_field_and_nothing_is_stored(client, merchandiser, changed, field, words):
    product = shop.create_shop_product("Green tea")
    page = client.post(NEW, form_data(product, **changed)).content.decode()
    assert words in page and not Definition.objects.exists()


def test_two_who_edit_one_campaign_are_shown_the_difference(client, merchandiser):
    product, other = shop.create_shop_product("Green tea"), shop.create_shop_product("Black tea")
    campaign = publishing.create("campaign", "Tea week", pin(product), merchandiser)
    publishing.save_draft(campaign, pin(other), merchandiser, base=1)
    response = client.post(
        reverse("personalization:personalization-campaign", args=[campaign.pk]), form_data(product, base="1")
    )
    page = response.content.decode()
    assert response.status_code == 409 and "mia saved version 2" in page
    assert "Green tea" in page and "Black tea" in page and campaign.versions.count() == 2


def test_the_list_tells_where_campaigns_collide(client, merchandiser):
    products = [shop.create_shop_product(f"Tea {number}") for number in range(3)]
    for name, document in (("Low", pin(products[1])), ("High", pin(products[0]))):
        publishing.publish(publishing.create("campaign", name, document, merchandiser), merchandiser)
    page = client.get(LIST).content.decode()
    assert "Home page, place 1: “High” stands higher and wins; “Tea 1” takes the next free place" in page
    assert page.index("High") < page.index(">Low<")


def test_a_campaign_whose_range_is_deleted_needs_attention(client, merchandiser):
    from oscar.apps.offer.models import Range

    chosen = Range.objects.create(name="Teas")
    document = {"where": [{"surface": "home"}], "what": [{"do": "boost", "target": {"range": chosen.pk}}]}
    publishing.publish(publishing.create("campaign", "Teas first", document, merchandiser), merchandiser)
    chosen.delete()
    from personalization.decide import active_rules

    active_rules.reset_active_rules()
    assert "The Range that it names was deleted." in client.get(LIST).content.decode()


def test_the_list_takes_no_more_queries_with_more_campaigns(client, merchandiser, django_assert_max_num_queries):
    product = shop.create_shop_product("Green tea")
    for number in range(8):
        publishing.publish(publishing.create("campaign", f"Week {number}", pin(product), merchandiser), merchandiser)
    client.get(LIST)
    with django_assert_max_num_queries(12):
        client.get(LIST)


def test_the_screens_are_in_german(client, merchandiser):
    product = shop.create_shop_product("Green tea")
    publishing.publish(publishing.create("campaign", "Tea week", pin(product), merchandiser), merchandiser)
    page = client.get(LIST, headers={"Accept-Language": "de"}).content.decode()
    assert "Kampagnen" in page and "„Green tea“ auf Platz 1 anheften · Startseite · für alle" in page


def test_the_lines_of_a_campaign_come_in_the_order_of_their_numbers(db):
    product = shop.create_shop_product("Tea")
    data = {"what-TOTAL_FORMS": "3", "what-INITIAL_FORMS": "0"}
    lines = [("boost", "3"), ("bury", "1"), ("exclude", "2")]
    for number, (what, order) in enumerate(lines):
        target = {"do": what, "target": "products", "products": f"#{product.pk}", "strength": "2", "ORDER": order}
        data |= {f"what-{number}-{name}": value for name, value in target.items()}
    forms = CampaignForms(data)
    assert forms.formset.is_valid(), forms.formset.errors
    assert [one["do"] for one in forms.formset.actions()] == ["bury", "exclude", "boost"]
    shown = CampaignForms(document={"what": forms.formset.actions()}).formset
    assert [one["ORDER"].value() for one in shown] == [1, 2, 3, None]
