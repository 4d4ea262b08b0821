"""A plain shop with two of our three lines: the one of the URLs is missing."""

from tests.adoption.settings_adopted import *  # noqa: F403

ROOT_URLCONF = "tests.adoption.urls_plain"
PERSONALIZATION = {"MIN_CUSTOMERS": 1}  # three customers are enough for lists in an order of ours
