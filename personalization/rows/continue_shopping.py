"""Where a visitor stopped: what they looked at last, the search that led nowhere, the basket that they left."""

import unicodedata
from collections.abc import Iterator
from itertools import takewhile
from math import inf

from personalization.decide.slate import Candidate, Draft, Link, Reason
from personalization.decide.visit import Visit
from personalization.models.events import LOOKING, Did, Name
from personalization.rank.snapshot_arrays import Learned
from personalization.recommenders import DAY

CODE = "where_you_stopped"
FRESH = 14 * DAY
"""What was done longer ago is not taken up again."""
LEFT = 3_600.0
"""A basket that has not changed for so many seconds was left."""
FEW = 1
"""A search is not finished when at most so many products were looked at after it."""
SKEW = 150.0
"""A visitor's clock may be wrong by so many seconds."""
LETTERS = 80
"""Of a longer search the rest is not shown."""
JOINERS = "\u200c\u200d"
"""Some languages need these to spell, and they do no harm."""

UNSEEN = ("Cc", "Cf", "Cs")
"""The kinds of letters that are none, or only change how others look."""

DECIDING = (Name.ADDED, Name.WISHED)


def where_you_stopped(visit: Visit, snapshot: Learned | None = None) -> Iterator[Draft]:
    """The row that takes a visitor back there, above all others; it needs nothing that was learned."""
    if not visit.reported:
        return
    looks = [Candidate(product, at, Reason("looked_at", {"at": at})) for product, at in looked_at(visit)]
    links = () if visit.discreet else tuple(_links(visit))
    yield Draft(Reason(CODE), looks, personal=True, strength=inf, fewest=0, links=links)


def looked_at(visit: Visit) -> list[tuple[int, float]]:
    """(product, when) of what they looked at, and have neither bought nor put into a basket since, the last one first.

    Who buys without an account is known by the basket alone; what they took out of it again was decided on, too.
    """
    did = _lately(visit)
    looks: dict[int, float] = {}
    for one in did:
        if one.product is not None and one.name in LOOKING:
            looks.setdefault(one.product, one.at)
    added = {one.product: one.at for one in reversed(did) if one.name == Name.ADDED}
    bought = {row[0]: row[3] for row in visit.genome.products}
    return [
        (product, at)
        for product, at in looks.items()
        if added.get(product, -inf) < at - SKEW and not _same_day_or_later(bought.get(product, -inf), at)
    ]


def unfinished_search(visit: Visit) -> str:
    """What they searched for last, fit to be shown; "" when something came of it: they put something into the basket or
    on a wish list after it, bought something, or looked at more than one product."""
    did = _lately(visit)
    searches = [one for one in did if one.name == Name.SEARCHED]
    if not searches:
        return ""
    since = [one.at for one in takewhile(lambda one: one.query == searches[0].query, searches)][-1]
    later = [one for one in did if one.name != Name.SEARCHED and one.at >= since]
    decided = any(one.name in DECIDING for one in later)
    bought = any(_same_day_or_later(row[3], since) for row in visit.genome.products)
    return "" if decided or bought or len({one.product for one in later}) > FEW else shown(searches[0].query)


def shown(query: str) -> str:
    """The words of a search without what no keyboard types, on one short line."""
    letters = (letter if letter in JOINERS or unicodedata.category(letter) not in UNSEEN else " " for letter in query)
    return " ".join("".join(letters).split())[:LETTERS].strip()


def _links(visit: Visit) -> Iterator[Link]:
    if visit.basket_items and visit.now - visit.basket_changed >= LEFT:
        yield Link("basket", {"items": visit.basket_items})
    if query := unfinished_search(visit):
        yield Link("search", {"query": query})


def _lately(visit: Visit) -> list[Did]:
    return list(takewhile(lambda one: one.at >= visit.now - FRESH, visit.recent))


def _same_day_or_later(day: float, moment: float) -> bool:
    """Whether something was bought since a moment: of a purchase only the day is known."""
    return day // DAY >= moment // DAY
