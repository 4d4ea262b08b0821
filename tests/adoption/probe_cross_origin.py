"""Requests our API as pages of other origins do and prints the responses as JSON."""

import json
import uuid

from django.test import Client

from tests.adoption import probe_oscar_api

OURS = "/personalization/api/v1/"
SHOPPER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
ORIGINS = {"storefront": "https://storefront.example", "another": "https://another.example"}
REQUESTS = {"surfaces/home/": "GET", "events/": "POST"}
ALLOWED = ("Origin", "Headers", "Methods", "Credentials")


def preflight(origin, path, method):
    """The headers that answer a preflight request for sending a token."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,x-personalization-visitor",
    }
    answer = Client().options(OURS + path, headers=headers)
    return {name: answer.get(f"Access-Control-Allow-{name}") for name in ALLOWED}


def view_delivery():
    return {"events": [{"id": str(uuid.uuid4()), "name": "view_item", "params": {"items": [{"item_id": "1"}]}}]}


def post_json(client, path, body, **headers):
    answer = client.post(OURS + path, body, content_type="application/json", headers=headers)
    return [answer.status_code, answer.get("Access-Control-Allow-Origin"), answer.json()]


def report_events(origin):
    """The responses to a page that mints a token and reports with it, and to one that has our cookies."""
    app, browser = (Client(headers={"User-Agent": SHOPPER}) for _ in range(2))
    minted = post_json(app, "visitors/", {"consent": "granted"}, Origin=origin)
    named = {"X-Personalization-Visitor": minted[2].pop("token"), "Origin": origin}
    agreed = {"content_type": "application/json", "headers": {"Origin": "http://testserver"}}
    browser.patch(f"{OURS}me/preferences/", {"consent": "granted"}, **agreed)
    assert browser.cookies
    status, allowed, refused = post_json(browser, "events/", view_delivery(), Origin=origin)
    read = app.get(f"{OURS}surfaces/home/", headers=named)
    return {
        "minted": minted[:2],
        "token": post_json(app, "events/", view_delivery(), **named),
        "cookies": [status, allowed, refused.get("code")],
        "rows": [read.status_code, read.get("Access-Control-Allow-Origin"), len(read.json()["rows"])],
    }


def responses_for(origin):
    preflights = {path: preflight(origin, path, method) for path, method in REQUESTS.items()}
    return {"preflight": preflights, **report_events(origin)}


if __name__ == "__main__":
    probe_oscar_api.prepare_shop()
    print(json.dumps({who: responses_for(origin) for who, origin in ORIGINS.items()}))
