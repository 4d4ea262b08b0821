"""Browsers that report events."""

from datetime import timedelta

from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from tests.collect.event_payloads import FIREFOX, body, event, ms

HERE = "http://testserver"


def agreed(**environ):
    """A browser that agreed a week ago, on a page of the shop."""
    client = Client(HTTP_USER_AGENT=FIREFOX, HTTP_ORIGIN=HERE, **environ)
    client.cookies["personalization_choice"] = f"granted.1.{int((now() - timedelta(days=7)).timestamp())}"
    return client


def send(client, *told, **environ):
    return post(client, body(*told), **environ)


def post(client, content, content_type="text/plain;charset=UTF-8", **environ):
    environ = {"CONTENT_TYPE": content_type, **environ}  # or Django's client leaves it out for an empty body
    return client.post(reverse("personalization:events"), content, content_type=content_type, **environ)


def looked_at(product, **fields):
    return event(product=product.pk, **{"at": ms(now()), **fields})


def codes(response):
    return [one["code"] for one in response.json()["rejected"]]


def full(*args, **kwargs):
    """Stands for whatever writes to a database that has no room left."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")
    raise DatabaseError
