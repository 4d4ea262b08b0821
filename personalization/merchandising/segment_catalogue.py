"""All fields that a condition of a segment may name, by their codes, in the order in which a form lists them."""

from functools import cache

from django.utils.translation import gettext_lazy as _
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

COUNT = values.numbers(values.whole_number)
MONEY = values.numbers(values.amount)
PERCENT = values.numbers(lambda value: values.whole_number(value, 0, 100))
BOUGHT_CATEGORY = values.chosen(_("Choose at least one category."), times=True, max_days=values.MAX_DAYS)
BOUGHT = values.chosen(times=True, max_days=values.MAX_DAYS)
LOOKED_AT = values.chosen(max_days=values.MAX_EVENT_DAYS)
CHOSEN_CATEGORY = values.chosen(_("Choose at least one category."))
CHOSEN = values.chosen()
USED = values.chosen(max_days=values.MAX_DAYS)


@cache
def all_fields() -> dict[str, Field]:
    """The fields by code."""
    fields = (*_number_fields(), *_date_fields(), *_taste_fields(), *_account_fields(), *_visit_fields())
    return {field.code: field for field in fields}


def _number_fields() -> tuple[Field, ...]:
    return (
        NumberField(
            "orders", "kept_orders", pgettext_lazy("personalization", "Orders"), _("have %(amount)s orders"), COUNT
        ),
        NumberField("revenue", "kept_revenue", _("Kept revenue"), _("spent %(amount)s in all"), MONEY),
        NumberField("average_order", "aov", _("Average order"), _("spend %(amount)s on average"), MONEY),
        NumberField(
            "units", "units", pgettext_lazy("personalization", "Items bought"), _("bought %(amount)s items"), COUNT
        ),
        NumberField(
            "returns_share",
            "returns_share",
            _("Share of returns in percent"),
            _("cancelled or sent back %(amount)s %% of what they ordered"),
            PERCENT,
            scale=100,
        ),
        NumberField(
            "reviews", "reviews", pgettext_lazy("personalization", "Reviews"), _("wrote %(amount)s reviews"), COUNT
        ),
        NumberField(
            "wish_items",
            "wish_items",
            _("Products on wish lists"),
            _("have %(amount)s products on their wish lists"),
            COUNT,
        ),
        NumberField("alerts", "alerts", _("Products waited for"), _("wait for %(amount)s sold-out products"), COUNT),
        TierField(
            "value_tier",
            "value_tier",
            _("Tenth by kept revenue of a year (10 is the best)"),
            _("are in tenth %(amount)s by kept revenue of a year"),
            values.tiers(10),
        ),
        TierField(
            "recency_tier",
            "recency_tier",
            _("Fifth by the last order (5 is the latest)"),
            _("are in fifth %(amount)s by their last order"),
            values.tiers(5),
        ),
        TierField(
            "frequency_tier",
            "frequency_tier",
            _("Fifth by the number of orders (5 is the most)"),
            _("are in fifth %(amount)s by their number of orders"),
            values.tiers(5),
        ),
    )


def _date_fields() -> tuple[Field, ...]:
    return (
        DateField(
            "first_order", _("First order"), _("ordered first %(when)s"), _("have ordered"), _("have never ordered")
        ),
        DateField(
            "last_order", _("Last order"), _("ordered last %(when)s"), _("have ordered"), _("have never ordered")
        ),
        DateField(
            "joined",
            _("Account opened"),
            _("opened their account %(when)s"),
            _("have a known date of opening their account"),
            _("have no known date of opening their account"),
        ),
        DueField(
            "next_due",
            _("Next order due"),
            _("are due to order again %(when)s"),
            _("order at regular times"),
            _("do not order at regular times"),
        ),
    )


