"""The real mail of a message for staff: on the screen, and as a test in their own mailbox. Nothing of it counts."""

from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.utils.translation import pgettext

from personalization.lifecycle.kinds import MessageKind, Occasion
from personalization.lifecycle.mail import hand_over, make_mail, open_mail_server
from personalization.lifecycle.wording import Wording
from personalization.models import Delivery

MOST_OCCASIONS = 5


def find_occasion(kind: MessageKind, customer: Any = None) -> Occasion | None:
    """What a message to a customer would be about: the latest that came up for them and is not gone, or else an example
    of the kind's own; None where it has none."""
    if customer is not None:
        rows = Delivery.objects.filter(kind=kind.name, user_id=customer.pk).order_by("-created_at")
        occasions = (kind.read_occasion(delivery) for delivery in rows[:MOST_OCCASIONS])
        found = next((one for one in occasions if one is not None and one.address), None)
        if found is not None:
            return found
    return kind.example(customer)


def make_test_mail(
    kind: MessageKind, occasion: Occasion, language: str, wording: Wording, address: str
) -> EmailMultiAlternatives:
    """The mail that would be sent now, to another address. Its link to end messages does nothing. Raises what
    `make_mail` raises."""
    delivery = Delivery(kind=kind.name)
    with transaction.atomic():  # a query that fails must not take the page with it
        mail = make_mail(delivery, kind, occasion, language, wording, is_test=True)
    mail.to = [address]
    return mail


def send_test_mail(mail: EmailMultiAlternatives) -> None:
    """Hands it to the shop's mail server, with a subject that says what it is. Raises what that raises."""
    mail.subject = pgettext("personalization", "Test: %(subject)s") % {"subject": mail.subject}
    with open_mail_server() as connection:
        hand_over(mail, connection)
