"""Makes the mail of a message from its templates, and hands it to the shop's mail server."""

import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.conf import settings as django_settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from personalization import conf
from personalization.lifecycle.kinds import TEMPLATE_ENDINGS, MessageKind, Occasion
from personalization.lifecycle.unsubscribe import TEST_TOKEN, unsubscribe_token
from personalization.lifecycle.wording import Wording
from personalization.models import Delivery

MAX_SUBJECT = 150
MAX_HTML_BYTES = 60_000
OWN_WORDS = Wording()
BLANK_LINES = re.compile(r"\n\s*\n")
"""As templates leave them where something is not said."""
TIMEOUT = 30.0
"""Seconds that a mail server may take for an answer where the shop says nothing else."""


class MailServerDown(Exception):
    """The mail server cannot be reached, so that nothing was handed to it."""


class MailBusy(Exception):
    """The mail server did not take the mail, and asked to try again later."""


class MailRefused(Exception):
    """The mail server did not take the mail, and will not."""


class UnfitMail(Exception):
    """The mail was made, and must not be sent: the message says why."""


def make_mail(
    delivery: Delivery,
    kind: MessageKind,
    occasion: Occasion,
    language: str,
    wording: Wording = OWN_WORDS,
    *,
    is_test: bool = False,
) -> EmailMultiAlternatives:
    """The mail in the language in which its reader allowed it. Raises UnfitMail, or what a template raises.

    Parameters: `wording`, the shop's own words instead of ours; `is_test`, its link to end messages ends none.
    """
    settings = conf.get_settings()
    with translation.override(mail_language(language)):
        token = TEST_TOKEN if is_test else unsubscribe_token(kind, occasion)
        unsubscribe = reverse("personalization:unsubscribe", args=[token])
        values, words = message_values(kind, occasion, unsubscribe, wording)
        own_subject, text, html = (
            render_to_string(f"personalization/messages/{kind.name}{ending}", values) for ending in TEMPLATE_ENDINGS
        )
        subject = words.subject or str(own_subject)
    _check_texts(text, html, values["unsubscribe_url"])
    mail = EmailMultiAlternatives(
        subject=" ".join(subject.split())[:MAX_SUBJECT],
        body=BLANK_LINES.sub("\n\n", text).strip() + "\n",
        from_email=settings.MESSAGE_SENDER or getattr(django_settings, "OSCAR_FROM_EMAIL", None),
        to=[occasion.address],
        headers=_headers(delivery, values["unsubscribe_url"]),
    )
    mail.attach_alternative(html, "text/html")
    return mail


def message_values(
    kind: MessageKind, occasion: Occasion, end_path: str, wording: Wording
) -> tuple[dict[str, Any], Wording]:
    """What the templates of a message need, in the language that is active, and the shop's own words, filled in.
    Parameters: `end_path`, where its reader ends messages like it."""
    settings = conf.get_settings()
    values = {
        "shop_name": getattr(django_settings, "OSCAR_SHOP_NAME", ""),
        "imprint": settings.MESSAGE_IMPRINT,
        "language": translation.get_language() or "",
        "unsubscribe_url": urljoin(settings.MESSAGE_BASE_URL, end_path),
        "base_url": settings.MESSAGE_BASE_URL.rstrip("/"),
        **kind.text_values(occasion),
    }
    words = wording.filled_in({**values, "shop": values["shop_name"]})
    return values | {"opening": words.opening, "closing": words.closing}, words


def mail_language(language: str) -> str:
    """The language in which a mail is written: the one that was asked for, where the shop has it."""
    return language if language in dict(django_settings.LANGUAGES) else django_settings.LANGUAGE_CODE


def _check_texts(text: str, html: str, unsubscribe_url: str) -> None:
    if len(html.encode()) > MAX_HTML_BYTES:
        raise UnfitMail(f"it has more than {MAX_HTML_BYTES:,} bytes")
    if not text.strip() or unsubscribe_url not in text or unsubscribe_url not in html:
        raise UnfitMail("its text or its HTML lacks the link to end messages")


def _headers(delivery: Delivery, unsubscribe_url: str) -> dict[str, str]:
    host = urlsplit(conf.get_settings().MESSAGE_BASE_URL).hostname
    return {
        "Message-ID": f"<{delivery.pk}@{host}>",
        "List-Unsubscribe": f"<{unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
    }


@contextmanager
def open_mail_server() -> Iterator[Any]:
    """A connection to the shop's mail server, by its Django mail backend. Raises MailServerDown."""
    connection = get_connection()
    if getattr(connection, "timeout", 0) is None:
        connection.timeout = TIMEOUT
    try:
        connection.open()
    except Exception as fault:  # each backend has its own
        raise MailServerDown(f"{type(fault).__name__}: {fault}") from fault
    try:
        yield connection
    finally:
        with suppress(Exception):
            connection.close()


def hand_over(mail: EmailMultiAlternatives, connection: Any) -> None:
    """Gives a mail to the server. Raises MailBusy or MailRefused where it was surely not taken; whatever else is
    raised, nobody knows."""
    try:
        connection.send_messages([mail])
    except smtplib.SMTPRecipientsRefused as fault:
        raise _refusal([code for code, _ in fault.recipients.values()]) from fault
    except smtplib.SMTPResponseException as fault:
        raise _refusal([fault.smtp_code]) from fault


def _refusal(codes: list[int]) -> Exception:
    return MailBusy() if all(400 <= code < 500 for code in codes) else MailRefused()
