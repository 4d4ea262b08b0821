"""Ready answers for the setting `consent`: what other apps' consent tools say of a request."""

from django.http import HttpRequest

GROUP = "personalization"
"""The cookie group of django-cookie-consent that speaks of us."""


def get_consent(request: HttpRequest) -> bool | None:
    """What this browser answered to django-cookie-consent for its cookie group "personalization": True, False, or None
    when it has not answered yet. Name this function, by its dotted path, in the setting `CONSENT_CALLABLE`."""
    from cookie_consent.util import get_cookie_value_from_request  # noqa: PLC0415 - only shops with that app have it

    return get_cookie_value_from_request(request, GROUP)
