"""Asks our API in a shop that has django-oscar-api, too, and prints what came out, as JSON."""

import json

from django.test import Client, override_settings

from tests.adoption import probe_oscar_api

OURS = "/personalization/api/v1/"
HERS = ("me/preferences/", "me/data/", "surfaces/home/", "surfaces/basket/", "navigation/", "continue/")


def known(ann):
    """She agreed, and said what she likes."""
    from django.utils.timezone import now

    from personalization.models import Visitor

    Visitor.objects.grant_all([ann.pk], version="1", source="test", now=now())
    Visitor.objects.get(user=ann).set_preference("interest", 1, 1, now().timestamp())


def told(client, path, **headers):
    """The answer; without when it was made."""
    answer = client.get(OURS + path, headers=headers)
    return [answer.status_code, {name: value for name, value in answer.json().items() if name != "exported_at"}]


def sign_in(client, root, **headers):
    assert (
        client.post(f"{root}login/", probe_oscar_api.ANN, content_type="application/json", headers=headers).status_code
        == 200
    )


def shown(client, surface):
    slate = told(client, f"surfaces/{surface}/?limit=40")[1]
    return [item["id"] for row in slate["rows"] for item in row["items"]]


def of_a_basket():
    """What the rows show before and after the first product of all was laid into the basket, in one browser."""
    client, surfaces = Client(), ("home", "basket")
    before = {surface: shown(client, surface) for surface in surfaces}
    laid = before["basket"][0]
    line = {"url": f"{probe_oscar_api.SHOP}products/{laid}/", "quantity": 1}
    assert client.post("/api/basket/add-product/", line, content_type="application/json").status_code == 200
    return {"laid": laid, "before": before, "after": {surface: shown(client, surface) for surface in surfaces}}


def of_a_session(root):
    """What our API says to whoever names ann's session in a header, to her own browser, and to nobody."""
    chosen = Client()
    sign_in(chosen, root, **{"Session-Id": "SID:ANON:testserver:guessed"})
    named = {"Session-Id": "SID:AUTH:testserver:guessed"}
    hers = Client()
    sign_in(hers, root)
    return {
        "theirs": Client().get(f"{root}login/", headers=named).status_code,
        "named": [told(Client(), path, **named) for path in HERS],
        "nobody": [told(Client(), path) for path in HERS],
        "hers": [told(hers, path) for path in HERS],
    }


if __name__ == "__main__":
    known(probe_oscar_api.prepared())
    found = {"basket": of_a_basket(), "beside": of_a_session("/api/")}
    with override_settings(ROOT_URLCONF="tests.adoption.urls_headless_above"):
        found["above"] = of_a_session("/personalization/")
    print(json.dumps(found))
