"""What a decision looks like as JSON. The serializers are the schema's words, and do the writing, too."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from rest_framework import serializers

from personalization.decide.category_menu import MenuShortcut
from personalization.decide.slate import Link, Row, Slate, SlateItem
from personalization.oscar import card_markup


class ReasonAnswer(serializers.Serializer):
    """Why something is shown."""

    code = serializers.CharField(help_text="Stays the same in all languages and releases.")
    text = serializers.CharField(help_text="The reason in the visitor's language.")


class PriceAnswer(serializers.Serializer):
    """By the shop's strategy for whoever asks."""

    amount = serializers.CharField(help_text="A decimal number; with tax where the tax is known.")
    currency = serializers.CharField(help_text="ISO 4217.")
    with_tax = serializers.BooleanField()


class ProductAnswer(serializers.Serializer):
    """A product as a card needs it."""

    title = serializers.CharField()
    url = serializers.CharField(help_text="Its page in the shop.")
    image = serializers.CharField(allow_null=True, help_text="The address of its first picture.")
    price = PriceAnswer(allow_null=True)
    available = serializers.BooleanField()
    notice = serializers.CharField(
        allow_blank=True, help_text="What a shopper should know before they buy; empty when there is enough of it."
    )
    in_one_click = serializers.BooleanField(help_text="Whether it can be bought without choosing a variant or options.")


class ItemAnswer(serializers.Serializer):
    """A product in its place."""

    id = serializers.IntegerField()
    position = serializers.IntegerField(help_text="From 0, within its row.")
    reason = ReasonAnswer()
    product = ProductAnswer(required=False, help_text="With `include=product` only.")


class LinkAnswer(serializers.Serializer):
    """A way to go on that is no product."""

    kind = serializers.ChoiceField(choices=["search", "basket"])
    text = serializers.CharField(help_text="In the visitor's language.")
    facts = serializers.DictField(help_text="The `query` of a search; how many `items` lie in a basket.")


class RowAnswer(serializers.Serializer):
    """A titled strip of products."""

    key = serializers.CharField(help_text="Tells this row from others of its kind.")
    code = serializers.CharField()
    title = serializers.CharField()
    reason = ReasonAnswer()
    personal = serializers.BooleanField(help_text="Whether it speaks of this visitor.")
    token = serializers.CharField(
        allow_blank=True,
        help_text="Goes with what is reported of this row to `events/`; empty for whoever may not be reported.",
    )
    items = ItemAnswer(many=True)
    links = LinkAnswer(many=True, help_text="What else the row leads to; only where a visitor stopped.")


class CategoryAnswer(serializers.Serializer):
    """A category, and where it is."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    url = serializers.CharField()


class ShortcutAnswer(CategoryAnswer):
    """The same with why it is a visitor's own."""

    reason = ReasonAnswer()


class NavigationAnswer(serializers.Serializer):
    """The shop's menu for one visitor."""

    shortcuts = ShortcutAnswer(many=True, help_text="Their own, best first; none where nothing is known of them.")
    menu = CategoryAnswer(many=True, help_text="The top of the shop's menu, as far as the shop lets it move.")


class SlateAnswer(serializers.Serializer):
    """What somebody is shown on one surface."""

    surface = serializers.CharField()
    snapshot = serializers.CharField(allow_blank=True, help_text="What it was decided with; empty before any training.")
    fallback = serializers.BooleanField(help_text="Whether nothing learned could be used.")
    rows = RowAnswer(many=True)


def serialize_slate(shown: Slate, tokens: Iterable[str], request: HttpRequest, include: bool) -> dict[str, Any]:
    """A SlateAnswer; with what cards need when they are to be included."""
    rows = zip(shown.rows, tokens, strict=True)
    return {
        "surface": shown.surface,
        "snapshot": shown.snapshot_name,
        "fallback": not shown.snapshot_name,
        "rows": [_row(row, token, request, include) for row, token in rows],
    }


def _row(row: Row, token: str, request: HttpRequest, include: bool) -> dict[str, Any]:
    return {
        "key": row.key,
        "code": row.type,
        "title": row.title,
        "reason": _reason(row),
        "personal": row.personal,
        "token": token,
        "items": [_item(item, request, include) for item in row.items],
        "links": [_link(link) for link in row.links],
    }


def _item(item: SlateItem, request: HttpRequest, include: bool) -> dict[str, Any]:
    told = {"id": item.product_id, "position": item.position, "reason": _reason(item)}
    return {**told, "product": _product(item, request)} if include else told


def _reason(of: SlateItem | Row | MenuShortcut) -> dict[str, str]:
    return {"code": of.reason.code, "text": of.explanation}


def _link(link: Link) -> dict[str, Any]:
    return {"kind": link.target, "text": link.label, "facts": dict(link.params)}


def _product(item: SlateItem, request: HttpRequest) -> dict[str, Any]:
    facts = card_markup.product_data(item.product, item.info)
    return {
        "title": facts.title,
        "url": request.build_absolute_uri(facts.url),
        "image": facts.image_url and request.build_absolute_uri(facts.image_url),
        "price": _price(facts),
        "available": True,  # nothing else is shown
        "notice": facts.availability,
        "in_one_click": facts.addable_in_one_click,
    }


def _price(facts: card_markup.ProductData) -> dict[str, Any] | None:
    if facts.amount is None:
        return None
    return {"amount": f"{facts.amount:f}", "currency": facts.currency, "with_tax": facts.includes_tax}


def serialize_shortcut(one: MenuShortcut, request: HttpRequest) -> dict[str, Any]:
    """A ShortcutAnswer."""
    return {"id": one.key, "name": one.name, "url": request.build_absolute_uri(one.url), "reason": _reason(one)}


def serialize_category(one: Any, request: HttpRequest) -> dict[str, Any]:
    """A CategoryAnswer."""
    return {"id": one.pk, "name": one.name, "url": request.build_absolute_uri(one.get_absolute_url())}
