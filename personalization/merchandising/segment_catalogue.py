"""All fields that a condition of a segment may name, by their codes, in the order in which a form lists them."""

from functools import cache

from django.utils.translation import pgettext_lazy

from personalization.merchandising import segment_values as values
from personalization.merchandising.segment_customer_fields import customer_fields
from personalization.merchandising.segment_fields import Field
from personalization.merchandising.segment_values import CHOSEN, CHOSEN_CATEGORY, COUNT, LOOKED_AT
from personalization.merchandising.segment_visit_fields import (
    BasketHoldsField,
    BasketItemsField,
    InterestField,
    LookedAtField,
    SearchedField,
    TraitField,
    VisitorTypeField,
    VisitsField,
)


@cache
def all_fields() -> dict[str, Field]:
    """The fields by code."""
    return {field.code: field for field in (*customer_fields(), *_visit_fields())}


def _visit_fields() -> tuple[Field, ...]:
    looked, not_looked = (
        pgettext_lazy("personalization", "looked at %(names)s%(how)s"),
        pgettext_lazy("personalization", "did not look at %(names)s%(how)s"),
    )
    holds, holds_not = (
        pgettext_lazy("personalization", "have %(names)s in the basket"),
        pgettext_lazy("personalization", "do not have %(names)s in the basket"),
    )
    return (
        LookedAtField(
            "looked_at_category",
            "category",
            pgettext_lazy("personalization", "Looked at a category"),
            looked,
            LOOKED_AT,
            negative=not_looked,
        ),
        LookedAtField(
            "looked_at_product",
            "product",
            pgettext_lazy("personalization", "Looked at a product"),
            looked,
            LOOKED_AT,
            negative=not_looked,
        ),
        SearchedField(
            "searched",
            pgettext_lazy("personalization", "Searched for"),
            pgettext_lazy("personalization", "searched for %(codes)s%(how)s"),
            values.searched,
        ),
        VisitsField(
            "visits",
            pgettext_lazy("personalization", "Visits"),
            pgettext_lazy("personalization", "came %(amount)s times%(how)s"),
            values.visits,
        ),
        VisitorTypeField(
            "visitor_type",
            pgettext_lazy("personalization", "New or returning"),
            "",
            values.choice("new", "returning", "customer"),
        ),
        InterestField(
            "interest",
            pgettext_lazy("personalization", "Stated interest"),
            pgettext_lazy("personalization", "want to see more of %(names)s"),
            CHOSEN_CATEGORY,
            "category",
        ),
        BasketItemsField(
            "basket_items",
            pgettext_lazy("personalization", "Items in the basket"),
            pgettext_lazy("personalization", "have %(amount)s items in the basket"),
            COUNT,
        ),
        BasketHoldsField(
            "basket_category",
            "category",
            pgettext_lazy("personalization", "Basket holds a category"),
            holds,
            CHOSEN_CATEGORY,
            negative=holds_not,
        ),
        BasketHoldsField(
            "basket_product",
            "product",
            pgettext_lazy("personalization", "Basket holds a product"),
            holds,
            CHOSEN,
            negative=holds_not,
        ),
        TraitField(
            "country",
            pgettext_lazy("personalization", "Country"),
            pgettext_lazy("personalization", "are in %(codes)s"),
            pgettext_lazy("personalization", "are not in %(codes)s"),
            values.codes(),
        ),
        TraitField(
            "language",
            pgettext_lazy("personalization", "Language"),
            pgettext_lazy("personalization", "read the shop in %(codes)s"),
            pgettext_lazy("personalization", "do not read the shop in %(codes)s"),
            values.codes(),
        ),
        TraitField(
            "device",
            pgettext_lazy("personalization", "Device"),
            pgettext_lazy("personalization", "use a %(codes)s"),
            pgettext_lazy("personalization", "do not use a %(codes)s"),
            values.codes("phone", "tablet", "computer"),
        ),
        TraitField(
            "channel",
            pgettext_lazy("personalization", "Came from"),
            pgettext_lazy("personalization", "came by %(codes)s"),
            pgettext_lazy("personalization", "did not come by %(codes)s"),
            values.codes("search", "social", "email", "ads", "link", "direct"),
        ),
    )
