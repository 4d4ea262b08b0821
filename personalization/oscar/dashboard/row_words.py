"""Rows and their settings in words."""

import string
from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.dateformat import format as format_date
from django.utils.formats import get_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import get_language, ngettext, npgettext, pgettext
from oscar.templatetags.currency_filters import currency as format_currency

from personalization.decide.row_plan import title_in_language
from personalization.decide.slate import RowType
from personalization.measure.reports import Outcome
from personalization.merchandising import documents
from personalization.merchandising.campaign_words import Names, describe_audience
from personalization.merchandising.compile_rows import row_source
from personalization.rows import registered_row_types
from personalization.rows.own_rows import source_title

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
MIDDLE_DOT = " \N{MIDDLE DOT} "


class _NamedParams(dict[str, Any]):
    """The parameters of a row that is about nothing yet; notes what its title asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __missing__(self, name: str) -> Any:
        self.names.add(name)
        return ELLIPSIS if name in documents.TITLE_PLACEHOLDERS else 0

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, of which each is there."""
        return self[name]


def _built_in_title(row_type: RowType | None, code: str) -> str:
    """What a row type is called: its own title, as far as it is the same on every page."""
    label = _try_title(row_type)[0]
    return label or string.capwords(code.replace("_", " "))


def title_placeholders(row_type: RowType | None) -> list[str]:
    """What the title of its rows may hold in braces."""
    return [name for name in documents.TITLE_PLACEHOLDERS if name in _try_title(row_type)[1]]


def row_labels(row_types: Mapping[str, RowType]) -> dict[str, str]:
    """By code, what row types are called; with the code where several have one title."""
    labels = {code: _built_in_title(row_type, code) for code, row_type in row_types.items()}
    counts = Counter(labels.values())
    return {
        code: f"{label} ({code.replace('_', ' ')})" if counts[label] > 1 else label for code, label in labels.items()
    }


def fallback_choices() -> list[tuple[str, str]]:
    """(code, label) of all row types, by label."""
    return sorted(row_labels(registered_row_types()).items(), key=lambda pair: pair[1].casefold())


def shown_title(document: Mapping[str, Any], built_in: str) -> str:
    """The title that the settings give a row, for readers of the active language.

    Parameters: `built_in`, what its row type is called; "" for a row of the shop's own.
    """
    titles = {language.lower(): text for language, text in document.get("titles", {}).items() if text.strip()}
    if text := title_in_language(titles, get_language()):
        return text
    if built_in:
        return built_in
    written = title_in_language(titles, settings.LANGUAGE_CODE) or next(iter(titles.values()), "")
    return written or source_title(row_source(document))


def describe_row(document: Mapping[str, Any], names: Names) -> str:
    """The settings of a row as one line; those that are as built in are not named."""
    parts = [*_shown_parts(document, names), *_size_parts(document), *_left_out_parts(document)]
    who = document.get("who", {})
    if any(who.get(key) for key in ("in", "out", "countries", "devices")) or who.get("people", "all") != "all":
        parts.append(pgettext("personalization", "for %(who)s") % {"who": describe_audience(who, names)})
    parts += [*_time_parts(document.get("when", {})), *_further_parts(document)]
    return MIDDLE_DOT.join(parts) or pgettext("personalization", "as built in")


def _try_title(row_type: RowType | None) -> tuple[str, set[str]]:
    params = _NamedParams()
    try:
        return (str(row_type.title(params)) if row_type else ""), params.names
    except Exception:  # a row type of the shop's may ask for anything
        return "", params.names


def _shown_parts(document: Mapping[str, Any], names: Names) -> list[str]:
    parts = []
    if document.get("shown") is False:
        parts.append(pgettext("personalization", "switched off"))
    source = document.get("source", {})
    if "range" in source:
        deleted = pgettext("personalization", "something deleted")
        range_name = names.get(("range", str(source["range"])), deleted)
        parts.append(pgettext("personalization", "from the Range “%(name)s”") % {"name": range_name})
    if "newest" in source:
        parts.append(pgettext("personalization", "the newest products"))
    if "on_offer" in source:
        parts.append(pgettext("personalization", "what is on offer"))
    titles = document.get("titles", {})
    parts += [
        pgettext("personalization", "titled “%(title)s” (%(language)s)") % {"title": text, "language": language}
        for language, text in sorted(titles.items())
    ]
    return parts


