"""Asks our API as pages of other origins do and prints what their browsers are told, as JSON."""

import json
import uuid

from django.test import Client

from tests.adoption import probe_oscar_api

OURS = "/personalization/api/v1/"
SHOPPER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
ORIGINS = {"storefront": "https://storefront.example", "another": "https://another.example"}
ASKED = {"surfaces/home/": "GET", "events/": "POST"}
ALLOWED = ("Origin", "Headers", "Methods", "Credentials")


def preflight(origin, path, method):
    """What a browser is allowed that asks before it sends a token."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,x-personalization-visitor",
    }
    answer = Client().options(OURS + path, headers=headers)
    return {name: answer.get(f"Access-Control-Allow-{name}") for name in ALLOWED}


def looks():
    return {"events": [{"id": str(uuid.uuid4()), "name": "view_item", "params": {"items": [{"item_id": "1"}]}}]}


def sent(client, path, body, **headers):
    answer = client.post(OURS + path, body, content_type="application/json", headers=headers)
    return [answer.status_code, answer.get("Access-Control-Allow-Origin"), answer.json()]


def reports(origin):
    """What a page gets that mints a token and reports by it, and one that has our cookies."""
    app, browser = (Client(headers={"User-Agent": SHOPPER}) for _ in range(2))
    minted = sent(app, "visitors/", {"consent": "granted"}, Origin=origin)
    named = {"X-Personalization-Visitor": minted[2].pop("token"), "Origin": origin}
    agreed = {"content_type": "application/json", "headers": {"Origin": "http://testserver"}}
    browser.patch(f"{OURS}me/preferences/", {"consent": "granted"}, **agreed)
    assert browser.cookies
    status, allowed, refused = sent(browser, "events/", looks(), Origin=origin)
    read = app.get(f"{OURS}surfaces/home/", headers=named)
    return {
        "minted": minted[:2],
        "token": sent(app, "events/", looks(), **named),
        "cookies": [status, allowed, refused.get("code")],
        "rows": [read.status_code, read.get("Access-Control-Allow-Origin"), len(read.json()["rows"])],
    }


def found(origin):
    asked = {path: preflight(origin, path, method) for path, method in ASKED.items()}
    return {"preflight": asked, **reports(origin)}


if __name__ == "__main__":
    probe_oscar_api.prepared()
    print(json.dumps({who: found(origin) for who, origin in ORIGINS.items()}))
