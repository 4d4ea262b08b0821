"""A mail backend in whose place a mail server does what a test wants."""

import smtplib

from django.core.mail.backends.locmem import EmailBackend


class Killed(BaseException):
    """The process ends here."""


class ScriptedBackend(EmailBackend):
    """Takes each mail by the next of its answers, and all further ones."""

    answers: list[str] = []

    def send_messages(self, messages):
        answer = self.answers.pop(0) if self.answers else "taken"
        if answer == "busy":
            raise smtplib.SMTPDataError(451, b"later")
        if answer == "refused":
            raise smtplib.SMTPDataError(554, b"no")
        if answer == "killed before":
            raise Killed
        super().send_messages(messages)
        if answer == "killed after":
            raise Killed
        if answer == "lost":
            raise smtplib.SMTPServerDisconnected("gone")
