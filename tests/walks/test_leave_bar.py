"""The bar for who is about to leave: who is shown it and how often, what it says, and that it is credited."""

import re
import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from oscar.apps.offer import models as offers
from oscar.apps.partner.models import StockRecord

from personalization.collect.impression_tokens import verify_impression
from personalization.measure.credit import DAY as _DAY  # noqa: F401
from personalization.merchandising.assignment import HELD_OUT, PERSONALIZED
from personalization.models import Event, Visitor
from personalization.pages import leave_bar
from personalization.privacy import cookies
from tests.collect.event_payloads import FIREFOX, delivery_body
from tests.shops import factories as shop
from tests.walks.event_requests import HERE, post_events
from tests.walks.known_visitors import identify_browser
from tests.walks.running import put_into_arm, start, start_holdout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_files")]
ASK = reverse("personalization:leave")
SCRIPT = "personalization/leave.js"
