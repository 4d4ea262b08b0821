"""The fields of segments that the database knows of every customer: what they bought, chose and are."""

from django.utils.translation import pgettext_lazy

from personalization.merchandising import segment_values as values
from personalization.merchandising.segment_fields import (
    DateField,
    DueField,
    Field,
    NumberField,
    OnlyTasteField,
    ShareField,
    ShipsToField,
    StaffField,
    TasteField,
    TierField,
)
from personalization.merchandising.segment_values import (
    BOUGHT,
    BOUGHT_CATEGORY,
    CHOSEN,
    COUNT,
    MONEY,
    PERCENT,
    TOOK_UP,
    USED,
)


def customer_fields() -> tuple[Field, ...]:
    """These fields, in the order in which a form lists them."""
    return (*_number_fields(), *_date_fields(), *_taste_fields(), *_account_fields())


def _number_fields() -> tuple[Field, ...]:
    return (
        NumberField(
            "orders",
            "kept_orders",
            pgettext_lazy("personalization", "Orders"),
            pgettext_lazy("personalization", "have %(amount)s orders"),
            COUNT,
        ),
        NumberField(
            "revenue",
            "kept_revenue",
            pgettext_lazy("personalization", "Kept revenue"),
            pgettext_lazy("personalization", "spent %(amount)s in all"),
            MONEY,
        ),
        NumberField(
            "average_order",
            "aov",
            pgettext_lazy("personalization", "Average order"),
            pgettext_lazy("personalization", "spend %(amount)s on average"),
            MONEY,
        ),
        NumberField(
            "units",
            "units",
            pgettext_lazy("personalization", "Items bought"),
            pgettext_lazy("personalization", "bought %(amount)s items"),
            COUNT,
        ),
        NumberField(
            "returns_share",
            "returns_share",
            pgettext_lazy("personalization", "Share of returns in percent"),
            pgettext_lazy("personalization", "cancelled or sent back %(amount)s %% of what they ordered"),
            PERCENT,
            scale=100,
        ),
        NumberField(
            "store_share",
            "store_share",
            pgettext_lazy("personalization", "Share of purchases in stores in percent"),
            pgettext_lazy("personalization", "made %(amount)s %% of their purchases in stores"),
            PERCENT,
            scale=100,
        ),
        NumberField(
            "reviews",
            "reviews",
            pgettext_lazy("personalization", "Reviews"),
            pgettext_lazy("personalization", "wrote %(amount)s reviews"),
            COUNT,
        ),
        NumberField(
            "wish_items",
            "wish_items",
            pgettext_lazy("personalization", "Products on wish lists"),
            pgettext_lazy("personalization", "have %(amount)s products on their wish lists"),
            COUNT,
        ),
        NumberField(
            "alerts",
            "alerts",
            pgettext_lazy("personalization", "Products waited for"),
            pgettext_lazy("personalization", "wait for %(amount)s sold-out products"),
            COUNT,
        ),
        TierField(
            "value_tier",
            "value_tier",
            pgettext_lazy("personalization", "Tenth by kept revenue of a year (10 is the best)"),
            pgettext_lazy("personalization", "are in tenth %(amount)s by kept revenue of a year"),
            values.tiers(10),
        ),
        NumberField(
            "expected_spend",
            "expected_spend",
            pgettext_lazy("personalization", "Expected spend in 90 days"),
            pgettext_lazy("personalization", "are expected to spend %(amount)s in 90 days"),
            MONEY,
        ),
        NumberField(
            "order_chance",
            "order_chance",
            pgettext_lazy("personalization", "Chance of an order in 90 days, in percent"),
            pgettext_lazy("personalization", "have a chance of %(amount)s %% to order within 90 days"),
            PERCENT,
            scale=100,
        ),
        TierField(
            "expected_tier",
            "expected_tier",
            pgettext_lazy(
                "personalization", "Part by expected spend (1: the top tenth, 2: the next fifth, 3: the others)"
            ),
            pgettext_lazy("personalization", "are in part %(amount)s by expected spend"),
            values.tiers(3),
        ),
        TierField(
            "recency_tier",
            "recency_tier",
            pgettext_lazy("personalization", "Fifth by the last order (5 is the latest)"),
            pgettext_lazy("personalization", "are in fifth %(amount)s by their last order"),
            values.tiers(5),
        ),
        TierField(
            "frequency_tier",
            "frequency_tier",
            pgettext_lazy("personalization", "Fifth by the number of orders (5 is the most)"),
            pgettext_lazy("personalization", "are in fifth %(amount)s by their number of orders"),
            values.tiers(5),
        ),
    )


