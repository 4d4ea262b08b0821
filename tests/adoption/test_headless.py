"""Shops whose storefront is elsewhere: django-oscar-api beside us, and pages of another origin."""

import json
import re
from pathlib import Path

DOCS = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
SETTINGS = Path(__file__).with_name("other_origin.py").read_text()
STOREFRONT = "https://storefront.example"
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def test_django_oscar_api_answers_as_it_does_without_us(process):
    assert process("headless_adopted", "django", "check", "--fail-level", "WARNING").endswith("(0 silenced).\n")
    without, beside = (
        json.loads(TIME.sub("then", process(shop, "tests.adoption.ask"))) for shop in ("headless", "headless_adopted")
    )
    assert without == beside
    for answers in without.values():
        assert [status for *_, status, _ in answers[:11]] == [200] * 8 + [401, 200, 204]


def test_a_session_from_its_header_is_nobody_in_our_api_and_its_basket_is_seen(process):
    found = json.loads(process("headless_adopted", "tests.adoption.beside"))
    basket = found["basket"]
    for surface, before in basket["before"].items():
        assert basket["laid"] in before and basket["laid"] not in basket["after"][surface]
    assert set(basket["after"]["home"]) == set(basket["before"]["home"]) - {basket["laid"]}
    for reached in ("beside", "above"):
        session = found[reached]
        assert session["theirs"] == 204  # to django-oscar-api she is the customer
        assert session["named"] == session["nobody"]
        assert [status for status, _ in session["hers"]] == [200] * len(session["hers"])
        (_, preferences), (_, data), *_ = session["hers"]
        assert preferences["interests"] == [{"category": 1, "sign": 1}]
        assert data["tables"]["personalization.Visitor"]


def test_pages_of_an_origin_that_the_shop_allows_ask_and_report_by_token_and_no_others(process):
    documented = re.findall(r"`(CORS_.*?)`", DOCS)
    assert len(documented) == 2 and all(line in SETTINGS for line in documented)
    assert process("cross_origin", "django", "check", "--fail-level", "WARNING").endswith("(0 silenced).\n")
    found = json.loads(process("cross_origin", "tests.adoption.from_elsewhere"))
    for allowed in found["storefront"]["preflight"].values():
        assert allowed["Origin"] == STOREFRONT and {"GET", "POST"} <= set(allowed["Methods"].split(", "))
        assert {"content-type", "x-personalization-visitor"} <= set(allowed["Headers"].split(", "))
        assert allowed["Credentials"] is None
    for allowed in found["another"]["preflight"].values():
        assert set(allowed.values()) == {None}
    taken = {"accepted": 1, "rejected": []}
    for who, origin in (("storefront", STOREFRONT), ("another", None)):
        assert found[who]["minted"] == [201, origin]
        assert found[who]["token"] == [202, origin, taken]
        assert found[who]["cookies"] == [403, origin, "cross_origin"]
        assert found[who]["rows"] == [200, origin, 2]
