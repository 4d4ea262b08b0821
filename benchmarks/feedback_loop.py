"""What learning from what is shown is worth, in a generated shop whose shoppers' tastes and place bias are known.

    python -m benchmarks.feedback_loop

Shoppers come back, look at the rows of the home page from the top and at the cards of a row from the left, and click
on what they like. The pages are laid out by the functions that serve. The frozen engine's bestsellers follow what is
put into baskets, as training has them do, and nothing else of it learns. The loop adds, one by one and together, the
drawn order of rows, the demotion of what was seen often and never touched, and the chance for new products. All
engines meet the same shoppers on the same days. Takes some ten minutes; no database.
"""

import argparse
import os
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

import numpy as np

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")

import django

django.setup()

from personalization.decide.layout import LayoutLimits, ProposedRow, fill_rows
from personalization.decide.newcomers import add_newcomers
from personalization.decide.often_seen import demote_often_seen
from personalization.decide.policy import Policy
from personalization.decide.row_order import order_rows, row_order_arm
from personalization.decide.slate import Candidate, Reason, RowCandidate, RowType, product_ref
from personalization.decide.visit import Visit
from personalization.measure.newcomers import MAX_CARDS_SEEN, newcomer_weight
from personalization.measure.row_order import OrderComparison, count_cards, draw_rows
from personalization.merchandising.assignment import DRAWN_ORDER, ROW_ORDER, SHOP_ORDER
from personalization.merchandising.compiled import CompiledRules
from personalization.models.events import MAX_SEEN_ROWS, SEEN_DAYS, EventType
from personalization.models.newcomers import NewcomerChance
from personalization.models.recent_activity import RecentEvent
from personalization.models.row_draws import RowAudience
from personalization.models.shown_events import ClickSums
from personalization.recommenders import DAY

START = date(2026, 3, 2)
THEMES = 6
"""Kinds of products; each shopper likes one of them best."""
ROWS = ("bestsellers", "trending", "new_in", "theme_0", "theme_1", "theme_2")
"""In the shop's order."""
TAKES_NEWCOMERS = ("bestsellers", "trending")
CLICK, ADD = 0.04, 0.3
"""The chance that a card is clicked on that is looked at and liked as usual, and that this ends in the basket."""
LIKED = 3.0
"""How much more a shopper likes their own theme."""
ROW_BIAS, PHONE_ROW_BIAS, CARD_BIAS = 0.8, 0.65, 0.93
"""How many go on from a row to the next one, and from a card to the next one."""
TIRED = 0.85
"""What is left of the chance each time that a shopper saw a card before."""
ROW_CHARM = {"bestsellers": 1.0, "trending": 0.7, "new_in": 0.6, "theme_0": 0.8, "theme_1": 1.6, "theme_2": 1.3}
"""How well a row fits what people come for, besides its products: not in the sequence in which the shop has them."""
NEW_EACH_WEEK = 20
"""More than the row of new products shows."""
ENOUGH_SEEN = 100
"""A new product whose card was seen so often got its chance."""
FOUND, FOUND_NEW = 0.4, 0.05
"""How often a day a product of the usual quality is bought without the home page, and how often a new one is."""
HISTORY_DAYS = 28
"""Days of such purchases before the first visit."""
NO_FEEDBACK = Policy(row_order_max_shift=0, demote_after_views=0, newcomer_share=0.0)
ENGINES = {
    "frozen": NO_FEEDBACK,
    "order of rows": replace(NO_FEEDBACK, row_order_max_shift=2),
    "seen often": replace(NO_FEEDBACK, demote_after_views=5),
    "new products": replace(NO_FEEDBACK, newcomer_share=0.1),
    "all three": Policy(),
}


@dataclass(frozen=True)
class Size:
    """How large the generated shop is."""

    shoppers: int = 1_500
    weeks: int = 8
    products: int = 240
    daily_share: float = 0.25
    """Of the shoppers who come on a day."""


@dataclass
class Week:
    """What came of one week."""

    visits: int = 0
    cards: int = 0
    clicks: int = 0
    added: int = 0
    newcomer_cards: int = 0
    seen_by_product: Counter[int] = field(default_factory=Counter)

    @property
    def top_share(self) -> float:
        """The share of all cards seen that show the product which was seen most."""
        return max(self.seen_by_product.values()) / self.cards


