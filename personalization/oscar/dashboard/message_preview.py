"""The mail of a message as it is being written: as a customer would get it now, and as a test to oneself."""

import logging
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import translation
from django.utils.functional import lazy
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_POST

from personalization import conf
from personalization.lifecycle.in_shop import InShopNotice, make_notice
from personalization.lifecycle.kinds import BY_MAIL, MessageKind, registered_kinds
from personalization.lifecycle.live_messages import PublishedMessage
from personalization.lifecycle.mail import mail_language
from personalization.lifecycle.message_preview import find_occasion, make_test_mail, send_test_mail
from personalization.merchandising.campaign_codes import example_code
from personalization.models import AuditAction, AuditEntry, ChannelConsent
from personalization.models.message_permissions import Channel
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.message_forms import MessageForm
from personalization.oscar.dashboard.screens import PlainSelects, show
from personalization.privacy.message_addresses import account_address, hash_address
from personalization.shop.customers import customer_by_address

logger = logging.getLogger("personalization")


class ReaderForm(PlainSelects):
    """Whose mail is shown, and in which language. Its fields stand outside of the message's form, and belong to it."""

    customer = forms.CharField(
        label=pgettext_lazy("personalization", "As the customer"),
        max_length=254,
        required=False,
        help_text=pgettext_lazy("personalization", "E-mail address or number. Empty: an example."),
    )
    language = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Language"),
        required=False,
        choices=lazy(lambda: [("", "\N{EN DASH}"), *settings.LANGUAGES], list),
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for field in self.fields.values():
            field.widget.attrs["form"] = "message"

    def clean_customer(self) -> Any:
        """The customer of this e-mail address or number, or None."""
        text = self.cleaned_data["customer"].strip()
        found = customer_by_address(text) if text else None
        if text and found is None:
            raise forms.ValidationError(_("No customer has this e-mail address or number."))
        return found


@dataclass(frozen=True)
class PreviewedMessage:
    """A message as the screen shows it."""

    mail: EmailMultiAlternatives | None
    """None where it does not go by mail."""
    notice: InShopNotice | None
    """None where it does not go into the customer's account."""
    is_example: bool

    @property
    def html(self) -> str:
        """Its HTML part."""
        return str(self.mail.alternatives[0][0]) if self.mail else ""


@require_POST
def show_mail(request: HttpRequest) -> HttpResponse:
    """The mail of the form as it is: a part of the page, asked for when typing stops."""
    return show(request, "message_preview", _preview(request), tab="messages")


@require_POST
def send_test(request: HttpRequest) -> HttpResponse:
    """Sends the mail of the form as it is to the person's own address, and to no other."""
    context = _preview(request)
    address, shown = account_address(request.user), context.get("shown")
    if not address:
        context["refusal"] = _("Your account has no e-mail address.")
    elif shown is not None and shown.mail is None:
        context["refusal"] = _("This message does not go by mail.")
    elif shown is not None:
        try:
            send_test_mail(shown.mail)
        except Exception as fault:  # each mail server has its own
            logger.warning("A test mail could not be sent: %s", type(fault).__name__)
            context["refusal"] = _("The mail server did not take it: %(fault)s") % {"fault": type(fault).__name__}
        else:
            context["sent_to"] = address
            note = pgettext("personalization", "test mail: %(name)s") % {"name": context["name"]}
            AuditEntry.objects.record(request.user, AuditAction.PREVIEW, subject=context["customer"], note=note[:100])
    return show(request, "message_preview", context, tab="messages")


def _preview(request: HttpRequest) -> dict[str, Any]:
    """The mail, or why there is none."""
    message, reader = (
        MessageForm(_with_any_name(request.POST), is_part="part" in request.POST),
        ReaderForm(request.POST, prefix="view"),
    )
    context: dict[str, Any] = {"customer": None, "name": "", "reader": reader}
    if not reader.is_valid():
        return context | {"faults": [text for texts in reader.errors.values() for text in texts]}
    if not message.is_valid():
        return context | {"faults": _form_faults(message), "is_incomplete": True}
    customer, kind = reader.cleaned_data["customer"], registered_kinds()[message.cleaned_data["kind"]]
    if customer is not None and not has_permission(request.user, "view_customer"):
        return context | {"faults": [pgettext("personalization", "You may not look at customers.")]}
    name = message.cleaned_data["name"]
    if customer is not None:
        AuditEntry.objects.record_once(request.user, AuditAction.PREVIEW, subject=customer, note=name)
    context |= {"customer": customer, "name": name}
    return context | _shown_mail(request, kind, message.document(), customer, reader.cleaned_data["language"])


def _with_any_name(posted: QueryDict) -> QueryDict:
    """The form with some name: a mail that is only looked at needs none."""
    named = posted.copy()
    if not named.get("name", "").strip():
        named["name"] = "?"
    return named


def _form_faults(form: MessageForm) -> list[str]:
    """What is wrong in a form, each with the name of its field."""
    labels = {name: form.fields[name].label for name in form.errors if name in form.fields}
    return [
        f"{labels[name]}: {text}" if name in labels else str(text) for name in form.errors for text in form.errors[name]
    ]


def _shown_mail(
    request: HttpRequest, kind: MessageKind, document: dict[str, Any], customer: Any, language: str
) -> dict[str, Any]:
    if missing := conf.missing_message_settings():
        words = _("No message can be sent before these settings are there: %(names)s.")
        return {"faults": [words % {"names": ", ".join(missing)}]}
    language = mail_language(language or _language_of(kind, customer))
    wording = PublishedMessage(0, 0, kind.name, texts=document.get("wording", {})).wording(language)
    with translation.override(language):
        wording = wording.with_code(example_code(now(), request.POST.get("part")))
    channels, mail, notice = document.get("channels", BY_MAIL), None, None
    try:
        occasion = find_occasion(kind, customer)
        if occasion is None:
            return {
                "faults": [
                    _(
                        "Nothing came up for this customer yet, and the shop has too little to show for an example. "
                        "Such a message would not be sent."
                    )
                ]
            }
        if Channel.EMAIL in channels:
            mail = make_test_mail(kind, occasion, language, wording, account_address(request.user))
        if Channel.SHOP in channels:
            with transaction.atomic():  # a query that fails must not take the page with it
                notice = make_notice(kind, occasion, language, wording)
    except DatabaseError:
        raise
    except Exception as fault:  # whatever a template of the shop raises
        logger.exception("The preview of a message of kind %s could not be made", kind.name)
        return {"faults": [_("The mail could not be made: %(fault)s") % {"fault": f"{type(fault).__name__}: {fault}"}]}
    return {
        "shown": PreviewedMessage(mail, notice, occasion.is_example),
        "language": dict(settings.LANGUAGES).get(language),
    }


def _language_of(kind: MessageKind, customer: Any) -> str:
    """That of the page on which the customer allowed such messages; "" where nobody knows it."""
    if customer is None:
        return ""
    address_hash = hash_address(account_address(customer))
    said = ChannelConsent.objects.newest(address_hash, customer.pk, kind.purpose, Channel.EMAIL)
    return said.language if said else ""
