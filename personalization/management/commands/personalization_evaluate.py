"""Says how good the lists are: `manage.py personalization_evaluate`."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from personalization import conf
from personalization.management.options import parse_moment
from personalization.rank.tasks import RANKING_TASKS
from personalization.recommenders import DAY
from personalization.train.dataset import read_dataset
from personalization.train.evaluate import Evaluation, evaluate_and_fit
from personalization.train.metrics import BESTSELLERS, CURRENT_RANKER, DEFAULT_WEIGHTS, METRICS
from personalization.train.run import training_cutoff

FIRST_RANKERS = (CURRENT_RANKER, DEFAULT_WEIGHTS, BESTSELLERS)


class Command(BaseCommand):
    """Hides the last weeks of the shop's own orders, learns from the rest, and asks what was bought in them."""

    help = "Says how good the lists are, on the shop's own past. Changes nothing that serves."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--weeks", type=int, help="hold back so many weeks (default: the setting held_back_days)")
        parser.add_argument(
            "--task", action="append", choices=list(RANKING_TASKS), help="evaluate only this; may be repeated"
        )
        parser.add_argument("--as-of", metavar="DATE", help="as if it were this moment")
        parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers to this file")

    def handle(self, *args: Any, weeks: int | None, task: list[str] | None, **options: Any) -> None:
        if weeks is not None and weeks < 1:
            raise CommandError(f"--weeks is {weeks}; it takes a whole number from 1.")
        held_back = 7 * weeks if weeks else conf.get_settings().EVALUATION_DAYS
        begun, cpu = time.monotonic(), time.process_time()
        shop = read_dataset(training_cutoff(parse_moment(options["as_of"])), self.progress(options["verbosity"]))
        tasks = [RANKING_TASKS[name] for name in task or RANKING_TASKS]
        found = evaluate_and_fit(shop, held_back * DAY, self.progress(options["verbosity"]), tasks)
        took = f"{time.monotonic() - begun:.0f} s, {time.process_time() - cpu:.0f} s of them CPU"
        for kind in found.weights:
            self.show(kind, found)
        self.stdout.write(f"\n{len(shop.history.product)} order lines, {held_back} days held back, {took}.")
        if options["json"]:
            self.write(options["json"], {"evaluation_days": held_back, "weights": found.weights, **found.as_data()})

    def progress(self, verbosity: int) -> Any:
        """A Progress that shows bars to somebody who looks at a terminal."""
        hidden = True if verbosity == 0 else None
        return lambda stream, what, length: tqdm(
            stream, desc=what, total=length, disable=hidden, file=self.stderr, leave=False
        )

    def show(self, kind: str, found: Evaluation) -> None:
        """The table of one kind of question: what serves, its two rivals, then every recommender by itself."""
        self.stdout.write(f"\n{kind}: {RANKING_TASKS[kind].question}\n  {found.weights[kind]}")
        verdicts = found.results.get(kind, {})
        if not verdicts:
            self.stdout.write("  Nobody is left to judge by: the shop's history is too short, or too few come back.")
            return
        alone = sorted(verdicts.keys() - set(FIRST_RANKERS), key=lambda way: -verdicts[way].mean[METRICS[0]])
        self.stdout.write(f"  {'':34}" + "".join(f"{metric:>16}" for metric in METRICS) + f"{'coverage':>10}{'n':>7}")
        for way in (*(way for way in FIRST_RANKERS if way in verdicts), *alone):
            verdict = verdicts[way]
            cells = "".join(
                f"{f'{verdict.mean[metric]:.4f} ± {verdict.interval[metric]:.4f}':>16}" for metric in METRICS
            )
            self.stdout.write(f"  {way:34}{cells}{verdict.coverage:>10.2%}{verdict.examples:>7}")

    def write(self, file: Path, numbers: dict[str, Any]) -> None:
        try:
            file.write_text(json.dumps(numbers, indent=1))
        except OSError as error:
            raise CommandError(f"{file} could not be written: {error}") from None
