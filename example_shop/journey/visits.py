"""Made-up visits of the last four weeks, so that the demo's reports are not empty.

They are what households were shown before they ordered, what they clicked on, and visits that ended without an order.

Their orders are real ones of the journey, all else is drawn from a fixed seed. Whom the demo lets somebody look at the
shop as has no visits: their pages come from their orders alone.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Count
from django.utils.timezone import now
from oscar.core.loading import get_model

from example_shop import view_as
from personalization.measure.credit import credit_recent_orders
from personalization.measure.outcomes import measure_outcomes
from personalization.merchandising.compile import compile_rules
from personalization.merchandising.compiled import FixedTarget
from personalization.merchandising.segments import CompiledSegment
from personalization.models import Event, OrderVisitor, Visitor
from personalization.privacy.retention import roll_up_days
from personalization.shop import catalogue

Line = get_model("order", "Line")

DAYS = 28
MEASURED = 0.6
"""The share of orders whose visit is known."""
WITHOUT_ORDER = 2
"""So many visits without an order for each with one."""
PLACE_BIAS = 0.85
"""Each place further down is clicked on so much less often."""
CLICK_BEFORE_PURCHASE, CLICK = 0.35, 0.02
ROW_SIZE = 6
IN_VAIN, IN_VAIN_SHARE = ("kombucha", "oat drink", "gift card"), 0.08
"""What the shop does not have, and how often somebody looks for it."""
HOME_ROWS = ("buy_again", "bestsellers", "trending")
BATCH_SIZE = 2_000


class MadeVisit(NamedTuple):
    """Who came when, and what they bought then."""

    visitor: uuid.UUID
    at: datetime
    device: str
    bought: Sequence[int] = ()


def are_made() -> bool:
    """Whether the visits were made."""
    return OrderVisitor.objects.filter(visitor__user__isnull=False).exists()


def make_visits() -> None:
    """Stores the visits, then gives credit for the orders and counts the days, as the nightly run does."""
    chance, until = random.Random(7), now()
    visits = list(_visits_with_orders(chance, until))
    searched = _searched_words()
    shelf = _popular_products()
    visits += [_without_order(chance, one) for one in visits for _ in range(WITHOUT_ORDER)]
    campaigns = _placed_by_campaigns()
    events = [event for one in visits for event in _events(chance, one, shelf, campaigns)]
    searching = random.Random(8)
    events += [event for one in visits for event in _searches(searching, one, shelf, searched)]
    _note_segments(events, until)
    Event.objects.bulk_create(sorted(events, key=lambda one: one.occurred_at), batch_size=BATCH_SIZE)
    credit_recent_orders(until, timedelta(days=DAYS + 1))
    measure_outcomes(until)
    roll_up_days(until)


def _visits_with_orders(chance: random.Random, until: datetime) -> Iterator[MadeVisit]:
    looked_at = [person.email for person in view_as.list_people() if person.email]
    visitors = dict(Visitor.objects.exclude(user=None).exclude(user__email__in=looked_at).values_list("user_id", "pk"))
    lines = Line.objects.filter(order__date_placed__gte=until - timedelta(days=DAYS), product__isnull=False)
    bought: dict[tuple[int, int, datetime], list[int]] = {}
    for order, user, at, product in lines.order_by("order_id", "pk").values_list(
        "order_id", "order__user_id", "order__date_placed", "product_id"
    ):
        if user in visitors:
            bought.setdefault((order, user, at), []).append(product)
    sensitive = set(catalogue.all_sensitive_products())
    known, visits = [], []
    for (order, user, at), products in bought.items():
        if chance.random() < MEASURED:
            known.append(OrderVisitor(order_id=order, visitor_id=visitors[user], placed_at=at))
            visits.append(
                MadeVisit(
                    visitors[user],
                    at - timedelta(minutes=chance.randint(5, 40)),
                    "phone" if user % 3 else "computer",
                    [product for product in products if product not in sensitive],
                )
            )
    OrderVisitor.objects.bulk_create(known, ignore_conflicts=True, batch_size=BATCH_SIZE)
    yield from visits


def _without_order(chance: random.Random, other: MadeVisit) -> MadeVisit:
    earlier = timedelta(minutes=chance.randint(60, 2 * 24 * 60))
    return MadeVisit(other.visitor, other.at - earlier, other.device)


def _popular_products() -> list[int]:
    """What sells best, without what is sensitive."""
    sensitive = set(catalogue.all_sensitive_products())
    counted = Line.objects.filter(product__isnull=False).values_list("product_id").annotate(lines=Count("pk"))
    return [key for key, _lines in counted.order_by("-lines", "product_id")[:300] if key not in sensitive]


def _note_segments(events: list[Event], until: datetime) -> None:
    """Makes what was shown shown to members of the segments that the households are in today."""
    members: dict[uuid.UUID, list[int]] = {}
    for key, segment in compile_rules().segments.items():
        if isinstance(segment, CompiledSegment) and segment.is_countable:
            inside = Visitor.objects.filter(user__in=segment.customers(until.timestamp()))
            for visitor in inside.values_list("pk", flat=True):
                members.setdefault(visitor, []).append(key)
    for event in events:
        if event.slate_id is not None:
            event.segments = members.get(event.visitor_id)


def _searched_words() -> dict[int, str]:
    """{product: the name of its smallest category, in small letters}: for that it is searched."""
    members, names = catalogue.category_memberships(), catalogue.category_names_by_id()
    leaves = dict(zip(*(column.tolist() for column in catalogue.leaf_categories(members)), strict=True))
    return {product: names[category].lower() for product, category in leaves.items()}


def _searches(chance: random.Random, visit: MadeVisit, shelf: list[int], searched: dict[int, str]) -> Iterator[Event]:
    """What was searched for before the list of results that `_events` shows, and now and then something in vain."""
    words = searched.get(next(iter(visit.bought), chance.choice(shelf)))
    at, of_visit = visit.at + timedelta(seconds=58), {"visitor_id": visit.visitor, "device": visit.device}
    if chance.random() < IN_VAIN_SHARE:
        vain = chance.choice(IN_VAIN)
        yield _event(chance, "search", at - timedelta(seconds=20), query=vain, value=0.0, **of_visit)
    if words:
        yield _event(chance, "search", at, query=words, value=float(chance.randint(6, 40)), **of_visit)


def _placed_by_campaigns() -> list[tuple[str, int]]:
    """(campaign and version, product) of what live campaigns pin."""
    return [
        (f"{campaign.id}:{campaign.version}", product)
        for campaign in compile_rules().campaigns
        for action in campaign.actions
        for product in action.product_ids
        if isinstance(action.target, FixedTarget)
    ]


def _events(
    chance: random.Random, visit: MadeVisit, shelf: list[int], campaigns: list[tuple[str, int]]
) -> Iterator[Event]:
    at, bought = visit.at, list(visit.bought)
    for row in HOME_ROWS:
        mine = chance.sample(bought, min(len(bought), 2 if row == "buy_again" else 1))
        yield from _shown(chance, visit, at, ("home", f"{row}:"), _mixed(chance, mine, shelf))
    at += timedelta(minutes=1)
    mine = chance.sample(bought, min(len(bought), 2))
    yield from _shown(chance, visit, at, ("search", "results"), _mixed(chance, mine, shelf))
    if campaigns and chance.random() < 0.2:
        campaign, product = chance.choice(campaigns)
        products = [product, *_mixed(chance, [], shelf)]
        yield from _shown(chance, visit, at, ("category", "results"), products, campaign)


def _mixed(chance: random.Random, mine: list[int], shelf: list[int]) -> list[int]:
    products = list(dict.fromkeys([*mine, *chance.sample(shelf, ROW_SIZE)]))[:ROW_SIZE]
    chance.shuffle(products)
    return products


def _shown(  # noqa: PLR0917 - one slate, as an event has it
    chance: random.Random,
    visit: MadeVisit,
    at: datetime,
    row: tuple[str, str],
    products: list[int],
    campaign: str | None = None,
) -> Iterator[Event]:
    """A row that was seen, and the clicks on it. A campaign has the first place."""
    surface, key = row
    reason = key.partition(":")[0] or "recommended"
    shared = {
        "visitor_id": visit.visitor,
        "surface": surface,
        "row_key": key,
        "slate_id": uuid.UUID(int=chance.getrandbits(128)),
        "shown_at": at.replace(microsecond=0),
        "snapshot": "",
        "device": visit.device,
    }
    items = [
        [product, place, reason, *([campaign] if campaign and not place else [])]
        for place, product in enumerate(products)
    ]
    yield _event(chance, "view_item_list", at, items=items, **shared)
    for place, product in enumerate(products):
        wanted = CLICK_BEFORE_PURCHASE if product in visit.bought else CLICK
        if chance.random() < wanted * PLACE_BIAS**place:
            moment = at + timedelta(seconds=chance.randint(2, 50))
            placed = campaign if campaign and not place else None
            one = {"product_id": product, "position": place, "reason": reason, "campaign": placed}
            yield _event(chance, "select_item", moment, **one, **shared)
            if product in visit.bought:
                added = moment + timedelta(seconds=20)
                yield _event(
                    chance,
                    "add_to_cart",
                    added,
                    visitor_id=visit.visitor,
                    product_id=product,
                    device=visit.device,
                    value=1.0,
                )


def _event(chance: random.Random, kind: str, at: datetime, **fields: object) -> Event:
    key = uuid.UUID(int=chance.getrandbits(128))
    return Event(event_id=key, type=kind, occurred_at=at, received_at=at, **fields)
