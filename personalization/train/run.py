"""A training run."""

import resource
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from django.utils import timezone

from personalization import conf
from personalization.models import Event, Snapshot
from personalization.models.lost_connections import close_idle_connection, repeat_on_lost_connection
from personalization.rank.snapshot_arrays import HALF_LIFE, SnapshotArrays
from personalization.rank.training_quality import METRICS_FORMAT
from personalization.recommenders import DAY, GUEST
from personalization.shop import purchases
from personalization.train import quality_gate, search_choices
from personalization.train.dataset import FindProducts, Progress, TrainingDataset, read_dataset
from personalization.train.engines import open_block_store
from personalization.train.engines.local import BlockStore
from personalization.train.evaluate import Evaluation, evaluate_and_fit, reuse_ranker
from personalization.train.fit import fit_arrays
from personalization.train.kept_texts import restore_kept_texts, text_arrays
from personalization.train.lock import training_lock
from personalization.train.publish import publish_snapshot, remove_outdated_snapshots


@dataclass(frozen=True)
class TrainingSummary:
    """The summary of a training run; stored with its snapshot as `metrics`."""

    lines: int
    products: int
    customers: int
    seconds: float
    peak_mib: int
    weights: dict[str, str] = field(default_factory=dict)
    """By task, in words, whether a ranker was learned or why the default weights serve."""
    evaluation: dict[str, dict[str, Any]] = field(default_factory=dict[str, Any])
    """By task and way to rank, its EvaluationResult as data."""
    orders: int = 0
    effort: dict[str, Any] | None = None
    """How much work it is to fill the next basket, an Effort as data."""
    blocks: dict[str, int] = field(default_factory=dict)
    """How many blocks the training process did (`own`), workers did (`others`), and a killed run had done (`earlier`);
    empty where it works alone."""
    format: int = METRICS_FORMAT

    def __str__(self) -> str:
        return (
            f"{self.lines} order lines, {self.products} products, {self.customers} customers, "
            f"{self.seconds:.1f} s, peak memory {self.peak_mib} MiB"
        )


def no_progress(stream: Iterable[Any], description: str, length: int | None) -> Iterable[Any]:
    """A Progress that shows nothing."""
    return stream


def run_training(
    now: float | None = None,
    progress: Progress = no_progress,
    *,
    force: bool = False,
    refit_ranker: bool = False,
    find_products: FindProducts | None = None,
    blocks: BlockStore | None = None,
) -> Snapshot:
    """1. Makes sure that no other run is in progress, and removes what crashed ones left behind.
    2. Works out whose voice counts, and reads the shop's history into arrays.
    3. Learns a ranker for each task from the evaluation weeks, and evaluates it; or reuses the rankers of the active
       snapshot, while they are young and nobody asks to `refit_ranker`, and compares only texts that changed.
    4. Lets every recommender learn from the whole history.
    5. Refuses what is clearly worse than the active snapshot, unless `force`.
    6. Writes a snapshot, reads it as web processes will, and publishes it by one switch.
    7. Removes outdated snapshots, and the finished blocks, which a run that is killed leaves to the next one.

    Whatever goes wrong before the switch, the active snapshot stays active. A connection that is lost is no error: the
    step is done again.

    Parameters
    ----------
    now : as if it were this moment, in seconds since 1970.
    find_products : the shop's search engine, so that the order of its hits can be learned.
    blocks : who does the blocks of the work, else as the setting `TRAINING_ENGINE` says.

    Returns
    -------
    The snapshot that is active now; its `metrics` are the fields of TrainingSummary.

    Raises
    ------
    TrainingInProgress, TrainingOvertaken, QualityRegression, BrokenSnapshot, MissingSnapshot, NotEnoughRoom and other
    OSErrors, plugins.PluginError
    """
    begun = time.monotonic()
    with training_lock() as lock:
        remove_outdated_snapshots()
        active = _active_snapshot()
        reusable = None if refit_ranker else active
        blocks = blocks or open_block_store()
        blocks.remove_outdated()
        repeat_on_lost_connection(Event.objects.settle_voices)(timezone.now())
        shop, learned, evaluation = build_snapshot(training_cutoff(now), progress, reusable, blocks, find_products)
        summary = asdict(_summary(shop, evaluation, blocks, begun))
        if not force:
            quality_gate.check_quality(summary, active)
        close_idle_connection()
        try:
            snapshot = publish_snapshot(learned.arrays, summary, shop.history.now, lock)
        except OSError:  # the blocks take room, too
            blocks.remove()
            raise
        remove_outdated_snapshots()
        blocks.remove()
    return snapshot


def start_of_day(moment: float, progress: Progress = no_progress) -> SnapshotArrays:
    """What the shop would have learned by that moment, in memory; nothing is published."""
    return build_snapshot(training_cutoff(moment), progress)[1]


def build_snapshot(
    moment: float,
    progress: Progress,
    reusable: Snapshot | None = None,
    blocks: BlockStore | None = None,
    find_products: FindProducts | None = None,
) -> tuple[TrainingDataset, SnapshotArrays, Evaluation]:
    """The shop's history up to a moment, what is learned from it, and how good that is. The rankers of the snapshot
    `reusable` are reused, while they are not too old, and with them what it knows of similar texts."""
    shop = read_dataset(moment, progress, find_products and repeat_on_lost_connection(find_products))
    close_idle_connection()
    evaluation = reuse_ranker(reusable, moment) if reusable else None
    if evaluation:
        shop = shop.with_kept_texts(restore_kept_texts(evaluation.kept_arrays, shop.product_id))
    evaluation = evaluation or evaluate_and_fit(
        shop, conf.get_settings().EVALUATION_DAYS * DAY, progress, blocks=blocks
    )
    whole = fit_arrays(shop, shop.history, progress, blocks)
    searches = search_choices.search_arrays(shop.searches, shop.history, conf.get_settings().MIN_CUSTOMERS)
    half_life = conf.get_settings().PURCHASE_HALF_LIFE_DAYS
    cutoff = {"training.cutoff": np.array([shop.history.now]), HALF_LIFE: np.array([float(half_life)])}
    arrays = {**whole.arrays, **evaluation.arrays, **searches, **cutoff, **text_arrays(shop.history.catalogue)}
    return shop, SnapshotArrays(arrays), evaluation


@repeat_on_lost_connection
def _active_snapshot() -> Snapshot | None:
    return Snapshot.objects.active().first()


@repeat_on_lost_connection
def training_cutoff(now: float | None = None) -> float:
    """This moment; in a shop that sold nothing within the popularity window, that of its last sale. In seconds since
    1970."""
    now = time.time() if now is None else now
    newest = purchases.newest_purchase(until=now)
    lately = now - conf.get_settings().POPULARITY_WINDOW_DAYS * DAY
    return now if newest is None or newest >= lately else newest


def _summary(shop: TrainingDataset, evaluation: Evaluation, blocks: BlockStore, begun: float) -> TrainingSummary:
    return TrainingSummary(
        lines=len(shop.history.product),
        products=shop.history.products,
        customers=len(np.unique(shop.history.customer[shop.history.customer != GUEST])),
        seconds=round(time.monotonic() - begun, 2),
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        weights=evaluation.weights,
        evaluation=evaluation.as_data(),
        orders=len(np.unique(shop.history.order)),
        effort=evaluation.effort.as_data() if evaluation.effort else None,
        blocks=blocks.shared_work(),
    )
