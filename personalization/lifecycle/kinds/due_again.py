"""Due again: what a customer buys regularly, or others do, a little before they are expected to need it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from django.utils.timezone import now as current_time
from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.decide import selection
from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.policy import DEFAULT_POLICY
from personalization.lifecycle.customer_kind import (
    CUSTOMERS_PER_SWEEP,
    CustomerKind,
    PastPurchase,
    example_products,
    next_customers,
    read_purchases_of,
)
from personalization.lifecycle.kinds import BY_MAIL, Channels, DueMessage, Occasion
from personalization.lifecycle.message_products import message_content, reader_visit, showable
from personalization.lifecycle.reminder_choice import reminder_path
from personalization.models import Delivery, ReminderAnswer
from personalization.models.deliveries import Why
from personalization.oscar.visits import open_basket
from personalization.rank.purchase_rhythm import days_until_next
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY

LEAD, LATENESS = timedelta(days=3), timedelta(days=7)
"""From so long before the expected day until so long after it."""
DUE_AGAIN_PAUSE = timedelta(days=7)
"""Nobody gets two of these messages within it."""
MOST_DUE_PRODUCTS = 6
MIN_RHYTHM_CUSTOMERS = 20
"""So many customers must have bought a product again for their rhythm to be somebody else's."""
HISTORY = timedelta(days=730)


@dataclass(frozen=True)
class ExpectedPurchase:
    """A product that somebody is expected to need."""

    product: int
    due: datetime
    last: datetime
    pieces: int
    """As many were bought last."""


class DueAgain(CustomerKind):
    """Looks at the customers who allow reminders in turn, each about once a day."""

    name = "due_again"
    label = pgettext_lazy("personalization", "Due again")
    explanation = gettext_lazy("Goes to customers a little before they are expected to need what they buy regularly.")
    priority = 40

    def find_due(self, now: datetime, channels: Channels = BY_MAIL) -> Iterator[DueMessage]:
        """Of the next customers, those who are expected to need something. Eight queries, however many there are."""
        users = next_customers(self, channels, now, CUSTOMERS_PER_SWEEP)
        told = Delivery.objects.already_messaged(self.name, users, now - DUE_AGAIN_PAUSE)
        expected = expect_purchases(set(users) - told, now)
        for user_id, products in expected.items():
            first = products[0]
            key = f"due:{user_id}:{first.product}:{first.due:%Y-%m-%d}"
            yield DueMessage(key, users[user_id], now, user_id=user_id, product_id=first.product)

    def read_details(self, delivery: Delivery, user: Any) -> list[ExpectedPurchase]:
        """Filled when it is decided."""
        return []

    def reason_to_skip(self, occasion: Occasion, now: datetime) -> Why | None:
        """Whether they bought it, or what stands in for it, since; and whether any of it can be bought."""
        user = occasion.user
        expected = {one.product: one for one in expect_purchases([user.pk], now).get(user.pk, ())}
        if not expected:
            return Why.NOT_WANTED if expect_purchases([user.pk], now, heed_answers=False) else Why.BOUGHT
        in_basket = open_basket(user.pk)["basket"]
        shown = showable(reader_visit(user), [key for key in expected if key not in in_basket], MOST_DUE_PRODUCTS)
        occasion.details[:] = [expected[key] for key in shown]
        return None if shown else Why.TOO_FEW_PRODUCTS

    def example_details(self, customer: Any) -> Any:
        """What sells well, as though it had been bought a month ago."""
        last = current_time() - timedelta(days=30)
        return [ExpectedPurchase(key, current_time(), last, 1) for key in example_products(2)] or None

    def text_values(self, occasion: Occasion) -> dict[str, Any]:
        """The products, each with the day on which it was bought last."""
        if not occasion.details:  # somebody looks at it who did not decide
            self.reason_to_skip(occasion, current_time())
        by_key = {one.product: one for one in occasion.details}
        content = message_content(self.name, reader_visit(occasion.user), list(by_key), count=0)
        if not content.subjects:
            raise LookupError("nothing is left that can be bought")
        return {
            "products": [
                {
                    "product": one,
                    "last": by_key[one.key].last,
                    "choice_path": "" if occasion.is_example else reminder_path(occasion.user, one.key),
                }
                for one in content.subjects
            ]
        }


def expect_purchases(
    user_ids: Iterable[Any], now: datetime, *, heed_answers: bool = True
) -> dict[Any, list[ExpectedPurchase]]:
    """What these customers, those of them who consented, are expected to need about now, the soonest first; what they
    asked to be reminded of later when that comes, and never what they do not want to be reminded of. Six queries, and
    two for the flags of sensitive categories."""
    learned, user_ids = get_active_snapshot(), list(user_ids)
    answers = ReminderAnswer.objects.by_customer(user_ids) if heed_answers else {}
    purchases = read_purchases_of(user_ids, now - HISTORY)
    found: dict[Any, list[ExpectedPurchase]] = {}
    for user_id, own in groupby(purchases, key=lambda one: one.user_id):
        heard = {product: answer for (user, product), answer in answers.items() if user == user_id}
        expected = [*_expected_of(list(own), learned, heard, now)]
        if expected:
            found[user_id] = sorted(expected, key=lambda one: (one.due, one.product))
    return found


def _expected_of(
    purchases: list[PastPurchase],
    learned: SnapshotArrays | None,
    answers: Mapping[int, ReminderAnswer],
    now: datetime,
) -> Iterator[ExpectedPurchase]:
    """Parameters: `purchases` of one customer, in the order of their products and moments; `answers`, what they
    said, by product."""
    last_bought = {one.product: one.at for one in purchases}
    for product, rows in groupby(purchases, key=lambda one: one.product):
        pieces: dict[int, int] = {}
        for one in rows:
            day = int(one.at.timestamp() // DAY)
            pieces[day] = pieces.get(day, 0) + one.pieces
        gap = days_until_next(list(pieces), list(pieces.values()), _usual_gap(product, learned))
        if gap is None:
            continue
        due, lead = datetime.fromtimestamp((max(pieces) + gap) * DAY, UTC), LEAD
        answer = answers.get(product)
        if answer is not None and answer.until is None:
            continue
        if answer is not None and answer.until is not None and answer.answered_at > last_bought[product]:
            due, lead = answer.until, timedelta(0)
        if due - lead <= now <= due + LATENESS and not _has_substitute(product, last_bought, learned):
            yield ExpectedPurchase(product, due, last_bought[product], list(pieces.values())[-1])


def _usual_gap(product: int, learned: SnapshotArrays | None) -> float:
    """Days after which others buy a product again; 0 where too few do, or too small a part of them."""
    if learned is None:
        return 0.0
    (index,) = learned.product_indices([product]).tolist()
    interval, rate = learned.scores("repurchase_interval"), learned.scores("repurchase_rate")
    if index < 0 or interval.customers[index] < MIN_RHYTHM_CUSTOMERS:
        return 0.0
    is_bought_again = rate.score[index] >= DEFAULT_POLICY.min_repurchase_rate
    return float(interval.score[index]) if is_bought_again else 0.0


def _has_substitute(product: int, last_bought: dict[int, datetime], learned: SnapshotArrays | None) -> bool:
    """Whether they bought something since that can stand in for the product."""
    if learned is None:
        return False
    (index,) = learned.product_indices([product]).tolist()
    later = {key for key, at in last_bought.items() if at > last_bought[product]}
    return index >= 0 and bool(later & selection.substitutes(learned, index))


kind = DueAgain()
