"""Requests of browsers that report events."""

from datetime import timedelta

from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from personalization.privacy import cookies
from tests.collect.event_payloads import FIREFOX, delivery_body, event_payload, to_milliseconds

HERE = "http://testserver"


def consented_client(**environ):
    """The client of a browser that gave consent a week ago, on a page of the shop."""
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE, **environ)
    client.cookies[cookies.CONSENT_COOKIE] = f"granted.1.{int((now() - timedelta(days=7)).timestamp())}"
    return client


def send_events(client, *events, **environ):
    """Reports these events."""
    return post_events(client, delivery_body(*events), **environ)


def post_events(client, content, content_type="text/plain;charset=UTF-8", **environ):
    """Posts these bytes to the event endpoint."""
    environ = {"CONTENT_TYPE": content_type, **environ}  # or Django's client leaves it out for an empty body
    return client.post(reverse("personalization:events"), content, content_type=content_type, **environ)


def view_payload(product, **fields):
    """The payload of an event that says that the product was viewed now."""
    return event_payload(product=product.pk, **{"at": to_milliseconds(now()), **fields})


def rejection_codes(response):
    """The codes of the events that were rejected."""
    return [one["code"] for one in response.json()["rejected"]]


def raise_disk_full(*args, **kwargs):
    """Replaces a function that writes, as if the database had no room left."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")
    raise DatabaseError