def _date_fields() -> tuple[Field, ...]:
    return (
        DateField(
            "first_order",
            pgettext_lazy("personalization", "First order"),
            pgettext_lazy("personalization", "ordered first %(when)s"),
            pgettext_lazy("personalization", "have ordered"),
            pgettext_lazy("personalization", "have never ordered"),
        ),
        DateField(
            "last_order",
            pgettext_lazy("personalization", "Last order"),
            pgettext_lazy("personalization", "ordered last %(when)s"),
            pgettext_lazy("personalization", "have ordered"),
            pgettext_lazy("personalization", "have never ordered"),
        ),
        DateField(
            "joined",
            pgettext_lazy("personalization", "Account opened"),
            pgettext_lazy("personalization", "opened their account %(when)s"),
            pgettext_lazy("personalization", "have a known date of opening their account"),
            pgettext_lazy("personalization", "have no known date of opening their account"),
        ),
        DateField(
            "value_tier_since",
            pgettext_lazy("personalization", "Reached their tenth by kept revenue (as of the last night)"),
            pgettext_lazy("personalization", "reached their tenth by kept revenue %(when)s"),
            pgettext_lazy("personalization", "changed their tenth by kept revenue"),
            pgettext_lazy("personalization", "are not known to have changed their tenth by kept revenue"),
        ),
        DueField(
            "next_due",
            pgettext_lazy("personalization", "Next order due"),
            pgettext_lazy("personalization", "are due to order again %(when)s"),
            pgettext_lazy("personalization", "order at regular times"),
            pgettext_lazy("personalization", "do not order at regular times"),
        ),
        DueField(
            "silent_from",
            pgettext_lazy("personalization", "Silent longer than usual (than in nine of ten of their pauses)"),
            pgettext_lazy("personalization", "are silent longer than usual from a day %(when)s"),
            pgettext_lazy("personalization", "ordered on five days or more"),
            pgettext_lazy("personalization", "ordered on fewer than five days"),
        ),
    )


def _taste_fields() -> tuple[Field, ...]:
    bought, not_bought = (
        pgettext_lazy("personalization", "bought %(names)s%(how)s"),
        pgettext_lazy("personalization", "did not buy %(names)s%(how)s"),
    )
    used, not_used = (
        pgettext_lazy("personalization", "used %(names)s%(how)s"),
        pgettext_lazy("personalization", "did not use %(names)s%(how)s"),
    )
    return (
        TasteField(
            "bought_category",
            "category",
            pgettext_lazy("personalization", "Bought from a category"),
            bought,
            BOUGHT_CATEGORY,
            negative=not_bought,
        ),
        OnlyTasteField(
            "took_up_category",
            "new",
            pgettext_lazy(
                "personalization", "New to a category (bought on two days, the first a month after their first order)"
            ),
            pgettext_lazy("personalization", "bought %(names)s for the first time%(how)s"),
            TOOK_UP,
            target="category",
        ),
        TasteField(
            "bought_brand",
            "brand",
            pgettext_lazy("personalization", "Bought a brand"),
            bought,
            BOUGHT,
            negative=not_bought,
        ),
        TasteField(
            "bought_product",
            "product",
            pgettext_lazy("personalization", "Bought a product"),
            bought,
            BOUGHT,
            negative=not_bought,
        ),
        TasteField(
            "bought_attribute",
            "attribute",
            pgettext_lazy("personalization", "Bought with a property"),
            bought,
            BOUGHT,
            negative=not_bought,
        ),
        ShareField(
            "share_category",
            pgettext_lazy("personalization", "Share of a category"),
            pgettext_lazy("personalization", "buy %(names)s for at least %(percent)s %% of what they buy"),
            values.share,
            "category",
        ),
        ShareField(
            "share_brand",
            pgettext_lazy("personalization", "Share of a brand"),
            pgettext_lazy("personalization", "buy %(names)s for at least %(percent)s %% of what they buy"),
            values.share,
            "brand",
        ),
        OnlyTasteField(
            "wish_list",
            "wish",
            pgettext_lazy("personalization", "Wish list holds"),
            pgettext_lazy("personalization", "have %(names)s on a wish list"),
            CHOSEN,
            target="product",
        ),
        OnlyTasteField(
            "waits_for",
            "alert",
            pgettext_lazy("personalization", "Waits for"),
            pgettext_lazy("personalization", "wait for %(names)s"),
            CHOSEN,
            target="product",
        ),
        TasteField(
            "used_voucher", "voucher", pgettext_lazy("personalization", "Used a voucher"), used, USED, negative=not_used
        ),
        TasteField(
            "used_offer", "offer", pgettext_lazy("personalization", "Used an offer"), used, USED, negative=not_used
        ),
        TasteField(
            "group",
            "group",
            pgettext_lazy("personalization", "Group"),
            pgettext_lazy("personalization", "are in the group %(names)s"),
            CHOSEN,
            negative=pgettext_lazy("personalization", "are not in the group %(names)s"),
        ),
    )


def _account_fields() -> tuple[Field, ...]:
    return (
        StaffField("is_staff", pgettext_lazy("personalization", "Works for the shop"), "", values.truth),
        ShipsToField(
            "ships_to",
            pgettext_lazy("personalization", "Last order sent to"),
            pgettext_lazy("personalization", "had their last order sent to %(codes)s"),
            values.codes(),
        ),
    )
