"""The steps of a product to its place, each as a sentence with what mends it one click away."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext, pgettext

from personalization.decide import funnel, merchandising, trace
from personalization.decide.explained_page import ExplainedPage
from personalization.decide.funnel import FunnelProduct, FunnelStep
from personalization.oscar.dashboard.campaign_prefill import page_scope, prefill_url
from personalization.oscar.dashboard.learned_words import often_seen_words
from personalization.oscar.dashboard.page_words import PageWords, describe_cause


@dataclass(frozen=True)
class FunnelLink:
    """Where something is mended."""

    label: str
    address: str
    permission: str = ""
    """The codename without which it is of no use; "" for none."""


@dataclass(frozen=True)
class FunnelLine:
    """One step as the screen shows it."""

    title: str
    passed: bool | None
    sentence: str
    links: tuple[FunnelLink, ...] = ()


class FunnelWords:
    """Puts the steps of one product on one page into words."""

    def __init__(self, subject: FunnelProduct, page: ExplainedPage, query: str) -> None:
        """`query`: the parameters by which the screen asks for the page and the visit."""
        self._subject, self._page, self._query = subject, page, query
        self._words = PageWords(page)

    def line(self, step: FunnelStep) -> FunnelLine:
        """A step in words."""
        writers: dict[str, Callable[[FunnelStep], tuple[str, tuple[FunnelLink, ...]]]] = {
            funnel.IS_PUBLIC: self._public,
            funnel.STANDS_FOR_ITSELF: self._structure,
            funnel.CAN_BE_BOUGHT: self._buyable,
            funnel.IS_LEARNED: self._trained,
            funnel.IS_CANDIDATE: self._candidate,
            funnel.IS_ALLOWED: self._campaigns,
            funnel.IS_WANTED: self._visitor,
            funnel.HAS_PLACE: self._shown,
        }
        sentence, links = writers[step.name](step)
        return FunnelLine(_step_titles()[step.name], step.passed, sentence, links)

    def _public(self, step: FunnelStep) -> tuple[str, tuple[FunnelLink, ...]]:
        sentence = {
            "public": pgettext("personalization", "It is public."),
            "not_public": pgettext("personalization", "It is not public: no shopper sees it."),
            "parent_not_public": pgettext("personalization", "Its parent is not public: no shopper sees it."),
        }[step.code]
        if step.passed:
            return sentence, ()
        key = self._subject.product.pk if step.code == "not_public" else self._subject.key
        return sentence, (_product_link(pgettext("personalization", "Make it public"), key),)

    def _structure(self, step: FunnelStep) -> tuple[str, tuple[FunnelLink, ...]]:
        if step.code == "child":
            words = _("It is a variant: rows and lists show “%(parent)s” instead. All below is said of that one.")
            address = reverse("personalization:personalization-product", args=[self._subject.key])
            link = FunnelLink(pgettext("personalization", "Ask about the parent"), f"{address}?{self._query}")
            return words % {"parent": step.facts["parent"].get_title()}, (link,)
        if step.code == "parent":
            return pgettext("personalization", "It stands for its variants."), ()
        return pgettext("personalization", "It has no variants."), ()

    def _buyable(self, step: FunnelStep) -> tuple[str, tuple[FunnelLink, ...]]:
        sentence = {
            "buyable": pgettext("personalization", "It has a price, and can be bought."),
            "sold_out": pgettext("personalization", "It is sold out: no row shows it."),
            "no_price": pgettext("personalization", "It has no price for this visitor: no row shows it."),
            "sold_out_but_listed": pgettext("personalization", "It is sold out; lists show it all the same."),
            "no_price_but_listed": _("It has no price for this visitor; lists show it all the same."),
        }[step.code]
        if step.code == "buyable":
            return sentence, ()
        label = pgettext("personalization", "Stock and price")
        return sentence, (_product_link(label, self._subject.key, "#product_stock"),)

    def _trained(self, step: FunnelStep) -> tuple[str, tuple[FunnelLink, ...]]:
        if step.code == "no_snapshot":
            words = _("Nothing has been learned yet: rows come from the shop's own counts, and from what is new.")
            return words, (_data_link(),)
        moment = localtime(datetime.fromtimestamp(step.facts["trained_at"], UTC))
        params = {"at": date_format(moment, "SHORT_DATETIME_FORMAT")}
        if step.passed:
            return pgettext("personalization", "The training of %(at)s knows it.") % params, ()
        if step.code == "newer":
            words = _("It is newer than the last training (%(at)s). Until the next one, only lists and “New” show it.")
        else:
            words = _("It was not public, or not there, at the last training (%(at)s).")
        return words % params, (_data_link(),)

    def _candidate(self, step: FunnelStep) -> tuple[str, tuple[FunnelLink, ...]]:
        facts = step.facts
        if step.code == "candidate":
            titles = dict.fromkeys(self._words.row_title(row.row.reason.key) for row in facts["rows"])
            quoted = ", ".join(pgettext("personalization", "“%(name)s”") % {"name": title} for title in titles)
            words = pgettext("personalization", "A candidate for %(rows)s.") % {"rows": quoted}
            return f"{words} {_customer_words(facts)}".strip(), ()
        if step.code == "few_customers":
            return f"{_few_words(facts)} {_floor_words()}", self._pin_links()
        if step.code == "no_row":
            words = npgettext(
                "personalization",
                "The %(rows)d row proposed for this page has better ones.",
                "The %(rows)d rows proposed for this page have better ones.",
                facts["rows"],
            )
            return f"{_customer_words(facts)} {words % facts}", self._pin_links()
        if step.code == "sensitive":
            link = reverse("personalization:personalization-sensitive")
            label = pgettext("personalization", "Sensitive categories")
            return _("It is in a sensitive category: no row shows it."), (FunnelLink(label, link),)
        return {
            "found": pgettext("personalization", "The search engine finds it here, among %(count)d products."),
            "not_found": pgettext("personalization", "The search engine does not find it on this page."),
            "not_searched_for": _("A campaign keeps it out of the search, so it is not found here."),
            "behind_window": _("It is not among the first %(fetched)d of %(count)d products, which are looked at."),
        }[step.code] % facts, ()

    def _campaigns(self, step: FunnelStep) -> tuple[str, tuple[FunnelLink, ...]]:
        if step.code == "no_campaign":
            return pgettext("personalization", "No campaign acts here."), ()
        if step.code == "free":
            return pgettext("personalization", "No campaign keeps it out."), ()
        keys = step.facts["campaigns"]
        quoted = ", ".join(
            pgettext("personalization", "“%(name)s”") % {"name": self._words.campaign_name(key)} for key in keys
        )
        sentence = {
            merchandising.EXCLUDED: pgettext("personalization", "Kept out by %(campaigns)s."),
            merchandising.NOT_AMONG_ONLY: pgettext("personalization", "%(campaigns)s: only other products are shown."),
            "partly_excluded": pgettext("personalization", "Kept out of a part of this page by %(campaigns)s."),
        }[step.code]
        return sentence % {"campaigns": quoted}, tuple(
            FunnelLink(self._words.campaign_name(key), reverse("personalization:personalization-campaign", args=[key]))
            for key in keys
        )

    def _visitor(self, step: FunnelStep) -> tuple[str, tuple[FunnelLink, ...]]:
        if step.code == "bought":
            words = npgettext(
                "personalization",
                "They bought it %(days)d day ago.",
                "They bought it %(days)d days ago.",
                step.facts["days"],
            )
            if not step.facts["days"]:
                words = pgettext("personalization", "They bought it today.")
            return words % step.facts, ()
        return {
            "anonymous": pgettext("personalization", "Asked for a stranger: nothing of theirs speaks against it."),
            "free": pgettext("personalization", "It is not in their basket, and they are interested in it."),
            "in_basket": pgettext("personalization", "It is in their basket: no row shows it again."),
            "not_wanted": pgettext("personalization", "They said that they are not interested in it."),
            "not_wanted_in_list": _("They said that they are not interested in it: it stands last."),
            "sensitive": _("It is in a sensitive category: nothing of a person is said or used."),
        }[step.code], ()

    def _shown(self, step: FunnelStep) -> tuple[str, tuple[FunnelLink, ...]]:
        facts = dict(step.facts)
        if step.code == "not_reached":
            return pgettext("personalization", "Not asked: it is no candidate here."), ()
        if step.code in ("listed", "on_other_page"):
            words = {
                "listed": pgettext("personalization", "In the list at place %(place)d of %(count)d."),
                "on_other_page": _("In the list at place %(place)d of %(count)d: that is page %(page)d."),
            }[step.code]
            sentence = f"{words % facts} {self._moved_in_list()}".rstrip()
            return sentence, () if step.passed else self._pin_links()
        if step.passed is None:
            return pgettext("personalization", "Not shown: see above."), ()
        is_pin_of_use = step.code == trace.BEYOND_ROW_SIZE
        return self._shown_in_row(step), self._pin_links(facts["row"].row.type.code) if is_pin_of_use else ()

    def _moved_in_list(self) -> str:
        listing = self._page.listing
        return self._words.objective_sentence(listing.trace, "", self._subject.key) if listing is not None else ""

    def _shown_in_row(self, step: FunnelStep) -> str:
        """What the row has to do with it that shows the product, or came closest to it."""
        facts, row = dict(step.facts), step.facts["row"]
        title = self._words.row_title(row.row.reason.key)
        moved = self._words.objective_sentence(self._page.rows, row.row.reason.key, self._subject.key)
        if step.code == "in_row":
            words = pgettext("personalization", "In “%(row)s” at place %(place)d.")
            return f"{words % {'row': title, 'place': facts['place']}} {moved}".rstrip()
        if step.code == trace.TAKEN_ABOVE:
            words = pgettext("personalization", "Taken by “%(row)s” above, at place %(place)d.")
            return words % {"row": self._words.row_title(facts["above"]), "place": facts["position"] + 1}
        if step.code == trace.BEYOND_ROW_SIZE:
            words = pgettext("personalization", "Place %(rank)d of %(count)d in “%(row)s”; the row shows %(shown)d.")
            params = {"rank": facts["rank"], "count": len(row.row.candidates), "shown": facts["shown"]}
            often_seen = often_seen_words(self._page.visit.policy.demote_after_views) if facts.get("often_seen") else ""
            return " ".join(filter(None, [words % {**params, "row": title}, often_seen, moved]))
        words = pgettext("personalization", "Not shown in “%(row)s”: %(cause)s.")
        return words % {"row": title, "cause": describe_cause(step.code)}

    def _pin_links(self, row_code: str = "") -> tuple[FunnelLink, ...]:
        surface = self._page.campaign_surfaces[0]
        scope: Mapping[str, Any] = page_scope(self._page, surface)
        label = pgettext("personalization", "Pin here")
        return (FunnelLink(label, prefill_url("pin", self._subject.key, **scope, row=row_code), "change_campaigns"),)


def _customer_words(facts: Mapping[str, Any]) -> str:
    """That enough customers bought it; "" where too few did, and it is a candidate for another reason."""
    if facts["customers"] < facts["floor"]:
        return ""
    if facts["customers"] == facts["floor"]:
        return pgettext("personalization", "At least %(floor)d customers bought it, which is enough.") % facts
    return pgettext("personalization", "%(customers)d customers bought it; %(floor)d are enough.") % facts


def _few_words(facts: Mapping[str, Any]) -> str:
    if not facts["customers"]:
        return _("No customer with an account bought it yet; rows need at least %(floor)d.") % facts
    words = ngettext(
        "%(customers)d customer bought it; rows need at least %(floor)d.",
        "%(customers)d customers bought it; rows need at least %(floor)d.",
        facts["customers"],
    )
    return words % facts


def _floor_words() -> str:
    return _("The setting MIN_CUSTOMERS can lower that; then rows may give away what single customers bought.")


def _step_titles() -> dict[str, str]:
    return {
        funnel.IS_PUBLIC: pgettext("personalization", "Public"),
        funnel.STANDS_FOR_ITSELF: pgettext("personalization", "Stands for itself"),
        funnel.CAN_BE_BOUGHT: pgettext("personalization", "Can be bought"),
        funnel.IS_LEARNED: pgettext("personalization", "Known to the engine"),
        funnel.IS_CANDIDATE: pgettext("personalization", "A candidate"),
        funnel.IS_ALLOWED: pgettext("personalization", "Allowed by campaigns"),
        funnel.IS_WANTED: pgettext("personalization", "Wanted by the visitor"),
        funnel.HAS_PLACE: pgettext("personalization", "Has a place"),
    }


def product_page_url(product_id: int) -> str:
    """The address of Oscar's own page of a product in the dashboard; "" where the shop has none."""
    try:
        return reverse("dashboard:catalogue-product", kwargs={"pk": product_id})
    except NoReverseMatch:
        return ""


def _product_link(label: str, product_id: int, anchor: str = "") -> FunnelLink:
    return FunnelLink(label, product_page_url(product_id) + anchor)


def _data_link() -> FunnelLink:
    label = pgettext("personalization", "Data and jobs")
    return FunnelLink(label, reverse("personalization:personalization-data"))
