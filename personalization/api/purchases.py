"""The endpoint through which the shop's tills report purchases made in stores."""

import json
import re
from typing import Any

from django.db import transaction
from django.utils.decorators import method_decorator
from django.utils.timezone import now
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.api.events import RejectionAnswer
from personalization.api.exceptions import Problem
from personalization.api.openapi import operation
from personalization.api.parsers import BoundedJSONParser
from personalization.api.views_base import APIEndpoint
from personalization.exchange.purchase_files import PURCHASE_COLUMNS
from personalization.exchange.purchase_import import DEFAULT_SOURCE, PurchaseOptions, import_purchases
from personalization.exchange.tabular import TableRow
from personalization.privacy.requester import ClientType
from personalization.shop.customers import LOOKUP_FIELDS, NoSuchField

MAX_SENT_LINES = 500
SOURCE_NAME = re.compile("[A-Za-z0-9._-]{1,32}")


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "number"}]})
class NumberField(serializers.Field):
    """A number, or a text that says one, in which no cent is lost."""


@extend_schema_field({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,32}$"})
class SourceField(serializers.Field):
    """The name of a till, or of the system that reports for several."""

    def to_internal_value(self, data: Any) -> str:
        """The name as it was sent."""
        if not isinstance(data, str) or not SOURCE_NAME.fullmatch(data):
            raise serializers.ValidationError(_("Expected 1 to 32 letters, digits, dots, dashes or underscores."))
        return data


class ReceiptLineRequest(serializers.Serializer):
    """One line of a receipt."""

    receipt = serializers.CharField(max_length=64, help_text="The receipt's number, unique within its source.")
    line = serializers.IntegerField(min_value=0, help_text="Of the line on it. A line that is sent again is corrected.")
    time = serializers.CharField(help_text="ISO 8601; without a zone, by the clock of the store.")
    sku = serializers.CharField(max_length=128, help_text="What `items` says.")
    price = NumberField(help_text="Of the whole line, with tax.")
    quantity = NumberField(required=False, help_text="Pieces, 1 by default; below 0 for a return.")
    currency = serializers.CharField(required=False, max_length=3)
    store = serializers.CharField(required=False, max_length=32, help_text="Its code.")
    card = serializers.CharField(required=False, help_text="Its number, of which only a keyed hash is stored.")
    customer = serializers.CharField(required=False, help_text="What `users` says.")
    returned = serializers.BooleanField(required=False, help_text="Whether this line came back.")
    returned_receipt = serializers.CharField(
        required=False, max_length=64, help_text="Of a return: the receipt on which it was bought."
    )


class PurchasesRequest(serializers.Serializer):
    """Lines that are sent together."""

    source = SourceField(required=False, help_text=f"{DEFAULT_SOURCE!r} by default.")  # type: ignore[assignment]
    items = serializers.ChoiceField(choices=["sku", "upc", "id"], default="sku")
    users = serializers.ChoiceField(choices=list(LOOKUP_FIELDS), default="id")
    dry_run = serializers.BooleanField(default=False, help_text="Store nothing, only answer.")
    lines = serializers.ListField(child=serializers.DictField(), max_length=MAX_SENT_LINES)


class PurchasesDocument(PurchasesRequest):
    """Lines that are sent together."""

    lines = serializers.ListField(child=ReceiptLineRequest(), max_length=MAX_SENT_LINES)


class PurchasesAnswer(serializers.Serializer):
    """The outcome of a delivery."""

    stored = serializers.IntegerField()
    repeated = serializers.IntegerField(help_text="Lines that were there already, and now have what was sent.")
    rejected = RejectionAnswer(many=True)
    unknown_products = serializers.ListField(child=serializers.CharField(), help_text="They are stored all the same.")


class PurchasesParser(BoundedJSONParser):
    """JSON of as many lines as may be sent together."""

    max_bytes = 512 * 1024


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class PurchasesEndpoint(APIEndpoint):
    """Purchases made in stores."""

    parser_classes = (PurchasesParser,)
    scope = "purchases:write"

    def check_permissions(self, request: Request) -> None:
        """For the shop's own servers only."""
        super().check_permissions(request)
        if self.requester.client != ClientType.SERVER_KEY:
            raise Problem(403, "server_key_needed", _("Only a server key may do this."))

    @operation(operation_id="reportPurchases", request=PurchasesDocument, responses={200: PurchasesAnswer})
    def post(self, request: Request) -> Response:
        """Stores up to 500 lines of receipts, and says what was wrong with the rest. Sending lines again changes
        nothing: for a server key with the scope `purchases:write` only."""
        body = PurchasesRequest(data=request.data)
        body.is_valid(raise_exception=True)
        found = body.validated_data
        options = PurchaseOptions(found.get("source", DEFAULT_SOURCE), found["items"], found["users"], found["dry_run"])
        rejected: list[dict[str, Any]] = []

        def reject(row: TableRow, code: str, message: str) -> None:
            rejected.append({"index": int(row.location), "code": code, "message": message})

        rows = [_table_row(number, line) for number, line in enumerate(found["lines"])]
        try:
            result = import_purchases(rows, options, reject, now())
        except NoSuchField as error:
            raise Problem(400, "invalid", error) from None
        unknown = sorted(result.unknown_products)
        counts = {"stored": result.stored, "repeated": result.repeated}
        return Response({**counts, "rejected": rejected, "unknown_products": unknown})


def _table_row(number: int, line: dict[str, Any]) -> TableRow:
    """A line as a file would have it."""
    cells = {key: line[key] for key in PURCHASE_COLUMNS if key in line}
    return TableRow(str(number), cells, content=json.dumps(line).encode())
