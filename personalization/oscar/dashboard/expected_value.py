"""What the page of a customer says of the orders that are expected of them, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.utils import formats
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext, pgettext
from oscar.templatetags.currency_filters import currency as format_currency

from personalization.measure.number_words import format_count, format_percent
from personalization.models import CustomerFacts, ValueRun

HORIZON = 90
TENTHS_BELOW = 10
"""Of so many days with orders and more no tenths are said."""
WIDEST_DATE = 21
"""In days: of a longer interval in which the next order comes with a chance of 80 % no date is said."""


@dataclass(frozen=True)
class ExpectedValue:
    """What is expected of a customer, in words."""

    pairs: list[tuple[str, str]]
    """(what, how much); empty where nothing is expected."""
    reasons: list[str]
    note: str
    """What it rests on, or why there is nothing."""


def expected_value(facts: CustomerFacts | None, run: ValueRun | None) -> ExpectedValue:
    """From the facts of a customer and the latest run."""
    if run is None or facts is None:
        return ExpectedValue([], [], _("Nothing is expected yet: that begins with the next training run."))
    if not run.has_enough_history:
        note = _(
            "The shop has too little history to say what a customer will spend: that takes 150 days of orders and 50 "
            "customers who ordered within the last 90."
        )
        return ExpectedValue(list(_rank_pairs(facts)), [], note)
    if facts.expected_tier is None:
        note = _("Nothing is expected of this customer: that begins with the training run after their first order.")
        return ExpectedValue([], [], note)
    return ExpectedValue(list(_expected_pairs(facts, run)), list(_reason_sentences(facts)), _basis(facts, run))


def tier_names() -> dict[int, str]:
    """What the parts of all customers by expected spend are called."""
    return {
        1: pgettext("personalization", "the top tenth"),
        2: pgettext("personalization", "the next fifth"),
        3: pgettext("personalization", "the others"),
    }


def _expected_pairs(facts: CustomerFacts, run: ValueRun) -> Iterator[tuple[str, str]]:
    days, year = (
        format_currency(amount, facts.currency) for amount in (facts.expected_spend, facts.expected_year_spend)
    )
    orders, decimals = facts.expected_orders or 0, 0 if (facts.expected_orders or 0) >= TENTHS_BELOW else 1
    yield (
        pgettext("personalization", "Expected in 90 days"),
        pgettext("personalization", "%(amount)s, with orders on %(orders)s days")
        % {"amount": days, "orders": formats.number_format(round(orders, decimals), decimals)},
    )
    yield pgettext("personalization", "Expected in a year"), str(year)
    yield pgettext("personalization", "Chance of an order in 90 days"), _chance_words(facts.order_chance or 0)
    if words := _next_order(facts, run):
        yield pgettext("personalization", "Next order"), words
    yield pgettext("personalization", "Part of all customers"), _tier_words(facts.expected_tier or 0, run)


def _chance_words(chance: float) -> str:
    """In percent; nothing is certain."""
    if chance >= 0.995:
        return pgettext("personalization", "more than 99 %")
    if chance < 0.005:
        return pgettext("personalization", "less than 1 %")
    return f"{format_percent(chance)} %"


def _tier_words(tier: int, run: ValueRun) -> str:
    name, share = tier_names()[tier], run.expected_share(tier)
    if share is None:
        return name
    return pgettext("personalization", "%(tier)s, expected to bring %(percent)s %% of all") % {
        "tier": name,
        "percent": format_percent(share),
    }


def _next_order(facts: CustomerFacts, run: ValueRun) -> str:
    """The days between which the next order lies with a chance of 80 %; "" where they are too far apart to say."""
    low, _middle, high = facts.order_days
    if high - low > WIDEST_DATE or high >= HORIZON:
        return ""
    first, last = (
        formats.date_format(localtime(run.computed_at + timedelta(days=each)), "SHORT_DATE_FORMAT")
        for each in (low, high)
    )
    return pgettext("personalization", "likely between %(first)s and %(last)s") % {"first": first, "last": last}


def _reason_sentences(facts: CustomerFacts) -> Iterator[str]:
    for code, own, usual in facts.value_reasons:
        parts = {"own": format_count(own), "usual": formats.number_format(round(usual, 1), 1, force_grouping=True)}
        if code == "frequency":
            yield (
                ngettext(
                    "Ordered on %(own)s day of the last 90; all customers on %(usual)s on average.",
                    "Ordered on %(own)s days of the last 90; all customers on %(usual)s on average.",
                    round(own),
                )
                % parts
            )
        elif code == "order_value":
            money = {"own": format_currency(own, facts.currency), "usual": format_currency(usual, facts.currency)}
            yield _("Spends %(own)s on a day with an order; in the whole shop it is %(usual)s.") % money
        elif code == "trend":
            yield ngettext(
                "Ordered on %(own)s day of the last 45, on %(before)s of the 45 before.",
                "Ordered on %(own)s days of the last 45, on %(before)s of the 45 before.",
                round(own),
            ) % {**parts, "before": format_count(usual)}
        elif code == "rhythm":
            yield _rhythm_sentence(own, usual)
        elif code == "basket":
            lines = {**parts, "own": formats.number_format(round(own, 1), 1, force_grouping=True)}
            yield _("%(own)s order lines on a day with an order; in the whole shop %(usual)s.") % lines


def _rhythm_sentence(silent: float, pause: float) -> str:
    days = {"silent": format_count(silent), "pause": format_count(pause)}
    if not pause:
        return (
            ngettext(
                "Ordered on one day, %(silent)s day before.",
                "Ordered on one day, %(silent)s days before.",
                round(silent),
            )
            % days
        )
    return (
        ngettext(
            "Usually orders every %(pause)s days; it had been %(silent)s day.",
            "Usually orders every %(pause)s days; it had been %(silent)s days.",
            round(silent),
        )
        % days
    )


def _rank_pairs(facts: CustomerFacts) -> Iterator[tuple[str, str]]:
    """Where they stand among all customers by what they did, in fifths and tenths."""
    for label, tier, of in (
        (pgettext("personalization", "By their last order (1 is the latest)"), facts.recency_tier, 5),
        (pgettext("personalization", "By the number of orders (1 is the most)"), facts.frequency_tier, 5),
        (pgettext("personalization", "By kept revenue of a year (1 is the most)"), facts.value_tier, 10),
    ):
        if tier is not None:
            part = {"part": of + 1 - tier, "of": of}
            yield label, pgettext("personalization", "part %(part)s of %(of)s") % part


def _basis(facts: CustomerFacts, run: ValueRun) -> str:
    at = formats.date_format(localtime(run.computed_at), "DATE_FORMAT")
    return npgettext(
        "personalization",
        "Worked out on %(date)s from orders on %(count)s day within %(days)s days.",
        "Worked out on %(date)s from orders on %(count)s days within %(days)s days.",
        facts.value_order_days or 0,
    ) % {
        "date": at,
        "count": format_count(facts.value_order_days or 0),
        "days": format_count(facts.value_history_days or 0),
    }
