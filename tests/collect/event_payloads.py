"""Payloads of events as browsers send them, and their storage without a request."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from personalization.collect import ingestion, payload
from personalization.models import Consent, Visitor
from personalization.shop import catalogue

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


def to_milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, as JavaScript tells the time."""
    return round(moment.timestamp() * 1000)


def consented_browser(agreed: datetime = NOW - timedelta(days=30)) -> Visitor:
    """The visitor of a browser that gave consent."""
    return Visitor.objects.create(consent=Consent.GRANTED, consented_at=agreed)


def event_payload(name: str = "view_item", product: Any = None, **fields: Any) -> dict[str, Any]:
    """One event as our own script sends it."""
    items = [] if product is None else [{"item_id": str(product)}]
    return {"id": str(uuid4()), "name": name, "at": to_milliseconds(NOW), "items": items, **fields}


def delivery_body(*events: Any, sent_at: Any = None) -> bytes:
    """The JSON of a delivery."""
    return json.dumps({"sent_at": sent_at, "events": list(events)}).encode()


def store_payloads(
    visitor: Visitor, *events: Any, now: datetime = NOW, sent_at: Any = None, **how: Any
) -> list[tuple[int, str]]:
    """Reads and stores these events; (index, code) of each that was rejected."""
    read = payload.read_payload(delivery_body(*events, sent_at=sent_at), how.pop("EVENT_ITEM_ID_FIELD", "id"))
    products = catalogue.resolve_product_ids(
        {(item.id_type, item.key) for report in read.reports for item in report.items}
    )
    sensitive = frozenset(catalogue.sensitive_products(set(products.values())))
    known = ingestion.ReportedProducts(products, sensitive, catalogue.sensitive_categories)
    receipt = ingestion.store_events(ingestion.Delivery(visitor, known, now, read.sent, **how), read.reports)
    return sorted((one.index, one.code) for one in (*read.rejected, *receipt.rejected))