@dataclass
class Outcome:
    """What came of one engine."""

    weeks: list[Week] = field(default_factory=list)
    discovered: int = 0
    """New products that were seen often enough."""
    clicks_by_arm: defaultdict[str, Counter[UUID]] = field(default_factory=lambda: defaultdict(Counter))
    """By order of the rows, as their tokens name it, the clicks of each shopper."""

    def per_visit(self, name: str, first: int = 1) -> float:
        """How many of something there were a visit, without the first week, in which nothing could be learned."""
        weeks = self.weeks[first:]
        return sum(getattr(week, name) for week in weeks) / sum(week.visits for week in weeks)


@dataclass
class Shopper:
    """One shopper, and what they remember."""

    unit: UUID
    theme: int
    is_customer: bool
    device: str
    seen_rows: deque[tuple[int, tuple[int, ...]]] = field(default_factory=lambda: deque(maxlen=MAX_SEEN_ROWS))
    """(day, its products) of the rows that they saw last."""
    times_seen: Counter[int] = field(default_factory=Counter)
    touched: dict[int, float] = field(default_factory=dict)
    """When they clicked on what."""

    def often_seen(self, day: int, least: int) -> tuple[int, ...]:
        """The products that these rows showed at least so often lately."""
        if not least:
            return ()
        counts = Counter(key for at, keys in self.seen_rows if at > day - SEEN_DAYS for key in keys)
        return tuple(key for key, times in counts.items() if times >= least)


class GeneratedShop:
    """Products and shoppers; the same for every engine."""

    def __init__(self, size: Size, seed: int) -> None:
        chance = np.random.default_rng(seed)
        self.size, self.seed = size, seed
        count = size.products + size.weeks * NEW_EACH_WEEK
        self.theme = chance.integers(THEMES, size=count)
        self.quality = chance.lognormal(0.0, 0.6, size=count)
        self.created = np.full(count, -400)
        """The day on which each was added."""
        self.created[size.products :] = np.repeat(np.arange(size.weeks) * 7, NEW_EACH_WEEK)
        self.shoppers = [
            Shopper(UUID(int=int(chance.integers(2**63))), int(chance.integers(THEMES)), number % 3 == 0, device)
            for number, device in enumerate(chance.choice(["phone", "computer"], size=size.shoppers))
        ]

    def fresh_shoppers(self) -> list[Shopper]:
        """The shoppers before they saw anything."""
        return [Shopper(one.unit, one.theme, one.is_customer, one.device) for one in self.shoppers]

    def bought_elsewhere(self, day: int) -> Counter[int]:
        """What is bought on a day without the home page, the same whatever that shows."""
        chance = np.random.default_rng([self.seed, 3, day + HISTORY_DAYS])
        usual = np.where(self.created < 0, FOUND, FOUND_NEW) * (self.created <= day)
        return Counter(dict(enumerate(chance.poisson(usual * self.quality).tolist())))

    def appeal(self, shopper: Shopper, product: int, row: str) -> float:
        """How much more than usual this shopper likes a product in a row."""
        liked = LIKED if self.theme[product] == shopper.theme else 1.0
        return float(self.quality[product]) * liked * ROW_CHARM[row] * TIRED ** shopper.times_seen[product]


