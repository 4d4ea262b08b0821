"""From what is published to what decides."""

from datetime import UTC, datetime

import pytest
from oscar.apps.offer.models import Range
from oscar.apps.partner.models import Partner

from personalization.decide import active_rules, active_snapshot
from personalization.merchandising import publishing
from personalization.merchandising.compile import compile_rules
from personalization.merchandising.compiled import NO_RULES, Do, FixedTarget
from personalization.merchandising.compiler import Compiler
from personalization.models import Definition, RulesState, Version
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def boost(target):
    return {"where": [{"surface": "home"}], "what": [{"do": "boost", "target": target}]}


def publish(document, name="One"):
    return publishing.publish(publishing.create("campaign", name, document, None), None)


def compiled(document):
    """(the products that the action means, what is wrong)"""
    compiler = Compiler()
    campaign = compiler.campaign(Definition(pk=1, name="One"), document, 1)
    return set(campaign.actions[0].target.product_ids), compiler.problems[1]


def test_each_kind_of_target_means_its_products():
    tea, cheap = shop.create_from_breadcrumbs("Tea"), shop.create_shop_product("Cheap", days_old=3)
    green = shop.create_shop_product("Green", shop.create_from_breadcrumbs("Tea > Green"), stock=2)
    cheap.stockrecords.update(price="1.00")
    chosen = Range.objects.create(name="Chosen")
    chosen.add_product(green)
    partner = Partner.objects.get(pk=green.stockrecords.get().partner_id)
    both = {green.pk, cheap.pk}
    for target, expected in (
        ({"products": [green.pk]}, {green.pk}),
        ({"range": chosen.pk}, {green.pk}),
        ({"category": tea.pk}, {green.pk}),
        ({"category": tea.pk, "below": False}, set()),
        ({"class": green.product_class_id}, both),
        ({"partner": partner.pk}, both),
        ({"price": [None, 2]}, {cheap.pk}),
        ({"price": [2, None]}, {green.pk}),
        ({"stock": [None, 2]}, {green.pk}),
        ({"newer": 30}, {cheap.pk}),
        ({"rating": 4}, set()),
        ({"on_offer": True}, set()),
    ):
        assert compiled(boost(target))[0] == expected, target


def test_a_child_stands_for_its_parent_and_what_is_hidden_for_nothing():
    from oscar.test.factories import create_product

    parent = create_product(title="Shirt", structure="parent")
    child = create_product(structure="child", parent=parent)
    hidden = shop.create_shop_product("Hidden")
    type(hidden).objects.filter(pk=hidden.pk).update(is_public=False)
    found, problems = compiled(boost({"products": [child.pk, hidden.pk]}))
    assert found == {parent.pk} and problems == ["A product that it names is no longer public, or was deleted."]


@pytest.mark.parametrize("kind", ["range", "category", "class", "partner"])
def test_what_was_deleted_makes_its_action_silent_and_is_told(kind):
    found, problems = compiled(boost({kind: 987654}))
    assert found == set() and "was deleted" in str(problems[0])


def test_live_campaigns_serve_in_the_order_of_the_list():
    product = shop.create_shop_product("Tea")
    for name, band in (("standing", 2), ("low", 1), ("high", 1), ("must", 0)):
        definition = publishing.create("campaign", name, boost({"products": [product.pk]}), None)
        publishing.move(definition, None, band=band, place=1)
        publishing.publish(definition, None)
    rules = active_rules.read_rules_now()
    assert [campaign.name for campaign in rules.campaigns] == ["must", "high", "low", "standing"]
    assert rules.campaigns[0].actions[0].do == Do.BOOST
    assert rules.campaigns[0].actions[0].target == FixedTarget(frozenset([product.pk]))


