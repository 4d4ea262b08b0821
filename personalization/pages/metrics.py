"""The metrics, for whoever has the token; without one there is no such page."""

import secrets

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from personalization import conf
from personalization.metrics import prometheus
from personalization.operations.state_metrics import metrics_text


@require_GET
def show_metrics(request: HttpRequest) -> HttpResponse:
    """Answers `Authorization: Bearer METRICS_TOKEN`; anybody else gets 404, as does everybody without the setting."""
    token, given = conf.get_settings().METRICS_TOKEN, request.headers.get("Authorization", "")
    if prometheus is None or not token or not secrets.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise Http404
    text, content_type = metrics_text()
    return HttpResponse(text, content_type=content_type, headers={"Cache-Control": "private, no-store"})