def _taste_fields() -> tuple[Field, ...]:
    bought, not_bought = _("bought %(names)s%(how)s"), _("did not buy %(names)s%(how)s")
    used, not_used = _("used %(names)s%(how)s"), _("did not use %(names)s%(how)s")
    return (
        TasteField(
            "bought_category", "category", _("Bought from a category"), bought, BOUGHT_CATEGORY, negative=not_bought
        ),
        TasteField("bought_brand", "brand", _("Bought a brand"), bought, BOUGHT, negative=not_bought),
        TasteField("bought_product", "product", _("Bought a product"), bought, BOUGHT, negative=not_bought),
        TasteField("bought_attribute", "attribute", _("Bought with a property"), bought, BOUGHT, negative=not_bought),
        ShareField(
            "share_category",
            _("Share of a category"),
            _("buy %(names)s for at least %(percent)s %% of what they buy"),
            values.share,
            "category",
        ),
        ShareField(
            "share_brand",
            _("Share of a brand"),
            _("buy %(names)s for at least %(percent)s %% of what they buy"),
            values.share,
            "brand",
        ),
        OnlyTasteField(
            "wish_list", "wish", _("Wish list holds"), _("have %(names)s on a wish list"), CHOSEN, target="product"
        ),
        OnlyTasteField("waits_for", "alert", _("Waits for"), _("wait for %(names)s"), CHOSEN, target="product"),
        TasteField("used_voucher", "voucher", _("Used a voucher"), used, USED, negative=not_used),
        TasteField("used_offer", "offer", _("Used an offer"), used, USED, negative=not_used),
        TasteField(
            "group",
            "group",
            pgettext_lazy("personalization", "Group"),
            _("are in the group %(names)s"),
            CHOSEN,
            negative=_("are not in the group %(names)s"),
        ),
    )


def _account_fields() -> tuple[Field, ...]:
    return (
        StaffField("is_staff", _("Works for the shop"), "", values.truth),
        ShipsToField("ships_to", _("Last order sent to"), _("had their last order sent to %(codes)s"), values.codes()),
    )


def _visit_fields() -> tuple[Field, ...]:
    looked, not_looked = _("looked at %(names)s%(how)s"), _("did not look at %(names)s%(how)s")
    holds, holds_not = _("have %(names)s in the basket"), _("do not have %(names)s in the basket")
    return (
        LookedAtField(
            "looked_at_category", "category", _("Looked at a category"), looked, LOOKED_AT, negative=not_looked
        ),
        LookedAtField("looked_at_product", "product", _("Looked at a product"), looked, LOOKED_AT, negative=not_looked),
        SearchedField("searched", _("Searched for"), _("searched for %(codes)s%(how)s"), values.searched),
        VisitsField(
            "visits", pgettext_lazy("personalization", "Visits"), _("came %(amount)s times%(how)s"), values.visits
        ),
        VisitorTypeField(
            "visitor_type",
            _("New or returning"),
            "",
            values.choice("new", "returning", "customer"),
        ),
        InterestField(
            "interest", _("Stated interest"), _("want to see more of %(names)s"), CHOSEN_CATEGORY, "category"
        ),
        BasketItemsField("basket_items", _("Items in the basket"), _("have %(amount)s items in the basket"), COUNT),
        BasketHoldsField(
            "basket_category", "category", _("Basket holds a category"), holds, CHOSEN_CATEGORY, negative=holds_not
        ),
        BasketHoldsField("basket_product", "product", _("Basket holds a product"), holds, CHOSEN, negative=holds_not),
        TraitField(
            "country",
            pgettext_lazy("personalization", "Country"),
            _("are in %(codes)s"),
            _("are not in %(codes)s"),
            values.codes(),
        ),
        TraitField(
            "language",
            pgettext_lazy("personalization", "Language"),
            _("read the shop in %(codes)s"),
            _("do not read the shop in %(codes)s"),
            values.codes(),
        ),
        TraitField(
            "device",
            pgettext_lazy("personalization", "Device"),
            _("use a %(codes)s"),
            _("do not use a %(codes)s"),
            values.codes("phone", "tablet", "computer"),
        ),
        TraitField(
            "channel",
            pgettext_lazy("personalization", "Came from"),
            _("came by %(codes)s"),
            _("did not come by %(codes)s"),
            values.codes("search", "social", "email", "ads", "link", "direct"),
        ),
    )
