"""How often one client may ask."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from personalization import conf, rate_limits
from personalization.models import ServerKey
from personalization.privacy.requester import requester_from_request


class ClientRateThrottle(BaseThrottle):
    """Limits the requests a minute of a server key in all, or of an address at each endpoint. Counting neither fails
    nor waits: see `personalization.rate_limits`."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether the client is within its limit."""
        if isinstance(request.auth, ServerKey):
            return rate_limits.within_request_limit(
                f"key {request.auth.pk}", conf.get_settings().SERVER_KEY_REQUESTS_PER_MINUTE
            )
        return rate_limits.within_request_limit(
            f"{type(view).__name__} {requester_from_request(request._request).address}", view.requests_per_minute
        )

    def wait(self) -> float:
        """Seconds until the client may ask again."""
        return rate_limits.seconds_until_reset()