def _size_parts(document: Mapping[str, Any]) -> list[str]:
    parts = []
    if most := document.get("most"):
        parts.append(
            npgettext("personalization", "at most %(count)d product", "at most %(count)d products", most)
            % {"count": most}
        )
    if fewest := document.get("fewest"):
        parts.append(
            npgettext("personalization", "at least %(count)d product", "at least %(count)d products", fewest)
            % {"count": fewest}
        )
    return parts


def _left_out_parts(document: Mapping[str, Any]) -> list[str]:
    leave_out, parts = document.get("leave_out", {}), []
    if days := leave_out.get("bought_days"):
        words = ngettext(
            "without what was bought within %(count)d day", "without what was bought within %(count)d days", days
        )
        parts.append(words % {"count": days})
    if (low := leave_out.get("below_price")) is not None:
        parts.append(pgettext("personalization", "from a price of %(price)s") % {"price": number_format(low)})
    if (high := leave_out.get("above_price")) is not None:
        parts.append(pgettext("personalization", "up to a price of %(price)s") % {"price": number_format(high)})
    if leave_out.get("not_on_offer"):
        parts.append(pgettext("personalization", "only what is on offer"))
    return parts


def _time_parts(when: Mapping[str, Any]) -> list[str]:
    parts = []
    for key, words in (
        ("from", pgettext("personalization", "from %(moment)s on")),
        ("to", pgettext("personalization", "until %(moment)s")),
    ):
        if moment := documents.moment(when.get(key)):
            at = localtime(moment, documents.zone(when.get("zone", "UTC")))
            parts.append(words % {"moment": f"{format_date(at, get_format('DATETIME_FORMAT'))} {at.tzname()}"})
    if when.get("days") or when.get("hours"):
        parts.append(pgettext("personalization", "only on some days or hours"))
    return parts


def _further_parts(document: Mapping[str, Any]) -> list[str]:
    parts = []
    labels = dict(fallback_choices()) if document.get("fallback") else {}
    if others := [labels.get(code, code) for code in document.get("fallback", ())]:
        words = pgettext("personalization", "else %(rows)s")
        parts.append(words % {"rows": pgettext("personalization", ", else ").join(others)})
    weights = document.get("weights", {})
    counted = {
        "margin": pgettext("personalization", "margin counts %(percent)d %%"),
        "stock": pgettext("personalization", "stock counts %(percent)d %%"),
        "newness": pgettext("personalization", "newness counts %(percent)d %%"),
    }
    parts += [words % {"percent": weights[name]} for name, words in counted.items() if weights.get(name)]
    if document.get("fixed"):
        parts.append(pgettext("personalization", "keeps its place"))
    return parts


def describe_outcome(outcome: Outcome | None) -> str:
    """What came of a row within some days; "" where nobody saw it."""
    if outcome is None or not outcome.seen:
        return ""
    parts = [
        npgettext("personalization", "%(count)s card seen", "%(count)s cards seen", outcome.seen)
        % {"count": number_format(outcome.seen, force_grouping=True)}
    ]
    if (share := outcome.click_share) is not None:
        parts.append(pgettext("personalization", "%(share)s %% clicked") % {"share": number_format(share, 1)})
    if (share := outcome.added_share) is not None:
        words = pgettext("personalization", "%(share)s of 1,000 put into the basket")
        parts.append(words % {"share": number_format(share, 1)})
    if outcome.has_amounts:
        amount = format_currency(outcome.kept_amount, settings.OSCAR_DEFAULT_CURRENCY)
        parts.append(pgettext("personalization", "%(amount)s kept") % {"amount": amount})
    return MIDDLE_DOT.join(parts)