class Engine:
    """A shop's pages under one policy, and what it learns from them."""

    def __init__(self, shop: GeneratedShop, policy: Policy) -> None:
        self.shop, self.policy = shop, policy
        self.limits = LayoutLimits(rows=len(ROWS))
        self.totals: Counter[tuple[str, str, bool, str, date, str]] = Counter()
        self.added_by_day: dict[int, Counter[int]] = defaultdict(Counter)
        self.seen: Counter[int] = Counter()
        self.types = {
            code: RowType(code, str, str, discloses_activity=False, takes_newcomers=code in TAKES_NEWCOMERS)
            for code in ROWS
        }
        for before in range(-HISTORY_DAYS, -1):
            self.added_by_day[before].update(shop.bought_elsewhere(before))
        self.rows: dict[str, list[Candidate]] = {}
        self.rules = CompiledRules()

    def learn(self, day: int) -> None:
        """What runs at night: bestsellers, the draws, and the list of new products."""
        on_sale = np.flatnonzero(self.shop.created <= day)
        sold = Counter({int(key): 0 for key in on_sale.tolist()})
        for before in range(day - HISTORY_DAYS, day):
            sold.update(self.added_by_day[before])
        self.added_by_day[day - 1].update(self.shop.bought_elsewhere(day - 1))
        chance = np.random.default_rng([self.shop.seed, day // 7])
        usual = {key: chance.random() for key in on_sale.tolist()}  # among those that sell alike, anything stands first
        best = sorted(usual, key=lambda key: (-sold[key], usual[key]))
        newest = sorted((key for key in usual if self.shop.created[key] >= 0), key=lambda key: -self.shop.created[key])
        self.rows = {
            "bestsellers": _candidates(best),
            "trending": _candidates(sorted(usual, key=usual.__getitem__)),
            "new_in": _candidates(newest),
        }
        for theme in range(3):
            self.rows[f"theme_{theme}"] = _candidates(key for key in best if self.shop.theme[key] == theme)
        self.rules = CompiledRules(row_rates=self._row_rates(day), newcomers=self._newcomers(day))

    def _row_rates(self, day: int) -> dict[RowAudience, dict[str, float]]:
        last = START + timedelta(days=day - 2)
        totals = ((*key, cards) for key, cards in self.totals.items() if key[4] <= last)
        rates: dict[RowAudience, dict[str, float]] = defaultdict(dict)
        for one in draw_rows(count_cards(totals, last), START + timedelta(days=day)):
            rates[RowAudience(one.surface, one.is_customer, one.is_phone)][one.row_code] = one.drawn_rate
        return dict(rates)

    def _newcomers(self, day: int) -> tuple[NewcomerChance, ...]:
        new = [int(key) for key in np.flatnonzero((self.shop.created >= 0) & (self.shop.created <= day))]
        few = (key for key in new if self.seen[key] < MAX_CARDS_SEEN and self.shop.created[key] > day - 60)
        return tuple(NewcomerChance(key, 0.0, newcomer_weight(self.seen[key])) for key in few)

    def visit(self, shopper: Shopper, day: int) -> Visit:
        """The shopper on a day."""
        now = day * DAY
        return Visit(
            timestamp=now,
            strategy=None,
            user_id=1 if shopper.is_customer else None,
            device=shopper.device,
            tracking_allowed=True,
            unit=shopper.unit,
            policy=self.policy,
            rules=self.rules,
            often_seen=shopper.often_seen(day, self.policy.demote_after_views),
            recent_events=tuple(
                RecentEvent(EventType.CLICK, key, "", at)
                for key, at in shopper.touched.items()
                if at >= now - SEEN_DAYS * DAY
            ),
        )

    def page(self, visit: Visit) -> list[tuple[str, list[Candidate]]]:
        """(code, its cards) of each row of the home page, from the top."""
        proposed = []
        for code in ROWS:
            row = demote_often_seen(RowCandidate(self.rows[code]), code, visit, "home")
            proposed.append(ProposedRow(self.types[code], Reason(code), row.candidates))
        rows = add_newcomers(order_rows(proposed, visit, "home"), visit, "home", self.limits)
        filled = fill_rows(rows, self.limits, (), lambda items: dict.fromkeys(items, True))
        return [(one.row.type.code, [card for card, _ in one.items]) for one in filled if not one.hidden_because]

    def count(self, shopper: Shopper, code: str, day: int, event_type: str, cards: int) -> None:
        """Counts what was seen or put into a basket, as daily totals do."""
        at = START + timedelta(days=day)
        self.totals["home", code, shopper.is_customer, shopper.device, at, event_type] += cards


def _candidates(keys: Sequence[int] | Iterator[int]) -> list[Candidate]:
    reason = Reason("any")
    return [Candidate(product_ref(int(key)), 0.0, reason) for key in list(keys)[:40]]


def simulate(size: Size, policy: Policy, seed: int) -> Outcome:
    """What comes of a policy in the shop of a seed."""
    shop = GeneratedShop(size, seed)
    engine, shoppers, outcome = Engine(shop, policy), shop.fresh_shoppers(), Outcome()
    for day in range(7 * size.weeks):
        if day % 7 == 0:
            outcome.weeks.append(Week())
        engine.learn(day)
        visiting = np.random.default_rng([seed, 1, day]).random(size.shoppers) < size.daily_share
        for number in np.flatnonzero(visiting).tolist():
            _shop_around(engine, shoppers[number], day, outcome, np.random.default_rng([seed, 2, day, number]))
    outcome.discovered = sum(shop.created[key] >= 0 and cards >= ENOUGH_SEEN for key, cards in engine.seen.items())
    return outcome


def _shop_around(engine: Engine, shopper: Shopper, day: int, outcome: Outcome, chance: np.random.Generator) -> None:
    """One visit of the home page: from the top, until the shopper has seen enough."""
    week, visit = outcome.weeks[-1], engine.visit(shopper, day)
    arm = row_order_arm(visit, "home").get(ROW_ORDER, "")
    go_on = PHONE_ROW_BIAS if shopper.device == "phone" else ROW_BIAS
    week.visits += 1
    for code, cards in engine.page(visit):
        keys = [card.item.id for card in cards]
        luck = chance.random((len(keys), 2))
        engine.count(shopper, code, day, EventType.IMPRESSION, len(keys))
        for place, (key, (clicked, added)) in enumerate(zip(keys, luck.tolist(), strict=True)):
            if clicked >= CLICK * engine.shop.appeal(shopper, key, code) * CARD_BIAS**place:
                continue
            week.clicks += 1
            outcome.clicks_by_arm[arm][shopper.unit] += 1
            shopper.touched[key] = day * DAY
            if added < ADD:
                week.added += 1
                engine.added_by_day[day][key] += 1
                engine.count(shopper, code, day, EventType.ADD_TO_BASKET, 1)
        week.cards += len(keys)
        week.newcomer_cards += sum(card.propensity is not None for card in cards)
        week.seen_by_product.update(keys)
        engine.seen.update(keys)
        shopper.seen_rows.append((day, tuple(keys)))
        shopper.times_seen.update(keys)
        if chance.random() >= go_on:
            return


def lift(found: Outcome, base: Outcome, name: str) -> float:
    """How many more of something there were a visit, as a share of the base's."""
    return found.per_visit(name) / base.per_visit(name) - 1


def report(name: str, seed: int, found: Outcome, base: Outcome) -> str:
    """The line of one engine."""
    shares = "".join(f"{found.weeks[week].top_share:9.2%}" for week in (1, len(found.weeks) // 2, -1))
    new = sum(week.newcomer_cards for week in found.weeks) / sum(week.cards for week in found.weeks)
    counts = "".join(f"{found.per_visit(kind):10.3f} {lift(found, base, kind):+6.1%}" for kind in ("clicks", "added"))
    return f"{name:16}{seed:5}{counts}{shares}{new:8.2%}{found.discovered:6}{drawn_against_control(found)}"


def drawn_against_control(found: Outcome) -> str:
    """What the nightly run would say of the two orders."""
    arms = [found.clicks_by_arm[arm].values() for arm in (DRAWN_ORDER, SHOP_ORDER)]
    sums = [ClickSums(sum(clicks), sum(one * one for one in clicks)) for clicks in arms]
    return f"\n{'':21}{OrderComparison(*sums)}" if sums[1].clicks else ""


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description="What learning from what is shown is worth in a generated shop.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shoppers", type=int, default=Size.shoppers)
    parser.add_argument("--weeks", type=int, default=Size.weeks)
    options = parser.parse_args()
    size = Size(shoppers=options.shoppers, weeks=options.weeks)
    print("engine, seed; clicks a visit; adds a visit; share of the top product in week 2, in the middle, at the end;")
    print("share of cards by chance; new products seen enough")
    for seed in range(1, options.seeds + 1):
        base = simulate(size, ENGINES["frozen"], seed)
        for name, policy in ENGINES.items():
            found = base if name == "frozen" else simulate(size, policy, seed)
            print(report(name, seed, found, base), flush=True)


if __name__ == "__main__":
    main()
