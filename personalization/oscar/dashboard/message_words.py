"""A message as a sentence, and what keeps it from being published."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization import conf
from personalization.lifecycle.kinds import BY_MAIL, registered_kinds
from personalization.lifecycle.live_messages import unanswerable_segments
from personalization.merchandising import documents
from personalization.merchandising.campaign_words import Names, describe_audience
from personalization.models.message_permissions import Channel
from personalization.oscar import class_loader
from personalization.oscar.alert_sender import BACK_IN_STOCK
from personalization.oscar.dashboard.message_forms import message_label


def describe_message(document: Mapping[str, Any], names: Names) -> str:
    """The message as one sentence: what it is, for whom, in whose words, and how many are held back."""
    kind = registered_kinds().get(document["kind"])
    languages = [str(dict(settings.LANGUAGES).get(code, code)) for code in document.get("wording", {})]
    own = pgettext("personalization", "our own words")
    words = pgettext("personalization", "your words in %(languages)s") % {"languages": ", ".join(languages)}
    parts = [
        message_label(kind) if kind else str(document["kind"]),
        pgettext("personalization", "for %(who)s") % {"who": describe_audience(document.get("who", {}), names)},
        words if languages else own,
    ]
    channels = tuple(document.get("channels", BY_MAIL))
    if channels != BY_MAIL:
        parts.append(", ".join(str(label) for name, label in Channel.choices if name in channels))
    if document.get("first_in_shop"):
        parts.append(pgettext("personalization", "in the shop first"))
    if document.get("best_hour"):
        parts.append(pgettext("personalization", "at the best hour"))
    share = document.get("hold_back", kind.hold_back if kind else 0)
    if share:
        parts.append(pgettext("personalization", "%(percent)g %% held back") % {"percent": round(share * 100, 2)})
    return " · ".join(parts)


def message_refusals(document: Mapping[str, Any], *, is_part: bool = False) -> list[str]:
    """Why a message cannot be published. Parameters: `is_part`, of a campaign, in whose words codes may stand."""
    found = [error.message for error in documents.document_errors("message", dict(document))]
    kind = registered_kinds().get(document.get("kind", ""))
    if kind is None:
        found.append(_("There is no such kind of message any more."))
    elif not found:
        possible = (*kind.placeholders, *documents.CODE_PLACEHOLDERS) if is_part else kind.placeholders
        found += [error.message for error in documents.wording_errors(document, possible)]
    if missing := conf.missing_message_settings():
        words = _("No message can be sent before these settings are there: %(names)s.")
        found.append(words % {"names": ", ".join(missing)})
    for name in unanswerable_segments(document):
        words = _("“%(name)s” asks for something that only an open page tells. A mail cannot go by it.")
        found.append(words % {"name": name})
    return found


def message_warnings(document: Mapping[str, Any]) -> list[str]:
    """What should be known before a message is published."""
    if document.get("kind") != BACK_IN_STOCK:
        return []
    if not class_loader.is_alert_sender_quiet():
        words = _(
            "Oscar's own sender of product alerts stays active: customers would get two mails. See the check W011."
        )
        return [words]
    found = [_("From then on Oscar's own mail about products that are back in stock is not sent any more.")]
    if Channel.EMAIL not in document.get("channels", BY_MAIL):
        found.append(_("Without mails, guests who wait for a product are not told."))
    if Channel.SHOP not in document.get("channels", BY_MAIL):
        found.append(_("Nor is Oscar's notification about it made, unless this message goes “in the shop”, too."))
    if document.get("who"):
        found.append(_("Whom neither this message nor another live one of its kind is meant for is not told at all."))
    return found
