"""What each recommender has to learn from, what it needs, and what shoppers see meanwhile."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import npgettext, pgettext, pgettext_lazy
from numpy.typing import NDArray

from personalization import conf

OTHERS = _("The lists go by the other recommenders.")
STAYS_AWAY = _("Rows that show it stay away, and others move up.")
UNDOCUMENTED = pgettext_lazy("personalization", "What its own documentation says.")
LEARNED = (".index", ".row_index", ".score")
"""How the arrays end in which recommenders keep what they learned: neighbours of each product, or a number."""
MIN_HISTORY_RATIO = 2
"""Weights are learned from a history that is this many times as long as the evaluation weeks."""

RECOMMENDERS: dict[str, tuple[Any, Any, Any]] = {
    "popular": (
        pgettext_lazy("personalization", "Bestsellers lately"),
        _("%(customers)d customers of a product within %(window)d days."),
        _("Bestsellers of all time."),
    ),
    "all_time_popular": (
        pgettext_lazy("personalization", "Bestsellers of all time"),
        _("%(customers)d customers of a product."),
        _("The shop's own counts of purchases."),
    ),
    "trending": (
        pgettext_lazy("personalization", "Trending this week"),
        _("%(customers)d customers of a product within 7 days, and more sales than in its usual week."),
        STAYS_AWAY,
    ),
    "bought_together": (
        pgettext_lazy("personalization", "Bought in one order"),
        _("%(customers)d customers who bought both products in one order."),
        OTHERS,
    ),
    "co_purchased_by_customer": (
        pgettext_lazy("personalization", "Bought by the same customers"),
        _("%(customers)d customers who bought both products."),
        OTHERS,
    ),
    "ease": (
        pgettext_lazy("personalization", "Predicted from all that customers bought"),
        _("%(customers)d customers who bought both products."),
        OTHERS,
    ),
    "complements": (
        pgettext_lazy("personalization", "Goes with"),
        _("Orders with both products, or with their categories, more often than by chance."),
        STAYS_AWAY,
    ),
    "substitutes": (
        pgettext_lazy("personalization", "Alternatives"),
        _("Another product of the same category with a similar text and price."),
        STAYS_AWAY,
    ),
    "upsell": (
        pgettext_lazy("personalization", "A better version"),
        _("%(customers)d customers who bought both, of one category, one of them dearer."),
        STAYS_AWAY,
    ),
    "content_similarity": (
        pgettext_lazy("personalization", "Similar texts"),
        _("Another product with a similar title, description or attributes."),
        OTHERS,
    ),
    "viewed_together": (
        pgettext_lazy("personalization", "Viewed together"),
        _("%(customers)d customers who viewed both products on one day."),
        OTHERS,
    ),
    "view_to_purchase": (
        pgettext_lazy("personalization", "Viewed, then bought"),
        _("%(customers)d customers who viewed the one and bought the other within 7 days."),
        OTHERS,
    ),
    "repurchase_rate": (
        pgettext_lazy("personalization", "How many buy it again"),
        _("%(customers)d customers of a product, some on several days."),
        OTHERS,
    ),
    "repurchase_frequency": (
        pgettext_lazy("personalization", "How often it is bought again"),
        _("%(customers)d customers of a product, some on several days."),
        OTHERS,
    ),
    "repurchase_interval": (
        pgettext_lazy("personalization", "After how many days it is bought again"),
        _("%(customers)d customers who bought a product on several days."),
        _("“Buy again” goes by a customer's own rhythm alone."),
    ),
    "click_ratio": (
        pgettext_lazy("personalization", "Clicked on more than others"),
        _("5,000 cards that were seen by customers who bought something, within 28 days."),
        OTHERS,
    ),
}
"""By name: what it learns, what it needs, and what is shown where it learned nothing."""


ROW_RECOMMENDERS: dict[str, tuple[str, ...]] = {
    "bestsellers": ("popular", "all_time_popular"),
    "bestsellers_in_category": ("popular", "all_time_popular"),
    "popular_in_liked_category": ("popular", "all_time_popular"),
    "popular_in_category": ("popular", "all_time_popular"),
    "popular_in_matching_category": ("popular", "all_time_popular"),
    "trending": ("trending",),
    "buy_again": ("repurchase_rate",),
    "buy_again_in_category": ("repurchase_rate",),
    "because_you_bought": ("complements",),
    "because_you_viewed": ("content_similarity", "substitutes", "viewed_together", "complements"),
    "bought_together": ("complements",),
    "add_ons": ("complements",),
    "after_order": ("complements",),
    "replacement": ("substitutes",),
    "similar": ("substitutes", "content_similarity"),
    "upsell": ("upsell",),
}
"""By the code of a row type, what it is made from; any of them will do."""


@dataclass(frozen=True)
class Readiness:
    """One recommender, as merchants read of it."""

    label: str
    learned: int
    """Of how many products it learned something."""
    products: int
    need: str
    meanwhile: str

    @property
    def percent(self) -> int:
        """The share of the products; never 100 while one is missing, never 0 while there is one."""
        if not self.learned or not self.products:
            return 0
        share = round(100 * self.learned / self.products)
        return 100 if self.learned == self.products else min(max(share, 1), 99)


@dataclass(frozen=True)
class WeightsReadiness:
    """Whether the shop's orders reach back far enough for weights of its own to be learned."""

    days: int
    needed_days: int
    from_day: datetime | None = None
    """When they will; None where they do, or nothing was ever ordered."""

    @property
    def is_enough(self) -> bool:
        """Whether they do."""
        return self.days >= self.needed_days


