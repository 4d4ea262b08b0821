"""Browsers with consent and a visitor cookie, and their stored events."""

import time
from datetime import timedelta
from uuid import uuid4

from django.http import HttpResponse
from django.utils.timezone import now

from personalization.models import Consent, Event, Visitor
from personalization.privacy import cookies


def identify_browser(client):
    """Gives the client the cookies of a browser with consent; its visitor."""
    visitor = Visitor.objects.create(consent=Consent.GRANTED, consented_at=now())
    response = HttpResponse()
    cookies.set_visitor_cookie(response, visitor)
    client.cookies[cookies.CONSENT_COOKIE] = f"granted.1.{int(time.time())}"
    client.cookies[cookies.VISITOR_COOKIE] = response.cookies[cookies.VISITOR_COOKIE].value
    return visitor


def store_event(visitor, event_type="view_item", minutes_ago=1.0, **fields):
    """Stores an event of this visitor."""
    at = now() - timedelta(minutes=minutes_ago)
    return Event.objects.create(
        event_id=uuid4(), visitor=visitor, type=event_type, occurred_at=at, received_at=at, **fields
    )
