"""Six campaigns that are ready to be looked at: each makes drafts of a segment, rules, a hero and a mail.

Nothing serves before somebody publishes it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, pgettext, pgettext_lazy

from personalization.merchandising import block_documents, publishing
from personalization.models import Definition, DefinitionKind
from personalization.models.definitions import MAX_NAME

HOME_SLOT = "home-hero"
HOLD_BACK = 0.1
MAIL_KIND = "campaign_news"
Conditions = list[dict[str, Any]]


@dataclass(frozen=True)
class CampaignSettings:
    """What somebody chooses of a ready-made campaign."""

    category: int | None = None
    category_name: str = ""
    category_path: str = ""
    """The address of its page."""
    voucher: dict[str, Any] | None = None
    hold_back: float = HOLD_BACK


@dataclass(frozen=True)
class ReadyCampaign:
    """One of them."""

    code: str
    label: str | Promise
    explanation: str | Promise
    """For whom, and what it makes."""
    texts: Callable[[], tuple[str, str, str]]
    """(title of the hero, subject of the mail, opening), in the language that is active."""
    conditions: Callable[[CampaignSettings], Conditions]
    """Of its segment."""
    target: Callable[[CampaignSettings], dict[str, Any]]
    """What its rules move up."""
    needs_category: bool = False
    percent: int = 10
    """What a code takes off, unless somebody changes it."""


def ready_campaigns() -> dict[str, ReadyCampaign]:
    """All of them, by code, in the order in which a page offers them."""
    return {one.code: one for one in _READY}


def make_ready_campaign(
    ready: ReadyCampaign, chosen: CampaignSettings, by: Any, *, is_demo: bool = False
) -> Definition:
    """Makes the drafts of all parts, in one transaction, and gives the campaign. Where the home page's slot has no
    block for everybody, which it needs as soon as some see another, a draft of one is made, too, which stands by
    itself. NotPossibleError or InvalidDocumentError as by `publishing.create`."""
    name = str(ready.label)[:MAX_NAME]
    if chosen.category_name:
        name = f"{name}: {chosen.category_name}"[:MAX_NAME]
    with transaction.atomic():
        name = _free_name(name)
        segment_document = {"match": "all", "groups": [{"match": "all", "conditions": ready.conditions(chosen)}]}
        segment = publishing.create(DefinitionKind.SEGMENT, name, segment_document, by, is_demo=is_demo)
        document = _campaign_document(ready, chosen, segment.pk)
        campaign = publishing.create(DefinitionKind.CAMPAIGN, name, document, by, is_demo=is_demo)
        Definition.objects.filter(pk=segment.pk).update(campaign=campaign)
        parts = ((DefinitionKind.BLOCK, _hero(ready, chosen)), (DefinitionKind.MESSAGE, _mail(ready, chosen)))
        for kind, part in parts:
            publishing.create(kind, name, part, by, is_demo=is_demo, campaign=campaign)
        if not _has_default():
            title = {code: {"title": pgettext("personalization", "Good to see you")} for code in _languages()}
            default = {"slot": HOME_SLOT, "kind": "hero", "variants": title}
            name = _free_name(pgettext("personalization", "Home page, for everybody"))
            publishing.create(DefinitionKind.BLOCK, name, default, by, is_demo=is_demo)
    return campaign


def _campaign_document(ready: ReadyCampaign, chosen: CampaignSettings, segment: int) -> dict[str, Any]:
    return {
        "who": {"people": "customers", "in": [segment]},
        "where": [{"surface": name} for name in ("home", "category", "message")],
        "when": {"zone": settings.TIME_ZONE},
        "what": [{"do": "boost", "target": ready.target(chosen), "strength": 2}],
        **({"hold_back": chosen.hold_back} if chosen.hold_back else {}),
        **({"voucher": chosen.voucher} if chosen.voucher else {}),
    }


def _hero(ready: ReadyCampaign, chosen: CampaignSettings) -> dict[str, Any]:
    about = {"categories": [chosen.category]} if chosen.category else {}
    variants = {code: _hero_words(ready, chosen) for code in _languages()}
    return {"slot": HOME_SLOT, "kind": "hero", "variants": variants, **about}


def _hero_words(ready: ReadyCampaign, chosen: CampaignSettings) -> dict[str, str]:
    title, _subject, opening = ready.texts()
    text = " ".join(filter(None, (opening, _code_words(chosen))))
    words = {"title": title, "text": text}
    if chosen.category_path:
        words |= {"link": chosen.category_path, "call": pgettext("personalization", "Have a look")}
    return words


def _mail(ready: ReadyCampaign, chosen: CampaignSettings) -> dict[str, Any]:
    wording = {}
    for code in _languages():
        _title, subject, opening = ready.texts()
        wording[code] = {
            "subject": subject,
            "opening": " ".join(filter(None, (opening, _code_words(chosen)))),
            "closing": pgettext("personalization", "Yours, {shop}"),
        }
    return {"kind": MAIL_KIND, "wording": wording}


def _code_words(chosen: CampaignSettings) -> str:
    """The sentence that names the reader's code, with all that it depends on; "" where there is none."""
    if not chosen.voucher:
        return ""
    if not chosen.voucher.get("least"):
        return gettext("With the code {code} you pay {code_benefit} less, once, until {code_until}.")
    return gettext(
        "With the code {code} you pay {code_benefit} less for {code_least} or more, once, until {code_until}."
    )


