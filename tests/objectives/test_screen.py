"""The screen of what counts: what it says is so, what it stores serves, and what it refuses is not stored."""

import html
import re

import pytest
from django.urls import reverse

from personalization.decide import active_rules
from personalization.merchandising.compiled_objectives import Objective
from personalization.merchandising.schemas import COUNTING_SURFACES
from personalization.models import AuditEntry, Definition
from personalization.oscar.dashboard import objectives_screen
from tests.objectives.counting_shop import count, earn
from tests.objectives.test_served_pages import bestsellers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """The machine that tests may be slow."""
    for name in ("LIMIT_SECONDS", "PUBLISH_SECONDS"):
        monkeypatch.setattr(objectives_screen, name, 60.0)


def address(name=""):
    return reverse(f"personalization:personalization-objectives{name}")


def text_of(response):
    plain = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(plain).split())


def posted(**dials):
    """What the form posts: dials such as home_margin."""
    data = {f"{surface}-{one}": "0" for surface in COUNTING_SURFACES for one in Objective}
    data |= {name.replace("__", "-"): str(value) for name, value in dials.items()}
    return {"slow_days": "180", "scarce_below": "5", "base": "0", **data}


def test_a_draft_is_stored_published_and_undone(admin_client, trained):
    _users, products = trained
    before = bestsellers(admin_client)
    earn(dict.fromkeys(products, 1) | {products[4]: 3})
    response = admin_client.post(address(), posted(home__margin=20) | {"publish": "1"}, follow=True)
    assert "Home page: Margin up to 20 %." in text_of(response)
    assert bestsellers(admin_client) == before
    response = admin_client.post(address("-publish"), {"number": "1"}, follow=True)
    assert Definition.objects.get(kind="objectives").live.document["surfaces"] == {"home": {"margin": 20}}
    read_rules_anew()
    assert bestsellers(admin_client) != before
    assert "You published" in text_of(response)
    admin_client.post(address("-state"), {"do": "undo"})
    read_rules_anew()
    assert bestsellers(admin_client) == before
    actions = list(AuditEntry.objects.filter(kind="objectives").order_by("pk").values_list("action", flat=True))
    assert actions == ["create", "publish", "restore"]


def read_rules_anew():
    active_rules.reset_active_rules()
    active_rules.read_rules_now()


def test_the_screens_answer(admin_client, trained):
    _users, products = trained
    assert "The cost of 0 of 40 products with a price is known." in text_of(admin_client.get(address()))
    earn({products[0]: 1})
    assert "The cost of 1 of 40 products with a price is known." in text_of(admin_client.get(address()))
    count({"home": {"margin": 5}})
    assert "Now: Home page: Margin up to 5 %." in text_of(admin_client.get(address()))
    assert "Version 1" in text_of(admin_client.get(address("-history")))


def test_a_history_that_has_not_begun_leads_back_to_the_dials(admin_client):
    response = admin_client.get(address("-history"), follow=True)
    assert response.redirect_chain == [(address(), 302)]
    assert "Nobody has said anything here yet." in text_of(response)


def test_the_screens_are_in_german(admin_client, trained):
    earn({trained[1][0]: 1})
    german = {"HTTP_ACCEPT_LANGUAGE": "de"}
    admin_client.post(address(), posted(home__margin=20))
    assert "„Was zählt“ veröffentlichen?" in text_of(admin_client.get(address("-publish"), **german))
    published = admin_client.post(address("-publish"), {"number": "1"}, follow=True, **german)
    assert "„Was zählt“" in text_of(published) and "„What counts“" not in text_of(published)
    assert "„Was zählt“" in text_of(admin_client.get(address("-history"), **german))
    paused = admin_client.post(address("-state"), {"do": "pause"}, follow=True, **german)
    assert "„Was zählt“ ist pausiert." in text_of(paused) and "„What counts“" not in text_of(paused)
    assert Definition.objects.get(kind="objectives").name == "What counts"
