"""Slates, rows, products and menus as JSON. The serializer classes describe them in the schema."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from rest_framework import serializers

from personalization.decide.reasons import placement_label
from personalization.decide.slate import Link, PlacedBy, Row, Slate, SlateItem
from personalization.oscar import card_markup
from personalization.shop.category_labels import category_addresses
from personalization.surfaces.navigation import MenuShortcut


class ReasonAnswer(serializers.Serializer):
    """Why a row or an item is shown."""

    code = serializers.CharField(help_text="Stays the same in all languages and releases.")
    text = serializers.CharField(help_text="In the visitor's language.")


class PriceAnswer(serializers.Serializer):
    """By the shop's strategy for the requester."""

    amount = serializers.CharField(help_text="A decimal number; includes tax where the tax is known.")
    currency = serializers.CharField(help_text="ISO 4217.")
    includes_tax = serializers.BooleanField()


class ProductAnswer(serializers.Serializer):
    """A product as a card needs it."""

    title = serializers.CharField()
    url = serializers.CharField(help_text="Its page in the shop.")
    image = serializers.CharField(allow_null=True, help_text="The URL of its first image.")
    price = PriceAnswer(allow_null=True)
    available = serializers.BooleanField()
    availability_message = serializers.CharField(
        allow_blank=True, help_text="What a shopper should know before buying; empty when there is enough in stock."
    )
    addable_in_one_click = serializers.BooleanField(
        help_text="Whether it can be put into the basket without choosing a variant or options."
    )


class PlacementAnswer(serializers.Serializer):
    """That the shop itself put an item in its place. A client shows the label beside it."""

    label = serializers.CharField(help_text="In the visitor's language.")  # type: ignore[assignment]  # a field's name
    sponsored = serializers.BooleanField(help_text="Whether somebody pays for the place.")


class ItemAnswer(serializers.Serializer):
    """A product at its position."""

    id = serializers.IntegerField()
    position = serializers.IntegerField(help_text="From 0, within its row.")
    reason = ReasonAnswer()
    placed_by = PlacementAnswer(allow_null=True, help_text="Null where the shop did not choose the place itself.")
    product = ProductAnswer(required=False, help_text="With `include=product` only.")


class LinkAnswer(serializers.Serializer):
    """A way to continue that is not a product."""

    target = serializers.ChoiceField(choices=["search", "basket"])
    text = serializers.CharField(help_text="In the visitor's language.")
    params = serializers.DictField(help_text="The `query` of a search; the number of `items` in a basket.")


class RowAnswer(serializers.Serializer):
    """A titled strip of products."""

    key = serializers.CharField(help_text="Tells this row from others of its type.")
    type = serializers.CharField(help_text="The code of its row type; stays the same in all releases.")
    title = serializers.CharField()
    reason = ReasonAnswer()
    personal = serializers.BooleanField(help_text="Whether it depends on this visitor's data.")
    token = serializers.CharField(
        allow_blank=True,
        help_text="Sent to `events/` with what is reported of this row; empty without consent.",
    )
    items = ItemAnswer(many=True)
    links = LinkAnswer(many=True, help_text="Only in the row of `continue/`.")


class CategoryAnswer(serializers.Serializer):
    """A category and its URL."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    url = serializers.CharField()


class ShortcutAnswer(CategoryAnswer):
    """A category, and why the visitor gets a shortcut to it."""

    reason = ReasonAnswer()


EXPOSURE_HELP = (
    "Sent to `events/` as the `slate` of an event `exposure` when the page is really shown; empty where no experiment "
    "concerns it."
)


class NavigationAnswer(serializers.Serializer):
    """The shop's menu for one visitor."""

    shortcuts = ShortcutAnswer(many=True, help_text="The visitor's own, best first; none for an unknown visitor.")
    menu = CategoryAnswer(
        many=True, help_text="The top categories, sorted for the visitor as far as the settings allow."
    )
    shortcuts_token = serializers.CharField(
        allow_blank=True, help_text="Sent to `events/` with what is reported of the shortcuts; empty without consent."
    )
    menu_token = serializers.CharField(
        allow_blank=True, help_text="Sent to `events/` with what is reported of the menu; empty without consent."
    )
    exposure = serializers.CharField(allow_blank=True, help_text=EXPOSURE_HELP)


