"""Two orders in one list, in Chromium: real clicks on real cards, counted by the real job, told on the screen."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import SHOPPER, WIDE, manage
from tests.browser.test_search_tools import DESK, PHONE, opened, titles, wait_until  # noqa: F401  its fixture

EXPERIMENTS = "/dashboard/personalization/experiments/"
SEARCH = "/search/?q=milk"
NAME = "Ours or the engine's"
CHOICES = """
from personalization.models import Event, Exposure, Season
season = Season.objects.get(definition__name="{name}")
season_name = f"{{season.definition.key}}-1"
clicks = Event.objects.filter(type="select_item", arm__contains=season_name).values_list("arm", flat=True)
print(Exposure.objects.filter(season=season, arm="both").count(), *sorted(clicks))
"""
TAKE_AWAY = """
from personalization.models import Definition
Definition.objects.filter(name="{name}").delete()
"""


def test_both_orders_stand_in_one_list_and_clicks_say_whose_choice_it_was(
    opened,  # noqa: F811
    chromium,
    view_as,
    demo,
    shot,
):
    owner = opened(EXPERIMENTS + "new/")
    owner.get_by_label("Name").fill(NAME)
    owner.get_by_label("Compare").select_option("interleave")
    expect(owner.get_by_label("What decides")).to_be_hidden()
    owner.get_by_label("Search results").last.check()
    expect(owner.locator("#plan")).to_contain_text("visitors who choose more from one order")
    shot(owner, "interleaving-form", full_page=True)
    with owner.expect_navigation():
        owner.get_by_role("button", name="Save the draft").click()
    address = owner.url
    page = chromium.new_page(viewport=WIDE, user_agent=SHOPPER)
    page.goto(demo.address + "/")
    view_as(page, 0)
    page.goto(demo.address + SEARCH)
    own = titles(page)
    page.goto(demo.address + SEARCH + "&sort_by=relevancy")
    engine = titles(page)
    with owner.expect_navigation():
        owner.get_by_role("button", name="Start").click()
    try:
        wait_until(page, demo.address + SEARCH, lambda page: titles(page) not in (own, engine))
        mixed = titles(page)
        page.reload()
        assert titles(page) == mixed
        assert set(mixed[:2]) <= {*own[:2], *engine[:2]}
        page.wait_for_timeout(1500)
        for place in range(4):  # in new tabs: what a page reports as it is left has Chromium's own name, a robot's
            with page.context.expect_page() as tab:
                page.locator(".product_pod h3 a").nth(place).click(modifiers=["Control"])
            tab.value.close()
        page.wait_for_timeout(6000)
        exposed, *clicks = manage(demo, "shell", "-v", "0", "-c", CHOICES.format(name=NAME)).split()
        assert exposed == "1" and 2 <= len(clicks) <= 4
        assert {arm.partition("=")[2] for arm in clicks} == {"control", "variant"}
        manage(demo, "personalization_measure", "--all")
        owner.goto(address)
        expect(owner.locator("section[aria-labelledby=verdict]")).to_contain_text("Too few yet: 1 of 100 visitors")
        expect(owner.locator("section[aria-labelledby=groups]")).to_contain_text(
            "Visitors who saw both orders in one list: 1."
        )
        cells = owner.locator("section[aria-labelledby=groups] td[data-label=Clicks]").all_inner_texts()
        assert sum(map(int, cells)) == len(clicks)
        for viewport in (DESK, PHONE):
            owner.set_viewport_size(viewport)
            owner.goto(address)
            shot(owner, f"interleaving-{viewport['width']}", full_page=True)
            assert owner.evaluate("document.documentElement.scrollWidth <= innerWidth")
        owner.get_by_role("link", name=re.compile("^Stop")).first.click()
        with owner.expect_navigation():
            owner.get_by_role("button", name="Stop").click()
    finally:
        manage(demo, "shell", "-c", TAKE_AWAY.format(name=NAME))
