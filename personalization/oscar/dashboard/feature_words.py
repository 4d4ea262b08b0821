"""What the ranker looks at, in words that merchants know."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext, pgettext_lazy

from personalization.decide.score_effects import ScoredProduct
from personalization.oscar.dashboard.readiness import RECOMMENDERS

HOW_OFTEN = _("how often and how lately they bought it")
FEATURE_WORDS = {
    "purchase.weight": HOW_OFTEN,
    "purchase.share": _("how large a part of their purchases it is"),
    "purchase.days": HOW_OFTEN,
    "purchase.days_since": _("how long ago they bought it"),
    "purchase.overdue_ratio": _("that they may need it again by their rhythm"),
    "purchase.expected": _("that it is a habit of theirs"),
    "user_knn.score": _("that similar customers buy it"),
    "category.purchase_share": _("how much they buy in its category"),
    "price.log_ratio": _("how its price compares with what they usually pay"),
    "visitor.products": _("how many different products they bought"),
    "visitor.repurchase_share": _("how much they buy again"),
    "category.product_share": _("how large a part of its category's sales it is"),
    "category.sales_share": _("how much its category sells"),
    "product.age_days": _("how long it has been in the shop"),
    "basket.same_category": _("whether something of its category is in the basket"),
    "basket.size": _("how much is in the basket"),
}
"""By feature."""
LINK_WORDS = {
    "purchases": pgettext_lazy("personalization", "“%(recommender)s”, beside what they bought"),
    "basket": pgettext_lazy("personalization", "“%(recommender)s”, beside the basket"),
    "basket_max": pgettext_lazy("personalization", "“%(recommender)s”, beside one product of the basket"),
}
"""By what a recommender's neighbours are neighbours of."""
TASK_WORDS = {
    "home": pgettext_lazy("personalization", "Place %(rank)d of %(count)d by what they are likely to buy."),
    "discovery": pgettext_lazy("personalization", "Place %(rank)d of %(count)d by what may be new to them and bought."),
    "basket": pgettext_lazy("personalization", "Place %(rank)d of %(count)d by what may be missing in the basket."),
    "guest_basket": pgettext_lazy(
        "personalization", "Place %(rank)d of %(count)d by what may be missing in the basket."
    ),
    "category": pgettext_lazy("personalization", "Place %(rank)d of %(count)d by what they are likely to choose here."),
    "search": pgettext_lazy(
        "personalization", "Place %(rank)d of %(count)d by what they are likely to choose after this search."
    ),
}
"""By ranking task."""


def describe_score(scored: ScoredProduct) -> list[str]:
    """Where the ranker has a product, and what spoke for it most, a sentence each."""
    sentences = [str(TASK_WORDS[scored.task]) % {"rank": scored.rank, "count": scored.candidates}]
    for effect in scored.effects:
        words = pgettext("personalization", "Speaks for it: %(what)s. Were that ordinary, place %(rank)d.")
        if effect.rank_without == scored.rank:
            words = pgettext("personalization", "Speaks for it: %(what)s. Were that ordinary, still that place.")
        sentences.append(words % {"what": describe_feature(effect.feature), "rank": effect.rank_without})
    return sentences


def describe_feature(name: str) -> str:
    """A feature in words."""
    if name in FEATURE_WORDS:
        return str(FEATURE_WORDS[name])
    if name.startswith("query."):
        return pgettext("personalization", "how well it matches what was searched for")
    recommender, _dot, link = name.partition(".")
    label = str(RECOMMENDERS[recommender][0]) if recommender in RECOMMENDERS else recommender
    if link in LINK_WORDS:
        return str(LINK_WORDS[link]) % {"recommender": label}
    return pgettext("personalization", "“%(recommender)s”") % {"recommender": label}
