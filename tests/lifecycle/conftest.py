"""A shop that tells people what is back in stock, and a mail server."""

import pytest

from tests.lifecycle import kinds
from tests.lifecycle.alerts import publish_message, switch_on
from tests.lifecycle.mail_server import running_server

TEXTS = {
    "_subject.txt": "Hello {{ name }}",
    ".txt": "Hello {{ name }}\n{{ unsubscribe_url }}",
    ".html": "<p>Hello {{ name }} {{ unsubscribe_url }}</p>",
}


@pytest.fixture
def switched_on(settings, db):
    """Messages about what is back in stock are sent, at any hour."""
    switch_on(settings)
    publish_message()
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


@pytest.fixture
def greetings(settings, tmp_path, monkeypatch, db):
    """The shop sends greetings, which nobody asked for."""
    folder = tmp_path / "personalization" / "messages"
    folder.mkdir(parents=True)
    for ending, text in TEXTS.items():
        (folder / f"greeting{ending}").write_text(text)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    monkeypatch.setattr(kinds.greeting, "topics", ("spring",))
    switch_on(settings, MESSAGE_KINDS=["tests.lifecycle.kinds.greeting"])
    for kind in ("greeting", "back_in_stock"):
        publish_message(kind)
    return settings