def test_a_pause_is_seen_at_the_next_look_and_nothing_is_compiled_without_a_change(django_assert_num_queries):
    product = shop.create_shop_product("Tea")
    definition = publish(boost({"products": [product.pk]}))
    active_snapshot.look_for_newer()
    assert [campaign.name for campaign in active_rules.get_active_rules().campaigns] == ["One"]
    with django_assert_num_queries(3):  # the savepoint of a test's transaction, the one query, and its release
        active_snapshot.look_for_newer()
    publishing.pause(definition, None)
    active_snapshot.look_for_newer()
    assert active_rules.get_active_rules().campaigns == ()


def test_a_shop_that_never_made_a_rule_pays_no_query_for_them(django_assert_num_queries):
    with django_assert_num_queries(3):  # the savepoint of a test's transaction, the one query, and its release
        active_snapshot.look_for_newer()
    assert active_rules.get_active_rules() is NO_RULES


def test_twenty_campaigns_for_products_and_categories_take_the_queries_of_one(django_assert_max_num_queries):
    leaves = [shop.create_from_breadcrumbs(f"Drinks > Kind {number}") for number in range(5)]
    products = [shop.create_shop_product(f"Tea {number}") for number in range(20)]
    for number in range(20):
        place = [{"surface": "category", "categories": [leaves[number % 5].pk], "below": True}]
        pin = {"do": "pin", "target": {"products": [products[number].pk]}, "place": 1}
        hide = {"do": "exclude", "target": {"products": [products[number - 1].pk, products[number - 2].pk]}}
        publish({"where": place, "what": [pin, hide]}, f"Campaign {number}")
    with django_assert_max_num_queries(6):
        rules = compile_rules()
    first = next(one for one in rules.campaigns if one.name == "Campaign 0")
    assert first.actions[0].product_ids == (products[0].pk,)
    assert first.where[0].categories == frozenset([leaves[0].pk])


def test_what_a_newer_release_wrote_does_not_serve_and_needs_attention():
    product = shop.create_shop_product("Tea")
    definition = publish(boost({"products": [product.pk]}))
    Version.objects.filter(pk=definition.live_id).update(schema=99)
    RulesState.objects.count_change(datetime.now(UTC))
    rules = active_rules.read_rules_now()
    assert rules.campaigns == () and "newer release" in str(rules.problems[definition.pk][0])


def test_one_that_cannot_be_read_keeps_no_other_from_being_obeyed(caplog):
    product = shop.create_shop_product("Tea")
    broken = publish(boost({"products": [product.pk]}), "Broken")
    publish(boost({"products": [product.pk]}), "Whole")
    Version.objects.filter(pk=broken.live_id).update(document={"where": "nowhere"})
    RulesState.objects.count_change(datetime.now(UTC))
    rules = active_rules.read_rules_now()
    assert [campaign.name for campaign in rules.campaigns] == ["Whole"]
    assert "cannot be compiled" in caplog.text and "log of the shop" in str(rules.problems[broken.pk][0])


def test_a_version_never_changes():
    version = publish(boost({"products": [1]})).live
    version.document = {}
    with pytest.raises(ValueError, match="never changes"):
        version.save()


def test_undo_brings_back_what_served_before():
    one, two = shop.create_shop_product("One"), shop.create_shop_product("Two")
    definition = publish(boost({"products": [one.pk]}))
    publishing.save_draft(definition, boost({"products": [two.pk]}), None, base=1)
    publishing.publish(definition, None)
    publishing.undo(definition, None)
    definition.refresh_from_db()
    assert definition.live.number == 1
    assert active_rules.read_rules_now().campaigns[0].actions[0].target.product_ids == {one.pk}


def test_no_more_campaigns_than_a_decision_can_bear():
    from personalization.merchandising.schemas import MAX_LIVE_CAMPAIGNS

    publish(boost({"products": [1]}))
    Definition.objects.bulk_create(
        Definition(kind="campaign", key=str(number), name=str(number), state="live")
        for number in range(MAX_LIVE_CAMPAIGNS - 1)
    )
    with pytest.raises(publishing.NotPossibleError, match="At most 200"):
        publish(boost({"products": [1]}), "One more")
