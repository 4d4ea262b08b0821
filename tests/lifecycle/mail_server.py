"""A mail server that takes, refuses, delays and dies, on a free port of this machine."""

import asyncio
import email
import socket
from contextlib import contextmanager
from email import policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class ScriptedServer:
    """Takes each mail by the next of its answers, and all further ones."""

    def __init__(self, *answers):
        self.answers, self.taken = list(answers), []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd calls it so
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer.startswith("delay"):
            await asyncio.sleep(float(answer.split()[1]))
            answer = "250 taken"
        if not answer.startswith(("4", "5")):
            self.taken.append(email.message_from_bytes(envelope.content, policy=policy.default))
        if answer == "dies":
            server.transport.abort()
        return answer

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def addresses(self):
        """Who each mail that was taken was to, in the order in which they came."""
        return [mail["To"] for mail in self.taken]


class PlainController(Controller):
    """Says no more than a mail server has to."""

    def factory(self):
        return SMTP(self.handler, hostname="mail.test")


@contextmanager
def running_server(*answers):
    """The server, and in `port` where it listens."""
    server = ScriptedServer(*answers)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.port = free.getsockname()[1]
    controller = PlainController(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
