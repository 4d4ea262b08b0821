"""Requests our API in a shop that has django-oscar-api, too, and prints the responses as JSON."""

import json

from django.test import Client, override_settings

from tests.adoption import probe_oscar_api

OURS = "/personalization/api/v1/"
HERS = ("me/preferences/", "me/data/", "surfaces/home/", "surfaces/basket/", "navigation/", "continue/")


def give_consent(ann):
    """Stores her consent and an interest."""
    from django.utils.timezone import now

    from personalization.models import Visitor

    Visitor.objects.grant_all([ann.pk], version="1", source="test", now=now())
    Visitor.objects.get(user=ann).set_preference("interest", 1, 1, now().timestamp())


def request(client, path, **headers):
    """Status and content of a response, without its time."""
    response = client.get(OURS + path, headers=headers)
    return [response.status_code, {name: value for name, value in response.json().items() if name != "exported_at"}]


def sign_in(client, root, **headers):
    assert (
        client.post(f"{root}login/", probe_oscar_api.ANN, content_type="application/json", headers=headers).status_code
        == 200
    )


def product_ids(client, surface):
    slate = request(client, f"surfaces/{surface}/?limit=40")[1]
    return [item["id"] for row in slate["rows"] for item in row["items"]]


def basket_responses():
    """The products of the rows before and after the first of them was put into the basket, in one browser."""
    client, surfaces = Client(), ("home", "basket")
    before = {surface: product_ids(client, surface) for surface in surfaces}
    laid = before["basket"][0]
    line = {"url": f"{probe_oscar_api.SHOP}products/{laid}/", "quantity": 1}
    assert client.post("/api/basket/add-product/", line, content_type="application/json").status_code == 200
    return {"laid": laid, "before": before, "after": {surface: product_ids(client, surface) for surface in surfaces}}


def session_responses(root):
    """The responses of our API to a client that names ann's session in a header, to her browser, and to another one."""
    chosen = Client()
    sign_in(chosen, root, **{"Session-Id": "SID:ANON:testserver:guessed"})
    named = {"Session-Id": "SID:AUTH:testserver:guessed"}
    hers = Client()
    sign_in(hers, root)
    return {
        "theirs": Client().get(f"{root}login/", headers=named).status_code,
        "named": [request(Client(), path, **named) for path in HERS],
        "nobody": [request(Client(), path) for path in HERS],
        "hers": [request(hers, path) for path in HERS],
    }


if __name__ == "__main__":
    give_consent(probe_oscar_api.prepare_shop())
    results = {"basket": basket_responses(), "beside": session_responses("/api/")}
    with override_settings(ROOT_URLCONF="tests.adoption.urls_headless_above"):
        results["above"] = session_responses("/personalization/")
    print(json.dumps(results))
