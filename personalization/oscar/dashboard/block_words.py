"""A content block as a sentence, and what a merchandiser should know before it is published."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.merchandising import block_documents
from personalization.merchandising.campaign_words import Names, describe_audience
from personalization.merchandising.posts import rights_end, spot_products
from personalization.merchandising.segment_words import quote_name
from personalization.oscar.dashboard.block_forms import kind_labels

MAX_NAMED = 3


def describe_block(document: Mapping[str, Any], names: Names) -> str:
    """The block as one sentence: what it is, where, for whom, in which languages, and what it is about."""
    languages = dict(settings.LANGUAGES)
    told = [str(languages.get(code, code)) for code in document.get("variants", {})]
    parts = [
        pgettext("personalization", "%(kind)s in “%(slot)s”")
        % {"kind": kind_labels().get(document["kind"], document["kind"]), "slot": document["slot"]},
    ]
    who = document.get("who", {})
    limits = {name: value for name, value in who.items() if value and (name, value) != ("people", "all")}
    if limits or not document.get("by_taste"):  # "for everybody, only for those who buy tea" is not true
        parts.append(pgettext("personalization", "for %(who)s") % {"who": describe_audience(who, names)})
    parts.append(", ".join(told))
    if document.get("image"):
        parts.append(pgettext("personalization", "with a picture"))
    parts.extend(_rights_words(document))
    if about := _subject_names(document, names):
        words = (
            pgettext("personalization", "only for those who buy %(names)s")
            if document.get("by_taste")
            else pgettext("personalization", "about %(names)s")
        )
        parts.append(words % {"names": about})
    return " · ".join(parts)


def _rights_words(document: Mapping[str, Any]) -> list[str]:
    """Of a post: whose picture it is, how they allowed it, and until when."""
    rights = document.get("post", {}).get("rights")
    if not rights:
        return []
    words = pgettext("personalization", "picture of %(owner)s (%(permission)s)") % rights
    ends = rights_end(document)
    if ends is None:
        return [words]
    if ends <= now().timestamp():
        return [words, pgettext("personalization", "not shown any more: the rights are over")]
    return [words, pgettext("personalization", "allowed until %(day)s") % {"day": rights["until"]}]


def shadowing(document: Mapping[str, Any], above: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """What keeps it from ever being seen: the name of a block above it, of its slot, that everybody sees; "" for none.

    Parameters: `above`, (name, document) of those that are live and stand above it.
    """
    same = (name for name, one in above if one["slot"] == document["slot"] and block_documents.is_default(one))
    if name := next(same, ""):
        return _("Nobody sees it: “%(name)s” stands above it, and is for everybody.") % {"name": name}
    return ""


def _subject_names(document: Mapping[str, Any], names: Names) -> str:
    keys = [("category", str(key)) for key in document.get("categories", ())]
    keys += [("product", str(key)) for key in (*document.get("products", ()), *spot_products(document))]
    shown = [quote_name(names.get(key, f"#{key[1]}")) for key in keys[:MAX_NAMED]]
    return ", ".join(shown) + (" \N{HORIZONTAL ELLIPSIS}" if len(keys) > MAX_NAMED else "")
