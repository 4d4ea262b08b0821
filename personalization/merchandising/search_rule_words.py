"""Synonyms and redirects as sentences, and under which names they stand in lists."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import pgettext

from personalization.merchandising.segment_words import quote_name
from personalization.models.definitions import MAX_NAME

Names = Mapping[tuple[str, str], str]
"""The names of what documents refer to, by kind and key."""
ELLIPSIS, ARROW = "\N{HORIZONTAL ELLIPSIS}", " \N{RIGHTWARDS ARROW} "


def describe_search_rule(kind: str, document: Mapping[str, Any], names: Names) -> str:
    """A document of the kind "synonym" or "redirect" as one sentence."""
    return describe_synonyms(document) if kind == "synonym" else describe_redirect(document, names)


def describe_synonyms(document: Mapping[str, Any]) -> str:
    """What is looked for besides what, in words."""
    terms, finds = _quoted(document["terms"]), document.get("finds")
    if not finds:
        return pgettext("personalization", "A search for one of %(terms)s finds the others, too.") % {"terms": terms}
    words = pgettext("personalization", "A search for %(terms)s finds %(finds)s, too.")
    return words % {"terms": terms, "finds": _quoted(finds)}


def describe_redirect(document: Mapping[str, Any], names: Names) -> str:
    """Which searches lead where, in words."""
    texts = _quoted(one["text"] for one in document["words"])
    matches = {one["match"] for one in document["words"]}
    words = {
        "is": pgettext("personalization", "A search for %(terms)s leads to %(page)s."),
        "all": pgettext("personalization", "A search with all words of %(terms)s leads to %(page)s."),
        "starts": pgettext("personalization", "A search that begins with %(terms)s leads to %(page)s."),
    }[matches.pop() if len(matches) == 1 else "is"]
    return words % {"terms": texts, "page": describe_page(document["to"], names)}


def describe_page(to: Mapping[str, Any], names: Names) -> str:
    """A page of the shop, in words."""
    ((kind, key),) = to.items()
    if kind == "path":
        return str(key)
    name = names.get((kind, str(key)), pgettext("personalization", "something deleted"))
    return quote_name(name)


def search_rule_name(kind: str, document: Mapping[str, Any]) -> str:
    """Under which name it stands in lists and in the audit: its words."""
    if kind == "redirect":
        return _cut(", ".join(one["text"] for one in document["words"]))
    found = ARROW.join(filter(None, (", ".join(document["terms"]), ", ".join(document.get("finds", ())))))
    return _cut(found)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_NAME else text[: MAX_NAME - 1] + ELLIPSIS


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(map(quote_name, texts))
