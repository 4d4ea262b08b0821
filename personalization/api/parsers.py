"""Parses JSON from untrusted clients: any bytes become plain values or a problem."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from personalization.api.exceptions import Problem

MAX_BODY_BYTES = 64 * 1024
"""The largest body that is read."""


class BoundedJSONParser(BaseParser):
    """JSON in UTF-8 of a bounded size, without NaN, at any depth."""

    media_type = "application/json"
    max_bytes = MAX_BODY_BYTES

    def parse(self, stream: IO[bytes], media_type: str | None = None, context: Mapping[str, Any] | None = None) -> Any:
        """The values in a body. Raises Problem 413 or 400."""
        content = self._read_bounded(stream)
        try:
            return json.loads(content.decode(), parse_constant=_reject_constant)
        except (ValueError, RecursionError):
            raise Problem(400, "invalid_json", _("The body is not valid JSON in UTF-8.")) from None

    def _read_bounded(self, stream: IO[bytes]) -> bytes:
        try:
            content = stream.read(self.max_bytes + 1)
        except UnreadablePostError:
            raise Problem(400, "invalid_json", _("The body did not arrive completely.")) from None
        if len(content) > self.max_bytes:
            kib = self.max_bytes // 1024
            raise Problem(413, "body_too_large", _("The body is larger than %(kib)d KiB.") % {"kib": kib})
        return content


def _reject_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