def _languages() -> Iterator[str]:
    """The shop's languages, each active while it is written in. One that we do not speak is left to the merchants."""
    sentence = "With the code {code} you pay {code_benefit} less, once, until {code_until}."
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            if code.partition("-")[0] == "en" or gettext(sentence) != sentence or code == settings.LANGUAGE_CODE:
                yield code


def _free_name(name: str) -> str:
    """The name, with a number where a segment, a campaign, a block or a message has it already."""
    kinds = (DefinitionKind.SEGMENT, DefinitionKind.CAMPAIGN, DefinitionKind.BLOCK, DefinitionKind.MESSAGE)
    found, number = name, 2
    while any(Definition.objects.has_name(kind, found) for kind in kinds):
        found, number = f"{name[: MAX_NAME - 4]} {number}", number + 1
    return found


def _has_default() -> bool:
    """Whether a block of the home page, live or drafted, is for everybody."""
    blocks: Iterable[Definition] = Definition.objects.of_kind(DefinitionKind.BLOCK).present().with_versions()
    shown = (one.newest.document for one in blocks if one.campaign_id is None and one.newest)
    return any(document["slot"] == HOME_SLOT and block_documents.is_default(document) for document in shown)


def _bought_category(chosen: CampaignSettings, times: int) -> Conditions:
    return [{"field": "bought_category", "op": "one_of", "value": {"keys": [chosen.category], "times": times}}]


_READY = (
    ReadyCampaign(
        "welcome",
        pgettext_lazy("personalization", "Welcome"),
        gettext_lazy(
            "For customers who opened an account within 30 days and have not ordered: what others rate well moves up."
        ),
        lambda: (
            gettext("Nice that you are here"),
            pgettext("personalization", "Welcome to {shop}"),
            gettext("Here is what others like most."),
        ),
        lambda chosen: [
            {"field": "joined", "op": "within", "value": 30},
            {"field": "orders", "op": "at_most", "value": 0},
        ],
        lambda chosen: {"rating": 4},
    ),
    ReadyCampaign(
        "win_back",
        pgettext_lazy("personalization", "Win back"),
        gettext_lazy("For customers whose last order is more than 120 days ago: what is new since then moves up."),
        lambda: (
            gettext("Good to see you again"),
            gettext("What is new at {shop}"),
            gettext("Much has come since your last visit."),
        ),
        lambda chosen: [{"field": "last_order", "op": "more_than", "value": 120}],
        lambda chosen: {"newer": 120},
    ),
    ReadyCampaign(
        "second_order",
        pgettext_lazy("personalization", "Second order"),
        gettext_lazy("For customers who ordered once, two weeks ago or longer: what others rate well moves up."),
        lambda: (
            gettext("Thank you for your first order"),
            gettext("For your second order at {shop}"),
            gettext("We hope that you like it. Here is more."),
        ),
        lambda chosen: [
            {"field": "orders", "op": "at_least", "value": 1},
            {"field": "orders", "op": "at_most", "value": 1},
            {"field": "last_order", "op": "more_than", "value": 14},
        ],
        lambda chosen: {"rating": 4},
    ),
    ReadyCampaign(
        "clear_stock",
        pgettext_lazy("personalization", "Clear stock"),
        gettext_lazy("For customers who bought from the category: what lies in stock of it 20 times or more moves up."),
        lambda: (
            gettext("A good moment to stock up"),
            pgettext("personalization", "Stock up at {shop}"),
            gettext("We have plenty of what you buy here."),
        ),
        lambda chosen: _bought_category(chosen, 1),
        lambda chosen: {"all": [{"category": chosen.category, "below": True}, {"stock": [20, None]}]},
        needs_category=True,
    ),
    ReadyCampaign(
        "new_arrivals",
        pgettext_lazy("personalization", "New arrivals"),
        gettext_lazy("For customers who bought from the category on two days or more: what is new in it moves up."),
        lambda: (
            pgettext("personalization", "New for you"),
            pgettext("personalization", "New arrivals at {shop}"),
            gettext("These have just come in, and are of what you buy here."),
        ),
        lambda chosen: _bought_category(chosen, 2),
        lambda chosen: {"all": [{"category": chosen.category, "below": True}, {"newer": 30}]},
        needs_category=True,
    ),
    ReadyCampaign(
        "thank_best",
        pgettext_lazy("personalization", "Thank the top tenth"),
        gettext_lazy("For the tenth of the customers who brought most within a year: what is new moves up."),
        lambda: (
            gettext("Thank you for buying here"),
            pgettext("personalization", "A thank-you from {shop}"),
            gettext("You are one of our best customers. Thank you."),
        ),
        lambda chosen: [{"field": "value_tier", "op": "one_of", "value": [10]}],
        lambda chosen: {"newer": 90},
        percent=15,
    ),
)
