"""From published content blocks to what a decision reads."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from personalization.merchandising.compile_audience import compile_audience, compile_schedule
from personalization.merchandising.compiled_blocks import Block, BlockPicture, BlockText
from personalization.merchandising.posts import compile_post, spot_products
from personalization.models import BlockImage, Definition

BlocksBySlot = Mapping[str, tuple[Block, ...]]


def compile_block(
    definition: Definition, document: Mapping[str, Any], image: BlockImage | None, problems: list[str | Promise]
) -> Block:
    """A block as it acts.

    Parameters: `image`, the picture that the document names; where that is gone, the block stands without one, which is
    added to the `problems`.
    """
    if "image" in document and image is None:
        problems.append(_("The picture that it names was deleted."))
    return Block(
        id=definition.pk,
        version=definition.live.number if definition.live is not None else 0,
        name=definition.name,
        slot=document["slot"],
        kind=document["kind"],
        place=definition.place,
        texts=_texts_by_language(document["variants"]),
        picture=block_picture(document, image),
        audience=compile_audience(document.get("who", {})),
        schedule=compile_schedule(document.get("when", {})),
        categories=frozenset(document.get("categories", ())),
        products=frozenset((*document.get("products", ()), *spot_products(document))),
        campaign=definition.campaign_id or 0,
        makes_codes=document.get("makes_codes", False),
        by_taste=document.get("by_taste", False),
        post=compile_post(document),
        published_at=definition.published_at.timestamp() if definition.published_at else 0.0,
    )


def _texts_by_language(variants: Mapping[str, Mapping[str, str]]) -> dict[str, BlockText]:
    """Those of the shop's main language first: they are shown where a block has none in a visitor's."""
    main = settings.LANGUAGE_CODE.lower()
    ordered = sorted(variants.items(), key=lambda one: one[0].lower() != main)
    return {language.lower(): BlockText(**texts) for language, texts in ordered}


def block_picture(document: Mapping[str, Any], image: BlockImage | None) -> BlockPicture | None:
    """The picture of a block, with its point in view; None for none."""
    if image is None or "image" not in document:
        return None
    left, top = document["image"].get("focus", (50, 50))
    files = tuple((width, image.file_name(width)) for width in image.widths)
    return BlockPicture(files, image.width, image.height, (left, top))


def image_keys(documents: Iterable[Any]) -> set[int]:
    """The keys of the pictures that documents name, whatever they are."""
    images = (one.get("image") for one in documents if isinstance(one, Mapping))
    return {one["key"] for one in images if isinstance(one, Mapping) and isinstance(one.get("key"), int)}


def blocks_by_slot(blocks: Iterable[Block]) -> BlocksBySlot:
    """The blocks of each slot, in their order."""
    found: dict[str, list[Block]] = {}
    for block in sorted(blocks, key=lambda one: (one.place, one.id)):
        found.setdefault(block.slot, []).append(block)
    return {slot: tuple(some) for slot, some in found.items()}
