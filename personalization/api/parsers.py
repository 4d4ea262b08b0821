"""Reads JSON that anybody may have sent: any bytes become plain values, or the reason why not."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from personalization.api.exceptions import Problem

MAX_BODY_BYTES = 64 * 1024
"""Of what a browser sends, at most."""


class BoundedJSONParser(BaseParser):
    """JSON in UTF-8, of a bounded size, without NaN and without surprises from how deep it is."""

    media_type = "application/json"
    most = MAX_BODY_BYTES

    def parse(self, stream: IO[bytes], media_type: str | None = None, context: Mapping[str, Any] | None = None) -> Any:
        """The values. Problem 413 or 400 says what is wrong."""
        content = self._content(stream)
        try:
            return json.loads(content.decode(), parse_constant=_reject_constant)
        except (ValueError, RecursionError):
            raise Problem(400, "bad_json", _("The body is no JSON in UTF-8.")) from None

    def _content(self, stream: IO[bytes]) -> bytes:
        try:
            content = stream.read(self.most + 1)
        except UnreadablePostError:
            raise Problem(400, "bad_json", _("The body did not arrive whole.")) from None
        if len(content) > self.most:
            kib = self.most // 1024
            raise Problem(413, "too_large", _("The body takes at most %(kib)d KiB.") % {"kib": kib})
        return content


def _reject_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")
