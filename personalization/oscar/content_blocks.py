"""What the content block of a slot is printed from: its words in the visitor's language, its picture, its token."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import HttpRequest
from django.template import Context

from personalization.decide.post_spots import ShownSpot
from personalization.decide.product_lookup import ProductLookup
from personalization.decide.visit import Visit
from personalization.merchandising.campaign_codes import example_code, fill_code, has_code_words, own_code
from personalization.merchandising.compiled_blocks import Block, BlockPicture, BlockText
from personalization.models.fail_open import fail_open
from personalization.oscar import page_slates, visits
from personalization.oscar.post_markup import PrintedSpot, print_spots
from personalization.privacy.requester import is_shared_page
from personalization.report_tokens import block_token
from personalization.serve_content import expect_spots, has_spots, serve_block, serve_spots
from personalization.shop.voucher_codes import OwnCode

FOCUS_STEP = 10
"""Percent: the stylesheet has a class for each of these steps, as a page of ours has no style of its own."""
MIDDLE_WIDTH = 960
"""What a browser loads that knows no `srcset`."""
FRAGMENT_PREFIX = "block:"
"""Before the name of a slot, where a page for everybody says which of its places are slots."""


@dataclass(frozen=True)
class PrintedPicture:
    """A picture as the page names it."""

    address: str
    srcset: str
    width: int
    height: int
    focus_x: int
    focus_y: int


@dataclass(frozen=True)
class PrintedBlock:
    """A block and what its template needs besides."""

    block: Block
    text: BlockText
    picture: PrintedPicture | None
    token: str = ""
    """Its impression token; "" where nothing is reported."""
    campaign: int = 0
    """The key of the campaign of which this visitor may ask for a voucher code; 0 for none."""
    suffix: str = ""
    """What tells it from the same block on the same page, as in other languages beside the form."""
    spots: tuple[PrintedSpot, ...] = ()
    """Of a post, in reading order."""

    @property
    def title_anchor(self) -> str:
        """The id of its title on the page."""
        return f"personalization-block-{self.block.id}{self.suffix}"

    @property
    def anchor(self) -> str:
        """The id of a post on the page, to which its forms come back."""
        return f"personalization-post-{self.block.id}{self.suffix}"


def personalized_block(context: Context, slot: str, *, rows: str = "") -> dict[str, Any]:
    """{% personalized_block "home-hero" rows="home" %}: the content block of a slot for this visitor; nothing, and no
    query, where none is published for it.

    Parameters: `rows`, the surface whose rows stand further down on this page; a post has its products looked up
    together with theirs.
    """
    request = context.get("request")
    if request is None or slot not in visits.rules_in_force(request).blocks:
        return {}
    with fail_open(f"Printing the content block of {slot}", queries=False):
        visit = read_visit(request)
        block = serve_block(slot, visit)
        is_shared, lookup = is_shared_page(request), page_slates.page_lookup(request)
        if block and rows and has_spots(block):
            expect_spots([block], visit, lookup)
            page_slates.decide_ahead(context, rows)
        return {
            "printed": next(iter(print_blocks([block], visit, lookup)), None) if block else None,
            "slot": slot,
            "place": f"{FRAGMENT_PREFIX}{slot}" if is_shared else "",
            "has_forms": not is_shared,
            "next": request.get_full_path(),
        }
    return {}


def read_visit(request: HttpRequest) -> Visit:
    """The visit of a request; a stranger's while the requester cannot be read."""
    with fail_open("Reading the visit", queries=not visits.is_read(request)):
        return visits.visit_from_request(request)
    return visits.anonymous_visit(request)


def print_block(block: Block, visit: Visit) -> PrintedBlock | None:
    """A block in the language of a visit; None where nothing of its heading is left without a voucher code. No query
    but for the products of a post (`serve_spots`), and for a block that names the visitor's code."""
    return next(iter(print_blocks([block], visit)), None)


def print_blocks(blocks: Sequence[Block], visit: Visit, lookup: ProductLookup | None = None) -> list[PrintedBlock]:
    """Several blocks, the products of all posts among them looked up together, or found in the page's `lookup`; without
    those of whose heading nothing is left."""
    spots = serve_spots(blocks, visit, lookup)
    printed = (_print_one(block, visit, spots.get(block.id, ())) for block in blocks)
    return [one for one in printed if one is not None]


def _print_one(block: Block, visit: Visit, shown: Sequence[ShownSpot]) -> PrintedBlock | None:
    text, may_ask = block.text_in(visit.language, settings.LANGUAGE_CODE), False
    parts = vars(text).values()
    if any(map(has_code_words, parts)):
        own, may_ask = _code_of_visitor(block, visit)
        text = BlockText(*(fill_code(part, own) for part in parts))
        if not (text.text if block.kind == "text" else text.title):
            return None
    picture = print_picture(block.picture) if block.picture else None
    campaign = block.campaign if may_ask else 0
    return PrintedBlock(block, text, picture, block_token(block, visit), campaign, spots=print_spots(shown))


def _code_of_visitor(block: Block, visit: Visit) -> tuple[OwnCode | None, bool]:
    """(the visitor's code of the block's campaign, whether they may ask for one). Nobody's where another person may be
    looking; staff see an example."""
    moment = datetime.fromtimestamp(visit.timestamp, UTC)
    is_hidden = visit.user_id is None or visit.hide_private_reasons
    if not block.makes_codes or (is_hidden and not visit.is_preview):
        return None, False
    with fail_open("Reading a voucher code"):
        if visit.is_preview:
            return example_code(moment, block.campaign), False
        own, had_one = own_code(block.campaign, visit.user_id, moment)
        return own, not had_one
    return None, False


def print_picture(picture: BlockPicture) -> PrintedPicture:
    """The addresses of a picture's files, as the shop's storage gives them."""
    addresses = [(width, default_storage.url(name)) for width, name in picture.files]
    usual = next((address for width, address in addresses if width >= MIDDLE_WIDTH), addresses[-1][1])
    x, y = (FOCUS_STEP * round(part / FOCUS_STEP) for part in picture.focus)
    srcset = ", ".join(f"{address} {width}w" for width, address in addresses)
    return PrintedPicture(usual, srcset, picture.width, picture.height, x, y)
