"""Notes what each product costs on each day."""

from datetime import UTC, datetime, timedelta

from django.utils.timezone import get_default_timezone

from personalization.models import PriceSeen
from personalization.models.lost_connections import repeat_on_lost_connection
from personalization.models.prices_seen import KEPT_DAYS
from personalization.shop.product_prices import prices_of_all


@repeat_on_lost_connection
def note_prices(now: float) -> int:
    """Stores today's price of all products, and forgets those of long ago; how many products have one. `now` in seconds
    since 1970."""
    today = datetime.fromtimestamp(now, UTC).astimezone(get_default_timezone()).date()
    rows = (PriceSeen(product_id=key, currency=code, day=today, lowest=price) for key, code, price in prices_of_all())
    stored = PriceSeen.objects.store(rows, today)
    for _batch in PriceSeen.objects.delete_before(today - timedelta(days=KEPT_DAYS)):
        pass
    return stored