class SlateAnswer(serializers.Serializer):
    """What a visitor is shown on one surface."""

    surface = serializers.CharField()
    snapshot = serializers.CharField(allow_blank=True, help_text="The name of the snapshot; empty before any training.")
    fallback = serializers.BooleanField(help_text="Whether the rows were made without a snapshot.")
    rows = RowAnswer(many=True)
    exposure = serializers.CharField(allow_blank=True, help_text=EXPOSURE_HELP)


def serialize_slate(
    shown: Slate, tokens: Iterable[str], request: HttpRequest, include: bool, exposure: str = ""
) -> dict[str, Any]:
    """A SlateAnswer; `include` adds what product cards need, `exposure` is the token of the experiments it shows."""
    rows = zip(shown.rows, tokens, strict=True)
    return {
        "surface": shown.surface,
        "snapshot": shown.snapshot_name,
        "fallback": not shown.snapshot_name,
        "rows": [_row_data(row, token, request, include) for row, token in rows],
        "exposure": exposure,
    }


def _row_data(row: Row, token: str, request: HttpRequest, include: bool) -> dict[str, Any]:
    return {
        "key": row.key,
        "type": row.type,
        "title": row.title,
        "reason": _reason_data(row),
        "personal": row.personal,
        "token": token,
        "items": [_item_data(item, request, include) for item in row.items],
        "links": [_link_data(link) for link in row.links],
    }


def _item_data(item: SlateItem, request: HttpRequest, include: bool) -> dict[str, Any]:
    data = {
        "id": item.product_id,
        "position": item.position,
        "reason": _reason_data(item),
        "placed_by": serialize_placement(item.placed_by),
    }
    return {**data, "product": serialize_product(item.product, item.info, request)} if include else data


def serialize_placement(placed_by: PlacedBy | None) -> dict[str, Any] | None:
    """A PlacementAnswer; the name of the campaign is for the shop's staff alone."""
    return None if placed_by is None else {"label": placement_label(placed_by), "sponsored": placed_by.sponsored}


def _reason_data(of: SlateItem | Row | MenuShortcut) -> dict[str, str]:
    return {"code": of.reason.code, "text": of.explanation}


def _link_data(link: Link) -> dict[str, Any]:
    return {"target": link.target, "text": link.label, "params": dict(link.params)}


def serialize_product(shown: Any, info: Any, request: HttpRequest) -> dict[str, Any]:
    """A ProductAnswer, of Oscar's product and the requester's purchase info for it."""
    product = card_markup.product_data(shown, info)
    return {
        "title": product.title,
        "url": request.build_absolute_uri(product.url),
        "image": product.image_url and request.build_absolute_uri(product.image_url),
        "price": _price_data(product),
        "available": product.available,
        "availability_message": product.availability,
        "addable_in_one_click": product.addable_in_one_click,
    }


def _price_data(product: card_markup.ProductData) -> dict[str, Any] | None:
    if product.amount is None:
        return None
    return {"amount": f"{product.amount:f}", "currency": product.currency, "includes_tax": product.includes_tax}


def serialize_shortcut(one: MenuShortcut, request: HttpRequest) -> dict[str, Any]:
    """A ShortcutAnswer."""
    return {"id": one.key, "name": one.name, "url": request.build_absolute_uri(one.url), "reason": _reason_data(one)}


def serialize_category(one: Any, request: HttpRequest) -> dict[str, Any]:
    """A CategoryAnswer."""
    (address,) = category_addresses([one])
    return {"id": one.pk, "name": one.name, "url": request.build_absolute_uri(address)}
