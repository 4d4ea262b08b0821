"""A whole campaign as one customer meets it: the home page, a category, the basket and the mail, as drafted."""

import logging
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.functional import lazy
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET

from personalization import conf
from personalization.lifecycle.kinds import registered_kinds
from personalization.lifecycle.live_messages import PublishedMessage
from personalization.lifecycle.mail import mail_language
from personalization.lifecycle.message_preview import find_occasion, make_test_mail
from personalization.merchandising.assignment import is_left_out
from personalization.merchandising.campaign_audiences import audience_accounts
from personalization.merchandising.campaign_codes import example_code
from personalization.merchandising.compile import read_segments
from personalization.models import AuditAction, AuditEntry, Definition, DefinitionKind
from personalization.oscar.dashboard.screens import PlainSelects, show
from personalization.oscar.dashboard.whole_campaign import find_campaign, newest_document
from personalization.oscar.previews import PARAMETER, Preview
from personalization.privacy.message_addresses import account_address
from personalization.shop import catalogue, example_pages
from personalization.shop.customers import customer_by_address

logger = logging.getLogger("personalization")


class JourneyForm(PlainSelects):
    """As whom the campaign is looked at."""

    offered: ClassVar = {"category": "categories"}
    customer = forms.CharField(
        label=pgettext_lazy("personalization", "As the customer"),
        max_length=254,
        help_text=pgettext_lazy("personalization", "E-mail address or number."),
    )
    category = forms.TypedChoiceField(
        label=pgettext_lazy("personalization", "Category"), coerce=int, required=False, empty_value=None
    )
    language = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Language"),
        required=False,
        choices=lazy(lambda: [("", "\N{EN DASH}"), *settings.LANGUAGES], list),
    )

    def clean_customer(self) -> Any:
        """The customer of this e-mail address or number."""
        found = customer_by_address(self.cleaned_data["customer"].strip())
        if found is None:
            raise forms.ValidationError(_("No customer has this e-mail address or number."))
        return found


@require_GET
def show_journey(request: HttpRequest, pk: int) -> HttpResponse:
    """The form, and once it is filled in each page in a frame, and each mail."""
    definition = find_campaign(pk)
    form = JourneyForm(request.GET if "customer" in request.GET else None)
    context: dict[str, Any] = {"definition": definition, "form": form}
    if form.is_bound and form.is_valid():
        data, parts = form.cleaned_data, list(Definition.objects.parts_of(pk))
        AuditEntry.objects.record_once(
            request.user, AuditAction.PREVIEW, subject=data["customer"], note=definition.name[:100]
        )
        preview = Preview(
            staff=str(request.user.pk),
            customer=str(data["customer"].pk),
            drafts=(definition.pk, *(part.pk for part in parts)),
            language=data["language"],
        )
        context |= {
            "frames": [(title, _with_preview(page, preview)) for title, page in _pages(definition, data["category"])],
            "mails": list(_mails(request, parts, data["customer"], mail_language(data["language"]))),
            "notes": list(_notes(definition, parts, data["customer"])),
        }
    return show(request, "campaign_journey", context, tab="campaigns")


def _with_preview(page: str, preview: Preview) -> str:
    return f"{page}{'&' if '?' in page else '?'}{urlencode({PARAMETER: preview.sign()})}"


def _pages(definition: Definition, category_id: int | None) -> Iterator[tuple[str, str]]:
    """(title, address) of each page, in the order in which somebody meets them."""
    yield pgettext("personalization", "Home page"), reverse("personalization:home")
    named = [key for place in newest_document(definition).get("where", ()) for key in place.get("categories", ())]
    keys = [category_id] if category_id else named[:1]
    categories = catalogue.categories_by_id(keys)
    addresses = [categories[key].get_absolute_url() for key in keys if key in categories]
    if address := next(iter(addresses), example_pages.first_category_address()):
        yield pgettext("personalization", "Category"), address
    yield pgettext("personalization", "Basket"), reverse("basket:summary")


def _mails(request: HttpRequest, parts: list[Definition], customer: Any, language: str) -> Iterator[dict[str, Any]]:
    """Each mail of the campaign as this customer would get it, or why there is none."""
    for part in parts:
        if part.kind == DefinitionKind.MESSAGE:
            yield {"name": part.name, **_mail(request, part, customer, language)}


def _mail(request: HttpRequest, part: Definition, customer: Any, language: str) -> dict[str, Any]:
    document = newest_document(part)
    kind = registered_kinds().get(document["kind"])
    if conf.missing_message_settings() or kind is None:
        return {"fault": _("No message can be sent before the settings of messages are there.")}
    with translation.override(language):
        own = PublishedMessage(0, 0, kind.name, texts=document.get("wording", {})).wording(language)
        wording = own.with_code(example_code(now(), part.campaign_id))
    try:
        occasion = find_occasion(kind, customer)
        if occasion is None:
            return {"fault": _("There is too little to show to this customer. Such a message would not be sent.")}
        mail = make_test_mail(kind, occasion, language, wording, account_address(request.user))
    except DatabaseError:
        raise
    except Exception as fault:  # whatever a template of the shop raises
        logger.exception("The mail of kind %s could not be made for a preview", kind.name)
        return {"fault": _("The mail could not be made: %(fault)s") % {"fault": type(fault).__name__}}
    return {"subject": mail.subject, "html": str(mail.alternatives[0][0]), "body": mail.body}


def _notes(definition: Definition, parts: list[Definition], customer: Any) -> Iterator[str]:
    """What keeps this customer from meeting any of it."""
    document = newest_document(definition)
    live = list(Definition.objects.live_documents().filter(kind=DefinitionKind.SEGMENT))
    drafted = [part for part in parts if part.kind == DefinitionKind.SEGMENT]
    for part in drafted:
        part.live = part.newest
    accounts = audience_accounts(document, read_segments([*live, *drafted]), now())
    if accounts is None or not accounts.filter(pk=customer.pk).exists():
        yield _("This customer is not in the audience: they meet nothing of it.")
    elif is_left_out(definition.pk, document.get("hold_back", 0.0), customer.pk):
        yield _("This customer is held back: they meet nothing of it. Here you see what the others meet.")
