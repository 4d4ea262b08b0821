"""What is remembered of a customer's sizes: shown to them, stated, corrected and deleted by them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from personalization.models import Genome, Visitor
from personalization.models.fail_open import fail_open
from personalization.models.sizes_stated import SIZE, size_statement, stated_size
from personalization.models.visitors import Preference
from personalization.privacy import flows
from personalization.privacy.requester import Requester
from personalization.profile import genome
from personalization.shop import sizes

BY_PURCHASES, NEVER = "purchases", "never"
"""What a customer may choose instead of a size: what they buy decides, or nothing is remembered."""


@dataclass(frozen=True)
class RememberedSizes:
    """What is remembered for one attribute of one product class, and what can be stated."""

    attribute: sizes.SizeAttribute
    bought: tuple[tuple[str, int], ...]
    """(name of a size, lines of orders that were kept), as far as that is remembered."""
    stated: str
    """The key of the size that they stated; "" for none."""
    is_refused: bool
    """Whether nothing is to be remembered."""

    @property
    def stated_name(self) -> str:
        """The name of the size that they stated; "" for none, and for one that the shop does not have any more."""
        return self.attribute.names.get(self.stated, "")


def remembered_sizes(own: Genome, preferences: Iterable[Preference]) -> list[RememberedSizes]:
    """One for each attribute of the shop that says a size. Three queries at most."""
    stated = {}
    for one in preferences:
        if one.type == SIZE:
            attribute, size = stated_size(one.key)
            stated[attribute] = size, one.sign
    return [_remembered(attribute, own, *stated.get(attribute.id, ("", 0))) for attribute in sizes.size_attributes()]


def _remembered(attribute: sizes.SizeAttribute, own: Genome, stated: str, sign: int) -> RememberedSizes:
    rows = [] if sign < 0 else [row for row in own.sizes if row[0] == attribute.id]
    bought = tuple((name, row[2]) for row in rows if (name := attribute.names.get(row[1])))
    return RememberedSizes(attribute, bought, stated if sign > 0 else "", sign < 0)


def change_size(requester: Requester, attribute: int, size: str, now: datetime) -> Visitor | None:
    """Stores a size that the customer states; or with `NEVER`, that none is to be remembered, with `BY_PURCHASES`, that
    what they buy decides. What was worked out follows at once.

    Returns the visitor, or None where they were erased at this very moment. Raises `Refused` with `unknown_size` or
    `no_consent`.
    """
    if not requester.is_signed_in:
        raise flows.Refused("no_consent")
    known = sizes.size_attributes([attribute])
    if not known or (size not in (BY_PURCHASES, NEVER) and size not in known[0].names):
        raise flows.Refused("unknown_size")
    sign = {BY_PURCHASES: 0, NEVER: -1}.get(size, 1)
    key = size_statement(attribute, size if sign > 0 else "")
    visitor = flows.change_visitor(requester, now, lambda found: found.set_size(attribute, key, sign, now.timestamp()))
    if visitor is not None:
        with fail_open("Working out a genome after a size was stated", whole_page=True):
            genome.refresh_own_genomes([visitor.user_id], now.timestamp())
    return visitor
