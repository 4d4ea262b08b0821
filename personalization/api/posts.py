"""The endpoint through which the shop's social tool sends shoppable posts."""

import base64
import binascii
import json
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.api.events import RejectionAnswer
from personalization.api.exceptions import Problem
from personalization.api.openapi import operation
from personalization.api.parsers import BoundedJSONParser
from personalization.api.purchases import SourceField
from personalization.api.views_base import APIEndpoint
from personalization.exchange.post_files import POST_COLUMNS, SPOT_SEPARATOR
from personalization.exchange.post_import import DEFAULT_SOURCE, PostOptions, import_posts
from personalization.exchange.tabular import TableRow
from personalization.merchandising.block_pictures import MAX_UPLOAD_BYTES
from personalization.privacy.requester import ClientType

MAX_SENT_POSTS = 20
MAX_BASE64_CHARACTERS = MAX_UPLOAD_BYTES * 4 // 3 + 4


class PostProductRequest(serializers.Serializer):
    """A product in the picture of a post."""

    code = serializers.CharField(max_length=128, help_text="Its UPC or SKU.")
    x = serializers.IntegerField(min_value=0, max_value=100, help_text="In percent from the left.")
    y = serializers.IntegerField(min_value=0, max_value=100, help_text="In percent from the top.")


class PostRequest(serializers.Serializer):
    """A post as the social tool has it."""

    id = serializers.CharField(max_length=64, help_text="What the tool calls it. One that is sent again is changed.")
    title = serializers.CharField(max_length=80)
    products = PostProductRequest(many=True, help_text="At most 12, in reading order.")
    owner = serializers.CharField(max_length=100, help_text="Whose picture it is.")
    permission = serializers.CharField(max_length=200, help_text="How they allowed it.")
    picture = serializers.CharField(required=False, help_text="Its name in `pictures`; without one it keeps its own.")
    alt = serializers.CharField(required=False, max_length=200, help_text="What the picture shows.")
    text = serializers.CharField(required=False, max_length=400)
    language = serializers.CharField(required=False, help_text="The shop's main language by default.")
    until = serializers.CharField(required=False, help_text="The last day on which it may be shown, 2026-12-31.")
    origin = serializers.CharField(required=False, help_text="The address of the original post.")
    video = serializers.CharField(required=False, help_text="The address of the video of which it is a still.")


class PostsRequest(serializers.Serializer):
    """Posts that are sent together."""

    source = SourceField(required=False, help_text=f"{DEFAULT_SOURCE!r} by default.")  # type: ignore[assignment]
    publish = serializers.BooleanField(default=False, help_text="Make them live at once; else they are drafts.")
    dry_run = serializers.BooleanField(default=False, help_text="Store nothing, only answer.")
    posts = serializers.ListField(child=serializers.DictField(), max_length=MAX_SENT_POSTS)
    pictures = serializers.DictField(
        child=serializers.CharField(max_length=MAX_BASE64_CHARACTERS, allow_blank=True),
        required=False,
        help_text="By name, the file in base64.",
    )


class PostsDocument(PostsRequest):
    """Posts that are sent together."""

    posts = serializers.ListField(child=PostRequest(), max_length=MAX_SENT_POSTS)


class PostsAnswer(serializers.Serializer):
    """The outcome of a delivery."""

    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    published = serializers.IntegerField()
    rejected = RejectionAnswer(many=True)
    unknown_products = serializers.ListField(child=serializers.CharField(), help_text="Their spots are left out.")


class PostsParser(BoundedJSONParser):
    """JSON with pictures in it, of which one may be as large as an upload."""

    max_bytes = 16 * 1024 * 1024


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class PostsEndpoint(APIEndpoint):
    """Shoppable posts."""

    parser_classes = (PostsParser,)
    scope = "posts:write"

    def check_permissions(self, request: Request) -> None:
        """For the shop's own servers only."""
        super().check_permissions(request)
        if self.requester.client != ClientType.SERVER_KEY:
            raise Problem(403, "server_key_needed", _("Only a server key may do this."))

    @operation(operation_id="sendPosts", request=PostsDocument, responses={200: PostsAnswer})
    def post(self, request: Request) -> Response:
        """Stores up to 20 posts, and says what was wrong with the rest. Sending them again changes nothing: for a
        server key with the scope `posts:write` only."""
        body = PostsRequest(data=request.data)
        body.is_valid(raise_exception=True)
        found = body.validated_data
        options = PostOptions(found.get("source", DEFAULT_SOURCE), found["publish"], found["dry_run"])
        rejected: list[dict[str, Any]] = []

        def reject(row: TableRow, code: str, message: str) -> None:
            rejected.append({"index": int(row.location), "code": code, "message": message})

        rows = [_table_row(number, one) for number, one in enumerate(found["posts"])]
        result = import_posts(rows, _pictures(found.get("pictures", {})), options, reject)
        counts = {name: getattr(result, name) for name in ("created", "changed", "unchanged", "published")}
        return Response({**counts, "rejected": rejected, "unknown_products": sorted(result.unknown_products)})


def _table_row(number: int, sent: dict[str, Any]) -> TableRow:
    """A post as a file would have it."""
    cells = {key: sent[key] for key in POST_COLUMNS if key in sent}
    if isinstance(products := cells.get("products"), list):
        cells["products"] = SPOT_SEPARATOR.join(map(_product_text, products))
    return TableRow(str(number), cells, content=json.dumps(sent).encode())


def _product_text(product: Any) -> str:
    if not isinstance(product, dict):
        return f"; {product}"  # which is no product
    return "; ".join(str(product.get(name, "")) for name in ("code", "x", "y"))


def _pictures(sent: dict[str, str]) -> dict[str, ContentFile]:
    """The files by name; what is no base64 is an empty file, which is no picture."""
    found = {}
    for name, text in sent.items():
        try:
            found[name] = ContentFile(base64.b64decode(text, validate=True), name)
        except (binascii.Error, ValueError):
            found[name] = ContentFile(b"", name)
    return found
