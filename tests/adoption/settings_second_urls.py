"""A plain shop with our three lines, whose requests are all answered by a second URLconf that lacks ours."""

from tests.adoption.settings_adopted import *  # noqa: F403

MIDDLEWARE = [*MIDDLEWARE, "tests.adoption.second_urls.use_second_urls"]  # noqa: F405
PERSONALIZATION = {"MIN_CUSTOMERS": 1}  # three customers are enough for lists in an order of ours
