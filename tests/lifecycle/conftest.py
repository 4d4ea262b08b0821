"""A shop that tells people what is back in stock, and a mail server."""

import pytest

from tests.lifecycle.alerts import switch_on
from tests.lifecycle.mail_server import running_server


@pytest.fixture
def switched_on(settings):
    """Messages about what is back in stock are sent, at any hour."""
    switch_on(settings)
    return settings


@pytest.fixture
def mail_server(settings):
    """Starts a mail server with these answers, which the shop sends by."""
    started = []

    def start(*answers):
        started.append(running_server(*answers))
        server = started[-1].__enter__()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        return server

    yield start
    for each in started:
        each.__exit__(None, None, None)
