"""A client of the API."""

import json
from dataclasses import dataclass, field

from django.test import Client
from django.utils.timezone import now

from personalization.api import authentication
from personalization.privacy import identity
from personalization.privacy.requester import Requester

ROOT = "/personalization/api/v1/"


def issue_visitor_token():
    """The token of a visitor with consent, for a client without cookies."""
    return authentication.issue_token(identity.create_consented_browser(Requester(), now(), source="api"))


@dataclass
class ApiClient:
    """A client with the headers that it always sends."""

    client: Client
    headers: dict = field(default_factory=dict)

    def get(self, path, query=None, **headers):
        return self.client.get(ROOT + path, query, headers={**self.headers, **headers})

    def send(self, method, path, body=None, content_type="application/json", **headers):
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = {**self.headers, **headers}
        return self.client.generic(method.upper(), ROOT + path, content, content_type=content_type, headers=headers)

    def post(self, path, body=None, **headers):
        return self.send("post", path, body, **headers)

    def patch(self, path, body=None, **headers):
        return self.send("patch", path, body, **headers)

    def delete(self, path, **headers):
        return self.send("delete", path, **headers)
