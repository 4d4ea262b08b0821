"""On the page of a product that is sold in sizes: in which of them this visitor usually buys."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import npgettext

from personalization.decide.usual_sizes import UsualSize, sizes_to_show
from personalization.models.fail_open import fail_open
from personalization.oscar import visits
from personalization.shop import catalogue, sizes

MAX_LINKS = 6
CHILDREN = "_prefetched_public_children"
"""Where Oscar's product keeps its variants that were read with it."""


@dataclass(frozen=True)
class OfferedVariant:
    """A variant that this visitor can buy now."""

    product: Any
    name: str
    is_usual: bool
    """Whether it is in a size of theirs."""
    is_preselected: bool = False


@dataclass(frozen=True)
class UsualVariants:
    """What a page says of a visitor's size."""

    sizes: tuple[str, ...]
    """The names of their sizes in which the product can be bought; several where several people seem to buy."""
    lines: int
    """In how many lines of their orders they bought the one size and kept it; 0 where they stated it."""
    variants: tuple[OfferedVariant, ...]
    """All that can be bought."""
    current: int | None
    """The key of the variant whose own page this is."""

    @property
    def has_one_size(self) -> bool:
        """Whether it is said to be the visitor's."""
        return len(self.sizes) == 1

    @property
    def preselected(self) -> OfferedVariant | None:
        """The one variant that a form has selected."""
        return next((one for one in self.variants if one.is_preselected), None)

    @property
    def links(self) -> tuple[OfferedVariant, ...]:
        """The variants in their sizes, without the one whose page this is."""
        return tuple(one for one in self.variants if one.is_usual and one.product.pk != self.current)[:MAX_LINKS]


def usual_variants(request: HttpRequest, product: Any, known: Sequence[Any] = ()) -> UsualVariants | None:
    """What the page of this product, a parent or a variant, says of the visitor's size; None for visitors without
    consent or a size, and where no variant in it can be bought.

    One query for who has a size; `known` are the product's public variants, where the rows of the page have read them.
    """
    visit = visits.consented_visit(request)
    theirs = sizes_to_show(visit) if visit is not None else {}
    parent = product.parent_id or product.pk
    sized = sizes.sized_variants([parent], theirs) if theirs else []
    wanted = {(one.attribute, one.size): one for found in theirs.values() for one in found}
    if visit is None or not any((one.attribute, one.size) in wanted for one in sized):
        return None
    variants = known or sizes.read_variants(product)
    buyable = [one for one in variants if catalogue.get_offer(one, visit.strategy)]
    return _describe(product, buyable, sized, wanted)


def size_notes(request: HttpRequest, products: Iterable[Any]) -> dict[str, str]:
    """By the address of its page, in which of the visitor's sizes each of these products can be bought now. One query,
    for a visitor with a size and products in variants whose variants have been read; nothing for all others."""
    visit = visits.visit_read_before(request)
    theirs = sizes_to_show(visit) if visit is not None else {}
    parents = {one.pk: one for one in products if one.is_parent and hasattr(one, CHILDREN)}
    if visit is None or not theirs or not parents:
        return {}
    with fail_open("Looking for the visitor's size in a list"):
        return _notes_of(parents, theirs, visit.strategy)
    return {}


def _notes_of(parents: dict[int, Any], theirs: dict[int, list[UsualSize]], strategy: Any) -> dict[str, str]:
    wanted = {(one.attribute, one.size) for found in theirs.values() for one in found}
    sized = sizes.sized_variants(parents, theirs)
    names = {one.product_id: one.name for one in sized if (one.attribute, one.size) in wanted}
    notes = {}
    for parent in parents.values():
        theirs_here = (child for child in getattr(parent, CHILDREN) if child.pk in names)
        found = dict.fromkeys(names[child.pk] for child in theirs_here if catalogue.get_offer(child, strategy))
        if found:
            notes[parent.get_absolute_url()] = _size_note(list(found))
    return notes


def _size_note(names: Sequence[str]) -> str:
    words = npgettext("personalization", "In your size: %(sizes)s", "In your sizes: %(sizes)s", len(names))
    return words % {"sizes": ", ".join(names)}


def _describe(
    product: Any,
    buyable: Iterable[Any],
    sized: Iterable[sizes.SizedVariant],
    wanted: dict[tuple[int, str], UsualSize],
) -> UsualVariants | None:
    variants = {one.pk: one for one in buyable}
    found = [one for one in sized if one.product_id in variants and (one.attribute, one.size) in wanted]
    if not found:
        return None
    usual = {one.product_id for one in found}
    names = tuple(dict.fromkeys(one.name for one in found))
    groups = {(one.attribute, one.size) for one in found}
    is_sure = len(groups) == 1 and len(usual) == 1 and _is_only(groups, wanted)
    size_names = {one.product_id: one.name for one in sized}
    return UsualVariants(
        sizes=names,
        lines=wanted[groups.copy().pop()].lines if len(groups) == 1 else 0,
        variants=tuple(
            OfferedVariant(
                one, _variant_name(one.title, size_names.get(key, "")), key in usual, is_sure and key in usual
            )
            for key, one in variants.items()
        ),
        current=product.pk if product.parent_id else None,
    )


def _variant_name(title: str, size: str) -> str:
    """The title of a variant, with its size where that does not say it."""
    if not title or not size:
        return title or size
    return title if size.casefold() in title.casefold().split() else f"{title}, {size}"


def _is_only(groups: set[tuple[int, str]], wanted: dict[tuple[int, str], UsualSize]) -> bool:
    """Whether the visitor has no other size of the same attribute, which may only be sold out: nobody guesses then for
    whom they buy."""
    attributes = {attribute for attribute, _ in groups}
    return sum(attribute in attributes for attribute, _ in wanted) == 1
