"""Ready answers for the setting `consent`: what other apps' consent tools say of a request."""

from django.http import HttpRequest

GROUP = "personalization"
"""The cookie group of django-cookie-consent that speaks of us."""


def django_cookie_consent(request: HttpRequest) -> bool | None:
    """What this browser said to django-cookie-consent of its cookie group "personalization": yes, no, or None for
    nothing yet. Set `PERSONALIZATION = {"consent": "personalization.consent_tools.django_cookie_consent"}`."""
    from cookie_consent.util import get_cookie_value_from_request  # noqa: PLC0415 - only shops with that app have it

    return get_cookie_value_from_request(request, GROUP)
