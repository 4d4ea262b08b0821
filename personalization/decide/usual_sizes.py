"""In which sizes a visitor usually buys: their own word first, then what they bought more than once and kept."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.models.sizes_stated import SIZE, stated_size
from personalization.models.visitors import Preference


@dataclass(frozen=True)
class UsualSize:
    """A size of a visitor."""

    attribute: int
    size: str
    """As `shop.sizes.size_key` has it."""
    lines: int = 0
    """In how many lines of their orders they bought and kept it; 0 where they stated it."""

    @property
    def is_stated(self) -> bool:
        """Whether they said so themselves."""
        return not self.lines


def usual_sizes(genome: Genome, preferences: Iterable[Preference]) -> dict[int, list[UsualSize]]:
    """The sizes by attribute: one where they stated it, several where several people seem to buy, none of an attribute
    of which they want nothing remembered."""
    found: dict[int, list[UsualSize]] = defaultdict(list)
    for attribute, size, lines, _ in genome.sizes:
        found[attribute].append(UsualSize(attribute, size, lines))
    for one in preferences:
        if one.type == SIZE:
            attribute, size = stated_size(one.key)
            found[attribute] = [UsualSize(attribute, size)] if one.sign > 0 else []
    return {attribute: sizes for attribute, sizes in found.items() if sizes}


def sizes_to_show(visit: Visit) -> dict[int, list[UsualSize]]:
    """Those of a visit that a page may name: none where somebody else may be looking, and none for who sees plain pages
    to be compared with. No query."""
    is_plain = visit.held_back or (visit.arms is not None and visit.arms.is_plain_somewhere)
    if is_plain or visit.hide_private_reasons or not visit.tracking_allowed or visit.user_id is None:
        return {}
    own = visit.genome if visit.own_genome is None else visit.own_genome
    return usual_sizes(own, visit.preferences)
