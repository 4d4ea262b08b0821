"""What `manage.py personalization_evaluate` does and prints; for workers, as it needs what learning needs."""

import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from personalization import conf
from personalization.management.options import parse_moment
from personalization.management.progress import progress_bars
from personalization.management.training_report import report_lines, signal_lines
from personalization.management.value_report import value_lines, value_table
from personalization.oscar import search_engine
from personalization.rank.tasks import RANKING_TASKS
from personalization.rank.training_quality import BESTSELLERS, CURRENT_RANKER, MIN_EXAMPLES, SEARCH_ENGINE
from personalization.recommenders import DAY
from personalization.train.customer_value.back_test import try_forecast
from personalization.train.customer_values import read_paid_history
from personalization.train.dataset import read_dataset
from personalization.train.evaluate import Evaluation, evaluate_and_fit
from personalization.train.metrics import DEFAULT_WEIGHTS, METRICS, EvaluationResult
from personalization.train.run import training_cutoff
from personalization.train.signal_worth import measure_signals

FIRST_RANKERS = (CURRENT_RANKER, DEFAULT_WEIGHTS, BESTSELLERS, SEARCH_ENGINE)


class Evaluating:
    """Holds out the last weeks of the shop's own orders, trains on the rest, and compares with what was bought."""

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper) -> None:
        self.stdout, self.stderr = stdout, stderr

    def evaluate(self, *, weeks: int | None, task: list[str] | None, verbosity: int, **options: Any) -> None:
        """Does what the options of the command say."""
        if weeks is not None and weeks < 1:
            raise CommandError(f"--weeks is {weeks}; expected an integer >= 1.")
        if options["value"]:
            self.evaluate_value(training_cutoff(parse_moment(options["as_of"])), options["json"], verbosity > 1)
            return
        days = 7 * weeks if weeks else conf.get_settings().EVALUATION_DAYS
        start, cpu_start = time.monotonic(), time.process_time()
        progress = progress_bars(self.stderr, verbosity)
        shop = read_dataset(training_cutoff(parse_moment(options["as_of"])), progress, search_engine.search_keys)
        evaluation = evaluate_and_fit(
            shop, days * DAY, progress, [RANKING_TASKS[name] for name in task or RANKING_TASKS]
        )
        signals = measure_signals(shop, evaluation, days * DAY, progress) if options["signals"] else None
        duration = f"{time.monotonic() - start:.0f} s, {time.process_time() - cpu_start:.0f} s of them CPU"
        for line in report_lines(evaluation):
            self.stdout.write(line)
        for name in evaluation.weights:
            self.print_task(name, evaluation, details=verbosity > 1)
        for line in signal_lines(signals) if signals else ():
            self.stdout.write(line)
        self.stdout.write(f"\n{len(shop.history.product)} order lines, {days} days held out, {duration}.")
        if options["json"]:
            numbers = {"evaluation_days": days, "weights": evaluation.weights, **evaluation.as_data()}
            self.write_json(options["json"], numbers)

    def evaluate_value(self, now: float, file: Path | None, details: bool) -> None:
        """Tries the forecast of customers on the last 90 days; nothing is stored."""
        history = read_paid_history(now)
        back_test = try_forecast(history.days, history.end) if history.users else None
        for line in value_lines(history, back_test):
            self.stdout.write(line)
        for line in value_table(back_test) if details and back_test else ():
            self.stdout.write(line)
        if file is not None:
            self.write_json(file, back_test or {})

    def print_task(self, task: str, evaluation: Evaluation, *, details: bool) -> None:
        """The table of one task: the current ranker and its two baselines; with `details` every recommender by itself,
        too."""
        self.stdout.write(f"\n{task}: {RANKING_TASKS[task].question}\n  {evaluation.weights[task]}")
        results = evaluation.results.get(task, {})
        if not results:
            self.stdout.write("  No evaluation customers: the history is too short, or too few customers return.")
            return
        others = sorted(results.keys() - set(FIRST_RANKERS), key=lambda ranker: -results[ranker].mean[METRICS[0]])
        self.stdout.write(f"  {'':34}" + "".join(f"{metric:>16}" for metric in METRICS) + f"{'coverage':>10}{'n':>7}")
        for ranker in (*(ranker for ranker in FIRST_RANKERS if ranker in results), *(others if details else ())):
            result = results[ranker]
            cells = "".join(f"{_cell(result, metric):>16}" for metric in METRICS)
            self.stdout.write(f"  {ranker:34}{cells}{result.coverage:>10.2%}{result.examples:>7}")

    def write_json(self, file: Path, numbers: dict[str, Any]) -> None:
        """Writes the numbers. CommandError when the file cannot be written."""
        try:
            file.write_text(json.dumps(numbers, indent=1))
        except OSError as error:
            raise CommandError(f"{file} could not be written: {error}") from None


def _cell(result: EvaluationResult, metric: str) -> str:
    """A mean with its interval, which means nothing where there are few examples."""
    mean = f"{result.mean[metric]:.4f}"
    return f"{mean} ± {result.interval[metric]:.4f}" if result.examples >= MIN_EXAMPLES else f"{mean}         "
