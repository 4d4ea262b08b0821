"""An experiment from its start to "make it so", in Chromium: what both groups see and report, and what is said in the
end of traffic that is generated past the browser."""

import json
import re
import time

from playwright.sync_api import expect

from tests.browser.conftest import SHOPPER, WIDE, manage
from tests.browser.test_search_tools import opened  # noqa: F401  its fixture

EXPERIMENTS = "/dashboard/personalization/experiments/"
COFFEE = "With and without Coffee week"
RULES_ARE_READ = 11
"""Seconds after which every process has seen what was published."""
PUT_INTO_ARM = """
from personalization.merchandising.running_experiments import running_experiments
from personalization.models import Visitor
from personalization.models.visitors import new_visitor_id
season = next(one.season for one in running_experiments() if one.is_holdout)
unit = next(one for one in iter(new_visitor_id, None) if season.arm_of(one) == "{arm}")
Visitor.objects.filter(user__email="{email}").update(browser_unit=unit)
"""
LIVE_THREE_WEEKS = """
from datetime import timedelta
from decimal import Decimal
from django.utils.timezone import now
from oscar.apps.order.models import Line, Order
from personalization.models import Exposure, OrderVisitor, Season, Visitor
season = Season.objects.get(ended_at=None, definition__name="{name}")
weeks = timedelta(days=7 * season.document["weeks"] + 1)
Season.objects.filter(pk=season.pk).update(started_at=now() - weeks)
sample = Line.objects.filter(product__isnull=False).first()
for arm, share in (("{better}", 0.4), ("{worse}", 0.2)):
    people = Visitor.objects.bulk_create(Visitor(consent="granted", consented_at=now() - weeks) for _ in range(400))
    at = now() - weeks + timedelta(days=2)
    Exposure.objects.bulk_create(Exposure(season=season, visitor=one, arm=arm, first_at=at) for one in people)
    for number, one in enumerate(people[: int(share * 400)]):
        order = Order.objects.create(number="{name}"[:6] + arm + str(number), currency=sample.order.currency,
            total_excl_tax=Decimal(10), total_incl_tax=Decimal(10), date_placed=at + timedelta(days=1))
        Line.objects.create(order=order, product=sample.product, title=sample.title, partner_sku=sample.partner_sku,
            stockrecord=sample.stockrecord, quantity=1, num_allocated=0, line_price_excl_tax=Decimal(10),
            line_price_incl_tax=Decimal(10), line_price_before_discounts_excl_tax=Decimal(10),
            line_price_before_discounts_incl_tax=Decimal(10))
        OrderVisitor.objects.create(order_id=order.pk, visitor=one, placed_at=order.date_placed)
"""
TAKE_AWAY = """
from oscar.apps.order.models import Order
from personalization.models import Definition
Order.objects.filter(number__startswith="{name}"[:6]).delete()
Definition.objects.filter(name="Coffee week").update(state="live")
"""


def exposures_sent(page, address: str) -> int:
    """How many reports of experiments a page sends, while it is looked at for three seconds."""
    sent = []
    page.on("request", lambda request: sent.append(request.post_data or "") if "/events/" in request.url else None)
    page.goto(address)
    page.wait_for_timeout(3000)
    events = [event for body in sent for event in json.loads(body)["events"]]
    return sum(event["name"] == "exposure" for event in events)


def test_both_groups_of_a_holdout_report_alike_and_one_sees_the_plain_page(
    opened,  # noqa: F811
    chromium,
    view_as,
    demo,
    shop,
):
    owner = opened(EXPERIMENTS)
    owner.get_by_role("link", name="Prove it sooner: 50 %").click()
    with owner.expect_navigation():
        owner.get_by_role("button", name="50 %").or_(owner.get_by_role("button", name="Hold back")).first.click()
    try:
        time.sleep(RULES_ARE_READ)
        page, stranger = (chromium.new_page(viewport=WIDE, user_agent=SHOPPER) for _ in range(2))
        page.goto(shop + "/")
        view_as(page, 0)
        email = page.locator(".view-as button[aria-current=true]").get_attribute("value")
        seen = {}
        for arm in ("held_out", "personalized"):
            manage(demo, "shell", "-c", PUT_INTO_ARM.format(arm=arm, email=email))
            reports = exposures_sent(page, shop + "/")
            rows = [row.get_attribute("data-row") for row in page.locator("[data-row]").all()]
            seen[arm] = reports, rows
        stranger.goto(shop + "/")
        plain = [row.get_attribute("data-row") for row in stranger.locator("[data-row]").all()]
        assert seen["held_out"] == (1, plain)
        assert seen["personalized"][0] == 1 and "buy_again" in seen["personalized"][1]
    finally:
        owner.goto(demo.address + EXPERIMENTS)
        owner.get_by_role("link", name="Stop").first.click()
        with owner.expect_navigation():
            owner.get_by_role("button", name="Stop").click()
        time.sleep(RULES_ARE_READ)


def test_an_experiment_ends_is_read_and_is_made_so(opened, demo):  # noqa: F811
    owner = opened(EXPERIMENTS)
    owner.get_by_role("link", name=COFFEE, exact=True).click()
    address = owner.url
    with owner.expect_navigation():
        owner.get_by_role("button", name="Start").click()
    try:
        script = LIVE_THREE_WEEKS.format(name=COFFEE, better="variant", worse="control")
        manage(demo, "shell", "-c", script)
        manage(demo, "personalization_measure", "--all")
        owner.goto(address)
        verdict = owner.locator("section[aria-labelledby=verdict]")
        expect(verdict).to_contain_text(re.compile(r"Better\. Between \d+ % and \d+ % more visitors buy"))
        expect(owner.locator(".personalization-state").first).to_contain_text("ended")
        with owner.expect_navigation():
            owner.get_by_role("row", name=re.compile("^with it")).get_by_role("button").click()
        expect(owner.locator(".alert-success")).to_contain_text("“Coffee week” is live for everybody.")
    finally:
        manage(demo, "shell", "-c", TAKE_AWAY.format(name=COFFEE))
