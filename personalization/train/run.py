"""A training run."""

import resource
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

import numpy as np

from personalization import conf
from personalization.models import Snapshot
from personalization.rank.snapshot_arrays import Learned
from personalization.recommenders import DAY, GUEST
from personalization.shop import orders
from personalization.train import quality_gate, search_choices
from personalization.train.dataset import Progress, Shop, read
from personalization.train.engines.local import Blocks
from personalization.train.evaluate import Evaluation, taken_over, taught
from personalization.train.fit import learn
from personalization.train.lock import only_one
from personalization.train.publish import publish, remove_outdated


@dataclass(frozen=True)
class Summary:
    """What a training run did; kept with its snapshot."""

    lines: int
    products: int
    customers: int
    seconds: float
    peak_mib: int
    weights: dict[str, str] = field(default_factory=dict)
    """For each kind of question, where the weights come from, in words."""
    evaluation: dict[str, dict] = field(default_factory=dict)
    """For each kind of question and way to rank, its verdict."""

    def __str__(self) -> str:
        return (
            f"{self.lines} order lines, {self.products} products, {self.customers} customers, "
            f"{self.seconds:.1f} s, peak memory {self.peak_mib} MiB"
        )


def silent(stream: Iterable, what: str, length: int) -> Iterable:
    """A Progress that shows nothing."""
    return stream


def train(
    now: float | None = None, progress: Progress = silent, *, force: bool = False, weigh: bool = False
) -> Snapshot:
    """1. Makes sure that no other run is under way (Busy).
    2. Reads the shop's history into arrays.
    3. Learns from all but the last weeks, and from those what to trust, and judges it; unless that was done lately
       and nobody asks to `weigh` again.
    4. Lets every recommender learn from all.
    5. Refuses what is clearly worse than what serves (Worse), unless forced.
    6. Writes a snapshot and publishes it by one switch.
    7. Removes outdated ones, and the finished blocks that a run which dies before leaves to the next one.

    Gives the snapshot that serves now; its summary holds the fields of Summary.
    Whatever goes wrong before the switch, the snapshot that served goes on serving.
    """
    begun = time.monotonic()
    with only_one():
        serving = Snapshot.objects.serving().first()
        lately = None if weigh else serving
        blocks = Blocks.of_this_shop()
        blocks.remove_outdated()
        shop, learned, evaluation = learned_until(moment_of_learning(now), progress, lately, blocks)
        summary = asdict(_summary(shop, evaluation, begun))
        if not force:
            quality_gate.refuse_worse(summary, serving)
        snapshot = publish(learned.arrays, summary, shop.history.now)
        remove_outdated()
        blocks.remove()
    return snapshot


def as_of(moment: float, progress: Progress = silent) -> Learned:
    """What the shop would have learned by that moment, in memory; nothing is published."""
    return learned_until(moment_of_learning(moment), progress)[1]


def learned_until(
    moment: float, progress: Progress, lately: Snapshot | None = None, blocks: Blocks | None = None
) -> tuple[Shop, Learned, Evaluation]:
    """The shop's history up to a moment, what there is to learn from it, and how good that is. What to trust is taken
    over from the snapshot `lately`, while that is not too old."""
    shop = read(moment, progress)
    evaluation = taken_over(lately, moment) if lately else None
    evaluation = evaluation or taught(shop, conf.current().held_back_days * DAY, progress, blocks=blocks)
    whole = learn(shop, shop.history, progress, blocks)
    after_searches = search_choices.learned(shop.searched, shop.history, conf.current().min_customers)
    moment_learned = {"history.now": np.array([shop.history.now])}
    arrays = {**whole.arrays, **evaluation.arrays, **after_searches, **moment_learned}
    return shop, Learned(arrays), evaluation


def moment_of_learning(now: float | None = None) -> float:
    """This moment; in a shop that has sold nothing for as long as bestsellers are counted, that of its last sale."""
    now = time.time() if now is None else now
    newest = orders.newest(until=now)
    lately = now - conf.current().popular_days * DAY
    return now if newest is None or newest >= lately else newest


def _summary(shop: Shop, evaluation: Evaluation, begun: float) -> Summary:
    return Summary(
        lines=len(shop.history.product),
        products=shop.history.products,
        customers=len(np.unique(shop.history.customer[shop.history.customer != GUEST])),
        seconds=round(time.monotonic() - begun, 2),
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        weights=evaluation.weights,
        evaluation=evaluation.as_data(),
    )
