"""The content block of a slot, for shops that print their pages themselves."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from personalization.api.openapi import operation
from personalization.api.serializers import EXPOSURE_HELP, ProductAnswer, serialize_product
from personalization.api.views_base import APIEndpoint, cacheable_response, is_anonymous_visit
from personalization.decide.blocks import differs_by_visitor
from personalization.decide.visit import Visit
from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.oscar.content_blocks import PrintedBlock, print_block
from personalization.oscar.post_markup import PrintedSpot
from personalization.serve_content import serve_block

SLOT_PARAMETER = OpenApiParameter("slot", str, OpenApiParameter.PATH, description="As the merchants name it.")


class PictureAnswer(serializers.Serializer):
    """A picture in several widths."""

    url = serializers.CharField()
    srcset = serializers.CharField(help_text="All its files, as the `srcset` of an image has them.")
    width = serializers.IntegerField(help_text="Of the widest file, in pixels.")
    height = serializers.IntegerField()
    focus_x = serializers.IntegerField(help_text="The point that stays in view, in percent from the left.")
    focus_y = serializers.IntegerField(help_text="In percent from the top.")
    alt = serializers.CharField(help_text="What it shows, in the visitor's language.")


class SpotAnswer(serializers.Serializer):
    """A product in the picture of a post that can be bought now."""

    number = serializers.IntegerField(help_text="From 1, in reading order.")
    x = serializers.IntegerField(help_text="In percent from the left of the picture.")
    y = serializers.IntegerField(help_text="In percent from the top.")
    id = serializers.IntegerField()
    product = ProductAnswer()
    instead_of = serializers.CharField(
        allow_blank=True, help_text="The title of the sold-out product for which this one stands; else empty."
    )


class PostAnswer(serializers.Serializer):
    """What a shoppable post has besides. Nothing of another site is to be loaded for it: link to it."""

    owner = serializers.CharField(allow_blank=True, help_text="Whose picture it is: show it.")
    origin = serializers.CharField(allow_blank=True, help_text="The address where it was posted first.")
    video = serializers.CharField(allow_blank=True, help_text="The address of the video of which it is a still.")
    spots = SpotAnswer(many=True)


class BlockAnswer(serializers.Serializer):
    """A content block in the visitor's language. All of it is plain text: escape it."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=["hero", "banner", "text", "post"])
    title = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    call = serializers.CharField(allow_blank=True, help_text="The words of its button.")
    link = serializers.CharField(allow_blank=True, help_text="A path of this shop, or an http(s) address.")
    picture = PictureAnswer(allow_null=True)
    post = PostAnswer(allow_null=True, help_text="Null for a block of another kind.")
    token = serializers.CharField(
        allow_blank=True, help_text="Sent to `events/` with what is reported of it; empty without consent."
    )


class SlotAnswer(serializers.Serializer):
    """What a visitor sees in a slot."""

    slot = serializers.CharField()
    block = BlockAnswer(allow_null=True, help_text="Null where nothing is published for the slot.")
    exposure = serializers.CharField(allow_blank=True, help_text=EXPOSURE_HELP)


class BlockEndpoint(APIEndpoint):
    """The content block of a slot."""

    @operation(operation_id="block", parameters=[SLOT_PARAMETER], responses=SlotAnswer)
    def get(self, request: Request, slot: str) -> Response:
        """The first one that is meant for this visitor. Strangers, and who is held back, get what is for everybody."""
        data: dict[str, Any] = {"slot": slot, "block": None, "exposure": ""}
        with fail_open("A content block for the API"):
            visit = self.visit(request)
            block = serve_block(slot, visit)
            printed = print_block(block, visit) if block else None
            data = {
                **data,
                "block": printed and _block_data(printed, request),
                "exposure": visits.exposure_token(visit),
            }
            if _is_for_all(self, visit, slot):
                return cacheable_response(request, data, shared=not visit.country)
        return Response(data)


def _is_for_all(view: APIEndpoint, visit: Visit, slot: str) -> bool:
    return is_anonymous_visit(view.requester, visit) and not differs_by_visitor(visit.rules, slot)


def _block_data(printed: PrintedBlock, request: Request) -> dict[str, Any]:
    text, picture = printed.text, printed.picture
    return {
        "id": printed.block.id,
        "kind": printed.block.kind,
        "title": text.title,
        "text": text.text,
        "call": text.call,
        "link": text.link,
        "picture": picture
        and {
            "url": picture.address,
            "srcset": picture.srcset,
            "width": picture.width,
            "height": picture.height,
            "focus_x": picture.focus_x,
            "focus_y": picture.focus_y,
            "alt": text.alt,
        },
        "post": _post_data(printed, request),
        "token": printed.token,
    }


def _post_data(printed: PrintedBlock, request: Request) -> dict[str, Any] | None:
    post = printed.block.post
    if post is None:
        return None
    return {
        "owner": post.owner,
        "origin": post.origin,
        "video": post.video,
        "spots": [_spot_data(spot, request) for spot in printed.spots],
    }


def _spot_data(spot: PrintedSpot, request: Request) -> dict[str, Any]:
    return {
        "number": spot.number,
        "x": spot.x,
        "y": spot.y,
        "id": spot.product_id,
        "product": serialize_product(spot.offer.product, spot.offer.info, request),
        "instead_of": spot.replaced_title,
    }
