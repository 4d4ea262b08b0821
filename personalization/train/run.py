"""A training run."""

import resource
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

import numpy as np

from personalization import conf
from personalization.models import Snapshot
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY, GUEST
from personalization.shop import orders
from personalization.train import quality_gate, search_choices
from personalization.train.dataset import Progress, TrainingDataset, read_dataset
from personalization.train.engines.local import BlockStore
from personalization.train.evaluate import Evaluation, evaluate_and_fit, reuse_ranker
from personalization.train.fit import fit_arrays
from personalization.train.lock import training_lock
from personalization.train.publish import publish_snapshot, remove_outdated_snapshots


@dataclass(frozen=True)
class TrainingSummary:
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


def no_progress(stream: Iterable, what: str, length: int) -> Iterable:
    """A Progress that shows nothing."""
    return stream


def run_training(
    now: float | None = None, progress: Progress = no_progress, *, force: bool = False, refit_ranker: bool = False
) -> Snapshot:
    """1. Makes sure that no other run is under way (Busy).
    2. Reads the shop's history into arrays.
    3. Learns from all but the last weeks, and from those what to trust, and judges it; unless that was done lately
       and `refit_ranker` is false.
    4. Lets every recommender learn from all.
    5. Refuses what is clearly worse than what serves (Worse), unless forced.
    6. Writes a snapshot and publishes it by one switch.
    7. Removes outdated ones, and the finished blocks that a run which dies before leaves to the next one.

    Gives the snapshot that serves now; its summary holds the fields of Summary.
    Whatever goes wrong before the switch, the snapshot that served goes on serving.
    """
    begun = time.monotonic()
    with training_lock():
        serving = Snapshot.objects.active().first()
        lately = None if refit_ranker else serving
        blocks = BlockStore.of_this_shop()
        blocks.remove_outdated()
        shop, learned, evaluation = build_snapshot(training_cutoff(now), progress, lately, blocks)
        summary = asdict(_summary(shop, evaluation, begun))
        if not force:
            quality_gate.check_quality(summary, serving)
        snapshot = publish_snapshot(learned.arrays, summary, shop.history.now)
        remove_outdated_snapshots()
        blocks.remove()
    return snapshot


def start_of_day(moment: float, progress: Progress = no_progress) -> SnapshotArrays:
    """What the shop would have learned by that moment, in memory; nothing is published."""
    return build_snapshot(training_cutoff(moment), progress)[1]


def build_snapshot(
    moment: float, progress: Progress, lately: Snapshot | None = None, blocks: BlockStore | None = None
) -> tuple[TrainingDataset, SnapshotArrays, Evaluation]:
    """The shop's history up to a moment, what there is to learn from it, and how good that is. What to trust is taken
    over from the snapshot `lately`, while that is not too old."""
    shop = read_dataset(moment, progress)
    evaluation = reuse_ranker(lately, moment) if lately else None
    evaluation = evaluation or evaluate_and_fit(
        shop, conf.get_settings().EVALUATION_DAYS * DAY, progress, blocks=blocks
    )
    whole = fit_arrays(shop, shop.history, progress, blocks)
    after_searches = search_choices.search_arrays(shop.searches, shop.history, conf.get_settings().MIN_CUSTOMERS)
    moment_learned = {"history.now": np.array([shop.history.now])}
    arrays = {**whole.arrays, **evaluation.arrays, **after_searches, **moment_learned}
    return shop, SnapshotArrays(arrays), evaluation


def training_cutoff(now: float | None = None) -> float:
    """This moment; in a shop that has sold nothing for as long as bestsellers are counted, that of its last sale."""
    now = time.time() if now is None else now
    newest = orders.newest_order(until=now)
    lately = now - conf.get_settings().POPULARITY_WINDOW_DAYS * DAY
    return now if newest is None or newest >= lately else newest


def _summary(shop: TrainingDataset, evaluation: Evaluation, begun: float) -> TrainingSummary:
    return TrainingSummary(
        lines=len(shop.history.product),
        products=shop.history.products,
        customers=len(np.unique(shop.history.customer[shop.history.customer != GUEST])),
        seconds=round(time.monotonic() - begun, 2),
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        weights=evaluation.weights,
        evaluation=evaluation.as_data(),
    )