def recommender_readiness(arrays: Mapping[str, NDArray[Any]]) -> Iterator[Readiness]:
    """A line for each recommender that the snapshot holds, the app's own first."""
    products = len(arrays.get("product.id", ()))
    settings = conf.get_settings()
    numbers = {"customers": settings.MIN_CUSTOMERS, "window": settings.POPULARITY_WINDOW_DAYS}
    stored = {name.partition(".")[0] for name in arrays if name.endswith(LEARNED)}
    for name in [*filter(stored.__contains__, RECOMMENDERS), *sorted(stored - RECOMMENDERS.keys())]:
        label, need, meanwhile = RECOMMENDERS.get(name, (name, UNDOCUMENTED, OTHERS))
        yield Readiness(str(label), _learned_products(name, arrays), products, str(need) % numbers, str(meanwhile))


def row_readiness(code: str, arrays: Mapping[str, NDArray[Any]], source: str | None, count: int | None) -> str:
    """How much a row has to show from, in words.

    Parameters: `source`, of a row of the shop's own, and how many products it holds by now; None while it is a draft.
    """
    if source is not None:
        if count is None:
            return ""
        return npgettext("personalization", "%(count)d product now", "%(count)d products now", count) % {"count": count}
    names = ROW_RECOMMENDERS.get(code)
    if names is None:
        return pgettext("personalization", "needs no training")
    if not arrays:
        return pgettext("personalization", "waits for the first training")
    learned = max((_learned_products(name, arrays) for name in names if _is_stored(name, arrays)), default=0)
    if not learned:
        settings = conf.get_settings()
        numbers = {"customers": settings.MIN_CUSTOMERS, "window": settings.POPULARITY_WINDOW_DAYS}
        need = str(RECOMMENDERS[names[0]][1]) % numbers
        return pgettext("personalization", "nothing learned yet; it needs: %(need)s") % {"need": need}
    share = Readiness("", learned, len(arrays.get("product.id", ())), "", "").percent
    return pgettext("personalization", "ready for %(percent)d %% of the products") % {"percent": share}


def weights_readiness(oldest_order: datetime | None, moment: datetime) -> WeightsReadiness:
    """How far back the orders reach, and from which day on that is enough, if people go on ordering."""
    needed = MIN_HISTORY_RATIO * conf.get_settings().EVALUATION_DAYS
    if oldest_order is None:
        return WeightsReadiness(0, needed)
    days = max((moment - oldest_order).days, 0)
    return WeightsReadiness(days, needed, None if days >= needed else oldest_order + timedelta(days=needed))


def weights_words(weights: Mapping[str, str]) -> str:
    """By what the lists are ranked, from what the training run noted of each task."""
    learned = sum(origin.startswith("learned") for origin in weights.values())
    if not weights:
        return ""
    if learned == len(weights):
        return pgettext("personalization", "All lists are ranked by weights learned from this shop.")
    words = pgettext(
        "personalization", "%(learned)d of %(all)d kinds of lists are ranked by weights learned from this shop."
    )
    return words % {"learned": learned, "all": len(weights)}


def _is_stored(name: str, arrays: Mapping[str, NDArray[Any]]) -> bool:
    return any(name + ending in arrays for ending in LEARNED)


def _learned_products(name: str, arrays: Mapping[str, NDArray[Any]]) -> int:
    for ending in LEARNED[:2]:
        if (index := arrays.get(name + ending)) is not None:
            return int((index[:, 0] >= 0).sum()) if index.shape[1] else 0
    return int((arrays[f"{name}.score"] > 0).sum())
